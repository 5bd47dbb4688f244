/* SPDX-License-Identifier: MIT */
#include "util/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/file.h"
#include "util/log.h"
#include "util/text.h"

#define PROGRAM "pvapconfig"
#define CONTENT_SIZE 16 /* a process id, a newline, a NUL, and room to detect excess bytes */
#define ATTEMPTS 10     /* each may lose a race with a process that takes or releases the lock */

static int report_error(const char *action, const char *path, int error)
{
	log_error("cannot %s lock file %s: %s%s", action, path, strerror(-error),
		  error == -EACCES || error == -EPERM ? "; run pvapconfig as root" : "");
	return error;
}

/* The process that a lock file names, or 0. The program of the same name in s390-tools writes no newline. */
static pid_t read_owner(int fd)
{
	char content[CONTENT_SIZE];
	ssize_t length = read(fd, content, sizeof(content) - 1);
	uint64_t pid;

	if (length < 1 || length == sizeof(content) - 1)
		return 0;
	if (content[length - 1] == '\n')
		length--;
	content[length] = '\0';
	if (strlen(content) != (size_t)length || text_parse_decimal(content, INT32_MAX, &pid))
		return 0;
	return (pid_t)pid;
}

/* A lock that names this process, or our parent at boot, existed before: ids are reused. */
static bool is_running(pid_t pid)
{
	return pid != getpid() && pid != getppid() && (kill(pid, 0) == 0 || errno == EPERM);
}

/* Compare names only: s390-tools has a program of this name, and an update may have replaced ours. */
static bool is_pvapconfig(const char *exe, const char *target)
{
	const char *slash = strrchr(target, '/');
	struct stat ours, theirs;

	if (strncmp(slash ? slash + 1 : target, PROGRAM, strlen(PROGRAM)) == 0)
		return true;
	return stat("/proc/self/exe", &ours) == 0 && stat(exe, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
	       ours.st_ino == theirs.st_ino;
}

/*
 * The id in a lock may now be that of another program, above all at boot, where ids start at 1. Only a process that is
 * certainly another program, a kernel thread or a zombie does not hold the lock.
 */
static bool may_run_pvapconfig(pid_t pid)
{
	char process[32], exe[40], target[PATH_MAX];
	ssize_t length;

	if (!is_running(pid))
		return false;
	snprintf(process, sizeof(process), "/proc/%d", (int)pid);
	snprintf(exe, sizeof(exe), "%s/exe", process);
	length = readlink(exe, target, sizeof(target) - 1);
	if (length < 0)
		return errno != ENOENT || (access(process, F_OK) < 0 && is_running(pid));
	target[length] = '\0';
	return is_pvapconfig(exe, target);
}

/* In an initramfs it does not exist, and newer versions of systemd do not create it. */
static int make_directory(const char *path)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	if (mkdir(dirname(copy), 0755) < 0 && errno != EEXIST)
		return report_error("create the directory of", path, -errno);
	return 0;
}

static int refuse(const char *path, pid_t owner)
{
	if (owner == 0)
		log_error("lock file %s: names no process; if no other pvapconfig runs, remove it: rm -r %s", path,
			  path);
	else if (may_run_pvapconfig(owner))
		log_error("lock file %s: made by process %d, which is running; wait for it to end", path, (int)owner);
	else
		log_error("lock file %s: made by process %d, which no longer runs%s; remove it: rm %s", path,
			  (int)owner, is_running(owner) ? " pvapconfig" : "", path);
	return -EEXIST;
}

/* True if the file that is open is still the one with this name. */
static bool is_current(int fd, const char *path)
{
	struct stat opened, named;

	return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 && opened.st_dev == named.st_dev &&
	       opened.st_ino == named.st_ino;
}

/*
 * If several processes find the same dead lock, only the one that gets flock on that file may replace it. A later one
 * then finds another file under the name.
 */
static int take_over(const char *path, const char *prepared, int fd)
{
	pid_t owner;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		log_error("lock file %s: another process is taking it over", path);
		return -EEXIST;
	}
	if (!is_current(fd, path))
		return -EAGAIN;
	owner = read_owner(fd);
	if (owner != 0 && may_run_pvapconfig(owner))
		return refuse(path, owner);
	if (rename(prepared, path) < 0)
		return report_error("take over", path, -errno);
	if (owner == 0)
		log_warning("lock file %s: named no process, taken over", path);
	else
		log_warning("lock file %s: made by process %d, which no longer runs pvapconfig, taken over", path,
			    (int)owner);
	return 0;
}

/* One attempt; -EAGAIN if the lock file changed meanwhile. */
static int acquire(const char *path, const char *prepared, bool takeover)
{
	cleanup_close_ int fd = -1;

	if (link(prepared, path) == 0)
		return 0;
	if (errno != EEXIST)
		return report_error("create", path, -errno);

	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -EAGAIN : report_error("read", path, -errno);
	return takeover ? take_over(path, prepared, fd) : refuse(path, read_owner(fd));
}

/*
 * The lock file is written under another name, so that no process sees it without its content, then linked (it must
 * not exist) or renamed (takeover).
 */
int lock_acquire(const char *path, bool takeover)
{
	char prepared[PATH_MAX], content[CONTENT_SIZE];
	size_t length = (size_t)snprintf(content, sizeof(content), "%d\n", (int)getpid());
	int r;

	if ((size_t)snprintf(prepared, sizeof(prepared), "%s.%d", path, (int)getpid()) >= sizeof(prepared))
		return report_error("create", path, -ENAMETOOLONG);
	r = make_directory(path);
	if (r < 0)
		return r;
	r = file_create(prepared, 0644, content, length);
	if (r < 0)
		return report_error("create", path, r);

	r = -EAGAIN;
	for (int attempt = 0; attempt < ATTEMPTS && r == -EAGAIN; attempt++)
		r = acquire(path, prepared, takeover);
	if (r == -EAGAIN)
		report_error("create", path, r);
	unlink(prepared);
	return r;
}

/* The process that the lock file names, or 0. */
static pid_t find_owner(const char *path)
{
	cleanup_close_ int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd < 0 ? 0 : read_owner(fd);
}

void lock_remove_of(const char *path, pid_t pid)
{
	if (find_owner(path) == pid)
		unlink(path);
}

void lock_release(const char *path)
{
	if (find_owner(path) != getpid())
		log_warning("lock file %s: removed or replaced by another process while it was held", path);
	else if (unlink(path) < 0)
		log_warning("cannot remove lock file %s: %s", path, strerror(errno));
}
