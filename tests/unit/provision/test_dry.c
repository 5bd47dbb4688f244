/* SPDX-License-Identifier: MIT */
/* Dry runs on the simulated machine: nothing is written, and the printed actions are those of a real run. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/provision/fixture.h"

#define ONE_QUEUE DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A "\n"
#define ALL_BINDABLE                                                                                                   \
	"05.0001 bindable, 05.0002 bindable, 11.0001 bindable, 11.0002 bindable, 12.0001 bindable, 12.0002 bindable"
#define MAY_BE_BOUND "warning: APQN 11.0001: may still be bound: "
#define TO_UNBIND "06.0001: unbind, it serves no entry\n"
#define TO_REASSOCIATE "11.0001: unbind, bind and associate with secret index 1 for entry #2\n"
#define TO_ASSOCIATE "11.0002: associate with secret index 2 for entry #3\n"

static const struct row rows[] = {
	{ .name = "writes nothing",
	  .topology = MACHINE, .yaml = ENTRY_ACCEL ENTRY_A, .dry_run = true, .satisfied = 1, .queues = ALL_BINDABLE,
	  .reasons = { PLAN_SATISFIED, PLAN_UNKNOWN }, .calls = { NO_WRITE },
	  .log = { "dry run: 05.0001: bind for entry #1", "dry run: 11.0001: bind to read its master key" } },
	{ .name = "with a probe",
	  .topology = MACHINE, .yaml = ENTRY_ACCEL ENTRY_A, .dry_run = true, .probe = true, .satisfied = 2,
	  .queues = ALL_BINDABLE, .calls = { { MACHINE_WRITE, "*/se_associate", 0, 0 } },
	  .log = { "dry run: 11.0001: bind and associate with secret index 1 for entry #2" } },
	/* A real run prints the same actions as the dry run before it. */
	{ .name = "prints the actions of a real run",
	  .topology = DELAYS SECRETS "card 05 CEX8A\nqueue 05.0001 state=bound\nqueue 05.0002\n"
				     "card 06 CEX7A\nqueue 06.0001 state=bound\n"
				     "card 11 CEX8P\nqueue 11.0001" KEY_A " state=associated:2\nqueue 11.0002" KEY_B
				     " state=bound\n",
	  .yaml = ENTRY_ACCEL ENTRY_A ENTRY_B, .settled = true, .dry_run = true, .satisfied = 3,
	  .queues = "05.0001 bound, 05.0002 bindable, 06.0001 bound, 11.0001 associated 2, 11.0002 bound",
	  .log = { "info: dry run: " TO_UNBIND, "info: dry run: " TO_REASSOCIATE, "info: dry run: " TO_ASSOCIATE },
	  .then = &(const struct row){
		  .yaml = ENTRY_ACCEL ENTRY_A ENTRY_B, .satisfied = 3,
		  .queues = "05.0001 bound, 05.0002 bindable, 06.0001 bindable, 11.0001 associated 1, "
			    "11.0002 associated 2",
		  .log = { "info: " TO_UNBIND, "info: " TO_REASSOCIATE, "info: " TO_ASSOCIATE } } },
	/*
	 * Found bound, but the reset of an unbind is running. After it, the queue would have to be bound to be
	 * identified.
	 */
	{ .name = "after an unbind",
	  .topology = "delay bind=1ms reset=2s associate=30ms request=2ms\n" SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A
		      " state=bound\n",
	  .yaml = ENTRY_A, .settled = true, .dry_run = true, .written = { "devices/ap/card11/11.0001/se_bind", "0" },
	  .queues = "11.0001 bindable", .reasons = { PLAN_UNKNOWN }, .calls = { NO_WRITE } },
	/* A probe that cannot be undone is reported. */
	{ .name = "the unbind of a probe never ends",
	  .topology = ONE_QUEUE "fault 11.0001 unbind never\n", .yaml = ENTRY_A, .settled = true, .dry_run = true,
	  .probe = true, .queues = "11.0001 bound", .failures = { APQN_STAYS_BOUND }, .log = { MAY_BE_BOUND } },
	/* The run does not retry until the timeout. */
	{ .name = "a probe whose bind was lost and cannot be read is undone",
	  .topology = ONE_QUEUE, .yaml = ENTRY_A, .dry_run = true, .probe = true,
	  .injections = { { MACHINE_WRITE, "*/se_bind", SIM_KILL_LATE, 0, NULL, 0, 1 },
			  { MACHINE_READ, "*/se_bind", SIM_FAIL, -EPIPE, NULL, 1, 0 } },
	  .queues = "11.0001 bindable", .doubted = { true }, .failures = { APQN_UNREADABLE },
	  .log = { "warning: APQN 11.0001: its state cannot be read: Broken pipe\n" }, .most_ms = 999 },
	{ .name = "every worker that writes the unbind of a probe is killed",
	  .topology = ONE_QUEUE, .yaml = ENTRY_A, .settled = true, .dry_run = true, .probe = true,
	  .injections = { { MACHINE_WRITE, "*/se_bind", SIM_KILL, 0, NULL, 1, 0 } },
	  .queues = "11.0001 bound", .doubted = { true }, .failures = { APQN_CALL_LOST },
	  .log = { "warning: APQN 11.0001: the processes that made its calls were killed\n", MAY_BE_BOUND },
	  .most_ms = 999 },
};

static bool is_any_invalid(struct sim *sim)
{
	size_t count;
	const struct sim_record *records = sim_journal(sim, &count);

	for (size_t i = 0; i < count; i++)
		if (records[i].error == -EINVAL)
			return true;
	return false;
}

/*
 * A bind may take effect and still fail, because the driver tests the queue once more. The next bind then fails with
 * EINVAL.
 */
static void test_dry_run_bind_fails_late(void **state)
{
	static const char topology[] =
		ONE_QUEUE "fault 11.0001 test rc=10 times=2 after=%u\n";
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

/* If no time is left to undo a probe, because the clock jumps, it is reported. */
static void test_dry_run_without_time(void **state)
{
	struct fixture *fixture = *state;
	bool is_any_left = false;

	for (uint64_t call = 0; call < 40; call++) {
		bool is_left;

		new_machine(fixture, ONE_QUEUE);
		fixture->sim->options.settled = true;
		fixture->sim->options.jump_call = call;
		fixture->sim->options.jump_us = 3600 * INT64_C(1000000);
		fixture->request.dry_run = true;
		fixture->request.probe = true;
		run(fixture, ENTRY_A);
		is_left = strcmp(truth(fixture, 0x11, 1), "bindable") != 0;
		if (is_left)
			assert_log(fixture, MAY_BE_BOUND);
		is_any_left = is_any_left || is_left;
	}
	assert_true(is_any_left);
}

int main(void)
{
	struct CMUnitTest tests[COUNT(rows) + 2] = {
		TEST(test_dry_run_bind_fails_late),
		TEST(test_dry_run_without_time),
	};

	ADD_ROWS(tests + 2, rows);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
