/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "sim_kernel.h"

static const struct sim_queue *known_of(const struct sim *sim, const struct sim_target *target)
{
	return &sim->kernel->queues[target->place];
}

static enum model_mode mode_of(const struct sim *sim, const struct sim_target *target)
{
	return sim->model.cards[target->card].mode;
}

/* --- which attributes there are ------------------------------------------------------------------- */

static bool has_driver(const struct sim *sim, const struct sim_target *target)
{
	return known_of(sim, target)->has_driver;
}

static bool has_identity(const struct sim *sim, const struct sim_target *target)
{
	return has_driver(sim, target) && mode_of(sim, target) != MODEL_ACCEL;
}

static bool has_completions(const struct sim *sim, const struct sim_target *target)
{
	(void)target;
	return sim->options.kernel >= SIM_KERNEL_7;
}

static bool has_bind(const struct sim *sim, const struct sim_target *target)
{
	return sim->model.se_guest && sim->options.kernel >= SIM_KERNEL_6_12 && mode_of(sim, target) != MODEL_CCA;
}

/* --- bus ------------------------------------------------------------------------------------------ */

static void read_features(struct sim *sim, struct sim_call *slot)
{
	sim_finish_text(sim, slot, "APSC APXA QACT%s\n", sim->model.se_guest ? " APSB" : "");
}

static void read_bindings(struct sim *sim, struct sim_call *slot)
{
	size_t all = 0, bound = 0;

	for (size_t place = 0; place < sim->model.queue_count; place++) {
		all += sim->kernel->queues[place].known;
		bound += sim->kernel->queues[place].known && sim->kernel->queues[place].has_driver;
	}
	sim_finish_text(sim, slot, "%zu/%zu%s\n", bound, all, all == bound ? " (complete)" : "");
}

static void read_completions(struct sim *sim, struct sim_call *slot)
{
	sim_finish_text(sim, slot, "%u\n", sim->kernel->completions);
}

static void read_scans(struct sim *sim, struct sim_call *slot)
{
	sim_finish_text(sim, slot, "%u\n", sim->kernel->scans);
}

static void write_scans(struct sim *sim, struct sim_call *slot, const char *text)
{
	(void)text;
	sim_request_scan(sim, slot);
}

/* --- cards and queues ----------------------------------------------------------------------------- */

static void read_type(struct sim *sim, struct sim_call *slot)
{
	const struct model_card *card = &sim->model.cards[slot->target.card];

	sim_finish_text(sim, slot, "CEX%u%c\n", card->generation, (char)card->mode);
}

static void read_online(struct sim *sim, struct sim_call *slot)
{
	const struct sim_queue *known = known_of(sim, &slot->target);
	bool offline = slot->target.node == SIM_NODE_CARD ? sim->kernel->cards[slot->target.card].offline : !known->online;

	sim_finish_text(sim, slot, "%d\n", !offline && known->configured && !known->checkstopped);
}

/* Switching a card also switches its queues. */
static int switch_online(struct sim *sim, const struct sim_target *target, bool online)
{
	struct sim_card *card = &sim->kernel->cards[target->card];
	const struct sim_queue *known = known_of(sim, target);

	if (online && (!known->configured || known->checkstopped))
		return -ENODEV;
	if (target->node == SIM_NODE_CARD)
		card->offline = !online;
	else if (online && card->offline)
		return -EINVAL;
	for (size_t place = card->first; place < card->first + card->count; place++)
		if (target->node == SIM_NODE_CARD || place == target->place)
			sim->kernel->queues[place].online = online;
	return 0;
}

static void write_online(struct sim *sim, struct sim_call *slot, const char *text)
{
	bool valid = text[0] == '0' || text[0] == '1';

	sim_finish(slot, valid ? switch_online(sim, &slot->target, text[0] == '1') : -EINVAL, sim->kernel->now_us);
}

static void read_config(struct sim *sim, struct sim_call *slot)
{
	sim_finish_text(sim, slot, "%d\n", known_of(sim, &slot->target)->configured);
}

static void read_checkstop(struct sim *sim, struct sim_call *slot)
{
	sim_finish_text(sim, slot, "%d\n", known_of(sim, &slot->target)->checkstopped);
}

static bool is_bound(enum model_bind_state state)
{
	return state == MODEL_USABLE || state == MODEL_NO_SECURE_KEY;
}

/* The state that the driver remembers; it does not test the queue. */
static void read_reset(struct sim *sim, struct sim_call *slot)
{
	const struct sim_queue *known = known_of(sim, &slot->target);
	const char *text = "No Reset Timer set.\n";

	if (known->started && known->state <= SIM_RESET_WAIT)
		text = "Reset in progress.\n";
	else if (known->state == SIM_WORKING)
		text = "Reset Timer armed.\n";
	sim_finish_text(sim, slot, "%s", text);
}

