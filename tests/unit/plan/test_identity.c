/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "unit/plan/builders.h"

/* --- queues whose identity is unavailable ----------------------------------------------------------- */

/*
 * A queue found associated is left alone only if the unknown part of its identity may match. Otherwise the usual rules
 * apply.
 */
static void queues_that_may_serve_are_left_alone(void **state)
{
	struct config_entry entries[] = {
		want_card('a', 1, SERIALNR_A), want_ep11('a', 2), want_generation('b', 3, 7),
	};
	struct apqn apqns[] = {
		failed(ep11(1, 0, APQN_BOUND, 0, 1), APQN_UNREADABLE),
		failed(ep11(2, 0, APQN_BOUND, 0, 4), APQN_UNREADABLE), /* the secret of no entry */
		failed(ep11(3, 0, APQN_BOUND, 0, 0), APQN_UNREADABLE), /* not associated */
		failed(of_generation(ep11(4, 0, APQN_BOUND, 0, 3), 6), APQN_UNREADABLE), /* too old for the entry */
		failed(on_card(ep11(5, 0, APQN_BOUND, 0, 1), SERIALNR_B), APQN_UNREADABLE), /* the wrong card */
		failed(ep11(6, 0, APQN_BOUND, 0, 1), APQN_CARD_HUNG),
		ep11(7, 0, APQN_BOUND, 'a', 1),                        /* serial number unknown */
		ep11(8, 0, APQN_BOUND, 'c', 1),                        /* the wrong key */
		unavailable(ep11(9, 0, APQN_BOUND, 0, 3)),
		offline(ep11(10, 0, APQN_BOUND, 0, 1)),
		on_card(ep11(11, 0, APQN_BOUND, 'a', 1), SERIALNR_B),
	};
	struct plan plan = PLAN(entries, apqns);

	(void)state;
	/* Entry 2, which accepts any card, gets the last queue, not the one that may serve the first entry. */
	EXPECT_APQNS(&plan, NONE, 10, NONE);
	EXPECT_GOALS(&plan, PLAN_UNVERIFIED, PLAN_UNBIND, PLAN_UNBIND, PLAN_UNBIND, PLAN_UNBIND, PLAN_LEAVE, PLAN_UNVERIFIED,
		     PLAN_UNBIND, PLAN_UNVERIFIED, PLAN_UNBIND, PLAN_REASSOCIATE);
	plan_release(&plan);
	/* Without entries nothing can be served. */
	plan = plan_for(entries, 0, apqns, COUNT(apqns));
	for (size_t i = 0; i < COUNT(apqns); i++)
		assert_int_equal(plan.apqns[i].goal, i == 5 ? PLAN_LEAVE : PLAN_UNBIND);
	plan_release(&plan);
}

/* --- identities ------------------------------------------------------------------------------------ */

/* Bound queues are identified first, and no other EP11 queue is changed before. Accelerators do not wait for that. */
static void bound_queues_are_identified_first(void **state)
{
	struct config_entry entries[] = {
		want_ep11('a', 1), want_ep11('a', 2), want_generation('b', 3, 7), want_accel(0),
	};
	struct apqn apqns[] = {
		ep11(1, 0, APQN_BOUND, 'a', 1), ep11(1, 1, APQN_BOUND, 0, 0), ep11(1, 2, APQN_UNBOUND, 0, 0),
		ep11(2, 0, APQN_UNBOUND, 'a', 0), ep11(2, 1, APQN_BOUND, 'c', 0), accel(3, 0, 8, APQN_UNBOUND),
		offline(ep11(4, 0, APQN_BOUND, 0, 0)), ep11(5, 0, APQN_BIND_UNKNOWN, 0, 0),
	};
	struct plan plan = PLAN(entries, apqns);

	(void)state;
	EXPECT_GOALS(&plan, PLAN_KEEP, PLAN_IDENTIFY, PLAN_LEAVE, PLAN_LEAVE, PLAN_LEAVE, PLAN_BIND, PLAN_UNBIND,
		     PLAN_LEAVE);
	EXPECT_APQNS(&plan, 0, NONE, NONE, 5);
	expect_reason(&plan, 1, PLAN_UNDECIDED, 1);
	expect_reason(&plan, 2, PLAN_UNDECIDED, 1);
	plan_release(&plan);
}

