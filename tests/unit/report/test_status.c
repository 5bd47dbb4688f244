/* SPDX-License-Identifier: MIT */
/* --status: the text that a run leaves, and how it is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <unistd.h>

#include "report/report.h"
#include "unit/run_fixture.h"

#define PATH_OF(fixture, path) snprintf(path, sizeof(path), "%s.txt", (fixture)->path)

/* A run that leaves its report, and then --status. */
static void show_run(struct fixture *fixture, bool expected)
{
	char path[64];
	char *place;
	bool success = !expected;

	PATH_OF(fixture, path);
	fixture->options.status_path = path;
	fixture->options.report_path = "/dev/null/report.json"; /* cannot be written; the other report must be */
	log_set_verbose(0);
	run(fixture);
	log_capture_begin(&fixture->log);
	assert_int_equal(status_show(path, NULL, &success), 0);
	assert_int_equal(success, expected);
	unlink(path);
	place = strstr(fixture->log.text, " after ");
	assert_non_null(place);
	replace(place + 7, strspn(place + 7, "0123456789"), "N");
	while ((place = strstr(fixture->log.text, fixture->path)))
		replace(place, strlen(fixture->path), "FILE");
}

#define MKVP_C "cccccccccccccccccccccccccccccccc"
#define TITLE "output: pvapconfig " PVAPCONFIG_VERSION " at early boot: "

static void test_success(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL "card 12 CEX8P\nqueue 12.0001 state=foreign\n"
		       "card 13 CEX8P\nqueue 13.0001 mkvp=" MKVP_C PAD "\n", ENTRY_ACCEL ENTRY_A ENTRY_B);
	show_run(fixture, true);
	assert_string_equal(fixture->log.text,
			    TITLE "succeeded after N ms\n"
			    "output: configuration: FILE\n"
			    "output: \n"
			    "output: entry      satisfied  APQN     why not\n"
			    "output: #1 'fast'  yes        05.0002\n"
			    "output: #2         yes        11.0001\n"
			    "output: #3         no         -        no usable APQN has the master key\n"
			    "output:                                0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb; the key of\n"
			    "output:                                APQN 12.0001 is unknown: not available for a\n"
			    "output:                                bind: bound by another guest, or without bind\n"
			    "output:                                support; APQN 13.0001 would fit, but its master\n"
			    "output:                                key is 0xcccccccccccccccccccccccccccccccc\n"
			    "output: \n"
			    "output: APQN     not used because\n"
			    "output: 12.0001  not available for a bind: bound by another guest, or without bind\n"
			    "output:          support\n");
}

static void test_failure(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "guest ap=0\n", ENTRY_ACCEL);
	fixture->options.strict = true;
	show_run(fixture, false);
	assert_string_equal(fixture->log.text,
			    TITLE "failed after N ms\n"
			    "output: configuration: FILE (strict: all entries must be satisfied)\n"
			    "output: error: AP bus /sys/bus/ap/features: not found; this kernel has no AP support "
			    "(module ap), or this machine has no crypto adapters passed through\n");
}

static void put_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int show(struct fixture *fixture, const char *text, bool *success)
{
	log_capture_begin(&fixture->log);
	put_file(fixture->path, text);
	return status_show(fixture->path, NULL, success);
}

static void test_strange(void **state)
{
	static const char *const texts[] = {
		"", "pvapconfig", "pvapconfig 1\n at early boot: succeeded after 1 ms\n", "x at early boot: succeeded after 1 ms\n",
		"pvapconfig 1 at early boot: unknown\n", "pvapconfig at early boot: succeeded after 1 ms\n",
	};
	struct fixture *fixture = *state;
	bool success = false;

	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_int_equal(show(fixture, texts[i], &success), -EBADMSG);
		assert_non_null(strstr(fixture->log.text, ": not a report of pvapconfig\n"));
		assert_false(success);
	}
	/*
	 * Only the beginning determines the result. Terminal control characters and incomplete lines are not printed.
	 */
	assert_int_equal(show(fixture, "pvapconfig 1 at early boot: succeeded after 1 ms\n\033[2J\nhalf", &success), 0);
	assert_true(success);
	assert_string_equal(fixture->log.text, "output: pvapconfig 1 at early boot: succeeded after 1 ms\noutput: ?[2J\n");
	assert_int_equal(show(fixture, "pvapconfig 1 at early boot: failed after 1 ms\n at early boot: succeeded after \n",
			      &success), 0);
	assert_false(success);
}

static void test_no_report(void **state)
{
	struct fixture *fixture = *state;
	bool success = false;

	log_capture_begin(&fixture->log);
	assert_int_equal(status_show("/nonexistent/report.txt", NULL, &success), -ENOENT);
	assert_non_null(strstr(fixture->log.text, "error: report /nonexistent/report.txt: not found; "));
	assert_int_equal(status_show("/", NULL, &success), -EINVAL);
	assert_false(success);
}

/* Prints the file unchanged. The result is read from the text report. */
static void test_json(void **state)
{
	static const char json[] = "{ \"success\":true,\n\"version\":1}\n";
	struct fixture *fixture = *state;
	char path[64], printed[256];
	bool success = false;
	int saved = dup(STDOUT_FILENO), ends[2];
	ssize_t length;

	PATH_OF(fixture, path);
	put_file(path, "pvapconfig 1 at early boot: succeeded after 1 ms\n");
	put_file(fixture->path, json);
	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	assert_int_equal(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
	close(ends[1]);
	assert_int_equal(status_show(path, fixture->path, &success), 0);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	close(saved);
	length = read(ends[0], printed, sizeof(printed) - 1);
	close(ends[0]);
	printed[length] = '\0';
	assert_string_equal(printed, json);
	assert_true(success);
	log_capture_begin(&fixture->log);
	assert_int_equal(status_show(path, "/nonexistent/report.json", &success), -ENOENT);
	/* The text report exists, so early boot did run. */
	assert_string_equal(fixture->log.text,
			    "error: report /nonexistent/report.json: not found; early boot could not write it\n");
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_success), TEST(test_failure), TEST(test_strange), TEST(test_no_report), TEST(test_json),
	};

	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
