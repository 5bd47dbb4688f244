/* SPDX-License-Identifier: MIT */
#pragma once

/* Shared by all harnesses. CBMC gives an uninitialized variable any value. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

size_t nondet_size(void);
int nondet_int(void);
bool nondet_bool(void);
char nondet_char(void);
uint8_t nondet_uint8(void);
uint64_t nondet_uint64(void);

#define ASSUME(condition) __CPROVER_assume(condition)
#define CLAIM(condition, text) __CPROVER_assert(condition, text)

/* Any text of this length, in memory of exactly its size: the byte after its NUL is out of bounds. */
static inline char *any_text_of(size_t length)
{
	char *text = malloc(length + 1);

	for (size_t i = 0; i < length; i++) {
		text[i] = nondet_char();
		ASSUME(text[i] != '\0');
	}
	text[length] = '\0';
	return text;
}

/* Any text of at most `most` bytes. */
static inline char *any_text(size_t most)
{
	size_t length = nondet_size();

	for (size_t i = 0; i < most; i++)
		if (length == i)
			return any_text_of(i);
	return any_text_of(most);
}
