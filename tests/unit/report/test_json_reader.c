/* SPDX-License-Identifier: MIT */
/* JSON as tokens, one letter each with name and value: what is none has to be seen as such. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/json.h"
#include "report/json_reader.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *read_all(const char *text, size_t length)
{
	static const char letters[] = "!()sntf0.";
	static char seen[4096];
	char *copy = malloc(length ? length : 1);
	struct json_reader reader = { .length = length };
	enum json_token token;
	size_t used = 0;

	assert_non_null(copy);
	memcpy(copy, text, length);
	reader.text = copy;
	do {
		token = json_reader_next(&reader);
		used += (size_t)snprintf(seen + used, sizeof(seen) - used, "%s%c",
				 token == JSON_TOKEN_CLOSE || token == JSON_TOKEN_END ? "" : reader.name, letters[token]);
		if (token == JSON_TOKEN_STRING || token == JSON_TOKEN_NUMBER)
			used += (size_t)snprintf(seen + used, sizeof(seen) - used, "<%s>", reader.value);
		assert_in_range(used, 1, sizeof(seen) - 1);
	} while (token != JSON_TOKEN_BAD && token != JSON_TOKEN_END);
	free(copy);
	return seen;
}

static void test_good(void **state)
{
	static const char *const cases[][2] = {
		{ "{}", "()." },
		{ " [ ] \n", "()." },
		{ "null", "0." },
		{ "{\"a\":1,\"b\":[true,false,null,\"x\"]}", "(an<1>b(tf0s<x>))." },
		{ "[[],{\"c\":{}},-0.5e+10]", "(()(c())n<-0.5e+10>)." },
		{ "[0,10,1E5,2e-1]", "(n<0>n<10>n<1E5>n<2e-1>)." },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "s<\"\\/\b\f\n\r\t>." },
		{ "\"\\u0041\\u00e9\\u20ac\\u0000\"", "s<A\xe9?\?>." },
		{ "[[[[[[[[]]]]]]]]", "(((((((())))))))." },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(read_all(cases[i][0], strlen(cases[i][0])), cases[i][1]);
}

static void test_bad(void **state)
{
	static const char *const cases[] = {
		"", " ", "{", "[", "}", "]", "[}", "{]", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}",
		"{\"a\" 1}", "{1:1}", "[1]]", "1 2", "{}{}", "nul", "tru", "truex", "falsy", "'x'", "\"", "\"\\", "\"\\x\"", "\"\\u12\"",
		"\"\\u00g0\"", "\"\n\"", "\"\xc3\xa9\"", "01", "-", "+1", "1.", ".5", "1e", "1e+", "0x1", "- 1", "# x\n1", "--- 1",
		"&a 1", "[[[[[[[[[]]]]]]]]]", "\xef\xbb\xbf{}", "\"a\x7f\"",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *seen = read_all(cases[i], strlen(cases[i]));

		if (seen[strlen(seen) - 1] != '!')
			fail_msg("taken for JSON: %s", cases[i]);
	}
	assert_string_equal(read_all("1\0", 2), "n<1>!");
	assert_string_equal(read_all("\"a\0\"", 4), "!");
}

static void test_long_text(void **state)
{
	char text[3000];
	struct json_reader reader = { .text = text, .length = sizeof(text) };

	(void)state;
	memset(text, 'x', sizeof(text));
	text[0] = text[sizeof(text) - 1] = '"';
	assert_int_equal(json_reader_next(&reader), JSON_TOKEN_STRING);
	assert_int_equal(strlen(reader.value), JSON_READER_TEXT_SIZE - 1);
	assert_int_equal(json_reader_next(&reader), JSON_TOKEN_END);
	memset(text, '1', sizeof(text));
	reader = (struct json_reader){ .text = text, .length = sizeof(text) };
	assert_int_equal(json_reader_next(&reader), JSON_TOKEN_NUMBER);
	assert_int_equal(strlen(reader.value), JSON_READER_TEXT_SIZE - 1);
}

/* What json.h writes is read as what was given to it, whatever bytes they are. */
static void test_round_trip(void **state)
{
	struct json json = { 0 };
	struct json_reader reader = { 0 };
	char bytes[256];

	(void)state;
	for (int i = 0; i < 255; i++)
		bytes[i] = (char)(i + 1);
	bytes[255] = '\0';
	json_open(&json, NULL, '{');
	json_string(&json, bytes, bytes);
	json_close(&json, '}');
	assert_int_equal(json_finish(&json), 0);
	reader.text = json.text;
	reader.length = json.length;
	assert_int_equal(json_reader_next(&reader), JSON_TOKEN_OPEN);
	assert_int_equal(json_reader_next(&reader), JSON_TOKEN_STRING);
	assert_string_equal(reader.name, bytes);
	assert_string_equal(reader.value, bytes);
	json_release(&json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_long_text),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests_name("json_reader", tests, NULL, NULL);
}
