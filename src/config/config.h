/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The configuration file: YAML text in, validated entries out. Errors are reported here, with file, line, column, entry
 * and key; callers get the errno only.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ap/apqn.h"

#define CONFIG_SECRETID_SIZE 32            /* bytes of a SHA-256 */
#define CONFIG_FILE_SIZE_MAX (1024 * 1024) /* bytes */
/* More than the largest machines have APQNs: 60 cards with 85 domains. */
#define CONFIG_ENTRIES_MAX 8192
#define CONFIG_ANCHORS_MAX 1024 /* definitions, those of the same name included */
#define CONFIG_BLANKS_MAX 1024  /* blanks and line breaks in a row */

struct config_entry {
	enum apqn_mode mode;                     /* APQN_MODE_EP11 or APQN_MODE_ACCEL */
	uint8_t mkvp[APQN_MKVP_SIZE];            /* EP11 */
	char serialnr[APQN_SERIALNR_LENGTH + 1]; /* EP11; empty: any */
	uint8_t min_generation;                  /* 0: any */
	uint8_t secretid[CONFIG_SECRETID_SIZE];  /* EP11 */
	char *name;                              /* owned; NULL: none */
};

struct config {
	struct config_entry *entries; /* NULL: nothing was read; an empty list is not NULL */
	size_t count;
};

/*
 * Reads and validates a file, or a pipe, which may take pipe_ms to its end (file.h; 0: no pipe). 0 or negative errno,
 * reported but for -EINTR. Release the result after 0.
 */
int config_load(const char *path, int64_t pipe_ms, struct config *config);

/* The same from memory; `path` is for messages only. */
int config_parse(const char *path, const char *text, size_t length, struct config *config);

void config_release(struct config *config);

/* How an entry is called in messages and tables: "#2 'name'", or "#2" without a name, from 1. Long names are cut. */
#define CONFIG_LABEL_SIZE 46
void config_format_label(const struct config *config, size_t index, char label[CONFIG_LABEL_SIZE]);
