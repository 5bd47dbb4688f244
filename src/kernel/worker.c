/* SPDX-License-Identifier: MIT */
#include "kernel/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel/attribute.h"
#include "kernel/raw_syscall.h"
#include "kernel/uv.h"
#include "util/cleanup.h"

#define STACK_SIZE 16384 /* bytes; what a call needs is a fraction of it */

struct worker_job {
	enum machine_operation operation;
	char path[MACHINE_PATH_SIZE];
	size_t offset, size; /* where its data lies */
	size_t length;
	unsigned int uv_command;
	uint16_t uv_rc, uv_rrc;
	int error;
};

/* What the child gets to know. */
struct worker_start {
	int fd, sysfs_fd;
	const char *uv_path;
	pid_t parent;
};

/* The shared memory of one worker: what to do, and how it went. */
struct worker_row {
	struct worker_start start;
	unsigned int count;
	atomic_bool has_begun;
	atomic_uint done; /* jobs whose results are complete */
	struct worker_job jobs[WORKER_ROW_MAX];
	char data[];
};

/* --- the child ------------------------------------------------------------------------------------ */

static int do_job(struct worker_job *job, char *data, int sysfs_fd, const char *uv_path)
{
	switch (job->operation) {
	case MACHINE_READ:
		return attribute_read(sysfs_fd, job->path, data, job->size, &job->length);
	case MACHINE_WRITE:
		return attribute_write(sysfs_fd, job->path, data, job->length);
	case MACHINE_LIST:
		return attribute_list(sysfs_fd, job->path, data, job->size, &job->length);
	case MACHINE_UV:
		return uv_call(uv_path, job->uv_command, data, job->size, &job->uv_rc, &job->uv_rrc);
	}
	return -ENOSYS;
}

/* Closes everything from `first` to `last`; a kernel with se_bind has this call. */
static void close_from_to(int first, int last)
{
	if (first <= last)
		raw_syscall(SYS_close_range, first, last, 0, 0);
}

/* Closes all but the sysfs directory and our socket: a child that never returns must not hold a console open. */
static void drop_other_descriptors(int fd, int sysfs_fd)
{
	int lower = fd < sysfs_fd ? fd : sysfs_fd, upper = fd < sysfs_fd ? sysfs_fd : fd;

	close_from_to(0, lower - 1);
	close_from_to(lower + 1, upper - 1);
	close_from_to(upper + 1, INT_MAX);
}

/* The signals that stop the parent are blocked here, as the parent blocks them: it ends this process itself. */
static int run_child(void *argument)
{
	struct worker_row *row = argument;
	const struct worker_start *start = &row->start;
	char byte;

	raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
	if (raw_syscall(SYS_getppid, 0, 0, 0, 0) == start->parent) {
		drop_other_descriptors(start->fd, start->sysfs_fd);
		while (raw_syscall(SYS_read, start->fd, (long)&byte, 1, 0) == 1) {
			atomic_store_explicit(&row->has_begun, true, memory_order_release);
			for (unsigned int i = 0; i < row->count; i++) {
				struct worker_job *job = &row->jobs[i];

				job->error = do_job(job, row->data + job->offset, start->sysfs_fd, start->uv_path);
				atomic_store_explicit(&row->done, i + 1, memory_order_release);
			}
			if (raw_syscall(SYS_write, start->fd, (long)&byte, 1, 0) != 1)
				break;
		}
	}
	raw_syscall(SYS_exit_group, 0, 0, 0, 0);
	return 0;
}

/* --- our side ------------------------------------------------------------------------------------- */

#ifdef RAW_SYSCALLS
static pid_t start_sharing_memory(struct worker *worker)
{
	/* A user-mode emulator knows no process that shares memory and yet is not a thread: EINVAL. */
	pid_t pid = clone(run_child, worker->stack + STACK_SIZE, CLONE_VM | SIGCHLD, worker->row);

	return pid < 0 ? -errno : pid;
}
#else
static pid_t start_sharing_memory(struct worker *worker)
{
	(void)worker;
	return -ENOSYS;
}
#endif

static pid_t start_child(struct worker *worker)
{
	pid_t pid = start_sharing_memory(worker);

	if (pid >= 0)
		return pid;
	pid = fork();
	if (pid == 0)
		run_child(worker->row);
	return pid < 0 ? -errno : pid;
}

/* One page, whatever its size here: mprotect() rounds up to whole pages, and must not reach the stack. */
static size_t guard_size(void)
{
	return getauxval(AT_PAGESZ);
}

static size_t memory_size(const struct worker *worker)
{
	return guard_size() + STACK_SIZE + sizeof(struct worker_row) + worker->size;
}

