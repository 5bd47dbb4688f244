/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the keys of an entry mean: from texts to a validated entry. A file that s390-tools' pvapconfig takes is right
 * here, too (its manual page, section CONFIGFILE). A new key also belongs into CONFIG_VALUE_KEYS, key_names (value.c),
 * pvapconfig.yaml(5) and README; tests/check-docs compares them.
 */
#include <stddef.h>

#include "config/config.h"

enum config_key {
	CONFIG_KEY_MODE,
	CONFIG_KEY_MKVP,
	CONFIG_KEY_SERIALNR,
	CONFIG_KEY_MINGEN,
	CONFIG_KEY_SECRETID,
	CONFIG_KEY_NAME,
	CONFIG_KEY_DESCRIPTION,
	CONFIG_KEY_COUNT,
};

/* Where something stands in the file, both from 1. */
struct config_place {
	size_t line;
	size_t column;
};

struct config_field {
	char *text;                    /* owned; NULL: the key is not given, or its value is empty */
	struct config_place key_place; /* line 0: the key is not given */
	struct config_place place;     /* of the value */
};

/* An entry as it stands in the file. */
struct config_fields {
	const char *path;
	size_t number; /* from 1 */
	struct config_place place;
	struct config_field list[CONFIG_KEY_COUNT];
};

#define CONFIG_VALUE_KEYS "mode, mkvp, serialnr, mingen, secretid, name, description"

/* The key with this name, or CONFIG_KEY_COUNT. */
enum config_key config_value_find_key(const char *name);

/* "#2 'name'", or "#2" if name is NULL. */
void config_value_format_label(size_t number, const char *name, char label[CONFIG_LABEL_SIZE]);

/*
 * Validates an entry: 0 or negative errno (reported); after 0 entry->name is the caller's to free. The texts of
 * `fields` are trimmed, or taken.
 */
int config_value_make_entry(struct config_fields *fields, struct config_entry *entry);

/* SHA-256 by mbedtls, whichever version is installed. 0, or -EIO: the library failed (an accelerator behind it may). */
#define SHA256_SIZE 32
int sha256_digest(const void *data, size_t length, uint8_t digest[SHA256_SIZE]);
