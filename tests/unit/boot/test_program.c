/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/boot.h"

static void ends(void **state)
{
	static const char *const shell[] = { "/bin/sh", "-c", "exit 7", NULL };
	static const int64_t limits[] = { 0, 60000, INT64_MAX / 2 };

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		int status = 0;

		assert_int_equal(boot_run_program(shell, limits[i], &status), 0);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 7);
	}
}

/* On a timeout the process is left running. The caller decides whether to kill it. */
static void does_not_end(void **state)
{
	static const char *const shell[] = { "/bin/sh", "-c", "kill -STOP $$", NULL };
	siginfo_t info = { 0 };

	(void)state;
	assert_int_equal(boot_run_program(shell, 1, &(int){ 0 }), -ETIMEDOUT);
	assert_int_equal(waitid(P_ALL, 0, &info, WSTOPPED | WEXITED), 0);
	assert_int_equal(kill(info.si_pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)info.si_pid, &info, WEXITED), 0);
	assert_int_equal(info.si_status, SIGKILL);
}

static void killed(void **state)
{
	static const char *const shell[] = { "/bin/sh", "-c", "kill -KILL $$", NULL };
	int status = 0;

	(void)state;
	assert_int_equal(boot_run_program(shell, 60000, &status), 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void programs(void **state)
{
	static const char *const shell[] = { "/bin/sh", "-c", "exit \"$#\"", "sh", "one", "two", NULL };
	static const char *const none[] = { "/there/is/none", NULL };
	int status = 0;

	(void)state;
	assert_int_equal(boot_run_program(shell, 60000, &status), 0);
	assert_int_equal(WEXITSTATUS(status), 2);
	assert_int_equal(boot_run_program(none, 60000, &status), 0);
	assert_int_equal(WEXITSTATUS(status), 127);
}

/* The environment is not passed on. PATH is set to the system directories. */
static void environment(void **state)
{
	static const char *const shell[] = {
		"/bin/sh", "-c", "[ -z \"$LD_PRELOAD$MODPROBE_OPTIONS\" ] && [ \"$PATH\" = /usr/sbin:/usr/bin:/sbin:/bin ]",
		NULL
	};
	char path[4096];
	int status = -1;

	(void)state;
	snprintf(path, sizeof(path), "%s", getenv("PATH"));
	assert_int_equal(setenv("MODPROBE_OPTIONS", "-C /tmp", 1), 0);
	assert_int_equal(setenv("PATH", "/tmp", 1), 0);
	assert_int_equal(boot_run_program(shell, 60000, &status), 0);
	assert_int_equal(setenv("PATH", path, 1), 0);
	assert_int_equal(unsetenv("MODPROBE_OPTIONS"), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends),
		cmocka_unit_test(does_not_end),
		cmocka_unit_test(killed),
		cmocka_unit_test(programs),
		cmocka_unit_test(environment),
	};

	return cmocka_run_group_tests_name("boot_program", tests, NULL, NULL);
}
