/* SPDX-License-Identifier: MIT */
/* Dry runs on the simulated machine: nothing is written, and what is told is what a real run does. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/provision/fixture.h"

static void test_dry_run_writes_nothing(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	fixture->request.dry_run = true;
	run(fixture, ENTRY_ACCEL ENTRY_A);
	assert_int_equal(sim_write_count(fixture->sim), 0);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_int_equal(fixture->plan.entries[1].reason, PLAN_UNKNOWN);
	assert_log(fixture, "dry run: 05.0001: bind for entry #1");
	assert_log(fixture, "dry run: 11.0001: bind to read its master key");
}

static void test_dry_run_with_probe(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	fixture->request.dry_run = true;
	fixture->request.probe = true;
	run(fixture, ENTRY_ACCEL ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 2);
	assert_int_equal(sim_count(fixture->sim, MACHINE_WRITE, "*/se_associate"), 0);
	assert_string_equal(truth(fixture, 0x05, 1), "bindable");
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
	assert_log(fixture, "dry run: 11.0001: bind and associate with secret index 1 for entry #2");
}

/* The actions that a dry run prints are those that a real run then prints. */
static void test_dry_run_tells_the_truth(void **state)
{
	static const char topology[] =
		DELAYS SECRETS "card 05 CEX8A\nqueue 05.0001 state=bound\nqueue 05.0002\n"
			       "card 06 CEX7A\nqueue 06.0001 state=bound\n"
			       "card 11 CEX8P\nqueue 11.0001" KEY_A " state=associated:2\nqueue 11.0002" KEY_B
			       " state=bound\n";
	static const char *const actions[] = {
		"06.0001: unbind, it serves no entry\n",
		"11.0001: unbind, bind and associate with secret index 1 for entry #2\n",
		"11.0002: associate with secret index 2 for entry #3\n",
	};
	struct fixture *fixture = *state;
	char line[128];

	new_machine(fixture, topology);
	fixture->sim->options.settled = true;
	fixture->request.dry_run = true;
	run(fixture, ENTRY_ACCEL ENTRY_A ENTRY_B);
	for (size_t i = 0; i < 3; i++) {
		snprintf(line, sizeof(line), "info: dry run: %s", actions[i]);
		assert_log(fixture, line);
	}
	assert_int_equal(fixture->plan.satisfied, 3);
	fixture->request.dry_run = false;
	run(fixture, ENTRY_ACCEL ENTRY_A ENTRY_B);
	for (size_t i = 0; i < 3; i++) {
		snprintf(line, sizeof(line), "info: %s", actions[i]);
		assert_log(fixture, line);
	}
	assert_int_equal(fixture->plan.satisfied, 3);
}

/* Found bound, but the reset of an unbind runs: at its end the queue would have to be bound to be identified. */
static void test_dry_run_after_an_unbind(void **state)
{
	static const char topology[] = "delay bind=1ms reset=2s associate=30ms request=2ms\n" SECRETS
				       "card 11 CEX8P\nqueue 11.0001" KEY_A " state=bound\n";
	struct fixture *fixture = *state;
	char zero[] = "0";
	struct machine_call call = {
		.operation = MACHINE_WRITE, .path = "devices/ap/card11/11.0001/se_bind", .data = zero, .length = 1
	};

	new_machine(fixture, topology);
	fixture->sim->options.settled = true;
	call.until_ms = machine_now_ms(&fixture->sim->machine) + 1000;
	assert_int_equal(machine_perform(&fixture->sim->machine, &call), 0);
	fixture->request.dry_run = true;
	run(fixture, ENTRY_A);
	assert_int_equal(sim_write_count(fixture->sim), 0);
	assert_int_equal(fixture->plan.entries[0].reason, PLAN_UNKNOWN);
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
}

static bool is_any_invalid(struct sim *sim)
{
	size_t count;
	const struct sim_record *records = sim_journal(sim, &count);

	for (size_t i = 0; i < count; i++)
		if (records[i].error == -EINVAL)
			return true;
	return false;
}

