/* SPDX-License-Identifier: MIT */
#include "report/json_reader.h"

#include <stdint.h>
#include <string.h>

#include "util/text.h"

/* The next byte, or NUL at the end and for a NUL, which is not allowed anywhere. */
static char peek(const struct json_reader *reader)
{
	return (char)(reader->offset < reader->length ? reader->text[reader->offset] : '\0');
}

static bool skip(struct json_reader *reader, char expected)
{
	if (peek(reader) != expected)
		return false;
	reader->offset++;
	return true;
}

static void skip_blanks(struct json_reader *reader)
{
	while (reader->offset < reader->length && strchr(" \t\r\n", peek(reader)) && peek(reader))
		reader->offset++;
}

/* The byte that a character is kept as: one that json.h never writes is kept as '?'. */
static bool read_unicode(struct json_reader *reader, char *byte)
{
	uint8_t code[2];

	if (reader->length - reader->offset < 4 || text_parse_hex(reader->text + reader->offset, 4, code, 2) < 0)
		return false;
	reader->offset += 4;
	*byte = (char)(code[0] == 0 && code[1] != 0 ? code[1] : '?');
	return true;
}

static bool read_escape(struct json_reader *reader, char *byte)
{
	static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	char letter = peek(reader);
	const char *place = letter ? strchr(letters, letter) : NULL;

	if (skip(reader, 'u'))
		return read_unicode(reader, byte);
	if (!place)
		return false;
	reader->offset++;
	*byte = bytes[place - letters];
	return true;
}

static bool read_string(struct json_reader *reader, char text[JSON_READER_TEXT_SIZE])
{
	size_t length = 0;

	if (!skip(reader, '"'))
		return false;
	while (!skip(reader, '"')) {
		char byte = peek(reader);

		if (byte < ' ' || byte > '~')
			return false;
		reader->offset++;
		if (byte == '\\' && !read_escape(reader, &byte))
			return false;
		if (length + 1 < JSON_READER_TEXT_SIZE)
			text[length++] = byte;
	}
	text[length] = '\0';
	return true;
}

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static bool skip_digits(struct json_reader *reader)
{
	if (!is_digit(peek(reader)))
		return false;
	while (is_digit(peek(reader)))
		reader->offset++;
	return true;
}

static bool skip_exponent(struct json_reader *reader)
{
	if (!skip(reader, 'e') && !skip(reader, 'E'))
		return true;
	if (!skip(reader, '+'))
		skip(reader, '-');
	return skip_digits(reader);
}

static enum json_token read_number(struct json_reader *reader)
{
	size_t start = reader->offset, length;

	skip(reader, '-');
	if (!skip(reader, '0') && !skip_digits(reader))
		return JSON_TOKEN_BAD;
	if ((skip(reader, '.') && !skip_digits(reader)) || !skip_exponent(reader) || is_digit(peek(reader)))
		return JSON_TOKEN_BAD;
	length = reader->offset - start;
	if (length >= sizeof(reader->value))
		length = sizeof(reader->value) - 1;
	memcpy(reader->value, reader->text + start, length);
	reader->value[length] = '\0';
	return JSON_TOKEN_NUMBER;
}

static enum json_token read_word(struct json_reader *reader, const char *word, enum json_token token)
{
	size_t length = strlen(word);

	if (reader->length - reader->offset < length || memcmp(reader->text + reader->offset, word, length) != 0)
		return JSON_TOKEN_BAD;
	reader->offset += length;
	return token;
}

static enum json_token open_bracket(struct json_reader *reader)
{
	if (reader->depth == JSON_READER_DEPTH_MAX)
		return JSON_TOKEN_BAD;
	reader->stack[reader->depth++] = reader->text[reader->offset++];
	reader->has_member = false;
	return JSON_TOKEN_OPEN;
}

static enum json_token read_value(struct json_reader *reader)
{
	switch (peek(reader)) {
	case '{':
	case '[':
		return open_bracket(reader);
	case '"':
		return read_string(reader, reader->value) ? JSON_TOKEN_STRING : JSON_TOKEN_BAD;
	case 't':
		return read_word(reader, "true", JSON_TOKEN_TRUE);
	case 'f':
		return read_word(reader, "false", JSON_TOKEN_FALSE);
	case 'n':
		return read_word(reader, "null", JSON_TOKEN_NULL);
	default:
		return read_number(reader);
	}
}

static bool read_name(struct json_reader *reader)
{
	if (!read_string(reader, reader->name))
		return false;
	skip_blanks(reader);
	if (!skip(reader, ':'))
		return false;
	skip_blanks(reader);
	return true;
}

enum json_token json_reader_next(struct json_reader *reader)
{
	bool in_object = reader->depth > 0 && reader->stack[reader->depth - 1] == '{';
	enum json_token token;

	skip_blanks(reader);
	if (reader->depth == 0 && reader->has_member)
		return reader->offset == reader->length ? JSON_TOKEN_END : JSON_TOKEN_BAD;
	if (reader->depth > 0 && skip(reader, in_object ? '}' : ']')) {
		reader->depth--;
		reader->has_member = true;
		return JSON_TOKEN_CLOSE;
	}
	if (reader->has_member && !skip(reader, ','))
		return JSON_TOKEN_BAD;
	skip_blanks(reader);
	reader->name[0] = '\0';
	if (in_object && !read_name(reader))
		return JSON_TOKEN_BAD;
	token = read_value(reader);
	if (token != JSON_TOKEN_OPEN)
		reader->has_member = true;
	return token;
}
