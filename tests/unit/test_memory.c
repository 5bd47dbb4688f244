/* SPDX-License-Identifier: MIT */
/*
 * Whole runs in which the first allocation fails, then the second, and so on, until no allocation is left. Each run
 * ends with a message about memory, and a run after it does the rest. The leak sanitizer detects leaks. Linked with
 * --wrap for all functions below, and with libyaml's archive, so that its allocations fail as well.
 */
#include <limits.h>
#include <search.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/machine.h"
#include "run_fixture.h"
#include "unit/between.h"
#include "unit/uv/secrets_directory.h"

#define ALLOCATIONS_MAX 10000 /* a run that needs more would not end */

#define ALL_KINDS_OF_ENTRIES "- &a {mode: &m Accel, name: fast}\n" ENTRY_A ENTRY_B "- *a\n- {mode: *m}\n"

static bool enabled, struck;
static unsigned int allocations_left;

static void fail_after(unsigned int allocations)
{
	allocations_left = allocations;
	struck = false;
	enabled = true;
}

/* True if this is the allocation that fails. */
static bool strikes(void)
{
	if (!enabled || struck || allocations_left-- > 0)
		return false;
	struck = true;
	return true;
}

#define WRAP(type, name, parameters, arguments)                                                                        \
	type __real_##name parameters;                                                                                 \
	type __wrap_##name parameters;                                                                                 \
	type __wrap_##name parameters                                                                                  \
	{                                                                                                              \
		return strikes() ? NULL : __real_##name arguments;                                                     \
	}

WRAP(void *, malloc, (size_t size), (size))
WRAP(void *, calloc, (size_t count, size_t size), (count, size))
WRAP(void *, realloc, (void *memory, size_t size), (memory, size))
WRAP(char *, strdup, (const char *text), (text))
WRAP(char *, strndup, (const char *text, size_t size), (text, size))

/* --- a machine whose own allocations never fail ------------------------------------------------------------------- */

static const struct machine_interface *sim_interface;

static int64_t quiet_now_ms(struct machine *machine)
{
	return sim_interface->now_ms(machine);
}

static int quiet_start(struct machine *machine, struct machine_call *call)
{
	bool before = enabled;
	int r;

	enabled = false;
	r = sim_interface->start(machine, call);
	enabled = before;
	return r;
}

static int quiet_wait(struct machine *machine, int64_t until_ms, struct machine_call **done)
{
	bool before = enabled;
	int r;

	enabled = false;
	r = sim_interface->wait(machine, until_ms, done);
	enabled = before;
	return r;
}

static const struct machine_interface quiet_interface = { quiet_now_ms, quiet_start, quiet_wait };

static void begin_quiet(struct fixture *fixture, const char *topology, const char *yaml)
{
	begin(fixture, topology, yaml);
	sim_interface = fixture->sim->machine.interface;
	fixture->sim->machine.interface = &quiet_interface;
}

/* --- runs --------------------------------------------------------------------------------------------------------- */

/* Runs with this allocation failing. Returns false if the run made fewer allocations. */
static bool fail_allocation(struct fixture *fixture, unsigned int number, bool *success)
{
	fail_after(number);
	*success = run(fixture);
	enabled = false;
	return struck;
}

static void check_all_allocations(struct fixture *fixture, const char *yaml, unsigned int at_least)
{
	unsigned int number;
	bool success;

	for (number = 0; number < ALLOCATIONS_MAX; number++) {
		begin_quiet(fixture, SMALL, yaml);
		if (!fail_allocation(fixture, number, &success))
			break;
		if (!strstr(fixture->log.text, success ? "warning: " : "error: ") || !strstr(fixture->log.text, "memory"))
			fail_msg("allocation %u fails, success %d, and this is said:\n%s", number, success,
				 fixture->log.text);
		/* Queues that were bound only to be identified are released. */
		assert_int_not_equal(state_of(fixture, 0x11, 1), MODEL_NO_SECURE_KEY);
		log_capture_begin(&fixture->log);
		assert_true(run(fixture));
	}
	assert_true(success);
	assert_between(number, at_least, ALLOCATIONS_MAX - 1);
}

static void test_configure(void **state)
{
	check_all_allocations(*state, ALL_KINDS_OF_ENTRIES, 100);
}

static void test_dry_run(void **state)
{
	struct fixture *fixture = *state;

	fixture->options.dry_run = true;
	check_all_allocations(fixture, ENTRY_ACCEL ENTRY_A, 50);
	fixture->options.probe = true;
	check_all_allocations(fixture, ENTRY_ACCEL ENTRY_A, 50);
}

static void test_secrets(void **state)
{
	struct fixture *fixture = *state;
	struct temp_root root;

	temp_root_begin(&root);
	write_request(&root, "a.asrcb", 0x11, REQUEST_SIZE);
	write_request(&root, "b.asrcb", 0x22, REQUEST_SIZE);
	fixture->options.secrets_path = root.path;
	fixture->options.lock_secrets = true;
	check_all_allocations(fixture, ENTRY_ACCEL, 20);
	temp_root_end(&root);
}

static void test_unbind(void **state)
{
	struct fixture *fixture = *state;

	fixture->options.unbind = true;
	check_all_allocations(fixture, ENTRY_ACCEL, 10);
}

static void test_report(void **state)
{
	struct fixture *fixture = *state;
	char path[64], status_path[64];

	snprintf(path, sizeof(path), "%s.json", fixture->path);
	snprintf(status_path, sizeof(status_path), "%s.txt", fixture->path);
	fixture->options.report_path = path;
	fixture->options.status_path = status_path;
	check_all_allocations(fixture, ENTRY_ACCEL, 10);
	unlink(path);
	unlink(status_path);
}

static void test_list(void **state)
{
	struct fixture *fixture = *state;

	fixture->options.list = true;
	check_all_allocations(fixture, ENTRY_A, 10);
}

static void test_machine(void **state)
{
	struct machine *machine = NULL;

	(void)state;
	fail_after(0);
	assert_int_equal(machine_linux_create("/", "/dev/null", &machine), -ENOMEM);
	enabled = false;
	assert_null(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_configure), TEST(test_dry_run), TEST(test_unbind),
		TEST(test_report),    TEST(test_machine), TEST(test_secrets), TEST(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
