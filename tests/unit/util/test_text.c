/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "util/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void hex(void **state)
{
	static const struct {
		const char *text;
		size_t length;
		int result;
	} cases[] = {
		{"", 0, 0},
		{"00", 1, 0},
		{"fF", 1, 0},
		{"0123456789abcdefABCDEF", 11, 0},
		{"", 1, -EINVAL},
		{"0", 1, -EINVAL},
		{"000", 1, -EINVAL},
		{"0000", 1, -EINVAL},
		{"0g", 1, -EINVAL},
		{"g0", 1, -EINVAL},
		{"/0", 1, -EINVAL},
		{":0", 1, -EINVAL},
		{"@0", 1, -EINVAL},
		{"`0", 1, -EINVAL},
		{" 0", 1, -EINVAL},
		{"0x", 1, -EINVAL},
		{"+1", 1, -EINVAL},
		{"\xc3\xa9", 1, -EINVAL},
	};
	uint8_t bytes[16];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(text_parse_hex(cases[i].text, strlen(cases[i].text), bytes, cases[i].length),
				 cases[i].result);

	assert_int_equal(text_parse_hex("0123456789abCDEF followed by more", 16, bytes, 8), 0);
	assert_memory_equal(bytes, "\x01\x23\x45\x67\x89\xab\xcd\xef", 8);
}

static void format_hex(void **state)
{
	char text[9] = "????????";

	(void)state;
	text_format_hex((const uint8_t *)"\x00\x9a\xbf\xff", 4, text);
	assert_string_equal(text, "009abfff");
	text_format_hex(NULL, 0, text);
	assert_string_equal(text, "");
}

static void decimal(void **state)
{
	static const struct {
		const char *text;
		uint64_t max;
		int result;
		uint64_t value;
	} cases[] = {
		{"0", 0, 0, 0},
		{"7", 7, 0, 7},
		{"0007", 7, 0, 7},
		{"65535", 65535, 0, 65535},
		{"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
		{"18446744073709551616", UINT64_MAX, -ERANGE, 0},
		{"18446744073709551620", UINT64_MAX, -ERANGE, 0},
		{"99999999999999999999999999", UINT64_MAX, -ERANGE, 0},
		{"65536", 65535, -ERANGE, 0},
		{"1", 0, -ERANGE, 0},
		{"8", 7, -ERANGE, 0},
		{"10", 7, -ERANGE, 0},
		{"100000", 65535, -ERANGE, 0},
		{"", 9, -EINVAL, 0},
		{" 1", 9, -EINVAL, 0},
		{"1 ", 9, -EINVAL, 0},
		{"1\n", 9, -EINVAL, 0},
		{"+1", 9, -EINVAL, 0},
		{"-1", 9, -EINVAL, 0},
		{"0x1", 9, -EINVAL, 0},
		{"1.0", 9, -EINVAL, 0},
		{"99999999999999999999x", 9, -EINVAL, 0},
		{"\xd9\xa1", 9, -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t value = 0;

		assert_int_equal(text_parse_decimal(cases[i].text, cases[i].max, &value), cases[i].result);
		assert_true(value == cases[i].value);
	}
}

static void trim_end(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},       {"\n", ""},           {" \t\r\n ", ""}, {"a", "a"},
		{"a\n", "a"},   {"a b \n\n", "a b"},  {" a", " a"},     {"a\r\n", "a"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[16];

		strcpy(text, cases[i][0]);
		text_trim_end(text);
		assert_string_equal(text, cases[i][1]);
	}
}

static void has_word(void **state)
{
	static const char features[] = "APSC APXA  QACT\tRC8A APSB\n";

	(void)state;
	assert_true(text_has_word(features, "APSC"));
	assert_true(text_has_word(features, "QACT"));
	assert_true(text_has_word(features, "RC8A"));
	assert_true(text_has_word(features, "APSB"));
	assert_true(text_has_word("APSB", "APSB"));
	assert_false(text_has_word(features, "APS"));
	assert_false(text_has_word(features, "PSB"));
	assert_false(text_has_word(features, "APSBX"));
	assert_false(text_has_word(features, "apsb"));
	assert_false(text_has_word(features, ""));
	assert_false(text_has_word("", "APSB"));
	assert_false(text_has_word("", ""));
	assert_false(text_has_word("-", "APSB"));
}

static void plural(void **state)
{
	(void)state;
	assert_string_equal(text_plural(0, "card", "cards"), "cards");
	assert_string_equal(text_plural(1, "card", "cards"), "card");
	assert_string_equal(text_plural(2, "card", "cards"), "cards");
}

/* Errors that the program sets itself have texts of their own, because those of strerror(3) would be misleading. */
static void error(void **state)
{
	(void)state;
	assert_string_equal(text_error(-ETIMEDOUT), "no answer in time");
	assert_string_equal(text_error(-EBADMSG), "unknown text");
	assert_string_equal(text_error(-E2BIG), "too long");
	assert_string_equal(text_error(-EOWNERDEAD), "the process that made the call was killed");
	assert_string_equal(text_error(-EIO), strerror(EIO));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex),     cmocka_unit_test(format_hex), cmocka_unit_test(decimal),
		cmocka_unit_test(trim_end), cmocka_unit_test(has_word), cmocka_unit_test(error), cmocka_unit_test(plural),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
