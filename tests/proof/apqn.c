/* SPDX-License-Identifier: MIT */
/*
 * Names of cards and queues, and the texts of their attributes: src/ap/apqn.c.
 *
 * Bounds: for each text, the longest one that the parser accepts, a newline, and two bytes more. No branch depends on
 * bytes after these.
 * Assumed: strnlen (libc.h) and CBMC's strlen, memcmp, strncmp, memcpy do what POSIX says.
 *
 * prove: prove_card_name --unwind 10
 * mutant: prove_card_name src/ap/apqn.c s/strlen(name) != 6 ||/strlen(name) < 6 ||/
 * prove: prove_name --unwind 11
 * mutant: prove_name src/ap/apqn.c s/ || numbers.0. != 0)/)/
 * prove: prove_type --unwind 11
 * mutant: prove_type src/ap/apqn.c s/length > 6/length > 7/
 * prove: prove_online --unwind 6
 * mutant: prove_online src/ap/apqn.c s/line_length(text) == strlen(expected)/line_length(text) >= strlen(expected)/
 * prove: prove_bind --unwind 12
 * mutant: prove_bind src/ap/apqn.c s/line_is(text, "unbound")/line_is(text, "unbind")/
 * prove: prove_association --unwind 24
 * slow: prove_association
 * mutant: prove_association src/ap/apqn.c s/length >= sizeof(number)/length > sizeof(number)/
 * prove: prove_mkvps --unwind 88
 * slow: prove_mkvps
 * mutant: prove_mkvps src/ap/apqn.c s/strnlen(state, 4 . APQN_MKVP_SIZE + 1) != 4 . APQN_MKVP_SIZE + 1/false/
 * prove: prove_serialnr --unwind 21
 * mutant: prove_serialnr src/ap/apqn.c s/length != 0 \&\& length != APQN_SERIALNR_LENGTH/length > APQN_SERIALNR_LENGTH + 1/
 */
#include "proof.h"

#include "libc.h"

#include "ap/apqn.c"
#include "util/text.c"

static bool is_lower_hex(char digit)
{
	return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f');
}

void prove_card_name(void)
{
	char *name = any_text(8);
	uint8_t card = 1;
	bool good = strlen(name) == 6 && name[0] == 'c' && name[1] == 'a' && name[2] == 'r' && name[3] == 'd' &&
		    is_lower_hex(name[4]) && is_lower_hex(name[5]);
	int r = apqn_parse_card_name(name, &card);

	CLAIM(r == (good ? 0 : -EBADMSG), "accepted if and only if it is the name of a card");
	CLAIM(r == 0 || card == 1, "a refused input changes nothing");
	CLAIM(r != 0 || name[5] < '0' || name[5] > '9' || card % 16 == name[5] - '0', "the number is the one in the name");
}

void prove_name(void)
{
	char *name = any_text(9);
	uint8_t card = 1, domain = 2;
	bool good = strlen(name) == 7 && is_lower_hex(name[0]) && is_lower_hex(name[1]) && name[2] == '.' && name[3] == '0' &&
		    name[4] == '0' && is_lower_hex(name[5]) && is_lower_hex(name[6]);
	int r = apqn_parse_name(name, &card, &domain);

	CLAIM(r == (good ? 0 : -EBADMSG), "accepted if and only if it is the name of an APQN");
	CLAIM(r == 0 || (card == 1 && domain == 2), "a refused input changes nothing");
}

void prove_type(void)
{
	char *text = any_text(9);
	uint8_t generation = 0;
	enum apqn_mode mode = APQN_MODE_UNKNOWN;
	int r = apqn_parse_type(text, &generation, &mode);

	CLAIM(r == 0 || r == -EBADMSG, "a defined result");
	CLAIM(r == 0 || (generation == 0 && mode == APQN_MODE_UNKNOWN), "a refused input changes nothing");
	CLAIM(r != 0 || (generation >= 1 && generation <= 99), "a generation has at most two digits");
	CLAIM(r != 0 || mode == APQN_MODE_ACCEL || mode == APQN_MODE_CCA || mode == APQN_MODE_EP11, "a defined mode");
	CLAIM(r != 0 || (text[0] == 'C' && text[1] == 'E' && text[2] == 'X'), "the text begins with CEX");
}

