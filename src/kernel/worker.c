/* SPDX-License-Identifier: MIT */
#include "kernel/worker.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/cleanup.h"

#define STACK_SIZE 16384 /* bytes; a call needs a fraction of it */
/* Bytes: the largest page there is. mprotect() rounds up to whole pages, and must not reach the stack. */
#define GUARD_SIZE 65536

/* Where raw_syscall (worker_child.c) uses the C library, the child would change our errno. */
#if defined(__s390x__) || defined(__x86_64__)
#define CLONE_FLAGS (CLONE_VM | SIGCHLD)
#else
#define CLONE_FLAGS SIGCHLD
#endif

static pid_t start_child(const struct worker *worker)
{
	pid_t pid = clone(worker_child_run, worker->stack + STACK_SIZE, CLONE_FLAGS, worker->batch);

	/* A user-mode emulator does not support processes that share memory: EINVAL. */
	if (pid < 0)
		pid = fork();
	if (pid == 0)
		worker_child_run(worker->batch);
	return pid < 0 ? -errno : pid;
}

static size_t memory_size(const struct worker *worker)
{
	return GUARD_SIZE + STACK_SIZE + sizeof(struct worker_batch) + worker->size;
}

/*
 * One mapping: a guard page, the stack, the batch. Shared, in case the child does not share our memory. Pages that no
 * call uses cost nothing.
 */
static int map_memory(struct worker *worker)
{
	char *memory = mmap(NULL, memory_size(worker), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		return -ENOMEM;
	worker->stack = memory + GUARD_SIZE;
	worker->batch = (struct worker_batch *)(void *)(worker->stack + STACK_SIZE);
	return mprotect(memory, GUARD_SIZE, PROT_NONE) < 0 ? -errno : 0;
}

static int connect_child(struct worker *worker, int sysfs_fd, const char *uv_path)
{
	int ends[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	worker->batch->fd = ends[1];
	worker->batch->sysfs_fd = sysfs_fd;
	worker->batch->uv_path = uv_path;
	worker->batch->parent = getpid();
	r = start_child(worker);
	close(ends[1]);
	if (r < 0) {
		close(ends[0]);
		return r;
	}
	worker->pid = r;
	worker->fd = ends[0];
	return 0;
}

int worker_create(size_t size, int sysfs_fd, const char *uv_path, struct worker **result)
{
	cleanup_free_ struct worker *worker = calloc(1, sizeof(*worker));
	int r;

	if (!worker)
		return -ENOMEM;
	worker->size = size;
	r = map_memory(worker);
	if (r == 0)
		r = connect_child(worker, sysfs_fd, uv_path);
	if (r == 0)
		*result = take_pointer(worker);
	else if (worker->stack) /* not in use yet */
		munmap(worker->stack - GUARD_SIZE, memory_size(worker));
	return r;
}

static void copy_call(struct worker_batch *batch, char *data, const struct machine_call *call)
{
	struct machine_call *copy = &batch->calls[batch->count++];

	*copy = *call;
	copy->data = data;
	if (call->operation == MACHINE_WRITE)
		memcpy(data, call->data, call->length);
	else if (call->operation == MACHINE_UV && call->size > 0) /* some calls of the Ultravisor take no data: NULL */
		memcpy(data, call->data, call->size);
}

int worker_start(struct worker *worker, struct machine_call **calls, int64_t now_ms)
{
	struct machine_call **end = calls, *rest;
	size_t used = 0;

	worker->batch->count = 0;
	atomic_store(&worker->batch->next, 0);
	atomic_store(&worker->batch->done, 0);
	while (*end && worker->batch->count < WORKER_BATCH_MAX && (*end)->size <= worker->size - used) {
		copy_call(worker->batch, worker->batch->data + used, *end);
		used += (*end)->size;
		end = &(*end)->next;
	}
	if (send(worker->fd, "", 1, MSG_NOSIGNAL) != 1)
		return -errno;
	rest = *end;
	*end = NULL;
	worker->calls = *calls;
	*calls = rest;
	worker->seen_done = 0;
	worker->progress_ms = now_ms;
	return 0;
}

static void take_result(const struct machine_call *copy, struct machine_call *call)
{
	call->error = copy->error;
	call->uv_rc = copy->uv_rc;
	call->uv_rrc = copy->uv_rrc;
	if (call->operation == MACHINE_READ || call->operation == MACHINE_LIST) {
		/* Check the length even from our own child: the NUL must lie inside the buffer. */
		call->length = copy->error == 0 && copy->length < call->size ? copy->length : 0;
		memcpy(call->data, copy->data, call->length);
		call->data[call->length] = '\0';
	} else if (call->operation == MACHINE_UV && copy->error == 0 && call->size > 0) {
		memcpy(call->data, copy->data, call->size);
	}
}

/* Takes the results of the first calls; returns the link to the others. */
static struct machine_call **take_results(const struct worker *worker, unsigned int count, struct machine_call **calls)
{
	for (unsigned int i = 0; i < count; i++) {
		take_result(&worker->batch->calls[i], *calls);
		calls = &(*calls)->next;
	}
	return calls;
}

bool worker_finish(struct worker *worker, struct machine_call **done)
{
	char byte;

	if (recv(worker->fd, &byte, 1, MSG_DONTWAIT) != 1)
		return false;
	*done = worker->calls;
	take_results(worker, worker->batch->count, done);
	worker->calls = NULL;
	return true;
}

int64_t worker_limit_ms(struct worker *worker, int64_t now_ms)
{
	unsigned int done = atomic_load(&worker->batch->done);
	const struct machine_call *call = worker->calls;
	int64_t limit_ms;

	/* A child that has begun nothing has not run yet, which is no fault of the card. */
	if (done != worker->seen_done || atomic_load(&worker->batch->next) == 0) {
		worker->seen_done = done;
		worker->progress_ms = now_ms;
	}
	for (unsigned int i = 0; i < done && call->next; i++)
		call = call->next;
	limit_ms = call->limit_ms > 0 ? worker->progress_ms + call->limit_ms : call->until_ms;
	return limit_ms < call->until_ms ? limit_ms : call->until_ms;
}

static void end_child(const struct worker *worker)
{
	/* Its id is not reused, even if it is dead: nobody reaps it before all are dismissed. */
	if (worker->calls)
		kill(worker->pid, SIGKILL);
	/* Closing the socket ends an idle child. */
	close(worker->fd);
}

void worker_dismiss(struct worker *worker)
{
	end_child(worker);
	free(worker);
}

struct worker_calls worker_abandon(struct worker *worker)
{
	struct worker_calls calls = { .done = worker->calls };
	struct machine_call **end;
	unsigned int begun, done;

	end_child(worker);
	/* In this order: after the exchange no call is begun, and every completed one is counted. */
	begun = atomic_exchange(&worker->batch->next, worker->batch->count);
	done = atomic_load(&worker->batch->done);
	if (calls.done) {
		end = take_results(worker, done, &calls.done);
		calls.rest = *end;
		*end = NULL;
		/* The child counts one too far when it finds no more. */
		calls.begun = begun > done && calls.rest;
	}
	free(worker);
	return calls;
}
