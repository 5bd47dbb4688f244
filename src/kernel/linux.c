/* SPDX-License-Identifier: MIT */
#include "kernel/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>

#include "kernel/worker.h"
#include "util/cleanup.h"
#include "util/wait.h"

/* At most one worker is busy for each channel. Abandoned ones are not counted. */
#define WORKERS_MAX MACHINE_CHANNELS

/*
 * microseconds. Most calls are faster than a fork, so another worker is created only when one has been busy this long:
 * it probably waits for a card, and other cards need not wait with it.
 */
#define BLOCKED_US 1000

#define END_TRIES 50 /* checks, one millisecond apart, whether our children have ended */

struct call_list {
	struct machine_call *first, **end;
};

struct channel {
	struct call_list waiting; /* started, and no worker has them yet */
	bool busy;                /* a worker makes calls of this channel; never of MACHINE_NO_CHANNEL */
};

struct machine_linux {
	struct machine machine;
	int sysfs_fd;
	int signal_fd;
	sigset_t old_mask;
	const char *uv_device;
	int error;       /* why work has stopped (-EINTR: a signal); afterwards no memory of the caller is touched */
	int64_t now_us;  /* when the clock was last read */
	int64_t fork_us; /* when another worker may be created for waiting calls; INT64_MAX: no call waits */
	struct worker *workers[WORKERS_MAX];
	size_t worker_count;
	struct channel channels[MACHINE_CHANNELS];
	size_t next_channel;        /* served first next time, so that every channel gets its turn */
	struct call_list completed; /* to be handed out */
};

static struct machine_linux *linux_of(struct machine *machine)
{
	return (struct machine_linux *)machine;
}

/* --- lists of calls ------------------------------------------------------------------------------- */

