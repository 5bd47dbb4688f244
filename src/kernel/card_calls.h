/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Calls on cards, one after the other a card, the cards overlapping.
 *
 * Two calls on one card at the same time would gain nothing, because a card answers one after the other, and are
 * dangerous: a second identity read on a vanished card can lock up the kernel's bus scan (design decision 5). So
 * every card has a channel. Its user says what to call next, and hears how it went. Calls that do not depend on each
 * other are handed over in a row, which the machine makes one after the other without coming back to us in between. A
 * card that kept a call beyond its limit is never touched again.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/machine.h"

#define CARD_CALLS_CALL_LIMIT_MS 5000    /* far above what any healthy call takes (milliseconds) */
#define CARD_CALLS_CALL_LIMIT_MIN_MS 250 /* no healthy call should be given up because the time is short */
#define CARD_CALLS_BATCH_MAX 16          /* calls under way in one channel */
#define CARD_CALLS_TEXT_SIZE 256         /* bytes: above what any attribute of a card or queue has */

struct channel_call {
	struct machine_call call;
	struct card_channel *channel;
	char text[CARD_CALLS_TEXT_SIZE];
};

struct card_channel {
	uint8_t card;
	bool hung;              /* a call did not come back */
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
	int64_t limit_ms;    /* how long the kernel may keep a call; set by card_calls_create */
	/*
	 * Prepares a call by one of card_calls_read/card_calls_write/card_calls_list and returns true; or returns false with
	 * channel->due_ms set to when it wants to be asked again (MACHINE_FOREVER: not before card_calls_wake). Asked again
	 * and again until it returns false or the row is full: a call must not need the result of one that is under
	 * way. call->context is the user's.
	 */
	bool (*next)(struct card_channel *channel, struct machine_call *call, int64_t now_ms, void *context);
	/*
	 * The call is completed: look at its error and data. channel->hung is set if it did not come back, or was not made
	 * because the one before it did not.
	 */
	void (*done)(struct card_channel *channel, const struct machine_call *call, int64_t now_ms, void *context);
	void *context;
};

/*
 * Allocates `count` calls, all due at once, for the machine and until the deadline that are set already. A call may
 * take CARD_CALLS_CALL_LIMIT_MS, but at most a quarter of the time that is left now, so that a hung card does not cost
 * the others their time; not less than CARD_CALLS_CALL_LIMIT_MIN_MS. 0 or -ENOMEM.
 */
int card_calls_create(struct card_calls *calls, size_t count);
void card_calls_release(struct card_calls *calls);

/*
 * For next(): what to call. card_calls_list wants a larger buffer, which must live until the call is completed.
 */
void card_calls_read(struct machine_call *call, const char *path, ...) __attribute__((format(printf, 2, 3)));
void card_calls_write(struct machine_call *call, const char *text, const char *path, ...)
	__attribute__((format(printf, 3, 4)));
void card_calls_list(struct machine_call *call, char *names, size_t size, const char *path, ...)
	__attribute__((format(printf, 4, 5)));

/* Has every idle channel asked again. */
void card_calls_wake(struct card_calls *calls);

/*
 * Starts what can be started, then waits until until_ms at the latest for one call to complete, and hands it to
 * done(). Returns at once if nothing is under way or due later. 0 or negative errno (-EINTR: the program is to stop).
 */
int card_calls_turn(struct card_calls *calls, int64_t until_ms);

/*
 * Waits for the calls that are under way and starts none: they live in the calls, which must not be released before.
 * Takes no longer than until the deadline. 0 or negative errno, as above; after either the machine does not touch
 * them any more.
 */
int card_calls_finish(struct card_calls *calls);

bool card_calls_busy(const struct card_calls *calls); /* a call is under way */

/* True if no call is under way and no channel wants to be asked again. */
bool card_calls_idle(const struct card_calls *calls);
