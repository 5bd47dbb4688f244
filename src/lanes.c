/* SPDX-License-Identifier: MIT */
#include "lanes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int lanes_create(struct lanes *lanes, size_t count)
{
	/* At least one, so that an empty bus does not look like a lack of memory. */
	lanes->list = calloc(count > 0 ? count : 1, sizeof(*lanes->list));
	if (!lanes->list)
		return -ENOMEM;
	lanes->count = count;
	return 0;
}

void lanes_release(struct lanes *lanes)
{
	free(lanes->list);
	lanes->list = NULL;
	lanes->count = 0;
}

static void prepare(struct lane *lane, enum machine_operation operation, const char *path, va_list arguments)
{
	memset(&lane->call, 0, sizeof(lane->call));
	lane->call.operation = operation;
	lane->call.data = lane->data;
	lane->call.size = sizeof(lane->data);
	lane->call.context = lane;
	/* Paths are made of card and queue names and fixed words: they fit. */
	vsnprintf(lane->call.path, sizeof(lane->call.path), path, arguments);
}

void lanes_read(struct lane *lane, const char *path, ...)
{
	va_list arguments;

	va_start(arguments, path);
	prepare(lane, MACHINE_READ, path, arguments);
	va_end(arguments);
}

void lanes_list(struct lane *lane, const char *path, ...)
{
	va_list arguments;

	va_start(arguments, path);
	prepare(lane, MACHINE_LIST, path, arguments);
	va_end(arguments);
}

void lanes_write(struct lane *lane, const char *text, const char *path, ...)
{
	va_list arguments;

	va_start(arguments, path);
	prepare(lane, MACHINE_WRITE, path, arguments);
	va_end(arguments);
	snprintf(lane->data, sizeof(lane->data), "%s", text);
	lane->call.length = strlen(lane->data);
}

void lanes_wake(struct lanes *lanes)
{
	for (size_t i = 0; i < lanes->count; i++)
		lanes->list[i].due_ms = 0;
}

static int64_t call_limit(const struct lanes *lanes, int64_t now_ms)
{
	int64_t limit_ms = now_ms + LANES_CALL_LIMIT_MS;

	return limit_ms < lanes->deadline_ms ? limit_ms : lanes->deadline_ms;
}

static int start_due(struct lanes *lanes, struct lane *lane, int64_t now_ms)
{
	int r;

	if (lane->busy || lane->stuck || lane->due_ms > now_ms || !lanes->next(lane, now_ms, lanes->context))
		return 0;
	lane->call.until_ms = call_limit(lanes, now_ms);
	r = machine_start(lanes->machine, &lane->call);
	if (r < 0)
		return r;
	lane->busy = true;
	lane->since_ms = now_ms;
	return 0;
}

static int64_t earliest_due(const struct lanes *lanes, int64_t until_ms)
{
	for (size_t i = 0; i < lanes->count; i++) {
		const struct lane *lane = &lanes->list[i];

		if (!lane->busy && !lane->stuck && lane->due_ms < until_ms)
			until_ms = lane->due_ms;
	}
	return until_ms;
}

int lanes_turn(struct lanes *lanes, int64_t until_ms)
{
	int64_t now_ms = machine_now_ms(lanes->machine);
	struct machine_call *call;
	struct lane *lane;
	int r;

	for (size_t i = 0; i < lanes->count; i++) {
		r = start_due(lanes, &lanes->list[i], now_ms);
		if (r < 0)
			return r;
	}
	if (lanes_idle(lanes))
		return 0;
	r = machine_wait(lanes->machine, earliest_due(lanes, until_ms), &call);
	if (r < 0 || !call)
		return r;
	lane = call->context;
	lane->busy = false;
	lane->stuck = call->error == -ETIMEDOUT;
	lane->due_ms = 0;
	lanes->done(lane, machine_now_ms(lanes->machine), lanes->context);
	return 0;
}

bool lanes_idle(const struct lanes *lanes)
{
	for (size_t i = 0; i < lanes->count; i++) {
		const struct lane *lane = &lanes->list[i];

		if (lane->busy || (!lane->stuck && lane->due_ms != MACHINE_FOREVER))
			return false;
	}
	return true;
}
