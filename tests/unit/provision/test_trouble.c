/* SPDX-License-Identifier: MIT */
/*
 * Provisioning on a simulated machine with faults: a fault affects only its own queue or card, and every wait is
 * limited.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/provision/fixture.h"

#define ENTRY_A_2 "- mode: EP11\n  mkvp: " MKVP_A "\n  secretid: " ID_2 "\n"
#define ONE_QUEUE DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A "\n"
#define TWO_QUEUES ONE_QUEUE "card 12 CEX8P\nqueue 12.0001" KEY_A "\n"
#define QUEUE_OF_2 DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=associated:2\n"
#define UNBIND_NEVER "fault 11.0001 unbind never\n"
#define SECOND_TOOK_OVER "11.0001 bindable, 12.0001 associated 1"
#define SLOW_RESET                                                                                                     \
	"delay reset=900ms\n" SECRETS "card 11 CEX8P serialnr=SERIAL1111111111\n"                                      \
	"queue 11.0001" KEY_A "\nqueue 11.0002 mkvp=none state=bound\n"
#define ONLY_12                                                                                                        \
	"05.0001 bindable, 05.0002 bindable, 11.0001 bound, 11.0002 bindable, 12.0001 associated 2, 12.0002 bindable"
#define ONLY_12_BINDABLE                                                                                               \
	"05.0001 bindable, 05.0002 bindable, 11.0001 bindable, 11.0002 bindable, 12.0001 associated 2, "               \
	"12.0002 bindable"

/* 12.0002 has no master key and is unbound while the association of 11.0001 is refused. */
#define UNBIND_AT_REFUSAL(reset)                                                                                       \
	"delay bind=538us reset=" reset " associate=41228us request=620us\n" SECRETS                                   \
	"card 11 CEX8P serialnr=SERIAL1111111111\nqueue 11.0001" KEY_A " state=bound\n"                                \
	"card 12 CEX8P serialnr=SERIAL1111111111\nqueue 12.0001" KEY_A "\n"                                            \
	"queue 12.0002 mkvp=none state=associated:3\n"                                                                 \
	"fault 11.* associate rc=34 after=0 times=1\n"

/* The bind after an unbind fails, so it does not show whether the unbind took effect. se_bind is read instead. */
#define UNBIND_THEN(error, what, what_without)                                                                         \
	{ .name = "an unbind takes effect before a bind that fails with " #error,                                      \
	  .topology = QUEUE_OF_2, .yaml = ENTRY_A, .settled = true, .timeout_ms = 15000,                               \
	  .injections = { { MACHINE_WRITE, "*/11.0001/se_bind", SIM_FAIL, -(error), NULL, 1, 0 } },                    \
	  .queues = "11.0001 bindable", .failures = { what } },                                                        \
	{ .name = "an unbind takes no effect before a bind that fails with " #error,                                   \
	  .topology = QUEUE_OF_2 UNBIND_NEVER, .yaml = ENTRY_A, .settled = true, .timeout_ms = 15000,                  \
	  .injections = { { MACHINE_WRITE, "*/11.0001/se_bind", SIM_FAIL, -(error), NULL, 1, 0 } },                    \
	  .queues = "11.0001 associated 2", .failures = { what_without } }

