/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/plan/builders.h"

/* --- generations and preferences ------------------------------------------------------------------- */

static void minimal_generation(void **state)
{
	struct config_entry entries[] = { want_accel(5), want_generation('a', 1, 8) };
	struct apqn apqns[] = {
		accel(1, 0, 4, APQN_UNBOUND), ep11(2, 0, APQN_UNBOUND, 'a', 0), accel(3, 0, 8, APQN_UNBOUND),
	};
	struct plan plan;

	(void)state;
	for (uint8_t generation = 8; generation < 12; generation++) {
		apqns[1].generation = apqns[2].generation = generation;
		plan = PLAN(entries, apqns);
		EXPECT_APQNS(&plan, 2, 1);
		plan_release(&plan);
	}
	apqns[1].generation = 7;
	apqns[2].generation = 5;
	plan = PLAN(entries, apqns);
	EXPECT_APQNS(&plan, 2, NONE);
	plan_release(&plan);
}

static void preferences_of_accelerators(void **state)
{
	struct config_entry entries[] = { want_accel(0), want_accel(0), want_accel(0), want_accel(0), want_accel(0) };
	struct apqn apqns[] = {
		accel(1, 1, 7, APQN_UNBOUND), accel(1, 2, 7, APQN_UNBOUND), accel(2, 0, 7, APQN_UNBOUND),
		accel(3, 0, 8, APQN_UNBOUND), accel(4, 0, 4, APQN_BOUND), accel(5, 0, 4, APQN_UNBOUND),
	};
	struct plan plan = PLAN(entries, apqns);

	(void)state;
	EXPECT_APQNS(&plan, 4, 3, 0, 1, 2);
	EXPECT_GOALS(&plan, PLAN_BIND, PLAN_BIND, PLAN_BIND, PLAN_BIND, PLAN_KEEP, PLAN_LEAVE);
	plan_release(&plan);
}

static void preferences_of_ep11(void **state)
{
	struct config_entry entries[] = { want_ep11('a', 1), want_ep11('a', 2), want_ep11('a', 3), want_ep11('a', 4) };
	struct apqn apqns[] = {
		of_generation(ep11(1, 3, APQN_UNBOUND, 'a', 0), 7), of_generation(ep11(2, 2, APQN_UNBOUND, 'a', 0), 7),
		of_generation(ep11(3, 1, APQN_BOUND, 'a', 0), 7), of_generation(ep11(4, 0, APQN_UNBOUND, 'a', 0), 8),
		of_generation(ep11(5, 0, APQN_BOUND, 'a', 1), 4),
	};
	struct plan plan = PLAN(entries, apqns);

	(void)state;
	EXPECT_APQNS(&plan, 4, 3, 0, 1);
	EXPECT_GOALS(&plan, PLAN_ASSOCIATE, PLAN_ASSOCIATE, PLAN_UNBIND, PLAN_ASSOCIATE, PLAN_KEEP);
	assert_int_equal(plan.entries[1].secret_index, 102);
	plan_release(&plan);
}

/* --- as many as possible --------------------------------------------------------------------------- */

static void earlier_entry_gives_way(void **state)
{
	struct config_entry entries[] = {
		want_accel(0), want_accel(8), want_ep11('a', 1), want_card('a', 2, SERIALNR_B),
	};
	struct apqn apqns[] = {
		accel(1, 0, 5, APQN_UNBOUND), accel(2, 0, 8, APQN_BOUND),
		on_card(ep11(3, 0, APQN_UNBOUND, 'a', 0), SERIALNR_A),
		on_card(ep11(4, 0, APQN_BOUND, 'a', 1), SERIALNR_B),
	};
	struct plan plan = PLAN(entries, apqns);

	(void)state;
	EXPECT_APQNS(&plan, 0, 1, 2, 3);
	EXPECT_GOALS(&plan, PLAN_BIND, PLAN_KEEP, PLAN_ASSOCIATE, PLAN_REASSOCIATE);
	plan_release(&plan);
}

static void satisfied_entry_wins(void **state)
{
	struct config_entry entries[] = { want_ep11('a', 1), want_ep11('a', 2), want_ep11('a', 3) };
	struct apqn apqns[] = { ep11(1, 0, APQN_BOUND, 'a', 3) };
	struct plan plan = PLAN(entries, apqns);

	(void)state;
	EXPECT_APQNS(&plan, NONE, NONE, 0);
	expect_reason(&plan, 0, PLAN_TAKEN, NONE);
	plan_release(&plan);

	apqns[0].association_index = 104;
	plan = PLAN(entries, apqns);
	EXPECT_APQNS(&plan, 0, NONE, NONE);
	EXPECT_GOALS(&plan, PLAN_REASSOCIATE);
	plan_release(&plan);
}

