/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Reads JSON, one token after the other, without trusting a byte of it. Stricter than JSON in one thing: no character but
 * printable ASCII and blanks, as json.h writes it. No libyaml: what that takes for JSON need not be any, and may take it
 * quadratic time.
 */
#include <stdbool.h>
#include <stddef.h>

#define JSON_READER_DEPTH_MAX 8
#define JSON_READER_TEXT_SIZE 1024

enum json_token {
	JSON_TOKEN_BAD, /* no JSON at text[offset]; ends the reading */
	JSON_TOKEN_OPEN,
	JSON_TOKEN_CLOSE,
	JSON_TOKEN_STRING,
	JSON_TOKEN_NUMBER,
	JSON_TOKEN_TRUE,
	JSON_TOKEN_FALSE,
	JSON_TOKEN_NULL,
	JSON_TOKEN_END,
};

struct json_reader {
	const char *text;
	size_t length, offset;
	char stack[JSON_READER_DEPTH_MAX]; /* brackets that are open */
	size_t depth;
	bool has_member;                  /* what is open now, so a comma comes next; or all was read */
	char name[JSON_READER_TEXT_SIZE]; /* of the last member of an object; empty in an array */
	char value
		[JSON_READER_TEXT_SIZE]; /* STRING, NUMBER: cut if longer. Bytes as json.h got them: \u00e9 is byte e9 */
};

/* `reader` begins with text and length, and zeros. */
enum json_token json_reader_next(struct json_reader *reader);