static const struct row rows[] = {
	/* --- binds and associations that fail ---------------------------------------------------------------- */
	{ .name = "a bind is refused: the second queue serves, before the first has failed",
	  .topology = TWO_QUEUES "fault 11.0001 bind rc=30\n", .yaml = ENTRY_A,
	  .satisfied = 1, .queues = SECOND_TOOK_OVER, .most_ms = 899 },
	{ .name = "a bind is refused: a failure",
	  .topology = ONE_QUEUE "fault 11.0001 bind rc=30\n", .yaml = ENTRY_A,
	  .queues = "11.0001 bindable", .failures = { APQN_BIND_REFUSED }, .least_ms = 1000, .most_ms = 1199,
	  .log = { "warning: APQN 11.0001: the firmware refuses the bind: Input/output error" } },
	/* Errors of the kernel are not reported as answers of the firmware, nor as a limit of bound queues. */
	{ .name = "errors of the kernel",
	  .topology = DELAYS SECRETS "card 05 CEX8A\nqueue 05.0001 state=bound\n"
				     "card 11 CEX8P\nqueue 11.0001" KEY_A "\n"
				     "card 12 CEX8P\nqueue 12.0001" KEY_B "\n",
	  .yaml = ENTRY_ACCEL ENTRY_A ENTRY_B,
	  .injections = { REFUSE(MACHINE_WRITE, "*/11.0001/se_bind", -EROFS),
			  REFUSE(MACHINE_WRITE, "*/se_associate", -EPIPE) },
	  .satisfied = 1, .queues = "05.0001 bound, 11.0001 bindable, 12.0001 bindable",
	  .failures = { [1] = APQN_BIND_ERROR, [2] = APQN_ASSOCIATION_ERROR },
	  .log = { "warning: APQN 11.0001: the kernel refuses the bind: Read-only file system\n",
		   "warning: APQN 12.0001: the kernel refuses the association: Broken pipe\n" } },
	{ .name = "an association is refused: the second queue serves",
	  .topology = TWO_QUEUES "fault 11.0001 associate rc=35\n", .yaml = ENTRY_A,
	  .satisfied = 1, .queues = SECOND_TOOK_OVER, .failures = { APQN_ASSOCIATION_REFUSED },
	  .log = { "warning: APQN 11.0001: the firmware refuses the association with this secret" } },
	/* A new plan is made while 12.0002 is being unbound. The serial number must not be read during its reset. */
	{ .name = "an association is refused while an unbind is written on another card",
	  .topology = UNBIND_AT_REFUSAL("3612us"),
	  .yaml = ENTRY_A "  serialnr: SERIAL1111111111\n", .satisfied = 1, .most_ms = 4999,
	  .queues = "11.0001 bindable, 12.0001 associated 1, 12.0002 bindable", .failures = { APQN_ASSOCIATION_REFUSED } },
	{ .name = "a reset takes long after se_bind has shown the unbind",
	  .topology = UNBIND_AT_REFUSAL("900ms"),
	  .yaml = ENTRY_A "  serialnr: SERIAL1111111111\n", .satisfied = 1, .most_ms = 4999,
	  .injections = { { MACHINE_READ, "*/12.0002/se_bind", SIM_TEXT, 0, "unbound\n", 1, 0 } },
	  .queues = "11.0001 bindable, 12.0001 associated 1, 12.0002 bindable", .failures = { APQN_ASSOCIATION_REFUSED } },
	{ .name = "an association fails late: the second queue serves",
	  .topology = TWO_QUEUES "fault 11.0001 associate late\n", .yaml = ENTRY_A,
	  .satisfied = 1, .queues = SECOND_TOOK_OVER, .failures = { APQN_ASSOCIATION_FAILED },
	  .log = { "warning: APQN 11.0001: the association was started and failed" } },
	{ .name = "a queue is unassociated again during the association",
	  .topology = ONE_QUEUE "fault 11.0001 associate fall_back\n", .yaml = ENTRY_A,
	  .queues = "11.0001 bindable", .failures = { APQN_ASSOCIATION_FAILED } },
	{ .name = "an association never ends: given up after half of the time, because another queue can serve",
	  .topology = TWO_QUEUES "fault 11.0001 associate never\n", .yaml = ENTRY_A,
	  .satisfied = 1, .queues = SECOND_TOOK_OVER, .failures = { APQN_ASSOCIATION_TIMEOUT }, .most_ms = 30999 },
	/*
	 * Meanwhile the card's other queue must be identified, because an entry has lost its queue. That is impossible
	 * while the association is pending. Once the association has timed out, the other queue is not waited for.
	 */
	{ .name = "an association never ends, beside a queue that is not identified",
	  .topology = DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=bound\nqueue 11.0002 mkvp=none\n"
				     "card 12 CEX8P\nqueue 12.0001" KEY_A "\n"
				     "card 13 CEX8P\nqueue 13.0001" KEY_B " state=bound\n"
				     "fault 11.0001 associate never\nfault 13.0001 associate rc=36\n",
	  .yaml = ENTRY_A ENTRY_B, .satisfied = 1,
	  .queues = "11.0001 bindable, 11.0002 bindable, 12.0001 associated 1, 13.0001 bindable",
	  .failures = { APQN_ASSOCIATION_TIMEOUT, [3] = APQN_ASSOCIATION_REFUSED }, .most_ms = 34999 },
	{ .name = "an association never ends: unbound before the timeout",
	  .topology = ONE_QUEUE "fault 11.0001 associate never\n", .yaml = ENTRY_A, .timeout_ms = 10000,
	  .queues = "11.0001 bindable", .failures = { APQN_ASSOCIATION_TIMEOUT }, .most_ms = 10000 },
	{ .name = "a slow association of the only queue may take more than half of the time",
	  .topology = "delay reset=5s associate=40s\n" SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A "\n",
	  .yaml = ENTRY_A, .settled = true,
	  .satisfied = 1, .queues = "11.0001 associated 1", .least_ms = 40000, .most_ms = 40999 },
	{ .name = "a slow reset after an unbind does not count as a refusal",
	  .topology = "delay reset=5s\n" SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=associated:2\n",
	  .yaml = ENTRY_A, .settled = true, .satisfied = 1, .queues = "11.0001 associated 1" },
	/* The queue waits for its serial number because of the other queue's reset. It does not count as failed. */
	{ .name = "a slow reset delays the serial number of another queue",
	  .topology = SLOW_RESET, .yaml = ENTRY_A "  serialnr: SERIAL1111111111\n",
	  .satisfied = 1, .queues = "11.0001 associated 1, 11.0002 bindable" },
	{ .name = "a slow reset delays the serial number for another entry",
	  .topology = SLOW_RESET, .yaml = ENTRY_B "  serialnr: SERIAL1111111111\n" ENTRY_A,
	  .satisfied = 1, .queues = "11.0001 associated 1, 11.0002 bindable",
	  .not_log = { "11.0001: unb" } },
	/*
	 * The serial number is read for the first queue, which has another goal by then. The second queue has waited
	 * for it.
	 */
	{ .name = "a slow serial number is used for both queues of its card",
	  .topology = DELAYS SECRETS "card 11 CEX8P serialnr=SERIAL1111111111\nqueue 11.0001" KEY_A
				     " state=bound\nqueue 11.0002" KEY_B " state=bound\n"
				     "fault 11.* request slow=400ms after=2 times=1\n",
	  .yaml = ENTRY_A ENTRY_B ENTRY_B "  serialnr: SERIAL2222222222\n", .settled = true, .satisfied = 2,
	  .queues = "11.0001 associated 1, 11.0002 associated 2", .most_ms = 1999 },
	{ .name = "the limit of bound queues",
	  .topology = DELAYS SECRETS "limit 1\ncard 11 CEX8P\nqueue 11.0001" KEY_C "\nqueue 11.0002 mkvp=none\n"
				     "card 12 CEX8P\nqueue 12.0001" KEY_C "\nqueue 12.0002" KEY_A "\n",
	  .yaml = ENTRY_A, .satisfied = 1,
	  .queues = "11.0001 bindable, 11.0002 bindable, 12.0001 bindable, 12.0002 associated 1", .most_ms = 4999 },
	{ .name = "the limit of bound queues is reported",
	  .topology = MACHINE "limit 1\n", .yaml = ENTRY_A ENTRY_B, .satisfied = 1,
	  .queues = "05.0001 bindable, 05.0002 bindable, 11.0001 associated 1, 11.0002 bindable, 12.0001 bindable, "
		    "12.0002 bindable",
	  .failures = { [3] = APQN_BIND_LIMIT, [4] = APQN_BIND_LIMIT, [5] = APQN_BIND_LIMIT },
	  .log = { "the bind is refused while other queues are bound" } },
	/* --- calls that hang, cards that vanish -------------------------------------------------------------- */
	{ .name = "a read hangs: the other card is configured in time",
	  .topology = MACHINE, .yaml = ENTRY_A ENTRY_B, .injections = { HANG(MACHINE_READ, "*/11.0001/mkvps") },
	  .satisfied = 1, .failures = { [2] = APQN_CARD_HUNG, [3] = APQN_CARD_HUNG }, .queues = ONLY_12,
	  .log = { "card11: sysfs access to this card timed out" }, .most_ms = 5999 },
	{ .name = "a bind hangs",
	  .topology = MACHINE, .yaml = ENTRY_A ENTRY_B, .timeout_ms = 3000,
	  .injections = { HANG(MACHINE_WRITE, "*/11.0001/se_bind") },
	  .satisfied = 1, .failures = { [2] = APQN_CARD_HUNG, [3] = APQN_CARD_HUNG }, .queues = ONLY_12_BINDABLE,
	  .doubted = { [2] = true }, .log = { "warning: card11: sysfs access to this card timed out" },
	  .most_ms = 3000 },
	/* The final unbind is under way when the time is over. */
	{ .name = "a card does not count as hung for a call under way at the end",
	  .topology = ONE_QUEUE "queue 11.0002" KEY_B " state=associated:2\nfault 11.0001 associate never\n",
	  .yaml = ENTRY_A ENTRY_B, .settled = true, .timeout_ms = 3000,
	  .injections = { { MACHINE_WRITE, "*/11.0001/se_bind", SIM_HANG, 0, NULL, 1, 0 } },
	  .satisfied = 1, .queues = "11.0001 bound, 11.0002 associated 2", .failures = { APQN_ASSOCIATION_TIMEOUT },
	  .goals = { PLAN_UNBIND },
	  .log = { "warning: APQN 11.0001: the association did not end in time\n" }, .not_log = { "card11" },
	  .least_ms = 3000, .most_ms = 3000 },
	{ .name = "a card vanishes",
	  .topology = MACHINE "fault 11.* request vanish\n", .yaml = ENTRY_A ENTRY_B, .timeout_ms = 20000,
	  .satisfied = 1, .failures = { [2] = APQN_CARD_HUNG, [3] = APQN_CARD_HUNG }, .queues = ONLY_12,
	  .most_ms = 20000 },
	{ .name = "a queue of another guest",
	  .topology = DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=foreign\n", .yaml = ENTRY_A,
	  .queues = "11.0001 foreign", .failures = { APQN_BIND_TAKEN } },
	/* --- unbinds without effect -------------------------------------------------------------------------- */
	{ .name = "an unbind has no effect: reported after a limited time",
	  .topology = DELAYS SECRETS "card 05 CEX8A\nqueue 05.0001 state=bound\n"
				     "card 06 CEX8A configured=0\nqueue 06.0001 state=bound\n",
	  .settled = true, .queues = "05.0001 bindable, 06.0001 bound", .failures = { [1] = APQN_STAYS_BOUND },
	  .log = { "info: 05.0001: unbound\n" }, .not_log = { "06.0001: unbound" }, .most_ms = 999 },
	UNBIND_THEN(EBUSY, APQN_BIND_TIMEOUT, APQN_BIND_TIMEOUT),
	UNBIND_THEN(EIO, APQN_BIND_REFUSED, APQN_BIND_REFUSED),
	UNBIND_THEN(EROFS, APQN_BIND_ERROR, APQN_STAYS_BOUND),
	{ .name = "neither the bind after an unbind nor se_bind shows its effect: the queue may be bound",
	  .topology = QUEUE_OF_2 UNBIND_NEVER, .yaml = ENTRY_A, .settled = true,
	  .injections = { { MACHINE_WRITE, "*/11.0001/se_bind", SIM_FAIL, -EINVAL, NULL, 1, 0 },
			  { MACHINE_READ, "*/11.0001/se_bind", SIM_FAIL, -EIO, NULL, 1, 0 } },
	  .queues = "11.0001 associated 2", .doubted = { true }, .failures = { APQN_BIND_TAKEN },
	  .log = { "warning: APQN 11.0001: may still be bound: " }, .most_ms = 999 },
	{ .name = "another queue fails during the wait for the effect of an unbind",
	  .topology = DELAYS SECRETS "card 06 CEX8A configured=0\nqueue 06.0001 state=bound\n"
				     "card 11 CEX8P\nqueue 11.0001" KEY_A "\n"
				     "card 12 CEX8P\nqueue 12.0001" KEY_B "\n"
				     "fault 11.0001 associate late\n",
	  .yaml = ENTRY_A ENTRY_B, .settled = true,
	  .satisfied = 1, .queues = "06.0001 bound, 11.0001 bindable, 12.0001 associated 2",
	  .failures = { APQN_STAYS_BOUND, APQN_ASSOCIATION_FAILED },
	  .calls = { { MACHINE_WRITE, "*/06.0001/se_bind", 1, 1 } } },
	/* A refused queue may wait for this release. */
	{ .name = "the release of a failed queue is noticed",
	  .topology = "delay bind=1ms reset=1s associate=30ms request=2ms\n" SECRETS
		      "card 11 CEX8P\nqueue 11.0001" KEY_A "\nfault 11.0001 associate late\n"
		      "card 12 CEX8P\nqueue 12.0001" KEY_C " state=associated:2\n"
		      "fault 12.* request slow=500ms\n",
	  .yaml = ENTRY_A ENTRY_B, .settled = true,
	  .queues = "11.0001 bindable, 12.0001 bindable", .failures = { APQN_ASSOCIATION_FAILED },
	  .log = { "info: 11.0001: unbound\n", "info: 12.0001: unbound\n" } },
	{ .name = "an unbind that never ends does not cause a retry of a refused queue",
	  .topology = DELAYS SECRETS "card 05 CEX8A\nqueue 05.0001 state=bound\nqueue 05.0002 state=bound\n"
				     "card 11 CEX8P\nqueue 11.0001" KEY_A "\nfault 05.0002 unbind never\n",
	  .yaml = ENTRY_ACCEL ENTRY_A, .settled = true,
	  .injections = { REFUSE(MACHINE_WRITE, "*/11.0001/se_bind", -EIO) },
	  .satisfied = 1, .queues = "05.0001 bound, 05.0002 bound, 11.0001 bindable",
	  .failures = { [1] = APQN_STAYS_BOUND, [2] = APQN_BIND_LIMIT }, .least_ms = 10000, .most_ms = 10500 },
	/*
	 * While the association for one entry is being written, a lower card turns out to match, too, and gets this
	 * entry. The queue is then planned for the other entry, with another secret.
	 */
	{ .name = "the plan changes while an association is written",
	  .topology = DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=bound\n"
				     "card 12 CEX8P\nqueue 12.0001" KEY_A " state=bound\n"
				     "queue 12.0002 mkvp=none\nqueue 12.0003 mkvp=none\n"
				     "fault 11.* request slow=400ms\nfault 12.0001 associate hang=900ms times=1\n",
	  .yaml = ENTRY_A ENTRY_A_2, .settled = true, .satisfied = 2,
	  .queues = "11.0001 associated 1, 12.0001 associated 2, 12.0002 bindable, 12.0003 bindable",
	  .most_ms = 4999 },
	/*
	 * The lower card takes 400 ms to show its master key, gets the entry, and fails at 700 ms. By then the queue
	 * that served this entry is being unbound for the other entry, until 1,400 ms.
	 */
	{ .name = "the plan changes back while an unbind is written",
	  .topology = "delay bind=1ms reset=20ms associate=300ms request=2ms\n" SECRETS
		      "card 11 CEX8P\nqueue 11.0001" KEY_A " state=bound\n"
		      "card 12 CEX8P\nqueue 12.0001" KEY_A " state=bound\n"
		      "fault 11.* request slow=400ms\nfault 11.0001 associate late\n"
		      "fault 12.0001 associate hang=300ms times=1\nfault 12.0001 unbind hang=900ms times=1\n",
	  .yaml = ENTRY_A ENTRY_A_2, .settled = true, .satisfied = 1,
	  .queues = "11.0001 bindable, 12.0001 associated 1", .failures = { APQN_ASSOCIATION_FAILED },
	  .log = { "info: 12.0001: unbind, which has already begun\n" }, .not_log = { "no time is left" },
	  .most_ms = 4999 },
};

