/* SPDX-License-Identifier: MIT */

/* The JSON reports of whole runs on a simulated machine, as later stages of the boot read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "unit/run_fixture.h"

#define REPORT_SIZE 8192

static char report[REPORT_SIZE];

/* Checks the duration in the report, and replaces it with N. */
static bool run_with_report(struct fixture *fixture)
{
	int64_t start_ms = machine_now_ms(&fixture->sim->machine);
	char path[64], *duration;
	FILE *file;
	bool success;

	snprintf(path, sizeof(path), "%s.json", fixture->path);
	fixture->options.report_path = path;
	success = run(fixture);
	file = fopen(path, "r");
	assert_non_null(file);
	report[fread(report, 1, sizeof(report) - 1, file)] = '\0';
	fclose(file);
	unlink(path);
	while ((duration = strstr(report, fixture->path)))
		replace(duration, strlen(fixture->path), "FILE");
	duration = strstr(report, "\"duration_ms\": ");
	assert_non_null(duration);
	duration += strlen("\"duration_ms\": ");
	assert_int_equal(strtoll(duration, NULL, 10), machine_now_ms(&fixture->sim->machine) - start_ms);
	replace(duration, strspn(duration, "0123456789"), "N");
	return success;
}

#define HEAD(success, status, error)                                                                                   \
	"{\n  \"version\": 1,\n  \"program\": \"pvapconfig " PVAPCONFIG_VERSION "\",\n  \"command\": \"configure\",\n  \"success\": " success           \
	",\n  \"exit_status\": " status ",\n  \"error\": " error                                                         \
	",\n  \"duration_ms\": N,\n  \"config\": \"FILE\",\n  \"strict\": false,\n  \"dry_run\": false,\n"

static void test_success(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL, ENTRY_ACCEL ENTRY_A ENTRY_B);
	assert_true(run_with_report(fixture));
	assert_string_equal(
		report,
		HEAD("true", "0", "null")
		"  \"entries\": [\n"
		"    {\n      \"number\": 1,\n      \"name\": \"fast\",\n      \"mode\": \"Accel\",\n      \"mingen\": null,\n"
		"      \"mkvp\": null,\n      \"serialnr\": null,\n      \"secretid\": null,\n      \"needs_request\": false,\n"
		"      \"satisfied\": true,\n      \"apqn\": \"05.0002\",\n      \"reason\": null,\n      \"misses\": []\n    },\n"
		"    {\n      \"number\": 2,\n      \"name\": null,\n      \"mode\": \"EP11\",\n      \"mingen\": null,\n"
		"      \"mkvp\": \"0x" MKVP_A "\",\n      \"serialnr\": null,\n      \"secretid\": \"0x" ID_A "\",\n      \"needs_request\": false,\n"
		"      \"satisfied\": true,\n      \"apqn\": \"11.0001\",\n      \"reason\": null,\n      \"misses\": []\n    },\n"
		"    {\n      \"number\": 3,\n      \"name\": null,\n      \"mode\": \"EP11\",\n      \"mingen\": null,\n"
		"      \"mkvp\": \"0x" MKVP_B "\",\n      \"serialnr\": null,\n      \"secretid\": \"0x" ID_B "\",\n      \"needs_request\": false,\n"
		"      \"satisfied\": false,\n      \"apqn\": null,\n"
		"      \"reason\": \"no usable APQN has the master key 0x" MKVP_B "\",\n      \"misses\": []\n    }\n  ],\n"
		"  \"apqns\": [\n"
		"    {\n      \"apqn\": \"05.0001\",\n      \"mode\": \"Accel\",\n      \"generation\": \"CEX8\",\n"
		"      \"online\": true,\n      \"serialnr\": null,\n      \"mkvp\": null,\n"
		"      \"bind\": \"unbound\",\n      \"association\": null,\n      \"secret_index\": null,\n      \"secret_name\": null,\n"
		"      \"entry\": null,\n      \"failure\": null\n    },\n"
		"    {\n      \"apqn\": \"05.0002\",\n      \"mode\": \"Accel\",\n      \"generation\": \"CEX8\",\n"
		"      \"online\": true,\n      \"serialnr\": null,\n      \"mkvp\": null,\n"
		"      \"bind\": \"bound\",\n      \"association\": null,\n      \"secret_index\": null,\n      \"secret_name\": null,\n"
		"      \"entry\": 1,\n      \"failure\": null\n    },\n"
		"    {\n      \"apqn\": \"11.0001\",\n      \"mode\": \"EP11\",\n      \"generation\": \"CEX8\",\n"
		"      \"online\": true,\n      \"serialnr\": null,\n      \"mkvp\": \"0x" MKVP_A "\",\n"
		"      \"bind\": \"bound\",\n      \"association\": \"associated\",\n      \"secret_index\": 5,\n      \"secret_name\": null,\n"
		"      \"entry\": 2,\n      \"failure\": null\n    }\n  ]\n}\n");
}

