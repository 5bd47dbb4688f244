/* SPDX-License-Identifier: MIT */
/*
 * The behaviour of the program as a process: standard streams, signals, environment, exit status. main.c is compiled
 * into this test. Each case runs it in a child, on a simulated machine and with a separate lock file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "kernel/machine.h"
#include "sim_calls.h"
#include "temp_root.h"
#include "util/lock.h"

static char lock_path[256];

static int fake_create(const char *sysfs, const char *uv_device, struct machine **machine)
{
	(void)sysfs;
	(void)uv_device;
	/* From here on the program opens files: no file may become a standard stream. */
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			_exit(2);
	}
	*machine = &settled(ALL_KINDS)->machine;
	return 0;
}

static void fake_destroy(struct machine *machine)
{
	(void)machine;
}

int program(int argc, char *argv[]);

#undef LOCK_PATH
#define LOCK_PATH lock_path
#define machine_linux_create fake_create
#define machine_linux_destroy fake_destroy
#define main program
#include "main.c" /* NOLINT(bugprone-suspicious-include) */
#undef main

#define ENTRY "- mode: Accel\n"

static struct temp_root root;
static char config_path[256];

static int begin(void **state)
{
	(void)state;
	temp_root_begin(&root);
	temp_root_path(&root, "/lock", lock_path);
	temp_root_path(&root, "/c.yaml", config_path);
	temp_root_text(&root, "/c.yaml", ENTRY);
	return 0;
}

static int end(void **state)
{
	(void)state;
	temp_root_end(&root);
	return 0;
}

/*
 * Runs the program with these arguments and standard streams (-1: closed), after `before`. Returns the status of
 * waitpid(2).
 */
static int run_program(const char *const words[], int output, int errors, void (*before)(void))
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		char *arguments[8] = { (char[]){ "pvapconfig" } };
		int count = 1;

		while (words[count - 1]) {
			arguments[count] = strdup(words[count - 1]);
			count++;
		}
		close(STDIN_FILENO);
		if (output < 0)
			close(STDOUT_FILENO);
		else
			dup2(output, STDOUT_FILENO);
		if (errors < 0)
			close(STDERR_FILENO);
		else
			dup2(errors, STDERR_FILENO);
		if (before)
			before();
		_exit(program(count, arguments));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

/* The contents of a file of the test, from its beginning. */
static const char *content(int fd)
{
	static char text[65536];
	ssize_t length = pread(fd, text, sizeof(text) - 1, 0);

	assert_true(length >= 0);
	text[length] = '\0';
	return text;
}

static int open_file_of(const char *name)
{
	char path[256];
	int fd;

	temp_root_path(&root, name, path);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	return fd;
}

static const char *const configure[] = { "--config", config_path, "--verbose", NULL };
static const char *const list[] = { "--list", NULL };

/* --- streams ------------------------------------------------------------------------------------------------------- */

/* The next opened file must not get a descriptor below 3, or messages would be written to it. */
static void streams_are_occupied(void **state)
{
	int wrong = open_file_of("/wrong");

	(void)state;
	assert_int_equal(run_program(configure, -1, -1, NULL), 0);
	assert_int_equal(run_program((const char *const[]){ "--nonsense", NULL }, -1, -1, NULL), EXIT_FAILURE << 8);
	assert_int_equal(access(lock_path, F_OK), -1);
	close(wrong);
	if (fork() == 0) {
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		close(STDERR_FILENO);
		occupy_standard_streams();
		_exit(open("/dev/null", O_RDONLY | O_CLOEXEC) > STDERR_FILENO && write(STDERR_FILENO, "", 1) < 0 ? 0 : 1);
	}
	assert_true(wait(&wrong) > 0);
	assert_int_equal(wrong, 0);
}

