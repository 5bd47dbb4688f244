/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Calls on cards: one at a time per card, many cards at a time.
 *
 * Two simultaneous calls on one card gain nothing, because a card answers one after the other, and are dangerous: a
 * second identity read on a vanished card can lock up the kernel's bus scan. So every card has a channel. The user of
 * a channel names the next call and gets its result. Calls that do not depend on each other are started as a batch,
 * which the machine makes without a switch between processes. A card on which a call exceeded its limit is never used
 * again.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/machine.h"

#define CARD_CALLS_LIMIT_MS 5000    /* far above what any healthy call takes (milliseconds) */
#define CARD_CALLS_LIMIT_MIN_MS 250 /* lower bound of the limit, so that no healthy call times out in a short run */
#define CARD_CALLS_BATCH_MAX 16     /* calls under way in one channel */
#define CARD_CALLS_TEXT_SIZE 256    /* bytes: above what any attribute of a card or queue has */

struct channel_call {
	struct machine_call call; /* the first member: a completed call leads to its channel */
	struct card_channel *channel;
	char text[CARD_CALLS_TEXT_SIZE];
};

struct card_channel {
	uint8_t card;
	bool hung;              /* a call exceeded its limit, or was under way at the deadline */
	unsigned int under_way; /* calls */
	int64_t since_ms;       /* when the last of them completed, or the first was started */
	int64_t due_ms;         /* do not ask again before; set by next() */
	struct channel_call calls[CARD_CALLS_BATCH_MAX];
};

struct card_calls {
	struct machine *machine;
	struct card_channel *list;
	size_t count;
	int64_t deadline_ms; /* every call ends then at the latest */
	int64_t limit_ms;    /* time limit of a call in the kernel; set by card_calls_create */
	/*
	 * Names the next call. True: it has set call->path, and that is all for a read of at most
	 * CARD_CALLS_TEXT_SIZE bytes. For a write it has also set the operation, the text in call->data, and its
	 * length; for a list the operation, and data and size to memory that lives until the call is completed.
	 * call->context belongs to the user. False: it has set channel->due_ms to when it is to be asked again
	 * (MACHINE_FOREVER: not before card_calls_wake). It is asked until it says false or the batch is full, so
	 * no call may need the result of another one of the batch.
	 */
	bool (*next)(struct card_channel *channel, struct machine_call *call, int64_t now_ms, void *context);
	/*
	 * The call is completed. channel->hung is set if it timed out, or was not made because the one before it did.
	 */
	void (*done)(struct card_channel *channel, const struct machine_call *call, int64_t now_ms, void *context);
	void *context;
};

/*
 * Allocates `count` channels, all due at once; machine and deadline are set before. The limit of a call is
 * CARD_CALLS_LIMIT_MS, but at most a quarter of the time that is left, so that a hung card does not use up the time
 * of the others, and at least CARD_CALLS_LIMIT_MIN_MS. 0 or -ENOMEM.
 */
int card_calls_create(struct card_calls *calls, size_t count);
void card_calls_release(struct card_calls *calls);

/* Makes all channels due. */
void card_calls_wake(struct card_calls *calls);

/*
 * Starts all calls that are due, then waits until until_ms for one call to complete, and passes it to done(). Returns
 * at once if card_calls_idle(). 0 or negative errno (-EINTR: stopped by a signal).
 */
int card_calls_turn(struct card_calls *calls, int64_t until_ms);

/*
 * Waits for the calls that are under way and starts none. They are part of the channels, which must not be released
 * before. Ends at the deadline. 0 or negative errno, as above; afterwards the machine does not touch the calls any
 * more.
 */
int card_calls_finish(struct card_calls *calls);

bool card_calls_busy(const struct card_calls *calls); /* a call is under way */

/* True if no call is under way and no channel is due later. */
bool card_calls_idle(const struct card_calls *calls);
