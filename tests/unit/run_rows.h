/* SPDX-License-Identifier: MIT */
#pragma once

/* Parts that all tables of runs on the simulated machine share. Include after cmocka.h. */
#include <stdio.h>
#include <string.h>

#include "sim/sim_machine.h"
#include "unit/between.h"
#include "unit/rows.h"

#define ROWS_QUEUES_SIZE 1024

/* The number of such calls during the run. Without a path: not checked. */
struct row_calls {
	enum machine_operation operation;
	const char *path;
	size_t least, most;
};

#define NO_WRITE { MACHINE_WRITE, "*", 0, 0 }

static inline void check_calls(const struct sim *sim, const struct row_calls *calls, size_t size)
{
	for (size_t i = 0; i < size && calls[i].path; i++)
		assert_between(sim_count(sim, calls[i].operation, calls[i].path), calls[i].least, calls[i].most);
}

/* The injections of a row, up to the first one without a path. */
static inline void inject_all(struct sim *sim, const struct sim_injection *injections, size_t size)
{
	for (size_t i = 0; i < size && injections[i].path; i++)
		sim_inject(sim, &injections[i]);
}

/* Checks that all texts are in the log (`expected`) or that none is. The first NULL ends the list. */
static inline void check_texts(const char *log, const char *const *texts, size_t size, bool expected)
{
	for (size_t i = 0; i < size && texts[i]; i++) {
		if ((strstr(log, texts[i]) != NULL) != expected)
			fail_msg("%s: \"%s\" in:\n%s", expected ? "missing" : "unexpected", texts[i], log);
	}
}

/* "bindable", "bound", "associated N" or "foreign": the queue's state in the model. */
static inline const char *truth_of(struct sim *sim, const struct model_queue *queue)
{
	static char text[32];

	switch (queue->state) {
	case MODEL_USABLE:
		if (sim->model.cards[queue->card].mode == MODEL_ACCEL)
			return "bound";
		snprintf(text, sizeof(text), "associated %u", queue->association);
		return text;
	case MODEL_NO_SECURE_KEY:
		return "bound";
	case MODEL_BINDABLE:
		return "bindable";
	case MODEL_FOREIGN:
		break;
	}
	return "foreign";
}

/* The state of every queue in the model: "05.0001 bound, 11.0001 associated 1". */
static inline void format_queues(struct sim *sim, char text[ROWS_QUEUES_SIZE])
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sim->model.queue_count; i++) {
		const struct model_queue *queue = &sim->model.queues[i];

		used += (size_t)snprintf(text + used, ROWS_QUEUES_SIZE - used, "%s%02x.%04x %s", i ? ", " : "",
					 queue->card, queue->domain,
					 truth_of(sim, sim_queue(sim, queue->card, queue->domain)));
		assert_true(used < ROWS_QUEUES_SIZE);
	}
}

static inline void check_queues(struct sim *sim, const char *expected)
{
	char text[ROWS_QUEUES_SIZE];

	format_queues(sim, text);
	assert_string_equal(text, expected);
}
