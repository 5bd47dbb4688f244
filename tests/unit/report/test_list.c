/* SPDX-License-Identifier: MIT */
/* --list on a simulated machine: the table, and why attributes are not read. Nothing is ever written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/between.h"
#include "unit/run_fixture.h"

#define ALL                                                                                                    \
	SMALL "queue 11.0002 mkvp=" MKVP_B PAD " state=associated:6\nqueue 11.0003 state=bound mkvp=none\n"   \
	      "card 12 CEX7C serialnr=SERIALNUMBER0012\nqueue 12.0001\n"                                      \
	      "card 13 CEX8P serialnr=SERIALNUMBER0013\n"                                                     \
	      "queue 13.0001 mkvp=bbbbbbbb" "aaaaaaaaaaaaaaaaaaaaaaaa" PAD " state=bound\n"

#define NAMED "- mode: EP11\n  mkvp: " MKVP_B "\n  secretid: " ID_B "\n"

static int setup_list(void **state)
{
	struct fixture *fixture;

	setup(state);
	fixture = *state;
	fixture->options.list = true;
	log_set_verbose(0);
	return 0;
}

static void test_table(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, ALL, NAMED);
	assert_true(run(fixture));
	check_log(fixture, "output: APQN     mode   type  serial number     MKVP          on   state    secret\n"
			   "output: 05.0001  Accel  CEX8  -                 -             yes  unbound  -\n"
			   "output: 05.0002  Accel  CEX8  -                 -             yes  bound    -\n"
			   "output: 11.0001  EP11   CEX8  ?                 ?             yes  unbound  -\n"
			   "output: 11.0002  EP11   CEX8  ?                 bbbbbbbbbb..  yes  bound    6\n"
			   "output: 11.0003  EP11   CEX8  ?                 none          yes  bound    none\n"
			   "output: 12.0001  CCA    CEX7  -                 -             yes  -        -\n"
			   "output: 13.0001  EP11   CEX8  SERIALNUMBER0013  bbbbbbbbaa..  yes  bound    none\n"
			   "output: ?  unknown: only a bound queue reveals its master key and serial number\n");
	assert_int_equal(sim_write_count(fixture->sim), 0);
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/11.0001/mkvps"), 0);
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*card12/serialnr"), 0);
}

/* Ten digits if two keys have the same first eight, on any two rows. */
static void test_similar_keys(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "card 11 CEX8P\nqueue 11.0001 state=bound mkvp=bbbbbbbb" "aaaaaaaaaaaaaaaaaaaaaaaa" PAD "\n"
		       "queue 11.0002 state=bound mkvp=" MKVP_A PAD "\nqueue 11.0003 state=bound mkvp=" MKVP_B PAD "\n", NAMED);
	assert_true(run(fixture));
	assert_non_null(strstr(fixture->log.text, "  bbbbbbbbaa..  "));
	assert_non_null(strstr(fixture->log.text, "  aaaaaaaaaa..  "));
	assert_non_null(strstr(fixture->log.text, "  bbbbbbbbbb..  "));
}

/* SHA-256 of "root volume". */
#define ID_ROOT "5313153e85406fb06ff6a2cc3795a6152e2fd07f3d12a99aedee2d7d386f12b0"

static void test_name(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "secret 6 id=" ID_ROOT "\ncard 11 CEX8P serialnr=SERIALNUMBER0011\n"
		       "queue 11.0002 mkvp=" MKVP_B PAD " state=associated:6\n",
	      "- mode: EP11\n  mkvp: " MKVP_A "\n  name: root volume\n");
	assert_true(run(fixture));
	check_log(fixture, "output: APQN     mode  type  serial number     MKVP        on   state  secret\n"
			   "output: 11.0002  EP11  CEX8  SERIALNUMBER0011  bbbbbbbb..  yes  bound  6 root volume\n");
	fixture->options.config_path = "/nonexistent.yaml";
	begin(fixture, ALL, NAMED);
	fixture->options.config_path = "/nonexistent.yaml";
	assert_false(run(fixture));
	assert_non_null(strstr(fixture->log.text, "error: cannot open configuration file /nonexistent.yaml: "));
	assert_non_null(strstr(fixture->log.text, "output: 11.0002  EP11 "));
	/* Without named entries the Ultravisor is not asked. */
	assert_int_equal(sim_count(fixture->sim, MACHINE_UV, "*"), 0);
}

