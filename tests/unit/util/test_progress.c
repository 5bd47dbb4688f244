/* SPDX-License-Identifier: MIT */
/* Progress messages: what the run is waiting for, and for how long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/run_fixture.h"
#include "util/wait.h"

static void test_due(void **state)
{
	int64_t next_ms = 0;

	(void)state;
	assert_int_equal(progress_until(0, 5000), 5000);
	assert_int_equal(progress_until(0, MACHINE_FOREVER), 5000);
	assert_int_equal(progress_until(4500, 5000), 5000);
	assert_false(progress_is_due(5999, 1000, &next_ms));
	assert_true(progress_is_due(6000, 1000, &next_ms));
	assert_false(progress_is_due(10999, 1000, &next_ms));
	assert_true(progress_is_due(11000, 1000, &next_ms));
	/* A new wait, which has not lasted long enough. */
	assert_false(progress_is_due(16000, 11001, &next_ms));
}

static void test_run(void **state)
{
	struct fixture *fixture = *state;

	log_set_verbose(0);
	begin(fixture, SMALL "delay associate=12s\n", ENTRY_A);
	fixture->sim->options.settled = false;
	fixture->sim->options.bindings_us = 7 * INT64_C(1000) * MS;
	assert_true(run(fixture));
	assert_string_equal(fixture->log.text, "notice: waiting for the AP bus, 5 s; drivers bound: 0/3\n"
					       "notice: waiting for the association of 11.0001, 5 s\n"
					       "notice: waiting for the association of 11.0001, 10 s\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_due),
		TEST(test_run),
	};

	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
