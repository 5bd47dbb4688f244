/* SPDX-License-Identifier: MIT */
/*
 * Values of the configuration file: src/config/value.c.
 *
 * Bounds: texts of up to 5 bytes for trimming. A whitespace character has up to 3 bytes, so a text may have one, a
 * truncated one, and other bytes. Other texts: two bytes more than the longest valid one. Hex values: text.c.
 * Assumed: CBMC's strcasecmp, strncasecmp, strncmp, memmove do what POSIX says; SHA-256 gives any digest, or fails;
 * texts are formatted by src/musl/format.c.
 *
 * prove: prove_trim --unwind 9
 * slow: prove_trim
 * mutant: prove_trim src/config/value.c s/end = i + 1;/end = i + 2;/
 * prove: prove_mode --unwind 9
 * mutant: prove_mode src/config/value.c s/entry->mode = APQN_MODE_ACCEL;/entry->mode = APQN_MODE_CCA;/
 * prove: prove_min_generation --unwind 8
 * mutant: prove_min_generation src/config/value.c s/text\[3\] - '0'/text[3] - '1'/
 * prove: prove_config_serialnr --unwind 20
 * mutant: prove_config_serialnr src/config/value.c s/good = strlen(text) == APQN_SERIALNR_LENGTH/good = true/
 * prove: prove_label --unwind 70
 * slow: prove_label
 * mutant: prove_label src/config/value.c s/CONFIG_LABEL_SIZE - sizeof(cut), cut/CONFIG_LABEL_SIZE - sizeof(cut) + 1, cut/
 */
#include "proof.h"

#include "libc.h"

#include "config/value.c"
#include "musl/format.c"
#include "util/text.c"

int sha256_digest(const void *data, size_t length, uint8_t digest[SHA256_SIZE])
{
	(void)data, (void)length;
	for (size_t i = 0; i < SHA256_SIZE; i++)
		digest[i] = nondet_uint8();
	return nondet_bool() ? 0 : -EIO;
}

void prove_trim(void)
{
	char *text = any_text(5);
	size_t before = strlen(text), after;

	trim(&text);
	if (!text)
		return;
	after = strlen(text);
	CLAIM(after > 0 && after <= before, "the rest is not empty, and not longer");
	CLAIM(whitespace_length(text) == 0, "no whitespace at the start");
	for (size_t i = 0; i < after; i++)
		CLAIM(whitespace_length(text + i) == 0 || whitespace_length(text + i) < after - i,
		      "no whitespace at the end");
}

void prove_mode(void)
{
	struct config_problem problem;
	struct config_entry entry = { 0 };
	int r;

	r = make_mode(nondet_bool() ? NULL : any_text(7), &entry, &problem);
	CLAIM(r == 0 || r == -EINVAL, "a defined result");
	CLAIM((r == 0) == (entry.mode == APQN_MODE_EP11 || entry.mode == APQN_MODE_ACCEL), "one of the two modes");
	CLAIM(r == 0 || entry.mode == APQN_MODE_UNKNOWN, "a refused input changes nothing");
}

void prove_min_generation(void)
{
	struct config_problem problem;
	struct config_entry entry = { .mode = nondet_bool() ? APQN_MODE_EP11 : APQN_MODE_ACCEL };
	char *text = nondet_bool() ? NULL : any_text(6);
	int r;

	r = make_min_generation(text, &entry, &problem);
	CLAIM(r == 0 || r == -EINVAL, "a defined result");
	CLAIM(r == 0 || entry.min_generation == 0, "a refused input changes nothing");
	CLAIM(r != 0 || (text ? entry.min_generation == text[3] - '0' : entry.min_generation == 0), "the generation is that of the text");
	CLAIM(r != 0 || !text || entry.min_generation == 8 || entry.mode == APQN_MODE_ACCEL, "EP11 has only one generation");
	CLAIM(entry.min_generation == 0 || (entry.min_generation >= 4 && entry.min_generation <= 8), "a known generation");
}

void prove_config_serialnr(void)
{
	struct config_problem problem;
	struct config_entry entry = { 0 };
	char *text = any_text(18);
	int r;

	r = make_serialnr(text, &entry, &problem);
	CLAIM(r == 0 || r == -EINVAL, "a defined result");
	CLAIM(strnlen(entry.serialnr, sizeof(entry.serialnr)) == (r == 0 ? APQN_SERIALNR_LENGTH : 0), "the serial number is whole, or empty");
	for (size_t i = 0; i < APQN_SERIALNR_LENGTH; i++)
		CLAIM(r != 0 || (entry.serialnr[i] > ' ' && entry.serialnr[i] <= '~'), "it is printable");
}

/* Any name of up to 68 bytes, and any number of an entry. */
void prove_label(void)
{
	char *label = malloc(CONFIG_LABEL_SIZE), *name = nondet_bool() ? NULL : any_text(68);
	size_t number = nondet_size();

	ASSUME(number <= CONFIG_ENTRIES_MAX);
	config_value_format_label(number, name, label);
	CLAIM(strnlen(label, CONFIG_LABEL_SIZE) < CONFIG_LABEL_SIZE, "the label is terminated");
	CLAIM(label[0] == '#', "it begins with #");
}
