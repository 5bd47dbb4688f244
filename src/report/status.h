/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The result of early boot as text. The run writes it beside its JSON report, and `pvapconfig --status` prints it. The
 * first line says whether the run succeeded.
 */
#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "report/report.h"

#define STATUS_FILE_SIZE_MAX (16 * 1024 * 1024) /* bytes; of the JSON report, too */

/* Writes options->status_path; the file is readable by its owner only. 0 or negative errno, not reported. */
int status_write(const struct report *report, const struct options *options, int64_t duration_ms, bool success);

/*
 * Prints the text, or the JSON report as it is if `json_path` is not NULL. 0 or negative errno, reported; nothing was
 * printed then. *success is the result of the run, which the text tells.
 */
int status_show(const char *path, const char *json_path, bool *success);