/* A slow identity delays the rest only briefly, even if no other call is under way. */
static void test_slow_identity_does_not_hold_up(void **state)
{
	struct fixture *fixture = *state;
	const struct sim_record *records;
	int64_t start_us, wait_us = -1;
	size_t count;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_C " state=associated:2\n"
					    "card 12 CEX8P\nqueue 12.0001" KEY_A "\n"
					    "fault 11.0001 request slow=3s\n");
	fixture->sim->options.settled = true;
	start_us = sim_now_us(fixture->sim);
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
	records = sim_journal(fixture->sim, &count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(records[i].path, "devices/ap/card12/12.0001/se_associate") == 0)
			wait_us = records[i].end_us - start_us;
	}
	assert_between(wait_us, 200000, 400000);
}

/*
 * The driver tests the queue after a bind: the bind fails although it took effect. Meanwhile another queue serves the
 * entry, so this queue is not bound again.
 */
static void test_refused_bind_took_effect(void **state)
{
	struct fixture *fixture = *state;
	char topology[512];

	for (unsigned int after = 0; after < 6; after++) {
		snprintf(topology, sizeof(topology),
			 DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A "\ncard 12 CEX8P\nqueue 12.0001" KEY_C "\n"
					"fault 12.0001 test rc=10 after=%u times=20\n",
			 after);
		new_machine(fixture, topology);
		fixture->sim->options.settled = true;
		run(fixture, ENTRY_A);
		assert_int_equal(fixture->plan.satisfied, 1);
		assert_string_equal(truth(fixture, 0x12, 1), "bindable");
		assert_int_equal(fixture->inventory.apqns[1].bind, APQN_UNBOUND);
	}
}

int main(void)
{
	struct CMUnitTest tests[COUNT(rows) + 2] = { TEST(test_slow_identity_does_not_hold_up),
						     TEST(test_refused_bind_took_effect) };

	ADD_ROWS(tests + 2, rows);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
