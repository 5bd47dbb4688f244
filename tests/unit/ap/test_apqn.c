/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ap/apqn.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define HEX32 "00112233445566778899aabbccddeeff"

static void test_names(void **state)
{
	static const char *const bad[] = { "", "11.000", "11.00080", "11.0100",
					   "11-0008", "1A.0008", "11.000G", "card11" };
	static const char *const bad_cards[] = { "", "card", "card1", "card111",
						 "cardXY", "card1A", "cord11", "11.0008" };
	struct apqn apqn = { .card = 0x0a, .domain = 0xff };
	char name[APQN_NAME_SIZE];
	uint8_t card, domain;

	(void)state;
	apqn_format_name(&apqn, name);
	assert_string_equal(name, "0a.00ff");
	assert_int_equal(apqn_parse_name(name, &card, &domain), 0);
	assert_int_equal(card, 0x0a);
	assert_int_equal(domain, 0xff);
	assert_int_equal(apqn_parse_card_name("cardfe", &card), 0);
	assert_int_equal(card, 0xfe);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(apqn_parse_name(bad[i], &card, &domain), -EBADMSG);
	for (size_t i = 0; i < COUNT(bad_cards); i++)
		assert_int_equal(apqn_parse_card_name(bad_cards[i], &card), -EBADMSG);
}

static void test_order(void **state)
{
	struct apqn apqns[] = { { .card = 2, .domain = 1 }, { .card = 1, .domain = 9 }, { .card = 2, .domain = 0 } };

	(void)state;
	qsort(apqns, COUNT(apqns), sizeof(apqns[0]), apqn_compare);
	assert_int_equal(apqns[0].card, 1);
	assert_int_equal(apqns[1].domain, 0);
	assert_int_equal(apqns[2].domain, 1);
	assert_int_equal(apqn_compare(&apqns[0], &apqns[0]), 0);
}

static void test_type(void **state)
{
	static const char *const bad[] = { "",       "CEX",    "CEX8",   "CEX8X",  "CEXP",    "CEXxP",
					   "cex8p",  "CEX8P ", "CEX0P",  "CEX123P", "CEX8P\n\n", "CEX-8P" };
	enum apqn_mode mode = APQN_MODE_UNKNOWN;
	uint8_t generation = 0;

	(void)state;
	assert_int_equal(apqn_parse_type("CEX8P\n", &generation, &mode), 0);
	assert_int_equal(generation, 8);
	assert_int_equal(mode, APQN_MODE_EP11);
	assert_int_equal(apqn_parse_type("CEX4A", &generation, &mode), 0);
	assert_int_equal(generation, 4);
	assert_int_equal(mode, APQN_MODE_ACCEL);
	assert_int_equal(apqn_parse_type("CEX10C\n", &generation, &mode), 0);
	assert_int_equal(generation, 10);
	assert_int_equal(mode, APQN_MODE_CCA);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(apqn_parse_type(bad[i], &generation, &mode), -EBADMSG);
	assert_int_equal(generation, 10);
}

static void test_online(void **state)
{
	bool online = false;

	(void)state;
	assert_int_equal(apqn_parse_online("1\n", &online), 0);
	assert_true(online);
	assert_int_equal(apqn_parse_online("0\n", &online), 0);
	assert_false(online);
	assert_int_equal(apqn_parse_online("", &online), -EBADMSG);
	assert_int_equal(apqn_parse_online("2\n", &online), -EBADMSG);
	assert_int_equal(apqn_parse_online("10\n", &online), -EBADMSG);
}

static void test_bind(void **state)
{
	static const struct {
		const char *text;
		enum apqn_bind bind;
	} good[] = { { "bound\n", APQN_BOUND }, { "unbound\n", APQN_UNBOUND }, { "-\n", APQN_BIND_UNSUPPORTED } };
	static const char *const bad[] = { "", "\n", "Bound\n", "bound \n", "boundx", "unbound\nbound\n" };
	enum apqn_bind bind = APQN_BIND_UNKNOWN;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(apqn_parse_bind(good[i].text, &bind), 0);
		assert_int_equal(bind, good[i].bind);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(apqn_parse_bind(bad[i], &bind), -EBADMSG);
	assert_int_equal(bind, APQN_BIND_UNSUPPORTED);
}

