/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A child process that makes one blocking call at a time, so that the kernel can keep it instead of us (design decision 5).
 *
 * Some reads of AP attributes hang for 30 seconds, for more than 100, or for ever in an uninterruptible sleep. A thread in that
 * state keeps its process from exiting; a child can be left behind. So a worker has none of our descriptors beside its
 * two ends (nobody waits for a console or pipe that it holds open), shares only the memory of its own call, and ends with us.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "machine.h"

struct worker_job; /* shared with the child */

struct worker {
	pid_t pid;
	int fd;                 /* our end: readable when the job is done or the child is gone */
	size_t size;            /* bytes of data that a job may have */
	struct worker_job *job;
	struct machine_call *call; /* the call under way, or NULL */
};

/* Makes a worker for calls below the directory sysfs_fd and on the device uv_path. 0 or negative errno. */
int worker_create(size_t size, int sysfs_fd, const char *uv_path, struct worker **worker);

/* Hands a call to an idle worker; 0 or negative errno (-EPIPE: the worker is gone). */
int worker_start(struct worker *worker, struct machine_call *call);

/* Takes the result after fd became readable: fills and returns the call. `usable` is false if the child is gone. */
struct machine_call *worker_finish(struct worker *worker, bool *usable);

/* Kills the child without waiting for it, and frees the worker. The call under way, if any, will never be touched again. */
void worker_abandon(struct worker *worker);