/* More entries than queues, and the maximum number of cards. */
static void more_entries_than_queues(void **state)
{
	static struct config_entry entries[300];
	static struct apqn apqns[APQN_CARDS_MAX];
	struct plan plan;

	(void)state;
	for (size_t i = 0; i < COUNT(entries); i++)
		entries[i] = want_ep11('a', (uint8_t)(1 + i % 4));
	for (size_t i = 0; i < COUNT(apqns); i++)
		apqns[i] = ep11((uint8_t)i, (uint8_t)(255 - i), APQN_BOUND, 'a', (uint8_t)(4 - i % 4));
	plan = PLAN(entries, apqns);
	assert_int_equal(plan.satisfied, COUNT(apqns));
	for (size_t i = 0; i < COUNT(apqns); i++) {
		assert_int_equal(plan.apqns[i].goal, PLAN_KEEP);
		assert_int_equal(plan.entries[i].secret_index, apqns[plan.entries[i].apqn].association_index);
	}
	for (size_t i = COUNT(apqns); i < COUNT(entries); i++)
		expect_reason(&plan, i, PLAN_TAKEN, NONE);
	plan_release(&plan);
}

/* --- from state to goal ---------------------------------------------------------------------------- */

static void goals_of_accelerators(void **state)
{
	static const struct {
		struct apqn apqn;
		enum plan_goal serving, spare;
	} cases[] = {
		{ { .bind = APQN_UNBOUND, .online = true }, PLAN_BIND, PLAN_LEAVE },
		{ { .bind = APQN_BOUND, .online = true }, PLAN_KEEP, PLAN_UNBIND },
		{ { .bind = APQN_BIND_UNKNOWN, .online = true }, PLAN_BIND, PLAN_UNBIND },
		{ { .bind = APQN_BIND_UNSUPPORTED, .online = true }, PLAN_LEAVE, PLAN_LEAVE },
		{ { .bind = APQN_UNBOUND, .online = false }, PLAN_LEAVE, PLAN_LEAVE },
		{ { .bind = APQN_BOUND, .online = false }, PLAN_UNBIND, PLAN_UNBIND },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct config_entry entries[] = { want_accel(0) };
		struct apqn apqns[] = { cases[i].apqn };
		struct plan plan;

		apqns[0].mode = APQN_MODE_ACCEL;
		apqns[0].generation = 8;
		plan = PLAN(entries, apqns);
		EXPECT_GOALS(&plan, cases[i].serving);
		plan_release(&plan);
		plan = plan_for(entries, 0, apqns, 1);
		EXPECT_GOALS(&plan, cases[i].spare);
		plan_release(&plan);
	}
}