static void unbound_queues_are_identified_if_needed(void **state)
{
	struct config_entry entries[] = { want_ep11('a', 1), want_generation('b', 2, 7) };
	struct apqn apqns[] = {
		ep11(1, 0, APQN_UNBOUND, 'a', 0), ep11(1, 1, APQN_UNBOUND, 0, 0),
		of_generation(ep11(2, 0, APQN_UNBOUND, 0, 0), 6), ep11(3, 0, APQN_BIND_UNKNOWN, 0, 0),
		failed(ep11(3, 1, APQN_UNBOUND, 0, 0), APQN_BIND_REFUSED),
	};
	struct plan plan = PLAN(entries, apqns);

	(void)state;
	EXPECT_GOALS(&plan, PLAN_LEAVE, PLAN_IDENTIFY, PLAN_LEAVE, PLAN_IDENTIFY, PLAN_LEAVE);
	EXPECT_APQNS(&plan, NONE, NONE);
	expect_reason(&plan, 0, PLAN_UNDECIDED, 1);
	plan_release(&plan);

	/* Queue 1 has the key: the other queues are left alone, and unknown bind states are cleared by an unbind. */
	memset(apqns[1].mkvp, 'b', sizeof(apqns[1].mkvp));
	apqns[1].identity = APQN_IDENTITY_VALID;
	plan = PLAN(entries, apqns);
	EXPECT_GOALS(&plan, PLAN_ASSOCIATE, PLAN_ASSOCIATE, PLAN_LEAVE, PLAN_UNBIND, PLAN_LEAVE);
	EXPECT_APQNS(&plan, 0, 1);
	plan_release(&plan);
}

static void useless_queues_are_not_identified(void **state)
{
	struct config_entry entries[] = {
		want_ep11('a', 9), want_generation('a', 1, 9), want_card('a', 2, SERIALNR_A),
	};
	struct apqn apqns[] = {
		on_card(ep11(1, 0, APQN_BOUND, 0, 0), SERIALNR_B), on_card(ep11(1, 1, APQN_UNBOUND, 0, 0), SERIALNR_B),
		on_card(unavailable(ep11(1, 2, APQN_BOUND, 0, 0)), SERIALNR_B), ep11(2, 0, APQN_UNBOUND, 0, 0),
	};
	struct plan plan = plan_for(entries, 3, apqns, 3);

	(void)state;
	EXPECT_GOALS(&plan, PLAN_UNBIND, PLAN_LEAVE, PLAN_UNBIND);
	expect_reason(&plan, 0, PLAN_NO_SECRET, NONE);
	expect_reason(&plan, 1, PLAN_GENERATION, 0);
	expect_reason(&plan, 2, PLAN_NO_MKVP, NONE);
	plan_release(&plan);
	/* An unknown serial number may match. */
	plan = plan_for(entries, 3, apqns, 4);
	EXPECT_GOALS(&plan, PLAN_UNBIND, PLAN_LEAVE, PLAN_UNBIND, PLAN_IDENTIFY);
	plan_release(&plan);
}

/* The unread queue cannot serve the unserved entry, but it can serve the entry whose queue that entry needs. */
static void queues_that_help_indirectly(void **state)
{
	struct config_entry entries[] = { want_ep11('a', 1), want_card('a', 2, SERIALNR_A) };
	struct apqn apqns[] = {
		on_card(ep11(1, 0, APQN_BOUND, 'a', 1), SERIALNR_A),
		on_card(ep11(2, 0, APQN_UNBOUND, 0, 0), SERIALNR_B),
	};
	struct plan plan = PLAN(entries, apqns);

	(void)state;
	EXPECT_GOALS(&plan, PLAN_KEEP, PLAN_IDENTIFY);
	EXPECT_APQNS(&plan, 0, NONE);
	plan_release(&plan);

	apqns[1] = unavailable(apqns[1]);
	plan = PLAN(entries, apqns);
	EXPECT_GOALS(&plan, PLAN_KEEP, PLAN_LEAVE);
	expect_reason(&plan, 1, PLAN_UNKNOWN, 1);
	plan_release(&plan);
}

