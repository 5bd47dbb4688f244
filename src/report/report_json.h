/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a run has come to, for programs and for the next stage of the boot. The schema is doc/report.schema.json; its
 * version changes when a field changes its meaning or goes away.
 */
#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "report/report.h"

#define REPORT_JSON_VERSION 1

/*
 * Writes options->report_path and options->status_path (status.h), if there are any, and to standard output, if options->json asks for it. `report->plan` is
 * NULL if the run did not get so far. The file can be read by its owner only: a configuration may be private, and this
 * repeats it. No run depends on it: what goes wrong is a warning. 0 or negative errno; what standard output does not
 * take is left to log_output_error().
 */
int report_json_write(const struct report *report, const struct options *options, int64_t duration_ms, bool success);

/* The report of a run that came to nothing, with the last error that was reported. */
void report_json_write_failure(const struct options *options);
