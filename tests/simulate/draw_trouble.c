/* SPDX-License-Identifier: MIT */
#include "draw_trouble.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* splitmix64 */
static uint64_t mix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t draw_below(uint64_t *random, uint64_t limit)
{
	return mix(random) % limit;
}

bool draw_one_in(uint64_t *random, uint64_t n)
{
	return draw_below(random, n) == 0;
}

static int draw_error(uint64_t *random)
{
	static const int errors[] = { EIO,    EBUSY,  ENOENT, ENODEV, ENXIO,      EINVAL,    EACCES,
				      EAGAIN, ENOMEM, E2BIG,  EPERM,  EOPNOTSUPP, ETIMEDOUT, EINTR };

	return -errors[draw_below(random, COUNT(errors))];
}

/*
 * Texts that are invalid for every attribute. With a valid but false text, the run could not be blamed for what it
 * does.
 */
static const char *draw_text(uint64_t *random)
{
	static const char a_page[4095] = { [0 ... 4093] = 'a' };
	static const char *const texts[] = {
		"",
		"\n",
		" ",
		"\xff\xfe\n",
		"bound bound\n",
		"unbound\nbound\n",
		"associated 65536\n",
		"associated -1\n",
		"associated 5 5\n",
		"associated 99999999999999999999\n",
		"associated\n",
		"WK CUR: valid 0x12\n",
		"WK CUR: valid 0x\nWK NEW: valid 0x\n",
		"WK CUR:",
		"0x10000000000000000\n",
		"../../..\n",
		"%s%n\n",
		a_page,
	};

	return texts[draw_below(random, COUNT(texts))];
}

/* Draws a path: of all queues, of one card, or of the bus and the Ultravisor. True if not of a single card. */
static bool draw_place(uint64_t *random, const uint8_t *cards, size_t card_count, struct sim_injection *injection,
		       char path[MACHINE_PATH_SIZE])
{
	static const char *const of_queue[] = { "se_bind", "se_associate", "online", "mkvps", "reset" };
	static const char *const of_card[] = { "type", "serialnr", "*" };
	static const char *const of_all[] = { "bus/ap/*",  "firmware/uv/*", "devices/ap/*",
					      "*/se_bind", "*/online",      "*/type" };
	unsigned int card = cards[draw_below(random, card_count)];

	injection->path = path;
	switch (draw_below(random, 4)) {
	case 0:
		snprintf(path, MACHINE_PATH_SIZE, "%s", of_all[draw_below(random, COUNT(of_all))]);
		return true;
	case 1:
		snprintf(path, MACHINE_PATH_SIZE, "devices/ap/card%02x/%s", card,
			 of_card[draw_below(random, COUNT(of_card))]);
		break;
	default:
		snprintf(path, MACHINE_PATH_SIZE, "devices/ap/card%02x/*/%s", card,
			 of_queue[draw_below(random, COUNT(of_queue))]);
		break;
	}
	return false;
}

static void draw_injection(uint64_t *random, const uint8_t *cards, size_t card_count, struct draw_trouble *trouble)
{
	struct sim_injection *injection = &trouble->injections[trouble->injection_count];
	static const enum machine_operation operations[] = { MACHINE_READ,  MACHINE_READ, MACHINE_READ,
							     MACHINE_WRITE, MACHINE_LIST, MACHINE_UV };
	static const enum sim_injection_action actions[] = { SIM_FAIL,      SIM_FAIL, SIM_TEXT, SIM_HANG,
							     SIM_HANG_LATE, SIM_KILL, SIM_KILL_LATE };

	*injection = (struct sim_injection){
		.operation = operations[draw_below(random, COUNT(operations))],
		.action = actions[draw_below(random, COUNT(actions))],
		.error = draw_error(random),
		.text = draw_text(random),
		.after = draw_one_in(random, 2) ? (unsigned int)draw_below(random, 20) : 0,
		.times = (unsigned int)draw_below(random, 4),
	};
	if (draw_place(random, cards, card_count, injection, trouble->paths[trouble->injection_count]) ||
	    injection->operation == MACHINE_UV)
		trouble->global = true;
	if (injection->operation == MACHINE_UV)
		injection->path = "dev/uv";
	if (injection->action == SIM_TEXT && injection->operation != MACHINE_READ)
		injection->operation = MACHINE_LIST;
	trouble->injection_count++;
}

