/* SPDX-License-Identifier: MIT */
/* Provisioning on a simulated machine with faults: what fails costs only itself, and nothing waits for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/between.h"
#include "unit/provision/fixture.h"

#define QUEUE_OF_2 "card 11 CEX8P\nqueue 11.0001" KEY_A " state=associated:2\n"
#define UNBIND_NEVER "fault 11.0001 unbind never\n"

static void test_refused_bind_takes_the_second(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A "\n"
					    "card 12 CEX8P\nqueue 12.0001" KEY_A "\n"
					    "fault 11.0001 bind rc=30\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x12, 1), "associated 1");
	/* The other one did not wait for the verdict on the first. */
	assert_true(fixture->took_ms < 900);
}

static void test_refused_bind_is_a_failure(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A "\nfault 11.0001 bind rc=30\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 0);
	assert_int_equal(fixture->inventory.apqns[0].failure, APQN_BIND_REFUSED);
	assert_true(fixture->took_ms >= 1000 && fixture->took_ms < 1200);
	assert_log(fixture, "warning: APQN 11.0001: the firmware refuses the bind: Input/output error");
}

/* What is no word of the firmware does not pass for one, nor for a sign of a limit. */
static void test_errors_of_the_kernel(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 05 CEX8A\nqueue 05.0001 state=bound\n"
					    "card 11 CEX8P\nqueue 11.0001" KEY_A "\n"
					    "card 12 CEX8P\nqueue 12.0001" KEY_B "\n");
	refuse(fixture, MACHINE_WRITE, "*/11.0001/se_bind", -EROFS);
	refuse(fixture, MACHINE_WRITE, "*/se_associate", -EPIPE);
	run(fixture, ENTRY_ACCEL ENTRY_A ENTRY_B);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_log(fixture, "warning: APQN 11.0001: the kernel refuses the bind: Read-only file system\n");
	assert_log(fixture, "warning: APQN 12.0001: the kernel refuses the association: Broken pipe\n");
}

static void test_refused_association_takes_the_second(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A "\n"
					    "card 12 CEX8P\nqueue 12.0001" KEY_A "\n"
					    "fault 11.0001 associate rc=35\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
	assert_string_equal(truth(fixture, 0x12, 1), "associated 1");
	assert_log(fixture, "warning: APQN 11.0001: the firmware refuses the association with this secret");
}

static void test_association_fails_late(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A "\n"
					    "card 12 CEX8P\nqueue 12.0001" KEY_A "\n"
					    "fault 11.0001 associate late\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
	assert_string_equal(truth(fixture, 0x12, 1), "associated 1");
	assert_log(fixture, "warning: APQN 11.0001: the association was started and failed");
}

static void test_association_falls_back(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A "\n"
					    "fault 11.0001 associate fall_back\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 0);
	assert_int_equal(fixture->inventory.apqns[0].failure, APQN_ASSOCIATION_FAILED);
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
}

/* An association that never ends is given up at half time when another queue can take its place. */
static void test_association_never_ends(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A "\n"
					    "card 12 CEX8P\nqueue 12.0001" KEY_A "\n"
					    "fault 11.0001 associate never\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x12, 1), "associated 1");
	assert_true(fixture->took_ms < 31000);
}

/*
 * The card's other queue is to be identified meanwhile, because an entry has lost its queue: as long as the association is
 * pending, that cannot be done, and nobody waits for it once the association was given up.
 */
static void test_association_never_ends_beside_an_unknown_queue(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=bound\nqueue 11.0002 mkvp=none\n"
					    "card 12 CEX8P\nqueue 12.0001" KEY_A "\n"
					    "card 13 CEX8P\nqueue 13.0001" KEY_B " state=bound\n"
					    "fault 11.0001 associate never\nfault 13.0001 associate rc=36\n");
	run(fixture, ENTRY_A ENTRY_B);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
	assert_string_equal(truth(fixture, 0x11, 2), "bindable");
	assert_string_equal(truth(fixture, 0x12, 1), "associated 1");
	assert_true(fixture->took_ms < 35000);
}

