/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Small parsers shared by everything that reads text from outside, and texts for what goes out. None of them depends on
 * the locale.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The value of a macro as a text. */
#define TEXT_OF_TOKEN(token) #token
#define TEXT_OF(macro) TEXT_OF_TOKEN(macro)

/*
 * Decodes exactly `length` bytes from 2 * length hex digits (either case). `digits` bytes of text are looked at; any
 * other count or character gives -EINVAL and leaves `bytes` undefined.
 */
int text_parse_hex(const char *text, size_t digits, uint8_t *bytes, size_t length);

/* Writes 2 * length lower-case hex digits and a NUL. */
void text_format_hex(const uint8_t *bytes, size_t length, char *text);

/* Reads a whole text as a decimal number without sign or blanks: 0, -EINVAL, or -ERANGE above `max`. */
int text_parse_decimal(const char *text, uint64_t max, uint64_t *value);

/* Cuts off trailing newline characters and blanks, in place. */
void text_trim_end(char *text);

/* True if `word` is one of the blank-separated words of `text`. */
bool text_has_word(const char *text, const char *word);

/* True if `text` ends in `end` and is longer. */
bool text_has_end(const char *text, const char *end);

/* The form of a word that agrees with `count`: "1 entry", "2 entries". */
const char *text_plural(size_t count, const char *one, const char *many);

/* A text that grows. Zero at the start; `text`, which has no NUL at its end, is to be freed. */
struct text_buffer {
	char *text;
	size_t length, size;
	bool failed; /* memory ran out, so a part is missing */
};
void text_append(struct text_buffer *buffer, const char *text, size_t length);

/* What a negative errno says, for people. -ETIMEDOUT is a limit of our own (machine.h). */
const char *text_error(int error);
