/* SPDX-License-Identifier: MIT */
#include "kernel/card_calls.h"

#include <errno.h>
#include <stdlib.h>

static int64_t call_limit_ms(const struct card_calls *calls)
{
	int64_t limit_ms = (calls->deadline_ms - machine_now_ms(calls->machine)) / 4;

	if (limit_ms < CARD_CALLS_LIMIT_MIN_MS)
		return CARD_CALLS_LIMIT_MIN_MS;
	return limit_ms < CARD_CALLS_LIMIT_MS ? limit_ms : CARD_CALLS_LIMIT_MS;
}

int card_calls_create(struct card_calls *calls, size_t count)
{
	/* calloc(0) may return NULL. */
	calls->list = calloc(count > 0 ? count : 1, sizeof(*calls->list));
	if (!calls->list)
		return -ENOMEM;
	calls->count = count;
	calls->limit_ms = call_limit_ms(calls);
	return 0;
}

void card_calls_release(struct card_calls *calls)
{
	free(calls->list);
	calls->list = NULL;
	calls->count = 0;
}

void card_calls_wake(struct card_calls *calls)
{
	for (size_t i = 0; i < calls->count; i++)
		calls->list[i].due_ms = 0;
}

static void prepare(const struct card_calls *calls, struct card_channel *channel, struct channel_call *slot)
{
	slot->channel = channel;
	slot->call = (struct machine_call){
		.operation = MACHINE_READ,
		.data = slot->text,
		.size = sizeof(slot->text),
		.channel = channel->card + 1U, /* 0 is MACHINE_NO_CARD */
		.limit_ms = calls->limit_ms,
		.until_ms = calls->deadline_ms,
	};
}

/* A new batch starts only after the previous one: its results may change what is called next. */
static int start_batch(struct card_calls *calls, struct card_channel *channel, int64_t now_ms)
{
	unsigned int count = 0;

	if (channel->under_way > 0 || channel->hung || channel->due_ms > now_ms)
		return 0;
	while (count < CARD_CALLS_BATCH_MAX) {
		struct channel_call *slot = &channel->calls[count];
		int r;

		prepare(calls, channel, slot);
		if (!calls->next(channel, &slot->call, now_ms, calls->context))
			break;
		r = machine_start(calls->machine, &slot->call);
		if (r < 0)
			return r;
		channel->under_way = ++count;
	}
	channel->since_ms = now_ms;
	return 0;
}

static int64_t earliest_due(const struct card_calls *calls, int64_t until_ms)
{
	for (size_t i = 0; i < calls->count; i++) {
		const struct card_channel *channel = &calls->list[i];

		if (channel->under_way == 0 && !channel->hung && channel->due_ms < until_ms)
			until_ms = channel->due_ms;
	}
	return until_ms;
}

/* Waits for a call to complete and passes it to done(). */
static int take_call(struct card_calls *calls, int64_t until_ms)
{
	struct machine_call *call;
	struct card_channel *channel;
	int64_t now_ms;
	int r = machine_wait(calls->machine, until_ms, &call);

	if (r < 0 || !call)
		return r;
	now_ms = machine_now_ms(calls->machine);
	channel = ((struct channel_call *)call)->channel;
	channel->under_way--;
	channel->hung = channel->hung || call->error == -ETIMEDOUT;
	channel->due_ms = 0;
	channel->since_ms = now_ms;
	calls->done(channel, call, now_ms, calls->context);
	return 0;
}

int card_calls_turn(struct card_calls *calls, int64_t until_ms)
{
	int64_t now_ms = machine_now_ms(calls->machine);
	int r;

	for (size_t i = 0; i < calls->count; i++) {
		r = start_batch(calls, &calls->list[i], now_ms);
		if (r < 0)
			return r;
	}
	return card_calls_idle(calls) ? 0 : take_call(calls, earliest_due(calls, until_ms));
}

int card_calls_finish(struct card_calls *calls)
{
	int r = 0;

	while (r == 0 && card_calls_busy(calls))
		r = take_call(calls, MACHINE_FOREVER);
	return r;
}

bool card_calls_busy(const struct card_calls *calls)
{
	for (size_t i = 0; i < calls->count; i++) {
		if (calls->list[i].under_way > 0)
			return true;
	}
	return false;
}

bool card_calls_idle(const struct card_calls *calls)
{
	return !card_calls_busy(calls) && earliest_due(calls, MACHINE_FOREVER) == MACHINE_FOREVER;
}
