/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * `pvapconfig --status`: what early boot has come to, out of the report that it has left behind (report_json.h). Nothing
 * in that file is trusted; fields that are not known are passed over, another version is refused.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATUS_FILE_SIZE_MAX (16 * 1024 * 1024) /* bytes */
#define STATUS_LINES_MAX 65536                  /* in each of the two tables */

/* A line of a table. The near misses of an entry are lines without a label behind it. */
struct status_line {
	char label[64]; /* of the entry */
	bool satisfied;
	char apqn[16];
	char text[320]; /* why not */
};

struct status_lines {
	struct status_line *list; /* owned */
	size_t count, size;
};

struct status {
	uint64_t version, duration_ms;
	char program[64], error[1024], config[256];
	bool success, strict, dry_run;
	struct status_lines entries;
	struct status_lines failures; /* APQNs that were left out */
};

/* 0 or negative errno, reported; `path` is for messages. Release the result after 0. */
int status_parse(const char *path, const char *text, size_t length, struct status *status);
void status_print(const struct status *status);
void status_release(struct status *status);

/*
 * Shows a report, or with `json` the file as it is. 0 or negative errno, reported, if there is none that can be used; nothing
 * was printed then. *success is what the run has come to.
 */
int status_show(const char *path, bool json, bool *success);
