/* SPDX-License-Identifier: MIT */
/* The check for a usable AP bus, and the wait for its drivers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/ap/inventory_fixture.h"
#include "unit/between.h"

#define FEATURES "bus/ap/features"
#define BINDINGS "bus/ap/bindings"

/* --- the bus ---------------------------------------------------------------------------------------- */

#define NO_APSB(features)                                                                                              \
	"error: AP bus /sys/" FEATURES ": no APSB among '" features                                                    \
	"'; only a KVM guest in Secure Execution mode with AP pass-through has it\n"

static void test_features(void **state)
{
	static const struct {
		const char *text; /* NULL: fails with `result` */
		int result;
		const char *log;
	} cases[] = {
		{ "APSC APXA QACT RC8A APSB\n", 0, "" },
		{ "APSB\n", 0, "" },
		{ "APSC APXA QACT RC8A\n", -EOPNOTSUPP, NO_APSB("APSC APXA QACT RC8A") },
		{ "-\n", -EOPNOTSUPP, NO_APSB("-") },
		{ "", -EOPNOTSUPP, NO_APSB("") },
		/* Not as a separate word. */
		{ "APSBX XAPSB\n", -EOPNOTSUPP, NO_APSB("APSBX XAPSB") },
		{ NULL, -EIO, "error: AP bus /sys/" FEATURES ": Input/output error\n" },
		{ NULL, -E2BIG, "error: AP bus /sys/" FEATURES ": too long\n" },
		{ NULL, -ENOENT,
		  "error: AP bus /sys/" FEATURES ": not found; this kernel has no AP support (module ap), or this "
		  "machine has no crypto adapters passed through\n" },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		new_machine(fixture, settled(ONE_QUEUE));
		if (cases[i].text)
			read_gives(fixture, FEATURES, cases[i].text);
		else
			read_fails(fixture, FEATURES, cases[i].result);
		assert_int_equal(inventory_check_bus(&fixture->sim->machine, MACHINE_FOREVER, NULL), cases[i].result);
		assert_log(fixture, cases[i].log);
	}
}

/* With the features that the model reports. */
static void test_unsuitable_guests(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, settled("guest ap=0\n"));
	assert_int_equal(inventory_check_bus(&fixture->sim->machine, MACHINE_FOREVER, NULL), -ENOENT);
	new_machine(fixture, settled("guest se=0\ncard 11 CEX8P\nqueue 11.0008\n"));
	assert_int_equal(inventory_check_bus(&fixture->sim->machine, MACHINE_FOREVER, NULL), -EOPNOTSUPP);
}

static void test_features_hang(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, settled(ONE_QUEUE));
	hang(fixture, MACHINE_READ, FEATURES);
	assert_int_equal(inventory_check_bus(&fixture->sim->machine, 3000, NULL), -ETIMEDOUT);
	assert_int_equal(sim_now_us(fixture->sim), 3 * S);
	assert_log(fixture, "error: AP bus /sys/bus/ap/features: no answer in time\n");
}

/* --- waiting for the drivers ------------------------------------------------------------------------ */

static void test_bindings_complete_at_once(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, settled(ONE_QUEUE));
	log_set_verbose(1);
	assert_int_equal(inventory_wait_bindings(&fixture->sim->machine, MACHINE_FOREVER), 0);
	assert_log(fixture, "info: AP bus: all drivers are bound: 1/1 (complete)\n");
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, BINDINGS), 1);
}

/* Noticed within 20 ms, without polling all the time. */
static void test_bindings_complete_late(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, sim_new(ONE_QUEUE));
	fixture->sim->options.bindings_us = 2 * S;
	assert_int_equal(inventory_wait_bindings(&fixture->sim->machine, MACHINE_FOREVER), 0);
	assert_between(elapsed(fixture->sim), 2 * S, 2 * S + 21 * MS);
	assert_between(sim_count(fixture->sim, MACHINE_READ, BINDINGS), 100, 120);
	assert_log(fixture, "");
}

#define NOT_COMPLETE(text)                                                                                             \
	"error: AP bus /sys/" BINDINGS ": still '" text "', not complete at the timeout; are the modules "     \
	"zcrypt and zcrypt_cex4 loaded? A longer wait: --timeout, at boot rd.pvapconfig.timeout\n"

static void test_bindings_never_complete(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, sim_new(ONE_QUEUE));
	fixture->sim->options.driver_missing = true;
	assert_int_equal(inventory_wait_bindings(&fixture->sim->machine, 1000 + 17000), -ETIMEDOUT);
	assert_between(elapsed(fixture->sim), 17 * S, 17 * S + 1 * MS);
	assert_log(fixture, "notice: waiting for the AP bus, 5 s; drivers bound: 0/1\n"
			    "notice: waiting for the AP bus, 10 s; drivers bound: 0/1\n"
			    "notice: waiting for the AP bus, 15 s; drivers bound: 0/1\n"
			    NOT_COMPLETE("0/1"));
}

/* The deadline has passed: nothing is read. */
static void test_bindings_without_time(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, settled(ONE_QUEUE));
	assert_int_equal(inventory_wait_bindings(&fixture->sim->machine, 1), -ETIMEDOUT);
	assert_log(fixture, NOT_COMPLETE("not read"));
}

static void test_bindings_hang(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, sim_new(ONE_QUEUE));
	fixture->sim->options.driver_missing = true;
	sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_READ, BINDINGS, SIM_HANG, 0, NULL, 3, 0 });
	assert_int_equal(inventory_wait_bindings(&fixture->sim->machine, 5000), -ETIMEDOUT);
	assert_int_equal(sim_now_us(fixture->sim), 5 * S);
	assert_log(fixture, NOT_COMPLETE("0/1"));
}

/* Any text that does not end in "(complete)" means that drivers are still missing. */
static void test_bindings_odd_texts(void **state)
{
	static const char *const texts[] = {
		"", "\n", "(complete)\n", "1/1 (complete\n", "1/1 (complete) or not\n", "complete\n",
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < COUNT(texts); i++) {
		new_machine(fixture, settled(ONE_QUEUE));
		read_gives(fixture, BINDINGS, texts[i]);
		assert_int_equal(inventory_wait_bindings(&fixture->sim->machine, 1100), -ETIMEDOUT);
	}
	new_machine(fixture, settled(ONE_QUEUE));
	read_fails(fixture, BINDINGS, -EIO);
	assert_int_equal(inventory_wait_bindings(&fixture->sim->machine, 5000), -EIO);
	assert_log(fixture, "error: AP bus /sys/bus/ap/bindings: Input/output error\n");
}

/* The caller reports the signal, once. */
static void test_signal(void **state)
{
	struct fixture *fixture = *state;

	for (size_t calls = 0; calls < 3; calls++) {
		new_machine(fixture, sim_new(ONE_QUEUE));
		fixture->sim->options.driver_missing = true;
		sim_stop_after(fixture->sim, calls);
		assert_int_equal(inventory_wait_bindings(&fixture->sim->machine, MACHINE_FOREVER), -EINTR);
		assert_int_equal(inventory_check_bus(&fixture->sim->machine, MACHINE_FOREVER, NULL), -EINTR);
		assert_log(fixture, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_features),
		TEST(test_unsuitable_guests),
		TEST(test_features_hang),
		TEST(test_bindings_complete_at_once),
		TEST(test_bindings_complete_late),
		TEST(test_bindings_never_complete),
		TEST(test_bindings_without_time),
		TEST(test_bindings_hang),
		TEST(test_bindings_odd_texts),
		TEST(test_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
