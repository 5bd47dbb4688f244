/* SPDX-License-Identifier: MIT */
/* Whole runs that add secrets before they look for them, and that lock the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot/boot.h"
#include "run_fixture.h"
#include "unit/between.h"
#include "unit/uv/secrets_directory.h"

#define ID_11 "1111111111111111111111111111111111111111111111111111111111111111"
#define ENTRY_11 "- mode: EP11\n  mkvp: " MKVP_A "\n  secretid: " ID_11 "\n"
#define EMPTY_STORE                                                                                                    \
	"delay bind=1ms reset=20ms associate=30ms request=2ms\ncard 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD "\n"

#define LISTED(count) "info: Ultravisor: secrets listed: " #count ", for association: " #count "\n"

static struct temp_root root;

/* An empty store, and a request for the secret that the entry names. */
static void begin_with_request(struct fixture *fixture, const char *topology)
{
	begin(fixture, topology, ENTRY_11);
	write_request(&root, "a.asrcb", 0x11, REQUEST_SIZE);
	fixture->options.secrets_path = root.path;
}

/* The numbers of the calls on /dev/uv, in their order. */
static const char *uv_calls(struct fixture *fixture)
{
	static char text[64];
	const struct sim_record *records;
	size_t count;

	text[0] = '\0';
	records = sim_journal(fixture->sim, &count);
	for (size_t i = 0; i < count; i++) {
		if (records[i].operation == MACHINE_UV)
			strcat(text, records[i].text);
	}
	return text;
}

#define assert_log(fixture, expected) assert_non_null(strstr((fixture)->log.text, expected))

static void test_added_then_used(void **state)
{
	struct fixture *fixture = *state;

	begin_with_request(fixture, EMPTY_STORE);
	assert_true(run(fixture));
	assert_string_equal(uv_calls(fixture), "323");
	assert_int_equal(state_of(fixture, 0x11, 1), MODEL_USABLE);
	assert_int_equal(fixture->sim->model.queues[0].association, 0);

	/* Once more, after a kexec: the store has it, and has it only once. */
	sim_journal_clear(fixture->sim);
	assert_true(run(fixture));
	assert_string_equal(uv_calls(fixture), "33");
	assert_int_equal(fixture->sim->model.secret_count, 1);
}

/* It is said once that a list is not complete, however often it is fetched. */
static void test_cut_list(void **state)
{
	struct fixture *fixture = *state;
	static char topology[100 * 100];
	const char *warning;
	size_t used = 0;

	for (size_t i = 0; i < 86; i++)
		used += (size_t)snprintf(topology + used, sizeof(topology) - used, "secret %zu id=" ID_B "\n", i);
	snprintf(topology + used, sizeof(topology) - used, "%s", EMPTY_STORE);
	begin_with_request(fixture, topology);
	fixture->sim->options.kernel = SIM_KERNEL_6_12;
	assert_false(run(fixture));
	assert_string_equal(uv_calls(fixture), "3333");
	warning = strstr(fixture->log.text, "warning: Ultravisor: only 85");
	assert_non_null(warning);
	assert_null(strstr(warning + 1, "warning: Ultravisor: only 85"));
	assert_log(fixture, "a.asrcb: skipped: the kernel lists only some of the secrets");
	assert_log(fixture, "error: entry #1: the Ultravisor has no association secret with the id 0x" ID_11
			    ", or this kernel does not list it; kernels newer than 6.12 list all\n");
}

/* Without the directory nothing is looked at twice. */
static void test_not_asked_for(void **state)
{
	struct fixture *fixture = *state;

	begin_with_request(fixture, EMPTY_STORE);
	fixture->options.secrets_path = NULL;
	assert_false(run(fixture));
	assert_string_equal(uv_calls(fixture), "3");
	assert_int_equal(fixture->sim->model.secret_count, 0);
	assert_false(fixture->sim->model.store_locked);
}

