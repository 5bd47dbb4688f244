/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What all fuzz targets share. Each lets libFuzzer (clang) feed one part of the program that reads what comes from
 * outside. Both sanitizers watch, and every target checks with `holds` what its part promises. There is none for
 * uevents: the program does not listen to any.
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

/* Instead of the terminal: nothing that is said may harm one. The context counts the errors. */
static inline void fuzz_sink(enum log_level level, const char *line, void *context)
{
	size_t *errors = context;

	*errors += level == LOG_LEVEL_ERROR;
	for (; *line; line++)
		holds(*line >= ' ' && *line <= '~');
}

/* The input as a text of exactly its size, so that a look beyond its end is seen. It ends at the first NUL. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	holds(text);
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}
