/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdlib.h>

#include "plan/internal.h"

/*
 * The EP11 entries and APQNs of one MKVP. Entries are added one at a time, each along a cheapest alternating path: the
 * new entry takes an APQN, the entry that had it takes another one, and so on up to a free APQN. An APQN that has to be
 * changed for its entry costs 1, one that is ready costs 0. The path is searched as by Dijkstra, with potentials that
 * keep the reduced costs from being negative (Hungarian method), so that after each step no cheaper assignment of the
 * entries served so far exists. Among equally near free APQNs the path goes to the best one.
 *
 * If no path leads to a free APQN, none ever will from any APQN that was reached, since what is reached from them
 * never grows. These are dead: later searches leave them out, which keeps thousands of entries for few APQNs cheap.
 */
#define FAR INT_MAX
#define START APQN_CARDS_MAX /* where a path begins: stands for the APQN of the entry that is added */

struct seat {
	size_t apqn;
	const char *serialnr;
	size_t entry; /* PLAN_NONE: free */
	int entry_potential;
	int potential;
	uint16_t index; /* of the secret it is associated with */
	bool associated;
	bool unsure; /* may serve another entry as it is: it is not changed */
	bool dead;
	uint8_t generation;
	/* of the search under way */
	bool visited;
	unsigned int from;
	int distance;
};

struct match {
	const struct plan_context *context;
	bool ready_only;                       /* APQNs serve entries as they are or not at all */
	struct seat seats[APQN_CARDS_MAX + 1]; /* by preference; the last one is START */
	unsigned int alive[APQN_CARDS_MAX];    /* those that are not dead, in the same order */
	unsigned int alive_count;
};

static bool is_free(const struct seat *seat)
{
	return seat->entry == PLAN_NONE;
}

/* 0 or 1, or FAR if the APQN does not fit. */
static int cost(const struct match *match, const struct seat *seat, size_t entry)
{
	const struct config_entry *wish = &match->context->config->entries[entry];

	if (seat->generation < wish->min_generation || !plan_serialnr_fits(seat->serialnr, wish))
		return FAR;
	if (seat->associated && seat->index == match->context->plan->entries[entry].secret_index)
		return 0;
	return match->ready_only || seat->unsure ? FAR : 1;
}

static void begin_search(struct match *match, size_t entry)
{
	for (unsigned int i = 0; i < match->alive_count; i++) {
		match->seats[match->alive[i]].visited = false;
		match->seats[match->alive[i]].distance = FAR;
	}
	match->seats[START] = (struct seat){ .entry = entry };
}

/*
 * Goes on from the seat that was reached last: takes note of all seats that its entry could move to. Returns the seat
 * to go to next, nearest first; a free one, if the search is over; START, if there is none.
 */
static unsigned int search_on(struct match *match, unsigned int here)
{
	const struct seat *last = &match->seats[here];
	unsigned int first_free = START, best_free = START, best_taken = START;
	int nearest_free = FAR, nearest_taken = FAR;

	for (unsigned int i = 0; i < match->alive_count; i++) {
		unsigned int there = match->alive[i];
		struct seat *seat = &match->seats[there];
		int step;

		if (seat->visited)
			continue;
		step = cost(match, seat, last->entry);
		if (step != FAR) {
			step += last->distance - last->entry_potential - seat->potential;
			if (step < seat->distance) {
				seat->distance = step;
				seat->from = here;
			}
		}
		if (is_free(seat) && first_free == START)
			first_free = there;
		if (is_free(seat) && seat->distance < nearest_free) {
			nearest_free = seat->distance;
			best_free = there;
		} else if (!is_free(seat) && seat->distance < nearest_taken) {
			nearest_taken = seat->distance;
			best_taken = there;
		}
	}
	if (nearest_free < nearest_taken)
		return best_free;
	/* Equally near, a taken seat may lead on to a better free one, if there is a better one at all. */
	if (nearest_free == nearest_taken && best_free == first_free)
		return best_free;
	return best_taken;
}