static void test_no_secrets(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, ALL, NAMED);
	fixture->sim->options.uv_device_missing = true;
	assert_false(run(fixture));
	assert_non_null(strstr(fixture->log.text, "error: Ultravisor /dev/uv: "));
	assert_non_null(strstr(fixture->log.text, "output: 11.0002  EP11 "));
}

static void test_no_bus(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "guest ap=0\n", NAMED);
	assert_false(run(fixture));
	assert_non_null(strstr(fixture->log.text, "error: AP bus /sys/bus/ap/features: not found"));
	begin(fixture, "secret 5 id=" ID_A "\n", NAMED);
	assert_true(run(fixture));
	check_log(fixture, "output: there is no APQN\n");
}

static void test_no_se_guest(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "guest se=0\n" ALL, NAMED);
	assert_true(run(fixture));
	assert_non_null(strstr(fixture->log.text,
			       "warning: not a Secure Execution guest with AP pass-through (AP bus without APSB): "
			       "no queue can be bound\n"));
	assert_non_null(strstr(fixture->log.text, "output: 05.0001  Accel  CEX8  -              -     yes  -      -\n"));
	assert_non_null(strstr(fixture->log.text, "output: 11.0001  EP11   CEX8  ?              ?     yes  -      -\n"));
	assert_non_null(strstr(fixture->log.text, "output: ?  not read: not a Secure Execution guest\n"));
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/se_bind"), 0);
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/mkvps"), 0);
}

/* Resets and associations of the other run could make reads block in the kernel. */
static void test_another_run(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, ALL, NAMED);
	fixture->options.lock_path = fixture->path;
	assert_true(run(fixture));
	assert_non_null(strstr(fixture->log.text, "warning: another pvapconfig may be running ("));
	assert_non_null(strstr(fixture->log.text, "output: ?  not read: another pvapconfig may be running\n"));
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/mkvps"), 0);
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/serialnr"), 0);
}

/* It is then unknown whether all drivers are bound. */
static void test_bindings_unknown(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, ALL, NAMED);
	sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_READ, "bus/ap/bindings", SIM_FAIL, -EIO, NULL, 0, 0 });
	run(fixture);
	assert_non_null(strstr(fixture->log.text, "warning: AP bus /sys/bus/ap/bindings: Input/output error; the list "
						  "may be incomplete\n"));
	assert_non_null(strstr(fixture->log.text, "?  not read: drivers may not be bound\n"));
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/mkvps"), 0);
}

static void test_incomplete(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, ALL, NAMED);
	fixture->sim->options.settled = false;
	fixture->sim->options.driver_missing = true;
	run(fixture);
	assert_non_null(strstr(fixture->log.text, "not all drivers are bound"));
	assert_between(elapsed(fixture->sim), 0, 1 * S);
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/mkvps"), 0);
}