static void test_association_never_ends_alone(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A "\nfault 11.0001 associate never\n");
	fixture->request.timeout_ms = 10000;
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 0);
	assert_int_equal(fixture->inventory.apqns[0].failure, APQN_ASSOCIATION_TIMEOUT);
	/* Tidied up before the deadline. */
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
	assert_true(fixture->took_ms <= 10000);
}

/* Slow but the only one: it is waited for longer than half of the time. */
static void test_slow_association_alone(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, "delay reset=5s associate=40s\n" SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A "\n");
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_true(fixture->took_ms >= 40000 && fixture->took_ms < 41000);
}

/* A reset of ours that takes long is no refusal. */
static void test_slow_reset_of_ours(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, "delay reset=5s\n" SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=associated:2\n");
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x11, 1), "associated 1");
}

/* A queue that waits for its serial number because of the reset of another one is not given up for that. */
static void test_slow_reset_beside_serialnr(void **state)
{
	static const char machine[] = "delay reset=900ms\n" SECRETS "card 11 CEX8P serialnr=SERIAL1111111111\n"
				      "queue 11.0001" KEY_A "\nqueue 11.0002 mkvp=none state=bound\n";
	struct fixture *fixture = *state;

	new_machine(fixture, machine);
	run(fixture, ENTRY_A "  serialnr: SERIAL1111111111\n");
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x11, 1), "associated 1");
	/* It is another entry that asks for a serial number. */
	new_machine(fixture, machine);
	run(fixture, ENTRY_B "  serialnr: SERIAL1111111111\n" ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x11, 1), "associated 1");
}

static void test_limit_of_bound_queues(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "limit 1\ncard 11 CEX8P\nqueue 11.0001" KEY_C "\nqueue 11.0002 mkvp=none\n"
					    "card 12 CEX8P\nqueue 12.0001" KEY_C "\nqueue 12.0002" KEY_A "\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x12, 2), "associated 1");
	assert_true(fixture->took_ms < 5000);
}

static void test_limit_is_reported(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE "limit 1\n");
	run(fixture, ENTRY_A ENTRY_B);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_log(fixture, "the bind is refused while other queues are bound");
}

/* The kernel does not come back from a read: the other card is served, the deadline holds. */
static void test_hung_card_costs_only_itself(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	hang(fixture, MACHINE_READ, "*/11.0001/mkvps");
	run(fixture, ENTRY_A ENTRY_B);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x12, 1), "associated 2");
	assert_log(fixture, "card11: sysfs access to this card timed out");
	assert_true(fixture->took_ms < 6000);
}

/* Nobody waits long for a slow identity, even if reading it is all that goes on. */
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

static void test_hung_bind(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	hang(fixture, MACHINE_WRITE, "*/11.0001/se_bind");
	fixture->request.timeout_ms = 3000;
	run(fixture, ENTRY_A ENTRY_B);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x12, 1), "associated 2");
	assert_log(fixture, "warning: card11: sysfs access to this card timed out");
	assert_true(fixture->took_ms <= 3000);
}

/* A call that is under way when the time is over says nothing about its card. */
static void test_call_under_way_at_the_end(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A "\n"
					    "queue 11.0002" KEY_B " state=associated:2\n"
					    "fault 11.0001 associate never\n");
	fixture->sim->options.settled = true;
	/* The unbind at the end of the work time. */
	sim_inject(fixture->sim,
		   &(struct sim_injection){ MACHINE_WRITE, "*/11.0001/se_bind", SIM_HANG, 0, NULL, 1, 0 });
	fixture->request.timeout_ms = 3000;
	run(fixture, ENTRY_A ENTRY_B);
	assert_int_equal(fixture->took_ms, 3000);
	assert_int_equal(fixture->inventory.apqns[0].failure, APQN_ASSOCIATION_TIMEOUT);
	assert_int_equal(fixture->plan.apqns[0].goal, PLAN_UNBIND);
	assert_log(fixture, "warning: APQN 11.0001: the association did not end in time\n");
	assert_null(strstr(fixture->log.text, "card11"));
	assert_int_equal(fixture->plan.satisfied, 1);
}

