/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Shared by all fuzz targets. Each target passes the input of libFuzzer (clang) to one part of the program that reads
 * external data, with both sanitizers. It checks with `holds` what the part promises. Uevents have no target: the
 * program does not read them.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define holds(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                 \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

/* Log sink that checks for unprintable characters, which could harm a terminal. The context counts errors. */
static inline void fuzz_sink(enum log_level level, const char *line, void *context)
{
	size_t *errors = context;

	*errors += level == LOG_LEVEL_ERROR;
	for (; *line; line++)
		holds(*line >= ' ' && *line <= '~');
}

/* The input as a text in memory of exactly its size, so that a read beyond its end is detected. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	holds(text);
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}
