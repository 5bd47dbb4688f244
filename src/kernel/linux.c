/* SPDX-License-Identifier: MIT */
#include "kernel/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "kernel/worker.h"
#include "util/cleanup.h"
#include "util/wait.h"

#define END_TRIES 50 /* checks, one millisecond apart, whether our children have ended */

/* The calls of one card, or of none, and the process that makes them one after the other. */
struct channel {
	struct worker *worker;        /* NULL: none yet, or the last one was abandoned */
	struct machine_call *waiting; /* started, and the worker does not have them yet; linked by next */
};

struct machine_linux {
	struct machine machine;
	int sysfs_fd;
	int signal_fd;
	sigset_t old_mask;
	const char *uv_device;
	int error; /* why work has stopped (-EINTR: a signal); afterwards no memory of the caller is touched */
	/* When the clock was last read: before and after a sleep is enough, because it is a system call in a guest. */
	int64_t now_ms;
	struct channel channels[MACHINE_CHANNELS];
	size_t channel_count;           /* those in use are among the first ones */
	struct machine_call *completed; /* to be handed out; linked by next */
};

static struct machine_linux *linux_of(struct machine *machine)
{
	return (struct machine_linux *)machine;
}

/* --- lists of calls ------------------------------------------------------------------------------- */

static void append(struct machine_call **list, struct machine_call *calls)
{
	while (*list)
		list = &(*list)->next;
	*list = calls;
}

static struct machine_call *take_first(struct machine_call **list)
{
	struct machine_call *call = *list;

	*list = call->next;
	call->next = NULL;
	return call;
}

/* --- clock ---------------------------------------------------------------------------------------- */

static int64_t linux_now_ms(struct machine *machine)
{
	return linux_of(machine)->now_ms;
}

/* --- workers -------------------------------------------------------------------------------------- */

static bool is_busy(const struct channel *channel)
{
	return channel->worker && channel->worker->calls;
}

static void complete(struct machine_linux *this, struct machine_call *calls, int error)
{
	for (struct machine_call *call = calls; call; call = call->next)
		call->error = error;
	append(&this->completed, calls);
}

/*
 * Leaves the worker of a channel behind, and takes the results of its completed calls. The others wait again; true if
 * the first of these was begun.
 */
static bool drop_worker(struct machine_linux *this, struct channel *channel)
{
	struct worker_calls calls = worker_abandon(channel->worker);

	channel->worker = NULL;
	append(&this->completed, calls.done);
	append(&calls.rest, channel->waiting);
	channel->waiting = calls.rest;
	return calls.begun;
}

/*
 * A call hangs in the kernel: it and all calls that wait behind it fail. If the worker had begun none of them, the card
 * is not at fault: another worker makes them, unless their time is over.
 */
static void drop_hung(struct machine_linux *this, struct channel *channel)
{
	bool begun = drop_worker(this, channel);

	if (!channel->waiting || (!begun && channel->waiting->until_ms > this->now_ms))
		return;
	complete(this, take_first(&channel->waiting), -ETIMEDOUT);
	complete(this, channel->waiting, -ECANCELED);
	channel->waiting = NULL;
}

/*
 * A child was killed. Another one makes the rest of its calls: the first of them once more at most, because it may be
 * what kills the child, and not at all if it was begun and is no read, because it may have taken effect.
 */
static void drop_dead(struct machine_linux *this, struct channel *channel)
{
	bool begun = drop_worker(this, channel);
	struct machine_call *first = channel->waiting;

	if (!first)
		return;
	if (first->repeated || (begun && first->operation != MACHINE_READ && first->operation != MACHINE_LIST))
		complete(this, take_first(&channel->waiting), -EOWNERDEAD);
	else
		first->repeated = true;
}

static size_t data_size(size_t channel)
{
	return channel == MACHINE_NO_CARD ? WORKER_DATA_SIZE_MAX : WORKER_DATA_SIZE;
}

/* Starts the calls that wait for a channel. */
static void start_waiting(struct machine_linux *this, size_t number)
{
	struct channel *channel = &this->channels[number];

	while (channel->waiting && !is_busy(channel)) {
		int r = 0;

		if (!channel->worker)
			r = worker_create(data_size(number), this->sysfs_fd, this->uv_device, &channel->worker);
		if (r < 0)
			complete(this, take_first(&channel->waiting), r);
		else if (worker_start(channel->worker, &channel->waiting, this->now_ms) < 0)
			drop_dead(this, channel);
	}
}

/* `is_readable`: the worker has answered or ended. */
static void check_worker(struct machine_linux *this, struct channel *channel, bool is_readable)
{
	struct machine_call *done;

	if (is_readable && worker_finish(channel->worker, &done))
		append(&this->completed, done);
	else if (is_readable)
		drop_dead(this, channel);
	if (is_busy(channel) && worker_limit_ms(channel->worker, this->now_ms) <= this->now_ms)
		drop_hung(this, channel);
}

/* --- waiting -------------------------------------------------------------------------------------- */

/* The next timeout. */
static int64_t wake_time_ms(const struct machine_linux *this, int64_t until_ms)
{
	for (size_t i = 0; i < this->channel_count; i++) {
		const struct channel *channel = &this->channels[i];
		int64_t limit_ms = is_busy(channel) ? worker_limit_ms(channel->worker, this->now_ms) : until_ms;

		until_ms = limit_ms < until_ms ? limit_ms : until_ms;
	}
	return until_ms;
}

