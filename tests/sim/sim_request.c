/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "sim_kernel.h"

#define NO_PLACE SIZE_MAX

/* Whether the kernel considers the queue usable; its view may be out of date. */
static bool is_usable(const struct sim *sim, size_t place)
{
	const struct sim_queue *known = &sim->kernel->queues[place];

	if (!known->known || !known->has_driver || !known->online || !known->configured || known->checkstopped ||
	    known->broken)
		return false;
	return !sim->model.se_guest || known->bind_state == MODEL_USABLE || known->bind_state == MODEL_NO_SECURE_KEY;
}

/* The queue that gets a request to a card: the worst usable one, because the choice of the kernel is arbitrary. */
static size_t choose_queue(const struct sim *sim, const struct sim_target *target)
{
	const struct sim_card *card = &sim->kernel->cards[target->card];
	size_t chosen = NO_PLACE;

	if (target->node == SIM_NODE_QUEUE)
		return is_usable(sim, target->place) ? target->place : NO_PLACE;
	for (size_t place = card->first; place < card->first + card->count; place++) {
		enum sim_state state = sim->kernel->queues[place].state;

		if (!is_usable(sim, place))
			continue;
		if (state != SIM_IDLE && state != SIM_WORKING)
			return place;
		if (chosen == NO_PLACE)
			chosen = place;
	}
	return chosen;
}

static void finish_mkvps(struct sim *sim, struct sim_call *slot, bool replied)
{
	const struct model_queue *queue = &sim->model.queues[slot->target.place];
	char digits[2 * sizeof(queue->mkvp) + 1];

	if (sim->model.cards[queue->card].mode == MODEL_CCA) {
		sim_finish_text(sim, slot, "AES NEW: - -\nAES CUR: - -\nAES OLD: - -\n"
					   "APKA NEW: - -\nAPKA CUR: - -\nAPKA OLD: - -\n"
					   "ASYM NEW: - -\nASYM CUR: - -\nASYM OLD: - -\n");
		return;
	}
	if (!replied) {
		sim_finish_text(sim, slot, "WK CUR: - -\nWK NEW: - -\n");
		return;
	}
	if (!queue->mkvp_valid) {
		sim_finish_text(sim, slot, "WK CUR: invalid -\nWK NEW: empty -\n");
		return;
	}
	for (size_t i = 0; i < sizeof(queue->mkvp); i++) {
		digits[2 * i] = "0123456789abcdef"[queue->mkvp[i] >> 4];
		digits[2 * i + 1] = "0123456789abcdef"[queue->mkvp[i] & 15];
	}
	digits[sizeof(digits) - 1] = '\0';
	sim_finish_text(sim, slot, "WK CUR: valid 0x%s\nWK NEW: empty -\n", digits);
}

static void finish_identity(struct sim *sim, struct sim_call *slot, bool replied)
{
	if (slot->target.node == SIM_NODE_QUEUE)
		finish_mkvps(sim, slot, replied);
	else
		sim_finish_text(sim, slot, "%s\n", replied ? sim->model.cards[slot->target.card].serialnr : "");
}

void sim_request_begin(struct sim *sim, struct sim_call *slot)
{
	size_t place = choose_queue(sim, &slot->target);

	if (slot->target.node == SIM_NODE_QUEUE && !sim->kernel->queues[slot->target.place].online) {
		finish_identity(sim, slot, false);
	} else if (place != NO_PLACE) {
		slot->stage = SIM_QUEUED;
		slot->queue = place;
		sim->kernel->queues[place].queued++;
		sim_driver_poke(sim, place);
	} else if (slot->scanned) {
		finish_identity(sim, slot, false);
	} else {
		sim_request_scan(sim, slot);
	}
}

bool sim_request_write(struct sim *sim, size_t place)
{
	const struct model_queue *queue = &sim->model.queues[place];
	struct sim_kernel *kernel = sim->kernel;
	struct sim_queue *known = &kernel->queues[place];

	for (size_t i = 0; i < kernel->call_limit && known->queued; i++) {
		struct sim_call *slot = &kernel->calls[i];
		enum model_response response;

		if (slot->stage != SIM_QUEUED || slot->queue != place)
			continue;
		response = model_request(&sim->model, queue->card, queue->domain, kernel->now_us, &slot->at_us);
		if (response == MODEL_RESET_IN_PROGRESS) {
			known->state = SIM_RESET_WAIT;
			return true;
		}
		if (response != MODEL_OK) {
			/* The request stays queued until a bus scan finds the broken queue. */
			known->broken = true;
			return false;
		}
		slot->stage = SIM_SENT;
		known->state = SIM_WORKING;
		known->queued--;
		known->sent++;
	}
	return false;
}

