/* SPDX-License-Identifier: MIT */
#include "plan/internal.h"

/*
 * Accelerators differ in generation and in being bound ("ready") or not, entries in the generation that they want at
 * least, so counts for each generation g are all that is needed. Entries and APQNs fit together nested: by Hall's
 * theorem a set of entries can be served if, for every g, no more of them want g or newer than there are APQNs
 * of g or newer. Seen from the other side, a set of APQNs can all be used if, for every g, no more of them are g or
 * older than there are entries that are content with g or less.
 *
 * Whichever APQNs can all be used and whichever entries can all be served can be brought together, if they are
 * equally many (Mendelsohn and Dulmage). So both are chosen each for itself, best ones first, and only then paired.
 */
#define GENERATIONS (UINT8_MAX + 1)

enum { BARE, READY, CLASSES };

struct accel {
	const struct plan_context *context;
	uint8_t *marks;                       /* for each entry */
	size_t present[CLASSES][GENERATIONS]; /* how many APQNs there are */
	size_t usable[CLASSES][GENERATIONS];  /* how many of them, from the first on, are chosen and not yet assigned */
	size_t next[CLASSES][GENERATIONS];    /* those before this APQN are assigned */
	size_t wanted[GENERATIONS];           /* entries in S that want this generation or newer */
	size_t slack[GENERATIONS];            /* how many more can be taken before a count is used up */
};

/* In S, beside PLAN_MARK_READY. */
#define MARK_SERVED 4U

static bool takes_part(const struct apqn *apqn)
{
	return apqn->mode == APQN_MODE_ACCEL && plan_working(apqn);
}

static int class_of(const struct apqn *apqn)
{
	return apqn->bind == APQN_BOUND ? READY : BARE;
}

static void count_queues(struct accel *accel)
{
	for (size_t i = 0; i < accel->context->apqn_count; i++) {
		const struct apqn *apqn = &accel->context->apqns[i];

		if (takes_part(apqn))
			accel->present[class_of(apqn)][apqn->generation]++;
	}
}

/* There is one more, or it would not be among the usable ones. */
static size_t next_queue(struct accel *accel, int rank, int generation)
{
	const struct apqn *apqns = accel->context->apqns;
	size_t *next = &accel->next[rank][generation];

	while (!takes_part(&apqns[*next]) || class_of(&apqns[*next]) != rank || apqns[*next].generation != generation)
		(*next)++;
	return (*next)++;
}

/* For each generation, how many more of these APQNs are that new or newer than are wanted already. */
static void reset_slack(struct accel *accel, size_t counts[CLASSES][GENERATIONS], bool bare)
{
	size_t newer = 0;

	for (int g = GENERATIONS - 1; g >= 0; g--) {
		newer += counts[READY][g] + (bare ? counts[BARE][g] : 0);
		newer -= accel->wanted[g];
		accel->slack[g] = newer;
	}
}

/* Takes one from each count from `first` to `last`, if none is used up. */
static bool take(struct accel *accel, int first, int last)
{
	for (int g = first; g <= last; g++) {
		if (accel->slack[g] == 0)
			return false;
	}
	for (int g = first; g <= last; g++)
		accel->slack[g]--;
	return true;
}

/* Marks every entry that can be served together with those before it, among those with one mark and without another. */
static void take_entries(struct accel *accel, unsigned int with, unsigned int without, unsigned int mark)
{
	const struct config *config = accel->context->config;

	for (size_t i = 0; i < config->count; i++) {
		const struct config_entry *entry = &config->entries[i];

		if (entry->mode != APQN_MODE_ACCEL || (accel->marks[i] & (with | without)) != with)
			continue;
		if (take(accel, 0, entry->min_generation))
			accel->marks[i] |= mark;
	}
}

static void choose_entries(struct accel *accel)
{
	const struct config *config = accel->context->config;

	reset_slack(accel, accel->present, false);
	take_entries(accel, 0, 0, PLAN_MARK_READY);
	reset_slack(accel, accel->present, true);
	take_entries(accel, PLAN_MARK_READY, 0, MARK_SERVED);
	take_entries(accel, 0, PLAN_MARK_READY, MARK_SERVED);
	for (size_t i = 0; i < config->count; i++) {
		if (accel->marks[i] & MARK_SERVED)
			accel->wanted[config->entries[i].min_generation]++;
	}
}

static void choose_queues(struct accel *accel)
{
	size_t content = 0;

	for (int g = 0; g < GENERATIONS; g++) {
		content += accel->wanted[g];
		accel->slack[g] = content;
	}
	for (int rank = READY; rank >= BARE; rank--) {
		for (int g = GENERATIONS - 1; g >= 0; g--) {
			while (accel->usable[rank][g] < accel->present[rank][g] && take(accel, g, GENERATIONS - 1))
				accel->usable[rank][g]++;
		}
	}
}

/* The best of the chosen APQNs that leaves enough for the others. */
static size_t pick_queue(struct accel *accel, uint8_t min_generation)
{
	for (int rank = READY; rank >= BARE; rank--) {
		for (int g = GENERATIONS - 1; g >= min_generation; g--) {
			if (accel->usable[rank][g] == 0 || !take(accel, min_generation + 1, g))
				continue;
			accel->usable[rank][g]--;
			return next_queue(accel, rank, g);
		}
	}
	return PLAN_NONE;
}

static void pair(struct accel *accel)
{
	const struct plan_context *context = accel->context;

	reset_slack(accel, accel->usable, true);
	for (size_t i = 0; i < context->config->count; i++) {
		size_t apqn;

		if (!(accel->marks[i] & MARK_SERVED))
			continue;
		apqn = pick_queue(accel, context->config->entries[i].min_generation);
		if (apqn != PLAN_NONE)
			plan_assign(context, i, apqn);
	}
}

static void set_goals(const struct plan_context *context)
{
	for (size_t i = 0; i < context->apqn_count; i++) {
		const struct apqn *apqn = &context->apqns[i];
		struct plan_apqn *planned = &context->plan->apqns[i];

		if (!takes_part(apqn))
			continue;
		if (planned->entry != PLAN_NONE)
			planned->goal = apqn->bind == APQN_BOUND ? PLAN_KEEP : PLAN_BIND;
		else
			planned->goal = apqn->bind == APQN_UNBOUND ? PLAN_LEAVE : PLAN_UNBIND;
	}
}

void plan_accel_make(const struct plan_context *context, uint8_t *marks)
{
	struct accel accel = { .context = context, .marks = marks };

	count_queues(&accel);
	choose_entries(&accel);
	choose_queues(&accel);
	pair(&accel);
	set_goals(context);
	plan_reason_accel(context);
}
