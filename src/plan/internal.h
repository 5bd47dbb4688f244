/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the files behind plan.h share. Accelerators (accel.c) and EP11 queues (ep11.c, match.c) never compete, so each
 * mode is planned by itself, but both to the same rule. In this order of weight:
 *
 *  1. R: the largest set of entries that APQNs can serve as they are; of several such sets the one that is first in
 *     the order of the file (two sets: the one with the earliest entry that the other lacks).
 *  2. S: R, and then every entry in the order of the file as long as all of them together can be served. S is as large
 *     as any such set.
 *  3. S is served with as few changes as possible.
 *  4. With the best APQNs: newer generation, then lower card, then lower domain.
 */
#include <string.h>

#include "plan/plan.h"

struct plan_context {
	const struct config *config;
	const struct apqn *apqns;
	size_t apqn_count;
	bool serialnr_wanted; /* an EP11 entry asks for one; otherwise they are usually not read */
	struct plan *plan;
};

/* Marks of an entry while its mode is planned. */
#define PLAN_MARK_READY 1U   /* belongs to R */
#define PLAN_MARK_LACKING 2U /* one more APQN for it would satisfy one more entry */

/* Consecutive EP11 APQNs with one generation and serial number: a card. */
struct plan_card {
	size_t first, end;
	bool useful;        /* some entry could be served by one of its APQNs, if the MKVP is right */
	size_t unavailable; /* one of its APQNs whose identity is unavailable, or PLAN_NONE */
	size_t lost;        /* one that failed before its identity was known, or PLAN_NONE */
};

struct plan_cards {
	struct plan_card *list;
	size_t count;
	size_t newest; /* the best EP11 queue (rule 4) that is online, failed or not, or PLAN_NONE */
	size_t unread; /* the first one that may be EP11 and whose online state is unknown, or PLAN_NONE */
};

/* The EP11 entries of one MKVP in the order of the file, and the queues that have it: working or failed. */
struct plan_group {
	size_t *entries;
	size_t entry_count;
	size_t *apqns; /* in order */
	size_t apqn_count;
};

/* Accelerator or EP11 queue with all the attributes that its mode needs. */
static inline bool plan_supported(const struct apqn *apqn)
{
	if (apqn->bind == APQN_BIND_UNSUPPORTED)
		return false;
	if (apqn->mode == APQN_MODE_EP11)
		return apqn->association != APQN_ASSOCIATION_UNSUPPORTED;
	return apqn->mode == APQN_MODE_ACCEL;
}

static inline bool plan_online(const struct apqn *apqn)
{
	return plan_supported(apqn) && apqn->online;
}

/* Takes part in the plan. */
static inline bool plan_working(const struct apqn *apqn)
{
	return plan_online(apqn) && apqn->failure == APQN_WORKING;
}

/* Would take part, but has failed. */
static inline bool plan_failed(const struct apqn *apqn)
{
	return plan_supported(apqn) && apqn->failure != APQN_WORKING;
}

/* The entry has this serial number, or none. */
static inline bool plan_serialnr_fits(const char *serialnr, const struct config_entry *entry)
{
	return entry->serialnr[0] == '\0' || memcmp(serialnr, entry->serialnr, APQN_SERIALNR_LENGTH) == 0;
}

/* Generation and serial number fit, or the latter is unknown. State and MKVP do not matter. */
static inline bool plan_card_suits(const struct apqn *apqn, const struct config_entry *entry)
{
	return apqn->generation >= entry->min_generation &&
	       (apqn->serialnr[0] == '\0' || plan_serialnr_fits(apqn->serialnr, entry));
}

/* EP11: associated with this secret, or being associated. */
static inline bool plan_associated(const struct apqn *apqn, uint32_t secret_index)
{
	return apqn->bind == APQN_BOUND && apqn->association_index == secret_index &&
	       (apqn->association == APQN_ASSOCIATED || apqn->association == APQN_ASSOCIATION_PENDING);
}

/* An EP11 entry whose secret is in the UV. */
static inline bool plan_wanted(const struct plan_context *context, size_t entry)
{
	return context->config->entries[entry].mode == APQN_MODE_EP11 &&
	       context->plan->entries[entry].reason != PLAN_NO_SECRET;
}

/*
 * Associated with the secret of an entry that it may serve, but a part of its identity is unknown. Unbinding it could
 * break a queue in use.
 */
bool plan_unverified(const struct plan_context *context, const struct apqn *apqn);

static inline void plan_assign(const struct plan_context *context, size_t entry, size_t apqn)
{
	context->plan->entries[entry].apqn = apqn;
	context->plan->entries[entry].reason = PLAN_SATISFIED;
	context->plan->apqns[apqn].entry = entry;
}

/* Failed before its online state was known, and may have this mode. */
static inline bool plan_unread(const struct apqn *apqn, enum apqn_mode mode)
{
	return apqn->failure != APQN_WORKING && apqn->online_unknown &&
	       (apqn->mode == mode || apqn->mode == APQN_MODE_UNKNOWN);
}

/* Keeps the better one by rule 4 in *best; call it in the order of the APQNs. */
static inline void plan_prefer(const struct plan_context *context, size_t apqn, size_t *best)
{
	if (*best == PLAN_NONE || context->apqns[apqn].generation > context->apqns[*best].generation)
		*best = apqn;
}

/* Plan one mode: entries, goals and reasons. `marks` has a byte for each entry, all 0. */
void plan_accel_make(const struct plan_context *context, uint8_t *marks);
/* The same; 0 or -ENOMEM. */
int plan_ep11_make(const struct plan_context *context, uint8_t *marks);

/* Assigns the working APQNs of a group to its entries, and sets PLAN_MARK_LACKING. 0 or -ENOMEM. */
int plan_match_group(const struct plan_context *context, const struct plan_group *group, uint8_t *marks);

/* Sets the reasons of entries without an APQN. EP11: one group at a time, after all identities are known. */
void plan_reason_accel(const struct plan_context *context);
void plan_reason_group(const struct plan_context *context, const struct plan_group *group,
		       const struct plan_cards *cards, const uint8_t *marks);
