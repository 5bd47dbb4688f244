/* SPDX-License-Identifier: MIT */
#include "machine_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>

#include "cleanup.h"
#include "worker.h"

/* The callers have one call a card under way at a time, or one on the Ultravisor. A worker left behind is not counted. */
#define WORKERS_MAX 257

struct machine_linux {
	struct machine machine;
	int sysfs_fd;
	int signal_fd;
	sigset_t old_mask;
	const char *uv_device;
	bool stopped;
	struct worker *workers[WORKERS_MAX];
	size_t worker_count;
};

static struct machine_linux *linux_of(struct machine *machine)
{
	return (struct machine_linux *)machine;
}

static int64_t linux_now_ms(struct machine *machine)
{
	struct timespec now;

	(void)machine;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void drop_worker(struct machine_linux *this, size_t i)
{
	worker_abandon(this->workers[i]);
	this->workers[i] = this->workers[--this->worker_count];
}

static int find_idle_worker(struct machine_linux *this, size_t size, struct worker **worker)
{
	int r;

	for (size_t i = 0; i < this->worker_count; i++) {
		if (!this->workers[i]->call && this->workers[i]->size >= size) {
			*worker = this->workers[i];
			return 0;
		}
	}
	if (this->worker_count == WORKERS_MAX)
		return -EAGAIN;
	r = worker_create(size, this->sysfs_fd, this->uv_device, worker);
	if (r == 0)
		this->workers[this->worker_count++] = *worker;
	return r;
}

static int linux_start(struct machine *machine, struct machine_call *call)
{
	struct machine_linux *this = linux_of(machine);
	size_t size = call->operation == MACHINE_UV && call->size > 2 * MACHINE_TEXT_SIZE ? call->size : 2 * MACHINE_TEXT_SIZE;
	struct worker *worker;
	int r;

	if (call->size > size || (call->operation == MACHINE_WRITE && call->length > size))
		return -E2BIG;
	r = find_idle_worker(this, size, &worker);
	if (r < 0)
		return r;
	call->error = 0;
	return worker_start(worker, call);
}

/* A call whose time is over: its worker is left to the kernel. */
static struct machine_call *take_overdue(struct machine_linux *this, int64_t now_ms)
{
	for (size_t i = 0; i < this->worker_count; i++) {
		struct machine_call *call = this->workers[i]->call;

		if (call && call->until_ms <= now_ms) {
			drop_worker(this, i);
			call->error = -ETIMEDOUT;
			return call;
		}
	}
	return NULL;
}

static struct machine_call *take_finished(struct machine_linux *this, const struct pollfd *polled)
{
	for (size_t i = 0; i < this->worker_count; i++) {
		struct machine_call *call;
		bool usable;

		if (!this->workers[i]->call || polled[i].revents == 0)
			continue;
		call = worker_finish(this->workers[i], &usable);
		if (!usable)
			drop_worker(this, i);
		return call;
	}
	return NULL;
}

static int64_t earliest_end(const struct machine_linux *this, int64_t until_ms)
{
	for (size_t i = 0; i < this->worker_count; i++) {
		const struct machine_call *call = this->workers[i]->call;

		if (call && call->until_ms < until_ms)
			until_ms = call->until_ms;
	}
	return until_ms;
}

/* Milliseconds for poll(); -1: no limit. */
static int poll_timeout(int64_t now_ms, int64_t until_ms)
{
	if (until_ms == MACHINE_FOREVER)
		return -1;
	if (until_ms <= now_ms)
		return 0;
	return until_ms - now_ms > INT_MAX ? INT_MAX : (int)(until_ms - now_ms);
}

static int linux_wait(struct machine *machine, int64_t until_ms, struct machine_call **done)
{
	struct machine_linux *this = linux_of(machine);
	struct pollfd polled[WORKERS_MAX + 1];

	for (;;) {
		size_t count = this->worker_count;
		int64_t now_ms = linux_now_ms(machine);
		int r;

		if (this->stopped)
			return -EINTR;
		for (size_t i = 0; i < count; i++) {
			/* An idle worker is not looked at: poll() skips negative descriptors. */
			polled[i].fd = this->workers[i]->call ? this->workers[i]->fd : -1;
			polled[i].events = POLLIN;
			polled[i].revents = 0;
		}
		polled[count] = (struct pollfd){ .fd = this->signal_fd, .events = POLLIN };
		r = poll(polled, count + 1, poll_timeout(now_ms, earliest_end(this, until_ms)));
		if (r < 0 && errno != EINTR)
			return -errno;
		this->stopped = r > 0 && polled[count].revents != 0;
		*done = r > 0 && !this->stopped ? take_finished(this, polled) : NULL;
		now_ms = linux_now_ms(machine);
		if (!*done && !this->stopped)
			*done = take_overdue(this, now_ms);
		if (*done || (!this->stopped && until_ms <= now_ms))
			return 0;
	}
}

static const struct machine_interface linux_interface = {
	.now_ms = linux_now_ms,
	.start = linux_start,
	.wait = linux_wait,
};

static int take_signals(struct machine_linux *this)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	this->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (this->signal_fd < 0)
		return -errno;
	if (sigprocmask(SIG_BLOCK, &signals, &this->old_mask) < 0) {
		close(this->signal_fd);
		return -errno;
	}
	return 0;
}

int machine_linux_create(const char *sysfs, const char *uv_device, struct machine **machine)
{
	cleanup_close_ int sysfs_fd = open(sysfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_free_ struct machine_linux *this = calloc(1, sizeof(*this));
	int r;

	if (!this)
		return -ENOMEM;
	if (sysfs_fd < 0)
		return -errno;
	this->machine.interface = &linux_interface;
	this->uv_device = uv_device;
	r = take_signals(this);
	if (r < 0)
		return r;
	this->sysfs_fd = take_fd(&sysfs_fd);
	*machine = &take_pointer(this)->machine;
	return 0;
}

/* A signal that stopped the run was answered by it; unblocked, it must not end the program a second time. */
static void drain_signals(int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		;
}

void machine_linux_destroy(struct machine *machine)
{
	struct machine_linux *this = linux_of(machine);

	if (!this)
		return;
	while (this->worker_count > 0)
		drop_worker(this, this->worker_count - 1);
	drain_signals(this->signal_fd);
	sigprocmask(SIG_SETMASK, &this->old_mask, NULL);
	close(this->signal_fd);
	close(this->sysfs_fd);
	free(this);
}
