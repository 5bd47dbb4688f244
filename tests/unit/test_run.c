/* SPDX-License-Identifier: MIT */
/* Whole runs, from the options to the exit status: every stage that fails, and what a run comes to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run_fixture.h"
#include "unit/between.h"

/* --- stages that fail, in their order --------------------------------------------------------------- */

static void test_no_bus(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "guest ap=0\n", "not even yaml: [");
	assert_false(run(fixture));
	check_log(fixture, "error: AP bus /sys/bus/ap/features: not found; this kernel has no AP support (module ap), "
			   "or this machine has no crypto adapters passed through\n");
	assert_int_equal(call_count(fixture), 1);
}

static void test_not_an_se_guest(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "guest se=0\ncard 05 CEX8A\nqueue 05.0001\n", ENTRY_ACCEL);
	assert_false(run(fixture));
	check_log(fixture, "error: AP bus /sys/bus/ap/features: no APSB among 'APSC APXA QACT'; only a KVM guest "
			   "in Secure Execution mode with AP pass-through has it\n");
	assert_int_equal(call_count(fixture), 1);
}

/* The Ultravisor comes before the configuration file, as in the manual. */
static void test_no_uv(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL, "not even yaml: [");
	fixture->sim->options.uv_missing = true;
	assert_false(run(fixture));
	check_log(fixture, "error: Ultravisor /sys/firmware/uv/prot_virt_guest: not found; this kernel or "
			   "machine does not support Secure Execution guests\n");
	begin(fixture, "guest list=0\n" SMALL, "not even yaml: [");
	assert_false(run(fixture));
	check_log(fixture, "error: Ultravisor /sys/firmware/uv/query/facilities: bit 30 is off: this firmware cannot "
			   "list secrets; the host needs a newer one\n");
}

static void test_no_config(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL, ENTRY_ACCEL);
	assert_int_equal(unlink(fixture->path), 0);
	assert_false(run(fixture));
	check_log(fixture, "error: cannot open configuration file FILE: No such file or directory\n");
	assert_int_equal(sim_count(fixture->sim, MACHINE_UV, "*"), 0);
	assert_int_equal(sim_count(fixture->sim, MACHINE_LIST, "*"), 0);
}

static void test_bad_config(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL, "- mode: Accel\n- mode: EP12\n");
	assert_false(run(fixture));
	assert_non_null(strstr(fixture->log.text, ":2:9: "));
	/* An empty file may be a truncated copy. */
	begin(fixture, SMALL, "");
	assert_false(run(fixture));
	assert_int_equal(strncmp(fixture->log.text, "error: ", 7), 0);
	assert_int_equal(sim_count(fixture->sim, MACHINE_UV, "*"), 0);
	assert_int_equal(sim_write_count(fixture->sim), 0);
}

static void test_empty_list(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL, "[]\n");
	assert_true(run(fixture));
	check_log(fixture, "notice: FILE: empty list, nothing to do\n");
	assert_int_equal(sim_count(fixture->sim, MACHINE_LIST, "*"), 0);
	assert_int_equal(sim_write_count(fixture->sim), 0);
}

static void test_no_secrets(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL, ENTRY_ACCEL);
	fixture->sim->options.uv_device_missing = true;
	assert_false(run(fixture));
	check_log(fixture, "error: Ultravisor /dev/uv: not found; load the kernel module uvdevice\n");
	begin(fixture, SMALL "guest list_rc=0005\n", ENTRY_ACCEL);
	assert_false(run(fixture));
	check_log(fixture, "error: Ultravisor: cannot list the secrets: rc 0x0005, rrc 0x0000\n");
	assert_int_equal(sim_write_count(fixture->sim), 0);
}

#define SECRETS "info: Ultravisor: secrets listed: 2, for association: 2\n"

static void test_drivers_never_come(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL, ENTRY_ACCEL);
	fixture->sim->options.settled = false;
	fixture->sim->options.driver_missing = true;
	fixture->options.timeout_ms = 7000;
	assert_false(run(fixture));
	check_log(fixture, SECRETS "notice: waiting for the AP bus, 5 s; drivers bound: 0/3\n"
				   "error: AP bus /sys/bus/ap/bindings: still '0/3', not complete at the "
				   "timeout; are the modules zcrypt and zcrypt_cex4 loaded? A longer wait: --timeout, at boot rd.pvapconfig.timeout\n");
	assert_between(elapsed(fixture->sim), 7 * S, 7 * S + 1 * MS);
}

