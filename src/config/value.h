/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the keys of an entry mean: from texts to a validated entry. A file that s390-tools' pvapconfig takes is right
 * here, too (its manual page, section CONFIGFILE). A new key (lower-case letters) also belongs into CONFIG_VALUE_KEYS,
 * key_names (value.c), pvapconfig.yaml(5) and README, which tests/check-docs compares; into conf/pvapconfig.yaml,
 * tests/unit/config/asserts.h and tests/fuzz/config.dict; and into the report (report.h), if it shows it. A text that an
 * entry owns is also copied by repeat_entry and freed by config_release (config.c).
 */
#include <stddef.h>

#include "config/config.h"

#define SHA256_SIZE 32

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

/* What is wrong with an entry. */
struct config_problem {
	enum config_key key;              /* whose value is wrong; CONFIG_KEY_COUNT: the entry as a whole */
	const char *text;                 /* of a value what was expected: "key mode: expected EP11 or Accel" */
	char digest[2 * SHA256_SIZE + 1]; /* belongs to the end of the text; may be empty */
};

#define CONFIG_VALUE_KEYS "mode, mkvp, serialnr, mingen, secretid, name, description"

/* The key with this name, or CONFIG_KEY_COUNT. */
enum config_key config_value_find_key(const char *name);

/* "#2 'name'", or "#2" if name is NULL. */
void config_value_format_label(size_t number, const char *name, char label[CONFIG_LABEL_SIZE]);

/*
 * Validates an entry, of which `texts` are the values; NULL: not given. 0, or negative errno with the problem. The texts
 * are trimmed, NULL if they are empty then. After 0 the name was taken, and entry->name is the caller's to free.
 */
int config_value_make_entry(char *texts[CONFIG_KEY_COUNT], struct config_entry *entry, struct config_problem *problem);

/* SHA-256 by mbedtls, whichever version is installed. 0, or -EIO: the library failed (an accelerator behind it may). */
int sha256_digest(const void *data, size_t length, uint8_t digest[SHA256_SIZE]);
