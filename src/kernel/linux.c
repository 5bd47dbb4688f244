/* SPDX-License-Identifier: MIT */
#include "kernel/linux.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>

#include "kernel/cpus.h"
#include "kernel/worker.h"
#include "util/cleanup.h"

/* One worker a lane is busy at a time, and lanes are cards. A worker left behind is not counted. */
#define WORKERS_MAX 257

/*
 * Most calls take less time than a new process, so a further worker is made only when one has been busy for so long
 * (microseconds): then it is waiting for a card, and other cards should not wait with it.
 */
#define BLOCKED_US 1000

#define END_TRIES 50 /* looks, a millisecond apart, for the end of our children */

struct call_list {
	struct machine_call *first, **end;
};

struct machine_linux {
	struct machine machine;
	int sysfs_fd;
	int signal_fd;
	sigset_t old_mask;
	const char *uv_device;
	int error;       /* what ended the work, -EINTR if a signal did; nothing of the caller's is touched then */
	int64_t now_us;  /* when the clock was last looked at */
	int64_t fork_us; /* when there may be a further worker for calls that wait for one; INT64_MAX: none does */
	struct worker *workers[WORKERS_MAX];
	size_t worker_count;
	struct call_list started;   /* no worker has them yet */
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

static struct machine_call *list_take(struct call_list *list, struct machine_call **place)
{
	struct machine_call *call = *place;

	*place = call->next;
	if (list->end == &call->next)
		list->end = place;
	call->next = NULL;
	return call;
}

static void list_put_back(struct call_list *list, struct machine_call **place, struct machine_call *call)
{
	call->next = *place;
	*place = call;
	if (!call->next)
		list->end = &call->next;
}

/* --- clock ---------------------------------------------------------------------------------------- */

/* A look at the clock is a system call here, and not a cheap one in a guest: one before and one after a sleep do. */
static void look_at_clock(struct machine_linux *this)
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

/* What was started behind a call that did not come back is not made. */
static void end_lane(struct machine_linux *this, unsigned int lane)
{
	struct machine_call **place = &this->started.first;

	while (lane != MACHINE_NO_LANE && *place) {
		if ((*place)->lane != lane) {
			place = &(*place)->next;
			continue;
		}
		(*place)->error = -ETIMEDOUT;
		list_append(&this->completed, list_take(&this->started, place));
	}
}

/*
 * Leaves a worker behind. Calls of the lane in which it is stuck end; those of other lanes were only waiting behind
 * it, and are started anew. So are all calls of one that did not even begin: it waits for a CPU that is kept.
 */
static void drop_worker(struct machine_linux *this, size_t i)
{
	bool has_begun;
	int cpu = this->workers[i]->cpu;
	struct machine_call *calls = worker_abandon(this->workers[i], &has_begun), **place = &calls;
	struct call_list others, ended;
	unsigned int stuck_lane = MACHINE_NO_LANE;

	list_init(&others);
	list_init(&ended);
	this->workers[i] = this->workers[--this->worker_count];
	/* One that has no calls was not kept but died. */
	if (calls && cpu >= 0)
		cpus_lose(cpu);
	while (*place) {
		struct machine_call *call = *place;

		*place = call->next;
		call->next = NULL;
		if (has_begun && call->error == -ETIMEDOUT && stuck_lane == MACHINE_NO_LANE)
			stuck_lane = call->lane;
		list_append(call->error == -ETIMEDOUT && (!has_begun || call->lane != stuck_lane) ? &others : &ended,
			    call);
	}
	list_append(&this->completed, ended.first);
	list_append(&others, this->started.first);
	this->started = others;
	if (!others.first)
		list_init(&this->started);
	end_lane(this, stuck_lane);
}

static bool lane_is_busy(const struct machine_linux *this, unsigned int lane)
{
	if (lane == MACHINE_NO_LANE)
		return false;
	for (size_t i = 0; i < this->worker_count; i++) {
		for (const struct machine_call *call = this->workers[i]->calls; call; call = call->next) {
			if (call->lane == lane)
				return true;
		}
	}
	return false;
}

/* Microseconds from which on a further worker may be made; INT64_MIN: now, as none is busy. */
static int64_t fork_time_us(const struct machine_linux *this)
{
	int64_t oldest_us = INT64_MAX;

	for (size_t i = 0; i < this->worker_count; i++) {
		if (this->workers[i]->calls && this->workers[i]->started_us < oldest_us)
			oldest_us = this->workers[i]->started_us;
	}
	return oldest_us == INT64_MAX ? INT64_MIN : oldest_us + BLOCKED_US;
}

/* Few sizes, because the memory of a worker is never given back. */
static size_t worker_size_for(size_t size)
{
	size_t rounded = WORKER_DATA_SIZE;

	while (rounded < size)
		rounded *= 2;
	return rounded;
}

/* An idle worker, or a new one; NULL if the call has to wait for one of those that are busy. */
static int find_worker(struct machine_linux *this, size_t size, struct worker **worker)
{
	int64_t fork_us = fork_time_us(this);
	int r;

	*worker = NULL;
	for (size_t i = this->worker_count; i-- > 0;) {
		if (this->workers[i]->calls)
			continue;
		if (this->workers[i]->size >= size && !cpus_is_lost(this->workers[i]->cpu)) {
			*worker = this->workers[i];
			return 0;
		}
		/*
		 * A larger one, to be made below, will do for all that this one could have done. And who is to run on a
		 * lost CPU cannot be moved to another one: the kernel would wait for the lost one first.
		 */
		worker_dismiss(this->workers[i]);
		this->workers[i] = this->workers[--this->worker_count];
	}
	if (this->worker_count == WORKERS_MAX)
		return 0;
	if (fork_us > this->now_us) {
		this->fork_us = fork_us;
		return 0;
	}
	/* Those that were dismissed have ended since. */
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	r = worker_create(worker_size_for(size), this->sysfs_fd, this->uv_device, worker);
	if (r == 0)
		this->workers[this->worker_count++] = *worker;
	/* Where there cannot be more processes, those that are busy now have to do. */
	return fork_us == INT64_MIN ? r : 0;
}

/* A row is the rest of a lane, or quick calls of whatever lanes no other worker is busy with. */
static bool may_join(const struct machine_linux *this, const struct machine_call *row, const struct machine_call *call)
{
	if (row->lane == MACHINE_NO_LANE || !row->quick)
		return row->lane != MACHINE_NO_LANE && call->lane == row->lane;
	return call->quick && call->lane != MACHINE_NO_LANE && !lane_is_busy(this, call->lane);
}

/* Takes the call at `place` out of those started, and what fits into one row with it. */
static struct machine_call *take_row(struct machine_linux *this, struct machine_call **place, size_t size)
{
	struct machine_call *row = list_take(&this->started, place), **end = &row->next;

