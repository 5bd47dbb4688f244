/* SPDX-License-Identifier: MIT */
/*
 * Output: lines of messages (src/util/log.c), and numbers and strings of the static program's snprintf
 * (src/musl/format.c).
 *
 * Bounds: lines of 8 bytes, strings of 4. Buffers of 0 to 7 bytes, which hold all of a text, a part, or nothing.
 * Numbers of 32 bits: 64 bits only add loop iterations, one for each digit.
 * Assumed: CBMC's strlen does what POSIX says.
 *
 * prove: prove_unprintable --unwind 10
 * mutant: prove_unprintable src/util/log.c s/text < ' ' || .text > '~'/text < ' ' || *text > 0x7f/
 * prove: prove_format_string --unwind 12
 * mutant: prove_format_string src/musl/format.c s/length + 1 < output->size/length <= output->size/
 * prove: prove_format_number --unwind 22
 * mutant: prove_format_number src/musl/format.c s/define NUMBER_SIZE 20/define NUMBER_SIZE 9/
 * prove: prove_format_hex_number --unwind 22
 * mutant: prove_format_hex_number src/musl/format.c s/0123456789abcdef/0123456789abcde/
 */
#include "proof.h"

#include "libc.h"

#include "musl/format.c"
#include "util/log.c"

void prove_unprintable(void)
{
	char *text = any_text(8);
	size_t length = strlen(text);

	replace_unprintable(text);
	CLAIM(strlen(text) == length, "the length does not change");
	for (size_t i = 0; i < length; i++)
		CLAIM((unsigned char)text[i] >= ' ' && (unsigned char)text[i] <= '~', "only printable ASCII reaches a console");
}

/* Checks the text in a buffer of exactly this size, and the returned length. */
static void check_text(const char *text, size_t size, int length, size_t expected)
{
	CLAIM(length == (int)expected, "the length is that of the whole text");
	CLAIM(size == 0 || text[expected < size ? expected : size - 1] == '\0', "the text is terminated");
}

static char *any_buffer(size_t *size)
{
	*size = nondet_size();
	for (size_t i = 0; i < 7; i++)
		if (*size == i)
			return malloc(i);
	*size = 7;
	return malloc(7);
}

void prove_format_string(void)
{
	char *value = any_text(4);
	size_t size, length = strlen(value), width = length < 3 ? 3 : length;
	char *text = any_buffer(&size);

	check_text(text, size, snprintf(text, size, "%s-", value), length + 1);
	check_text(text, size, snprintf(text, size, "%.2s", value), length < 2 ? length : 2);
	check_text(text, size, snprintf(text, size, "%3s%c%%", value, 'x'), width + 2);
}

void prove_format_number(void)
{
	unsigned int value = (unsigned int)nondet_int();
	size_t size, expected = 1;
	char *text = any_buffer(&size);

	for (unsigned int rest = value / 10; rest > 0; rest /= 10)
		expected++;
	check_text(text, size, snprintf(text, size, "%u", value), expected);
}

void prove_format_hex_number(void)
{
	unsigned int value = (unsigned int)nondet_int();
	size_t size, expected = 1;
	char *text = any_buffer(&size);

	for (unsigned int rest = value >> 4; rest > 0; rest >>= 4)
		expected++;
	check_text(text, size, snprintf(text, size, "%04x", value), expected < 4 ? 4 : expected);
	if (size == 7 && expected == 1)
		CLAIM(text[0] == '0' && text[3] == "0123456789abcdef"[value], "the digit is that of the number");
}