static void test_association(void **state)
{
	static const struct {
		const char *text;
		enum apqn_association association;
		uint16_t index;
	} good[] = {
		{ "unassociated\n", APQN_UNASSOCIATED, 7 },
		{ "association pending\n", APQN_ASSOCIATION_PENDING, 7 },
		{ "-\n", APQN_ASSOCIATION_UNSUPPORTED, 7 },
		{ "associated 0\n", APQN_ASSOCIATED, 0 },
		{ "associated 65535", APQN_ASSOCIATED, 65535 },
	};
	static const char *const bad[] = {
		"",
		"associated",
		"associated \n",
		"associated 65536\n",
		"associated -1\n",
		"associated 1x\n",
		"associated 1 \n",
		"associated 000001\n",
		"associating\n",
	};
	enum apqn_association association = APQN_ASSOCIATION_UNKNOWN;
	uint16_t index;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		index = 7;
		assert_int_equal(apqn_parse_association(good[i].text, &association, &index), 0);
		assert_int_equal(association, good[i].association);
		assert_int_equal(index, good[i].index);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(apqn_parse_association(bad[i], &association, &index), -EBADMSG);
	assert_int_equal(association, APQN_ASSOCIATED);
}

static void test_mkvps(void **state)
{
	static const char valid[] = "WK CUR: valid 0x" HEX32 HEX32 "\nWK NEW: empty -\n";
	static const char *const bad[] = {
		"",
		"WK CUR:",
		"WK CUR: valid 0x" HEX32 "\nWK NEW: empty -\n",
		"WK CUR: valid 0x" HEX32 HEX32,
		"WK CUR: valid 0x" HEX32 HEX32 "00\n",
		"WK CUR: valid 0x" HEX32 "0011223344556677 899aabbccddeeff\n",
		"WK CUR: valid " HEX32 HEX32 "\n",
		"AES CUR: valid 0x0123456789abcdef\n",
		"WK CUR: unknown -\n",
	};
	enum apqn_identity identity = APQN_IDENTITY_UNREAD;
	uint8_t mkvp[APQN_MKVP_SIZE] = { 0 };

	(void)state;
	assert_int_equal(apqn_parse_mkvps(valid, &identity, mkvp), 0);
	assert_int_equal(identity, APQN_IDENTITY_VALID);
	assert_int_equal(mkvp[0], 0x00);
	assert_int_equal(mkvp[15], 0xff);
	assert_int_equal(apqn_parse_mkvps("WK CUR: invalid -\nWK NEW: empty -\n", &identity, mkvp), 0);
	assert_int_equal(identity, APQN_IDENTITY_NONE);
	assert_int_equal(apqn_parse_mkvps("WK CUR: - -\nWK NEW: - -\n", &identity, mkvp), 0);
	assert_int_equal(identity, APQN_IDENTITY_UNREAD);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(apqn_parse_mkvps(bad[i], &identity, mkvp), -EBADMSG);
}

static void test_serialnr(void **state)
{
	static const char *const bad[] = {
		"93AADFK71950000\n",
		"93AADFK7195000055\n",
		"93AADFK7 9500005\n",
		"93AADFK71950000\t\n",
		"93AADFK7195000\xc3\xa4\n",
	};
	char serialnr[APQN_SERIALNR_LENGTH + 1] = "x";

	(void)state;
	assert_int_equal(apqn_parse_serialnr("93AADFK719500005\n", serialnr), 0);
	assert_string_equal(serialnr, "93AADFK719500005");
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(apqn_parse_serialnr(bad[i], serialnr), -EBADMSG);
	assert_string_equal(serialnr, "93AADFK719500005");
	assert_int_equal(apqn_parse_serialnr("\n", serialnr), 0);
	assert_string_equal(serialnr, "");
}

static void test_texts_for_people(void **state)
{
	(void)state;
	for (enum apqn_failure failure = APQN_WORKING; failure <= APQN_CARD_HUNG; failure++) {
		assert_non_null(apqn_failure_text(failure));
		assert_string_not_equal(apqn_failure_text(failure), "");
	}
	assert_string_equal(apqn_mode_text(APQN_MODE_EP11), "EP11");
	assert_string_equal(apqn_mode_text(APQN_MODE_ACCEL), "Accel");
	assert_string_equal(apqn_mode_text(APQN_MODE_CCA), "CCA");
	assert_string_equal(apqn_mode_text(APQN_MODE_UNKNOWN), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_type),
		cmocka_unit_test(test_online),
		cmocka_unit_test(test_bind),
		cmocka_unit_test(test_association),
		cmocka_unit_test(test_mkvps),
		cmocka_unit_test(test_serialnr),
		cmocka_unit_test(test_texts_for_people),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
