/* SPDX-License-Identifier: MIT */
#pragma once

/* Whole files: read without trusting their type or size, written atomically. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/log.h"
#include "util/wait.h"

struct file_source {
	const char *what; /* for messages: "configuration file" */
	const char *path;
	size_t max;           /* bytes */
	bool optional;        /* that there is no such file is not reported */
	enum log_level level; /* of messages */
	int64_t wait_ms;      /* how long a pipe may take to its end, up to WAIT_FOREVER; 0: no pipe */
};

/*
 * Reads a regular file of at most `max` bytes to its end, whatever size it claims to have; or a pipe, if allowed,
 * which a signal interrupts (-EINTR, not reported). 0 with the text, owned by the caller and ended by a NUL that is
 * not counted; or negative errno, reported.
 */
int file_read(const struct file_source *source, char **text, size_t *length);

/* True for a regular file that can be read and begins with this text. Nothing is reported. */
bool file_begins_with(const char *path, const char *text);

/* Gets the path of one entry; false stops. */
typedef bool file_visitor(const char *path, void *context);

/*
 * Visits the entries of a directory that end in `suffix`, sorted by bytes, except hidden ones. 0 or negative errno,
 * not reported; -E2BIG, and none is visited, if there are more than FILE_VISIT_MAX entries of any name.
 */
#define FILE_VISIT_MAX 2048
int file_visit(const char *directory, const char *suffix, file_visitor *visit, void *context);

/* Creates a file, in the place of an old one. 0, or negative errno (not reported) and there is no file. */
int file_create(const char *path, mode_t mode, const char *text, size_t length);

/* Writes a file of mode 0600 under another name (path.new) and renames it. 0 or negative errno, not reported. */
int file_replace(const char *path, const char *text, size_t length);