static void test_locked_afterwards(void **state)
{
	struct fixture *fixture = *state;

	begin_with_request(fixture, EMPTY_STORE);
	fixture->options.lock_secrets = true;
	assert_true(run(fixture));
	assert_string_equal(uv_calls(fixture), "3243");
	assert_int_equal(state_of(fixture, 0x11, 1), MODEL_USABLE);
	assert_true(fixture->sim->model.store_locked);
	/* Once more: locked already. */
	assert_true(run(fixture));
}

/* The queues are configured all the same, but the run has failed. */
static void test_not_lockable(void **state)
{
	struct fixture *fixture = *state;

	begin_with_request(fixture, "guest lock=0\n" EMPTY_STORE);
	fixture->options.lock_secrets = true;
	assert_false(run(fixture));
	assert_int_equal(state_of(fixture, 0x11, 1), MODEL_USABLE);
	assert_log(fixture, "error: Ultravisor: this firmware cannot lock the secret store\n");
}

/* What is wrong with requests is no failure as long as the entries are satisfied. */
static void test_not_addable(void **state)
{
	struct fixture *fixture = *state;

	begin_with_request(fixture, "guest add=0\nsecret 7 id=" ID_11 "\n" EMPTY_STORE);
	assert_true(run(fixture));
	assert_log(fixture, "warning: Ultravisor: this firmware cannot add secrets; all add-secret requests are skipped\n");
	begin_with_request(fixture, "guest locked=1\nsecret 7 id=" ID_B "\n" EMPTY_STORE);
	assert_false(run(fixture));
	assert_log(fixture, "the secret store is locked");
	assert_log(fixture, "error: entry #1: the Ultravisor has no association secret ");
}

/* Early boot: the secrets are not only for us, and a store that was to be locked does not stay open. */
static void test_boot_whatever_the_configuration_is(void **state)
{
	static const char *const configurations[] = { "[]\n", "no configuration\n" };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < COUNT(configurations); i++) {
		begin_with_request(fixture, EMPTY_STORE);
		begin(fixture, EMPTY_STORE, configurations[i]);
		fixture->options.boot = fixture->options.lock_secrets = true;
		assert_int_equal(run(fixture), i == 0);
		assert_string_equal(uv_calls(fixture), "324");
		assert_int_equal(fixture->sim->model.secret_count, 1);
	}
}

/* On the command line a mistake that can be seen beforehand is told before anything that cannot be undone. */
static void test_checked_first(void **state)
{
	static const struct {
		const char *yaml, *directory, *request, *error;
	} cases[] = {
		{ "- mode: EP12\n", NULL, NULL, "expected EP11 or Accel" },
		{ NULL, NULL, NULL, "error: cannot open configuration file" },
		{ ENTRY_11, "/nonexistent", NULL, "error: cannot read directory of add-secret requests /nonexistent: " },
		{ ENTRY_11, NULL, "asrcbN", "z.asrcb: not an add-secret request" },
		{ ENTRY_11, NULL, "asrcbM", "z.asrcb: truncated" },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		bool lock = i % 2;

		temp_root_end(&root);
		temp_root_begin(&root);
		begin_with_request(fixture, EMPTY_STORE);
		begin(fixture, EMPTY_STORE, cases[i / 2].yaml ? cases[i / 2].yaml : "");
		if (!cases[i / 2].yaml)
			unlink(fixture->path);
		if (cases[i / 2].directory)
			fixture->options.secrets_path = cases[i / 2].directory;
		if (cases[i / 2].request)
			temp_root_text(&root, "/z.asrcb", cases[i / 2].request);
		fixture->options.lock_secrets = lock;
		assert_false(run(fixture));
		assert_log(fixture, cases[i / 2].error);
		assert_log(fixture, lock ? "warning: Ultravisor: no secret added, secret store not locked: the configuration and "
					   "all requests must be valid first\n" :
					   "warning: Ultravisor: no secret added: the configuration and all requests must be valid "
					   "first\n");
		assert_string_equal(uv_calls(fixture), "");
		assert_int_equal(sim_write_count(fixture->sim), 0);
	}
}

