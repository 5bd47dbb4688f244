/* SPDX-License-Identifier: MIT */
/* Near misses: the APQNs that almost match an entry, their order, and the text about each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/report.h"
#include "unit/plan/builders.h"

static const struct options options;

/* Plans, and returns the near misses of entry 0, one per line. */
static const char *misses_of(struct config_entry *entries, size_t count, const struct apqn *apqns, size_t apqn_count)
{
	static char text[REASONS_MAX * (REASON_SIZE + 1)];
	const struct config config = { entries, count };
	struct plan plan = plan_for(entries, count, apqns, apqn_count);
	const struct report report = { .options = &options, .config = &config, .apqns = apqns,
				       .apqn_count = apqn_count, .plan = &plan, .secrets = &secrets };
	char reasons[REASONS_MAX][REASON_SIZE];
	size_t found = reason_find(&report, 0, reasons);

	text[0] = '\0';
	for (size_t i = 1; i < found; i++)
		strcat(strcat(text, reasons[i]), "\n");
	plan_release(&plan);
	return text;
}

#define MISSES(entries, apqns) misses_of(entries, COUNT(entries), apqns, COUNT(apqns))

#define KEY_B "0x62626262626262626262626262626262"

static void test_accelerator(void **state)
{
	struct config_entry entries[] = { want_accel(6) };
	const struct apqn apqns[] = {
		of_generation(accel(1, 1, 8, APQN_UNBOUND), 5), /* named by the reason */
		of_generation(accel(1, 2, 8, APQN_UNBOUND), 5),
		offline(of_generation(accel(1, 3, 8, APQN_UNBOUND), 5)),
		offline(accel(1, 4, 8, APQN_UNBOUND)),
		ep11(2, 1, APQN_BOUND, 'a', 0),
	};

	(void)state;
	assert_string_equal(MISSES(entries, apqns), "APQN 01.0004 would fit, but it is offline\n"
						    "APQN 01.0002 would fit, but it is only a CEX5\n");
}

static void test_taken(void **state)
{
	struct config_entry entries[] = { want_ep11('a', 1), want_ep11('a', 2) };
	const struct apqn apqns[] = { ep11(1, 1, APQN_BOUND, 'a', 2), offline(ep11(2, 1, APQN_BOUND, 'a', 2)) };

	(void)state;
	entries[1].name = (char[]){ "disk" };
	assert_string_equal(MISSES(entries, apqns), "APQN 01.0001 has the master key, but it serves entry #2 'disk'\n"
						    "APQN 02.0001 has the master key, but it is offline\n");
}

static void test_serialnr(void **state)
{
	struct config_entry entries[] = { want_card('a', 1, SERIALNR_A) };
	const struct apqn apqns[] = {
		on_card(ep11(1, 1, APQN_BOUND, 'a', 0), SERIALNR_B), /* named by the reason */
		ep11(2, 1, APQN_BOUND, 'a', 0),
		offline(on_card(ep11(3, 1, APQN_BOUND, 'a', 0), SERIALNR_B)),
		on_card(ep11(4, 1, APQN_BOUND, 'b', 0), SERIALNR_B),
	};

	(void)state;
	assert_string_equal(MISSES(entries, apqns),
			    "APQN 02.0001 has the master key, but the serial number of its card is unknown\n"
			    "APQN 03.0001 has the master key, but the serial number of its card is "
			    "'SERIALNUMBER000B', and it is offline\n");
}

/* As the kernel and the label of the card show it. */
static void test_serialnr_is_case_sensitive(void **state)
{
	struct config_entry entries[] = { want_card('a', 1, "serialnumber000a") };
	const struct apqn apqns[] = { on_card(ep11(1, 1, APQN_BOUND, 'a', 0), SERIALNR_A),
				      on_card(ep11(2, 1, APQN_BOUND, 'a', 0), SERIALNR_A) };

	(void)state;
	assert_string_equal(MISSES(entries, apqns),
			    "APQN 02.0001 has the master key, but the serial number of its card is 'SERIALNUMBER000A'\n");
}

static void test_failed(void **state)
{
	struct config_entry entries[] = { want_ep11('a', 1) };
	struct apqn apqns[] = {
		failed(ep11(1, 1, APQN_UNBOUND, 0, 0), APQN_BIND_REFUSED), /* named by the reason */
		failed(ep11(2, 1, APQN_UNBOUND, 0, 0), APQN_BIND_LIMIT),
		failed(of_generation(ep11(3, 1, APQN_UNBOUND, 0, 0), 7), APQN_BIND_REFUSED),
		offline(ep11(4, 1, APQN_BIND_UNSUPPORTED, 0, 0)),
	};

	(void)state;
	entries[0].min_generation = 8;
	assert_string_equal(MISSES(entries, apqns),
			    "APQN 02.0001 may fit, but its master key is unknown, and the bind is refused while "
			    "other queues are bound: most likely their number is limited\n"
			    "APQN 04.0001 may fit, but its master key is unknown, and it is offline, and it cannot "
			    "be bound\n");
}