static void test_vanished_card(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE "fault 11.* request vanish\n");
	fixture->request.timeout_ms = 20000;
	run(fixture, ENTRY_A ENTRY_B);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x12, 1), "associated 2");
	assert_true(fixture->took_ms <= 20000);
}

static void test_queue_of_another_guest(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=foreign\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 0);
	assert_int_equal(fixture->inventory.apqns[0].failure, APQN_BIND_TAKEN);
}

/* An unbind that has no effect is reported and does not go on for ever. */
static void test_unbind_without_effect(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 05 CEX8A\nqueue 05.0001 state=bound\n"
					    "card 06 CEX8A configured=0\nqueue 06.0001 state=bound\n");
	fixture->sim->options.settled = true;
	run(fixture, NULL);
	assert_string_equal(truth(fixture, 0x05, 1), "bindable");
	assert_int_equal(fixture->inventory.apqns[1].failure, APQN_STAYS_BOUND);
	assert_true(fixture->took_ms < 1000);
	assert_log(fixture, "info: 05.0001: unbound\n");
	assert_null(strstr(fixture->log.text, "06.0001: unbound"));
}

/* The unbind of a new association has no effect, and the bind that would have shown it fails: se_bind is read. */
static void test_unbind_before_a_failed_bind(void **state)
{
	static const struct {
		int error;
		enum apqn_failure failure;
	} binds[] = {
		{ -EBUSY, APQN_BIND_TIMEOUT },
		{ -EIO, APQN_BIND_REFUSED },
		{ -EROFS, APQN_BIND_ERROR },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(binds) / sizeof(binds[0]); i++) {
		for (int works = 0; works < 2; works++) {
			new_machine(fixture, works ? DELAYS SECRETS QUEUE_OF_2 : DELAYS SECRETS QUEUE_OF_2 UNBIND_NEVER);
			fixture->sim->options.settled = true;
			sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_WRITE, "*/11.0001/se_bind", SIM_FAIL,
									  binds[i].error, NULL, 1, 0 });
			fixture->request.timeout_ms = 15000;
			run(fixture, ENTRY_A);
			assert_int_equal(fixture->plan.satisfied, 0);
			assert_string_equal(truth(fixture, 0x11, 1), works ? "bindable" : "associated 2");
			assert_int_equal(fixture->inventory.apqns[0].bind, works ? APQN_UNBOUND : APQN_BOUND);
			if (works)
				assert_int_equal(fixture->inventory.apqns[0].failure, binds[i].failure);
		}
	}
}

/* Neither the bind nor se_bind tells: the queue may be bound. */
static void test_unbind_before_a_bind_that_is_not_available(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS QUEUE_OF_2 UNBIND_NEVER);
	fixture->sim->options.settled = true;
	sim_inject(fixture->sim,
		   &(struct sim_injection){ MACHINE_WRITE, "*/11.0001/se_bind", SIM_FAIL, -EINVAL, NULL, 1, 0 });
	sim_inject(fixture->sim,
		   &(struct sim_injection){ MACHINE_READ, "*/11.0001/se_bind", SIM_FAIL, -EIO, NULL, 1, 0 });
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->inventory.apqns[0].failure, APQN_BIND_TAKEN);
	assert_int_equal(fixture->inventory.apqns[0].bind, APQN_BIND_UNKNOWN);
	assert_log(fixture, "warning: APQN 11.0001: may still be bound: ");
	assert_true(fixture->took_ms < 1000);
}

/* Something else is learnt while the effect of the unbind is waited for. */
static void test_unbind_without_effect_is_seen_through(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 06 CEX8A configured=0\nqueue 06.0001 state=bound\n"
					    "card 11 CEX8P\nqueue 11.0001" KEY_A "\n"
					    "card 12 CEX8P\nqueue 12.0001" KEY_B "\n"
					    "fault 11.0001 associate late\n");
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_A ENTRY_B);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_int_equal(fixture->inventory.apqns[0].failure, APQN_STAYS_BOUND);
	assert_int_equal(fixture->inventory.apqns[0].bind, APQN_BOUND);
	assert_int_equal(sim_count(fixture->sim, MACHINE_WRITE, "*/06.0001/se_bind"), 1);
}

