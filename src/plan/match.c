/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "plan/internal.h"
#include "util/cleanup.h"

/*
 * The EP11 entries and APQNs of one MKVP, brought together by the Hungarian method in its form of successive shortest
 * augmenting paths (Kuhn 1955, Munkres 1957; with Dijkstra's search and potentials: Edmonds and Karp 1972).
 *
 * Entries are added one at a time. Each needs a seat (an APQN): the new entry takes one, the entry that sat there moves
 * to another, and so on until one moves to a free seat. A seat whose APQN has to be changed for its entry costs 1, one
 * that is ready costs 0. The cheapest such path is searched for as by Dijkstra. The potentials of entries and seats
 * keep the reduced costs (cost - potential of the entry - potential of the seat) from being negative, so that after
 * each step no cheaper assignment of the entries seated so far exists. Among equally cheap paths the one to the best
 * free seat wins.
 *
 * Two shortcuts keep thousands of entries and APQNs cheap:
 * - If no path leads to a free seat, none ever will from any seat that was reached. These are dead: later searches
 *   leave them out.
 * - APQNs without an association, of one generation and serial number, differ in nothing but their order. Only the
 *   first free one of them takes part in the search.
 */
#define FAR INT_MAX
#define NO_SEAT UINT_MAX

struct seat {
	size_t apqn;
	const char *serialnr;
	size_t entry; /* PLAN_NONE: free */
	int entry_potential;
	int potential;
	unsigned int next; /* takes part in the search as soon as this seat is taken; NO_SEAT: none */
	uint16_t index;    /* of the secret it is associated with */
	uint8_t generation;
	bool associated;
	bool unverified; /* may serve another entry as it is: it is not changed */
	bool dead;
	/* of the current search */
	bool visited;
	unsigned int from; /* the seat before it on the path */
	int distance;
};

struct match {
	const struct plan_context *context;
	bool ready_only;      /* APQNs serve entries as they are or not at all */
	struct seat *seats;   /* by preference; behind the last one, `start` */
	unsigned int start;   /* where a path begins: stands for the seat of the entry that is added */
	unsigned int *active; /* the seats that take part, by preference */
	unsigned int active_count;
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
	return match->ready_only || seat->unverified ? FAR : 1;
}

/* --- the search for a path ------------------------------------------------------------------------ */

static void begin_search(struct match *match, size_t entry)
{
	for (unsigned int i = 0; i < match->active_count; i++) {
		match->seats[match->active[i]].visited = false;
		match->seats[match->active[i]].distance = FAR;
	}
	match->seats[match->start] = (struct seat){ .entry = entry };
}

/* The entry of this seat could move to others: these are perhaps nearer by way of it. */
static void relax(struct match *match, unsigned int here)
{
	const struct seat *last = &match->seats[here];

	for (unsigned int i = 0; i < match->active_count; i++) {
		struct seat *seat = &match->seats[match->active[i]];
		int step = seat->visited ? FAR : cost(match, seat, last->entry);

		if (step == FAR)
			continue;
		step += last->distance - last->entry_potential - seat->potential;
		if (step < seat->distance) {
			seat->distance = step;
			seat->from = here;
		}
	}
}

static int distance_to(const struct match *match, unsigned int seat)
{
	return seat == NO_SEAT ? FAR : match->seats[seat].distance;
}

/*
 * The seat to go to next: the nearest one not visited, of equally near ones the first. If it is free, the search is
 * over; NO_SEAT: there is no path. A free seat gives way to a taken one as near, which may lead on to a better free
 * one, unless it is the best itself.
 */
static unsigned int choose(const struct match *match)
{
	unsigned int free = NO_SEAT, taken = NO_SEAT, best_free = NO_SEAT;

	for (unsigned int i = 0; i < match->active_count; i++) {
		const struct seat *seat = &match->seats[match->active[i]];
		unsigned int *nearest = is_free(seat) ? &free : &taken;

		if (is_free(seat) && best_free == NO_SEAT)
			best_free = match->active[i];
		if (!seat->visited && seat->distance < distance_to(match, *nearest))
			*nearest = match->active[i];
	}
	if (distance_to(match, free) != distance_to(match, taken))
		return distance_to(match, free) < distance_to(match, taken) ? free : taken;
	return free == best_free ? free : taken;
}

/* The free seat at the end of the best path for this entry, or NO_SEAT. */
static unsigned int search(struct match *match, size_t entry)
{
	unsigned int here = match->start;

	begin_search(match, entry);
	for (;;) {
		relax(match, here);
		here = choose(match);
		if (here == NO_SEAT || is_free(&match->seats[here]))
			return here;
		match->seats[here].visited = true;
	}
}

/* --- what a search comes to ----------------------------------------------------------------------- */