/* An unread queue does not help if it could replace only queues that the unserved entry cannot use. */
static void queues_that_do_not_help(void **state)
{
	struct config_entry entries[] = {
		want_card('a', 1, SERIALNR_A), want_card('a', 2, SERIALNR_B), want_card('a', 3, SERIALNR_A),
	};
	struct apqn apqns[] = {
		on_card(ep11(1, 0, APQN_BOUND, 'a', 4), SERIALNR_A),
		on_card(ep11(2, 0, APQN_UNBOUND, 'a', 0), SERIALNR_B),
		on_card(ep11(3, 0, APQN_UNBOUND, 0, 0), SERIALNR_B),
	};
	struct plan plan = PLAN(entries, apqns);

	(void)state;
	EXPECT_GOALS(&plan, PLAN_REASSOCIATE, PLAN_ASSOCIATE, PLAN_LEAVE);
	expect_reason(&plan, 2, PLAN_TAKEN, NONE);
	plan_release(&plan);
	apqns[2] = unavailable(apqns[2]);
	plan = PLAN(entries, apqns);
	expect_reason(&plan, 2, PLAN_TAKEN, NONE);
	plan_release(&plan);
}

static void every_byte_of_the_key_counts(void **state)
{
	struct config_entry entries[] = { want_ep11('a', 1) };
	struct plan plan;

	(void)state;
	for (size_t i = 0; i < APQN_MKVP_SIZE; i++) {
		struct apqn apqns[] = { ep11(1, 0, APQN_UNBOUND, 'a', 0) };

		apqns[0].mkvp[i] ^= 0x80;
		plan = PLAN(entries, apqns);
		expect_reason(&plan, 0, PLAN_NO_MKVP, NONE);
		plan_release(&plan);
	}
}

/* --- duplicates ------------------------------------------------------------------------------------- */

/* Both are candidates, in the usual order: ready queues first, then the lower domain. */
static void two_of_a_card_with_one_key(void **state)
{
	struct config_entry entries[] = { want_ep11('a', 1), want_ep11('a', 2) };
	struct apqn apqns[] = { ep11(2, 0, APQN_BOUND, 'a', 0), ep11(2, 1, APQN_BOUND, 'b', 0),
				ep11(2, 2, APQN_UNBOUND, 'a', 0), ep11(2, 3, APQN_BOUND, 'a', 0) };
	struct plan plan;

	(void)state;
	plan = PLAN(entries, apqns);
	EXPECT_APQNS(&plan, 0, 2);
	EXPECT_GOALS(&plan, PLAN_ASSOCIATE, PLAN_UNBIND, PLAN_ASSOCIATE, PLAN_UNBIND);
	plan_release(&plan);

	apqns[3] = ep11(2, 3, APQN_BOUND, 'a', 1);
	plan = PLAN(entries, apqns);
	EXPECT_APQNS(&plan, 3, 0);
	plan_release(&plan);

	/* Failed and offline queues are not used. */
	apqns[3].failure = APQN_BIND_TIMEOUT;
	apqns[0].online = false;
	plan = PLAN(entries, apqns);
	EXPECT_APQNS(&plan, 2, NONE);
	expect_reason(&plan, 1, PLAN_TAKEN, NONE);
	plan_release(&plan);
}

/* --- reasons ---------------------------------------------------------------------------------------- */