/* An attribute that cannot be read is null, not its most likely value. */
static void test_unread(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL, ENTRY_ACCEL);
	inject(fixture, MACHINE_READ, "*/05.0001/online", SIM_FAIL, -EIO);
	inject(fixture, MACHINE_READ, "*/card11/type", SIM_FAIL, -EIO);
	assert_true(run_with_report(fixture));
	assert_non_null(strstr(report, "\"apqn\": \"05.0001\",\n      \"mode\": \"Accel\",\n      \"generation\": \"CEX8\",\n"
				       "      \"online\": null,\n"));
	assert_non_null(strstr(report, "\"apqn\": \"05.0002\",\n      \"mode\": \"Accel\",\n      \"generation\": \"CEX8\",\n"
				       "      \"online\": true,\n"));
	assert_non_null(strstr(report, "\"apqn\": \"11.0001\",\n      \"mode\": null,\n      \"generation\": null,\n"));
}

/* A run that fails early still reports the reason. */
static void test_early_failure(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "guest ap=0\n", ENTRY_ACCEL);
	assert_false(run_with_report(fixture));
	assert_string_equal(report, HEAD("false", "1",
					 "\"AP bus /sys/bus/ap/features: not found; this kernel has no AP support "
					 "(module ap), or this machine has no crypto adapters passed through\"")
				    "  \"entries\": [],\n  \"apqns\": []\n}\n");
}

/* The configuration is known, but there is no plan. */
static void test_no_plan(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL "guest list_rc=0005\n", ENTRY_ACCEL);
	assert_false(run_with_report(fixture));
	assert_non_null(strstr(report, "\"satisfied\": false,\n      \"apqn\": null,\n      \"reason\": null,\n      \"misses\": []\n"));
	assert_non_null(strstr(report, "\"apqns\": []\n"));
}

/* --json prints the same text as the report file. Names may contain special characters. */
static void test_standard_output(void **state)
{
	struct fixture *fixture = *state;
	static char printed[REPORT_SIZE];
	int saved = dup(STDOUT_FILENO), ends[2];
	char *duration;

	begin(fixture, SMALL "secret 7 id=6867941a35f757e4350cd31c941f1a92b60224934b6ef24716c93973a42bda32\n",
	      "- mode: EP11\n  mkvp: " MKVP_A "\n  name: \"a\\\"b\\\\\"\n");
	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	assert_int_equal(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
	close(ends[1]);
	fixture->options.json = true;
	run_with_report(fixture);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	close(saved);
	printed[read(ends[0], printed, sizeof(printed) - 1)] = '\0';
	close(ends[0]);
	while ((duration = strstr(printed, fixture->path)))
		replace(duration, strlen(fixture->path), "FILE");
	duration = strstr(printed, "\"duration_ms\": ") + strlen("\"duration_ms\": ");
	replace(duration, strspn(duration, "0123456789"), "N");
	assert_string_equal(printed, report);
	assert_non_null(strstr(printed, "\"secret_name\": \"a\\\"b\\\\\",\n"));
}

/* The run succeeds: main.c decides whether lost output is an error. */
static void test_output_closed(void **state)
{
	struct fixture *fixture = *state;
	int saved = dup(STDOUT_FILENO);

	begin(fixture, SMALL, ENTRY_ACCEL);
	fixture->options.json = true;
	fflush(NULL);
	close(STDOUT_FILENO);
	assert_true(run(fixture));
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	close(saved);
	assert_int_equal(log_output_error(), -EBADF);
}

/* A report that cannot be written does not fail the run. */
static void test_not_writable(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL, ENTRY_ACCEL);
	fixture->options.report_path = "/nonexistent/report.json";
	assert_true(run(fixture));
	assert_non_null(strstr(fixture->log.text, "warning: cannot write report /nonexistent/report.json: "
						  "No such file or directory\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_success),
		TEST(test_unread),
		TEST(test_early_failure),
		TEST(test_no_plan),
		TEST(test_standard_output),
		TEST(test_output_closed),
		TEST(test_not_writable),
	};

	return cmocka_run_group_tests_name("report_json", tests, NULL, NULL);
}
