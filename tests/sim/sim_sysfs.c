/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim_kernel.h"

#define ROOT_PATH "devices/ap"
#define WRITE_SIZE_MAX 32

static int digit_of(char character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

/* The kernel writes its names in lower case only. */
static bool take_hex(const char **text, unsigned int digits, unsigned int *value)
{
	*value = 0;
	for (; digits > 0; digits--, (*text)++) {
		if (digit_of(**text) < 0)
			return false;
		*value = *value * 16 + (unsigned int)digit_of(**text);
	}
	return true;
}

static bool take_text(const char **text, const char *expected)
{
	size_t length = strlen(expected);

	if (strncmp(*text, expected, length) != 0)
		return false;
	*text += length;
	return true;
}

/* Skips the slash of "/name"; true also at the end of the text. */
static bool take_slash(const char **text)
{
	if (**text == '/')
		(*text)++;
	else if (**text != '\0')
		return false;
	return true;
}

/* After "devices/ap/": "card11", "card11/name", "card11/11.0008", "card11/11.0008/name". */
static bool find_device(struct sim *sim, const char **text, struct sim_target *target)
{
	unsigned int card, same_card, domain;
	const char *rest;

	if (!take_text(text, "card") || !take_hex(text, 2, &card) || !sim->kernel->cards[card].known ||
	    !take_slash(text))
		return false;
	target->node = SIM_NODE_CARD;
	target->card = (uint8_t)card;
	target->place = sim->kernel->cards[card].first;
	rest = *text;
	if (take_hex(&rest, 2, &same_card) && take_text(&rest, ".") && take_hex(&rest, 4, &domain)) {
		const struct model_queue *queue = NULL;

		if (same_card == card && domain <= UINT8_MAX)
			queue = model_find(&sim->model, (uint8_t)card, (uint8_t)domain);
		if (!queue || !take_slash(&rest))
			return false;
		target->node = SIM_NODE_QUEUE;
		target->place = (size_t)(queue - sim->model.queues);
		*text = rest;
	}
	return target->node == SIM_NODE_CARD || sim->kernel->queues[target->place].known;
}

static bool find_directory(struct sim *sim, const char **text, struct sim_target *target)
{
	/* The longer names first. */
	static const struct {
		const char *path;
		enum sim_node node;
	} places[] = {
		{ "bus/ap/devices", SIM_NODE_DEVICES }, { "bus/ap", SIM_NODE_BUS },       { ROOT_PATH, SIM_NODE_ROOT },
		{ "firmware/uv/query", SIM_NODE_QUERY }, { "firmware/uv", SIM_NODE_UV },
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const char *rest = *text;
		bool is_uv = places[i].node == SIM_NODE_UV || places[i].node == SIM_NODE_QUERY;

		if (!take_text(&rest, places[i].path) || !take_slash(&rest))
			continue;
		*text = rest;
		target->node = places[i].node;
		if (is_uv ? sim->options.uv_missing : !sim->model.ap_present)
			return false;
		return target->node != SIM_NODE_ROOT || *rest == '\0' || find_device(sim, text, target);
	}
	return false;
}

static bool exists(const struct sim *sim, const struct sim_attribute *attribute, const struct sim_target *target)
{
	return attribute->node == target->node && (!attribute->exists || attribute->exists(sim, target));
}

static bool find(struct sim *sim, const char *path, struct sim_target *target)
{
	*target = (struct sim_target){ 0 };
	if (!find_directory(sim, &path, target))
		return false;
	if (*path == '\0')
		return true;
	for (size_t i = 0; i < sim_attributes_count; i++) {
		if (strcmp(sim_attributes[i].name, path) != 0 || !exists(sim, &sim_attributes[i], target))
			continue;
		target->attribute = &sim_attributes[i];
		return true;
	}
	return false;
}

/* A list of names in the caller's buffer; perform_list checks whether it fits. */
struct names {
	char *text;
	size_t size, length;
};

static void add_name(struct names *names, const char *name)
{
	size_t length = strlen(name);

	if (names->length + length + 1 < names->size) {
		memcpy(names->text + names->length, name, length);
		names->text[names->length + length] = '\n';
	}
	names->length += length + 1;
}

static void add_queues(const struct sim *sim, size_t first, size_t count, struct names *names)
{
	for (size_t place = first; place < first + count; place++) {
		const struct model_queue *queue = &sim->model.queues[place];
		char name[16];

		if (!sim->kernel->queues[place].known)
			continue;
		snprintf(name, sizeof(name), "%02x.%04x", queue->card, queue->domain);
		add_name(names, name);
	}
}

static void add_cards(const struct sim *sim, struct names *names)
{
	for (unsigned int card = 0; card < MODEL_CARDS_MAX; card++) {
		char name[16];

		if (!sim->kernel->cards[card].known)
			continue;
		snprintf(name, sizeof(name), "card%02x", card);
		add_name(names, name);
	}
}

static void list(const struct sim *sim, const struct sim_target *target, struct names *names)
{
	if (target->node != SIM_NODE_DEVICES && target->node != SIM_NODE_QUERY) {
		/* Entries of every directory that are of no interest here. */
		add_name(names, "uevent");
		add_name(names, "power");
	}
	if (target->node == SIM_NODE_ROOT || target->node == SIM_NODE_DEVICES)
		add_cards(sim, names);
	if (target->node == SIM_NODE_DEVICES)
		add_queues(sim, 0, sim->model.queue_count, names);
	if (target->node == SIM_NODE_CARD)
		add_queues(sim, target->place, sim->kernel->cards[target->card].count, names);
	if (target->node == SIM_NODE_BUS)
		add_name(names, "devices");
	if (target->node == SIM_NODE_UV)
		add_name(names, "query");
	for (size_t i = 0; i < sim_attributes_count; i++)
		if (exists(sim, &sim_attributes[i], target))
			add_name(names, sim_attributes[i].name);
}

static int perform_list(const struct sim *sim, const struct sim_target *target, struct machine_call *call)
{
	struct names names = { call->data, call->size, 0 };

	if (target->attribute)
		return -ENOTDIR;
	list(sim, target, &names);
	if (names.length >= names.size)
		return -E2BIG;
	call->data[names.length] = '\0';
	call->length = names.length;
	return 0;
}

static void perform_write(struct sim *sim, struct sim_call *slot)
{
	const struct sim_attribute *attribute = slot->target.attribute;
	const struct machine_call *call = slot->call;
	char text[WRITE_SIZE_MAX];
	int error = 0;

	if (!attribute)
		error = -EISDIR;
	else if (!attribute->write)
		error = -EACCES;
	else if (call->length >= sizeof(text))
		error = -EINVAL;
	if (error < 0) {
		sim_finish(slot, error, sim->kernel->now_us);
		return;
	}
	memcpy(text, call->data, call->length);
	text[call->length] = '\0';
	attribute->write(sim, slot, text);
}

void sim_sysfs_perform(struct sim *sim, struct sim_call *slot)
{
	int64_t now_us = sim->kernel->now_us;

	if (!find(sim, slot->call->path, &slot->target))
		sim_finish(slot, -ENOENT, now_us);
	else if (slot->call->operation == MACHINE_LIST)
		sim_finish(slot, perform_list(sim, &slot->target, slot->call), now_us);
	else if (slot->call->operation == MACHINE_WRITE)
		perform_write(sim, slot);
	else if (slot->target.attribute)
		slot->target.attribute->read(sim, slot);
	else
		sim_finish(slot, -EISDIR, now_us);
}