/* Whether there is an AP bus, or APSB, is the decision of the host, who is not asked about our secrets. */
static void test_without_bus(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < 4; i++) {
		begin_with_request(fixture, i / 2 ? EMPTY_STORE : "guest ap=0\n");
		sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_READ, "bus/ap/features", i / 2 ? SIM_TEXT : SIM_FAIL,
								   -ENOENT, "APSC APXA QACT\n", 0, 0 });
		fixture->options.boot = i % 2;
		fixture->options.lock_secrets = true;
		assert_false(run(fixture));
		assert_log(fixture, "error: AP bus /sys/bus/ap/features: ");
		assert_int_equal(fixture->sim->model.secret_count, 1);
		assert_true(fixture->sim->model.store_locked);
	}
}

/* Nobody can tell what the firmware is able to do: it is asked. */
static void test_facilities_not_known(void **state)
{
	struct fixture *fixture = *state;

	for (int list = 0; list < 2; list++) {
		begin_with_request(fixture, list ? EMPTY_STORE : "guest list=0\n" EMPTY_STORE);
		if (list)
			inject(fixture, MACHINE_READ, "firmware/uv/query/facilities", SIM_FAIL, -EIO);
		fixture->options.boot = fixture->options.lock_secrets = true;
		assert_false(run(fixture));
		assert_string_equal(uv_calls(fixture), "4");
		assert_true(fixture->sim->model.store_locked);
	}
}

/* Not a Secure Execution guest: the one line that such a boot has anyway. */
static void test_no_store(void **state)
{
	struct fixture *fixture = *state;

	begin_with_request(fixture, "guest se=0\n" EMPTY_STORE);
	fixture->options.boot = fixture->options.lock_secrets = true;
	assert_false(run(fixture));
	check_log(fixture, "error: AP bus /sys/bus/ap/features: no APSB among 'APSC APXA QACT'; only a KVM guest "
			   "in Secure Execution mode with AP pass-through has it\n");
	assert_string_equal(uv_calls(fixture), "");
}

/* Requests that use up the time of the run leave some for the lock. */
static void test_time_left_for_the_lock(void **state)
{
	struct fixture *fixture = *state;

	begin_with_request(fixture, EMPTY_STORE);
	sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_UV, "*", SIM_HANG, 0, NULL, 1, 1 });
	fixture->options.boot = fixture->options.lock_secrets = true;
	fixture->options.timeout_ms = 3000;
	assert_false(run(fixture));
	assert_log(fixture, "a.asrcb: no answer in time");
	assert_true(fixture->sim->model.store_locked);
	assert_between(elapsed(fixture->sim), 1500 * MS, 3 * S);
}

/* One call that hangs, for a request or for the lock, leaves time for the queues. */
static void test_time_left_for_the_queues(void **state)
{
	static const char store[] = "secret 5 id=" ID_11 "\ncard 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD "\n";
	struct fixture *fixture = *state;

	for (unsigned int i = 0; i < 4; i++) {
		begin_with_request(fixture, store);
		write_request(&root, "a.asrcb", 0x22, REQUEST_SIZE);
		fixture->options.boot = i % 2;
		fixture->options.lock_secrets = true;
		fixture->options.timeout_ms = 4000;
		sim_inject(fixture->sim,
			   &(struct sim_injection){ MACHINE_UV, "*", SIM_HANG, 0, NULL, 1 + i / 2, 1 });
		assert_int_equal(run(fixture), i / 2 == 0);
		assert_int_equal(state_of(fixture, 0x11, 1), MODEL_USABLE);
		assert_between(elapsed(fixture->sim), 1 * S, 3 * S);
	}
}

/* --- with what becomes of the boot --------------------------------------------------------------------------------- */

