/* SPDX-License-Identifier: MIT */
/*
 * Numbers, hex digits and words: src/util/text.c.
 *
 * Bounds: numbers with the limits of generations, indexes and seconds, and up to two digits more. Hex digits of up to 4
 * bytes, one digit more, and one less: each byte is treated alike. Texts of 5 bytes and words of up to 2: room for
 * blanks before, between and after words, and for shorter and longer words. Texts of 8 bytes for suffixes.
 * Assumed: strspn, strcspn (libc.h) and CBMC's strlen, strchr, memcmp, strcmp do what POSIX says.
 *
 * prove: prove_decimal --unwind 9
 * mutant: prove_decimal src/util/text.c s/(max - digit)/max/
 * prove: prove_hex --unwind 12
 * mutant: prove_hex src/util/text.c s/digits % 2 ||//
 * prove: prove_format_hex --unwind 12
 * mutant: prove_format_hex src/util/text.c s/& 0xf/\& 0x1f/
 * prove: prove_trim_end --unwind 10
 * mutant: prove_trim_end src/util/text.c s/while (length > 0 \&\&/while (/
 * prove: prove_has_word --unwind 7
 * mutant: prove_has_word src/util/text.c s/length == word_length \&\&/length >= word_length \&\&/
 * prove: prove_has_end --unwind 10
 * mutant: prove_has_end src/util/text.c s/length > end_length/length >= end_length/
 */
#include "proof.h"

#include "libc.h"
#include "util/text.c"

/* A constant limit: with an arbitrary one, the division is too much work for the solver. */
static void decimal_up_to(uint64_t max, size_t digits_max)
{
	char *text = any_text(digits_max);
	uint64_t value = UINT64_MAX, expected = 0;
	bool digits = text[0] != '\0';
	int r = text_parse_decimal(text, max, &value);

	for (size_t i = 0; text[i]; i++) {
		digits = digits && text[i] >= '0' && text[i] <= '9';
		expected = expected * 10 + (uint64_t)(text[i] - '0');
	}
	CLAIM(r == 0 || r == -EINVAL || r == -ERANGE, "a defined result");
	CLAIM((r == -EINVAL) == !digits, "refused if and only if it is not a number");
	CLAIM(!digits || (r == 0) == (expected <= max), "accepted if and only if it is within the limit");
	CLAIM(value == (r == 0 ? expected : UINT64_MAX), "the value is that of the digits, and changes only on success");
}

/* Generations, indexes of secrets, seconds. */
void prove_decimal(void)
{
	decimal_up_to(99, 4);
	decimal_up_to(UINT16_MAX, 7);
	decimal_up_to(86400, 7);
}

static bool is_hex(char digit)
{
	return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f') || (digit >= 'A' && digit <= 'F');
}

void prove_hex(void)
{
	char *text = any_text(9);
	size_t digits = strlen(text), length = nondet_size();
	uint8_t *bytes;
	bool good;
	int r;

	ASSUME(length <= 4);
	bytes = malloc(length);
	r = text_parse_hex(text, digits, bytes, length);
	good = digits == 2 * length;
	for (size_t i = 0; i < digits; i++)
		good = good && is_hex(text[i]);
	CLAIM(r == (good ? 0 : -EINVAL), "accepted if and only if all are hex digits, two for each byte");
}

void prove_format_hex(void)
{
	uint8_t bytes[4], again[4];
	size_t length = nondet_size();
	char *text;

	ASSUME(length <= sizeof(bytes));
	text = malloc(2 * length + 1);
	text_format_hex(bytes, length, text);
	CLAIM(text[2 * length] == '\0', "the text is terminated");
	CLAIM(text_parse_hex(text, 2 * length, again, length) == 0, "the text has hex digits only");
	for (size_t i = 0; i < length; i++)
		CLAIM(again[i] == bytes[i], "the text has the same bytes");
}

static bool is_blank_byte(char character)
{
	return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

void prove_trim_end(void)
{
	char *text = any_text(8);
	size_t before = strlen(text), after;
	char copy[9];

	for (size_t i = 0; i <= before; i++)
		copy[i] = text[i];
	text_trim_end(text);
	after = strlen(text);
	CLAIM(after <= before, "the text does not grow");
	CLAIM(after == 0 || !is_blank_byte(text[after - 1]), "no blank at its end");
	for (size_t i = 0; i < before; i++)
		CLAIM(i < after ? text[i] == copy[i] : is_blank_byte(copy[i]), "nothing but blanks was cut off");
}

void prove_has_word(void)
{
	char *text = any_text(5), *word = any_text(2);
	size_t length = strlen(text), word_length = strlen(word);
	bool expected = false;

	ASSUME(word_length > 0);
	for (size_t i = 0; i < word_length; i++)
		ASSUME(!is_blank_byte(word[i]));
	for (size_t i = 0; i + word_length <= length; i++)
		expected = expected || ((i == 0 || is_blank_byte(text[i - 1])) &&
					(i + word_length == length || is_blank_byte(text[i + word_length])) &&
					text[i] == word[0] && (word_length == 1 || text[i + 1] == word[1]));
	CLAIM(text_has_word(text, word) == expected, "true if and only if the word stands between blanks or ends");
}

void prove_has_end(void)
{
	char *text = any_text(8), *end = any_text(8);
	size_t length = strlen(text), end_length = strlen(end);
	bool expected = length > end_length;

	for (size_t i = 0; i < end_length && i < length && expected; i++)
		expected = text[length - 1 - i] == end[end_length - 1 - i];
	CLAIM(text_has_end(text, end) == expected, "true if and only if the text ends with it and is longer");
}
