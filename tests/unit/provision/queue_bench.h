/* SPDX-License-Identifier: MIT */
#pragma once

/* One queue. The test gives the results of its calls. Include after cmocka.h. */
#include "provision/queue_steps.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define START_MS 1000
#define SECRET 7 /* its index */

/* Bind state and association of a queue. */
#define UNBOUND APQN_UNBOUND, APQN_UNASSOCIATED
#define BOUND APQN_BOUND, APQN_UNASSOCIATED

#define MKVP "00112233445566778899aabbccddeeff"
#define MKVPS_VALID "WK CUR: valid 0x" MKVP MKVP "\nWK NEW: empty -\n"
#define MKVPS_INVALID "WK CUR: invalid -\nWK NEW: empty -\n"
#define MKVPS_UNKNOWN "WK CUR: - -\nWK NEW: - -\n"

struct bench {
	struct apqn apqn;
	struct queue_serialnr serialnr;
	struct queue_task task;
	enum queue_state before; /* before the last call */
	int64_t now_ms;
};

static inline void bench_begin(struct bench *bench, enum queue_goal goal, enum apqn_bind bind,
			       enum apqn_association association)
{
	*bench = (struct bench){
		.apqn = { .card = 0x11, .domain = 8, .generation = 8, .online = true, .mode = APQN_MODE_EP11 },
		.now_ms = START_MS,
	};
	bench->apqn.bind = bind;
	bench->apqn.association = association;
	bench->task.apqn = &bench->apqn;
	bench->task.serialnr = &bench->serialnr;
	bench->task.secret_index = SECRET;
	bench->task.state = queue_state_found(&bench->apqn);
	if (bench->task.state == QUEUE_FOUND)
		bench->task.state = QUEUE_BOUND;
	queue_task_begin(&bench->task, goal, bench->now_ms);
}

/* Makes the task's next call, and checks which it is. */
static inline void call(struct bench *bench, enum queue_call expected)
{
	bench->before = bench->task.state;
	queue_task_start(&bench->task);
	assert_int_equal(bench->task.call, expected);
}

static inline void answer(struct bench *bench, int error, const char *text)
{
	queue_task_done(&bench->task, error, text ? text : "", bench->now_ms);
	assert_int_equal(bench->task.call, CALL_NONE);
}

/* The last call showed that an unbind took effect. */
static inline bool released(const struct bench *bench)
{
	return queue_unbind_seen(bench->before, bench->task.state);
}

static inline void step(struct bench *bench, enum queue_call expected, int error, const char *text)
{
	call(bench, expected);
	answer(bench, error, text);
}