/* Keeps reduced costs from being negative, and those of all entries in their seats at 0. */
static void raise_potentials(struct match *match, int distance)
{
	for (unsigned int i = 0; i < match->active_count; i++) {
		struct seat *seat = &match->seats[match->active[i]];

		if (!seat->visited)
			continue;
		seat->potential -= distance - seat->distance;
		seat->entry_potential += distance - seat->distance;
	}
	match->seats[match->start].entry_potential = distance;
}

/* All on the path to this free seat move one seat on, and the new entry takes the first one. */
static void move_up(struct match *match, unsigned int to)
{
	while (to != match->start) {
		unsigned int from = match->seats[to].from;

		match->seats[to].entry = match->seats[from].entry;
		match->seats[to].entry_potential = match->seats[from].entry_potential;
		to = from;
	}
}

/* Lets a seat take part, at its place. */
static void let_in(struct match *match, unsigned int seat)
{
	unsigned int place = match->active_count++;

	for (; place > 0 && match->active[place - 1] > seat; place--)
		match->active[place] = match->active[place - 1];
	match->active[place] = seat;
}

/* The entries of all seats that were visited can never move to a free one. */
static void remove_dead(struct match *match)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < match->active_count; i++) {
		struct seat *seat = &match->seats[match->active[i]];

		if (seat->visited)
			seat->dead = true;
		else
			match->active[count++] = match->active[i];
	}
	match->active_count = count;
}

static bool add_entry(struct match *match, size_t entry)
{
	unsigned int seat = search(match, entry);

	if (seat == NO_SEAT) {
		remove_dead(match);
		return false;
	}
	raise_potentials(match, match->seats[seat].distance);
	move_up(match, seat);
	if (match->seats[seat].next != NO_SEAT)
		let_in(match, match->seats[seat].next);
	return true;
}

/* --- a group -------------------------------------------------------------------------------------- */

static int compare_seats(const void *left, const void *right)
{
	const struct seat *a = left, *b = right;

	if (a->generation != b->generation)
		return a->generation > b->generation ? -1 : 1;
	return (a->apqn > b->apqn) - (a->apqn < b->apqn);
}

static void fill_seats(struct match *match, const struct plan_group *group)
{
	match->start = 0;
	for (size_t i = 0; i < group->apqn_count; i++) {
		const struct apqn *apqn = &match->context->apqns[group->apqns[i]];

		if (!plan_working(apqn))
			continue;
		match->seats[match->start++] = (struct seat){
			.apqn = group->apqns[i],
			.serialnr = apqn->serialnr,
			.entry = PLAN_NONE,
			.next = NO_SEAT,
			.index = apqn->association_index,
			.associated = plan_associated(apqn, apqn->association_index),
			.unverified = plan_unverified(match->context, apqn),
			.generation = apqn->generation,
		};
	}
	qsort(match->seats, match->start, sizeof(match->seats[0]), compare_seats);
}

/* Two seats without an association that differ only in their order. */
static bool are_alike(const struct seat *one, const struct seat *other)
{
	return one->generation == other->generation && strcmp(one->serialnr, other->serialnr) == 0;
}

static void begin(struct match *match, const struct plan_group *group, bool ready_only)
{
	struct seat *plain = NULL; /* the last one without an association */

	match->ready_only = ready_only;
	match->active_count = 0;
	fill_seats(match, group);
	for (unsigned int i = 0; i < match->start; i++) {
		struct seat *seat = &match->seats[i];

		if (!seat->associated && plain && are_alike(plain, seat))
			plain->next = i;
		else if (seat->associated || !ready_only)
			match->active[match->active_count++] = i;
		if (!seat->associated)
			plain = seat;
	}
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

static void take_assignment(const struct match *match, const struct plan_group *group, uint8_t *marks)
{
	for (unsigned int i = 0; i < match->start; i++) {
		const struct seat *seat = &match->seats[i];

		if (is_free(seat))
			continue;
		plan_assign(match->context, seat->entry, seat->apqn);
		if (seat->dead)
			marks[seat->entry] |= PLAN_MARK_LACKING;
	}
	for (size_t i = 0; i < group->entry_count; i++) {
		if (match->context->plan->entries[group->entries[i]].apqn == PLAN_NONE)
			marks[group->entries[i]] |= PLAN_MARK_LACKING;
	}
}

int plan_match_group(const struct plan_context *context, const struct plan_group *group, uint8_t *marks)
{
	cleanup_free_ struct seat *seats = calloc(group->apqn_count + 1, sizeof(*seats));
	cleanup_free_ unsigned int *active = calloc(group->apqn_count + 1, sizeof(*active));
	struct match match = { .context = context, .seats = seats, .active = active };

	if (!seats || !active)
		return -ENOMEM;
	begin(&match, group, true);
	for (size_t i = 0; i < group->entry_count; i++) {
		if (add_entry(&match, group->entries[i]))
			marks[group->entries[i]] |= PLAN_MARK_READY;
	}
	begin(&match, group, false);
	add_entries(&match, group, marks, true);
	add_entries(&match, group, marks, false);
	take_assignment(&match, group, marks);
	return 0;
}
