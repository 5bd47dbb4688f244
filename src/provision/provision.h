/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Carries a plan out: learns identities, binds, associates, unbinds, all cards at once; plans anew when it has learnt
 * something or when a queue has failed; gives up in time (manual steps 5 to 8, design decisions 4 to 12).
 *
 * Shape of a run: whatever must be identified is identified, then the plan is made, then everything is brought to its
 * state. A queue that takes long to be identified does not hold up the others: the plan is made without it, and again
 * when it is known.
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
 * Works on `apqns` (sorted by apqn_compare), which afterwards hold what is known of every queue, failures included.
 * *plan is what was reached: an entry has an APQN only if this serves it now (dry run: if it would). APQNs with the
 * goal PLAN_UNBIND are still bound though they should not be. 0 or a negative errno (reported; -EINTR: stopped by a
 * signal); release the plan after 0.
 */
int provision_run(struct machine *machine, const struct provision_request *request, struct apqn *apqns,
		  size_t apqn_count, struct plan *plan);

/*
 * Reads the identities of the EP11 queues that are bound, and writes nothing. Left out are cards on which a reset or an
 * association is, or may be, under way; and whoever may have one under way soon, like another run, must not be at
 * work. Takes a few seconds at most, whatever hangs. What could not be read stays APQN_IDENTITY_UNREAD, or has a failure (a
 * warning). 0 or a negative errno, as above.
 */
int provision_identify_bound(struct machine *machine, int64_t deadline_ms, struct apqn *apqns, size_t apqn_count);
