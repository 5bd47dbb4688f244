/* SPDX-License-Identifier: MIT */
/* Whole runs that come to the end of their time, or are stopped by a signal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run_fixture.h"
#include "unit/between.h"

/* One deadline for everything: what the wait for the drivers takes is gone. */
static void test_one_deadline(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL "fault 11.0001 associate never\n", ENTRY_A);
	fixture->sim->options.settled = false;
	fixture->sim->options.bindings_us = 8 * S;
	fixture->options.timeout_ms = 10000;
	assert_false(run(fixture));
	assert_between(elapsed(fixture->sim), 8 * S, 10 * S);
	assert_non_null(strstr(fixture->log.text, "error: entry #1: APQN 11.0001 fits, but the association did "
						  "not end in time\n"));
	/* Tidied up all the same. */
	assert_int_equal(state_of(fixture, 0x11, 1), MODEL_BINDABLE);
}

static void test_no_deadline(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL, ENTRY_A);
	fixture->sim->options.settled = false;
	fixture->sim->options.bindings_us = 3600 * S;
	fixture->options.timeout_ms = 0;
	assert_true(run(fixture));
	assert_between(elapsed(fixture->sim), 3600 * S, 3601 * S);
}

/* Two calls at once do not come back before the deadline, which is too soon to call them hung. */
static void test_hung_at_the_deadline(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL "card 12 CEX8P\nqueue 12.0001 mkvp=" MKVP_A PAD "\n", ENTRY_A);
	inject(fixture, MACHINE_WRITE, "*/se_bind", SIM_HANG, 0);
	fixture->sim->options.settled = false;
	fixture->sim->options.bindings_us = 800 * MS;
	fixture->options.timeout_ms = 1000;
	assert_false(run(fixture));
	assert_between(elapsed(fixture->sim), 1 * S, 1 * S + 1 * MS);
	assert_non_null(strstr(fixture->log.text, "warning: APQN 11.0001: not ready to be bound in time"));
	assert_non_null(strstr(fixture->log.text, "warning: APQN 12.0001: not ready to be bound in time"));
	assert_null(strstr(fixture->log.text, "timed out"));
	assert_null(strstr(fixture->log.text, STOPPED));
}

/* The same for a read of the states: the card is not blamed, the reason names the call. */
static void test_states_at_the_deadline(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL, ENTRY_A);
	inject(fixture, MACHINE_READ, "*/11.0001/online", SIM_HANG, 0);
	fixture->sim->options.settled = false;
	fixture->sim->options.bindings_us = 800 * MS;
	fixture->options.timeout_ms = 1000;
	assert_false(run(fixture));
	assert_between(elapsed(fixture->sim), 1 * S, 1 * S + 1 * MS);
	assert_non_null(strstr(fixture->log.text, "warning: card11: not identified before the end of the run "
						  "(11.0001/online); it is not used\n"));
	assert_non_null(strstr(fixture->log.text, "error: entry #1: no APQN with mode EP11 is known to be online; "
						  "APQN 11.0001: not identified before the end of the run (11.0001/online)\n"));
	assert_null(strstr(fixture->log.text, "timed out"));
}

/* A bind that is through only after its queue was given up: it is unbound in the time kept for that. */
static void test_bind_ends_after_the_work_time(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL "fault 11.0001 bind slow=280ms\n", ENTRY_A);
	fixture->sim->options.settled = false;
	fixture->sim->options.bindings_us = 8800 * MS;
	fixture->options.timeout_ms = 10000;
	assert_false(run(fixture));
	assert_between(elapsed(fixture->sim), 9 * S + 80 * MS, 10 * S);
	assert_int_equal(state_of(fixture, 0x11, 1), MODEL_BINDABLE);
}

/* Wherever it comes: the run ends, and says why, once. */
static void test_signal(void **state)
{
	struct fixture *fixture = *state;
	size_t total;

	begin(fixture, SMALL, ENTRY_ACCEL ENTRY_A);
	assert_true(run(fixture));
	total = call_count(fixture);
	assert_true(total > 20);
	for (size_t calls = 0; calls < total; calls++) {
		begin(fixture, SMALL, ENTRY_ACCEL ENTRY_A);
		sim_stop_after(fixture->sim, calls);
		assert_false(run(fixture));
		assert_true(call_count(fixture) <= calls + 16);
		assert_non_null(strstr(fixture->log.text, "error: "));
		assert_string_equal(strstr(fixture->log.text, "error: "), STOPPED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_deadline),
		TEST(test_no_deadline),
		TEST(test_hung_at_the_deadline),
		TEST(test_states_at_the_deadline),
		TEST(test_bind_ends_after_the_work_time),
		TEST(test_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
