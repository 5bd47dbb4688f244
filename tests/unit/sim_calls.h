/* SPDX-License-Identifier: MIT */
#pragma once

/* Short forms of calls on the simulated machine, for its tests. Include after cmocka.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/machine.h"
#include "sim/sim_machine.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MS INT64_C(1000)
#define S INT64_C(1000000)

#define UV_ADD 2
#define UV_LIST 3
#define UV_LOCK 4

#define MKVP "00112233445566778899aabbccddeeff0123456789abcdef0123456789abcdef"
#define ID_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ID_B "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

#define CARD "devices/ap/card11/"
#define QUEUE CARD "11.0008/"

/* One EP11 queue. */
#define ONE_QUEUE \
	"delay reset=20ms associate=30ms request=2ms\n" \
	"card 11 CEX8P serialnr=0123456789ABCDEF\n" \
	"queue 11.0008 mkvp=" MKVP "\n" \
	"secret 5 id=" ID_A "\n"

/* A machine long after its boot. */
static inline struct sim *settled(const char *topology)
{
	struct sim *sim = sim_new(topology);

	sim->options.settled = true;
	return sim;
}

/* One queue of every kind, and a second EP11 queue. */
#define ALL_KINDS \
	"card 11 CEX8P serialnr=0123456789ABCDEF\n" \
	"card 12 CEX4A\n" \
	"card 13 CEX6C\n" \
	"queue 11.0008 state=bound\n" \
	"queue 11.00ff\n" \
	"queue 12.0008\n" \
	"queue 13.0008\n"

static inline struct sim *make(const char *topology, enum sim_kernel_version kernel)
{
	struct sim *sim = settled(topology);

	sim->options.kernel = kernel;
	return sim;
}

/* Microseconds since the boot. */
static inline int64_t elapsed(struct sim *sim)
{
	return sim_now_us(sim) - 1 * S;
}

/* Fills in a call with this timeout. */
static inline void prepare(struct sim *sim, struct machine_call *call, enum machine_operation operation,
			   const char *path, int64_t limit_ms)
{
	static char data[MACHINE_TEXT_SIZE];

	*call = (struct machine_call){ .operation = operation, .data = data, .size = sizeof(data) };
	call->until_ms = machine_now_ms(&sim->machine) + limit_ms;
	snprintf(call->path, sizeof(call->path), "%s", path);
}

static inline void start(struct sim *sim, struct machine_call *call, enum machine_operation operation, const char *path,
			 int64_t limit_ms)
{
	prepare(sim, call, operation, path, limit_ms);
	assert_int_equal(machine_start(&sim->machine, call), 0);
}

static inline int write_text(struct sim *sim, const char *path, const char *text)
{
	struct machine_call call = { .operation = MACHINE_WRITE, .until_ms = MACHINE_FOREVER };
	char data[64];

	snprintf(call.path, sizeof(call.path), "%s", path);
	snprintf(data, sizeof(data), "%s", text);
	call.data = data;
	call.size = sizeof(data);
	call.length = strlen(data);
	return machine_perform(&sim->machine, &call);
}

/* Reads or lists. The text is valid until the next call. If the call fails, returns the name of the error. */
static inline const char *perform_text(struct sim *sim, enum machine_operation operation, const char *path)
{
	static char text[MACHINE_TEXT_SIZE];
	struct machine_call call = { .operation = operation, .data = text, .size = sizeof(text) };
	int error;

	call.until_ms = MACHINE_FOREVER;
	snprintf(call.path, sizeof(call.path), "%s", path);
	error = machine_perform(&sim->machine, &call);
	if (error < 0)
		return strerrorname_np(-error);
	assert_int_equal(call.length, strlen(text));
	return text;
}

#define assert_text(sim, path, expected) assert_string_equal(perform_text(sim, MACHINE_READ, path), expected)
#define assert_list(sim, path, expected) assert_string_equal(perform_text(sim, MACHINE_LIST, path), expected)

static inline int perform_uv(struct sim *sim, unsigned int command, void *data, size_t size, uint16_t *rc)
{
	struct machine_call call = { .operation = MACHINE_UV, .until_ms = MACHINE_FOREVER };
	int error;

	call.data = data;
	call.size = size;
	call.uv_command = command;
	error = machine_perform(&sim->machine, &call);
	*rc = call.uv_rc;
	assert_int_equal(call.uv_rrc, 0);
	return error;
}

static inline void sleep_us(struct sim *sim, int64_t us)
{
	int64_t until_us = sim_now_us(sim) + us;

	assert_int_equal(machine_sleep_until(&sim->machine, (until_us + 999) / 1000), 0);
}

/* Retries a bind until it succeeds. Returns how often it failed with EIO and with EBUSY. */
static inline void bind_retrying(struct sim *sim, const char *path, unsigned int *refused, unsigned int *busy)
{
	int error;

	*refused = 0;
	*busy = 0;
	do {
		error = write_text(sim, path, "1\n");
		*refused += error == -EIO;
		*busy += error == -EBUSY;
		if (error < 0)
			sleep_us(sim, 1 * MS);
	} while (error == -EIO || error == -EBUSY);
	assert_int_equal(error, 0);
}
