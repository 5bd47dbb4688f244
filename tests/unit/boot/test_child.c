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

#include "boot/child.h"

static void ends(void **state)
{
	static const int64_t limits[] = { 0, 60000, INT64_MAX / 2 };

	(void)state;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		int status = 0;
		pid_t child = fork();

		if (child == 0)
			_exit(7);
		assert_int_equal(child_wait(child, limits[i], &status), 0);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 7);
	}
}

static void does_not_end(void **state)
{
	int status = 0;
	pid_t child = fork();

	(void)state;
	if (child == 0)
		for (;;)
			pause();
	assert_int_equal(child_wait(child, 1, &status), -ETIMEDOUT);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(child_wait(child, 60000, &status), 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void nobody(void **state)
{
	int status;

	(void)state;
	assert_int_equal(child_wait(getpid(), 0, &status), -ECHILD);
	assert_int_equal(child_wait(1, 60000, &status), -ECHILD);
}

static void programs(void **state)
{
	static const char *const shell[] = { "/bin/sh", "-c", "exit \"$#\"", "sh", "one", "two", NULL };
	static const char *const none[] = { "/there/is/none", NULL };
	int status = 0;

	(void)state;
	assert_int_equal(child_run(shell, 60000, &status), 0);
	assert_int_equal(WEXITSTATUS(status), 2);
	assert_int_equal(child_run(none, 60000, &status), 0);
	assert_int_equal(WEXITSTATUS(status), 127);
}

/* Nothing of our environment is handed on, only a path of the system's own folders. */
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
	assert_int_equal(child_run(shell, 60000, &status), 0);
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
		cmocka_unit_test(nobody),
		cmocka_unit_test(programs),
		cmocka_unit_test(environment),
	};

	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
