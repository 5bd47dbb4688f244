/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Carries a plan out: identifies, binds, associates and unbinds queues, all cards at once. Makes a new plan when it
 * has learnt something or when a queue has failed. Respects the deadline. (Steps 5 to 8 in the manual page of
 * s390-tools' pvapconfig.)
 *
 * A run identifies the queues that must be identified, makes the plan, then brings every queue to its state. The plan
 * does not wait for a slow queue: it is made without it, and again when the queue is identified.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ap/apqn.h"
#include "config/config.h"
#include "kernel/machine.h"
#include "plan/plan.h"
#include "uv/secrets.h"

struct provision_request {
	const struct config *config; /* without entries: everything is unbound */
	const struct secrets *secrets;
	bool dry_run;        /* write nothing; the plan is the result */
	bool probe;          /* dry run: may bind queues for as long as it takes to identify them */
	int64_t timeout_ms;  /* of the whole run: a part of it is kept for tidying up; 0: no limit */
	int64_t deadline_ms; /* MACHINE_FOREVER: none */
};

/*
 * Works on `apqns` (sorted by apqn_compare) and updates them, failures included. *plan is the result: an entry has an
 * APQN only if the APQN serves it now (dry run: if it would). APQNs with the goal PLAN_UNBIND are still bound though
 * they should not be. 0 or a negative errno (reported; -EINTR: stopped by a signal); release the plan after 0.
 */
int provision_run(struct machine *machine, const struct provision_request *request, struct apqn *apqns,
		  size_t apqn_count, struct plan *plan);

/*
 * Reads the identities of bound EP11 queues; writes nothing. Skips cards on which a reset or an association is, or may
 * be, under way; no other run may be active. Takes a few seconds at most. An identity that could not be read stays
 * APQN_IDENTITY_UNREAD, or the queue has a failure (a warning). 0 or a negative errno, as above.
 */
int provision_identify_bound(struct machine *machine, int64_t deadline_ms, struct apqn *apqns, size_t apqn_count);
