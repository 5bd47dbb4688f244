/* SPDX-License-Identifier: MIT */
#include "config/value.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/cleanup.h"
#include "util/log.h"
#include "util/text.h"

#define HEX_SIZE(bytes) (2 * (bytes) + 1)

_Static_assert(CONFIG_SECRETID_SIZE == SHA256_SIZE, "a secret id is a SHA-256");

static const char *const key_names[CONFIG_KEY_COUNT] = {
	[CONFIG_KEY_MODE] = "mode",
	[CONFIG_KEY_MKVP] = "mkvp",
	[CONFIG_KEY_SERIALNR] = "serialnr",
	[CONFIG_KEY_MINGEN] = "mingen",
	[CONFIG_KEY_SECRETID] = "secretid",
	[CONFIG_KEY_NAME] = "name",
	[CONFIG_KEY_DESCRIPTION] = "description",
};

enum config_key config_value_find_key(const char *name)
{
	enum config_key key = 0;

	while (key < CONFIG_KEY_COUNT && strcmp(name, key_names[key]) != 0)
		key++;
	return key;
}

void config_value_format_label(size_t number, const char *name, char label[CONFIG_LABEL_SIZE])
{
	static const char cut[] = "...'";
	int length;

	if (name)
		length = snprintf(label, CONFIG_LABEL_SIZE, "#%zu '%s'", number, name);
	else
		length = snprintf(label, CONFIG_LABEL_SIZE, "#%zu", number);
	if (length >= CONFIG_LABEL_SIZE)
		memcpy(label + CONFIG_LABEL_SIZE - sizeof(cut), cut, sizeof(cut));
}

/* Reports what is wrong with the entry as a whole. */
static int refuse_entry(const struct config_fields *fields, const char *message)
{
	char label[CONFIG_LABEL_SIZE];

	config_value_format_label(fields->number, fields->list[CONFIG_KEY_NAME].text, label);
	log_error("%s:%zu:%zu: entry %s: %s", fields->path, fields->place.line, fields->place.column, label, message);
	return -EINVAL;
}

/* Reports what is wrong with the value of one key. */
static int refuse_value(const struct config_fields *fields, enum config_key key, const char *expected)
{
	const struct config_field *field = &fields->list[key];
	char label[CONFIG_LABEL_SIZE];

	config_value_format_label(fields->number, fields->list[CONFIG_KEY_NAME].text, label);
	log_error("%s:%zu:%zu: entry %s: key %s: expected %s, found '%.100s'%s", fields->path, field->place.line,
		  field->place.column, label, key_names[key], expected, field->text,
		  strlen(field->text) > 100 ? "..." : "");
	return -EINVAL;
}

/* The whitespace of Unicode at the beginning of a text, in UTF-8; 0 bytes: none. s390-tools trims the same. */
static size_t whitespace_length(const char *text)
{
	static const char *const others[] = { "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\xa8",
					      "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80" };

	if (*text == ' ' || (*text >= '\t' && *text <= '\r'))
		return 1;
	/* U+2000 to U+200A */
	if (strncmp(text, "\xe2\x80", 2) == 0 && (unsigned char)text[2] >= 0x80 && (unsigned char)text[2] <= 0x8a)
		return 3;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (strncmp(text, others[i], strlen(others[i])) == 0)
			return strlen(others[i]);
	}
	return 0;
}

/* Cuts off whitespace at both ends. What is empty then is not given. */
static void trim_field(struct config_field *field)
{
	size_t start = 0, end = 0, length;

	if (!field->text)
		return;
	while ((length = whitespace_length(field->text + start)) > 0)
		start += length;
	for (size_t i = start; field->text[i]; i += length ? length : 1) {
		length = whitespace_length(field->text + i);
		if (!length)
			end = i + 1;
	}
	if (end == 0) {
		free(field->text);
		field->text = NULL;
		return;
	}
	memmove(field->text, field->text + start, end - start);
	field->text[end - start] = '\0';
}

static int make_mode(const struct config_fields *fields, struct config_entry *entry)
{
	const char *text = fields->list[CONFIG_KEY_MODE].text;

	if (!text)
		return refuse_entry(fields, "key mode is missing, expected EP11 or Accel");
	if (!strcasecmp(text, "EP11"))
		entry->mode = APQN_MODE_EP11;
	else if (!strcasecmp(text, "Accel"))
		entry->mode = APQN_MODE_ACCEL;
	else
		return refuse_value(fields, CONFIG_KEY_MODE, "EP11 or Accel");
	return 0;
}

