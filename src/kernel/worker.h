/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A child process that makes blocking calls, so that the kernel blocks it and not us.
 *
 * Some reads of AP attributes hang for 30 seconds, for more than 100, or for ever in an uninterruptible sleep. A
 * thread in that state keeps its process from exiting; a child process can be left behind. So a worker closes all
 * descriptors that it does not need (an open console or pipe would keep other processes waiting), and ends with us.
 *
 * It shares our memory, like the child of vfork, and takes a batch of calls at once, which it makes one by one: page
 * tables, and waking another process, cost more than most calls. It touches only its own batch and stack. They are
 * never freed, because the kernel may write to them long after we gave up.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/machine.h"

/* Bytes of data for all calls of a batch: on cards; on the Ultravisor, which lists up to 65,535 secrets of 48 bytes. */
#define WORKER_DATA_SIZE (4 * MACHINE_TEXT_SIZE)
#define WORKER_DATA_SIZE_MAX (1024 * MACHINE_TEXT_SIZE)

struct worker_batch; /* shared with the child, see below */

struct worker {
	pid_t pid;
	int fd;      /* our end: readable when the batch is done or the child is gone */
	size_t size; /* bytes of data */
	char *stack;
	struct worker_batch *batch;
	struct machine_call *calls; /* the batch under way, linked by next; NULL: idle */
	unsigned int seen_done;     /* calls of the batch that were done at the last check */
	int64_t progress_ms;        /* when the present call was begun, as far as known */
};

/* How far a batch came. The calls belong to the caller again; done ones have their results. */
struct worker_calls {
	struct machine_call *done; /* linked by next */
	struct machine_call *rest; /* linked by next: the worker will not begin them */
	bool begun;                /* but it has begun the first of them, which may have taken effect or not */
};

/* Makes a worker for calls below the directory sysfs_fd and on the device uv_path. 0 or negative errno. */
int worker_create(size_t size, int sysfs_fd, const char *uv_path, struct worker **worker);

/*
 * Hands a batch of calls (linked by next) to an idle worker: as many as fit, at least one; *calls are the others then.
 * 0 or negative errno (-EPIPE: the worker is gone, nothing was begun, *calls is as before).
 */
int worker_start(struct worker *worker, struct machine_call **calls, int64_t now_ms);

/*
 * After fd became readable: true if the batch is done, with its calls in *done. False: the child is gone; abandon it.
 */
bool worker_finish(struct worker *worker, struct machine_call **done);

/* When the time of a busy worker's present call is over. Takes note of calls that were done since the last check. */
int64_t worker_limit_ms(struct worker *worker, int64_t now_ms);

/*
 * Ends an idle child, kills a busy one, and frees the worker. Does not wait: the child is reaped later. The memory
 * that the child works with stays.
 */
void worker_dismiss(struct worker *worker);

/* Dismisses a worker and says how far its batch came. */
struct worker_calls worker_abandon(struct worker *worker);

/* --- the child (worker_child.c), and the memory that it shares with us ---------------------------- */

/* The child uses neither errno nor the heap of the C library: where it shares all our memory, it shares them too. */

#define WORKER_BATCH_MAX 32 /* calls in a batch */

struct worker_batch {
	int fd, sysfs_fd;
	const char *uv_path;
	pid_t parent;
	unsigned int count;
	/*
	 * The next call to begin. The child takes one at a time; the parent takes back the rest by setting it to
	 * count.
	 */
	atomic_uint next;
	atomic_uint done;                            /* calls whose results are complete */
	struct machine_call calls[WORKER_BATCH_MAX]; /* copies, with their data below */
	char data[];
};

/*
 * Waits for a byte on batch->fd, makes the calls, answers with a byte, and repeats this until the other end is closed
 * or the parent has died. Then ends the process. `batch` is a struct worker_batch.
 */
int worker_child_run(void *batch);
