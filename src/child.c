/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"

#define STATUS_NOT_STARTED 127 /* as the shell has it */

int64_t child_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* No waiting at all if there is no such file descriptor to wait with, as before Linux 5.3. */
static int wait_readable(int fd, int64_t until_ms)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };
	int r;

	if (fd < 0)
		return 0;
	do {
		int64_t left_ms = until_ms - child_now_ms();

		if (left_ms <= 0)
			return -ETIMEDOUT;
		r = poll(&wanted, 1, left_ms < INT_MAX ? (int)left_ms : INT_MAX);
	} while (r == 0 || (r < 0 && errno == EINTR));
	return 0;
}

int child_wait(pid_t child, int64_t limit_ms, int *status)
{
	cleanup_close_ int fd = -1;
	pid_t waited;

	if (limit_ms > 0) {
		fd = (int)syscall(SYS_pidfd_open, child, 0);
		if (wait_readable(fd, child_now_ms() + limit_ms) < 0)
			return -ETIMEDOUT;
	}
	do
		waited = waitpid(child, status, 0);
	while (waited < 0 && errno == EINTR);
	return waited < 0 ? -errno : 0;
}

int child_run(const char *const arguments[], int64_t limit_ms, int *status)
{
	pid_t child = fork();

	if (child == 0) {
		execve(arguments[0], (char *const *)(uintptr_t)arguments, environ);
		_exit(STATUS_NOT_STARTED);
	}
	return child < 0 ? -errno : child_wait(child, limit_ms, status);
}
