/* SPDX-License-Identifier: MIT */

/* How the boot continues after a run, on a machine that only records requests. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot/boot.h"
#include "unit/log_capture.h"
#include "unit/temp_root.h"

#define REQUIRED "error: required crypto queues are not ready (rd.pvapconfig.required)"

static struct temp_root root;
static struct log_capture capture;
static char asked[256];
static bool run_succeeds;
static int stops_in_vain;

static void note(const char *text)
{
	snprintf(asked + strlen(asked), sizeof(asked) - strlen(asked), "%s;", text);
}

static bool fake_run(const struct options *options)
{
	if (!options->lock_only) {
		note(options->strict ? "run strict" : "run");
		return run_succeeds;
	}
	assert_int_equal(options->timeout_ms, 2000);
	note("lock");
	return true;
}

static int fake_stop(enum boot_end end, unsigned int seconds)
{
	note(seconds == 10 ? "pause 10" : "pause for another time");
	note(end == BOOT_POWER_OFF ? "power off" : end == BOOT_REBOOT ? "reboot" : "halt");
	return stops_in_vain-- > 0 ? -EPERM : 0;
}

static bool boot(const char *line)
{
	static const struct boot_actions actions = {
		.run = fake_run, .stop = fake_stop
	};

	temp_root_text(&root, "/proc/cmdline", line);
	asked[0] = '\0';
	log_capture_begin(&capture);
	return boot_run(root.path, &actions);
}

static int begin(void **state)
{
	(void)state;
	temp_root_begin(&root);
	run_succeeds = false;
	temp_root_text(&root, "/etc/initrd-release", "");
	stops_in_vain = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	log_capture_end();
	log_set_verbose(0);
	temp_root_end(&root);
	return 0;
}

static void success(void **state)
{
	(void)state;
	run_succeeds = true;
	assert_int_equal(boot("rd.pvapconfig.required rd.pvapconfig.strict"), true);
	assert_string_equal(asked, "run strict;");
	assert_string_equal(capture.text, "");
}

static void disabled(void **state)
{
	(void)state;
	assert_int_equal(boot("rd.pvapconfig.required rd.pvapconfig=0"), true);
	assert_string_equal(asked, "");
	assert_string_equal(capture.text, "notice: disabled by rd.pvapconfig=0\n");
}

static void failure_not_required(void **state)
{
	(void)state;
	assert_int_equal(boot("rd.shell rd.emergency=reboot"), true);
	assert_string_equal(asked, "run;");
	assert_string_equal(capture.text, "");
	assert_int_equal(boot("rd.pvapconfig.verbose"), true);
	assert_string_equal(capture.text, "info: continuing boot (rd.pvapconfig.required is not set)\n");
}

static void failure_required(void **state)
{
	(void)state;
	boot("rd.pvapconfig.required");
	assert_string_equal(asked, "run;pause 10;power off;");
	assert_string_equal(capture.text,
			    REQUIRED ": powering off in 10 seconds\n");
	boot("rd.pvapconfig.required rd.emergency=reboot");
	assert_string_equal(asked, "run;pause 10;reboot;");
	assert_string_equal(capture.text,
			    REQUIRED ": rebooting in 10 seconds\n");
	boot("rd.pvapconfig.required rd.emergency=halt");
	assert_string_equal(asked, "run;pause 10;halt;");
	assert_string_equal(capture.text,
			    REQUIRED ": halting in 10 seconds\n");
}

/* The store is locked after any failed run, before the boot continues or stops. */
static void failure_leaves_no_store_open(void **state)
{
	(void)state;
	boot("rd.pvapconfig.lock_secrets");
	assert_string_equal(asked, "run;lock;");
	boot("rd.pvapconfig.lock_secrets rd.pvapconfig.required");
	assert_string_equal(asked, "run;lock;pause 10;power off;");
	boot("rd.pvapconfig.lock_secrets rd.pvapconfig.dry_run");
	assert_string_equal(asked, "run;");
	boot("rd.pvapconfig.lock_secrets rd.pvapconfig=0");
	assert_string_equal(asked, "");
	run_succeeds = true;
	boot("rd.pvapconfig.lock_secrets");
	assert_string_equal(asked, "run;");
}

static void shell(void **state)
{
	(void)state;
	assert_int_equal(boot("rd.pvapconfig.required rd.shell rd.emergency=reboot"), false);
	assert_string_equal(asked, "run;");
	assert_string_equal(capture.text, REQUIRED ": no volume is opened; a shell was requested (rd.shell)\n");
}

/* If the machine cannot be stopped: no shell, the boot does not continue, and the error is reported. */
static void cannot_be_stopped(void **state)
{
	(void)state;
	stops_in_vain = 2;
	boot("rd.pvapconfig.required");
	assert_string_equal(asked, "run;pause 10;power off;pause 10;power off;pause 10;power off;");
	assert_non_null(strstr(capture.text, "error: cannot power off: Operation not permitted\n"));
}

/* A user runs it in the running system. */
static void not_in_an_initramfs(void **state)
{
	char path[256];

	(void)state;
	temp_root_path(&root, "/etc/initrd-release", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(boot("rd.pvapconfig.required"), false);
	assert_string_equal(asked, "run;");
	assert_string_equal(capture.text, REQUIRED "; not in an initramfs, the system is left running\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(success, begin, end),
		cmocka_unit_test_setup_teardown(disabled, begin, end),
		cmocka_unit_test_setup_teardown(failure_not_required, begin, end),
		cmocka_unit_test_setup_teardown(failure_required, begin, end),
		cmocka_unit_test_setup_teardown(failure_leaves_no_store_open, begin, end),
		cmocka_unit_test_setup_teardown(shell, begin, end),
		cmocka_unit_test_setup_teardown(cannot_be_stopped, begin, end),
		cmocka_unit_test_setup_teardown(not_in_an_initramfs, begin, end),
	};

	return cmocka_run_group_tests_name("boot", tests, NULL, NULL);
}
