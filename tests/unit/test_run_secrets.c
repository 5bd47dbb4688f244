/* SPDX-License-Identifier: MIT */
/* Whole runs that add secrets before they list them, and that lock the store. */
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

static struct temp_root root;

/* An empty store, and a request for the entry's secret. */
static void begin_with_request(struct fixture *fixture, const char *topology)
{
	begin(fixture, topology, ENTRY_11);
	write_request(&root, "a.asrcb", 0x11, REQUEST_SIZE);
	fixture->options.secrets_path = root.path;
}

/* The numbers of the ioctls on /dev/uv, in their order. */
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

/* A run with a request in the directory. Fields that are not set are not checked, except those marked "always". */
struct secrets_row {
	struct row run; /* first, because it begins with the name */
	bool no_directory;
	unsigned int type;     /* 0: association secret */
	uint8_t id;            /* 0: the id in the entry, 0x11 */
	const char *further;   /* contents of another file, z.asrcb */
	const char *directory; /* instead of the one with the request */
	/* expected result */
	const char *uv_calls;
	size_t secrets; /* always: number of secrets in the store */
	bool is_locked; /* always */
};

static void check_secrets_row(void **state)
{
	struct fixture *fixture = *state;
	const struct secrets_row *row = (const void *)fixture->row;

	begin_row(fixture, &row->run);
	write_request_of(&root, "a.asrcb", row->type ? row->type : MODEL_ASSOCIATION_SECRET, row->id ? row->id : 0x11,
			 REQUEST_SIZE);
	if (row->further)
		temp_root_text(&root, "/z.asrcb", row->further);
	if (!row->no_directory)
		fixture->options.secrets_path = row->directory ? row->directory : root.path;
	finish_row(fixture, &row->run);
	if (row->uv_calls)
		assert_string_equal(uv_calls(fixture), row->uv_calls);
	assert_int_equal(fixture->sim->model.secret_count, row->secrets);
	assert_int_equal(fixture->sim->model.store_locked, row->is_locked);
}

#define BOOT .options = { .boot = true, .lock_secrets = true }
#define NO_SECRET "error: entry #1: the Ultravisor has no association secret "
#define FIRST "the configuration and all requests must be valid first\n"
#define NO_APSB                                                                                                        \
	"error: AP bus /sys/bus/ap/features: no APSB among 'APSC APXA QACT'; only a KVM guest in Secure Execution "     \
	"mode with AP pass-through has it\n"

/* On the command line, errors that can be detected in advance are reported before any irreversible step. */
#define CHECKED_FIRST(what, text, expected, ...)                                                                       \
	{ .run = { .name = what ", checked first", .topology = EMPTY_STORE, .yaml = text, .calls = { NO_WRITE },       \
		   .log = { expected, "warning: Ultravisor: no secret added: " FIRST } },                              \
	  .uv_calls = "", __VA_ARGS__ },                                                                               \
	{ .run = { .name = what ", checked before the lock", .topology = EMPTY_STORE, .yaml = text,                    \
		   .options.lock_secrets = true, .calls = { NO_WRITE },                                                \
		   .log = { expected, "warning: Ultravisor: no secret added, secret store not locked: " FIRST } },     \
	  .uv_calls = "", __VA_ARGS__ }

/* The host decides whether the guest has an AP bus or APSB. It must not decide about the guest's secrets. */
#define WITHOUT_BUS(what, machine, at_boot, error, text)                                                               \
	{ .run = { .name = what, .topology = machine, .yaml = ENTRY_11,                                                \
		   .options = { .lock_secrets = true, .boot = at_boot },                                               \
		   .injections = { { MACHINE_READ, "bus/ap/features", error ? SIM_FAIL : SIM_TEXT, error, text, 0, 0 } }, \
		   .log = { "error: AP bus /sys/bus/ap/features: " } },                                                \
	  .secrets = 1, .is_locked = true }