static void read_bind(struct sim *sim, struct sim_call *slot)
{
	struct model_test test;
	int64_t hang_us = 0;
	int error;

	error = sim_driver_test(sim, slot->target.place, &test, &hang_us);
	if (error == 0)
		sim_finish_text(sim, slot, "%s\n", is_bound(test.bind_state) ? "bound" : "unbound");
	else
		sim_finish(slot, error, sim->kernel->now_us);
	slot->at_us += hang_us;
}

static void read_associate(struct sim *sim, struct sim_call *slot)
{
	const struct sim_queue *known = known_of(sim, &slot->target);
	struct model_test test;
	int64_t hang_us = 0;
	int error;

	if (mode_of(sim, &slot->target) != MODEL_EP11) {
		sim_finish_text(sim, slot, "-\n");
		return;
	}
	error = sim_driver_test(sim, slot->target.place, &test, &hang_us);
	if (error == 0 && test.bind_state == MODEL_USABLE && known->index == SIM_NO_INDEX)
		error = -EIO;
	if (error < 0)
		sim_finish(slot, error, sim->kernel->now_us);
	else if (test.bind_state == MODEL_USABLE)
		sim_finish_text(sim, slot, "associated %u\n", (unsigned int)known->index);
	else if (test.bind_state == MODEL_NO_SECURE_KEY && known->index != SIM_NO_INDEX)
		sim_finish_text(sim, slot, "association pending\n");
	else
		sim_finish_text(sim, slot, "unassociated\n");
	slot->at_us += hang_us;
}

static void write_bind(struct sim *sim, struct sim_call *slot, const char *text)
{
	int64_t hang_us = 0;
	int error = -EINVAL;

	if (text[0] == '0')
		error = sim_driver_unbind(sim, slot->target.place, &hang_us);
	else if (text[0] == '1')
		error = sim_driver_bind(sim, slot->target.place, &hang_us);
	sim_finish(slot, error, sim->kernel->now_us + hang_us);
}

static void write_associate(struct sim *sim, struct sim_call *slot, const char *text)
{
	char *end;
	unsigned long index;
	int64_t hang_us = 0;
	int error = -EINVAL;

	errno = 0;
	index = strtoul(text, &end, 0);
	if (*end == '\n')
		end++;
	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && index <= UINT16_MAX &&
	    mode_of(sim, &slot->target) == MODEL_EP11)
		error = sim_driver_associate(sim, slot->target.place, (uint16_t)index, &hang_us);
	sim_finish(slot, error, sim->kernel->now_us + hang_us);
}

const struct sim_attribute sim_attributes[] = {
	{ SIM_NODE_BUS, "features", NULL, read_features, NULL },
	{ SIM_NODE_BUS, "bindings", NULL, read_bindings, NULL },
	{ SIM_NODE_BUS, "bindings_complete_count", has_completions, read_completions, NULL },
	{ SIM_NODE_BUS, "scans", NULL, read_scans, write_scans },
	{ SIM_NODE_CARD, "type", has_driver, read_type, NULL },
	{ SIM_NODE_CARD, "serialnr", has_identity, sim_request_begin, NULL },
	{ SIM_NODE_CARD, "online", has_driver, read_online, write_online },
	{ SIM_NODE_CARD, "config", NULL, read_config, NULL },
	{ SIM_NODE_CARD, "chkstop", NULL, read_checkstop, NULL },
	{ SIM_NODE_QUEUE, "online", has_driver, read_online, write_online },
	{ SIM_NODE_QUEUE, "mkvps", has_identity, sim_request_begin, NULL },
	{ SIM_NODE_QUEUE, "se_bind", has_bind, read_bind, write_bind },
	{ SIM_NODE_QUEUE, "se_associate", has_bind, read_associate, write_associate },
	{ SIM_NODE_QUEUE, "reset", NULL, read_reset, NULL },
	{ SIM_NODE_QUEUE, "config", NULL, read_config, NULL },
	{ SIM_NODE_QUEUE, "chkstop", NULL, read_checkstop, NULL },
	{ SIM_NODE_UV, "prot_virt_guest", NULL, sim_uv_read_guest, NULL },
	{ SIM_NODE_QUERY, "facilities", NULL, sim_uv_read_facilities, NULL },
	{ SIM_NODE_QUERY, "max_secrets", NULL, sim_uv_read_max_secrets, NULL },
};

const size_t sim_attributes_count = sizeof(sim_attributes) / sizeof(sim_attributes[0]);
