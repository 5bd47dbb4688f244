/* SPDX-License-Identifier: MIT */
/* --status: what is made of a report, and of what only looks like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <unistd.h>

#include "report/status.h"
#include "unit/run_fixture.h"

#define PATH_OF(fixture, path) snprintf(path, sizeof(path), "%s.json", (fixture)->path)

/* A run that leaves its report behind, then a look at that. */
static void show_run(struct fixture *fixture, bool expected)
{
	char path[64];
	char *place;
	bool success = !expected;

	PATH_OF(fixture, path);
	fixture->options.report_path = path;
	log_set_verbose(0);
	run(fixture);
	log_capture_begin(&fixture->log);
	assert_int_equal(status_show(path, false, &success), 0);
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
			    "output:                                0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb; that of APQN\n"
			    "output:                                12.0001 is not known: not available for a bind:\n"
			    "output:                                bound by another guest, or without bind support\n"
			    "output:                                APQN 13.0001 would fit, but its master key is\n"
			    "output:                                0xcccccccccccccccccccccccccccccccc\n"
			    "output: \n"
			    "output: APQN     left out because\n"
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
			    "output: configuration: FILE (strict: all entries have to be satisfied)\n"
			    "output: error: AP bus /sys/bus/ap/features: not there; this kernel has no AP support "
			    "(module ap), or this machine has no crypto adapters passed through\n");
}

static int parse(struct fixture *fixture, const char *text)
{
	struct status status;
	int r;

	log_capture_begin(&fixture->log);
	r = status_parse("FILE", text, strlen(text), &status);
	if (r == 0)
		status_release(&status);
	return r;
}

static void test_strange(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(parse(fixture, "{\"version\": 1, \"success\": true}"), 0);
	/* What is not known is passed over, at any depth. */
	assert_int_equal(parse(fixture, "{\"new\": {\"success\": 5, \"list\": [[[[1]]]]}, \"version\": 1, \"success\": false,"
					"\"entries\": [{\"more\": {\"misses\": [\"x\"]}, \"misses\": [{\"a\": \"b\"}, 5]}]}"),
			 0);
	assert_int_equal(parse(fixture, "{\"version\": 2, \"success\": true}"), -EPROTONOSUPPORT);
	assert_string_equal(fixture->log.text, "error: report FILE: its version is 2, this program reads 1\n");
	assert_int_equal(parse(fixture, "{\"success\": true}"), -EPROTONOSUPPORT);
	assert_int_equal(parse(fixture, "{\"version\": \"1\", \"success\": true}"), -EPROTONOSUPPORT);
	assert_int_equal(parse(fixture, "{\"version\": 1, \"success\": 1}"), -EBADMSG);
	assert_int_equal(parse(fixture, "{\"version\": 1}"), -EBADMSG);
	assert_int_equal(parse(fixture, "[{\"version\": 1, \"success\": true}]"), -EBADMSG);
	assert_int_equal(parse(fixture, "version: 1\nsuccess: true\n"), -EBADMSG);
	assert_string_equal(fixture->log.text, "error: report FILE: not one of pvapconfig: not understood at byte 0\n");
	assert_int_equal(parse(fixture, "{\"version\": 1, \"success\": true, \"entries\": [{\"number\": 1}"), -EBADMSG);
	assert_int_equal(parse(fixture, "\"version\""), -EBADMSG);
}

static void test_too_many(void **state)
{
	struct fixture *fixture = *state;
	size_t size = 4 * (STATUS_LINES_MAX + 16) + 64;
	char *text = malloc(size);
	size_t length = (size_t)snprintf(text, size, "{\"version\": 1, \"success\": true, \"entries\": [{}");

	for (size_t i = 1; i < STATUS_LINES_MAX; i++, length += 3)
		memcpy(text + length, ",{}", 4);
	memcpy(text + length, "]}", 3);
	assert_int_equal(parse(fixture, text), 0);
	memcpy(text + length, ",{}]}", 6);
	assert_int_equal(parse(fixture, text), -E2BIG);
	free(text);
}

static void test_no_report(void **state)
{
	struct fixture *fixture = *state;
	bool success = false;

	log_capture_begin(&fixture->log);
	assert_int_equal(status_show("/nonexistent/report.json", false, &success), -ENOENT);
	assert_non_null(strstr(fixture->log.text, "error: there is no report /nonexistent/report.json: "));
	assert_int_equal(status_show("/", false, &success), -EINVAL);
	assert_false(success);
}

/* Byte by byte what is in the file; nothing if that is no report. */
static void test_json(void **state)
{
	static const char *const texts[] = { "{ \"success\":true,\n\"version\":1}\n", "{\"version\":1}" };
	struct fixture *fixture = *state;
	char printed[256];
	bool success = false;

	for (size_t i = 0; i < COUNT(texts); i++) {
		int saved = dup(STDOUT_FILENO), ends[2];
		ssize_t length;

		begin(fixture, SMALL, texts[i]);
		assert_int_equal(pipe(ends), 0);
		fflush(NULL);
		assert_int_equal(dup2(ends[1], STDOUT_FILENO), STDOUT_FILENO);
		close(ends[1]);
		assert_int_equal(status_show(fixture->path, true, &success), i == 0 ? 0 : -EBADMSG);
		assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
		close(saved);
		length = read(ends[0], printed, sizeof(printed) - 1);
		close(ends[0]);
		printed[length] = '\0';
		assert_string_equal(printed, i == 0 ? texts[0] : "");
	}
	assert_true(success);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_success),  TEST(test_failure),   TEST(test_strange),
		TEST(test_too_many), TEST(test_no_report), TEST(test_json),
	};

	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
