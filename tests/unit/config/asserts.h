/* SPDX-License-Identifier: MIT */
#pragma once

/* Parses configuration texts and compares the result, entries or error, with one string. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "unit/log_capture.h"
#include "util/text.h"

#define CONFIG_ASSERT_KEYS "mode, mkvp, serialnr, mingen, secretid, name, description"

static struct log_capture capture;

static inline int parse(const char *text, struct config *config)
{
	log_capture_begin(&capture);
	return config_parse("f", text, strlen(text), config);
}

/* One line for each entry: mode, generation, mkvp, serial number, secret id, name. */
static inline void describe(const struct config *config, char *text, size_t size)
{
	text[0] = '\0';
	for (size_t i = 0; i < config->count; i++) {
		const struct config_entry *entry = &config->entries[i];
		size_t used = strlen(text);
		char mkvp[2 * APQN_MKVP_SIZE + 1], id[2 * CONFIG_SECRETID_SIZE + 1];

		text_format_hex(entry->mkvp, APQN_MKVP_SIZE, mkvp);
		text_format_hex(entry->secretid, CONFIG_SECRETID_SIZE, id);
		if (entry->mode == APQN_MODE_EP11)
			snprintf(text + used, size - used, "EP11 %d %s %s %.8s %s\n", entry->min_generation, mkvp,
				 entry->serialnr, id, entry->name ? entry->name : "-");
		else
			snprintf(text + used, size - used, "Accel %d %s\n", entry->min_generation,
				 entry->name ? entry->name : "-");
	}
}

static inline void assert_good(const char *text, const char *expected)
{
	char description[1024];
	struct config config;

	if (parse(text, &config))
		fail_msg("%.100s\n%s", text, capture.text);
	assert_string_equal(capture.text, "");
	describe(&config, description, sizeof(description));
	assert_string_equal(description, expected);
	config_release(&config);
	assert_null(config.entries);
	assert_int_equal(config.count, 0);
}

static inline void assert_bad(const char *text, const char *message)
{
	char expected[1024];
	struct config config;

	if (!parse(text, &config))
		fail_msg("taken, but must not: %.100s", text);
	snprintf(expected, sizeof(expected), "error: f:%s\n", message);
	assert_string_equal(capture.text, expected);
	assert_null(config.entries);
	assert_int_equal(config.count, 0);
}