/* One attribute, on some of the cards: a call on it hangs, or its helper process is killed. */
static void draw_on_cards(uint64_t *random, const uint8_t *cards, size_t card_count, struct draw_trouble *trouble)
{
	static const char *const attributes[] = { "*/se_bind", "*/se_associate", "*/online", "*/mkvps", "type", "serialnr" };
	static const enum sim_injection_action actions[] = { SIM_HANG, SIM_HANG_LATE, SIM_KILL, SIM_KILL_LATE };
	const char *attribute = attributes[draw_below(random, COUNT(attributes))];
	enum sim_injection_action action = actions[draw_below(random, COUNT(actions))];
	enum machine_operation operation = draw_one_in(random, 3) ? MACHINE_WRITE : MACHINE_READ;
	unsigned int times = (unsigned int)draw_below(random, 3);

	for (size_t i = 0; i < card_count && trouble->injection_count < DRAW_INJECTIONS_MAX; i++) {
		struct sim_injection *injection = &trouble->injections[trouble->injection_count];
		char *path = trouble->paths[trouble->injection_count];

		if (draw_one_in(random, 3))
			continue;
		snprintf(path, MACHINE_PATH_SIZE, "devices/ap/card%02x/%s", cards[i], attribute);
		*injection = (struct sim_injection){
			.operation = operation, .path = path, .action = action, .times = times, .text = ""
		};
		trouble->injection_count++;
	}
}

void draw_trouble(uint64_t *random, const uint8_t *cards, size_t card_count, struct draw_trouble *trouble)
{
	*trouble = (struct draw_trouble){ .jump_call = UINT64_MAX, .event_call = UINT64_MAX };
	if (card_count == 0)
		return;
	if (draw_one_in(random, 3)) {
		draw_on_cards(random, cards, card_count, trouble);
		return;
	}
	for (uint64_t i = draw_below(random, 4); i > 0; i--)
		draw_injection(random, cards, card_count, trouble);
	if (draw_one_in(random, 3)) {
		trouble->jump_call = draw_below(random, 200);
		trouble->jump_us =
			(int64_t)(draw_one_in(random, 2) ? draw_below(random, 90000000) : draw_below(random, 500000));
	}
	if (draw_one_in(random, 3)) {
		trouble->event_call = draw_below(random, 200);
		trouble->event = (enum draw_event)draw_below(random, DRAW_EVENTS);
		trouble->event_card = cards[draw_below(random, card_count)];
	}
}

static void happen(struct sim *sim, const void *context)
{
	const struct draw_trouble *trouble = context;
	struct model_card *card = &sim->model.cards[trouble->event_card];

	switch (trouble->event) {
	case DRAW_QUEUES_OFFLINE:
		for (size_t i = 0; i < sim->model.queue_count; i++) {
			if (sim->model.queues[i].card == trouble->event_card)
				sim_set_online(sim, trouble->event_card, sim->model.queues[i].domain, false);
		}
		break;
	case DRAW_CARD_DECONFIGURED:
		card->configured = false;
		break;
	case DRAW_CARD_CHECKSTOPPED:
		card->checkstopped = true;
		break;
	case DRAW_CARD_BACK:
		card->configured = true;
		card->checkstopped = false;
		break;
	case DRAW_CARD_GONE:
		card->present = false;
		break;
	case DRAW_EVENTS:
		break;
	}
}

void draw_trouble_apply(const struct draw_trouble *trouble, struct sim *sim)
{
	for (size_t i = 0; i < trouble->injection_count; i++)
		sim_inject(sim, &trouble->injections[i]);
	sim->options.jump_call = trouble->jump_call;
	sim->options.jump_us = trouble->jump_us;
	sim->options.event_call = trouble->event_call;
	sim->options.event = happen;
	sim->options.event_context = trouble;
}

void draw_trouble_print(const struct draw_trouble *trouble)
{
	static const char *const operations[] = {
		[MACHINE_READ] = "read", [MACHINE_WRITE] = "write", [MACHINE_LIST] = "list", [MACHINE_UV] = "call"
	};
	static const char *const actions[] = {
		[SIM_FAIL] = "fails",
		[SIM_TEXT] = "says",
		[SIM_HANG] = "hangs",
		[SIM_KILL] = "kills the helper",
		[SIM_HANG_LATE] = "hangs after its effect",
		[SIM_KILL_LATE] = "kills the helper after its effect",
	};

	for (size_t i = 0; i < trouble->injection_count; i++) {
		const struct sim_injection *injection = &trouble->injections[i];

		printf("%s of %s %s after %u, %u times, error %d, text '%.30s'\n", operations[injection->operation],
		       injection->path, actions[injection->action], injection->after, injection->times,
		       injection->error, injection->text);
	}
	if (trouble->jump_call != UINT64_MAX)
		printf("the clock jumps by %" PRId64 " us at call %" PRIu64 "\n", trouble->jump_us, trouble->jump_call);
	if (trouble->event_call != UINT64_MAX)
		printf("event %d (see draw_trouble.h) on card %02x at call %" PRIu64 "\n", trouble->event,
		       trouble->event_card, trouble->event_call);
}
