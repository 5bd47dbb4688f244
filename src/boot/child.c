/* SPDX-License-Identifier: MIT */
#include "boot/child.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/wait.h"

#define INTERVAL_MS 10

/* Until something happens to the child, or it is worth a look. */
static void wait_a_while(int fd, int64_t left_ms)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };

	if (fd < 0 && left_ms > INTERVAL_MS)
		left_ms = INTERVAL_MS;
	poll(&wanted, 1, left_ms < INT_MAX ? (int)left_ms : INT_MAX);
}

/* With a pidfd the end is seen at once; where there is none (before Linux 5.3) by looking now and then. */
int child_wait(pid_t child, int64_t limit_ms, int *status)
{
	cleanup_close_ int fd = limit_ms > 0 ? (int)syscall(SYS_pidfd_open, child, 0) : -1;
	int64_t until_ms = wait_now_ms() + limit_ms;

	for (;;) {
		pid_t waited = waitpid(child, status, limit_ms > 0 ? WNOHANG : 0);
		int64_t left_ms = until_ms - wait_now_ms();

		if (waited > 0)
			return 0;
		if (waited < 0 && errno != EINTR)
			return -errno;
		if (limit_ms > 0 && left_ms <= 0)
			return -ETIMEDOUT;
		if (limit_ms > 0)
			wait_a_while(fd, left_ms);
	}
}

int child_run(const char *const arguments[], int64_t limit_ms, int *status)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	static char *const environment[] = { path, NULL };
	pid_t child = fork();

	if (child == 0) {
		execve(arguments[0], (char *const *)(uintptr_t)arguments, environment);
		_exit(WEXITSTATUS(CHILD_NOT_STARTED));
	}
	return child < 0 ? -errno : child_wait(child, limit_ms, status);
}
