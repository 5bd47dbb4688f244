/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Captures the output of the code under test. Every line is stored as "error: …", "warning: …", "output: …", "notice:
 * …" or "info: …" with a newline, so a test can compare the whole output with one string.
 */
#include <stdio.h>
#include <string.h>

#include "util/log.h"

#define LOG_CAPTURE_SIZE 16384

struct log_capture {
	char text[LOG_CAPTURE_SIZE];
};

static inline void log_capture_line(enum log_level level, const char *line, void *context)
{
	static const char *const names[] = {"error", "warning", "output", "notice", "info"};
	struct log_capture *capture = context;
	size_t used = strlen(capture->text);

	snprintf(capture->text + used, sizeof(capture->text) - used, "%s: %s\n", names[level], line);
}

/* Discards the captured output and starts capturing. */
static inline void log_capture_begin(struct log_capture *capture)
{
	capture->text[0] = '\0';
	log_set_sink(log_capture_line, capture);
}

static inline void log_capture_end(void)
{
	log_set_sink(NULL, NULL);
}
