/* SPDX-License-Identifier: MIT */
#include "report/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void add_text(struct json *json, const char *text)
{
	text_append(&json->buffer, text, strlen(text));
}

static void add_line_start(struct json *json)
{
	add_text(json, "\n");
	for (unsigned int i = 0; i < json->depth; i++)
		add_text(json, "  ");
}

/* Length of the text up to the first byte that must be escaped. */
static size_t plain_length(const char *text)
{
	size_t length = 0;

	while (text[length] >= ' ' && text[length] <= '~' && text[length] != '"' && text[length] != '\\')
		length++;
	return length;
}

static void add_quoted(struct json *json, const char *text)
{
	char escaped[8];

	add_text(json, "\"");
	for (;;) {
		size_t length = plain_length(text);

		text_append(&json->buffer, text, length);
		text += length;
		if (!*text)
			break;
		snprintf(escaped, sizeof(escaped), *text == '"' || *text == '\\' ? "\\%c" : "\\u%04x",
			 (unsigned char)*text);
		text++;
		add_text(json, escaped);
	}
	add_text(json, "\"");
}

static void begin_member(struct json *json, const char *name)
{
	if (json->has_member)
		add_text(json, ",");
	if (json->depth > 0)
		add_line_start(json);
	if (name) {
		add_quoted(json, name);
		add_text(json, ": ");
	}
	json->has_member = true;
}

void json_open(struct json *json, const char *name, char bracket)
{
	begin_member(json, name);
	text_append(&json->buffer, &bracket, 1);
	json->depth++;
	json->has_member = false;
}

void json_close(struct json *json, char bracket)
{
	json->depth--;
	if (json->has_member)
		add_line_start(json);
	text_append(&json->buffer, &bracket, 1);
	json->has_member = true;
}

void json_string(struct json *json, const char *name, const char *value)
{
	begin_member(json, name);
	if (value)
		add_quoted(json, value);
	else
		add_text(json, "null");
}

void json_number(struct json *json, const char *name, uint64_t value)
{
	char digits[24];

	begin_member(json, name);
	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	add_text(json, digits);
}

void json_boolean(struct json *json, const char *name, bool value)
{
	begin_member(json, name);
	add_text(json, value ? "true" : "false");
}

int json_finish(struct json *json)
{
	add_text(json, "\n");
	return json->buffer.failed ? -ENOMEM : 0;
}
