/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "unit/model/model_calls.h"

static void fault_response(void **state)
{
	static const enum model_response expected[] = { MODEL_BIND_LIMIT, MODEL_BIND_LIMIT, MODEL_OK };

	(void)state;
	load(MACHINE "fault 11.* bind rc=33 after=1 times=2\n");
	assert_int_equal(bapq(0x1208, 0), MODEL_OK);
	/* Refused because of its state: the fault does not count it. */
	assert_int_equal(bapq(0x1109, 0), MODEL_BIND_ERROR);
	assert_int_equal(bapq(0x1108, 0), MODEL_OK);
	for (size_t i = 0; i < COUNT(expected); i++) {
		assert_int_equal(rapq(0x1108, true, (int64_t)i * 20 * MS), MODEL_OK);
		assert_int_equal(bapq(0x1108, (int64_t)(i + 1) * 20 * MS), expected[i]);
	}

	load(MACHINE "fault 11.0008 test rc=5\nfault 11.0009 request rc=b times=1\n"
		     "fault 11.000a unbind rc=5 times=1\n");
	assert_int_equal(tapq(0x1108, 0, MODEL_BUSY).bind_state, MODEL_BINDABLE);
	tapq(0x1108, 0, MODEL_BUSY);
	tapq(0x1109, 0, MODEL_OK);
	assert_int_equal(request(0x1109, 0, &(int64_t){ 0 }), MODEL_NOT_BOUND);
	assert_int_equal(request(0x1109, 0, &(int64_t){ 0 }), MODEL_OK);
	/* A reset without unbind does not trigger the fault. */
	assert_int_equal(rapq(0x110a, false, 0), MODEL_OK);
	assert_int_equal(rapq(0x110a, true, 20 * MS), MODEL_BUSY);
	assert_int_equal(tapq(0x110a, 40 * MS, MODEL_OK).bind_state, MODEL_USABLE);
}

static void fault_first_due_counts(void **state)
{
	(void)state;
	load(MACHINE "fault 11.0009 associate rc=36 times=1\nfault 11.* associate rc=34 times=2\n");
	assert_int_equal(aapq(0x1109, 5, 0), MODEL_ASSOCIATION_FAILED);
	assert_int_equal(aapq(0x1109, 5, 0), MODEL_INVALID_SECRET);
	assert_int_equal(aapq(0x1109, 5, 0), MODEL_OK);
}

static void fault_late(void **state)
{
	struct model_test test;

	(void)state;
	load(MACHINE "fault 11.0009 associate late times=1\n");
	assert_int_equal(aapq(0x1109, 5, 0), MODEL_OK);
	tapq(0x1109, 30 * MS - 1, MODEL_OK);
	test = tapq(0x1109, 30 * MS, MODEL_ASSOCIATION_FAILED);
	assert_true(test.async_error);
	assert_int_equal(test.bind_state, MODEL_NO_SECURE_KEY);
	assert_int_equal(bapq(0x1109, 31 * MS), MODEL_ASSOCIATION_FAILED);
	assert_int_equal(aapq(0x1109, 5, 31 * MS), MODEL_ASSOCIATION_FAILED);
	assert_int_equal(request(0x1109, 31 * MS, &(int64_t){ 0 }), MODEL_ASSOCIATION_FAILED);
	assert_int_equal(rapq(0x1109, false, 40 * MS), MODEL_OK);
	test = tapq(0x1109, 60 * MS, MODEL_OK);
	assert_false(test.async_error);
	assert_int_equal(aapq(0x1109, 5, 60 * MS), MODEL_OK);
	assert_int_equal(tapq(0x1109, 90 * MS, MODEL_OK).bind_state, MODEL_USABLE);
}

static void fault_never(void **state)
{
	const int64_t late_us = INT64_C(1000000) * 3600 * 24 * 365;
	int64_t ready_us = 0;

	(void)state;
	load(MACHINE "fault 11.0009 associate never\nfault 11.000a unbind never\nfault 11.* request never\n");
	assert_int_equal(aapq(0x1109, 5, 0), MODEL_OK);
	assert_int_equal(tapq(0x1109, late_us, MODEL_OK).bind_state, MODEL_NO_SECURE_KEY);
	assert_int_equal(rapq(0x110a, true, 0), MODEL_OK);
	tapq(0x110a, late_us, MODEL_RESET_IN_PROGRESS);
	assert_int_equal(request(0x1109, 0, &ready_us), MODEL_OK);
	assert_int_equal(ready_us, INT64_MAX);
}

