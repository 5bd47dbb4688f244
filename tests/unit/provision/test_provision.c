/* SPDX-License-Identifier: MIT */
/* Provisioning on the simulated machine: what state the queues are in afterwards, and what was done on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/provision/fixture.h"

static void test_fresh_machine(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	run(fixture, ENTRY_ACCEL ENTRY_A ENTRY_B);
	assert_int_equal(fixture->result, 0);
	assert_int_equal(fixture->plan.satisfied, 3);
	assert_string_equal(truth(fixture, 0x05, 1), "bound");
	assert_string_equal(truth(fixture, 0x05, 2), "bindable");
	assert_string_equal(truth(fixture, 0x11, 1), "associated 1");
	assert_string_equal(truth(fixture, 0x11, 2), "bindable");
	assert_string_equal(truth(fixture, 0x12, 1), "associated 2");
	assert_string_equal(truth(fixture, 0x12, 2), "bindable");
	/* Reset by the driver at boot, two requests, one association, one release: nothing sleeps half a second. */
	assert_true(fixture->took_ms < 250);
}

static void test_second_run_writes_nothing(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	run(fixture, ENTRY_ACCEL ENTRY_A ENTRY_B);
	assert_int_not_equal(sim_write_count(fixture->sim), 0);
	run(fixture, ENTRY_ACCEL ENTRY_A ENTRY_B);
	assert_int_equal(fixture->plan.satisfied, 3);
	assert_int_equal(sim_write_count(fixture->sim), 0);
}

/* Queues whose identity nobody needs are not bound to learn it. */
static void test_no_needless_probe(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_ACCEL);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_int_equal(sim_count(fixture->sim, MACHINE_WRITE, "*"), 1);
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/mkvps"), 0);
}

static void test_no_secret_no_probe(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	run(fixture, "- mode: EP11\n  mkvp: " MKVP_A "\n  secretid: " ID_3 "\n");
	assert_int_equal(fixture->plan.satisfied, 0);
	assert_int_equal(fixture->plan.entries[0].reason, PLAN_NO_SECRET);
	assert_int_equal(sim_write_count(fixture->sim), 0);
}

static void test_serialnr(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	run(fixture, "- mode: EP11\n  mkvp: " MKVP_A "\n  serialnr: SERIAL1111111111\n  secretid: " ID_1 "\n"
		     "- mode: EP11\n  mkvp: " MKVP_B "\n  serialnr: SERIAL1111111111\n  secretid: " ID_2 "\n");
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x11, 1), "associated 1");
	assert_string_equal(truth(fixture, 0x12, 1), "bindable");
	assert_int_equal(fixture->plan.entries[1].reason, PLAN_SERIALNR);
	/* One serial number a card, not one a queue. */
	assert_true(sim_count(fixture->sim, MACHINE_READ, "*/serialnr") <= 2);
}

static void test_wrong_association_is_corrected(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=associated:2\n");
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x11, 1), "associated 1");
	assert_log(fixture, "11.0001: unbind, bind and associate with secret index 1 for entry #1");
}

/* Bound and fitting, but not associated: no reset. */
static void test_bound_is_associated_as_it_is(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=bound\n");
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_int_equal(sim_count(fixture->sim, MACHINE_WRITE, "*/se_bind"), 0);
	assert_int_equal(sim_count(fixture->sim, MACHINE_WRITE, "*/se_associate"), 1);
}

/* After a kexec the kernel does not know the association any more: unbind, bind, associate. */
static void test_after_kexec(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=associated:1\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x11, 1), "associated 1");
}

static void test_unneeded_is_unbound(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 05 CEX8A\nqueue 05.0001 state=bound\nqueue 05.0002 state=bound\n"
					    "card 11 CEX8P\nqueue 11.0001" KEY_A " state=associated:1\n");
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_ACCEL);
	assert_string_equal(truth(fixture, 0x05, 1), "bound");
	assert_string_equal(truth(fixture, 0x05, 2), "bindable");
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
}

static void test_no_entries_unbinds_all(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 05 CEX8A\nqueue 05.0001 state=bound\nqueue 05.0002\n"
					    "card 11 CEX8P\nqueue 11.0001" KEY_A " state=associated:1\n");
	fixture->sim->options.settled = true;
	run(fixture, NULL);
	assert_int_equal(fixture->result, 0);
	assert_string_equal(truth(fixture, 0x05, 1), "bindable");
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
	assert_int_equal(sim_write_count(fixture->sim), 2);
}