static void list_init(struct call_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_append(struct call_list *list, struct machine_call *calls)
{
	*list->end = calls;
	while (*list->end)
		list->end = &(*list->end)->next;
}

static void list_prepend(struct call_list *list, struct machine_call *calls)
{
	struct machine_call *rest = list->first;

	list_init(list);
	list_append(list, calls);
	list_append(list, rest);
}

static struct machine_call *list_take_all(struct call_list *list)
{
	struct machine_call *calls = list->first;

	list_init(list);
	return calls;
}

static struct machine_call *list_take_first(struct call_list *list)
{
	struct machine_call *call = list->first;

	list->first = call->next;
	if (!call->next)
		list_init(list);
	call->next = NULL;
	return call;
}

/* --- clock ---------------------------------------------------------------------------------------- */

/*
 * Reading the clock is a system call here and expensive in a guest; once before and once after a sleep is enough.
 */
static void read_clock(struct machine_linux *this)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	this->now_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t linux_now_ms(struct machine *machine)
{
	return linux_of(machine)->now_us / 1000;
}

/* --- workers -------------------------------------------------------------------------------------- */

static void complete(struct machine_linux *this, struct machine_call *calls, int error)
{
	for (struct machine_call *call = calls; call; call = call->next)
		call->error = error;
	list_append(&this->completed, calls);
}

/* Removes a worker and takes the results of its completed calls; the channel of its batch is free again. */
static struct worker_calls drop_worker(struct machine_linux *this, size_t i, struct channel **channel)
{
	struct worker *worker = this->workers[i];
	struct worker_calls calls;

	*channel = &this->channels[worker->calls ? worker->calls->channel : MACHINE_NO_CHANNEL];
	(*channel)->busy = false;
	calls = worker_abandon(worker);
	this->workers[i] = this->workers[--this->worker_count];
	list_append(&this->completed, calls.done);
	return calls;
}

/*
 * A call hangs in the kernel: it and all calls that wait behind it fail. If the worker did not begin any call, the
 * card is not at fault, and another worker makes them.
 */
static void drop_hung(struct machine_linux *this, size_t i)
{
	struct channel *channel;
	struct worker_calls calls = drop_worker(this, i, &channel);

	if (!calls.begun) {
		list_prepend(&channel->waiting, calls.rest);
		return;
	}
	complete(this, calls.begun, -ETIMEDOUT);
	complete(this, calls.rest, -ECANCELED);
	if (calls.begun->channel != MACHINE_NO_CHANNEL)
		complete(this, list_take_all(&channel->waiting), -ECANCELED);
}

/* The first call that waits is made by another child, once: it may be the call that ends the child, or all of them end. */
static void repeat_first(struct machine_linux *this, struct channel *channel)
{
	if (channel->waiting.first->repeated)
		complete(this, list_take_first(&channel->waiting), -EOWNERDEAD);
	else
		channel->waiting.first->repeated = true;
}

/* A child was killed. Another one makes the calls that were not begun, and repeats a read. */
static void drop_dead(struct machine_linux *this, size_t i)
{
	struct channel *channel;
	struct worker_calls calls = drop_worker(this, i, &channel);
	const struct machine_call *begun = calls.begun;

	list_prepend(&channel->waiting, calls.rest);
	if (begun && begun->operation != MACHINE_READ && begun->operation != MACHINE_LIST) {
		complete(this, calls.begun, -EOWNERDEAD);
	} else if (begun || calls.rest) {
		list_prepend(&channel->waiting, calls.begun);
		repeat_first(this, channel);
	}
}

/* When another worker may be created (microseconds); INT64_MIN: now, because no worker is busy. */
static int64_t fork_time_us(const struct machine_linux *this)
{
	int64_t oldest_us = INT64_MAX;

	for (size_t i = 0; i < this->worker_count; i++) {
		if (this->workers[i]->calls && this->workers[i]->started_us < oldest_us)
			oldest_us = this->workers[i]->started_us;
	}
	return oldest_us == INT64_MAX ? INT64_MIN : oldest_us + BLOCKED_US;
}

/* Only a few sizes, because the memory of a worker is never freed. */
static size_t worker_size_for(size_t size)
{
	size_t rounded = WORKER_DATA_SIZE;

	while (rounded < size)
		rounded *= 2;
	return rounded;
}

/* An idle worker, or a new one; NULL if the call has to wait for a busy one. */
static int find_worker(struct machine_linux *this, size_t size, struct worker **worker)
{
	int64_t fork_us = fork_time_us(this);
	int r;

	*worker = NULL;
	for (size_t i = this->worker_count; i-- > 0;) {
		if (this->workers[i]->calls)
			continue;
		if (this->workers[i]->size >= size) {
			*worker = this->workers[i];
			return 0;
		}
		/* The larger worker created below replaces it. */
		worker_dismiss(this->workers[i]);
		this->workers[i] = this->workers[--this->worker_count];
	}
	if (this->worker_count == WORKERS_MAX)
		return 0;
	if (fork_us > this->now_us) {
		this->fork_us = fork_us;
		return 0;
	}
	/* Reap dismissed workers that have ended. */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	r = worker_create(worker_size_for(size), this->sysfs_fd, this->uv_device, worker);
	if (r == 0)
		this->workers[this->worker_count++] = *worker;
	/* If no process can be created, wait for a busy worker. */
	return fork_us == INT64_MIN ? r : 0;
}

/* Takes as many calls as fit into one batch. Those of MACHINE_NO_CHANNEL do not wait for each other. */
static struct machine_call *take_batch(struct channel *channel, size_t size)
{
	struct machine_call *batch = list_take_first(&channel->waiting), *last = batch;

	while (channel->waiting.first && batch->channel != MACHINE_NO_CHANNEL) {
		last->next = list_take_first(&channel->waiting);
		if (!worker_fits(batch, size)) {
			list_prepend(&channel->waiting, last->next);
			last->next = NULL;
			break;
		}
		last = last->next;
	}
	return batch;
}

/*
 * Passes a batch to an idle worker. If that fails, the worker has died, and the calls wait for the next one. They may
 * find many that died idle, but a new one that dies at once counts.
 */
static void start_batch(struct machine_linux *this, struct worker *worker, struct channel *channel)
{
	struct machine_call *batch = take_batch(channel, worker->size);
	size_t i = 0;

	if (worker_start(worker, batch, this->now_us) == 0) {
		channel->busy = batch->channel != MACHINE_NO_CHANNEL;
		return;
	}
	list_prepend(&channel->waiting, batch);
	if (worker->started_us == 0)
		repeat_first(this, channel);
	while (this->workers[i] != worker)
		i++;
	drop_dead(this, i);
}

/* Starts the calls of one channel. False: no worker is available, for other channels neither. */
static bool dispatch_channel(struct machine_linux *this, struct channel *channel)
{
	while (channel->waiting.first && !channel->busy) {
		struct worker *worker;
		int r = find_worker(this, channel->waiting.first->size, &worker);

		if (r == 0 && !worker)
			return false;
		if (r < 0)
			complete(this, list_take_first(&channel->waiting), r);
		else
			start_batch(this, worker, channel);
	}
	return true;
}

static void dispatch(struct machine_linux *this)
{
	size_t first = this->next_channel;

	this->fork_us = INT64_MAX;
	for (size_t i = 0; i < MACHINE_CHANNELS; i++) {
		this->next_channel = (first + i) % MACHINE_CHANNELS;
		if (!dispatch_channel(this, &this->channels[this->next_channel]))
			return;
	}
}

/* Calls whose limit is exceeded: their worker is abandoned. */
static void drop_overdue(struct machine_linux *this)
{
	int64_t now_ms = this->now_us / 1000;

	for (size_t i = this->worker_count; i-- > 0;) {
		if (this->workers[i]->calls && worker_limit_ms(this->workers[i], now_ms) <= now_ms)
			drop_hung(this, i);
	}
	for (size_t i = 0; i < MACHINE_CHANNELS; i++) {
		struct call_list *waiting = &this->channels[i].waiting;
		struct machine_call *rest = list_take_all(waiting);

		while (rest) {
			struct machine_call *call = rest;

			rest = call->next;
			call->next = NULL;
			if (call->until_ms <= now_ms)
				complete(this, call, -ETIMEDOUT);
			else
				list_append(waiting, call);
		}
	}
}

static void finish_batches(struct machine_linux *this, const struct pollfd *polled, size_t count)
{
	for (size_t i = count; i-- > 0;) {
		struct machine_call *done;

		if (polled[i].revents == 0)
			continue;
		if (!worker_finish(this->workers[i], &done)) {
			drop_dead(this, i);
			continue;
		}
		this->channels[done->channel].busy = false;
		list_append(&this->completed, done);
	}
}

/* --- waiting -------------------------------------------------------------------------------------- */

/* The next timeout (microseconds). */
static int64_t wake_time_us(struct machine_linux *this, int64_t until_ms)
{
	int64_t wake_us, now_ms = this->now_us / 1000;

	for (size_t i = 0; i < this->worker_count; i++) {
		if (this->workers[i]->calls && worker_limit_ms(this->workers[i], now_ms) < until_ms)
			until_ms = worker_limit_ms(this->workers[i], now_ms);
	}
	for (size_t i = 0; i < MACHINE_CHANNELS; i++) {
		for (const struct machine_call *call = this->channels[i].waiting.first; call; call = call->next) {
			if (call->until_ms < until_ms)
				until_ms = call->until_ms;
		}
	}
	wake_us = until_ms < INT64_MAX / 1000 ? until_ms * 1000 : INT64_MAX;
	return this->fork_us < wake_us ? this->fork_us : wake_us;
}

static int poll_until(struct machine_linux *this, struct pollfd *polled, size_t count, int64_t wake_us)
{
	int64_t left_us = wake_us - this->now_us;
	struct timespec left = { 0 };

	if (left_us > 0) {
		left.tv_sec = (time_t)(left_us / 1000000);
		left.tv_nsec = (long)(left_us % 1000000) * 1000;
	}
	if (ppoll(polled, count, wake_us == INT64_MAX ? NULL : &left, NULL) < 0 && errno != EINTR)
		return -errno;
	read_clock(this);
	return 0;
}

/* Waits for workers and signals, and handles them. */
static void wait_for_workers(struct machine_linux *this, int64_t until_ms)
{
	struct pollfd polled[WORKERS_MAX + 1];
	size_t count = this->worker_count;

	read_clock(this);
	for (size_t i = 0; i < count; i++) {
		const struct worker *worker = this->workers[i];

		/* An idle worker is not polled: negative descriptors are skipped. */
		polled[i] = (struct pollfd){ .fd = worker->calls ? worker->fd : -1, .events = POLLIN };
	}
	polled[count] = (struct pollfd){ .fd = this->signal_fd, .events = POLLIN };
	this->error = poll_until(this, polled, count + 1, wake_time_us(this, until_ms));
	if (this->error < 0)
		return;
	if (polled[count].revents != 0)
		this->error = -EINTR;
	finish_batches(this, polled, count);
	drop_overdue(this);
}

static int linux_start(struct machine *machine, struct machine_call *call)
{
	struct machine_linux *this = linux_of(machine);

	if (this->error < 0)
		return this->error;
	if (call->operation == MACHINE_WRITE && call->length > call->size)
		return -E2BIG;
	if (call->channel >= MACHINE_CHANNELS)
		return -EINVAL;
	call->error = 0;
	call->repeated = false;
	call->next = NULL;
	list_append(&this->channels[call->channel].waiting, call);
	return 0;
}

static int linux_wait(struct machine *machine, int64_t until_ms, struct machine_call **done)
{
	struct machine_linux *this = linux_of(machine);

	while (this->error == 0) {
		dispatch(this);
		if (this->completed.first) {
			*done = list_take_first(&this->completed);
			return 0;
		}
		wait_for_workers(this, until_ms);
		if (this->error == 0 && !this->completed.first && until_ms <= linux_now_ms(machine))
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
	sigset_t signals;

	sigemptyset(&signals);
	for (size_t i = 0; i < WAIT_SIGNAL_COUNT; i++) {
		if (!is_ignored(wait_signals[i]))
			sigaddset(&signals, wait_signals[i]);
	}
	this->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (this->signal_fd < 0)
		return -errno;
	if (sigprocmask(SIG_BLOCK, &signals, &this->old_mask) < 0) {
		int error = errno;

		close(this->signal_fd);
		return -error;
	}
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
	for (size_t i = 0; i < MACHINE_CHANNELS; i++)
		list_init(&this->channels[i].waiting);
	list_init(&this->completed);
	read_clock(this);
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

	while (this->worker_count > 0)
		worker_dismiss(this->workers[--this->worker_count]);
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
