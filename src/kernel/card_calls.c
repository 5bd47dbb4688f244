/* SPDX-License-Identifier: MIT */
#include "kernel/card_calls.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t call_limit_ms(const struct lanes *lanes)
{
	int64_t limit_ms = (lanes->deadline_ms - machine_now_ms(lanes->machine)) / 4;

	if (limit_ms < LANES_CALL_LIMIT_MIN_MS)
		return LANES_CALL_LIMIT_MIN_MS;
	return limit_ms < LANES_CALL_LIMIT_MS ? limit_ms : LANES_CALL_LIMIT_MS;
}

int lanes_create(struct lanes *lanes, size_t count)
{
	/* At least one, so that an empty bus does not look like a lack of memory. */
	lanes->list = calloc(count > 0 ? count : 1, sizeof(*lanes->list));
	if (!lanes->list)
		return -ENOMEM;
	lanes->count = count;
	lanes->limit_ms = call_limit_ms(lanes);
	return 0;
}

void lanes_release(struct lanes *lanes)
{
	free(lanes->list);
	lanes->list = NULL;
	lanes->count = 0;
}

/* Paths are made of card and queue names and fixed words: they fit. */
static void set_path(struct machine_call *call, const char *path, va_list arguments)
	__attribute__((format(printf, 2, 0)));

static void set_path(struct machine_call *call, const char *path, va_list arguments)
{
	vsnprintf(call->path, sizeof(call->path), path, arguments);
}

void lanes_read(struct machine_call *call, const char *path, ...)
{
	va_list arguments;

	call->operation = MACHINE_READ;
	va_start(arguments, path);
	set_path(call, path, arguments);
	va_end(arguments);
}

void lanes_write(struct machine_call *call, const char *text, const char *path, ...)
{
	va_list arguments;

	call->operation = MACHINE_WRITE;
	snprintf(call->data, call->size, "%s", text);
	call->length = strlen(call->data);
	va_start(arguments, path);
	set_path(call, path, arguments);
	va_end(arguments);
}

void lanes_list(struct machine_call *call, char *names, size_t size, const char *path, ...)
{
	va_list arguments;

	call->operation = MACHINE_LIST;
	call->data = names;
	call->size = size;
	va_start(arguments, path);
	set_path(call, path, arguments);
	va_end(arguments);
}

void lanes_wake(struct lanes *lanes)
{
	for (size_t i = 0; i < lanes->count; i++)
		lanes->list[i].due_ms = 0;
}

static void prepare(const struct lanes *lanes, struct lane *lane, struct lane_call *slot)
{
	slot->lane = lane;
	slot->call = (struct machine_call){
		.data = slot->text,
		.size = sizeof(slot->text),
		.lane = lane->card + 1U, /* 0 is MACHINE_NO_LANE */
		.limit_ms = lanes->limit_ms,
		.until_ms = lanes->deadline_ms,
	};
}

/* A new row is begun only when the one before is through: what it brought may change what is to be called. */
static int start_row(struct lanes *lanes, struct lane *lane, int64_t now_ms)
{
	unsigned int count = 0;

	if (lane->under_way > 0 || lane->stuck || lane->due_ms > now_ms)
		return 0;
	while (count < LANES_ROW_MAX) {
		struct lane_call *slot = &lane->calls[count];
		int r;

		prepare(lanes, lane, slot);
		if (!lanes->next(lane, &slot->call, now_ms, lanes->context))
			break;
		r = machine_start(lanes->machine, &slot->call);
		if (r < 0)
			return r;
		lane->under_way = ++count;
	}
	lane->since_ms = now_ms;
	return 0;
}

static int64_t earliest_due(const struct lanes *lanes, int64_t until_ms)
{
	for (size_t i = 0; i < lanes->count; i++) {
		const struct lane *lane = &lanes->list[i];

		if (lane->under_way == 0 && !lane->stuck && lane->due_ms < until_ms)
			until_ms = lane->due_ms;
	}
	return until_ms;
}

/* The slot that a completed call lies in. */
static struct lane_call *slot_of(struct machine_call *call)
{
	return (struct lane_call *)((char *)call - offsetof(struct lane_call, call));
}

/* Waits for a call and hands it to the user. */
static int take_call(struct lanes *lanes, int64_t until_ms)
{
	struct machine_call *call;
	struct lane *lane;
	int64_t now_ms;
	int r = machine_wait(lanes->machine, until_ms, &call);

	if (r < 0 || !call)
		return r;
	now_ms = machine_now_ms(lanes->machine);
	lane = slot_of(call)->lane;
	lane->under_way--;
	lane->stuck = lane->stuck || call->error == -ETIMEDOUT;
	lane->due_ms = 0;
	lane->since_ms = now_ms;
	lanes->done(lane, call, now_ms, lanes->context);
	return 0;
}

int lanes_turn(struct lanes *lanes, int64_t until_ms)
{
	int64_t now_ms = machine_now_ms(lanes->machine);
	int r;

	for (size_t i = 0; i < lanes->count; i++) {
		r = start_row(lanes, &lanes->list[i], now_ms);
		if (r < 0)
			return r;
	}
	return lanes_idle(lanes) ? 0 : take_call(lanes, earliest_due(lanes, until_ms));
}

int lanes_finish(struct lanes *lanes)
{
	int r = 0;

	while (r == 0 && lanes_busy(lanes))
		r = take_call(lanes, MACHINE_FOREVER);
	return r;
}

bool lanes_busy(const struct lanes *lanes)
{
	for (size_t i = 0; i < lanes->count; i++) {
		if (lanes->list[i].under_way > 0)
			return true;
	}
	return false;
}

bool lanes_idle(const struct lanes *lanes)
{
	for (size_t i = 0; i < lanes->count; i++) {
		const struct lane *lane = &lanes->list[i];

		if (lane->under_way > 0 || (!lane->stuck && lane->due_ms != MACHINE_FOREVER))
			return false;
	}
	return true;
}