static struct fixture *booting;
static char became[64];

static bool boot_run_action(const struct options *options)
{
	booting->options = *options;
	booting->options.report_path = booting->options.status_path = NULL;
	return run(booting);
}

static void boot_lock_action(void)
{
	strcat(became, "lock;");
}

static void boot_pause_action(unsigned int seconds)
{
	(void)seconds;
}

static bool boot_is_initramfs(void)
{
	return true;
}

static int boot_stop_action(enum boot_end end)
{
	(void)end;
	strcat(became, "stop;");
	return 0;
}

/* A store that stays open although it was to be locked, and a boot that must not go on without: nothing is opened. */
static void test_not_lockable_and_required(void **state)
{
	static const struct boot_actions actions = { boot_run_action, boot_lock_action, boot_pause_action, boot_is_initramfs,
						     boot_stop_action };
	char line[512];

	booting = *state;
	for (int lockable = 0; lockable < 2; lockable++) {
		begin_with_request(booting, lockable ? EMPTY_STORE : "guest lock=0\n" EMPTY_STORE);
		snprintf(line, sizeof(line), "rd.pvapconfig.lock_secrets rd.pvapconfig.required rd.pvapconfig.config=%s "
			 "rd.pvapconfig.secrets=%s", booting->path, root.path);
		temp_root_text(&root, "/proc/cmdline", line);
		became[0] = '\0';
		boot_run(root.path, &actions);
		assert_string_equal(became, lockable ? "" : "lock;stop;");
		assert_int_equal(state_of(booting, 0x11, 1), MODEL_USABLE);
		assert_int_equal(booting->sim->model.store_locked, lockable);
	}
}

/* What early boot does after a run that could not lock the store. */
static void test_lock_only(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, EMPTY_STORE, "");
	assert_true(run_lock_secrets(&fixture->sim->machine));
	assert_true(fixture->sim->model.store_locked);
	assert_string_equal(uv_calls(fixture), "4");
	begin(fixture, "guest se=0\n", "");
	assert_true(run_lock_secrets(&fixture->sim->machine));
	assert_string_equal(uv_calls(fixture), "");
	check_log(fixture, "");
	begin(fixture, EMPTY_STORE, "");
	fixture->sim->options.uv_device_missing = true;
	assert_false(run_lock_secrets(&fixture->sim->machine));
	check_log(fixture, "error: Ultravisor: cannot lock the secret store: No such file or directory\n");
}

static void test_dry_run(void **state)
{
	struct fixture *fixture = *state;

	begin_with_request(fixture, EMPTY_STORE);
	fixture->options.lock_secrets = fixture->options.dry_run = fixture->options.probe = true;
	assert_true(run(fixture));
	assert_string_equal(uv_calls(fixture), "3");
	assert_log(fixture, "notice: add-secret request ");
	assert_log(fixture, "a.asrcb: would be submitted\n");
	assert_log(fixture, "notice: Ultravisor: would lock the secret store\n");
	assert_log(fixture, "dry run: 11.0001: bind and associate with a secret to be added for entry #1\n");
	assert_log(fixture, "output: 11.0001  EP11  CEX8  yes  unbound  -       associated +, for #1\n"
			    "output: +  a secret that an add-secret request would add\n");
	assert_log(fixture, "info: entry #1: would be served by APQN 11.0001 once its secret is added\n");
	assert_int_equal(fixture->sim->model.secret_count, 0);
}

