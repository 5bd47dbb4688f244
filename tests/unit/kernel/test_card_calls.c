/* SPDX-License-Identifier: MIT */
/* One channel per card: batches of calls, concurrent cards, and hung cards, on the simulated machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/card_calls.h"
#include "unit/between.h"
#include "unit/sim_calls.h"

#define CARDS 3
#define TEXT_SIZE 4096

/* Every card needs a number of reads of its type. The callbacks record what happens. */
struct user {
	struct sim *sim;
	struct card_calls calls;
	unsigned int wanted[CARDS];
	unsigned int asked[CARDS]; /* how often next() was called */
	unsigned int started[CARDS];
	unsigned int done[CARDS];
	unsigned int hung[CARDS];
	unsigned int in_batch_max;
	int64_t due_ms; /* set by a channel without calls */
	const char *attribute;
	char texts[TEXT_SIZE]; /* of all completed calls */
};

static size_t number_of(const struct user *user, const struct card_channel *channel)
{
	return (size_t)(channel - user->calls.list);
}

static bool next(struct card_channel *channel, struct machine_call *call, int64_t now_ms, void *context)
{
	struct user *user = context;
	size_t n = number_of(user, channel);

	assert_int_equal(now_ms, machine_now_ms(&user->sim->machine));
	user->asked[n]++;
	if (user->started[n] == user->wanted[n]) {
		channel->due_ms = user->due_ms;
		return false;
	}
	assert_false(channel->hung);
	if (channel->under_way + 1 > user->in_batch_max)
		user->in_batch_max = channel->under_way + 1;
	user->started[n]++;
	call->context = &user->wanted[n];
	snprintf(call->path, sizeof(call->path), "devices/ap/card%02x/%s", channel->card, user->attribute);
	return true;
}

static void done(struct card_channel *channel, const struct machine_call *call, int64_t now_ms, void *context)
{
	struct user *user = context;
	size_t n = number_of(user, channel), used = strlen(user->texts);

	assert_int_equal(now_ms, machine_now_ms(&user->sim->machine));
	assert_ptr_equal(call->context, &user->wanted[n]);
	user->done[n]++;
	user->hung[n] += channel->hung;
	if (call->error == 0 && used < sizeof(user->texts))
		snprintf(user->texts + used, sizeof(user->texts) - used, "%02x %s", channel->card, call->data);
}

#define TOPOLOGY "card 11 CEX8P\nqueue 11.0008\ncard 12 CEX7P\nqueue 12.0008\ncard 13 CEX6P\nqueue 13.0008\n"

static int setup(void **state)
{
	struct user *user = calloc(1, sizeof(*user));

	user->sim = settled(TOPOLOGY);
	user->attribute = "type";
	user->due_ms = MACHINE_FOREVER;
	user->calls = (struct card_calls){ .machine = &user->sim->machine, .next = next, .done = done };
	user->calls.deadline_ms = MACHINE_FOREVER;
	user->calls.context = user;
	assert_int_equal(card_calls_create(&user->calls, CARDS), 0);
	for (size_t i = 0; i < CARDS; i++)
		user->calls.list[i].card = (uint8_t)(0x11 + i);
	*state = user;
	return 0;
}

static int teardown(void **state)
{
	struct user *user = *state;

	card_calls_release(&user->calls);
	sim_free(user->sim);
	free(user);
	return 0;
}

/* Runs turns until there is nothing left to do. */
static void run(struct user *user)
{
	while (!card_calls_idle(&user->calls))
		assert_int_equal(card_calls_turn(&user->calls, MACHINE_FOREVER), 0);
}

static void hang(struct user *user, const char *path, unsigned int after)
{
	sim_inject(user->sim, &(struct sim_injection){ MACHINE_READ, path, SIM_HANG, 0, NULL, after, 0 });
}

/* --- calls and their results ------------------------------------------------------------------------ */

static void test_results_go_to_their_channel(void **state)
{
	struct user *user = *state;

	user->wanted[0] = 2;
	user->wanted[2] = 1;
	run(user);
	assert_int_equal(user->done[0], 2);
	assert_int_equal(user->done[1], 0);
	assert_int_equal(user->done[2], 1);
	assert_string_equal(user->texts, "11 CEX8P\n13 CEX6P\n11 CEX8P\n");
}

