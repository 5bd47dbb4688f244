/* SPDX-License-Identifier: MIT */
#include "util/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_SIZE_FIRST 4096

/* The value of a hex digit, or -1. */
static int hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

int text_parse_hex(const char *text, size_t digits, uint8_t *bytes, size_t length)
{
	if (digits % 2 || digits / 2 != length)
		return -EINVAL;

	for (size_t i = 0; i < length; i++) {
		int high = hex_digit(text[2 * i]);
		int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

		if (low < 0)
			return -EINVAL;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

void text_format_hex(const uint8_t *bytes, size_t length, char *text)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < length; i++) {
		*text++ = digits[bytes[i] >> 4];
		*text++ = digits[bytes[i] & 0xf];
	}
	*text = '\0';
}

int text_parse_decimal(const char *text, uint64_t max, uint64_t *value)
{
	uint64_t sum = 0;
	bool too_large = false;

	if (!*text)
		return -EINVAL;

	for (; *text; text++) {
		uint64_t digit = (uint64_t)(*text - '0');

		if (*text < '0' || *text > '9')
			return -EINVAL;
		if (too_large || digit > max || sum > (max - digit) / 10)
			too_large = true;
		else
			sum = sum * 10 + digit;
	}
	if (too_large)
		return -ERANGE;
	*value = sum;
	return 0;
}

void text_trim_end(char *text)
{
	size_t length = strlen(text);

	while (length > 0 && strchr(" \t\r\n", text[length - 1]))
		length--;
	text[length] = '\0';
}

bool text_has_word(const char *text, const char *word)
{
	static const char blanks[] = " \t\r\n";
	size_t word_length = strlen(word);

	while (*(text += strspn(text, blanks))) {
		size_t length = strcspn(text, blanks);

		if (length == word_length && !memcmp(text, word, length))
			return true;
		text += length;
	}
	return false;
}

bool text_has_end(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length > end_length && strcmp(text + length - end_length, end) == 0;
}

const char *text_plural(size_t count, const char *one, const char *many)
{
	return count == 1 ? one : many;
}

void text_append(struct text_buffer *buffer, const char *text, size_t length)
{
	if (!buffer->failed && buffer->length + length >= buffer->size) {
		size_t size = 2 * buffer->size + length + BUFFER_SIZE_FIRST;
		char *larger = realloc(buffer->text, size);

		if (larger) {
			buffer->text = larger;
			buffer->size = size;
		}
		buffer->failed = !larger;
	}
	if (buffer->failed)
		return;
	memcpy(buffer->text + buffer->length, text, length);
	buffer->length += length;
}

const char *text_error(int error)
{
	switch (error) {
	case -ETIMEDOUT:
		return "no answer in time";
	case -EBADMSG:
		return "unknown text";
	case -E2BIG:
		return "too long";
	case -EOWNERDEAD:
		return "the process that made the call was killed";
	default:
		return strerror(-error);
	}
}