	while (*place) {
		struct machine_call *call = *place;

		if (!may_join(this, row, call)) {
			/* The first that does not join ends a quick row: nothing overtakes a call of its own lane. */
			if (row->quick)
				break;
			place = &call->next;
			continue;
		}
		*end = list_take(&this->started, place);
		if (!worker_fits(row, size)) {
			*end = NULL;
			list_put_back(&this->started, place, call);
			break;
		}
		end = &call->next;
	}
	return row;
}

/* Only writes have been thought of as keeping their CPU. A worker that has moved stays where it is. */
static void move_for_writes(struct worker *worker, const struct machine_call *row)
{
	while (row && row->operation != MACHINE_WRITE)
		row = row->next;
	if (!row || worker->cpu >= 0)
		return;
	worker->cpu = cpus_pick();
	if (worker->cpu >= 0)
		cpus_move(worker->pid, worker->cpu);
}

/* Hands a row to an idle worker. One that cannot take it has died, and is no use for the next row either. */
static int start_row(struct machine_linux *this, struct worker *worker, struct machine_call *row)
{
	int r;

	move_for_writes(worker, row);
	r = worker_start(worker, row, this->now_us);

	for (size_t i = this->worker_count; r < 0 && i-- > 0;) {
		if (this->workers[i] == worker) {
			drop_worker(this, i);
			break;
		}
	}
	return r;
}

/*
 * Hands what was started to workers, as far as there are any. What cannot be handed over completes with the error.
 * Where there is no worker for one call there is none for those after it either, and they must not overtake it: it
 * may be of their lane.
 */
static void dispatch(struct machine_linux *this)
{
	struct machine_call **place = &this->started.first;

	this->fork_us = INT64_MAX;
	while (*place) {
		struct machine_call *row;
		struct worker *worker;
		int r;

		if (lane_is_busy(this, (*place)->lane)) {
			place = &(*place)->next;
			continue;
		}
		r = find_worker(this, (*place)->size, &worker);
		if (r == 0 && !worker)
			return;
		row = r < 0 ? list_take(&this->started, place) : take_row(this, place, worker->size);
		if (r == 0)
			r = start_row(this, worker, row);
		for (struct machine_call *call = row; r < 0 && call; call = call->next)
			call->error = r;
		if (r < 0)
			list_append(&this->completed, row);
	}
}

/* Calls whose time is over: their worker is left to the kernel. */
static void drop_overdue(struct machine_linux *this)
{
	int64_t now_ms = this->now_us / 1000;
	struct machine_call **place = &this->started.first;

	for (size_t i = this->worker_count; i-- > 0;) {
		if (this->workers[i]->calls && worker_limit_ms(this->workers[i], now_ms) <= now_ms)
			drop_worker(this, i);
	}
	while (*place) {
		if ((*place)->until_ms > now_ms) {
			place = &(*place)->next;
			continue;
		}
		(*place)->error = -ETIMEDOUT;
		list_append(&this->completed, list_take(&this->started, place));
	}
}

static void finish_rows(struct machine_linux *this, const struct pollfd *polled, size_t count)
{
	for (size_t i = count; i-- > 0;) {
		bool usable;

		if (polled[i].revents == 0)
			continue;
		list_append(&this->completed, worker_finish(this->workers[i], &usable));
		if (!usable)
			drop_worker(this, i);
	}
}

/* --- waiting -------------------------------------------------------------------------------------- */

/* When something has to be done at the latest (microseconds), whatever happens before. */
static int64_t wake_time_us(struct machine_linux *this, int64_t until_ms)
{
	int64_t wake_us, now_ms = this->now_us / 1000;

	for (size_t i = 0; i < this->worker_count; i++) {
		if (this->workers[i]->calls && worker_limit_ms(this->workers[i], now_ms) < until_ms)
			until_ms = worker_limit_ms(this->workers[i], now_ms);
	}
	for (const struct machine_call *call = this->started.first; call; call = call->next) {
		if (call->until_ms < until_ms)
			until_ms = call->until_ms;
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
	look_at_clock(this);
	return 0;
}

/* Waits for workers and signals, and takes what they bring. */
static void look(struct machine_linux *this, int64_t until_ms)
{
	struct pollfd polled[WORKERS_MAX + 1];
	size_t count = this->worker_count;

	look_at_clock(this);
	for (size_t i = 0; i < count; i++) {
		const struct worker *worker = this->workers[i];

		/* An idle worker is not looked at: negative descriptors are skipped. */
		polled[i] = (struct pollfd){ .fd = worker->calls ? worker->fd : -1, .events = POLLIN };
	}
	polled[count] = (struct pollfd){ .fd = this->signal_fd, .events = POLLIN };
	this->error = poll_until(this, polled, count + 1, wake_time_us(this, until_ms));
	if (this->error < 0)
		return;
	if (polled[count].revents != 0)
		this->error = -EINTR;
	finish_rows(this, polled, count);
	drop_overdue(this);
}

static int linux_start(struct machine *machine, struct machine_call *call)
{
	struct machine_linux *this = linux_of(machine);

	if (this->error < 0)
		return this->error;
	if (call->operation == MACHINE_WRITE && call->length > call->size)
		return -E2BIG;
	call->error = 0;
	call->next = NULL;
	list_append(&this->started, call);
	return 0;
}

static int linux_wait(struct machine *machine, int64_t until_ms, struct machine_call **done)
{
	struct machine_linux *this = linux_of(machine);

	while (this->error == 0) {
		dispatch(this);
		if (this->completed.first) {
			*done = list_take(&this->completed, &this->completed.first);
			return 0;
		}
		look(this, until_ms);
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
	list_init(&this->started);
	list_init(&this->completed);
	look_at_clock(this);
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

/*
 * A child that ends after us is the child of init, which in an initramfs is often a shell that does not expect it. So
 * all are waited for, also those that were given up; one that the kernel keeps is left to it all the same.
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