static void test_nothing_to_do(void **state)
{
	struct user *user = *state;
	struct card_calls none = { .machine = &user->sim->machine, .next = next, .done = done, .context = user };

	/* All calls are due at first. */
	assert_false(card_calls_idle(&user->calls));
	assert_int_equal(card_calls_turn(&user->calls, MACHINE_FOREVER), 0);
	for (size_t i = 0; i < CARDS; i++)
		assert_int_equal(user->asked[i], 1);
	assert_true(card_calls_idle(&user->calls));
	assert_int_equal(card_calls_turn(&user->calls, MACHINE_FOREVER), 0);
	assert_int_equal(user->asked[0], 1);
	card_calls_wake(&user->calls);
	assert_false(card_calls_idle(&user->calls));
	assert_int_equal(card_calls_turn(&user->calls, MACHINE_FOREVER), 0);
	assert_int_equal(user->asked[0], 2);

	assert_int_equal(card_calls_create(&none, 0), 0);
	assert_true(card_calls_idle(&none));
	assert_int_equal(card_calls_turn(&none, MACHINE_FOREVER), 0);
	card_calls_release(&none);
}

/* --- batches ------------------------------------------------------------------------------------------- */

static void test_batches(void **state)
{
	struct user *user = *state;

	user->wanted[1] = CARD_CALLS_BATCH_MAX + 3;
	/* A turn starts a whole batch and returns after one completed call. */
	assert_int_equal(card_calls_turn(&user->calls, MACHINE_FOREVER), 0);
	assert_int_equal(user->started[1], CARD_CALLS_BATCH_MAX);
	assert_int_equal(user->done[1], 1);
	assert_true(card_calls_busy(&user->calls));
	/* The next batch begins only when this one is complete. */
	for (unsigned int i = 1; i < CARD_CALLS_BATCH_MAX; i++) {
		assert_int_equal(user->started[1], CARD_CALLS_BATCH_MAX);
		assert_int_equal(card_calls_turn(&user->calls, MACHINE_FOREVER), 0);
	}
	assert_int_equal(user->done[1], CARD_CALLS_BATCH_MAX);
	assert_false(card_calls_busy(&user->calls));
	run(user);
	assert_int_equal(user->done[1], CARD_CALLS_BATCH_MAX + 3);
	assert_int_equal(user->in_batch_max, CARD_CALLS_BATCH_MAX);
}

/* Calls of one card are made one after the other, calls of different cards concurrently. */
static void test_cards_overlap(void **state)
{
	struct user *user = *state;
	const struct sim_record *journal;
	int64_t start_us = sim_now_us(user->sim), end_us[CARDS] = { 0 };
	size_t count;

	for (size_t i = 0; i < CARDS; i++)
		user->wanted[i] = 20;
	run(user);
	assert_int_equal(sim_now_us(user->sim) - start_us, 20 * user->sim->options.read_us);
	journal = sim_journal(user->sim, &count);
	assert_int_equal(count, 60);
	for (size_t i = 0; i < count; i++) {
		size_t card = (size_t)(journal[i].path[strlen("devices/ap/card1")] - '1');

		assert_true(journal[i].start_us >= end_us[card]);
		end_us[card] = journal[i].end_us;
	}
}

/* --- time ------------------------------------------------------------------------------------------- */

/* A channel that is due later is asked at that time, and a turn does not wait longer than its caller allows. */
static void test_due_later(void **state)
{
	struct user *user = *state;
	int64_t start_ms = machine_now_ms(&user->sim->machine);

	user->due_ms = start_ms + 50;
	assert_int_equal(card_calls_turn(&user->calls, start_ms + 20), 0);
	assert_int_equal(machine_now_ms(&user->sim->machine), start_ms + 20);
	assert_int_equal(user->asked[0], 1);
	assert_false(card_calls_idle(&user->calls));
	assert_int_equal(card_calls_turn(&user->calls, MACHINE_FOREVER), 0);
	assert_int_equal(machine_now_ms(&user->sim->machine), start_ms + 50);
	assert_int_equal(user->asked[0], 1);
	user->due_ms = MACHINE_FOREVER;
	assert_int_equal(card_calls_turn(&user->calls, MACHINE_FOREVER), 0);
	assert_int_equal(user->asked[0], 2);
	assert_true(card_calls_idle(&user->calls));
}

/* While a call of one card hangs, other cards are served when they are due. */
static void test_due_while_another_is_busy(void **state)
{
	struct user *user = *state;
	int64_t start_ms = machine_now_ms(&user->sim->machine);

	hang(user, "*/card11/*", 0);
	user->wanted[0] = 1;
	user->due_ms = start_ms + 50;
	assert_int_equal(card_calls_turn(&user->calls, MACHINE_FOREVER), 0);
	assert_int_equal(machine_now_ms(&user->sim->machine), start_ms + 50);
	assert_int_equal(user->done[0], 0);
	user->wanted[1] = 1;
	user->due_ms = MACHINE_FOREVER;
	assert_int_equal(card_calls_turn(&user->calls, MACHINE_FOREVER), 0);
	assert_int_equal(user->done[1], 1);
}

/* --- hung cards ------------------------------------------------------------------------------------ */