/* CCA queues are listed and otherwise left alone. */
static void test_cca_is_left_alone(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 07 CEX8C\nqueue 07.0001\ncard 11 CEX8P\nqueue 11.0001" KEY_A "\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/07.0001/*"), 0);
	assert_int_equal(sim_count(fixture->sim, MACHINE_WRITE, "*/07.0001/*"), 0);
}

/* Once, after each association; a card that hangs in it is not touched again, and serves its entry all the same. */
static void test_confirmation(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	run(fixture, ENTRY_A ENTRY_B);
	assert_int_equal(fixture->plan.satisfied, 2);
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/11.0001/mkvps"), 2);
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/12.0001/mkvps"), 2);

	new_machine(fixture, MACHINE);
	sim_inject(fixture->sim,
		   &(struct sim_injection){ MACHINE_READ, "*/11.0001/mkvps", SIM_HANG, 0, NULL, 1, 0 });
	run(fixture, ENTRY_A ENTRY_B);
	assert_int_equal(fixture->plan.satisfied, 2);
	assert_string_equal(truth(fixture, 0x11, 1), "associated 1");
	assert_log(fixture, "warning: card11: ");
}

/* A serial number is read as soon as the reset of an unbind on its card is over, not after a fixed time. */
static void test_serial_number_after_an_unbind(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P serialnr=SERIAL1111111111\nqueue 11.0001" KEY_A
					    " state=associated:2\nqueue 11.0002" KEY_C "\n");
	fixture->sim->options.settled = false; /* the association is not known: unbind, bind, read */
	run(fixture, ENTRY_A "  serialnr: SERIAL1111111111\n");
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_true(fixture->took_ms < 500);
}

static void test_duplicate_mkvp(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A "\nqueue 11.0002" KEY_A "\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x11, 1), "associated 1");
	assert_string_equal(truth(fixture, 0x11, 2), "bindable");
	assert_log(fixture, "warning: APQN 11.0001 and APQN 11.0002: same master key ");
	/* Each may serve an entry. */
	run(fixture, ENTRY_A "- mode: EP11\n  mkvp: " MKVP_A "\n  secretid: " ID_2 "\n");
	assert_int_equal(fixture->plan.satisfied, 2);
	assert_string_equal(truth(fixture, 0x11, 2), "associated 2");
}

static void test_association_pending_from_before(void **state)
{
	struct fixture *fixture = *state;
	char index[] = "1";
	struct machine_call call = {
		.operation = MACHINE_WRITE, .data = index, .size = 2, .length = 1, .until_ms = MACHINE_FOREVER
	};

	new_machine(fixture, "delay associate=2s\n" SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=bound\n"
			     "queue 11.0002" KEY_B "\n");
	fixture->sim->options.settled = true;
	strcpy(call.path, "devices/ap/card11/11.0001/se_associate");
	assert_int_equal(machine_perform(&fixture->sim->machine, &call), 0);
	run(fixture, ENTRY_A ENTRY_B);
	assert_int_equal(fixture->plan.satisfied, 2);
	assert_string_equal(truth(fixture, 0x11, 1), "associated 1");
	assert_string_equal(truth(fixture, 0x11, 2), "associated 2");
	/* The first was left as it is, and nothing was read of the card while its association was pending. */
	assert_int_equal(sim_count(fixture->sim, MACHINE_WRITE, "*/11.0001/*"), 0);
	assert_true(fixture->took_ms < 5000);
}

static void test_signal(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	sim_stop_after(fixture->sim, 25);
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->result, -EINTR);
}

/* Cards overlap: eight cards take no longer than one, give or take. */
static void test_cards_overlap(void **state)
{
	struct fixture *fixture = *state;
	char topology[8192] = DELAYS SECRETS;
	int64_t one_ms;

	strcat(topology, "card 20 CEX8P\nqueue 20.0000" KEY_A "\n");
	new_machine(fixture, topology);
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_A);
	one_ms = fixture->took_ms;
	for (unsigned int card = 0x21; card < 0x28; card++)
		snprintf(topology + strlen(topology), sizeof(topology) - strlen(topology),
			 "card %02x CEX8P\nqueue %02x.0000" KEY_A "\n", card, card);
	new_machine(fixture, topology);
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_A ENTRY_A ENTRY_A ENTRY_A ENTRY_A ENTRY_A ENTRY_A ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 8);
	assert_true(fixture->took_ms <= one_ms + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fresh_machine),
		TEST(test_second_run_writes_nothing),
		TEST(test_no_needless_probe),
		TEST(test_no_secret_no_probe),
		TEST(test_serialnr),
		TEST(test_wrong_association_is_corrected),
		TEST(test_bound_is_associated_as_it_is),
		TEST(test_after_kexec),
		TEST(test_unneeded_is_unbound),
		TEST(test_no_entries_unbinds_all),
		TEST(test_cca_is_left_alone),
		TEST(test_duplicate_mkvp),
		TEST(test_confirmation),
		TEST(test_serial_number_after_an_unbind),
		TEST(test_association_pending_from_before),
		TEST(test_signal),
		TEST(test_cards_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