/* Row and stack in one mapping: a page that nobody may touch, the stack, the row. Shared, in case the child is not. */
static int map_memory(struct worker *worker)
{
	char *memory = mmap(NULL, memory_size(worker), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return -ENOMEM;
	worker->stack = memory + guard_size();
	worker->row = (struct worker_row *)(void *)(worker->stack + STACK_SIZE);
	return mprotect(memory, guard_size(), PROT_NONE) < 0 ? -errno : 0;
}

static int connect_child(struct worker *worker, int sysfs_fd, const char *uv_path)
{
	int ends[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	worker->row->start =
		(struct worker_start){ .fd = ends[1], .sysfs_fd = sysfs_fd, .uv_path = uv_path, .parent = getpid() };
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
	worker->cpu = -1;
	r = map_memory(worker);
	if (r == 0)
		r = connect_child(worker, sysfs_fd, uv_path);
	if (r == 0)
		*result = take_pointer(worker);
	else if (worker->stack) /* nobody works with it yet */
		munmap(worker->stack - guard_size(), memory_size(worker));
	return r;
}

bool worker_fits(const struct machine_call *calls, size_t size)
{
	size_t count = 0;

	for (; calls; calls = calls->next) {
		if (++count > WORKER_ROW_MAX || calls->size > size)
			return false;
		size -= calls->size;
	}
	return true;
}

static void fill_job(struct worker_row *row, size_t *offset, const struct machine_call *call)
{
	struct worker_job *job = &row->jobs[row->count++];

	job->operation = call->operation;
	job->uv_command = call->uv_command;
	job->offset = *offset;
	job->size = call->size;
	job->length = call->length;
	memcpy(job->path, call->path, sizeof(job->path));
	if (call->operation == MACHINE_WRITE)
		memcpy(row->data + *offset, call->data, call->length);
	else if (call->operation == MACHINE_UV && call->size > 0) /* some calls of the Ultravisor take no data: NULL */
		memcpy(row->data + *offset, call->data, call->size);
	*offset += call->size;
}

int worker_start(struct worker *worker, struct machine_call *calls, int64_t now_us)
{
	size_t offset = 0;

	worker->row->count = 0;
	atomic_store_explicit(&worker->row->has_begun, false, memory_order_relaxed);
	atomic_store_explicit(&worker->row->done, 0, memory_order_relaxed);
	for (const struct machine_call *call = calls; call; call = call->next)
		fill_job(worker->row, &offset, call);
	if (send(worker->fd, "", 1, MSG_NOSIGNAL) != 1)
		return -errno;
	worker->calls = calls;
	worker->seen_done = 0;
	worker->started_us = now_us;
	worker->progress_ms = now_us / 1000;
	return 0;
}

static void take_result(const struct worker_row *row, const struct worker_job *job, struct machine_call *call)
{
	const char *data = row->data + job->offset;

	call->error = job->error;
	call->uv_rc = job->uv_rc;
	call->uv_rrc = job->uv_rrc;
	if (call->operation == MACHINE_READ || call->operation == MACHINE_LIST) {
		/* The child is ours, but the length is checked all the same: the NUL must lie inside. */
		call->length = job->error == 0 && job->length < call->size ? job->length : 0;
		memcpy(call->data, data, call->length);
		call->data[call->length] = '\0';
	} else if (call->operation == MACHINE_UV && job->error == 0 && call->size > 0) {
		memcpy(call->data, data, call->size);
	}
}

/* Results of what is done, `error` for the rest; the worker is idle afterwards. */
static struct machine_call *take_results(struct worker *worker, int error)
{
	const struct worker_row *row = worker->row;
	unsigned int done = atomic_load_explicit(&worker->row->done, memory_order_acquire), i = 0;
	struct machine_call *calls = worker->calls;

	for (struct machine_call *call = calls; call; call = call->next, i++) {
		if (i < done)
			take_result(row, &row->jobs[i], call);
		else
			call->error = error;
	}
	worker->calls = NULL;
	return calls;
}

struct machine_call *worker_finish(struct worker *worker, bool *usable)
{
	char byte;

	*usable = recv(worker->fd, &byte, 1, MSG_DONTWAIT) == 1;
	return take_results(worker, -EPIPE);
}

int64_t worker_limit_ms(struct worker *worker, int64_t now_ms)
{
	unsigned int done = atomic_load_explicit(&worker->row->done, memory_order_acquire);
	const struct machine_call *call = worker->calls;
	int64_t limit_ms;

	if (done != worker->seen_done) {
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
	if (worker->calls)
		kill(worker->pid, SIGKILL);
	/* The end of the socket is the end of an idle child. */
	close(worker->fd);
}

void worker_dismiss(struct worker *worker)
{
	end_child(worker);
	free(worker);
}

struct machine_call *worker_abandon(struct worker *worker, bool *has_begun)
{
	struct machine_call *calls;

	/* In this order: a child that has not begun before it is killed never will. */
	end_child(worker);
	*has_begun = atomic_load_explicit(&worker->row->has_begun, memory_order_acquire);
	calls = take_results(worker, -ETIMEDOUT);
	free(worker);
	return calls;
}
