/* SPDX-License-Identifier: MIT */
/*
 * System calls and library functions fail where other tests cannot make them fail. Linked with --wrap for all functions
 * below. The chosen function succeeds a given number of times, then fails a given number of times.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "boot/boot.h"
#include "config/config.h"
#include "config/value.h"
#include "kernel/machine.h"
#include "run_fixture.h"
#include "temp_root.h"
#include "util/file.h"
#include "util/lock.h"
#include "util/text.h"

#define FOR_EVER 1000000
#define SHORT_WRITE 0 /* instead of an errno: writes nothing and reports no error */

static const char *victim; /* name of the function that fails */
static int victim_error;
static unsigned int victim_passes, victim_times;

static void break_calls(const char *functions, int error, unsigned int passes, unsigned int times)
{
	victim = functions;
	victim_error = error;
	victim_passes = passes;
	victim_times = times;
}

static bool fails(const char *function)
{
	if (!victim || !text_has_word(victim, function))
		return false;
	if (victim_passes > 0) {
		victim_passes--;
		return false;
	}
	if (victim_times-- == 1)
		victim = NULL;
	errno = victim_error;
	return true;
}

#define WRAP(type, name, failure, parameters, arguments)                                                               \
	type __real_##name parameters;                                                                                 \
	type __wrap_##name parameters;                                                                                 \
	type __wrap_##name parameters                                                                                  \
	{                                                                                                              \
		return fails(#name) ? (failure) : __real_##name arguments;                                             \
	}

#define DONE_OR_FAILED (victim_error == SHORT_WRITE ? 0 : -1)

WRAP(ssize_t, read, -1, (int fd, void *bytes, size_t size), (fd, bytes, size))
WRAP(ssize_t, write, DONE_OR_FAILED, (int fd, const void *bytes, size_t size), (fd, bytes, size))
WRAP(int, rename, -1, (const char *from, const char *to), (from, to))
WRAP(int, link, -1, (const char *from, const char *to), (from, to))
WRAP(int, unlink, -1, (const char *path), (path))
/* Returns a wrong type: a moment later the path leads to another file. */
WRAP(int, stat, (status->st_mode = S_IFREG, 0), (const char *path, struct stat *status), (path, status))
WRAP(int, fstat, -1, (int fd, struct stat *status), (fd, status))
WRAP(int, socketpair, -1, (int family, int type, int protocol, int ends[2]), (family, type, protocol, ends))
WRAP(void *, mmap, MAP_FAILED, (void *address, size_t size, int protection, int flags, int fd, off_t offset),
     (address, size, protection, flags, fd, offset))
WRAP(int, mprotect, -1, (void *address, size_t size, int protection), (address, size, protection))
WRAP(int, clone, -1, (int (*function)(void *), void *stack, int flags, void *argument),
     (function, stack, flags, argument))
WRAP(pid_t, fork, -1, (void), ())
WRAP(pid_t, getpid, -1, (void), ())
WRAP(int, poll, -1, (struct pollfd * polled, nfds_t count, int left_ms), (polled, count, left_ms))
WRAP(int, signalfd, -1, (int fd, const sigset_t *mask, int flags), (fd, mask, flags))
WRAP(int, sigprocmask, -1, (int how, const sigset_t *mask, sigset_t *old), (how, mask, old))
WRAP(int, sha256_digest, -EIO, (const void *data, size_t length, uint8_t digest[SHA256_SIZE]), (data, length, digest))

static int count_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 64; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

struct place {
	int descriptors; /* open before the test */
	struct temp_root root;
	struct log_capture log;
	char path[256];
};

static int begin_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	place->descriptors = count_descriptors();
	temp_root_begin(&place->root);
	temp_root_text(&place->root, "/dir/file", "old\n");
	temp_root_path(&place->root, "/dir/file", place->path);
	log_capture_begin(&place->log);
	*state = place;
	return 0;
}

static int end_place(void **state)
{
	struct place *place = *state;

	victim = NULL;
	assert_int_equal(count_descriptors(), place->descriptors);
	log_capture_end();
	temp_root_end(&place->root);
	free(place);
	return 0;
}

/* --- files -------------------------------------------------------------------------------------------------------- */

static int read_file(struct place *place, char **text)
{
	const struct file_source source = { .what = "file", .path = place->path, .max = 10, .level = LOG_LEVEL_ERROR };
	size_t length;

	*text = NULL;
	log_capture_begin(&place->log);
	return file_read(&source, text, &length);
}

static void assert_content(struct place *place, const char *expected)
{
	char *text;

	assert_int_equal(read_file(place, &text), 0);
	assert_string_equal(text, expected);
	free(text);
}