static void test_no_listing(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL, ENTRY_ACCEL);
	inject(fixture, MACHINE_LIST, "devices/ap", SIM_FAIL, -EIO);
	assert_false(run(fixture));
	check_log(fixture, SECRETS "info: AP bus: all drivers are bound: 3/3 (complete)\n"
				   "error: AP bus /sys/devices/ap: Input/output error\n");
}

static void test_no_apqn(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "secret 5 id=" ID_A "\nsecret 6 id=" ID_B "\n", ENTRY_ACCEL);
	assert_false(run(fixture));
	check_log(fixture, SECRETS "info: AP bus: all drivers are bound: 0/0 (complete)\n"
				   "info: AP bus: 0 APQNs\n"
				   "error: AP bus: there is no APQN; the host passes no crypto queue through to "
				   "this guest\n");
	/* To unbind nothing is easy. */
	fixture->options.unbind = true;
	assert_true(run(fixture));
}

/* Both are candidates (decision 12), and the choice is the same in every run. */
static void test_duplicate_master_key(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL "queue 11.0002 mkvp=" MKVP_A PAD "\n", ENTRY_A);
	assert_true(run(fixture));
	assert_non_null(strstr(fixture->log.text, "warning: APQN 11.0001 and APQN 11.0002: same master key 0x" MKVP_A
						  " on one card; either can serve an entry\n"));
	assert_int_equal(state_of(fixture, 0x11, 1), MODEL_USABLE);
	assert_int_equal(state_of(fixture, 0x11, 2), MODEL_BINDABLE);
	sim_journal_clear(fixture->sim);
	assert_true(run(fixture));
	assert_int_equal(sim_write_count(fixture->sim), 0);
}

/* --- what a run comes to ---------------------------------------------------------------------------- */

static void test_success(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL, ENTRY_ACCEL ENTRY_A);
	assert_true(run(fixture));
	check_log(fixture, SECRETS "info: AP bus: all drivers are bound: 3/3 (complete)\n"
				   "info: AP bus: 3 APQNs\n"
				   "info: 11.0001: bind to read its master key\n"
				   "info: 11.0001: bound\n"
				   "info: 11.0001: master key 0x" MKVP_A "\n"
				   "info: 11.0001: associate with secret index 5 for entry #2\n"
				   "info: 11.0001: associated with secret index 5 after N ms\n"
				   "info: entry #1 'fast': is served by APQN 05.0002\n"
				   "info: entry #2: is served by APQN 11.0001\n"
				   "info: 2 of 2 entries are satisfied\n");
	assert_int_equal(state_of(fixture, 0x11, 1), MODEL_USABLE);
	/* The second run finds everything done. */
	sim_journal_clear(fixture->sim);
	assert_true(run(fixture));
	assert_int_equal(sim_write_count(fixture->sim), 0);
}

static void test_quiet_success(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL, ENTRY_ACCEL ENTRY_A);
	log_set_verbose(0);
	assert_true(run(fixture));
	check_log(fixture, "");
}

static void test_strict(void **state)
{
	struct fixture *fixture = *state;

	log_set_verbose(0);
	begin(fixture, SMALL, ENTRY_A ENTRY_B);
	assert_true(run(fixture));
	check_log(fixture, "warning: entry #2: no usable APQN has the master key 0x" MKVP_B "\n");
	begin(fixture, SMALL, ENTRY_A ENTRY_B);
	fixture->options.strict = true;
	assert_false(run(fixture));
	check_log(fixture, "error: entry #2: no usable APQN has the master key 0x" MKVP_B "\n"
			   "error: 1 of 2 entries satisfied, --strict requires all\n");
	/* What could be done was done. */
	assert_int_equal(state_of(fixture, 0x11, 1), MODEL_USABLE);
	begin(fixture, SMALL, ENTRY_A ENTRY_ACCEL);
	assert_true(run(fixture));
	check_log(fixture, "");
}

static void test_nothing_satisfied(void **state)
{
	struct fixture *fixture = *state;

	log_set_verbose(0);
	begin(fixture, SMALL, ENTRY_B);
	assert_false(run(fixture));
	check_log(fixture, "error: entry #1: no usable APQN has the master key 0x" MKVP_B "\n"
			   "error: entry #1: APQN 11.0001 would fit, but its master key is 0x" MKVP_A "\n"
			   "error: 0 of 1 entry satisfied, at least one is required\n");
	assert_int_equal(state_of(fixture, 0x05, 2), MODEL_BINDABLE);
	assert_int_equal(state_of(fixture, 0x11, 1), MODEL_BINDABLE);
}