/* Waits for workers and signals, and handles them. */
static void wait_for_workers(struct machine_linux *this, int64_t until_ms)
{
	struct pollfd polled[MACHINE_CHANNELS + 1];
	size_t count = this->channel_count;
	int64_t left_ms;

	this->now_ms = wait_now_ms();
	for (size_t i = 0; i < count; i++) {
		const struct channel *channel = &this->channels[i];

		/* An idle worker is not polled: negative descriptors are skipped. */
		polled[i] = (struct pollfd){ .fd = is_busy(channel) ? channel->worker->fd : -1, .events = POLLIN };
	}
	polled[count] = (struct pollfd){ .fd = this->signal_fd, .events = POLLIN };
	left_ms = wake_time_ms(this, until_ms) - this->now_ms;
	if (left_ms < 0)
		left_ms = 0;
	if (poll(polled, count + 1, left_ms < INT_MAX ? (int)left_ms : INT_MAX) < 0 && errno != EINTR) {
		this->error = -errno;
		return;
	}
	this->now_ms = wait_now_ms();
	if (polled[count].revents != 0)
		this->error = -EINTR;
	for (size_t i = 0; i < count; i++)
		check_worker(this, &this->channels[i], polled[i].revents != 0);
}

static int linux_start(struct machine *machine, struct machine_call *call)
{
	struct machine_linux *this = linux_of(machine);

	if (this->error < 0)
		return this->error;
	if (call->channel >= MACHINE_CHANNELS)
		return -EINVAL;
	if (call->size > data_size(call->channel) || (call->operation == MACHINE_WRITE && call->length > call->size))
		return -E2BIG;
	call->error = 0;
	call->repeated = false;
	call->next = NULL;
	append(&this->channels[call->channel].waiting, call);
	if (this->channel_count <= call->channel)
		this->channel_count = call->channel + 1;
	return 0;
}

static int linux_wait(struct machine *machine, int64_t until_ms, struct machine_call **done)
{
	struct machine_linux *this = linux_of(machine);

	while (this->error == 0) {
		for (size_t i = 0; i < this->channel_count; i++)
			start_waiting(this, i);
		if (this->completed) {
			*done = take_first(&this->completed);
			return 0;
		}
		wait_for_workers(this, until_ms);
		if (this->error == 0 && !this->completed && until_ms <= this->now_ms)
			return 0;
	}
	return this->error;
}

static const struct machine_interface linux_interface = {
	.now_ms = linux_now_ms,
	.start = linux_start,
	.wait = linux_wait,
};

/* --- beginning and end ---------------------------------------------------------------------------- */

/*
 * A signal that is ignored at the start stays ignored (nohup, background jobs of a shell script). It must not be
 * blocked: a blocked signal becomes pending even if it is ignored.
 */
static bool is_ignored(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static int take_signals(struct machine_linux *this)
{
	cleanup_close_ int signal_fd = -1;
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < WAIT_SIGNAL_COUNT; i++) {
		if (!is_ignored(wait_signals[i]))
			sigaddset(&signals, wait_signals[i]);
	}
	signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signal_fd < 0 || sigprocmask(SIG_BLOCK, &signals, &this->old_mask) < 0)
		return -errno;
	this->signal_fd = take_fd(&signal_fd);
	return 0;
}

int machine_linux_create(const char *sysfs, const char *uv_device, struct machine **machine)
{
	cleanup_free_ struct machine_linux *this = calloc(1, sizeof(*this));
	cleanup_close_ int sysfs_fd = open(sysfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (sysfs_fd < 0)
		return -errno;
	if (!this)
		return -ENOMEM;
	this->machine.interface = &linux_interface;
	this->uv_device = uv_device;
	this->now_ms = wait_now_ms();
	r = take_signals(this);
	if (r < 0)
		return r;
	this->sysfs_fd = take_fd(&sysfs_fd);
	*machine = &take_pointer(this)->machine;
	return 0;
}

/* The signal that stopped the run has been handled; once unblocked, it must not end the program. */
static void drain_signals(int fd)
{
	struct signalfd_siginfo info;

	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		;
}

/*
 * Children that end after us go to init, which in an initramfs is often a shell that does not expect them. So all are
 * reaped, except those that hang in the kernel.
 */
static void dismiss_workers(struct machine_linux *this)
{
	int tries = 0;
	pid_t ended;

	for (size_t i = 0; i < this->channel_count; i++) {
		if (this->channels[i].worker)
			worker_dismiss(this->channels[i].worker);
	}
	do {
		ended = waitpid(-1, NULL, WNOHANG);
		if (ended == 0)
			poll(NULL, 0, 1);
	} while (ended > 0 || (ended == 0 && ++tries < END_TRIES));
}

void machine_linux_destroy(struct machine *machine)
{
	struct machine_linux *this = linux_of(machine);

	if (!this)
		return;
	dismiss_workers(this);
	drain_signals(this->signal_fd);
	sigprocmask(SIG_SETMASK, &this->old_mask, NULL);
	close(this->signal_fd);
	close(this->sysfs_fd);
	free(this);
}
