/* SPDX-License-Identifier: MIT */
/* Queues found associated whose identity cannot be had: they may well serve an entry, so they are left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/provision/fixture.h"

/* Configured by an earlier run, which is all that is known of it. */
#define CONFIGURED DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=associated:1\n"
#define SPARE "card 12 CEX8P\nqueue 12.0001" KEY_A "\n"
#define ENTRY_CARD "- mode: EP11\n  mkvp: " MKVP_A "\n  serialnr: SERIAL1111111111\n  secretid: " ID_1 "\n"
#define WARNING_MKVP                                                                                                   \
	"warning: APQN 11.0001: left associated with secret index 1: it may serve an entry, but its master "          \
	"key is unknown\n"
#define WARNING_SERIALNR                                                                                               \
	"warning: APQN 11.0001: left associated with secret index 1: it may serve an entry, but the serial "           \
	"number of its card is unknown\n"

static void begin(struct fixture *fixture, const char *topology)
{
	new_machine(fixture, topology);
	fixture->sim->options.settled = true;
}

static void answer(struct fixture *fixture, const char *path, const char *text)
{
	sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_READ, path, SIM_TEXT, 0, text, 0, 0 });
}

static void assert_untouched(struct fixture *fixture)
{
	assert_string_equal(truth(fixture, 0x11, 1), "associated 1");
	assert_int_equal(sim_count(fixture->sim, MACHINE_WRITE, "*/11.0001/*"), 0);
}

static void test_unreadable(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, CONFIGURED);
	refuse(fixture, MACHINE_READ, "*/mkvps", -EIO);
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 0);
	assert_int_equal(fixture->plan.entries[0].reason, PLAN_NO_MKVP);
	assert_int_equal(fixture->plan.apqns[0].goal, PLAN_UNVERIFIED);
	assert_untouched(fixture);
	assert_log(fixture, WARNING_MKVP);
}

static void test_never_known(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, CONFIGURED);
	answer(fixture, "*/mkvps", "WK CUR: - -\nWK NEW: - -\n");
	run(fixture, ENTRY_A);
	assert_untouched(fixture);
	assert_log(fixture, WARNING_MKVP);
}

/* The entry is served by another queue, and that is no reason either to tear down the one that may serve it. */
static void test_another_serves_the_entry(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, CONFIGURED SPARE);
	refuse(fixture, MACHINE_READ, "*/11.0001/mkvps", -EIO);
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x12, 1), "associated 1");
	assert_untouched(fixture);
	assert_log(fixture, WARNING_MKVP);
}

/* An association of somebody else that never ends keeps the identities of its card from being read. */
static void test_out_of_time(void **state)
{
	struct fixture *fixture = *state;
	char index[] = "2";
	struct machine_call call = {
		.operation = MACHINE_WRITE, .data = index, .size = 2, .length = 1, .until_ms = MACHINE_FOREVER
	};

	begin(fixture, CONFIGURED "queue 11.0002" KEY_B " state=bound\nfault 11.0002 associate never\n");
	strcpy(call.path, "devices/ap/card11/11.0002/se_associate");
	assert_int_equal(machine_perform(&fixture->sim->machine, &call), 0);
	fixture->request.timeout_ms = 5000;
	run(fixture, ENTRY_A);
	assert_untouched(fixture);
	assert_log(fixture, "warning: APQN 11.0001: not identified before the end of the run (11.0002/se_associate)\n");
	assert_log(fixture, WARNING_MKVP);
	assert_true(fixture->took_ms <= 5000);
}

/* It takes so long that another queue is made ready meanwhile; but then it is known, and that one is spare. */
static void test_late(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, CONFIGURED "fault 11.0001 request slow=500ms\n" SPARE);
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_untouched(fixture);
	assert_string_equal(truth(fixture, 0x12, 1), "bindable");
	assert_null(strstr(fixture->log.text, "warning"));
}

static void test_no_serial_number(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, CONFIGURED);
	answer(fixture, "*/card11/serialnr", "\n");
	run(fixture, ENTRY_CARD);
	assert_int_equal(fixture->plan.satisfied, 0);
	assert_int_equal(fixture->plan.entries[0].reason, PLAN_SERIALNR);
	assert_untouched(fixture);
	assert_log(fixture, WARNING_SERIALNR);
	/* Nor is it given to an entry that any card would do for, while it may serve this one. */
	run(fixture, ENTRY_CARD "- mode: EP11\n  mkvp: " MKVP_A "\n  secretid: " ID_2 "\n");
	assert_int_equal(fixture->plan.satisfied, 0);
	assert_untouched(fixture);
	/* As it is, it serves an entry that asks for no serial number. */
	run(fixture, ENTRY_CARD ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_int_equal(fixture->plan.entries[1].apqn, 0);
	assert_null(strstr(fixture->log.text, "left associated"));
}

/* A queue that cannot be brought out of its reset keeps the serial number of the card from being read. */
static void begin_in_reset(struct fixture *fixture)
{
	begin(fixture, CONFIGURED "queue 11.0002" KEY_B " state=bound\n");
	refuse(fixture, MACHINE_READ, "*/11.0002/se_associate", -EIO);
	refuse(fixture, MACHINE_WRITE, "*/11.0002/se_bind", -EBUSY);
	fixture->request.timeout_ms = 5000;
}

static void test_serial_number_out_of_time(void **state)
{
	struct fixture *fixture = *state;

	begin_in_reset(fixture);
	run(fixture, ENTRY_CARD);
	assert_int_equal(fixture->plan.satisfied, 0);
	assert_untouched(fixture);
	assert_log(fixture, WARNING_SERIALNR);
	begin_in_reset(fixture);
	run(fixture, ENTRY_CARD ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_int_equal(fixture->plan.entries[1].apqn, 0);
	assert_untouched(fixture);
}

/* Associated with what no entry asks for: it serves none, whatever its master key is. */
static void test_wrong_secret(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=associated:2\n");
	refuse(fixture, MACHINE_READ, "*/mkvps", -EIO);
	run(fixture, ENTRY_A);
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
	assert_null(strstr(fixture->log.text, "left associated"));
}

static void test_no_entries_unbind_it(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, CONFIGURED);
	refuse(fixture, MACHINE_READ, "*/mkvps", -EIO);
	run(fixture, NULL);
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
}

static void test_dry_run(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, CONFIGURED);
	refuse(fixture, MACHINE_READ, "*/mkvps", -EIO);
	fixture->request.dry_run = true;
	run(fixture, ENTRY_A);
	assert_untouched(fixture);
	assert_log(fixture, WARNING_MKVP);
	assert_null(strstr(fixture->log.text, "unbind"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_unreadable),
		TEST(test_never_known),
		TEST(test_another_serves_the_entry),
		TEST(test_out_of_time),
		TEST(test_late),
		TEST(test_no_serial_number),
		TEST(test_serial_number_out_of_time),
		TEST(test_wrong_secret),
		TEST(test_no_entries_unbind_it),
		TEST(test_dry_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
