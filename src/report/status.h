/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The result of the early-boot run as text. The run writes it next to the JSON report, and `pvapconfig --status` prints it.
 * Its first line says whether the run succeeded.
 */
#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "report/report.h"

#define STATUS_FILE_SIZE_MAX (16 * 1024 * 1024) /* bytes; also of the JSON report */

/* Writes options->status_path; the file is readable by its owner only. 0 or negative errno, not reported. */
int status_write(const struct report *report, const struct options *options, int64_t duration_ms, bool success);

/*
 * Prints the text of `path`, or the JSON report `json_path`, byte by byte, if that is not NULL. Sets *success to the result
 * of the run, from the text. 0, or negative errno (reported) and nothing is printed.
 */
int status_show(const char *path, const char *json_path, bool *success);