/* A bind may fail and have taken effect, since the driver asks the queue once more: then the next one is not valid. */
static void test_dry_run_bind_fails_late(void **state)
{
	static const char topology[] =
		DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A "\nfault 11.0001 test rc=10 times=2 after=%u\n";
	struct fixture *fixture = *state;
	char text[sizeof(topology)];
	bool was_late = false;

	for (unsigned int after = 0; after < 8; after++) {
		snprintf(text, sizeof(text), topology, after);
		new_machine(fixture, text);
		fixture->sim->options.settled = true;
		fixture->request.dry_run = true;
		fixture->request.probe = true;
		run(fixture, ENTRY_A);
		was_late = was_late || is_any_invalid(fixture->sim);
		assert_string_equal(truth(fixture, 0x11, 1), "bindable");
	}
	assert_true(was_late);
}

/* What cannot be taken back is told. */
static void test_dry_run_unbind_never_ends(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A "\nfault 11.0001 unbind never\n");
	fixture->sim->options.settled = true;
	fixture->request.dry_run = true;
	fixture->request.probe = true;
	run(fixture, ENTRY_A);
	assert_log(fixture, "warning: APQN 11.0001: may still be bound: ");
	assert_string_equal(truth(fixture, 0x11, 1), "bound");
}

/* Nor is a probe forgotten for which no time is left, because the clock jumps. */
static void test_dry_run_without_time(void **state)
{
	struct fixture *fixture = *state;
	bool is_any_left = false;

	for (uint64_t call = 0; call < 40; call++) {
		bool is_left;

		new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A "\n");
		fixture->sim->options.settled = true;
		fixture->sim->options.jump_call = call;
		fixture->sim->options.jump_us = 3600 * INT64_C(1000000);
		fixture->request.dry_run = true;
		fixture->request.probe = true;
		run(fixture, ENTRY_A);
		is_left = strcmp(truth(fixture, 0x11, 1), "bindable") != 0;
		if (is_left)
			assert_log(fixture, "warning: APQN 11.0001: may still be bound: ");
		is_any_left = is_any_left || is_left;
	}
	assert_true(is_any_left);
}

/* A probe whose bind was lost and cannot be read is taken back all the same, and not until the deadline. */
static void test_dry_run_lost_probe(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A "\n");
	sim_inject(fixture->sim,
		   &(struct sim_injection){ MACHINE_WRITE, "*/se_bind", SIM_KILL_LATE, 0, NULL, 0, 1 });
	sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_READ, "*/se_bind", SIM_FAIL, -EPIPE, NULL, 1, 0 });
	fixture->request.dry_run = true;
	fixture->request.probe = true;
	run(fixture, ENTRY_A);
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
	assert_log(fixture, "warning: APQN 11.0001: its state cannot be read: Broken pipe\n");
	assert_true(fixture->took_ms < 1000);
}

/* Every process that is to write the unbind is killed. */
static void test_dry_run_lost_unbind(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A "\n");
	fixture->sim->options.settled = true;
	sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_WRITE, "*/se_bind", SIM_KILL, 0, NULL, 1, 0 });
	fixture->request.dry_run = true;
	fixture->request.probe = true;
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->inventory.apqns[0].bind, APQN_BIND_UNKNOWN);
	assert_log(fixture, "warning: APQN 11.0001: the processes that made its calls were killed\n");
	assert_log(fixture, "warning: APQN 11.0001: may still be bound: ");
	assert_true(fixture->took_ms < 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_dry_run_writes_nothing),
		TEST(test_dry_run_with_probe),
		TEST(test_dry_run_tells_the_truth),
		TEST(test_dry_run_after_an_unbind),
		TEST(test_dry_run_bind_fails_late),
		TEST(test_dry_run_unbind_never_ends),
		TEST(test_dry_run_without_time),
		TEST(test_dry_run_lost_probe),
		TEST(test_dry_run_lost_unbind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
