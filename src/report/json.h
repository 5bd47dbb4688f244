/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Builds a JSON text in memory, with commas and indentation. Members of objects have a name; for members of arrays it
 * is NULL. Zero at the start; the buffer is to be freed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/text.h"

struct json {
	struct text_buffer buffer;
	unsigned int depth;
	bool has_member; /* of the object or array that is open, so a comma comes next */
};

void json_open(struct json *json, const char *name, char bracket); /* '{' or '[' */
void json_close(struct json *json, char bracket);                  /* '}' or ']' */
/* All bytes that are not printable ASCII are escaped one by one, so the result is always valid. NULL becomes null. */
void json_string(struct json *json, const char *name, const char *value);
void json_number(struct json *json, const char *name, uint64_t value);
void json_boolean(struct json *json, const char *name, bool value);

/* Ends the text with a newline. 0 or -ENOMEM. */
int json_finish(struct json *json);