/* Replacing the file fails: its contents are unchanged, and no other file is left. */
static void assert_not_replaced(struct place *place, int error)
{
	char path[300];

	assert_int_equal(file_replace(place->path, "new\n", 4), error);
	assert_content(place, "old\n");
	snprintf(path, sizeof(path), "%s.new", place->path);
	assert_int_equal(access(path, F_OK), -1);
}

static void test_file_replace(void **state)
{
	struct place *place = *state;
	char path[PATH_MAX];

	break_calls("write", ENOSPC, 0, 1);
	assert_not_replaced(place, -ENOSPC);
	break_calls("write", SHORT_WRITE, 0, 1);
	assert_not_replaced(place, -EIO);
	break_calls("rename", EROFS, 0, 1);
	assert_not_replaced(place, -EROFS);
	break_calls("write", EINTR, 0, 2);
	assert_int_equal(file_replace(place->path, "new\n", 4), 0);
	assert_content(place, "new\n");

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(file_replace(path, "", 0), -ENAMETOOLONG);
}

static void assert_not_read(struct place *place, int error, const char *format)
{
	char expected[512], *text;

	assert_int_equal(read_file(place, &text), error);
	assert_null(text);
	snprintf(expected, sizeof(expected), format, place->path);
	assert_string_equal(place->log.text, expected);
}

static void test_file_read(void **state)
{
	struct place *place = *state;

	break_calls("read", EIO, 0, 1);
	assert_not_read(place, -EIO, "error: cannot read file %s: Input/output error\n");
	break_calls("fstat", EIO, 0, 1);
	assert_not_read(place, -EIO, "error: cannot open file %s: Input/output error\n");
	break_calls("read", EINTR, 0, 2);
	assert_content(place, "old\n");
	break_calls("read", EIO, 1, 1); /* after all data was read */
	assert_not_read(place, -EIO, "error: cannot read file %s: Input/output error\n");
}

/* A pipe replaces the file between stat and open: nothing is read from it. */
static void test_file_type_after_open(void **state)
{
	struct place *place = *state;
	char path[PATH_MAX];
	int fd;

	assert_int_equal(unlink(place->path), 0);
	assert_int_equal(mkfifo(place->path, 0600), 0);
	fd = open(place->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(write(fd, "old\n", 4), 4);
	break_calls("stat", 0, 0, 1);
	assert_not_read(place, -EINVAL, "error: file %s: not a regular file\n");
	break_calls("stat", 0, 0, 1);
	assert_false(file_begins_with(place->path, "old"));
	assert_int_equal(read(fd, path, sizeof(path)), 4);
	close(fd);
}

/* --- lock --------------------------------------------------------------------------------------------------------- */

static void assert_not_locked(struct place *place, bool takeover, int error, const char *format)
{
	char expected[512], path[300], prepared[320];

	snprintf(path, sizeof(path), "%s.lock", place->path);
	snprintf(prepared, sizeof(prepared), "%s.%d", path, (int)getpid());
	snprintf(expected, sizeof(expected), format, path);
	log_capture_begin(&place->log);
	assert_int_equal(lock_acquire(path, takeover), error);
	assert_string_equal(place->log.text, expected);
	victim = NULL;
	unlink(path);
	assert_int_equal(access(prepared, F_OK), -1);
}

static void test_lock(void **state)
{
	struct place *place = *state;

	break_calls("write", ENOSPC, 0, 1);
	assert_not_locked(place, false, -ENOSPC, "error: cannot create lock file %s: No space left on device\n");
	break_calls("write", SHORT_WRITE, 0, 1);
	assert_not_locked(place, false, -EIO, "error: cannot create lock file %s: Input/output error\n");
	break_calls("link", EROFS, 0, 1);
	assert_not_locked(place, false, -EROFS, "error: cannot create lock file %s: Read-only file system\n");
	temp_root_text(&place->root, "/dir/file.lock", "no number\n");
	break_calls("rename", EROFS, 0, 1);
	assert_not_locked(place, true, -EROFS, "error: cannot take over lock file %s: Read-only file system\n");
}

static void test_unlock(void **state)
{
	struct place *place = *state;
	char expected[512];

	unlink(place->path);
	assert_int_equal(lock_acquire(place->path, false), 0);
	break_calls("unlink", EROFS, 0, 1);
	lock_release(place->path);
	snprintf(expected, sizeof(expected), "warning: cannot remove lock file %s: Read-only file system\n", place->path);
	assert_string_equal(place->log.text, expected);
}

/* --- the machine -------------------------------------------------------------------------------------------------- */

static void test_machine_create(void **state)
{
	static const char *const functions[] = { "signalfd", "sigprocmask" };
	struct machine *machine = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT(functions); i++) {
		break_calls(functions[i], EMFILE, 0, 1);
		assert_int_equal(machine_linux_create("/", "/dev/null", &machine), -EMFILE);
		assert_null(machine);
	}
}