static void goals_of_ep11(void **state)
{
	static const struct {
		enum apqn_bind bind;
		enum apqn_association association;
		uint16_t index;
		enum plan_goal serving, spare;
	} cases[] = {
		{ APQN_UNBOUND, APQN_UNASSOCIATED, 0, PLAN_ASSOCIATE, PLAN_LEAVE },
		{ APQN_UNBOUND, APQN_ASSOCIATION_UNKNOWN, 0, PLAN_ASSOCIATE, PLAN_LEAVE },
		{ APQN_UNBOUND, APQN_ASSOCIATED, 101, PLAN_ASSOCIATE, PLAN_LEAVE },
		{ APQN_BOUND, APQN_UNASSOCIATED, 101, PLAN_ASSOCIATE, PLAN_UNBIND },
		{ APQN_BOUND, APQN_ASSOCIATED, 101, PLAN_KEEP, PLAN_UNBIND },
		{ APQN_BOUND, APQN_ASSOCIATION_PENDING, 101, PLAN_KEEP, PLAN_UNBIND },
		{ APQN_BOUND, APQN_ASSOCIATED, 102, PLAN_REASSOCIATE, PLAN_UNBIND },
		{ APQN_BOUND, APQN_ASSOCIATION_PENDING, 102, PLAN_REASSOCIATE, PLAN_UNBIND },
		{ APQN_BOUND, APQN_ASSOCIATION_UNKNOWN, 101, PLAN_REASSOCIATE, PLAN_UNBIND },
		{ APQN_BOUND, APQN_ASSOCIATION_UNSUPPORTED, 101, PLAN_UNBIND, PLAN_UNBIND },
		{ APQN_BIND_UNKNOWN, APQN_ASSOCIATION_UNKNOWN, 0, PLAN_REASSOCIATE, PLAN_UNBIND },
		{ APQN_BIND_UNKNOWN, APQN_ASSOCIATED, 101, PLAN_REASSOCIATE, PLAN_UNBIND },
		{ APQN_BIND_UNSUPPORTED, APQN_UNASSOCIATED, 0, PLAN_LEAVE, PLAN_LEAVE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct config_entry entries[] = { want_ep11('a', 1) };
		struct apqn apqns[] = { ep11(1, 1, cases[i].bind, 'a', 0) };
		struct plan plan;

		apqns[0].association = cases[i].association;
		apqns[0].association_index = cases[i].index;
		plan = PLAN(entries, apqns);
		EXPECT_GOALS(&plan, cases[i].serving);
		plan_release(&plan);
		plan = plan_for(entries, 0, apqns, 1);
		EXPECT_GOALS(&plan, cases[i].spare);
		plan_release(&plan);
	}
}

static void goals_of_the_rest(void **state)
{
	struct config_entry entries[] = { want_ep11('a', 1) };
	struct apqn apqns[] = {
		ep11(1, 0, APQN_BOUND, 'a', 1), ep11(2, 0, APQN_BOUND, 'a', 1),
		failed(ep11(3, 0, APQN_BOUND, 'a', 1), APQN_ASSOCIATION_FAILED),
		failed(ep11(4, 0, APQN_UNBOUND, 'a', 0), APQN_BIND_REFUSED),
		failed(ep11(5, 0, APQN_BIND_UNKNOWN, 'a', 0), APQN_UNREADABLE),
		failed(ep11(6, 0, APQN_BOUND, 'a', 1), APQN_CARD_HUNG),
		failed(ep11(7, 0, APQN_BOUND, 'a', 1), APQN_VANISHED),
		failed(ep11(8, 0, APQN_BOUND, 'a', 1), APQN_STAYS_BOUND),
		offline(ep11(9, 0, APQN_BOUND, 'a', 1)), ep11(10, 0, APQN_BOUND, 'a', 0),
		failed(accel(11, 0, 8, APQN_BOUND), APQN_BIND_TIMEOUT),
	};
	struct plan plan;

	(void)state;
	apqns[0].mode = APQN_MODE_CCA;
	apqns[1].mode = APQN_MODE_UNKNOWN;
	apqns[9].identity = APQN_IDENTITY_NONE;
	plan = PLAN(entries, apqns);
	EXPECT_GOALS(&plan, PLAN_LEAVE, PLAN_LEAVE, PLAN_UNBIND, PLAN_LEAVE, PLAN_LEAVE, PLAN_LEAVE, PLAN_LEAVE,
		     PLAN_LEAVE, PLAN_UNBIND, PLAN_UNBIND, PLAN_UNBIND);
	expect_reason(&plan, 0, PLAN_FAILED, 2);
	plan_release(&plan);
}

static void nothing_to_plan(void **state)
{
	struct config_entry entries[] = { want_accel(0) };
	struct plan plan = plan_for(NULL, 0, NULL, 0);

	(void)state;
	assert_int_equal(plan.satisfied, 0);
	assert_int_equal(plan.identify, 0);
	plan_release(&plan);
	plan_release(&plan);
	plan = plan_for(entries, 1, NULL, 0);
	expect_reason(&plan, 0, PLAN_NO_APQN, NONE);
	plan_release(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(minimal_generation),
		cmocka_unit_test(preferences_of_accelerators),
		cmocka_unit_test(preferences_of_ep11),
		cmocka_unit_test(earlier_entry_gives_way),
		cmocka_unit_test(satisfied_entry_wins),
		cmocka_unit_test(more_entries_than_queues),
		cmocka_unit_test(goals_of_accelerators),
		cmocka_unit_test(goals_of_ep11),
		cmocka_unit_test(goals_of_the_rest),
		cmocka_unit_test(nothing_to_plan),
	};

	return cmocka_run_group_tests(tests, make_secrets, NULL);
}
