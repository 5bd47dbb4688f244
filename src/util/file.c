/* SPDX-License-Identifier: MIT */
#include "util/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util/cleanup.h"
#include "util/text.h"

#define SIGNAL_CHECK_MS 100 /* how often to check for a signal */

static int report_error(const struct file_source *source, const char *action, int error)
{
	log_line(source->level, "cannot %s %s %s: %s", action, source->what, source->path, strerror(-error));
	return error;
}

static bool has_good_type(const struct file_source *source, mode_t mode)
{
	bool takes_pipes = source->wait_ms > 0, good = S_ISREG(mode) || (S_ISFIFO(mode) && takes_pipes);

	if (!good)
		log_line(source->level, "%s %s: not a regular file%s", source->what, source->path,
			 takes_pipes ? " or a pipe" : "");
	return good;
}

static int open_to_read(const char *path)
{
	return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

static int open_file(const struct file_source *source, bool *is_pipe)
{
	cleanup_close_ int fd = -1;
	struct stat status;

	/* Check first: opening a device can have effects (a watchdog starts). */
	if (stat(source->path, &status) == 0 && !has_good_type(source, status.st_mode))
		return -EINVAL;
	fd = open_to_read(source->path);
	if (fd < 0 && errno == ENOENT && source->optional)
		return -ENOENT;
	if (fd < 0 || fstat(fd, &status) < 0)
		return report_error(source, "open", -errno);
	*is_pipe = S_ISFIFO(status.st_mode);
	return has_good_type(source, status.st_mode) ? take_fd(&fd) : -EINVAL;
}

/* Waits for data or the end of the pipe. A named pipe without a writer yet is not at its end for poll. */
static int wait_for_pipe(const struct file_source *source, int fd, int64_t until_ms)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };

	for (;;) {
		int64_t left_ms = until_ms == WAIT_FOREVER ? SIGNAL_CHECK_MS : until_ms - wait_now_ms();

		if (wait_is_stopped())
			return -EINTR;
		if (left_ms <= 0)
			break;
		if (poll(&wanted, 1, left_ms < SIGNAL_CHECK_MS ? (int)left_ms : SIGNAL_CHECK_MS) > 0)
			return 0;
	}
	log_line(source->level, "cannot read %s %s: timed out waiting for the end of the pipe", source->what,
		 source->path);
	return -ETIMEDOUT;
}

/* `text` has room for one byte more than the maximum. */
static int read_all(const struct file_source *source, int fd, bool is_pipe, char *text, size_t *length)
{
	int64_t until_ms = source->wait_ms == WAIT_FOREVER ? WAIT_FOREVER : wait_now_ms() + source->wait_ms;

	*length = 0;
	while (*length <= source->max) {
		int r = is_pipe ? wait_for_pipe(source, fd, until_ms) : 0;
		ssize_t count;

		if (r < 0)
			return r;
		count = read(fd, text + *length, source->max + 1 - *length);
		if (count == 0)
			return 0;
		if (count > 0)
			*length += (size_t)count;
		else if (errno != EINTR && !(is_pipe && errno == EAGAIN))
			return report_error(source, "read", -errno);
	}
	log_line(source->level, "%s %s is larger than %zu bytes", source->what, source->path, source->max);
	return -EFBIG;
}

int file_read(const struct file_source *source, char **text, size_t *length)
{
	bool is_pipe = false;
	cleanup_close_ int fd = open_file(source, &is_pipe);
	cleanup_free_ char *all = NULL;
	int r;

	if (fd < 0)
		return fd;
	all = malloc(source->max + 1);
	if (!all)
		return report_error(source, "read", -ENOMEM);
	r = read_all(source, fd, is_pipe, all, length);
	if (r < 0)
		return r;
	all[*length] = '\0';
	*text = take_pointer(all);
	return 0;
}

bool file_begins_with(const char *path, const char *text)
{
	struct stat status;
	bool is_regular = stat(path, &status) == 0 && S_ISREG(status.st_mode);
	cleanup_close_ int fd = is_regular ? open_to_read(path) : -1;
	size_t length = strlen(text);
	char start[16];

	/* The path may lead to another file by now. */
	return fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && length <= sizeof(start) &&
	       read(fd, start, length) == (ssize_t)length && memcmp(start, text, length) == 0;
}

static int visible_count; /* scandir has no context */

/* Stops one file after the limit: enough to see that there are too many, without taking more memory. */
static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && visible_count++ <= FILE_VISIT_MAX;
}

int file_visit(const char *directory, const char *suffix, file_visitor *visit, void *context)
{
	struct dirent **entries;
	bool more;
	int count, r;

	visible_count = 0;
	/* By bytes: the program sets no locale. */
	count = scandir(directory, &entries, is_visible, alphasort);
	if (count < 0)
		return -errno;
	more = count <= FILE_VISIT_MAX;
	r = more ? 0 : -E2BIG;
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		char path[PATH_MAX];

		if (more && text_has_end(name, suffix)) {
			if ((size_t)snprintf(path, sizeof(path), "%s/%s", directory, name) < sizeof(path))
				more = visit(path, context);
			else
				r = -ENAMETOOLONG;
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

static int write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t count = write(fd, text, length);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return count < 0 ? -errno : -EIO;
		text += count;
		length -= (size_t)count;
	}
	return 0;
}

int file_create(const char *path, mode_t mode, const char *text, size_t length)
{
	cleanup_close_ int fd = -1;
	int r;

	unlink(path); /* of a run that was killed: it may have another mode */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	r = fd < 0 ? -errno : write_all(fd, text, length);
	if (r < 0)
		unlink(path);
	return r;
}

int file_replace(const char *path, const char *text, size_t length)
{
	char new_path[PATH_MAX];
	int r;

	if ((size_t)snprintf(new_path, sizeof(new_path), "%s.new", path) >= sizeof(new_path))
		return -ENAMETOOLONG;
	r = file_create(new_path, 0600, text, length);
	if (r == 0 && rename(new_path, path) < 0) {
		r = -errno;
		unlink(new_path);
	}
	return r;
}
