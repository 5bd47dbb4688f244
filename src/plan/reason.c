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

/* The first queue of unknown MKVP that may serve the entry: `lost`, one that failed, else an unavailable one. */
static size_t find_unknown(const struct plan_context *context, const struct plan_cards *cards, size_t entry, bool lost)
{
	for (size_t i = 0; i < cards->count; i++) {
		size_t apqn = lost ? cards->list[i].lost : cards->list[i].unavailable;

		if (suits(context, apqn, entry))
			return apqn;
	}
	return PLAN_NONE;
}

/* A queue of unavailable identity that may serve an entry in place of a queue that another entry needs. */
static size_t find_relief(const struct plan_context *context, const struct plan_group *group,
			  const struct plan_cards *cards, const uint8_t *marks)
{
	size_t found = PLAN_NONE;

	for (size_t i = 0; i < group->entry_count && found == PLAN_NONE; i++) {
		if (marks[group->entries[i]] & PLAN_MARK_LACKING)
			found = find_unknown(context, cards, group->entries[i], false);
	}
	return found;
}

/* `relief` is as above. The best queues with the MKVP of the entry come closest to serving it. */
static void conclude(const struct plan_context *context, const struct plan_group *group, const struct plan_cards *cards,
		     size_t entry, size_t relief)
{
	const struct config_entry *wish = &context->config->entries[entry];
	size_t unavailable = find_unknown(context, cards, entry, false), newest = cards->newest;
	size_t taken = PLAN_NONE, failed = PLAN_NONE, too_old = PLAN_NONE, serialnr = PLAN_NONE;

	for (size_t i = 0; i < group->apqn_count; i++) {
		const struct apqn *apqn = &context->apqns[group->apqns[i]];

		if (!plan_serialnr_fits(apqn->serialnr, wish))
			plan_prefer(context, group->apqns[i], &serialnr);
		else if (apqn->generation < wish->min_generation)
			plan_prefer(context, group->apqns[i], &too_old);
		else
			plan_prefer(context, group->apqns[i], plan_working(apqn) ? &taken : &failed);
	}
	if (unavailable != PLAN_NONE)
		say(context, entry, PLAN_UNKNOWN, unavailable);
	else if (taken != PLAN_NONE && relief != PLAN_NONE)
		say(context, entry, PLAN_UNKNOWN, relief);
	else if (taken != PLAN_NONE)
		say(context, entry, PLAN_TAKEN, PLAN_NONE);
	else if (failed != PLAN_NONE)
		say(context, entry, PLAN_FAILED, failed);
	else if (newest == PLAN_NONE)
		say(context, entry, PLAN_NO_APQN, cards->unread);
	else if (context->apqns[newest].generation < wish->min_generation)
		say(context, entry, PLAN_GENERATION, newest);
	else if (too_old != PLAN_NONE)
		say(context, entry, PLAN_GENERATION, too_old);
	else if (serialnr != PLAN_NONE)
		say(context, entry, PLAN_SERIALNR, serialnr);
	else
		say(context, entry, PLAN_NO_MKVP, find_unknown(context, cards, entry, true));
}

void plan_reason_group(const struct plan_context *context, const struct plan_group *group,
		       const struct plan_cards *cards, const uint8_t *marks)
{
	size_t relief = find_relief(context, group, cards, marks);

	for (size_t i = 0; i < group->entry_count; i++) {
		if (context->plan->entries[group->entries[i]].apqn == PLAN_NONE)
			conclude(context, group, cards, group->entries[i], relief);
	}
}
