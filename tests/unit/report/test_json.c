/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "report/json.h"

static void assert_json(struct json *json, const char *expected)
{
	assert_int_equal(json_finish(json), 0);
	assert_int_equal(json->buffer.length, strlen(expected));
	assert_memory_equal(json->buffer.text, expected, json->buffer.length);
	free(json->buffer.text);
}

static void nesting(void **state)
{
	struct json json = { 0 };

	(void)state;
	json_open(&json, NULL, '{');
	json_open(&json, "none", '[');
	json_close(&json, ']');
	json_open(&json, "list", '[');
	json_open(&json, NULL, '{');
	json_number(&json, "a", 1);
	json_boolean(&json, "b", false);
	json_close(&json, '}');
	json_string(&json, NULL, "x");
	json_close(&json, ']');
	json_boolean(&json, "last", true);
	json_close(&json, '}');
	assert_json(&json, "{\n  \"none\": [],\n  \"list\": [\n    {\n      \"a\": 1,\n      \"b\": false\n    },\n"
			   "    \"x\"\n  ],\n  \"last\": true\n}\n");
}

static void values(void **state)
{
	struct json json = { 0 };

	(void)state;
	json_open(&json, NULL, '[');
	json_number(&json, NULL, 0);
	json_number(&json, NULL, UINT64_MAX);
	json_string(&json, NULL, NULL);
	json_string(&json, NULL, "");
	json_close(&json, ']');
	assert_json(&json, "[\n  0,\n  18446744073709551615,\n  null,\n  \"\"\n]\n");
}

/* Valid for any bytes: quotes, control characters, invalid UTF-8. */
static void escapes(void **state)
{
	struct json json = { 0 };

	(void)state;
	json_open(&json, NULL, '{');
	json_string(&json, "a\"b", "\"\\/\n\t\x01\x1f ~\x7f\x80\xc3\xa4\xff</script>");
	json_close(&json, '}');
	assert_json(&json, "{\n  \"a\\\"b\": \"\\\"\\\\/\\u000a\\u0009\\u0001\\u001f ~\\u007f\\u0080\\u00c3\\u00a4\\u00ff"
			   "</script>\"\n}\n");
}

/* The buffer must grow several times. */
static void large(void **state)
{
	struct json json = { 0 };

	(void)state;
	json_open(&json, NULL, '[');
	for (unsigned int i = 0; i < 10000; i++)
		json_string(&json, NULL, "0123456789");
	json_close(&json, ']');
	assert_int_equal(json_finish(&json), 0);
	assert_int_equal(json.buffer.length, strlen("[\n]\n") + 10000 * strlen("  \"0123456789\",\n") - 1);
	assert_memory_equal(json.buffer.text + json.buffer.length - 17, "  \"0123456789\"\n]\n", 17);
	free(json.buffer.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nesting),
		cmocka_unit_test(values),
		cmocka_unit_test(escapes),
		cmocka_unit_test(large),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
