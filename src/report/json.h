/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Writes JSON into memory. Commas and indentation come by themselves; names are given to members of objects and NULL to
 * members of arrays. A lack of memory is kept until json_finish.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
	char *text; /* owned; zero at the start */
	size_t length, size;
	unsigned int depth;
	bool has_member; /* what is open now has one, so a comma comes next */
	bool failed;
};

void json_open(struct json *json, const char *name, char bracket); /* '{' or '[' */
void json_close(struct json *json, char bracket);                  /* '}' or ']' */
/* Any bytes: what is not printable ASCII is escaped, byte by byte, so the result is always valid. NULL becomes null. */
void json_string(struct json *json, const char *name, const char *value);
void json_number(struct json *json, const char *name, uint64_t value);
void json_boolean(struct json *json, const char *name, bool value);

/* Ends the text with a newline. 0, or -ENOMEM. json->text then has json->length bytes. */
int json_finish(struct json *json);
void json_release(struct json *json);