void prove_online(void)
{
	char *text = any_text(4);
	bool online = nondet_bool(), before = online;
	int r = apqn_parse_online(text, &online);
	bool good = (text[0] == '0' || text[0] == '1') && (text[1] == '\0' || (text[1] == '\n' && text[2] == '\0'));

	CLAIM(r == (good ? 0 : -EBADMSG), "accepted if and only if it is 0 or 1");
	CLAIM(online == (r == 0 ? text[0] == '1' : before), "the value is that of the text");
}

void prove_bind(void)
{
	char *text = any_text(10);
	enum apqn_bind bind = APQN_BIND_UNKNOWN;
	int r = apqn_parse_bind(text, &bind);

	CLAIM(r == 0 || r == -EBADMSG, "a defined result");
	CLAIM((r == 0) == (bind == APQN_BOUND || bind == APQN_UNBOUND || bind == APQN_BIND_UNSUPPORTED),
	      "a defined state after success, none after a refusal");
	CLAIM(r == 0 || bind == APQN_BIND_UNKNOWN, "a refused input changes nothing");
	CLAIM(bind != APQN_BOUND || text[0] == 'b', "only its own text means bound");
	CLAIM(bind != APQN_UNBOUND || (text[0] == 'u' && text[1] == 'n' && text[2] == 'b' && text[3] == 'o'),
	      "only its own text means unbound");
}

void prove_association(void)
{
	char *text = any_text(22);
	enum apqn_association association = APQN_ASSOCIATION_UNKNOWN;
	uint16_t index = 7;
	int r = apqn_parse_association(text, &association, &index);

	CLAIM(r == 0 || r == -EBADMSG, "a defined result");
	CLAIM((r == 0) == (association != APQN_ASSOCIATION_UNKNOWN), "a state after success, none after a refusal");
	CLAIM(association >= APQN_ASSOCIATION_UNKNOWN && association <= APQN_ASSOCIATED, "a defined state");
	CLAIM(association == APQN_ASSOCIATED || index == 7, "only an association sets the index");
	CLAIM(association != APQN_ASSOCIATED || (text[0] == 'a' && text[9] == 'd' && text[10] == ' ' && text[11] >= '0'),
	      "only its own text means associated");
	CLAIM(association != APQN_ASSOCIATED || text[12] != '\0' || index == text[11] - '0', "the index is that of the text");
}

void prove_mkvps(void)
{
	char *text = any_text(84);
	enum apqn_identity identity = APQN_IDENTITY_UNAVAILABLE;
	uint8_t mkvp[APQN_MKVP_SIZE];
	uint8_t before[APQN_MKVP_SIZE];
	int r;

	for (size_t i = 0; i < APQN_MKVP_SIZE; i++)
		before[i] = mkvp[i];
	r = apqn_parse_mkvps(text, &identity, mkvp);
	CLAIM(r == 0 || r == -EBADMSG, "a defined result");
	CLAIM((r == 0) == (identity == APQN_IDENTITY_VALID || identity == APQN_IDENTITY_NONE || identity == APQN_IDENTITY_UNREAD),
	      "a defined state after success");
	CLAIM(r == 0 || identity == APQN_IDENTITY_UNAVAILABLE, "a refused input changes nothing");
	for (size_t i = 0; i < APQN_MKVP_SIZE; i++)
		CLAIM(identity == APQN_IDENTITY_VALID || mkvp[i] == before[i], "only a valid key sets the pattern");
	CLAIM(identity != APQN_IDENTITY_VALID || text[80] == '\n', "a valid key has all its digits");
}

void prove_serialnr(void)
{
	char *text = any_text(APQN_SERIALNR_LENGTH + 3), serialnr[APQN_SERIALNR_LENGTH + 1] = "before";
	int r = apqn_parse_serialnr(text, serialnr);
	size_t length;

	CLAIM(r == 0 || r == -EBADMSG, "a defined result");
	CLAIM(r == 0 || (serialnr[0] == 'b' && serialnr[6] == '\0'), "a refused input changes nothing");
	length = strnlen(serialnr, sizeof(serialnr));
	CLAIM(length < sizeof(serialnr), "the serial number is terminated");
	CLAIM(r != 0 || length == 0 || length == APQN_SERIALNR_LENGTH, "it has its length, or is empty");
	for (size_t i = 0; i < length; i++)
		CLAIM(serialnr[i] > ' ' && serialnr[i] <= '~', "it is printable");
}