void sim_request_reply(struct sim *sim, struct sim_call *slot)
{
	struct sim_queue *known = &sim->kernel->queues[slot->queue];
	const struct model_card *card = &sim->model.cards[sim->model.queues[slot->queue].card];

	known->sent--;
	if (!known->sent && known->state == SIM_WORKING)
		known->state = SIM_IDLE;
	if (!slot->call) {
		slot->stage = SIM_FREE;
	} else if (card->present && card->configured && !card->checkstopped) {
		finish_identity(sim, slot, true);
	} else {
		known->broken = true;
		known->queued++;
		slot->stage = SIM_QUEUED;
	}
}

void sim_request_flush(struct sim *sim, size_t place)
{
	struct sim_kernel *kernel = sim->kernel;

	for (size_t i = 0; i < kernel->call_limit; i++) {
		struct sim_call *slot = &kernel->calls[i];

		if ((slot->stage != SIM_QUEUED && slot->stage != SIM_SENT) || slot->queue != place)
			continue;
		slot->stage = slot->call ? SIM_STARTED : SIM_FREE;
		slot->at_us = kernel->now_us;
	}
	kernel->queues[place].queued = 0;
	kernel->queues[place].sent = 0;
}

void sim_request_abandon(struct sim *sim, struct sim_call *slot)
{
	slot->call = NULL;
	if (slot->stage == SIM_SENT)
		return;
	if (slot->stage == SIM_QUEUED)
		sim->kernel->queues[slot->queue].queued--;
	slot->stage = SIM_FREE;
}

static size_t count_cards(const struct sim_kernel *kernel)
{
	size_t count = 0;

	for (size_t card = 0; card < MODEL_CARDS_MAX; card++)
		count += kernel->cards[card].known != 0;
	return count;
}

void sim_request_scan(struct sim *sim, struct sim_call *slot)
{
	struct sim_kernel *kernel = sim->kernel;

	if (kernel->scan_stuck) {
		slot->stage = SIM_LOST;
		return;
	}
	slot->stage = SIM_SCANNING;
	if (kernel->scan_end_us == SIM_NEVER)
		kernel->scan_end_us = kernel->now_us + sim->options.scan_us +
				      (int64_t)count_cards(kernel) * sim->options.scan_card_us;
}

void sim_request_scanned(struct sim *sim)
{
	struct sim_kernel *kernel = sim->kernel;
	bool changed = sim_driver_scan(sim);

	kernel->scan_end_us = SIM_NEVER;
	for (size_t i = 0; i < kernel->call_limit; i++) {
		struct sim_call *slot = &kernel->calls[i];

		if (slot->stage != SIM_SCANNING)
			continue;
		if (kernel->scan_stuck) {
			slot->stage = SIM_LOST;
		} else if (slot->call->operation == MACHINE_WRITE) {
			sim_finish(slot, 0, kernel->now_us);
		} else {
			slot->scanned = true;
			if (changed)
				sim_request_begin(sim, slot);
			else
				finish_identity(sim, slot, false);
		}
	}
}

bool sim_request_is_inside(const struct sim *sim, size_t place)
{
	const struct sim_kernel *kernel = sim->kernel;
	uint8_t card = sim->model.queues[place].card;

	for (size_t i = 0; i < kernel->call_limit; i++) {
		const struct sim_call *slot = &kernel->calls[i];
		const struct sim_target *target = &slot->target;

		if (!slot->call ||
		    (slot->stage != SIM_QUEUED && slot->stage != SIM_SENT && slot->stage != SIM_SCANNING))
			continue;
		if (target->node == SIM_NODE_QUEUE && target->place == place)
			return true;
		/* The card disappears with its last queue. */
		if (target->node == SIM_NODE_CARD && target->card == card && kernel->cards[card].known == 1)
			return true;
	}
	return false;
}