static int read_one(const char *folder, const char *path, char text[MACHINE_TEXT_SIZE])
{
	struct machine *machine;
	int r;

	assert_int_equal(machine_linux_create(folder, "/dev/null", &machine), 0);
	r = machine_read_text(machine, machine_now_ms(machine) + 10000, text, path);
	victim = NULL;
	machine_linux_destroy(machine);
	return r;
}

/* If no worker can be created, a call fails with the reason. */
static void test_worker_create(void **state)
{
	static const struct {
		const char *function;
		int error, expected;
	} cases[] = {
		{ "mmap", EAGAIN, -ENOMEM },
		{ "mprotect", ENOMEM, -ENOMEM },
		{ "socketpair", EMFILE, -EMFILE },
	};
	struct place *place = *state;
	char text[MACHINE_TEXT_SIZE];

	for (size_t i = 0; i < COUNT(cases); i++) {
		break_calls(cases[i].function, cases[i].error, 0, FOR_EVER);
		assert_int_equal(read_one(place->root.path, "dir/file", text), cases[i].expected);
	}
}

/* If a worker cannot share memory with this process, fork is used. If that fails as well, calls fail. */
static void test_worker_fork(void **state)
{
	struct place *place = *state;
	char text[MACHINE_TEXT_SIZE];

	break_calls("clone", EINVAL, 0, FOR_EVER);
	assert_int_equal(read_one(place->root.path, "dir/file", text), 0);
	assert_string_equal(text, "old");
	break_calls("clone fork", EAGAIN, 0, FOR_EVER);
	assert_int_equal(read_one(place->root.path, "dir/file", text), -EAGAIN);
}

/* A worker that sees another parent process ends at once. It is replaced, but only a limited number of times. */
static void test_worker_ends_at_once(void **state)
{
	struct place *place = *state;
	char text[MACHINE_TEXT_SIZE];

	break_calls("getpid", 0, 0, 1);
	assert_int_equal(read_one(place->root.path, "dir/file", text), 0);
	break_calls("getpid", 0, 0, FOR_EVER);
	assert_int_equal(read_one(place->root.path, "dir/file", text), -EOWNERDEAD);
}

static int run_child_program(int *status)
{
	static const char *const arguments[] = { "/bin/true", NULL };

	return boot_run_program(arguments, 10000, status);
}

static void test_no_process(void **state)
{
	int status = 0;

	(void)state;
	break_calls("fork", EAGAIN, 0, FOR_EVER);
	assert_int_equal(run_child_program(&status), -EAGAIN);
}

/* --- whole runs --------------------------------------------------------------------------------------------------- */

/* If poll fails, the run ends and reports it once. */
static void test_run_without_poll(void **state)
{
	static const struct options options = { .config_path = "/nowhere", .timeout_ms = 10000 };
	struct place *place = *state;
	struct machine *machine;

	assert_int_equal(machine_linux_create(place->root.path, "/dev/null", &machine), 0);
	break_calls("poll", ENOMEM, 0, FOR_EVER);
	assert_false(run_pvapconfig(machine, &options));
	victim = NULL;
	machine_linux_destroy(machine);
	assert_string_equal(place->log.text,
			    "error: AP bus /sys/bus/ap/features: Cannot allocate memory\n"
			    "error: poll failed: Cannot allocate memory; queues left in their current state\n");
}

static void test_no_digest(void **state)
{
	struct config config;
	static const char text[] = "- mode: EP11\n  mkvp: " MKVP_A "\n  name: a name\n";
	struct place *place = *state;

	break_calls("sha256_digest", EIO, 0, 1);
	assert_int_equal(config_parse("f", text, strlen(text), &config), -EIO);
	assert_string_equal(place->log.text,
			    "error: f:1:3: entry #1 'a name': the SHA-256 of the name cannot be calculated\n");
}

#define PLACE_TEST(name) cmocka_unit_test_setup_teardown(name, begin_place, end_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(test_file_replace),
		PLACE_TEST(test_file_read),
		PLACE_TEST(test_file_type_after_open),
		PLACE_TEST(test_lock),
		PLACE_TEST(test_unlock),
		PLACE_TEST(test_machine_create),
		PLACE_TEST(test_worker_create),
		PLACE_TEST(test_worker_fork),
		PLACE_TEST(test_worker_ends_at_once),
		PLACE_TEST(test_no_process),
		PLACE_TEST(test_run_without_poll),
		PLACE_TEST(test_no_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