static void test_hung_card(void **state)
{
	struct user *user = *state;
	int64_t start_ms = machine_now_ms(&user->sim->machine);

	/* The third call hangs: two complete, two are never made. */
	hang(user, "*/card12/*", 2);
	for (size_t i = 0; i < CARDS; i++)
		user->wanted[i] = 5;
	run(user);
	assert_int_equal(user->done[1], 5);
	assert_int_equal(user->hung[1], 3);
	assert_true(user->calls.list[1].hung);
	assert_int_equal(sim_count(user->sim, MACHINE_READ, "*/card12/*"), 3);
	assert_between(machine_now_ms(&user->sim->machine) - start_ms, CARD_CALLS_LIMIT_MS, CARD_CALLS_LIMIT_MS + 1);
	for (size_t i = 0; i < CARDS; i += 2) {
		assert_int_equal(user->done[i], 5);
		assert_int_equal(user->hung[i], 0);
	}
	/* It is never asked again. */
	user->asked[1] = 0;
	user->wanted[1] = 9;
	card_calls_wake(&user->calls);
	run(user);
	assert_int_equal(user->asked[1], 0);
	assert_int_equal(sim_count(user->sim, MACHINE_READ, "*/card12/*"), 3);
}

/* The limit applies to each call, not to the batch. */
static void test_limit_of_each_call(void **state)
{
	struct user *user = *state;

	user->sim->options.read_us = 4 * S;
	user->wanted[0] = 4;
	run(user);
	assert_int_equal(user->done[0], 4);
	assert_int_equal(user->hung[0], 0);
}

/* The less time is left, the shorter the timeout of a call, so that the other cards are not starved. */
static void test_limit_with_little_time(void **state)
{
	static const struct {
		int64_t time_ms, limit_ms;
	} cases[] = {
		{ 60000, CARD_CALLS_LIMIT_MS },
		{ 20000, 5000 },
		{ 4000, 1000 },
		{ 1000, CARD_CALLS_LIMIT_MIN_MS },
		{ 400, CARD_CALLS_LIMIT_MIN_MS },
		{ 100, 100 },
		{ 0, 0 },
	};
	struct user *user = *state;

	hang(user, "*/card11/*", 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t start_ms = machine_now_ms(&user->sim->machine);

		card_calls_release(&user->calls);
		user->calls.deadline_ms = start_ms + cases[i].time_ms;
		assert_int_equal(card_calls_create(&user->calls, CARDS), 0);
		user->calls.list[0].card = 0x11;
		user->started[0] = 0;
		user->wanted[0] = 2;
		run(user);
		assert_true(user->calls.list[0].hung);
		assert_int_equal(machine_now_ms(&user->sim->machine) - start_ms, cases[i].limit_ms);
	}
}

static void test_deadline(void **state)
{
	struct user *user = *state;
	int64_t start_ms = machine_now_ms(&user->sim->machine);

	user->calls.deadline_ms = start_ms + 1000;
	hang(user, "*/card11/*", 0);
	user->wanted[0] = 1;
	run(user);
	assert_int_equal(user->hung[0], 1);
	assert_int_equal(machine_now_ms(&user->sim->machine), start_ms + 1000);
}

/* --- the end ---------------------------------------------------------------------------------------- */

/* All calls under way complete, and no call is started. */
static void test_finish(void **state)
{
	struct user *user = *state;

	hang(user, "*/card11/*", 0);
	user->wanted[0] = 2;
	user->wanted[1] = CARD_CALLS_BATCH_MAX + 1;
	assert_int_equal(card_calls_turn(&user->calls, MACHINE_FOREVER), 0);
	assert_true(card_calls_busy(&user->calls));
	assert_int_equal(card_calls_finish(&user->calls), 0);
	assert_false(card_calls_busy(&user->calls));
	assert_int_equal(user->done[0], 2);
	assert_int_equal(user->hung[0], 2);
	assert_int_equal(user->done[1], CARD_CALLS_BATCH_MAX);
	assert_int_equal(card_calls_finish(&user->calls), 0);
}

static void test_signal(void **state)
{
	struct user *user = *state;

	sim_stop_after(user->sim, 1);
	user->wanted[0] = 3;
	assert_int_equal(card_calls_turn(&user->calls, MACHINE_FOREVER), -EINTR);
	assert_int_equal(card_calls_finish(&user->calls), -EINTR);
	assert_int_equal(user->done[0], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_results_go_to_their_channel),
		TEST(test_nothing_to_do),
		TEST(test_batches),
		TEST(test_cards_overlap),
		TEST(test_due_later),
		TEST(test_due_while_another_is_busy),
		TEST(test_hung_card),
		TEST(test_limit_of_each_call),
		TEST(test_limit_with_little_time),
		TEST(test_deadline),
		TEST(test_finish),
		TEST(test_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
