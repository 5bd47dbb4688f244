/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "plan/internal.h"
#include "util/cleanup.h"

/*
 * EP11 queues. A queue serves only entries with its MKVP, so each MKVP is matched separately. While queues have to be
 * identified, the plan only keeps what is right already: an unidentified queue may be the better choice.
 */
struct key {
	const uint8_t *mkvp;
	size_t index; /* of an entry that has a secret, or of an APQN */
	bool is_apqn;
};

struct ep11 {
	const struct plan_context *context;
	uint8_t *marks;
	struct key *keys; /* sorted */
	size_t key_count, next_key;
	struct plan_cards cards;
	struct plan_group group;  /* the one that next_group went to */
	size_t first_to_identify; /* PLAN_NONE: all identities are known, and the plan is final */
};

static void release_ep11(struct ep11 *ep11)
{
	free(ep11->keys);
	free(ep11->cards.list);
	free(ep11->group.entries);
	free(ep11->group.apqns);
}

/* Keys with one MKVP stay in the order of their indexes. */
static int compare_keys(const void *left, const void *right)
{
	const struct key *a = left, *b = right;
	int order = memcmp(a->mkvp, b->mkvp, APQN_MKVP_SIZE);

	return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

static void collect_keys(struct ep11 *ep11)
{
	const struct plan_context *context = ep11->context;

	for (size_t i = 0; i < context->config->count; i++) {
		if (plan_wanted(context, i))
			ep11->keys[ep11->key_count++] = (struct key){ context->config->entries[i].mkvp, i, false };
	}
	for (size_t i = 0; i < context->apqn_count; i++) {
		const struct apqn *apqn = &context->apqns[i];

		if (apqn->mode == APQN_MODE_EP11 && apqn->identity == APQN_IDENTITY_VALID)
			ep11->keys[ep11->key_count++] = (struct key){ apqn->mkvp, i, true };
	}
	qsort(ep11->keys, ep11->key_count, sizeof(*ep11->keys), compare_keys);
}

/* True if a queue of this card could serve an entry that has all marks in `with`. */
static bool could_serve(const struct ep11 *ep11, const struct plan_card *card, unsigned int with)
{
	const struct plan_context *context = ep11->context;

	for (size_t i = 0; i < context->config->count; i++) {
		if (plan_wanted(context, i) && (ep11->marks[i] & with) == with &&
		    plan_card_suits(&context->apqns[card->first], &context->config->entries[i]))
			return true;
	}
	return false;
}

static bool same_card(const struct apqn *a, const struct apqn *b)
{
	return a->mode == b->mode && a->card == b->card && a->generation == b->generation &&
	       strcmp(a->serialnr, b->serialnr) == 0;
}

static void note_unidentified(const struct plan_context *context, struct plan_card *card, size_t index)
{
	const struct apqn *apqn = &context->apqns[index];
	bool unknown = apqn->identity == APQN_IDENTITY_UNREAD || apqn->identity == APQN_IDENTITY_UNAVAILABLE;

	if (plan_working(apqn) && apqn->identity == APQN_IDENTITY_UNAVAILABLE && card->unavailable == PLAN_NONE)
		card->unavailable = index;
	if (plan_failed(apqn) && unknown && card->lost == PLAN_NONE)
		card->lost = index;
}

static void collect_cards(struct ep11 *ep11)
{
	const struct plan_context *context = ep11->context;
	const struct apqn *apqns = context->apqns;
	struct plan_cards *cards = &ep11->cards;
	struct plan_card *card = NULL;

	for (size_t i = 0; i < context->apqn_count; i++) {
		if (cards->unread == PLAN_NONE && plan_unread(&apqns[i], APQN_MODE_EP11))
			cards->unread = i;
		if (apqns[i].mode != APQN_MODE_EP11)
			continue;
		if (!card || card->end != i || !same_card(&apqns[i - 1], &apqns[i])) {
			card = &cards->list[cards->count++];
			*card = (struct plan_card){ .first = i, .unavailable = PLAN_NONE, .lost = PLAN_NONE };
			card->useful = could_serve(ep11, card, 0);
		}
		card->end = i + 1;
		note_unidentified(context, card, i);
		if (plan_online(&apqns[i]))
			plan_prefer(context, i, &cards->newest);
	}
}

/* One failed queue of a card is enough for the reasons. */
static void add_to_group(struct ep11 *ep11, size_t index)
{
	const struct apqn *apqn = &ep11->context->apqns[index];
	struct plan_group *group = &ep11->group;
	const struct apqn *last = group->apqn_count ? &ep11->context->apqns[group->apqns[group->apqn_count - 1]] : NULL;

	if (plan_working(apqn) || (plan_failed(apqn) && !(last && plan_failed(last) && same_card(last, apqn))))
		group->apqns[group->apqn_count++] = index;
}

/* Goes to the next MKVP of an entry or APQN; false after the last. */
static bool next_group(struct ep11 *ep11)
{
	struct plan_group *group = &ep11->group;
	size_t first = ep11->next_key;

	group->entry_count = group->apqn_count = 0;
	for (; ep11->next_key < ep11->key_count; ep11->next_key++) {
		const struct key *key = &ep11->keys[ep11->next_key];

		if (memcmp(key->mkvp, ep11->keys[first].mkvp, APQN_MKVP_SIZE) != 0)
			break;
		if (key->is_apqn)
			add_to_group(ep11, key->index);
		else
			group->entries[group->entry_count++] = key->index;
	}
	return ep11->next_key > first;
}

static int match_groups(struct ep11 *ep11)
{
	while (next_group(ep11)) {
		if (plan_match_group(ep11->context, &ep11->group, ep11->marks) < 0)
			return -ENOMEM;
	}
	ep11->next_key = 0;
	return 0;
}

/* Chooses the queues of a card whose identity is to be read now: those that are bound, or those that are not. */
static void identify(struct ep11 *ep11, const struct plan_card *card, bool bound)
{
	const struct plan_context *context = ep11->context;

	for (size_t i = card->first; i < card->end; i++) {
		const struct apqn *apqn = &context->apqns[i];

		if (!plan_working(apqn) || apqn->identity != APQN_IDENTITY_UNREAD ||
		    (apqn->bind == APQN_BOUND) != bound)
			continue;
		context->plan->apqns[i].goal = PLAN_IDENTIFY;
		if (ep11->first_to_identify == PLAN_NONE)
			ep11->first_to_identify = i;
	}
}

/* Bound queues first, because that changes nothing. Others are bound only if an entry needs it. */
static void identify_all(struct ep11 *ep11)
{
	for (int bound = 1; bound >= 0 && ep11->first_to_identify == PLAN_NONE; bound--) {
		for (size_t i = 0; i < ep11->cards.count; i++) {
			const struct plan_card *card = &ep11->cards.list[i];

			if (bound ? card->useful : could_serve(ep11, card, PLAN_MARK_LACKING))
				identify(ep11, card, bound);
		}
	}
}

static enum plan_goal serving_goal(const struct apqn *apqn, uint32_t secret_index)
{
	if (plan_associated(apqn, secret_index))
		return PLAN_KEEP;
	if (apqn->bind == APQN_UNBOUND || (apqn->bind == APQN_BOUND && apqn->association == APQN_UNASSOCIATED))
		return PLAN_ASSOCIATE;
	return PLAN_REASSOCIATE;
}

/* For a queue that serves no entry and is not identified now. */
static enum plan_goal spare_goal(const struct ep11 *ep11, const struct apqn *apqn, bool useful)
{
	bool known = apqn->identity == APQN_IDENTITY_VALID || apqn->identity == APQN_IDENTITY_NONE;

	if (apqn->bind == APQN_UNBOUND)
		return PLAN_LEAVE;
	if (useful && plan_unverified(ep11->context, apqn))
		return PLAN_UNVERIFIED;
	if (!known && !useful)
		return PLAN_UNBIND;
	if (ep11->first_to_identify != PLAN_NONE || apqn->identity == APQN_IDENTITY_UNAVAILABLE)
		return PLAN_LEAVE;
	return PLAN_UNBIND;
}

static void set_goal(const struct ep11 *ep11, size_t index, bool useful)
{
	const struct apqn *apqn = &ep11->context->apqns[index];
	struct plan *plan = ep11->context->plan;
	struct plan_apqn *planned = &plan->apqns[index];

	if (!plan_working(apqn) || planned->goal == PLAN_IDENTIFY)
		return;
	if (planned->entry != PLAN_NONE) {
		planned->goal = serving_goal(apqn, plan->entries[planned->entry].secret_index);
		if (ep11->first_to_identify == PLAN_NONE || planned->goal == PLAN_KEEP)
			return;
		plan->entries[planned->entry].apqn = PLAN_NONE;
		planned->entry = PLAN_NONE;
	}
	planned->goal = spare_goal(ep11, apqn, useful);
}

static void set_goals(const struct ep11 *ep11)
{
	for (size_t i = 0; i < ep11->cards.count; i++) {
		const struct plan_card *card = &ep11->cards.list[i];

		for (size_t index = card->first; index < card->end; index++)
			set_goal(ep11, index, card->useful);
	}
}

static void set_reasons(struct ep11 *ep11)
{
	const struct plan_context *context = ep11->context;

	for (size_t i = 0; i < context->config->count; i++) {
		struct plan_entry *entry = &context->plan->entries[i];

		if (!plan_wanted(context, i) || entry->apqn != PLAN_NONE)
			continue;
		entry->reason = PLAN_UNDECIDED;
		entry->detail = ep11->first_to_identify;
	}
	while (ep11->first_to_identify == PLAN_NONE && next_group(ep11))
		plan_reason_group(context, &ep11->group, &ep11->cards, ep11->marks);
}

int plan_ep11_make(const struct plan_context *context, uint8_t *marks)
{
	size_t entries = context->config->count + 1, apqns = context->apqn_count + 1;
	cleanup_(release_ep11) struct ep11 ep11 = {
		.context = context,
		.marks = marks,
		.keys = calloc(entries + apqns, sizeof(*ep11.keys)),
		.cards = { .list = calloc(apqns, sizeof(*ep11.cards.list)), .newest = PLAN_NONE, .unread = PLAN_NONE },
		.group.entries = calloc(entries, sizeof(*ep11.group.entries)),
		.group.apqns = calloc(apqns, sizeof(*ep11.group.apqns)),
		.first_to_identify = PLAN_NONE,
	};

	if (!ep11.keys || !ep11.cards.list || !ep11.group.entries || !ep11.group.apqns)
		return -ENOMEM;
	collect_keys(&ep11);
	collect_cards(&ep11);
	if (match_groups(&ep11) < 0)
		return -ENOMEM;
	identify_all(&ep11);
	set_goals(&ep11);
	set_reasons(&ep11);
	return 0;
}
