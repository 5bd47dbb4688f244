/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>

#include "boot_linux.h"
#include "log_capture.h"
#include "temp_root.h"

static struct temp_root root;
static struct log_capture capture;
static struct options options;
static char report_path[256];

static int begin(void **state)
{
	(void)state;
	temp_root_begin(&root);
	temp_root_path(&root, "/report.json", report_path);
	options = (struct options){ .config_path = "/etc/pvapconfig.yaml", .report_path = report_path };
	log_capture_begin(&capture);
	return 0;
}

static int end(void **state)
{
	(void)state;
	log_capture_end();
	temp_root_end(&root);
	return 0;
}

static bool do_succeed(const struct options *given)
{
	return given == &options;
}

static bool do_fail(const struct options *given)
{
	(void)given;
	return false;
}

static bool do_crash(const struct options *given)
{
	(void)given;
	raise(SIGKILL);
	return true;
}

static void ends_by_itself(void **state)
{
	(void)state;
	assert_true(boot_linux_run_apart(do_succeed, &options));
	assert_false(boot_linux_run_apart(do_fail, &options));
	assert_string_equal(capture.text, "");
	assert_int_equal(access(report_path, F_OK), -1);
}

/* The end of the run is not ours, and whoever reads the report sees it. */
static void is_killed(void **state)
{
	char report[1024];
	FILE *file;

	(void)state;
	assert_false(boot_linux_run_apart(do_crash, &options));
	assert_string_equal(capture.text,
			    "error: the run was ended by signal 9; the APQNs are left as they are now\n");
	file = fopen(report_path, "r");
	assert_non_null(file);
	report[fread(report, 1, sizeof(report) - 1, file)] = '\0';
	fclose(file);
	assert_non_null(strstr(report, "\"error\": \"the run was ended by signal 9; the APQNs are left as they are now\""));
}

static bool asks_parent_to_stop(const struct options *given)
{
	(void)given;
	/*
	 * Ignored from some moment on: until then the signal would end the parent, so it has to show that it is there.
	 */
	for (;;) {
		char path[64], text[4096], *line;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/status", (int)getppid());
		file = fopen(path, "r");
		if (!file)
			return false;
		text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
		fclose(file);
		line = strstr(text, "SigIgn:");
		if (line && strtoull(line + 7, NULL, 16) & (1ULL << (SIGTERM - 1)))
			break;
	}
	return kill(getppid(), SIGTERM) == 0;
}

static void leaves_signals_to_the_run(void **state)
{
	(void)state;
	assert_true(boot_linux_run_apart(asks_parent_to_stop, &options));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ends_by_itself, begin, end),
		cmocka_unit_test_setup_teardown(is_killed, begin, end),
		cmocka_unit_test_setup_teardown(leaves_signals_to_the_run, begin, end),
	};

	return cmocka_run_group_tests_name("boot_linux", tests, NULL, NULL);
}
