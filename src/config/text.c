/* SPDX-License-Identifier: MIT */
#include "config/text.h"

#include <stdbool.h>
#include <string.h>

#define STRING(value) #value
#define MAX_STRING(value) STRING(value)

static bool starts_with(const char *text, size_t length, const char *start)
{
	return length >= strlen(start) && !memcmp(text, start, strlen(start));
}

/* Length of the blank or line break (in the sense of YAML 1.1) at the beginning of the text, or 0. */
static size_t blank_length(const char *text, size_t length)
{
	switch ((unsigned char)*text) {
	case ' ':
	case '\t':
	case '\n':
	case '\r':
		return 1;
	case 0xc2:
		return starts_with(text, length, "\xc2\x85") ? 2 : 0;
	case 0xe2:
		return starts_with(text, length, "\xe2\x80\xa8") || starts_with(text, length, "\xe2\x80\xa9") ? 3 : 0;
	default:
		return 0;
	}
}

const char *config_text_check(const char *text, size_t length, struct config_place *place)
{
	size_t offset = 0, run = 0;

	while (offset < length) {
		size_t blank = blank_length(text + offset, length - offset);

		run = blank ? run + 1 : 0;
		if (run > CONFIG_TEXT_BLANKS_MAX) {
			*place = config_text_place(text, offset);
			return "more than " MAX_STRING(CONFIG_TEXT_BLANKS_MAX) " blanks and line breaks in a row";
		}
		if (text[offset] == '%' && (offset == 0 || text[offset - 1] == '\n' || text[offset - 1] == '\r') &&
		    starts_with(text + offset, length - offset, "%TAG")) {
			*place = config_text_place(text, offset);
			return "%TAG directives are not supported";
		}
		offset += blank ? blank : 1;
	}
	return NULL;
}

struct config_place config_text_place(const char *text, size_t offset)
{
	struct config_place place = { .line = 1, .column = 1 };

	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n' || (text[i] == '\r' && (i + 1 == offset || text[i + 1] != '\n'))) {
			place.line++;
			place.column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			place.column++;
		}
	}
	return place;
}
