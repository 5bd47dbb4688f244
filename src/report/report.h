/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The result of a run: as exit status, as messages, and as JSON. The schema of the JSON report is
 * doc/report.schema.json; its version changes when a field changes its meaning or is removed. A new field also belongs
 * into the schema (`required`, too), doc/report.md and pvapconfig(8). tests/check-report compares them, and wants random
 * runs that show each of its values.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ap/apqn.h"
#include "config/config.h"
#include "options.h"
#include "plan/plan.h"

struct report {
	const struct options *options;
	const struct config *config;
	const struct apqn *apqns;
	size_t apqn_count;
	const struct plan *plan;       /* of provision_run; NULL if the run ended before, and for a list */
	const struct secrets *secrets; /* never NULL */
};

/*
 * True if enough entries are satisfied: all with strict, else one. In a dry run, an entry that cannot be decided
 * without a bind does not count as a failure.
 */
bool report_is_success(const struct report *report);

/* Dry run: whether the secret of entry `index` is missing, and a request would add it. */
bool report_needs_request(const struct report *report, size_t index);

/*
 * The names that the configuration has for secrets, by the index of the secret: REPORT_SECRETS of them, NULL for one
 * without a name. To be freed. NULL without memory.
 */
#define REPORT_SECRETS (UINT16_MAX + 1)
const char **report_secret_names(const struct report *report);

/*
 * Prints why entries are not satisfied (errors if the run failed, else warnings), and with --verbose which APQNs serve
 * the others.
 */
void report_print(const struct report *report);

/* The result of --unbind: prints which APQNs are or may be still bound, and returns true if there are none. */
bool report_unbind(const struct report *report);

/*
 * Writes options->report_path and options->status_path (see below), if they are set, and to standard output with
 * options->json. The files are readable by their owner only, because they repeat the configuration. A failure is a
 * warning: no run depends on it. For standard output see log_output_error().
 */
void report_json_write(const struct report *report, int64_t duration_ms, bool success);

/* The report of a run that failed early, with the last error that was reported. */
void report_json_write_failure(const struct options *options);

/*
 * The result of the early-boot run as text (status.c). The run writes it next to the JSON report, and `pvapconfig
 * --status` prints it. Its first line says whether the run succeeded.
 */
#define STATUS_FILE_SIZE_MAX (16 * 1024 * 1024) /* bytes; also of the JSON report */

/* Writes options->status_path; the file is readable by its owner only. 0 or negative errno, not reported. */
int status_write(const struct report *report, int64_t duration_ms, bool success);

/*
 * Prints the text of `path`, or the JSON report `json_path`, byte by byte, if that is not NULL. Sets *success to the
 * result of the run, from the text. 0, or negative errno (reported) and nothing is printed.
 */
int status_show(const char *path, const char *json_path, bool *success);

/* --- why an entry is not satisfied (reason.c) --------------------------------------------------------- */

#define REASON_SIZE 320
#define REASONS_MAX 3
#define NEAR_MISS_PAIRS_MAX (1 << 22) /* of an entry and an APQN; the time of a report has a limit, too */

/*
 * Formats the reason, then near misses, which are the APQNs that come closest to the entry, best first, equal ones in
 * their order: "APQN 11.0009 has the master key, but it is offline". The APQN that the reason names is not among them.
 * Returns how many texts there are: none without a plan, or for an entry that is satisfied; only the reason if no APQN
 * could satisfy the entry, or that is not known, and for entries after the first NEAR_MISS_PAIRS_MAX pairs.
 */
size_t reason_find(const struct report *report, size_t entry, char texts[REASONS_MAX][REASON_SIZE]);

/* --- the table of all APQNs (list.c): their state for --list, with the planned state for --dry-run ---- */

/* Prints the table of a list. `unread`: why no identity was read at all, or NULL. False without memory, reported. */
bool list_print(const struct report *report, const char *unread);

/* After a dry run: the table with what a real run would change. */
void list_print_planned(const struct report *report);