static void test_dry_run(void **state)
{
	struct fixture *fixture = *state;

	fixture->options.dry_run = true;
	begin(fixture, SMALL, ENTRY_ACCEL ENTRY_A);
	assert_true(run(fixture));
	check_log(fixture, SECRETS "info: AP bus: all drivers are bound: 3/3 (complete)\n"
				   "info: AP bus: 3 APQNs\n"
				   "info: dry run: 11.0001: bind to read its master key; what follows depends on it "
				   "(--probe tells)\n"
				   "output: APQN     mode   type  on   state    secret  planned\n"
				   "output: 05.0001  Accel  CEX8  yes  unbound  -       unchanged\n"
				   "output: 05.0002  Accel  CEX8  yes  bound    -       unchanged, for #1 'fast'\n"
				   "output: 11.0001  EP11   CEX8  yes  unbound  -       ?\n"
				   "output: ?  depends on the master key, which only a bound queue reveals; see --probe\n"
				   "info: entry #1 'fast': would be served by APQN 05.0002\n"
				   "warning: entry #2: depends on the master keys of unbound queues; see "
				   "--probe\n"
				   "info: 1 of 2 entries would be satisfied\n");
	assert_int_equal(sim_write_count(fixture->sim), 0);
	begin(fixture, SMALL, ENTRY_ACCEL ENTRY_A);
	fixture->options.probe = true;
	fixture->options.strict = true;
	assert_true(run(fixture));
	assert_non_null(strstr(fixture->log.text, "info: 2 of 2 entries would be satisfied\n"));
	assert_int_equal(sim_count(fixture->sim, MACHINE_WRITE, "*/se_associate"), 0);
	assert_int_equal(state_of(fixture, 0x11, 1), MODEL_BINDABLE);
}

/* --- unbinding -------------------------------------------------------------------------------------- */

/* Needs neither configuration nor Ultravisor. */
static void test_unbind(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL "queue 11.0003 state=associated:6\n", "not even yaml: [");
	fixture->sim->options.uv_missing = true;
	fixture->options.unbind = true;
	assert_true(run(fixture));
	check_log(fixture, "info: AP bus: all drivers are bound: 4/4 (complete)\n"
			   "info: AP bus: 4 APQNs\n"
			   "info: 05.0002: unbind, it serves no entry\n"
			   "info: 11.0003: unbind, it serves no entry\n"
			   "info: 05.0002: unbound\n"
			   "info: 11.0003: unbound\n");
	assert_int_equal(state_of(fixture, 0x05, 2), MODEL_BINDABLE);
	assert_int_equal(state_of(fixture, 0x11, 3), MODEL_BINDABLE);
	assert_int_equal(sim_write_count(fixture->sim), 2);
}

static void test_unbind_without_effect(void **state)
{
	struct fixture *fixture = *state;

	log_set_verbose(0);
	begin(fixture, SMALL "card 06 CEX8A configured=0\nqueue 06.0001 state=bound\n", "");
	fixture->options.unbind = true;
	assert_false(run(fixture));
	check_log(fixture, "warning: APQN 06.0001: the unbind has no effect\n"
			   "error: APQN 06.0001: still bound, though it serves no entry\n");
	assert_int_equal(state_of(fixture, 0x05, 2), MODEL_BINDABLE);
}

static void test_unbind_dry_run(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL, "");
	fixture->options.unbind = true;
	fixture->options.dry_run = true;
	assert_true(run(fixture));
	check_log(fixture, "info: AP bus: all drivers are bound: 3/3 (complete)\n"
			   "info: AP bus: 3 APQNs\n"
			   "info: dry run: 05.0002: unbind, it serves no entry\n"
			   "output: APQN     mode   type  on   state    secret  planned\n"
			   "output: 05.0001  Accel  CEX8  yes  unbound  -       unchanged\n"
			   "output: 05.0002  Accel  CEX8  yes  bound    -       unbound\n"
			   "output: 11.0001  EP11   CEX8  yes  unbound  -       unchanged\n");
	assert_int_equal(sim_write_count(fixture->sim), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_bus),
		TEST(test_not_an_se_guest),
		TEST(test_no_uv),
		TEST(test_no_config),
		TEST(test_bad_config),
		TEST(test_empty_list),
		TEST(test_no_secrets),
		TEST(test_drivers_never_come),
		TEST(test_no_listing),
		TEST(test_no_apqn),
		TEST(test_duplicate_master_key),
		TEST(test_success),
		TEST(test_quiet_success),
		TEST(test_strict),
		TEST(test_nothing_satisfied),
		TEST(test_dry_run),
		TEST(test_unbind),
		TEST(test_unbind_without_effect),
		TEST(test_unbind_dry_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