static int make_min_generation(const struct config_fields *fields, struct config_entry *entry)
{
	static const char *const generations[] = { "CEX4", "CEX5", "CEX6", "CEX7", "CEX8" };
	const char *text = fields->list[CONFIG_KEY_MINGEN].text;

	if (!text)
		return 0;
	if (entry->mode == APQN_MODE_EP11) {
		/* A misprint in the manual page of s390-tools. Configurations that were copied from it must work. */
		if (strcasecmp(text, "CEX8") != 0 && strcasecmp(text, "CEC8") != 0)
			return refuse_value(fields, CONFIG_KEY_MINGEN, "CEX8 for mode EP11");
		entry->min_generation = 8;
		return 0;
	}
	for (size_t i = 0; i < sizeof(generations) / sizeof(generations[0]); i++)
		if (!strcasecmp(text, generations[i]))
			entry->min_generation = (uint8_t)(4 + i);
	if (!entry->min_generation)
		return refuse_value(fields, CONFIG_KEY_MINGEN, "CEX4, CEX5, CEX6, CEX7 or CEX8 for mode Accel");
	return 0;
}

/* Hex digits, with or without 0x in front, for `length` bytes. */
static int parse_bytes(const char *text, uint8_t *bytes, size_t length)
{
	if (!strncasecmp(text, "0x", 2))
		text += 2;
	return text_parse_hex(text, strlen(text), bytes, length);
}

static int make_mkvp(const struct config_fields *fields, struct config_entry *entry)
{
	const char *text = fields->list[CONFIG_KEY_MKVP].text;
	uint8_t bytes[2 * APQN_MKVP_SIZE];

	if (!text)
		return refuse_entry(fields, "key mkvp is missing, required for mode EP11");
	if (parse_bytes(text, bytes, APQN_MKVP_SIZE) && parse_bytes(text, bytes, 2 * APQN_MKVP_SIZE))
		return refuse_value(fields, CONFIG_KEY_MKVP, "32 or 64 hex digits, optionally after 0x");
	memcpy(entry->mkvp, bytes, APQN_MKVP_SIZE);
	return 0;
}

static int make_serialnr(const struct config_fields *fields, struct config_entry *entry)
{
	const char *text = fields->list[CONFIG_KEY_SERIALNR].text;
	bool good;

	if (!text)
		return 0;
	good = strlen(text) == APQN_SERIALNR_LENGTH;
	for (size_t i = 0; text[i]; i++)
		good = good && text[i] > ' ' && text[i] <= '~';
	if (!good)
		return refuse_value(fields, CONFIG_KEY_SERIALNR,
				    "exactly 16 printable ASCII characters without blanks");
	memcpy(entry->serialnr, text, APQN_SERIALNR_LENGTH + 1);
	return 0;
}

static int make_secretid(const struct config_fields *fields, struct config_entry *entry)
{
	const char *text = fields->list[CONFIG_KEY_SECRETID].text, *name = fields->list[CONFIG_KEY_NAME].text;
	uint8_t digest[SHA256_SIZE];
	char expected[sizeof("the SHA-256 of the name, ") + HEX_SIZE(SHA256_SIZE)];
	int length;

	if (!text && !name)
		return refuse_entry(fields, "name or secretid is missing, mode EP11 requires at least one of them");
	if (text && parse_bytes(text, entry->secretid, CONFIG_SECRETID_SIZE))
		return refuse_value(fields, CONFIG_KEY_SECRETID, "64 hex digits, optionally after 0x");
	if (!name)
		return 0;

	if (sha256_digest(name, strlen(name), digest)) {
		refuse_entry(fields, "the SHA-256 of the name cannot be calculated");
		return -EIO;
	}
	if (text && memcmp(digest, entry->secretid, SHA256_SIZE) != 0) {
		length = snprintf(expected, sizeof(expected), "the SHA-256 of the name, ");
		text_format_hex(digest, SHA256_SIZE, expected + length);
		return refuse_value(fields, CONFIG_KEY_SECRETID, expected);
	}
	memcpy(entry->secretid, digest, SHA256_SIZE);
	return 0;
}

int config_value_make_entry(struct config_fields *fields, struct config_entry *entry)
{
	int r;

	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
		trim_field(&fields->list[i]);
	*entry = (struct config_entry){ 0 };
	r = make_mode(fields, entry);
	if (r == 0)
		r = make_min_generation(fields, entry);
	if (r == 0 && entry->mode == APQN_MODE_EP11) {
		r = make_mkvp(fields, entry);
		if (r == 0)
			r = make_serialnr(fields, entry);
		if (r == 0)
			r = make_secretid(fields, entry);
	}
	if (r == 0)
		entry->name = take_pointer(fields->list[CONFIG_KEY_NAME].text);
	return r;
}
