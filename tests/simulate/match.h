/* SPDX-License-Identifier: MIT */
#pragma once

/* Which queue of the model can serve which entry, and how many entries can be served. Independent of the planner. */
#include "simulate/properties.h"

/* Which entries a set of queues can serve: entries are added one at a time along augmenting paths. */
struct match {
	size_t queue_count;
	bool edges[DRAW_ENTRIES_MAX][MODEL_QUEUES_MAX];
	size_t owner[MODEL_QUEUES_MAX]; /* entry, or NO_ENTRY */
	bool seen[MODEL_QUEUES_MAX];
	size_t size;
};

/* Whether an association secret has the id of the entry; and, if `index` is not NULL, this index. */
bool fit_has_secret(const struct outcome *outcome, const struct draw_entry *entry, const uint16_t *index);

/* Whether the queue could be unbound before the run; and whether it could serve an entry. */
bool fit_is_reachable(const struct outcome *outcome, size_t place);
bool fit_is_usable(const struct outcome *outcome, size_t place);

/* Whether an entry names the secret of this index for a queue with its master key, serial number and generation. */
bool fit_is_named(const struct outcome *outcome, size_t place, uint16_t index);

/* Whether it can serve the entry, whatever its state. */
bool fits(const struct outcome *outcome, const struct draw_entry *entry, size_t place);

/* Sets edges to the queues that serve in these states, or with NULL to all that fit. Adds no entry. */
void match_prepare(const struct outcome *outcome, const struct outcome_queue *states, struct match *match);

/* False if no queue is left for it besides those of the entries added before. */
bool match_add(struct match *match, size_t entry);

/* The number of entries that can be served, with the edges of match_prepare. */
size_t match_largest(const struct outcome *outcome, const struct outcome_queue *states);
