/* SPDX-License-Identifier: MIT */
/* Lanes of the Linux half of the machine: what stays in order, and what a call that does not come back costs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/kernel/linux_fixture.h"

/* Calls of a lane are made in the order of their start, rows and all, also while another lane holds a worker. */
static void test_lane_keeps_order(void **state)
{
	enum { CALLS = 40 };
	struct fixture *fixture = *state;
	struct machine_call calls[CALLS], blocked, *done;
	char texts[CALLS][16], blocked_text[16];

	blocked = reading(fixture, "blocks", blocked_text, sizeof(blocked_text));
	blocked.lane = 1;
	blocked.until_ms = machine_now_ms(fixture->machine) + SHORT_MS;
	assert_int_equal(machine_start(fixture->machine, &blocked), 0);
	for (int i = 0; i < CALLS; i++) {
		calls[i] = reading(fixture, "text", texts[i], sizeof(texts[i]));
		calls[i].lane = 2;
		if (i % 2 == 0) {
			calls[i].operation = MACHINE_WRITE;
			calls[i].length = (size_t)snprintf(texts[i], sizeof(texts[i]), "%07d", i);
		}
		assert_int_equal(machine_start(fixture->machine, &calls[i]), 0);
	}
	for (int i = 0; i < CALLS; i++) {
		assert_int_equal(machine_wait(fixture->machine, MACHINE_FOREVER, &done), 0);
		assert_ptr_equal(done, &calls[i]);
		assert_int_equal(done->error, 0);
		if (i % 2 == 1)
			assert_int_equal(atoi(texts[i]), i - 1);
	}
	assert_int_equal(machine_wait(fixture->machine, MACHINE_FOREVER, &done), 0);
	assert_ptr_equal(done, &blocked);
}

/* What stands behind a call that does not come back is not made. */
static void check_blocked_lane(struct fixture *fixture, bool quick)
{
	char texts[2][16] = { "", "untouched" };
	struct machine_call first = reading(fixture, "blocks", texts[0], sizeof(texts[0]));
	struct machine_call second = reading(fixture, "text", texts[1], sizeof(texts[1]));
	struct machine_call *done;

	first.lane = second.lane = 7;
	first.quick = quick;
	first.limit_ms = SHORT_MS;
	assert_int_equal(machine_start(fixture->machine, &first), 0);
	assert_int_equal(machine_start(fixture->machine, &second), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(machine_wait(fixture->machine, MACHINE_FOREVER, &done), 0);
		assert_ptr_equal(done, i == 0 ? &first : &second);
		assert_int_equal(done->error, -ETIMEDOUT);
	}
	assert_string_equal(texts[1], "untouched");
}

static void test_lane_ends_with_a_blocked_call(void **state)
{
	check_blocked_lane(*state, false);
}

/* The same where the two kinds of calls are not made in one row. */
static void test_lane_ends_with_a_blocked_quick_call(void **state)
{
	check_blocked_lane(*state, true);
}

/* A quick call that does not come back costs its own lane; what stood behind it in others is made all the same. */
static void test_quick_row_survives_a_blocked_call(void **state)
{
	struct fixture *fixture = *state;
	struct machine_call calls[4], *done;
	char texts[4][16];
	int timeouts = 0, good = 0;

	for (unsigned int i = 0; i < 4; i++) {
		/* Lane 1 reads well, then blocks, then has one more; lane 2 stands behind. */
		calls[i] = reading(fixture, i == 1 ? "blocks" : "text", texts[i], sizeof(texts[i]));
		calls[i].quick = true;
		calls[i].lane = i < 3 ? 1 : 2;
		calls[i].limit_ms = SHORT_MS;
		assert_int_equal(machine_start(fixture->machine, &calls[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		assert_int_equal(machine_wait(fixture->machine, MACHINE_FOREVER, &done), 0);
		assert_non_null(done);
		timeouts += done->error == -ETIMEDOUT;
		good += done->error == 0;
	}
	assert_int_equal(timeouts, 2);
	assert_int_equal(good, 2);
	assert_int_equal(calls[0].error, 0);
	assert_int_equal(calls[1].error, -ETIMEDOUT);
	assert_int_equal(calls[2].error, -ETIMEDOUT);
	assert_int_equal(calls[3].error, 0);
	assert_string_equal(texts[3], "unbound\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lane_keeps_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lane_ends_with_a_blocked_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lane_ends_with_a_blocked_quick_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quick_row_survives_a_blocked_call, setup, teardown),
	};

	return cmocka_run_group_tests_name("machine_linux_lanes", tests, NULL, NULL);
}
