/* SPDX-License-Identifier: MIT */
/* Whole runs that reach their timeout or are stopped by a signal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run_fixture.h"

#define UNBOUND "05.0001 bindable, 05.0002 bindable, 11.0001 bindable"

static const struct row rows[] = {
	/* The wait for the drivers counts towards the timeout. The queue is still unbound at the end. */
	{ .name = "one timeout for all stages",
	  .topology = SMALL "fault 11.0001 associate never\n", .yaml = ENTRY_A, .options.timeout_ms = 10000,
	  .booting = true,
	  .bindings_us = 8 * S, .queues = UNBOUND, .least_us = 8 * S, .most_us = 10 * S,
	  .log = { "error: entry #1: APQN 11.0001 fits, but the association did not end in time\n" } },
	{ .name = "no timeout",
	  .topology = SMALL, .yaml = ENTRY_A, .options.timeout_ms = -1, .booting = true, .bindings_us = 3600 * S,
	  .success = true, .queues = "05.0001 bindable, 05.0002 bindable, 11.0001 associated 5", .least_us = 3600 * S,
	  .most_us = 3601 * S },
	{ .name = "two calls do not return before the timeout, too early to count as hung",
	  .topology = SMALL "card 12 CEX8P\nqueue 12.0001 mkvp=" MKVP_A PAD "\n", .yaml = ENTRY_A,
	  .options.timeout_ms = 1000, .booting = true, .bindings_us = 800 * MS,
	  .injections = { { MACHINE_WRITE, "*/se_bind", SIM_HANG, 0, NULL, 0, 0 } },
	  .least_us = 1 * S, .most_us = 1 * S + 1 * MS,
	  .log = { "warning: APQN 11.0001: not ready to be bound in time",
		   "warning: APQN 12.0001: not ready to be bound in time" },
	  .not_log = { "timed out", STOPPED } },
	/* The card does not count as hung; the reason names the call. */
	{ .name = "the read of a state does not return before the timeout",
	  .topology = SMALL, .yaml = ENTRY_A, .options.timeout_ms = 1000, .booting = true, .bindings_us = 800 * MS,
	  .injections = { { MACHINE_READ, "*/11.0001/online", SIM_HANG, 0, NULL, 0, 0 } },
	  .least_us = 1 * S, .most_us = 1 * S + 1 * MS,
	  .log = { "warning: card11: not identified before the end of the run (11.0001/online); it is not used\n",
		   "error: entry #1: no APQN with mode EP11 is known to be online; APQN 11.0001: not identified before the "
		   "end of the run (11.0001/online)\n" },
	  .not_log = { "timed out" } },
	/* The queue is unbound in the time reserved for that. */
	{ .name = "a bind ends after the run has given up its queue",
	  .topology = SMALL "fault 11.0001 bind slow=280ms\n", .yaml = ENTRY_A, .options.timeout_ms = 10000,
	  .booting = true,
	  .bindings_us = 8800 * MS, .queues = UNBOUND, .least_us = 9 * S + 80 * MS, .most_us = 10 * S },
};

/* Whenever the signal arrives: the run ends and reports it once. */
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
	struct CMUnitTest tests[COUNT(rows) + 1] = { TEST(test_signal) };

	ADD_ROWS(tests + 1, rows);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
