/* SPDX-License-Identifier: MIT */
#include "plan/internal.h"

static void say(const struct plan_context *context, size_t entry, enum plan_reason reason, size_t detail)
{
	context->plan->entries[entry].reason = reason;
	context->plan->entries[entry].detail = detail;
}

static bool suits(const struct plan_context *context, size_t apqn, size_t entry)
{
	return apqn != PLAN_NONE && plan_card_suits(&context->apqns[apqn], &context->config->entries[entry]);
}

/* An offline queue was only to be unbound; that failure is not why it serves no entry. */
static bool was_wanted(const struct apqn *apqn)
{
	return plan_failed(apqn) && (apqn->online || apqn->failure != APQN_STAYS_BOUND);
}

void plan_reason_accel(const struct plan_context *context)
{
	size_t working = PLAN_NONE, failed = PLAN_NONE, online = PLAN_NONE, unread = PLAN_NONE;

	for (size_t i = 0; i < context->apqn_count; i++) {
		const struct apqn *apqn = &context->apqns[i];

		if (unread == PLAN_NONE && plan_unread(apqn, APQN_MODE_ACCEL))
			unread = i;
		if (apqn->mode != APQN_MODE_ACCEL)
			continue;
		if (plan_working(apqn))
			plan_prefer(context, i, &working);
		if (was_wanted(apqn))
			plan_prefer(context, i, &failed);
		if (plan_online(apqn))
			plan_prefer(context, i, &online);
	}
	for (size_t i = 0; i < context->config->count; i++) {
		if (context->config->entries[i].mode != APQN_MODE_ACCEL || context->plan->entries[i].apqn != PLAN_NONE)
			continue;
		if (suits(context, working, i))
			say(context, i, PLAN_TAKEN, PLAN_NONE);
		else if (suits(context, failed, i))
			say(context, i, PLAN_FAILED, failed);
		else if (online == PLAN_NONE)
			say(context, i, PLAN_NO_APQN, unread);
		else
			say(context, i, PLAN_GENERATION, online);
	}
}

/* The EP11 queues that come close to serving an entry. */
struct clues {
	/* with its MKVP, the best ones */
	size_t taken;
	size_t failed;
	size_t too_old;  /* with the serial number, if one is asked for */
	size_t serialnr; /* of any generation */
	/* of unknown MKVP, the first ones */
	size_t unavailable;
	size_t lost;
};

static const struct clues no_clues = { PLAN_NONE, PLAN_NONE, PLAN_NONE, PLAN_NONE, PLAN_NONE, PLAN_NONE };

static void find_in_group(const struct plan_context *context, const struct plan_group *group, size_t entry,
			  struct clues *clues)
{
	const struct config_entry *wish = &context->config->entries[entry];

	for (size_t i = 0; i < group->apqn_count; i++) {
		const struct apqn *apqn = &context->apqns[group->apqns[i]];

		if (!plan_serialnr_fits(apqn->serialnr, wish))
			plan_prefer(context, group->apqns[i], &clues->serialnr);
		else if (apqn->generation < wish->min_generation)
			plan_prefer(context, group->apqns[i], &clues->too_old);
		else if (plan_working(apqn))
			plan_prefer(context, group->apqns[i], &clues->taken);
		else
			plan_prefer(context, group->apqns[i], &clues->failed);
	}
}

static void find_in_cards(const struct plan_context *context, const struct plan_cards *cards, size_t entry,
			  struct clues *clues)
{
	for (size_t i = 0; i < cards->count; i++) {
		const struct plan_card *card = &cards->list[i];

		if (clues->unavailable == PLAN_NONE && suits(context, card->unavailable, entry))
			clues->unavailable = card->unavailable;
		if (clues->lost == PLAN_NONE && suits(context, card->lost, entry))
			clues->lost = card->lost;
	}
}

/* A queue of unavailable identity that may serve an entry in place of a queue that another entry needs. */
static size_t find_relief(const struct plan_context *context, const struct plan_group *group,
			  const struct plan_cards *cards, const uint8_t *marks)
{
	struct clues clues = no_clues;

	for (size_t i = 0; i < group->entry_count && clues.unavailable == PLAN_NONE; i++) {
		if (marks[group->entries[i]] & PLAN_MARK_LACKING)
			find_in_cards(context, cards, group->entries[i], &clues);
	}
	return clues.unavailable;
}

/* `relief` is as above. */
static void conclude(const struct plan_context *context, size_t entry, const struct clues *clues,
		     const struct plan_cards *cards, size_t relief)
{
	size_t newest = cards->newest;

	if (clues->unavailable != PLAN_NONE)
		say(context, entry, PLAN_UNKNOWN, clues->unavailable);
	else if (clues->taken != PLAN_NONE && relief != PLAN_NONE)
		say(context, entry, PLAN_UNKNOWN, relief);
	else if (clues->taken != PLAN_NONE)
		say(context, entry, PLAN_TAKEN, PLAN_NONE);
	else if (clues->failed != PLAN_NONE)
		say(context, entry, PLAN_FAILED, clues->failed);
	else if (newest == PLAN_NONE)
		say(context, entry, PLAN_NO_APQN, cards->unread);
	else if (context->apqns[newest].generation < context->config->entries[entry].min_generation)
		say(context, entry, PLAN_GENERATION, newest);
	else if (clues->too_old != PLAN_NONE)
		say(context, entry, PLAN_GENERATION, clues->too_old);
	else if (clues->serialnr != PLAN_NONE)
		say(context, entry, PLAN_SERIALNR, clues->serialnr);
	else
		say(context, entry, PLAN_NO_MKVP, clues->lost);
}

void plan_reason_group(const struct plan_context *context, const struct plan_group *group,
		       const struct plan_cards *cards, const uint8_t *marks)
{
	size_t relief = find_relief(context, group, cards, marks);

	for (size_t i = 0; i < group->entry_count; i++) {
		struct clues clues = no_clues;
		size_t entry = group->entries[i];

		if (context->plan->entries[entry].apqn != PLAN_NONE)
			continue;
		find_in_group(context, group, entry, &clues);
		find_in_cards(context, cards, entry, &clues);
		conclude(context, entry, &clues, cards, relief);
	}
}