static void fault_fall_back(void **state)
{
	(void)state;
	load(MACHINE "fault 11.0009 associate fall_back\n");
	assert_int_equal(aapq(0x1109, 5, 0), MODEL_OK);
	assert_int_equal(tapq(0x1109, 30 * MS - 1, MODEL_OK).bind_state, MODEL_NO_SECURE_KEY);
	assert_int_equal(tapq(0x1109, 30 * MS, MODEL_OK).bind_state, MODEL_BINDABLE);
}

static void fault_hang(void **state)
{
	struct model_test test;
	int64_t hang_us;

	(void)state;
	load(MACHINE "fault 11.* bind hang=9s\nfault 11.* associate hang=8s\nfault 11.* unbind hang=7s\n"
		     "fault 11.* test hang=6s\n");
	assert_int_equal(model_tapq(&model, 0x11, 0x08, 0, &test, &hang_us), MODEL_OK);
	assert_int_equal(hang_us, 6000 * MS);
	assert_int_equal(model_bapq(&model, 0x11, 0x08, 0, &hang_us), MODEL_OK);
	assert_int_equal(hang_us, 9000 * MS);
	assert_int_equal(model_aapq(&model, 0x11, 0x08, 5, 0, &hang_us), MODEL_OK);
	assert_int_equal(hang_us, 8000 * MS);
	assert_int_equal(model_rapq(&model, 0x11, 0x08, true, 0, &hang_us), MODEL_OK);
	assert_int_equal(hang_us, 7000 * MS);
	assert_int_equal(model_rapq(&model, 0x11, 0x08, false, 0, &hang_us), MODEL_RESET_IN_PROGRESS);
	assert_int_equal(hang_us, 0);
}

static void fault_slow(void **state)
{
	int64_t value;

	(void)state;
	load(MACHINE "fault 11.* bind slow=1s\nfault 11.* associate slow=2s\nfault 11.* unbind slow=3s\n"
		     "fault 11.* request slow=4s\n");
	assert_int_equal(model_bapq(&model, 0x11, 0x08, 0, &value), MODEL_OK);
	assert_int_equal(value, 1000 * MS);
	assert_int_equal(request(0x1108, 0, &value), MODEL_OK);
	assert_int_equal(value, 4000 * MS);
	assert_int_equal(aapq(0x1108, 5, 0), MODEL_OK);
	assert_int_equal(tapq(0x1108, 2000 * MS - 1, MODEL_OK).bind_state, MODEL_NO_SECURE_KEY);
	assert_int_equal(tapq(0x1108, 2000 * MS, MODEL_OK).bind_state, MODEL_USABLE);
	assert_int_equal(rapq(0x1108, true, 2000 * MS), MODEL_OK);
	tapq(0x1108, 5000 * MS - 1, MODEL_RESET_IN_PROGRESS);
	tapq(0x1108, 5000 * MS, MODEL_OK);
}

/* The card vanishes or stops working during this operation and stays so for all later ones. */
static void card_lost_by(const char *action, enum model_response expected)
{
	static const char *const operations[] = { "bind", "associate", "unbind", "request", "test" };

	for (size_t i = 0; i < COUNT(operations); i++) {
		char text[64];
		enum model_response response = expected;

		load(MACHINE);
		snprintf(text, sizeof(text), "fault 11.* %s %s\n", operations[i], action);
		add(text);
		if (i == MODEL_OP_BIND)
			response = bapq(0x1108, 0);
		else if (i == MODEL_OP_ASSOCIATE)
			response = aapq(0x1109, 5, 0);
		else if (i == MODEL_OP_UNBIND)
			response = rapq(0x1109, true, 0);
		else if (i == MODEL_OP_REQUEST)
			response = request(0x1109, 0, &(int64_t){ 0 });
		else
			tapq(0x1109, 0, expected);
		assert_int_equal(response, expected);
		tapq(0x110a, 0, expected);
		tapq(0x1208, 0, MODEL_OK);
	}
}

static void fault_card_lost(void **state)
{
	(void)state;
	card_lost_by("vanish", MODEL_NOT_PRESENT);
	card_lost_by("deconfigure", MODEL_DECONFIGURED);
	card_lost_by("checkstop", MODEL_CHECKSTOPPED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fault_response),
		cmocka_unit_test(fault_first_due_counts),
		cmocka_unit_test(fault_late),
		cmocka_unit_test(fault_never),
		cmocka_unit_test(fault_fall_back),
		cmocka_unit_test(fault_hang),
		cmocka_unit_test(fault_slow),
		cmocka_unit_test(fault_card_lost),
	};

	return cmocka_run_group_tests_name("model_faults", tests, NULL, NULL);
}
