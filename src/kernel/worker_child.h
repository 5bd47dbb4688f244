/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a worker process (worker.h) runs, and the memory that it shares with us. Nothing here uses the C library's errno
 * or heap: where the process shares all our memory, it shares them too.
 */
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kernel/machine.h"

#define WORKER_ROW_MAX 32 /* calls in a row */

/* Where raw system calls are written for the architecture (worker_child.c), a child can share our memory. */
#if defined(__s390x__) || defined(__x86_64__)
#define WORKER_SHARES_MEMORY
#endif

struct worker_job {
	enum machine_operation operation;
	char path[MACHINE_PATH_SIZE];
	size_t offset, size; /* of its data in worker_row.data */
	size_t length;
	unsigned int uv_command;
	uint16_t uv_rc, uv_rrc;
	int error;
};

struct worker_row {
	int fd, sysfs_fd;
	const char *uv_path;
	pid_t parent;
	unsigned int count;
	/* The next job to begin. The child takes one at a time; the parent takes back the rest by setting it to count. */
	atomic_uint next;
	atomic_uint done; /* jobs whose results are complete */
	struct worker_job jobs[WORKER_ROW_MAX];
	char data[];
};

/*
 * Waits for a byte on row->fd, carries out the jobs, answers with a byte, and so on until the other end is closed or the
 * parent has died. Then ends the process. `row` is a struct worker_row.
 */
int worker_child_run(void *row);
