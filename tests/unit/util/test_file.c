/* SPDX-License-Identifier: MIT */
/*
 * Directories, replaced files and devices. Other reads and writes are tested with their callers and in test_syscalls.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>

#include "unit/temp_root.h"
#include "util/file.h"

#define TEXT_SIZE 256

struct visitor {
	char names[TEXT_SIZE]; /* names of the visited files, each followed by a blank */
	int wanted;            /* remaining visits */
};

static bool visit(const char *path, void *context)
{
	struct visitor *visitor = context;

	assert_int_equal(access(path, F_OK), 0);
	strcat(strcat(visitor->names, strrchr(path, '/') + 1), " ");
	return --visitor->wanted > 0;
}

static void test_visit(void **state)
{
	static const char *const names[] = { "/b.x", "/10.x", "/2.x", "/.c.x", "/.x", "/d.xx", "/e", "/x", "/B.x", "/f.x.x" };
	struct visitor visitor = { .wanted = INT_MAX };
	struct temp_root root;

	(void)state;
	temp_root_begin(&root);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		temp_root_text(&root, names[i], "");
	temp_root_mkdir(&root, "/g.x");
	assert_int_equal(file_visit(root.path, ".x", visit, &visitor), 0);
	assert_string_equal(visitor.names, "10.x 2.x B.x b.x f.x.x g.x ");
	visitor = (struct visitor){ .wanted = 2 };
	assert_int_equal(file_visit(root.path, ".x", visit, &visitor), 0);
	assert_string_equal(visitor.names, "10.x 2.x ");
	temp_root_end(&root);
	assert_int_equal(file_visit(root.path, ".x", visit, &visitor), -ENOENT);
	assert_int_equal(file_visit("/dev/null", ".x", visit, &visitor), -ENOTDIR);
}

/* The path of the directory fits into the buffer, but the paths of its files do not. */
static void test_visit_too_long(void **state)
{
	struct visitor visitor = { .wanted = INT_MAX };
	char path[PATH_MAX];
	struct temp_root root;
	size_t length;

	(void)state;
	temp_root_begin(&root);
	temp_root_text(&root, "/a.x", "");
	length = strlen(root.path);
	strcpy(path, root.path);
	memset(path + length, '/', sizeof(path) - length - 3);
	path[sizeof(path) - 3] = '\0';
	assert_int_equal(file_visit(path, ".x", visit, &visitor), -ENAMETOOLONG);
	assert_string_equal(visitor.names, "");
	temp_root_end(&root);
}

/*
 * Only root may read a report, whatever the umask, and whatever the mode of a file that a killed run left. Symbolic
 * links are not followed.
 */
static void test_replace(void **state)
{
	char path[PATH_MAX], new_path[PATH_MAX + 8], victim[PATH_MAX];
	struct temp_root root;
	struct stat status;
	mode_t mask = umask(0);

	(void)state;
	temp_root_begin(&root);
	snprintf(path, sizeof(path), "%s/report", root.path);
	snprintf(new_path, sizeof(new_path), "%s.new", path);
	snprintf(victim, sizeof(victim), "%s/victim", root.path);
	assert_int_equal(file_replace(path, "text", 4), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(status.st_size, 4);

	temp_root_text(&root, "/report.new", "longer than the next");
	assert_int_equal(chmod(new_path, 0644), 0);
	assert_int_equal(file_replace(path, "next", 4), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(status.st_size, 4);

	temp_root_text(&root, "/victim", "victim");
	assert_int_equal(symlink(victim, new_path), 0);
	assert_int_equal(file_replace(path, "other", 5), 0);
	assert_int_equal(stat(victim, &status), 0);
	assert_int_equal(status.st_size, 6);
	umask(mask);
	temp_root_end(&root);
}

/* Opening a device may have side effects. Here the other end of a pseudoterminal detects it. */
static void test_device_is_not_opened(void **state)
{
	struct file_source device = { .what = "file", .max = 10, .level = LOG_LEVEL_ERROR };
	struct pollfd other = { .fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), .events = POLLIN };
	char *text, name[64];
	size_t length;
	int slave;

	(void)state;
	assert_int_equal(grantpt(other.fd) | unlockpt(other.fd), 0);
	assert_int_equal(ptsname_r(other.fd, name, sizeof(name)), 0);
	device.path = name;
	assert_int_equal(file_read(&device, &text, &length), -EINVAL);
	assert_false(file_begins_with(name, "x"));
	/* After an open and a close, the other end sees a hangup. */
	assert_int_equal(poll(&other, 1, 0), 0);
	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	close(slave);
	assert_int_equal(poll(&other, 1, 0), 1);
	close(other.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_visit),
		cmocka_unit_test(test_visit_too_long),
		cmocka_unit_test(test_device_is_not_opened),
		cmocka_unit_test(test_replace),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
