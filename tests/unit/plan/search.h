/* SPDX-License-Identifier: MIT */
#pragma once

/* The rules of plan/internal.h, implemented literally: tries every assignment of a scene's queues to its entries. */
#include "unit/plan/scene.h"

#define STATES_MAX (1 << (ENTRIES + QUEUES))

/* These entries, served by these queues, with the highest possible number of ready pairs. */
struct state {
	uint16_t entries, queues;
	int ready;
};

static struct state states[STATES_MAX];
static size_t state_count;
static int32_t state_at[1 << ENTRIES][1 << QUEUES]; /* index of the state, or -1 */

static void add_state(unsigned int entries, unsigned int queues, int ready)
{
	int32_t *at = &state_at[entries][queues];

	if (*at < 0) {
		*at = (int32_t)state_count;
		states[state_count++] = (struct state){ (uint16_t)entries, (uint16_t)queues, ready };
	} else if (states[*at].ready < ready) {
		states[*at].ready = ready;
	}
}

static void find_states(const struct scene *scene, bool ready_only)
{
	if (state_count == 0)
		memset(state_at, 0xff, sizeof(state_at));
	for (size_t i = 0; i < state_count; i++)
		state_at[states[i].entries][states[i].queues] = -1;
	state_count = 0;
	add_state(0, 0, 0);
	for (unsigned int e = 0; e < scene->config.count; e++) {
		size_t before = state_count;
		unsigned int fitting = 0, ready = 0;

		for (unsigned int q = 0; q < scene->count; q++) {
			fitting |= (unsigned int)may_get(scene, e, q) << q;
			ready |= (unsigned int)is_ready(scene, e, q) << q;
		}
		for (unsigned int q = 0; q < scene->count; q++) {
			if (!(((ready_only ? ready : fitting) >> q) & 1))
				continue;
			for (size_t i = 0; i < before; i++) {
				if (!((states[i].queues >> q) & 1))
					add_state(states[i].entries | 1U << e, states[i].queues | 1U << q,
						  states[i].ready + (int)((ready >> q) & 1));
			}
		}
	}
}

static int size_of(unsigned int set)
{
	return __builtin_popcount(set);
}

/* Of two sets of the same size: does `a` have the earliest element that only one of them has? */
static bool is_earlier(unsigned int a, unsigned int b)
{
	unsigned int different = a ^ b;

	return (a & different & -different) != 0;
}

static bool can_serve(unsigned int entries)
{
	for (size_t i = 0; i < state_count; i++) {
		if ((states[i].entries & entries) == entries)
			return true;
	}
	return false;
}

static int largest(void)
{
	int most = 0;

	for (size_t i = 0; i < state_count; i++)
		most = size_of(states[i].entries) > most ? size_of(states[i].entries) : most;
	return most;
}

/* R of plan/internal.h. Afterwards the states of all pairs are set. */
static unsigned int find_r(const struct scene *scene)
{
	unsigned int r = 0;

	find_states(scene, true);
	for (size_t i = 0; i < state_count; i++) {
		unsigned int set = states[i].entries;

		if (size_of(set) > size_of(r) || (size_of(set) == size_of(r) && is_earlier(set, r)))
			r = set;
	}
	find_states(scene, false);
	return r;
}

static unsigned int find_s(const struct scene *scene, unsigned int r)
{
	for (unsigned int e = 0; e < scene->config.count; e++) {
		if (can_serve(r | 1U << e))
			r |= 1U << e;
	}
	return r;
}

/* The order of queues in rule 4. */
static bool is_better(const struct scene *scene, size_t a, size_t b)
{
	if (scene->apqns[a].generation != scene->apqns[b].generation)
		return scene->apqns[a].generation > scene->apqns[b].generation;
	return a < b;
}

/* Of two sets of the same size: does `a` have the best queue that only one of them has? */
static bool are_better(const struct scene *scene, unsigned int a, unsigned int b)
{
	size_t best = QUEUES;

	for (size_t q = 0; q < scene->count; q++) {
		if ((((a ^ b) >> q) & 1) && (best == QUEUES || is_better(scene, q, best)))
			best = q;
	}
	return best != QUEUES && ((a >> best) & 1);
}

/* Rules 3 and 4: the queues that serve exactly S. */
static unsigned int find_queues(const struct scene *scene, unsigned int s, int *ready)
{
	unsigned int queues = 0;

	*ready = -1;
	for (size_t i = 0; i < state_count; i++) {
		if (states[i].entries != s || states[i].ready < *ready)
			continue;
		if (states[i].ready > *ready || are_better(scene, states[i].queues, queues))
			queues = states[i].queues;
		*ready = states[i].ready;
	}
	return queues;
}

/* --- which queues must be identified --------------------------------------------------------------- */

static bool helps_any(const struct scene *scene, size_t q)
{
	for (size_t e = 0; e < scene->config.count; e++) {
		if (is_wanted(scene, e) && may_fit(&scene->entries[e], &scene->apqns[q]))
			return true;
	}
	return false;
}

/* Sets the identity to exactly what the entry needs. */
static void reveal(struct apqn *apqn, const struct config_entry *entry)
{
	apqn->identity = APQN_IDENTITY_VALID;
	memcpy(apqn->mkvp, entry->mkvp, APQN_MKVP_SIZE);
	if (!*apqn->serialnr)
		strcpy(apqn->serialnr, *entry->serialnr ? entry->serialnr : "OF NO ENTRY     ");
}

/* Would one more entry be served if this queue's identity matched some entry? */
static bool could_add_one(const struct scene *scene, size_t q, int satisfied)
{
	bool adds = false;

	for (size_t e = 0; e < scene->config.count && !adds; e++) {
		const struct config_entry *entry = &scene->entries[e];
		struct scene other = *scene;

		if (!is_wanted(scene, e) || !may_fit(entry, &scene->apqns[q]))
			continue;
		reveal(&other.apqns[q], entry);
		find_states(&other, false);
		adds = largest() > satisfied;
	}
	find_states(scene, false);
	return adds;
}

static unsigned int find_identify(const struct scene *scene, int satisfied)
{
	unsigned int bound = 0, others = 0;

	for (size_t q = 0; q < scene->count; q++) {
		const struct apqn *apqn = &scene->apqns[q];

		if (apqn->mode == APQN_MODE_EP11 && is_working(apqn) && apqn->identity == APQN_IDENTITY_UNREAD &&
		    apqn->bind == APQN_BOUND && helps_any(scene, q))
			bound |= 1U << q;
	}
	if (bound)
		return bound;
	for (size_t q = 0; q < scene->count; q++) {
		const struct apqn *apqn = &scene->apqns[q];

		if (apqn->mode == APQN_MODE_EP11 && is_working(apqn) && apqn->identity == APQN_IDENTITY_UNREAD &&
		    apqn->bind != APQN_BOUND && could_add_one(scene, q, satisfied))
			others |= 1U << q;
	}
	return others;
}
