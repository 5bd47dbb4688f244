/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Which APQN serves which entry, and what is to be done with every APQN. A pure function: no I/O, no clock, no
 * messages; the same input gives the same plan.
 *
 * Words: an APQN *fits* an entry if mode, generation, MKVP and serial number are right, it is online, can be bound,
 * and has not failed; it *satisfies* the entry if it fits and needs no change: bound (accelerator), or bound and
 * associated, or being associated, with the entry's secret (EP11).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ap/apqn.h"
#include "config/config.h"
#include "uv/secrets.h"

enum plan_goal {
	PLAN_LEAVE, /* nothing to do: not bound, not ours, or undecided until identities are known */
	PLAN_KEEP,  /* satisfies its entry */
	/*
	 * Bind it if it is not bound (if that is not known: unbind it first), and read its MKVP and the serial number
	 * of its card.
	 */
	PLAN_IDENTIFY,
	PLAN_BIND,        /* accelerator: bind it for its entry */
	PLAN_ASSOCIATE,   /* EP11: bind it if it is not bound, then associate it for its entry */
	PLAN_REASSOCIATE, /* EP11: unbind, bind, associate: its present association is wrong or not known */
	PLAN_UNBIND,      /* is bound, or may be, and serves no entry */
	/*
	 * EP11: found associated with the secret of an entry that it may serve, but its identity is not fully known.
	 * It serves no entry and is left as it is.
	 */
	PLAN_UNVERIFIED,
};

enum plan_reason {
	PLAN_SATISFIED = 0, /* an APQN is assigned */
	PLAN_NO_SECRET,     /* the UV has no association secret with the entry's id */
	PLAN_NO_APQN, /* no APQN of this mode is known to be online and can be bound; detail: one not known, if any */
	PLAN_GENERATION, /* all of this mode, or with this MKVP (and serialnr), are too old; detail: the newest */
	PLAN_NO_MKVP,    /* none with this MKVP was seen; detail: one that failed before it was known, if any */
	PLAN_SERIALNR,   /* the MKVP is there, the serialnr differs or is not known; detail: one such APQN */
	PLAN_FAILED,     /* the last one that fitted has failed; detail: that APQN */
	PLAN_TAKEN,      /* all that fit serve other entries */
	PLAN_UNKNOWN,    /* an APQN that may help cannot be identified now (unavailable); detail: that APQN */
	PLAN_UNDECIDED,  /* APQNs have to be identified first (there are PLAN_IDENTIFY goals); detail: the first one */
	PLAN_NO_TIME,    /* set by provision: timed out before the chosen APQN was ready; detail: that APQN */
};

#define PLAN_NONE SIZE_MAX

struct plan_entry {
	size_t apqn; /* index of the APQN that serves it, or PLAN_NONE */
	enum plan_reason reason;
	size_t detail;         /* index of the APQN that the reason speaks of, or PLAN_NONE */
	uint32_t secret_index; /* EP11, unless reason is PLAN_NO_SECRET; as in struct secret */
};

struct plan_apqn {
	enum plan_goal goal;
	size_t entry; /* index of the entry it serves, or PLAN_NONE */
};

struct plan {
	struct plan_entry *entries; /* as many as the configuration has */
	struct plan_apqn *apqns;    /* as many as the inventory has */
	size_t satisfied;           /* entries with an APQN, those still to be brought to their state included */
	size_t identify;            /* APQNs with PLAN_IDENTIFY */
};

/*
 * Makes a plan. 0 or -ENOMEM. `apqns` must be sorted by apqn_compare. Release the plan after 0.
 */
int plan_make(const struct config *config, const struct apqn *apqns, size_t apqn_count, const struct secrets *secrets,
	      struct plan *plan);

void plan_release(struct plan *plan);
