/* SPDX-License-Identifier: MIT */
#include "unit/config/asserts.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MKVP "00112233445566778899aabbccddeeff"
#define MKVP_REST "ffffffffffffffffffffffffffffffff"
/* SHA-256 of "secret" */
#define SECRET_ID "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
#define OTHER_ID "0bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"

static void accelerators(void **state)
{
	static const char *const cases[][2] = {
		{"- mode: Accel\n", "Accel 0 -\n"},
		{"- mode: ACCEL\n", "Accel 0 -\n"},
		{"- mode: accel", "Accel 0 -\n"},
		{"- 'mode': \"Accel\"\n", "Accel 0 -\n"},
		{"- !!str mode: !x Accel\n", "Accel 0 -\n"},
		{"[{mode: Accel},{mode: Accel}]", "Accel 0 -\nAccel 0 -\n"},
		{"[{\"mode\":\"Accel\",\"mingen\":\"CEX5\"}]", "Accel 5 -\n"},
		{"- mode: Accel\n  mingen: CEX4\n", "Accel 4 -\n"},
		{"- mingen: cex5\n  mode: Accel\n", "Accel 5 -\n"},
		{"- mode: Accel\n  mingen: CEX6\n", "Accel 6 -\n"},
		{"- mode: Accel\n  mingen: CEX7\n", "Accel 7 -\n"},
		{"- mode: Accel\n  mingen: Cex8\n", "Accel 8 -\n"},
		{"- mode: Accel\n  name: the first\n", "Accel 0 the first\n"},
		{"- mode: Accel\n  description:\n", "Accel 0 -\n"},
		{"- mode: Accel\n  description: \xc3\xa4 \xf0\x9f\x94\x91\n", "Accel 0 -\n"},
		{"- mode: Accel\n  description: |\n    two\n    lines\n", "Accel 0 -\n"},
		{"- mode: Accel\n  mkvp: nonsense\n  serialnr: x\n  secretid:\n", "Accel 0 -\n"},
		{"- mode: Accel\n  name: secret\n  secretid: " OTHER_ID "\n", "Accel 0 secret\n"},
		{"\xef\xbb\xbf- mode: Accel\n", "Accel 0 -\n"},
		{"%YAML 1.1\n---\n- mode: Accel\n...\n", "Accel 0 -\n"},
		{"- mode: Accel\r\n  mingen: CEX5\r\n", "Accel 5 -\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_good(cases[i][0], cases[i][1]);
}

static void ep11(void **state)
{
	static const char *const cases[][2] = {
		{"- {mode: EP11, mkvp: " MKVP ", name: secret}", "EP11 0 " MKVP "  2bb80d53 secret\n"},
		{"- {mode: ep11, mkvp: 0x" MKVP ", name: secret}", "EP11 0 " MKVP "  2bb80d53 secret\n"},
		{"- {mode: EP11, mkvp: 0X00112233445566778899AABBCCDDEEFF, name: secret}",
		 "EP11 0 " MKVP "  2bb80d53 secret\n"},
		{"- {mode: EP11, mkvp: " MKVP MKVP_REST ", name: secret}", "EP11 0 " MKVP "  2bb80d53 secret\n"},
		{"- {mode: EP11, mkvp: 0x" MKVP MKVP_REST ", name: secret}", "EP11 0 " MKVP "  2bb80d53 secret\n"},
		{"- {mode: EP11, mkvp: 11111111111111111111111111111111, name: secret}",
		 "EP11 0 11111111111111111111111111111111  2bb80d53 secret\n"},
		{"- {mode: EP11, mkvp: " MKVP ", secretid: " SECRET_ID "}", "EP11 0 " MKVP "  2bb80d53 -\n"},
		{"- {mode: EP11, mkvp: " MKVP ", secretid: 0x" SECRET_ID "}", "EP11 0 " MKVP "  2bb80d53 -\n"},
		{"- {mode: EP11, mkvp: " MKVP ", secretid: 0x" SECRET_ID ", name: secret}",
		 "EP11 0 " MKVP "  2bb80d53 secret\n"},
		{"- {mode: EP11, mkvp: " MKVP ", name: \" \\tsecret \\n\"}", "EP11 0 " MKVP "  2bb80d53 secret\n"},
		{"- {mode: EP11, mkvp: " MKVP ", name: 123}", "EP11 0 " MKVP "  a665a459 123\n"},
		{"- {mode: EP11, mkvp: " MKVP ", name: '~'}", "EP11 0 " MKVP "  7ace431c ~\n"},
		{"- {mode: EP11, mkvp: " MKVP ", name: secret, serialnr: 93AAB56789ABCDEf}",
		 "EP11 0 " MKVP " 93AAB56789ABCDEf 2bb80d53 secret\n"},
		{"- {mode: EP11, mkvp: " MKVP ", name: secret, serialnr: 0123456789012345}",
		 "EP11 0 " MKVP " 0123456789012345 2bb80d53 secret\n"},
		{"- {mode: EP11, mkvp: " MKVP ", name: secret, mingen: CEX8}", "EP11 8 " MKVP "  2bb80d53 secret\n"},
		{"- {mode: EP11, mkvp: " MKVP ", name: secret, mingen: cec8}", "EP11 8 " MKVP "  2bb80d53 secret\n"},
		/* two identical entries need one APQN each */
		{"- {mode: EP11, mkvp: " MKVP ", name: secret}\n- {mode: EP11, mkvp: " MKVP ", name: secret}",
		 "EP11 0 " MKVP "  2bb80d53 secret\nEP11 0 " MKVP "  2bb80d53 secret\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_good(cases[i][0], cases[i][1]);
}

/*
 * Values that pvapconfig of s390-tools accepts, by its rules: white space at both ends of a value is ignored, an empty
 * value counts as not given, and a name may contain any characters. A null value is our own addition.
 */
static void as_in_s390_tools(void **state)
{
	static const char *const cases[][2] = {
		{"- mode: 'EP11 '\n  mkvp: ' 0x" MKVP "\t'\n  name: secret\n", "EP11 0 " MKVP "  2bb80d53 secret\n"},
		{"- mode: >\n    ep11\n  mkvp: |\n    " MKVP "\n  secretid: >\n    0x" SECRET_ID "\n",
		 "EP11 0 " MKVP "  2bb80d53 -\n"},
		{"- mode: EP11\n  mkvp: " MKVP "\n  secretid: >\n    " SECRET_ID "\n\n\n", "EP11 0 " MKVP "  2bb80d53 -\n"},
		{"- mode: EP11\n  mkvp: " MKVP "\n  serialnr:\n  mingen:\n  description:\n  name: secret\n",
		 "EP11 0 " MKVP "  2bb80d53 secret\n"},
		{"- mode: EP11\n  mkvp: " MKVP "\n  serialnr: ''\n  mingen: ' '\n  secretid: \"\"\n  name: secret\n",
		 "EP11 0 " MKVP "  2bb80d53 secret\n"},
		{"- mode: EP11\n  mkvp: " MKVP "\n  name:\n  secretid: " SECRET_ID "\n", "EP11 0 " MKVP "  2bb80d53 -\n"},
		{"- mode: EP11\n  mkvp: " MKVP "\n  name: ' '\n  secretid: " SECRET_ID "\n", "EP11 0 " MKVP "  2bb80d53 -\n"},
		{"- {mode: EP11, mkvp: " MKVP ", name: ~, serialnr: null, mingen: Null, secretid: " SECRET_ID "}",
		 "EP11 0 " MKVP "  2bb80d53 -\n"},
		{"- {mode: EP11, mkvp: " MKVP ", name: &n , secretid: " SECRET_ID "}\n- {mode: Accel, name: *n }",
		 "EP11 0 " MKVP "  2bb80d53 -\nAccel 0 -\n"},
		{"- {mode: EP11, mkvp: " MKVP ", name: secret, serialnr: ' 93AAB56789ABCDEf '}",
		 "EP11 0 " MKVP " 93AAB56789ABCDEf 2bb80d53 secret\n"},
		{"- {mode: Accel, mingen: 'CEX5 '}", "Accel 5 -\n"},
		{"- {mode: Accel, name: 'null'}", "Accel 0 null\n"},
		{"- {mode: Accel, name: !!str null}", "Accel 0 null\n"},
		{"- {mode: Accel, name: }", "Accel 0 -\n"},
		/* Whitespace of Unicode, including the no-break space. */
		{"- {mode: \"Accel\xc2\xa0\", name: \"\xe3\x80\x80\xe2\x80\x83 a\xc2\xa0" "b \\L\\_\\N\\x0b\"}",
		 "Accel 0 a\xc2\xa0" "b\n"},
		{"- {mode: Accel, name: \"\xe2\x80\x8b\"}", "Accel 0 \xe2\x80\x8b\n"},
		/* The UTF-8 bytes are hashed. */
		{"- {mode: EP11, mkvp: " MKVP ", name: Schl\xc3\xbcssel}", "EP11 0 " MKVP "  1fbd7a00 Schl\xc3\xbcssel\n"},
		{"- {mode: Accel, name: \"a\\tb\"}", "Accel 0 a\tb\n"},
		{"- {mode: AcCel, mingen: Cex7, name: my Accelerator}", "Accel 7 my Accelerator\n"},
		/* A byte order mark, with more than one line. */
		{"\xef\xbb\xbf- mode: Accel\n  name: a\n- mode: Accel\n", "Accel 0 a\nAccel 0 -\n"},
		{"\xef\xbb\xbf# c\n---\n- mode: Accel\n  name: a\n", "Accel 0 a\n"},
		{"\xef\xbb\xbf\n%YAML 1.1\n---\n- mode: Accel\n  name: a\n", "Accel 0 a\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_good(cases[i][0], cases[i][1]);
}

/* One case for every rule of every key. */
static const char *const bad_cases[][2] = {
	{"- name: a\n", "1:3: entry #1 'a': key mode is missing, expected EP11 or Accel"},
	{"- {}\n", "1:3: entry #1: key mode is missing, expected EP11 or Accel"},
	{"- mode:\n", "1:3: entry #1: key mode is missing, expected EP11 or Accel"},
	{"- mode: ' '\n", "1:3: entry #1: key mode is missing, expected EP11 or Accel"},
	{"- {mode: EP11, mkvp: ~, name: a}", "1:3: entry #1 'a': key mkvp is missing, required for mode EP11"},
	{"- {mode: EP11, mkvp: " MKVP ", name: , secretid: null}",
	 "1:3: entry #1: name or secretid is missing, mode EP11 requires at least one of them"},
	{"- {mode: Accel, name: , name: a}", "1:25: entry #1: key name is given twice, first in line 1"},
	{"- mode: CCA\n", "1:9: entry #1: key mode: expected EP11 or Accel, found 'CCA'"},
	{"- mode: Accel\n- mode: Accel\n  mingen: CEX3\n  name: b\n",
	 "3:11: entry #2 'b': key mingen: expected CEX4, CEX5, CEX6, CEX7 or CEX8 for mode Accel, found "
	 "'CEX3'"},
	{"- mode: Accel\n  mingen: CEC8\n",
	 "2:11: entry #1: key mingen: expected CEX4, CEX5, CEX6, CEX7 or CEX8 for mode Accel, found 'CEC8'"},
	{"- mode: Accel\n  mingen: CEX9\n",
	 "2:11: entry #1: key mingen: expected CEX4, CEX5, CEX6, CEX7 or CEX8 for mode Accel, found 'CEX9'"},
	{"- mode: Accel\n  mingen: 8\n",
	 "2:11: entry #1: key mingen: expected CEX4, CEX5, CEX6, CEX7 or CEX8 for mode Accel, found '8'"},
	{"- {mode: EP11, mkvp: " MKVP ", name: a, mingen: CEX7}",
	 "1:73: entry #1 'a': key mingen: expected CEX8 for mode EP11, found 'CEX7'"},
	{"- {mode: EP11, name: a}", "1:3: entry #1 'a': key mkvp is missing, required for mode EP11"},
	{"- {mode: EP11, name: a, mkvp: 0x}",
	 "1:31: entry #1 'a': key mkvp: expected 32 or 64 hex digits, optionally after 0x, found '0x'"},
	{"- {mode: EP11, name: a, mkvp: " MKVP "0}",
	 "1:31: entry #1 'a': key mkvp: expected 32 or 64 hex digits, optionally after 0x, found '" MKVP "0'"},
	{"- {mode: EP11, name: a, mkvp: 0x0x" MKVP "}",
	 "1:31: entry #1 'a': key mkvp: expected 32 or 64 hex digits, optionally after 0x, found '0x0x" MKVP
	 "'"},
	{"- {mode: EP11, name: a, mkvp: g0112233445566778899aabbccddeeff}",
	 "1:31: entry #1 'a': key mkvp: expected 32 or 64 hex digits, optionally after 0x, "
	 "found 'g0112233445566778899aabbccddeeff'"},
	{"- {mode: EP11, name: a, mkvp: " MKVP "fffffffffffffffffffffffffffffffx}",
	 "1:31: entry #1 'a': key mkvp: expected 32 or 64 hex digits, optionally after 0x, "
	 "found '" MKVP "fffffffffffffffffffffffffffffffx'"},
	{"- {mode: EP11, mkvp: " MKVP ", name: a, serialnr: 123456789012345}",
	 "1:75: entry #1 'a': key serialnr: expected exactly 16 printable ASCII characters without blanks, "
	 "found '123456789012345'"},
	{"- {mode: EP11, mkvp: " MKVP ", name: a, serialnr: 12345678901234567}",
	 "1:75: entry #1 'a': key serialnr: expected exactly 16 printable ASCII characters without blanks, "
	 "found '12345678901234567'"},
	{"- {mode: EP11, mkvp: " MKVP ", name: a, serialnr: 12345678 1234567}",
	 "1:75: entry #1 'a': key serialnr: expected exactly 16 printable ASCII characters without blanks, "
	 "found '12345678 1234567'"},
	{"- {mode: EP11, mkvp: " MKVP ", name: a, serialnr: 12345678901234\xc3\xa4}",
	 "1:75: entry #1 'a': key serialnr: expected exactly 16 printable ASCII characters without blanks, "
	 "found '12345678901234?"
	 "?'"},
	{"- {mode: EP11, mkvp: " MKVP "}",
	 "1:3: entry #1: name or secretid is missing, mode EP11 requires at least one of them"},
	{"- {mode: EP11, mkvp: " MKVP ", secretid: 00}",
	 "1:66: entry #1: key secretid: expected 64 hex digits, optionally after 0x, found '00'"},
	{"- {mode: EP11, mkvp: " MKVP ", secretid: " SECRET_ID "00}",
	 "1:66: entry #1: key secretid: expected 64 hex digits, optionally after 0x, found '" SECRET_ID "00'"},
	{"- {mode: EP11, mkvp: " MKVP ", secretid: " OTHER_ID ", name: secret}",
	 "1:66: entry #1 'secret': key secretid: expected the SHA-256 of the name, " SECRET_ID
	 ", found '" OTHER_ID "'"},
};

static void bad_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad_cases); i++)
		assert_bad(bad_cases[i][0], bad_cases[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accelerators),
		cmocka_unit_test(ep11),
		cmocka_unit_test(as_in_s390_tools),
		cmocka_unit_test(bad_values),
	};

	return cmocka_run_group_tests_name("config_value", tests, NULL, NULL);
}