/* A pipe without a reader must not kill the program, least of all while it holds the lock. */
static void closed_pipe(void **state)
{
	int ends[2], errors = open_file_of("/errors");

	(void)state;
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	assert_int_equal(run_program(configure, ends[1], ends[1], NULL), 0);
	assert_int_equal(access(lock_path, F_OK), -1);
	/* A reader that closes its pipe is not an error. */
	assert_int_equal(run_program(list, ends[1], errors, NULL), 0);
	assert_null(strstr(content(errors), "standard output"));
	close(ends[1]);
	close(errors);
}

/* A lost list is an error. Lost output of a run is a warning. */
static void lost_output(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), errors = open_file_of("/errors");

	(void)state;
	assert_int_equal(run_program(list, full, errors, NULL), EXIT_FAILURE << 8);
	assert_non_null(strstr(content(errors),
			       "pvapconfig: error: cannot write to standard output: No space left on device\n"));
	assert_int_equal(run_program(configure, full, errors, NULL), 0);
	assert_non_null(strstr(content(errors),
			       "pvapconfig: warning: cannot write to standard output: No space left on device\n"));
	close(full);
	close(errors);
}

static rlim_t size_limit;

static void limit_file_size(void)
{
	const struct rlimit limit = { size_limit, size_limit };

	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		_exit(2);
}

/* `ulimit -f`: a process that exceeds the limit gets a signal that kills it by default. */
static void limited_file_size(void **state)
{
	int output = open_file_of("/output"), errors = open_file_of("/errors"), ends[2];
	char pattern[256];
	glob_t found;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	size_limit = 0;
	assert_int_equal(run_program(configure, ends[1], ends[1], limit_file_size), EXIT_FAILURE << 8);
	/* No lock file is left, not even a temporary one. */
	temp_root_path(&root, "/lock*", pattern);
	assert_int_equal(glob(pattern, 0, NULL, &found), GLOB_NOMATCH);
	size_limit = 200;
	assert_int_equal(run_program(configure, output, errors, limit_file_size), 0);
	assert_non_null(strstr(content(errors), "cannot write to standard output: File too large\n"));
	assert_int_equal(access(lock_path, F_OK), -1);
	close(ends[0]);
	close(ends[1]);
	close(output);
	close(errors);
}

/* --- colours ------------------------------------------------------------------------------------------------------- */

static const char *no_color, *term;

static void set_environment(void)
{
	clearenv();
	if (no_color)
		setenv("NO_COLOR", no_color, 1);
	if (term)
		setenv("TERM", term, 1);
}

static void colors(void **state)
{
	static const struct {
		const char *no_color, *term;
		bool colored;
	} cases[] = {
		{ NULL, "xterm", true },  { "", "linux", true },   { "1", "xterm", false },
		{ NULL, "dumb", false },  { NULL, NULL, false },   { NULL, "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
		char text[4096];
		ssize_t length;

		assert_int_equal(grantpt(terminal) | unlockpt(terminal), 0);
		slave = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
		no_color = cases[i].no_color;
		term = cases[i].term;
		assert_int_equal(run_program(list, slave, slave, set_environment), 0);
		length = read(terminal, text, sizeof(text) - 1);
		assert_true(length > 0);
		text[length] = '\0';
		assert_non_null(strstr(text, "APQN"));
		assert_int_equal(strchr(text, '\033') != NULL, cases[i].colored);
		close(slave);
		close(terminal);
	}
}

/* --- the lock ------------------------------------------------------------------------------------------------------ */

static void locked_out(void **state)
{
	int errors = open_file_of("/errors");

	(void)state;
	temp_root_text(&root, "/lock", "1\n");
	assert_int_equal(run_program(configure, errors, errors, NULL), EXIT_FAILURE << 8);
	assert_non_null(strstr(content(errors), "made by process 1, which "));
	/* --list takes no lock. */
	assert_int_equal(run_program(list, errors, errors, NULL), 0);
	assert_int_equal(access(lock_path, F_OK), 0);
	close(errors);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(streams_are_occupied), TEST(closed_pipe), TEST(lost_output), TEST(limited_file_size), TEST(colors), TEST(locked_out),
	};

	return cmocka_run_group_tests_name("main", tests, NULL, NULL);
}
