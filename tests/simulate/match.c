/* SPDX-License-Identifier: MIT */
#include "match.h"

#include <string.h>

#define NO_ENTRY SIZE_MAX

/* --- what fits ------------------------------------------------------------------------------------ */

bool fit_has_secret(const struct outcome *outcome, const struct draw_entry *entry, const uint16_t *index)
{
	const struct model *model = outcome->model;

	for (size_t i = 0; i < model->secret_count; i++) {
		const struct model_secret *secret = &model->secrets[i];

		if (secret->type == MODEL_ASSOCIATION_SECRET && (!index || secret->index == *index) &&
		    memcmp(secret->id, entry->secretid, sizeof(secret->id)) == 0)
			return true;
	}
	return false;
}

bool fit_is_reachable(const struct outcome *outcome, size_t place)
{
	const struct model_card *card = &outcome->model->cards[outcome->model->queues[place].card];

	return card->configured && !card->checkstopped && outcome->before[place].state != MODEL_FOREIGN;
}

bool fit_is_usable(const struct outcome *outcome, size_t place)
{
	return fit_is_reachable(outcome, place) && !outcome->draw->offline[place];
}

/* The queue fits the entry by mode, generation, master key and serial number; its state does not count. */
static bool is_of_kind(const struct outcome *outcome, const struct draw_entry *entry, size_t place)
{
	const struct model_queue *queue = &outcome->model->queues[place];
	const struct model_card *card = &outcome->model->cards[queue->card];

	if (card->generation < entry->min_generation)
		return false;
	if (entry->accelerator)
		return card->mode == MODEL_ACCEL;
	return card->mode == MODEL_EP11 && queue->mkvp_valid &&
	       memcmp(queue->mkvp, entry->mkvp, sizeof(entry->mkvp)) == 0 &&
	       (entry->serialnr[0] == '\0' || strcmp(entry->serialnr, card->serialnr) == 0);
}

bool fit_is_named(const struct outcome *outcome, size_t place, uint16_t index)
{
	const struct draw *draw = outcome->draw;

	for (size_t i = 0; i < draw->entry_count; i++) {
		if (!draw->entries[i].accelerator && is_of_kind(outcome, &draw->entries[i], place) &&
		    fit_has_secret(outcome, &draw->entries[i], &index))
			return true;
	}
	return false;
}

bool fits(const struct outcome *outcome, const struct draw_entry *entry, size_t place)
{
	return fit_is_usable(outcome, place) && is_of_kind(outcome, entry, place) &&
	       (entry->accelerator || fit_has_secret(outcome, entry, NULL));
}

/* Whether the queue serves the entry in these states. */
static bool serves(const struct outcome *outcome, const struct outcome_queue *states, const struct draw_entry *entry,
		   size_t place)
{
	return states[place].state == MODEL_USABLE && fits(outcome, entry, place) &&
	       (entry->accelerator || fit_has_secret(outcome, entry, &states[place].association));
}

/* --- the most that can be served ------------------------------------------------------------------ */

static bool add_path(struct match *match, size_t entry)
{
	for (size_t queue = 0; queue < match->queue_count; queue++) {
		if (!match->edges[entry][queue] || match->seen[queue])
			continue;
		match->seen[queue] = true;
		if (match->owner[queue] == NO_ENTRY || add_path(match, match->owner[queue])) {
			match->owner[queue] = entry;
			return true;
		}
	}
	return false;
}

bool match_add(struct match *match, size_t entry)
{
	memset(match->seen, 0, match->queue_count * sizeof(match->seen[0]));
	if (!add_path(match, entry))
		return false;
	match->size++;
	return true;
}

void match_prepare(const struct outcome *outcome, const struct outcome_queue *states, struct match *match)
{
	match->queue_count = outcome->model->queue_count;
	match->size = 0;
	for (size_t queue = 0; queue < match->queue_count; queue++) {
		match->owner[queue] = NO_ENTRY;
		for (size_t i = 0; i < outcome->draw->entry_count; i++) {
			const struct draw_entry *entry = &outcome->draw->entries[i];

			match->edges[i][queue] =
				states ? serves(outcome, states, entry, queue) : fits(outcome, entry, queue);
		}
	}
}

size_t match_largest(const struct outcome *outcome, const struct outcome_queue *states)
{
	static struct match match;

	match_prepare(outcome, states, &match);
	for (size_t entry = 0; entry < outcome->draw->entry_count; entry++)
		match_add(&match, entry);
	return match.size;
}