static void test_dry_run_report(void **state)
{
	struct fixture *fixture = *state;
	char path[256], text[4096] = "";
	FILE *file;

	temp_root_path(&root, "/report.json", path);
	for (int dry_run = 0; dry_run < 2; dry_run++) {
		begin_with_request(fixture, EMPTY_STORE);
		fixture->options.report_path = path;
		fixture->options.dry_run = fixture->options.probe = dry_run;
		assert_true(run(fixture));
		file = fopen(path, "r");
		assert_non_null(file);
		text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
		assert_int_equal(fclose(file), 0);
		assert_non_null(strstr(text, dry_run ? "\"needs_request\": true," : "\"needs_request\": false,"));
		/* The entry as planned, the queue as it is. */
		assert_non_null(strstr(text, "\"satisfied\": true,\n      \"apqn\": \"11.0001\","));
		assert_non_null(strstr(text, dry_run ? "\"bind\": \"unbound\"," : "\"bind\": \"bound\","));
		assert_non_null(strstr(text, "\"entry\": 1,"));
	}
}

/* What is associated already is associated with another secret. */
static void test_dry_run_over_another(void **state)
{
	struct fixture *fixture = *state;

	begin_with_request(fixture, "secret 65535 id=" ID_B "\ncard 11 CEX8P\n"
				    "queue 11.0001 mkvp=" MKVP_A PAD " state=associated:65535\n");
	fixture->options.dry_run = true;
	assert_true(run(fixture));
	assert_log(fixture, "output: 11.0001  EP11  CEX8  yes  bound  65535   associated +, for #1\n");
}

/* A secret of another type is no help, nor is a request that is not submitted. */
static void test_dry_run_for_nothing(void **state)
{
	struct fixture *fixture = *state;

	begin_with_request(fixture, EMPTY_STORE);
	write_request_of(&root, "a.asrcb", 3, 0x11, REQUEST_SIZE);
	fixture->options.dry_run = true;
	assert_false(run(fixture));
	assert_log(fixture, "a.asrcb: would be submitted\n");
	assert_log(fixture, "error: entry #1: the secret with the id 0x" ID_11
			    " is of type 3 and cannot be used for an association\n");
	begin_with_request(fixture, "guest add=0\n" EMPTY_STORE);
	assert_false(run(fixture));
	assert_log(fixture, "error: entry #1: the Ultravisor has no association secret ");
}

/* A store that cannot be listed is said once; a lock that was asked for is still tried. */
static void test_not_listed(void **state)
{
	struct fixture *fixture = *state;

	begin_with_request(fixture, "guest list_rc=0005\n" EMPTY_STORE);
	fixture->options.lock_secrets = true;
	assert_false(run(fixture));
	assert_string_equal(uv_calls(fixture), "34");
	check_log(fixture, "error: Ultravisor: cannot list the secrets: rc 0x0005, rrc 0x0000\n"
			   "info: Ultravisor: secret store locked\n");
}

static void test_stopped(void **state)
{
	struct fixture *fixture = *state;

	for (size_t calls = 4; calls < 7; calls++) {
		begin_with_request(fixture, EMPTY_STORE);
		fixture->options.lock_secrets = true;
		sim_stop_after(fixture->sim, calls);
		assert_false(run(fixture));
		assert_log(fixture, STOPPED);
		assert_null(strstr(fixture->log.text, "warning: "));
	}
}

static int begin_root(void **state)
{
	temp_root_begin(&root);
	return setup(state);
}

static int end_root(void **state)
{
	temp_root_end(&root);
	return teardown(state);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin_root, end_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_added_then_used), TEST(test_not_asked_for), TEST(test_cut_list),
		TEST(test_locked_afterwards), TEST(test_not_lockable),
		TEST(test_not_addable), TEST(test_boot_whatever_the_configuration_is), TEST(test_checked_first), TEST(test_without_bus),
		TEST(test_facilities_not_known), TEST(test_no_store), TEST(test_time_left_for_the_lock),
		TEST(test_time_left_for_the_queues), TEST(test_not_lockable_and_required), TEST(test_lock_only),
		TEST(test_dry_run), TEST(test_dry_run_report), TEST(test_dry_run_over_another), TEST(test_dry_run_for_nothing), TEST(test_not_listed),
		TEST(test_stopped),
	};

	return cmocka_run_group_tests_name("run_secrets", tests, NULL, NULL);
}