/*
 * An APQN with another key is listed, because a digit of the configured key may be wrong. It is not listed if anything
 * else mismatches.
 */
static void test_other_key(void **state)
{
	struct config_entry entries[] = { want_ep11('a', 1) };
	struct apqn apqns[] = {
		offline(ep11(1, 1, APQN_BOUND, 'b', 0)),
		ep11(2, 1, APQN_BOUND, 'b', 0),
		ep11(3, 1, APQN_BOUND, 0, 0),
		ep11(4, 1, APQN_BOUND, 'b', 0),
	};

	(void)state;
	apqns[2].identity = APQN_IDENTITY_NONE;
	assert_string_equal(MISSES(entries, apqns), "APQN 02.0001 would fit, but its master key is " KEY_B "\n"
						    "APQN 03.0001 would fit, but it has no valid master key\n");
}

/* No near misses if the secret is missing, if identities are unknown, or if the entry can be served. */
static void test_none(void **state)
{
	struct config_entry without_secret[] = { want_ep11('a', 9) };
	struct config_entry entries[] = { want_ep11('a', 1) };
	const struct apqn others[] = { ep11(2, 1, APQN_BOUND, 'b', 0) };
	const struct apqn unknown[] = { unavailable(ep11(1, 1, APQN_UNBOUND, 0, 0)), ep11(2, 1, APQN_BOUND, 'b', 0) };
	const struct apqn unread[] = { ep11(1, 1, APQN_UNBOUND, 0, 0), ep11(2, 1, APQN_BOUND, 'b', 0) };
	const struct apqn right[] = { ep11(1, 1, APQN_UNBOUND, 'a', 0), ep11(2, 1, APQN_BOUND, 'b', 0) };

	(void)state;
	assert_string_equal(MISSES(without_secret, others), "");
	assert_string_equal(MISSES(entries, unknown), "");
	assert_string_equal(MISSES(entries, unread), "");
	assert_string_equal(MISSES(entries, right), "");
	assert_string_not_equal(MISSES(entries, others), "");
}

/* A report examines a limited number of pairs of APQNs and entries. */
static void test_limit(void **state)
{
	enum { APQNS = 65536, ENTRIES = NEAR_MISS_PAIRS_MAX / APQNS + 1 };
	static struct apqn apqns[APQNS];
	static struct plan_apqn plan_apqns[APQNS];
	struct config_entry entries[ENTRIES];
	struct plan_entry plan_entries[ENTRIES];
	const struct config config = { entries, ENTRIES };
	const struct plan plan = { .entries = plan_entries, .apqns = plan_apqns };
	const struct report report = { .options = &options, .config = &config, .apqns = apqns, .apqn_count = APQNS,
				       .plan = &plan };
	char reasons[REASONS_MAX][REASON_SIZE];

	(void)state;
	for (size_t i = 0; i < ENTRIES; i++) {
		entries[i] = want_accel(8);
		plan_entries[i] = (struct plan_entry){ NONE, PLAN_NO_APQN, NONE, 0 };
	}
	for (size_t i = 0; i < APQNS; i++) {
		apqns[i] = offline(accel((uint8_t)(i >> 8), (uint8_t)i, 7, APQN_UNBOUND));
		plan_apqns[i].entry = NONE;
	}
	/* The nearest miss is the last APQN. */
	apqns[APQNS - 1].generation = 8;
	assert_int_equal(reason_find(&report, ENTRIES - 2, reasons), 3);
	assert_non_null(strstr(reasons[1], "APQN ff.00ff "));
	assert_non_null(strstr(reasons[2], "APQN 00.0000 "));
	assert_int_equal(reason_find(&report, ENTRIES - 1, reasons), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accelerator), cmocka_unit_test(test_taken),     cmocka_unit_test(test_serialnr),
		cmocka_unit_test(test_failed),      cmocka_unit_test(test_other_key), cmocka_unit_test(test_none),
		cmocka_unit_test(test_limit),      cmocka_unit_test(test_serialnr_is_case_sensitive),
	};

	return cmocka_run_group_tests_name("reason", tests, make_secrets, NULL);
}