/* The same for a queue that has failed: its release may be what a refused one waits for. */
static void test_release_of_a_failed_queue_is_seen(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, "delay bind=1ms reset=1s associate=30ms request=2ms\n" SECRETS
			     "card 11 CEX8P\nqueue 11.0001" KEY_A "\nfault 11.0001 associate late\n"
			     "card 12 CEX8P\nqueue 12.0001" KEY_C " state=associated:2\n"
			     "fault 12.* request slow=500ms\n");
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_A ENTRY_B);
	assert_int_equal(fixture->plan.satisfied, 0);
	assert_log(fixture, "info: 11.0001: unbound\n");
	assert_log(fixture, "info: 12.0001: unbound\n");
}

/* An unbind that does not end is no release, which a refused queue would be tried again for. */
static void test_no_release_no_new_try(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 05 CEX8A\nqueue 05.0001 state=bound\nqueue 05.0002 state=bound\n"
					    "card 11 CEX8P\nqueue 11.0001" KEY_A "\n"
					    "fault 05.0002 unbind never\n");
	fixture->sim->options.settled = true;
	refuse(fixture, MACHINE_WRITE, "*/11.0001/se_bind", -EIO);
	run(fixture, ENTRY_ACCEL ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_int_equal(fixture->inventory.apqns[1].failure, APQN_STAYS_BOUND);
	assert_int_equal(fixture->inventory.apqns[2].failure, APQN_BIND_LIMIT);
	assert_between(fixture->took_ms, 10000, 10500);
}

/*
 * While the association for one entry is being written, a lower card turns out to fit, too, and takes this entry: the
 * queue is for the other entry then, with another secret.
 */
static void test_plan_changes_during_an_association_write(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=bound\n"
					    "card 12 CEX8P\nqueue 12.0001" KEY_A " state=bound\n"
					    "queue 12.0002 mkvp=none\nqueue 12.0003 mkvp=none\n"
					    "fault 11.* request slow=400ms\nfault 12.0001 associate hang=900ms times=1\n");
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_A "- mode: EP11\n  mkvp: " MKVP_A "\n  secretid: " ID_2 "\n");
	assert_int_equal(fixture->plan.satisfied, 2);
	assert_string_equal(truth(fixture, 0x11, 1), "associated 1");
	assert_string_equal(truth(fixture, 0x12, 1), "associated 2");
	assert_true(fixture->took_ms < 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_refused_bind_takes_the_second),
		TEST(test_refused_bind_is_a_failure),
		TEST(test_errors_of_the_kernel),
		TEST(test_refused_association_takes_the_second),
		TEST(test_association_fails_late),
		TEST(test_association_falls_back),
		TEST(test_association_never_ends),
		TEST(test_association_never_ends_beside_an_unknown_queue),
		TEST(test_association_never_ends_alone),
		TEST(test_slow_association_alone),
		TEST(test_slow_reset_of_ours),
		TEST(test_slow_reset_beside_serialnr),
		TEST(test_limit_of_bound_queues),
		TEST(test_limit_is_reported),
		TEST(test_hung_card_costs_only_itself),
		TEST(test_slow_identity_does_not_hold_up),
		TEST(test_plan_changes_during_an_association_write),
		TEST(test_hung_bind),
		TEST(test_call_under_way_at_the_end),
		TEST(test_vanished_card),
		TEST(test_queue_of_another_guest),
		TEST(test_unbind_without_effect),
		TEST(test_unbind_before_a_failed_bind),
		TEST(test_unbind_before_a_bind_that_is_not_available),
		TEST(test_unbind_without_effect_is_seen_through),
		TEST(test_release_of_a_failed_queue_is_seen),
		TEST(test_no_release_no_new_try),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