static void reasons_of_accelerators(void **state)
{
	struct config_entry entries[] = { want_accel(7), want_accel(7) };
	struct apqn apqns[] = {
		accel(1, 0, 6, APQN_UNBOUND), failed(accel(2, 0, 7, APQN_UNBOUND), APQN_BIND_REFUSED),
		accel(3, 0, 8, APQN_UNBOUND), ep11(4, 0, APQN_UNBOUND, 'a', 0),
	};
	struct plan plan = PLAN(entries, apqns);

	(void)state;
	EXPECT_APQNS(&plan, 2, NONE);
	expect_reason(&plan, 1, PLAN_TAKEN, NONE);
	plan_release(&plan);
	apqns[2].online = false;
	plan = PLAN(entries, apqns);
	expect_reason(&plan, 0, PLAN_FAILED, 1);
	plan_release(&plan);
	apqns[1].bind = APQN_BIND_UNSUPPORTED;
	plan = PLAN(entries, apqns);
	expect_reason(&plan, 0, PLAN_GENERATION, 0);
	plan_release(&plan);
	apqns[0].online = false;
	plan = PLAN(entries, apqns);
	expect_reason(&plan, 0, PLAN_NO_APQN, NONE);
	plan_release(&plan);
	/* If an offline accelerator cannot be unbound, that is not the reason why it does not serve the entry. */
	apqns[0].failure = APQN_STAYS_BOUND;
	plan = PLAN(entries, apqns);
	expect_reason(&plan, 0, PLAN_NO_APQN, NONE);
	plan_release(&plan);
}

static void reasons_of_ep11(void **state)
{
	const struct {
		struct config_entry entry;
		size_t apqns; /* use only the first ones of those below */
		enum plan_reason reason;
		size_t detail;
	} cases[] = {
		{ want_ep11('a', 9), 8, PLAN_NO_SECRET, NONE },
		{ want_ep11('a', 1), 1, PLAN_NO_APQN, NONE },
		{ want_generation('a', 1, 8), 4, PLAN_GENERATION, 2 },
		{ want_generation('a', 1, 7), 5, PLAN_GENERATION, 1 },
		{ want_ep11('c', 1), 5, PLAN_NO_MKVP, NONE },
		{ want_ep11('c', 1), 6, PLAN_NO_MKVP, 5 },
		{ want_generation('c', 1, 9), 6, PLAN_GENERATION, 4 },
		{ want_card('a', 1, SERIALNR_B), 6, PLAN_SERIALNR, 1 },
		{ want_card('d', 1, SERIALNR_A), 7, PLAN_SERIALNR, 6 },
		{ want_ep11('d', 1), 7, PLAN_FAILED, 6 },
		{ want_generation('d', 1, 9), 7, PLAN_GENERATION, 4 },
		{ want_ep11('d', 1), 8, PLAN_UNKNOWN, 7 },
		{ want_generation('d', 1, 8), 8, PLAN_FAILED, 6 },
	};
	const struct apqn apqns[] = {
		offline(ep11(1, 0, APQN_UNBOUND, 'a', 0)),
		on_card(of_generation(ep11(2, 0, APQN_BOUND, 'a', 0), 6), SERIALNR_A),
		of_generation(ep11(3, 0, APQN_UNBOUND, 'b', 0), 7),
		of_generation(ep11(3, 1, APQN_UNBOUND, 'e', 0), 7),
		ep11(4, 0, APQN_UNBOUND, 'e', 0),
		failed(of_generation(ep11(5, 0, APQN_UNBOUND, 0, 0), 7), APQN_BIND_REFUSED),
		failed(ep11(6, 0, APQN_BOUND, 'd', 0), APQN_ASSOCIATION_REFUSED),
		unavailable(of_generation(ep11(7, 0, APQN_UNBOUND, 0, 0), 7)),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct config_entry entries[] = { cases[i].entry };
		struct plan plan = plan_for(entries, 1, apqns, cases[i].apqns);

		expect_reason(&plan, 0, cases[i].reason, cases[i].detail);
		plan_release(&plan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queues_that_may_serve_are_left_alone),
		cmocka_unit_test(bound_queues_are_identified_first),
		cmocka_unit_test(unbound_queues_are_identified_if_needed),
		cmocka_unit_test(useless_queues_are_not_identified),
		cmocka_unit_test(queues_that_help_indirectly),
		cmocka_unit_test(queues_that_do_not_help),
		cmocka_unit_test(every_byte_of_the_key_counts),
		cmocka_unit_test(two_of_a_card_with_one_key),
		cmocka_unit_test(reasons_of_accelerators),
		cmocka_unit_test(reasons_of_ep11),
	};

	return cmocka_run_group_tests(tests, make_secrets, NULL);
}