/* A single call that hangs, for a request or for the lock, leaves time for the queues. */
#define HANGS(what, at_boot, number, succeeds, count)                                                                  \
	{ .run = { .name = what, .topology = "secret 5 id=" ID_11 "\ncard 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD "\n", \
		   .yaml = ENTRY_11, .options = { .lock_secrets = true, .boot = at_boot, .timeout_ms = 4000 },         \
		   .injections = { { MACHINE_UV, "*", SIM_HANG, 0, NULL, number, 1 } }, .success = succeeds,           \
		   .queues = "11.0001 associated 5", .least_us = 1 * S, .most_us = 3 * S },                            \
	  .id = 0x22, .secrets = count, .is_locked = succeeds }

static const struct secrets_row rows[] = {
	{ .run = { .name = "no directory of requests given", .topology = EMPTY_STORE, .yaml = ENTRY_11 },
	  .no_directory = true, .uv_calls = "3" },
	/* The queues are configured, but the run fails. */
	{ .run = { .name = "the store cannot be locked",
		   .topology = "guest lock=0\n" EMPTY_STORE, .yaml = ENTRY_11, .options.lock_secrets = true,
		   .queues = "11.0001 associated 0",
		   .log = { "error: Ultravisor: secret store not locked: call not supported by this firmware (rc 0x0002, rrc 0x0000)\n" } },
	  .secrets = 1 },
	/* Errors in requests do not fail the run as long as the entries are satisfied. */
	{ .run = { .name = "the firmware cannot add secrets, and none has to be added",
		   .topology = "guest add=0\nsecret 7 id=" ID_11 "\n" EMPTY_STORE, .yaml = ENTRY_11, .success = true,
		   .queues = "11.0001 associated 7",
		   .log = { "a.asrcb: skipped, its secret is already present\n" } },
	  .secrets = 1 },
	{ .run = { .name = "the store is locked",
		   .topology = "guest locked=1\nsecret 7 id=" ID_B "\n" EMPTY_STORE, .yaml = ENTRY_11,
		   .log = { "the secret store is locked", NO_SECRET } },
	  .secrets = 1, .is_locked = true },
	/* Early boot: others may need the secrets, too. A store that was to be locked must not stay open. */
	{ .run = { .name = "early boot with an empty list", .topology = EMPTY_STORE, .yaml = "[]\n", BOOT,
		   .success = true },
	  .uv_calls = "324", .secrets = 1, .is_locked = true },
	{ .run = { .name = "early boot with a bad configuration", .topology = EMPTY_STORE, .yaml = "no configuration\n",
		   BOOT },
	  .uv_calls = "324", .secrets = 1, .is_locked = true },
	CHECKED_FIRST("a bad configuration", "- mode: EP12\n", "expected EP11 or Accel", .further = NULL),
	CHECKED_FIRST("no configuration", NULL, "error: cannot open configuration file", .further = NULL),
	CHECKED_FIRST("no directory", ENTRY_11, "error: cannot read directory of add-secret requests /nonexistent: ",
		      .directory = "/nonexistent"),
	CHECKED_FIRST("not a request", ENTRY_11, "z.asrcb: not an add-secret request", .further = "asrcbN"),
	CHECKED_FIRST("a truncated request", ENTRY_11, "z.asrcb: truncated", .further = "asrcbM"),
	WITHOUT_BUS("without an AP bus", "guest ap=0\n", false, -ENOENT, NULL),
	WITHOUT_BUS("early boot without an AP bus", "guest ap=0\n", true, -ENOENT, NULL),
	WITHOUT_BUS("without APSB", EMPTY_STORE, false, 0, "APSC APXA QACT\n"),
	WITHOUT_BUS("early boot without APSB", EMPTY_STORE, true, 0, "APSC APXA QACT\n"),
	/* It is unknown which calls the firmware supports, so they are tried. */
	{ .run = { .name = "the firmware cannot list secrets", .topology = "guest list=0\n" EMPTY_STORE, .yaml = ENTRY_11,
		   BOOT },
	  .uv_calls = "4", .is_locked = true },
	{ .run = { .name = "the supported calls cannot be read",
		   .topology = EMPTY_STORE, .yaml = ENTRY_11, BOOT,
		   .injections = { { MACHINE_READ, "firmware/uv/query/facilities", SIM_FAIL, -EIO, NULL, 0, 0 } } },
	  .uv_calls = "4", .is_locked = true },
	/* The only message of such a boot. */
	{ .run = { .name = "early boot of a guest without Secure Execution",
		   .topology = "guest se=0\n" EMPTY_STORE, .yaml = ENTRY_11, BOOT, .dialogue = NO_APSB },
	  .uv_calls = "" },
	{ .run = { .name = "a request that hangs leaves time for the lock",
		   .topology = EMPTY_STORE, .yaml = ENTRY_11,
		   .options = { .boot = true, .lock_secrets = true, .timeout_ms = 3000 },
		   .injections = { { MACHINE_UV, "*", SIM_HANG, 0, NULL, 1, 1 } },
		   .least_us = 1500 * MS, .most_us = 3 * S, .log = { "a.asrcb: no answer in time" } },
	  .is_locked = true },
	HANGS("a request hangs", false, 1, true, 1),
	HANGS("early boot: a request hangs", true, 1, true, 1),
	HANGS("the lock hangs", false, 2, false, 2),
	HANGS("early boot: the lock hangs", true, 2, false, 2),
	{ .run = { .name = "dry run",
		   .topology = EMPTY_STORE, .yaml = ENTRY_11,
		   .options = { .lock_secrets = true, .dry_run = true, .probe = true }, .success = true,
		   .log = { "notice: add-secret request ", "a.asrcb: would be submitted\n",
			    "notice: Ultravisor: would lock the secret store\n",
			    "dry run: 11.0001: bind and associate with a secret to be added for entry #1\n",
			    "output: 11.0001  EP11  CEX8  yes  unbound  -       associated +, for #1\n"
			    "output: +  a secret that an add-secret request would add\n",
			    "info: entry #1: would be served by APQN 11.0001 once its secret is added\n" } },
	  .uv_calls = "3" },
	{ .run = { .name = "dry run: a queue is already associated with another secret",
		   .topology = "secret 65535 id=" ID_B "\ncard 11 CEX8P\n"
			       "queue 11.0001 mkvp=" MKVP_A PAD " state=associated:65535\n",
		   .yaml = ENTRY_11, .options.dry_run = true, .success = true,
		   .log = { "output: 11.0001  EP11  CEX8  yes  bound  65535   associated +, for #1\n" } },
	  .secrets = 1 },
	{ .run = { .name = "dry run: a secret of another type cannot be used",
		   .topology = EMPTY_STORE, .yaml = ENTRY_11, .options.dry_run = true,
		   .log = { "a.asrcb: would be submitted\n",
			    "error: entry #1: the secret with the id 0x" ID_11
			    " is of type 3 and cannot be used for an association\n" } },
	  .type = 3 },
	/* Reported once. The lock is still tried if requested. */
	{ .run = { .name = "the store cannot be listed",
		   .topology = "guest list_rc=0005\n" EMPTY_STORE, .yaml = ENTRY_11, .options.lock_secrets = true,
		   .dialogue = "error: Ultravisor: cannot list the secrets: rc 0x0005, rrc 0x0000\n"
			       "info: Ultravisor: secret store locked\n" },
	  .uv_calls = "34", .is_locked = true },
};

static void test_added_then_used(void **state)
{
	struct fixture *fixture = *state;

	begin_with_request(fixture, EMPTY_STORE);
	assert_true(run(fixture));
	assert_string_equal(uv_calls(fixture), "323");
	assert_int_equal(state_of(fixture, 0x11, 1), MODEL_USABLE);
	assert_int_equal(fixture->sim->model.queues[0].association, 0);

	/* A second run, after a kexec: the secret is present, and only once. */
	sim_journal_clear(fixture->sim);
	assert_true(run(fixture));
	assert_string_equal(uv_calls(fixture), "33");
	assert_int_equal(fixture->sim->model.secret_count, 1);
}

/* A truncated list is reported only once, however often it is fetched. */
static void test_truncated_list(void **state)
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

static void test_locked_afterwards(void **state)
{
	struct fixture *fixture = *state;

	begin_with_request(fixture, EMPTY_STORE);
	fixture->options.lock_secrets = true;
	assert_true(run(fixture));
	assert_string_equal(uv_calls(fixture), "3243");
	assert_int_equal(state_of(fixture, 0x11, 1), MODEL_USABLE);
	assert_true(fixture->sim->model.store_locked);
	/* A second run: the store is already locked. */
	assert_true(run(fixture));
}

/* --- early boot ---------------------------------------------------------------------------------------------------- */

static struct fixture *booting;
static char became[64];

static bool boot_run_action(const struct options *options)
{
	if (options->lock_only) {
		strcat(became, "lock;");
		return false;
	}
	booting->options = *options;
	booting->options.report_path = booting->options.status_path = NULL;
	return run(booting);
}

static int boot_stop_action(enum boot_end end, unsigned int seconds)
{
	(void)seconds;
	(void)end;
	strcat(became, "stop;");
	return 0;
}

/* The store cannot be locked and the boot requires it: no volume is opened. */
static void test_not_lockable_and_required(void **state)
{
	static const struct boot_actions actions = { boot_run_action, boot_stop_action };
	char line[512];

	booting = *state;
	for (int lockable = 0; lockable < 2; lockable++) {
		begin_with_request(booting, lockable ? EMPTY_STORE : "guest lock=0\n" EMPTY_STORE);
		snprintf(line, sizeof(line), "rd.pvapconfig.lock_secrets rd.pvapconfig.required rd.pvapconfig.config=%s "
			 "rd.pvapconfig.secrets=%s", booting->path, root.path);
		temp_root_text(&root, "/proc/cmdline", line);
		temp_root_text(&root, "/etc/initrd-release", "");
		became[0] = '\0';
		boot_run(root.path, &actions);
		assert_string_equal(became, lockable ? "" : "lock;stop;");
		assert_int_equal(state_of(booting, 0x11, 1), MODEL_USABLE);
		assert_int_equal(booting->sim->model.store_locked, lockable);
	}
}

/* Early boot does this after a run that could not lock the store. */
static void test_lock_only(void **state)
{
	static const struct options options = { .lock_only = true, .timeout_ms = 2000 };
	struct fixture *fixture = *state;

	begin(fixture, EMPTY_STORE, "");
	assert_true(run_pvapconfig(&fixture->sim->machine, &options));
	assert_true(fixture->sim->model.store_locked);
	assert_string_equal(uv_calls(fixture), "4");
	begin(fixture, "guest se=0\n", "");
	assert_true(run_pvapconfig(&fixture->sim->machine, &options));
	assert_string_equal(uv_calls(fixture), "");
	check_log(fixture, "");
	begin(fixture, EMPTY_STORE, "");
	fixture->sim->options.uv_device_missing = true;
	assert_false(run_pvapconfig(&fixture->sim->machine, &options));
	check_log(fixture, "error: Ultravisor: cannot lock the secret store: No such file or directory\n");
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
		/* The entry as planned, the queue as it is now. */
		assert_non_null(strstr(text, "\"satisfied\": true,\n      \"apqn\": \"11.0001\","));
		assert_non_null(strstr(text, dry_run ? "\"bind\": \"unbound\"," : "\"bind\": \"bound\","));
		assert_non_null(strstr(text, "\"entry\": 1,"));
	}
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
	struct CMUnitTest tests[COUNT(rows) + 7] = {
		TEST(test_added_then_used),
		TEST(test_truncated_list),
		TEST(test_locked_afterwards),
		TEST(test_not_lockable_and_required),
		TEST(test_lock_only),
		TEST(test_dry_run_report),
		TEST(test_stopped),
	};

	add_rows(tests + 7, rows, COUNT(rows), sizeof(rows[0]), check_secrets_row, begin_root, end_root);
	return cmocka_run_group_tests_name("run_secrets", tests, NULL, NULL);
}