/* Association pending, reset in progress, or association lost by a kexec: no identity is read on this card. */
static void test_unsettled(void **state)
{
	static const char *const texts[] = { "association pending\n", "" };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < COUNT(texts); i++) {
		begin(fixture, ALL, NAMED);
		if (texts[i][0])
			sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_READ, "*/11.0002/se_associate",
									  SIM_TEXT, 0, texts[i], 0, 0 });
		else
			inject(fixture, MACHINE_READ, "*/11.0002/se_associate", SIM_FAIL, -EIO);
		assert_true(run(fixture));
		assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/card11/*mkvps"), 0);
		assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*card11/serialnr"), 0);
		assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/card13/*mkvps"), 1);
		assert_non_null(strstr(fixture->log.text, "a reset or association is in progress\n"));
		assert_between(elapsed(fixture->sim), 0, 1 * S);
	}
}

/* The driver's first reset: a limited wait. A queue that is unbound after it is not bound again. */
static void test_reset(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, ALL, NAMED);
	sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_READ, "*/13.0001/reset", SIM_TEXT, 0,
							  "Reset in progress.\n", 0, 0 });
	assert_true(run(fixture));
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/13.0001/mkvps"), 0);
	assert_between(elapsed(fixture->sim), 1 * S, 5 * S);
	begin(fixture, ALL, NAMED);
	sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_READ, "*/13.0001/se_bind", SIM_TEXT, 0, "unbound\n",
							  1, 0 });
	assert_true(run(fixture));
	assert_int_equal(sim_write_count(fixture->sim), 0);
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/13.0001/mkvps"), 0);
}

static void test_hanging_card(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, ALL, NAMED);
	inject(fixture, MACHINE_READ, "*/11.0002/mkvps", SIM_HANG, 0);
	assert_true(run(fixture));
	assert_between(elapsed(fixture->sim), 0, 5 * S);
	assert_non_null(strstr(fixture->log.text, "warning: card11: "));
	assert_non_null(strstr(fixture->log.text, "output: 13.0001  EP11   CEX8  SERIALNUMBER0013  bbbbbbbb"));
}

/* A card that cannot be listed does not count as absent. */
static void test_unlisted_card(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "card 11 CEX8P\nqueue 11.0002 state=bound\n", NAMED);
	inject(fixture, MACHINE_LIST, "devices/ap/card11", SIM_HANG, 0);
	assert_false(run(fixture));
	assert_non_null(strstr(fixture->log.text, "error: AP bus: 1 card could not be listed; the state of their APQNs is unknown\n"));
	assert_null(strstr(fixture->log.text, "there is no APQN"));
}

static void test_signal(void **state)
{
	struct fixture *fixture = *state;
	size_t total;

	begin(fixture, ALL, NAMED);
	assert_true(run(fixture));
	total = call_count(fixture);
	for (size_t calls = 0; calls < total; calls++) {
		begin(fixture, ALL, NAMED);
		sim_stop_after(fixture->sim, calls);
		run(fixture);
		assert_int_equal(sim_write_count(fixture->sim), 0);
	}
}

/* The schema of a run, without entries. */
static void test_json(void **state)
{
	struct fixture *fixture = *state;
	int saved = dup(STDOUT_FILENO), ends[2];
	static char printed[8192];

	begin(fixture, ALL, NAMED);
	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	assert_int_equal(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
	close(ends[1]);
	fixture->options.json = true;
	run(fixture);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	close(saved);
	printed[read(ends[0], printed, sizeof(printed) - 1)] = '\0';
	close(ends[0]);
	check_log(fixture, "");
	assert_non_null(strstr(printed, "\"command\": \"list\",\n  \"success\": true,\n"));
	assert_non_null(strstr(printed, "\"entries\": [],\n"));
	assert_non_null(strstr(printed, "\"mkvp\": \"0x" MKVP_B "\",\n      \"bind\": \"bound\",\n"
					"      \"association\": \"associated\",\n      \"secret_index\": 6,\n"));
}

#define LIST_TEST(name) cmocka_unit_test_setup_teardown(name, setup_list, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIST_TEST(test_table),      LIST_TEST(test_name),        LIST_TEST(test_no_secrets),
		LIST_TEST(test_no_bus),     LIST_TEST(test_no_se_guest), LIST_TEST(test_another_run),
		LIST_TEST(test_bindings_unknown),
		LIST_TEST(test_incomplete), LIST_TEST(test_unsettled),   LIST_TEST(test_reset),
		LIST_TEST(test_hanging_card), LIST_TEST(test_signal),    LIST_TEST(test_json),
		LIST_TEST(test_unlisted_card), LIST_TEST(test_similar_keys),
	};

	return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
