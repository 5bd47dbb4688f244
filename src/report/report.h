/* SPDX-License-Identifier: MIT */
#pragma once

/* What a run has come to: for people, and as exit status (manual step 9). */
#include <stdbool.h>
#include <stddef.h>

#include "ap/apqn.h"
#include "config/config.h"
#include "plan/plan.h"

struct report {
	const struct config *config;
	const struct apqn *apqns;
	size_t apqn_count;
	const struct plan *plan;       /* of provision_run */
	const struct secrets *secrets; /* never NULL */
	bool strict;
	bool dry_run;
	bool probe; /* the dry run bound queues to identify them */
};

/*
 * True if enough entries are satisfied: all with strict, else one. In a dry run an entry that cannot be known without a
 * bind does not count as a failure.
 */
bool report_is_success(const struct report *report);

/*
 * The name of the secret that an APQN is associated with, where an entry of the configuration has it, or NULL. The secret
 * is found in the list of the Ultravisor by its index, the entry by the secret's id.
 */
const char *report_secret_name(const struct report *report, const struct apqn *apqn);

/* Whether the secret of entry `index` is not there yet, but would be added by a request. In a dry run only. */
bool report_needs_request(const struct report *report, size_t index);

/* Why entry `index` is not satisfied, in words. */
#define REPORT_REASON_SIZE 256
void report_format_reason(const struct report *report, size_t index, char reason[REPORT_REASON_SIZE]);

/*
 * Says why entries are not satisfied (errors if the run failed, else warnings) and, verbosely, which APQNs serve the
 * others.
 */
void report_print(const struct report *report);

/* The result of --unbind: says which APQNs are still bound, or may be, and returns true if none is. */
bool report_unbind(const struct report *report);
