/* SPDX-License-Identifier: MIT */
#include "config/value.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/cleanup.h"
#include "util/text.h"

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

/* The whitespace of Unicode at the beginning of a text, in UTF-8; 0 bytes: none. s390-tools trims the same. */
static size_t whitespace_length(const char *text)
{
	static const char *const others[] = { "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\xa8",
					      "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80" };

	if (*text == ' ' || (*text >= '\t' && *text <= '\r'))
		return 1;
	if ((unsigned char)*text < 0x80)
		return 0;
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
static void trim(char **text)
{
	size_t start = 0, end = 0, length;

	if (!*text)
		return;
	while ((length = whitespace_length(*text + start)) > 0)
		start += length;
	for (size_t i = start; (*text)[i]; i += length ? length : 1) {
		length = whitespace_length(*text + i);
		if (!length)
			end = i + 1;
	}
	if (end == 0) {
		free(take_pointer(*text));
		return;
	}
	memmove(*text, *text + start, end - start);
	(*text)[end - start] = '\0';
}

static int refuse(struct config_problem *problem, enum config_key key, const char *text)
{
	*problem = (struct config_problem){ .key = key, .text = text };
	return -EINVAL;
}

static int make_mode(const char *text, struct config_entry *entry, struct config_problem *problem)
{
	if (!text)
		return refuse(problem, CONFIG_KEY_COUNT, "key mode is missing, expected EP11 or Accel");
	if (!strcasecmp(text, "EP11"))
		entry->mode = APQN_MODE_EP11;
	else if (!strcasecmp(text, "Accel"))
		entry->mode = APQN_MODE_ACCEL;
	else
		return refuse(problem, CONFIG_KEY_MODE, "key mode: expected EP11 or Accel");
	return 0;
}

static int make_min_generation(const char *text, struct config_entry *entry, struct config_problem *problem)
{
	bool is_ep11 = entry->mode == APQN_MODE_EP11;

	if (!text)
		return 0;
	/* A misprint in the manual page of s390-tools. Configurations that were copied from it must work. */
	if (is_ep11 && !strcasecmp(text, "CEC8"))
		text = "CEX8";
	if (strncasecmp(text, "CEX", 3) != 0 || text[3] < (is_ep11 ? '8' : '4') || text[3] > '8' || text[4])
		return refuse(problem, CONFIG_KEY_MINGEN,
			      is_ep11 ? "key mingen: expected CEX8 for mode EP11" :
					"key mingen: expected CEX4, CEX5, CEX6, CEX7 or CEX8 for mode Accel");
	entry->min_generation = (uint8_t)(text[3] - '0');
	return 0;
}

/* Hex digits, with or without 0x in front, for `length` bytes. */
static int parse_bytes(const char *text, uint8_t *bytes, size_t length)
{
	if (!strncasecmp(text, "0x", 2))
		text += 2;
	return text_parse_hex(text, strlen(text), bytes, length);
}

static int make_mkvp(const char *text, struct config_entry *entry, struct config_problem *problem)
{
	uint8_t bytes[2 * APQN_MKVP_SIZE];

	if (!text)
		return refuse(problem, CONFIG_KEY_COUNT, "key mkvp is missing, required for mode EP11");
	if (parse_bytes(text, bytes, APQN_MKVP_SIZE) && parse_bytes(text, bytes, 2 * APQN_MKVP_SIZE))
		return refuse(problem, CONFIG_KEY_MKVP, "key mkvp: expected 32 or 64 hex digits, optionally after 0x");
	memcpy(entry->mkvp, bytes, APQN_MKVP_SIZE);
	return 0;
}

static int make_serialnr(const char *text, struct config_entry *entry, struct config_problem *problem)
{
	bool good;

	if (!text)
		return 0;
	good = strlen(text) == APQN_SERIALNR_LENGTH;
	for (size_t i = 0; text[i]; i++)
		good = good && text[i] > ' ' && text[i] <= '~';
	if (!good)
		return refuse(problem, CONFIG_KEY_SERIALNR,
			      "key serialnr: expected exactly 16 printable ASCII characters without blanks");
	memcpy(entry->serialnr, text, APQN_SERIALNR_LENGTH + 1);
	return 0;
}

static int make_secretid(const char *text, const char *name, struct config_entry *entry, struct config_problem *problem)
{
	uint8_t digest[SHA256_SIZE];

	if (!text && !name)
		return refuse(problem, CONFIG_KEY_COUNT,
			      "name or secretid is missing, mode EP11 requires at least one of them");
	if (text && parse_bytes(text, entry->secretid, CONFIG_SECRETID_SIZE))
		return refuse(problem, CONFIG_KEY_SECRETID,
			      "key secretid: expected 64 hex digits, optionally after 0x");
	if (!name)
		return 0;

	if (sha256_digest(name, strlen(name), digest)) {
		refuse(problem, CONFIG_KEY_COUNT, "the SHA-256 of the name cannot be calculated");
		return -EIO;
	}
	if (text && memcmp(digest, entry->secretid, SHA256_SIZE) != 0) {
		refuse(problem, CONFIG_KEY_SECRETID, "key secretid: expected the SHA-256 of the name, ");
		text_format_hex(digest, SHA256_SIZE, problem->digest);
		return -EINVAL;
	}
	memcpy(entry->secretid, digest, SHA256_SIZE);
	return 0;
}

int config_value_make_entry(char *texts[CONFIG_KEY_COUNT], struct config_entry *entry, struct config_problem *problem)
{
	int r;

	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
		trim(&texts[i]);
	*entry = (struct config_entry){ 0 };
	r = make_mode(texts[CONFIG_KEY_MODE], entry, problem);
	if (r == 0)
		r = make_min_generation(texts[CONFIG_KEY_MINGEN], entry, problem);
	if (r == 0 && entry->mode == APQN_MODE_EP11) {
		r = make_mkvp(texts[CONFIG_KEY_MKVP], entry, problem);
		if (r == 0)
			r = make_serialnr(texts[CONFIG_KEY_SERIALNR], entry, problem);
		if (r == 0)
			r = make_secretid(texts[CONFIG_KEY_SECRETID], texts[CONFIG_KEY_NAME], entry, problem);
	}
	if (r == 0)
		entry->name = take_pointer(texts[CONFIG_KEY_NAME]);
	return r;
}