/* Keeps reduced costs from being negative, and those of all pairs in the assignment at 0. */
static void raise_potentials(struct match *match, int distance)
{
	for (unsigned int i = 0; i < match->alive_count; i++) {
		struct seat *seat = &match->seats[match->alive[i]];

		if (!seat->visited)
			continue;
		seat->potential -= distance - seat->distance;
		seat->entry_potential += distance - seat->distance;
	}
	match->seats[START].entry_potential = distance;
}

static void move_up(struct match *match, unsigned int free_seat)
{
	unsigned int to = free_seat;

	while (to != START) {
		unsigned int from = match->seats[to].from;

		match->seats[to].entry = match->seats[from].entry;
		match->seats[to].entry_potential = match->seats[from].entry_potential;
		to = from;
	}
}

/* Everything that was visited can never be left for a free seat. */
static void bury(struct match *match)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < match->alive_count; i++) {
		struct seat *seat = &match->seats[match->alive[i]];

		if (seat->visited)
			seat->dead = true;
		else
			match->alive[count++] = match->alive[i];
	}
	match->alive_count = count;
}

static bool add_entry(struct match *match, size_t entry)
{
	unsigned int here = START;

	begin_search(match, entry);
	for (;;) {
		here = search_on(match, here);
		if (here == START) {
			bury(match);
			return false;
		}
		if (is_free(&match->seats[here]))
			break;
		match->seats[here].visited = true;
	}
	raise_potentials(match, match->seats[here].distance);
	move_up(match, here);
	return true;
}

static int compare_seats(const void *left, const void *right)
{
	const struct seat *a = left, *b = right;

	if (a->generation != b->generation)
		return a->generation > b->generation ? -1 : 1;
	return (a->apqn > b->apqn) - (a->apqn < b->apqn);
}

static void begin(struct match *match, const struct plan_group *group, bool ready_only)
{
	match->ready_only = ready_only;
	match->alive_count = 0;
	for (size_t i = 0; i < group->apqn_count; i++) {
		const struct apqn *apqn = &match->context->apqns[group->apqns[i]];

		if (!plan_working(apqn))
			continue;
		match->alive[match->alive_count] = match->alive_count;
		match->seats[match->alive_count++] = (struct seat){
			.apqn = group->apqns[i],
			.serialnr = apqn->serialnr,
			.entry = PLAN_NONE,
			.index = apqn->association_index,
			.associated = plan_associated(apqn, apqn->association_index),
			.unsure = plan_unsure(match->context, apqn),
			.generation = apqn->generation,
		};
	}
	qsort(match->seats, match->alive_count, sizeof(match->seats[0]), compare_seats);
}

/* Adds every entry that can be served beside those added before, and whose READY mark is as said. */
static void add_entries(struct match *match, const struct plan_group *group, const uint8_t *marks, bool ready)
{
	for (size_t i = 0; i < group->entry_count; i++) {
		size_t entry = group->entries[i];

		if (((marks[entry] & PLAN_MARK_READY) != 0) == ready)
			add_entry(match, entry);
	}
}

void plan_match_group(const struct plan_context *context, const struct plan_group *group, uint8_t *marks)
{
	struct match match = { .context = context };
	unsigned int seat_count;

	begin(&match, group, true);
	for (size_t i = 0; i < group->entry_count; i++) {
		if (add_entry(&match, group->entries[i]))
			marks[group->entries[i]] |= PLAN_MARK_READY;
	}
	begin(&match, group, false);
	seat_count = match.alive_count;
	add_entries(&match, group, marks, true);
	add_entries(&match, group, marks, false);
	for (unsigned int i = 0; i < seat_count; i++) {
		const struct seat *seat = &match.seats[i];

		if (is_free(seat))
			continue;
		plan_assign(context, seat->entry, seat->apqn);
		if (seat->dead)
			marks[seat->entry] |= PLAN_MARK_STUCK;
	}
	for (size_t i = 0; i < group->entry_count; i++) {
		if (context->plan->entries[group->entries[i]].apqn == PLAN_NONE)
			marks[group->entries[i]] |= PLAN_MARK_STUCK;
	}
}
