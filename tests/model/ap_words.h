/* SPDX-License-Identifier: MIT */
#pragma once

/* Words and numbers of the topology text (ap_topology.c). Pieces point into it and are not NUL-terminated. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct piece {
	const char *start;
	size_t length;
};

/* Takes the next word from the front of a line; false at its end or at a comment. */
bool words_next(struct piece *line, struct piece *word);

bool words_is(struct piece piece, const char *text);

/* "key=value"; false without '='. */
bool words_split(struct piece word, struct piece *key, struct piece *value);

/* The rest after `front`; false if the piece does not begin with it. */
bool words_cut_front(struct piece piece, const char *front, struct piece *rest);

/* Parse the whole piece. On error they return false and change nothing. */
bool words_parse_number(struct piece piece, int base, int64_t max, int64_t *value);
bool words_parse_flag(struct piece piece, bool *flag);
bool words_parse_duration(struct piece piece, int64_t *duration_us);

/* Exactly 2 * count hex digits; else false and bytes undefined. */
bool words_parse_bytes(struct piece piece, uint8_t *bytes, size_t count);
