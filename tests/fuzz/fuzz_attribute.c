/* SPDX-License-Identifier: MIT */
/* Texts of sysfs attributes. Every parser accepts a text, or refuses it and changes nothing (apqn.h). */
#include <errno.h>

#include "ap/apqn.h"
#include "fuzz.h"
#include "util/text.h"

#define UNCHANGED 0x5a

/* A refused text leaves the result unchanged. */
static void check_result(int r, const void *result, size_t size)
{
	const uint8_t *bytes = result;

	holds(r == 0 || r == -EBADMSG);
	for (size_t i = 0; r < 0 && i < size; i++)
		holds(bytes[i] == UNCHANGED);
}

static void check_identity(const char *text)
{
	struct {
		enum apqn_identity identity;
		uint8_t mkvp[APQN_MKVP_SIZE];
	} key;
	char serialnr[APQN_SERIALNR_LENGTH + 1];
	int r;

	memset(&key, UNCHANGED, sizeof(key));
	r = apqn_parse_mkvps(text, &key.identity, key.mkvp);
	check_result(r, &key, sizeof(key));
	memset(serialnr, UNCHANGED, sizeof(serialnr));
	r = apqn_parse_serialnr(text, serialnr);
	check_result(r, serialnr, sizeof(serialnr));
	holds(r < 0 || memchr(serialnr, '\0', sizeof(serialnr)));
}

static void check_states(const char *text)
{
	enum apqn_bind bind;
	struct {
		enum apqn_association association;
		uint16_t index, unused;
	} associated;
	struct {
		enum apqn_mode mode;
		uint8_t generation, unused[3];
	} type;
	uint8_t online = UNCHANGED;

	memset(&bind, UNCHANGED, sizeof(bind));
	check_result(apqn_parse_bind(text, &bind), &bind, sizeof(bind));
	memset(&associated, UNCHANGED, sizeof(associated));
	check_result(apqn_parse_association(text, &associated.association, &associated.index), &associated,
		     sizeof(associated));
	memset(&type, UNCHANGED, sizeof(type));
	check_result(apqn_parse_type(text, &type.generation, &type.mode), &type, sizeof(type));
	check_result(apqn_parse_online(text, (bool *)&online), &online, sizeof(online));
}

static void check_names(const char *text)
{
	struct {
		uint8_t card, domain;
	} name;
	struct apqn apqn = { 0 };
	char again[APQN_NAME_SIZE];
	int r;

	memset(&name, UNCHANGED, sizeof(name));
	r = apqn_parse_card_name(text, &name.card);
	check_result(r, &name, sizeof(name));
	memset(&name, UNCHANGED, sizeof(name));
	r = apqn_parse_name(text, &name.card, &name.domain);
	check_result(r, &name, sizeof(name));
	if (r == 0) {
		apqn.card = name.card;
		apqn.domain = name.domain;
		apqn_format_name(&apqn, again);
		holds(strcmp(text, again) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	uint64_t number;

	check_names(text);
	check_states(text);
	check_identity(text);
	text_has_word(text, "APSB");
	holds(text_parse_decimal(text, 1000, &number) < 0 || number <= 1000);
	text_trim_end(text);
	free(text);
	return 0;
}
