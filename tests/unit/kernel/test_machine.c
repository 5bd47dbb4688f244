/* SPDX-License-Identifier: MIT */
/* The short forms on top of the machine's interface, on a machine that follows a script. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/machine.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct script {
	struct machine machine;
	int64_t now_ms;
	/* results of the functions */
	int start_result, wait_result, call_error;
	const char *text;
	/* arguments of the functions */
	struct machine_call *call;
	struct machine_call seen; /* a copy, taken at the start */
	unsigned int starts, waits;
	int64_t until_ms;
};

static int64_t script_now_ms(struct machine *machine)
{
	return ((struct script *)machine)->now_ms;
}

static int script_start(struct machine *machine, struct machine_call *call)
{
	struct script *script = (struct script *)machine;

	script->starts++;
	script->call = call;
	script->seen = *call;
	return script->start_result;
}

static int script_wait(struct machine *machine, int64_t until_ms, struct machine_call **done)
{
	struct script *script = (struct script *)machine;
	struct machine_call *call = script->call;

	/* A caller that ignores the result must not see an earlier call. */
	assert_null(*done);
	script->waits++;
	script->until_ms = until_ms;
	if (script->wait_result < 0 || !call)
		return script->wait_result;
	call->error = script->call_error;
	if (call->error == 0 && script->text) {
		assert_true(strlen(script->text) < call->size);
		strcpy(call->data, script->text);
		call->length = strlen(script->text);
	}
	*done = call;
	return 0;
}

static struct script begin(void)
{
	static const struct machine_interface interface = { script_now_ms, script_start, script_wait };

	return (struct script){ .machine = { &interface }, .now_ms = 1234 };
}

static void test_clock(void **state)
{
	struct script script = begin();

	(void)state;
	assert_int_equal(machine_now_ms(&script.machine), 1234);
	script.now_ms = INT64_MAX;
	assert_int_equal(machine_now_ms(&script.machine), INT64_MAX);
}

static void test_wait_begins_with_nothing(void **state)
{
	struct script script = begin();
	struct machine_call other, *done = &other;

	(void)state;
	assert_int_equal(machine_wait(&script.machine, 77, &done), 0);
	assert_null(done);
	assert_int_equal(script.until_ms, 77);
	done = &other;
	script.wait_result = -EINTR;
	assert_int_equal(machine_wait(&script.machine, 77, &done), -EINTR);
	assert_null(done);
}

static void test_perform(void **state)
{
	static const struct {
		int start_result, wait_result, call_error, expected;
		unsigned int waits;
	} cases[] = {
		{ 0, 0, 0, 0, 1 },
		{ 0, 0, -EIO, -EIO, 1 },
		{ -EAGAIN, 0, -EIO, -EAGAIN, 0 },
		{ 0, -EINTR, -EIO, -EINTR, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct script script = begin();
		struct machine_call call = { .operation = MACHINE_UV, .until_ms = 5000 };

		script.start_result = cases[i].start_result;
		script.wait_result = cases[i].wait_result;
		script.call_error = cases[i].call_error;
		assert_int_equal(machine_perform(&script.machine, &call), cases[i].expected);
		assert_int_equal(script.starts, 1);
		assert_ptr_equal(script.call, &call);
		assert_int_equal(script.waits, cases[i].waits);
	}
}

/* The timeout is that of the call. */
static void test_perform_waits_forever(void **state)
{
	struct script script = begin();
	struct machine_call call = { .operation = MACHINE_UV, .until_ms = 5000 };

	(void)state;
	assert_int_equal(machine_perform(&script.machine, &call), 0);
	assert_int_equal(script.until_ms, MACHINE_FOREVER);
}

static void test_read_text(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "1\n", "1" }, { "1", "1" }, { "", "" }, { "\n", "" },
		{ " \t\n\n", "" }, { "a b \n", "a b" }, { " a\nb\n", " a\nb" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct script script = begin();
		char text[MACHINE_TEXT_SIZE];

		script.text = cases[i].text;
		assert_int_equal(machine_read_text(&script.machine, 999, text, "devices/ap/card1f/type"), 0);
		assert_string_equal(text, cases[i].expected);
		assert_int_equal(script.seen.operation, MACHINE_READ);
		assert_string_equal(script.seen.path, "devices/ap/card1f/type");
		assert_ptr_equal(script.seen.data, text);
		assert_int_equal(script.seen.size, MACHINE_TEXT_SIZE);
		assert_int_equal(script.seen.until_ms, 999);
		assert_int_equal(script.seen.limit_ms, 0);
		assert_int_equal(script.seen.channel, MACHINE_NO_CARD);
	}
}

static void test_read_text_fails(void **state)
{
	struct script script = begin();
	char text[MACHINE_TEXT_SIZE] = "untouched \n";

	(void)state;
	script.call_error = -E2BIG;
	assert_int_equal(machine_read_text(&script.machine, 999, text, "x"), -E2BIG);
	assert_string_equal(text, "untouched \n");
}

static void test_read_text_of_long_paths(void **state)
{
	struct script script = begin();
	char text[MACHINE_TEXT_SIZE], path[MACHINE_PATH_SIZE + 1];

	(void)state;
	script.text = "";
	memset(path, 'p', sizeof(path));
	path[MACHINE_PATH_SIZE] = '\0';
	assert_int_equal(machine_read_text(&script.machine, 999, text, path), -ENAMETOOLONG);
	assert_int_equal(script.starts, 0);
	path[MACHINE_PATH_SIZE - 1] = '\0';
	assert_int_equal(machine_read_text(&script.machine, 999, text, path), 0);
	assert_string_equal(script.seen.path, path);
}

static void test_sleep(void **state)
{
	struct script script = begin();

	(void)state;
	assert_int_equal(machine_sleep_until(&script.machine, 4321), 0);
	assert_int_equal(script.until_ms, 4321);
	script.wait_result = -EINTR;
	assert_int_equal(machine_sleep_until(&script.machine, 4321), -EINTR);
	assert_int_equal(script.starts, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_wait_begins_with_nothing),
		cmocka_unit_test(test_perform),
		cmocka_unit_test(test_perform_waits_forever),
		cmocka_unit_test(test_read_text),
		cmocka_unit_test(test_read_text_fails),
		cmocka_unit_test(test_read_text_of_long_paths),
		cmocka_unit_test(test_sleep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
