/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Faults of the kernel, besides those of the hardware: calls that fail, hang or return invalid text, killed helper
 * processes, and a clock that jumps.
 */
#include "sim/sim_machine.h"

#define DRAW_INJECTIONS_MAX 8

/* A change from outside during a run. */
enum draw_event {
	DRAW_QUEUES_OFFLINE, /* all of a card */
	DRAW_CARD_DECONFIGURED,
	DRAW_CARD_CHECKSTOPPED,
	DRAW_CARD_BACK, /* configured, and not check-stopped */
	DRAW_CARD_GONE,
	DRAW_EVENTS
};

struct draw_trouble {
	struct sim_injection injections[DRAW_INJECTIONS_MAX];
	char paths[DRAW_INJECTIONS_MAX][MACHINE_PATH_SIZE]; /* of the injections */
	size_t injection_count;
	bool global; /* some of it affects more than one card */
	uint64_t jump_call; /* UINT64_MAX: never */
	int64_t jump_us;
	uint64_t event_call; /* UINT64_MAX: never */
	enum draw_event event;
	uint8_t event_card;
};

/* 0 to limit - 1 */
uint64_t draw_below(uint64_t *random, uint64_t limit);
bool draw_one_in(uint64_t *random, uint64_t n);

/* Do not move *trouble afterwards: it contains pointers to itself. Empty without cards. */
void draw_trouble(uint64_t *random, const uint8_t *cards, size_t card_count, struct draw_trouble *trouble);
void draw_trouble_apply(const struct draw_trouble *trouble, struct sim *sim);
void draw_trouble_print(const struct draw_trouble *trouble);
