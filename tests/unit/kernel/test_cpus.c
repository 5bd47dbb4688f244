/* SPDX-License-Identifier: MIT */
/* Each test in a process of its own: whoever settles does so for good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/cpus.h"
#include "kernel/linux.h"

#define SKIP 77
#define STATUS_SIZE 8192

static int run_apart(int (*part)(void))
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit(part());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == SKIP)
		skip(); /* a machine with one CPU */
	return WEXITSTATUS(status);
}

static bool allowed(pid_t pid, cpu_set_t *set)
{
	return sched_getaffinity(pid, sizeof(*set), set) == 0;
}

static bool is_only(pid_t pid, int cpu)
{
	cpu_set_t set;

	return allowed(pid, &set) && CPU_COUNT(&set) == 1 && CPU_ISSET(cpu, &set);
}

/* 0, or the line of what is not as it should be. */
#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition))                                                                                      \
			return __LINE__ - FIRST_LINE;                                                                  \
	} while (0)
enum { FIRST_LINE = __LINE__ };

static int keeps_writes_away(void)
{
	cpu_set_t all, ours;
	int ours_cpu, first;

	CHECK(cpus_pick() == -1);
	CHECK(!cpus_is_lost(-1) && !cpus_is_lost(0));
	CHECK(allowed(0, &all));
	if (CPU_COUNT(&all) < 2)
		return SKIP;
	cpus_settle();
	CHECK(allowed(0, &ours) && CPU_COUNT(&ours) == 1);
	ours_cpu = sched_getcpu();
	CHECK(is_only(0, ours_cpu));
	/* All others in turn, and the first again. */
	first = cpus_pick();
	CHECK(first >= 0 && first != ours_cpu && CPU_ISSET(first, &all));
	for (int i = 2; i < CPU_COUNT(&all); i++)
		CHECK(cpus_pick() != first);
	CHECK(cpus_pick() == first);
	/* A second time is without effect. */
	cpus_settle();
	CHECK(is_only(0, ours_cpu));
	/* When all others are lost, ours has to do. */
	for (int i = 1; i < CPU_COUNT(&all); i++) {
		int cpu = cpus_pick();

		CHECK(cpu != ours_cpu && !cpus_is_lost(cpu));
		cpus_lose(cpu);
		CHECK(cpus_is_lost(cpu));
	}
	CHECK(cpus_pick() == ours_cpu);
	CHECK(cpus_pick() == ours_cpu);
	CHECK(!cpus_is_lost(ours_cpu) && !cpus_is_lost(-1));
	cpus_move(0, first);
	CHECK(is_only(0, first));
	return 0;
}

static void test_keeps_writes_away(void **state)
{
	(void)state;
	assert_int_equal(run_apart(keeps_writes_away), 0);
}

static int leaves_one_cpu_alone(void)
{
	int cpu = sched_getcpu();

	cpus_move(0, cpu);
	cpus_settle();
	CHECK(is_only(0, cpu));
	CHECK(cpus_pick() == -1);
	return 0;
}

static void test_one_cpu(void **state)
{
	(void)state;
	assert_int_equal(run_apart(leaves_one_cpu_alone), 0);
}

/* As a sandbox may have it: the call is refused. */
static bool refuse_moves(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_setaffinity, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int is_not_settled_where_it_must_not_move(void)
{
	cpu_set_t before, after;

	CHECK(refuse_moves());
	CHECK(allowed(0, &before));
	cpus_settle();
	CHECK(allowed(0, &after) && CPU_EQUAL(&before, &after));
	CHECK(cpus_pick() == -1);
	return 0;
}

static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(run_apart(is_not_settled_where_it_must_not_move), 0);
}

/* --- the workers of the machine -------------------------------------------------------------------- */

#define SHORT_MS 300 /* until a call that blocks is given up */

static int perform_for(int64_t limit_ms, struct machine *machine, enum machine_operation operation, const char *path,
		       char text[STATUS_SIZE])
{
	struct machine_call call = {
		.operation = operation,
		.data = text,
		.size = STATUS_SIZE,
		.length = operation == MACHINE_WRITE ? 1 : 0,
		.until_ms = machine_now_ms(machine) + limit_ms,
	};

	snprintf(call.path, sizeof(call.path), "%s", path);
	return machine_perform(machine, &call);
}

static int perform(struct machine *machine, enum machine_operation operation, const char *path, char text[STATUS_SIZE])
{
	return perform_for(60000, machine, operation, path, text);
}

/* The one CPU of the worker that reads this of itself; -1 if it may use several. */
static int cpu_of_worker(struct machine *machine)
{
	static const char title[] = "\nCpus_allowed_list:\t";
	char text[STATUS_SIZE], *place, *end;
	long cpu;

	if (perform(machine, MACHINE_READ, "proc/self/status", text) < 0 || !(place = strstr(text, title)))
		return -1;
	cpu = strtol(place + strlen(title), &end, 10);
	return *end == '\n' ? (int)cpu : -1;
}

/* A write to a pipe that nobody reads does not come back. */
static int block_a_write(struct machine *machine)
{
	char folder[] = "/tmp/pvapconfig.XXXXXX", path[64], text[STATUS_SIZE] = "x";
	int r;

	if (!mkdtemp(folder))
		return 0;
	snprintf(path, sizeof(path), "%s/blocks", folder);
	r = mkfifo(path, 0600) < 0 ? 0 : perform_for(SHORT_MS, machine, MACHINE_WRITE, path + 1, text);
	unlink(path);
	rmdir(folder);
	return r;
}

static int writes_elsewhere(void)
{
	char text[STATUS_SIZE] = "x";
	struct machine *machine = NULL;
	int ours, other, count;
	cpu_set_t all;

	CHECK(allowed(0, &all));
	count = CPU_COUNT(&all);
	if (count < 2)
		return SKIP;
	cpus_settle();
	ours = sched_getcpu();
	CHECK(machine_linux_create("/", "/nowhere/uv", &machine) == 0);
	/* Who only reads is next to us; who has written is not. */
	CHECK(cpu_of_worker(machine) == ours);
	CHECK(perform(machine, MACHINE_WRITE, "proc/self/comm", text) == 0);
	other = cpu_of_worker(machine);
	CHECK(other >= 0 && other != ours);
	/* The CPU of a write that does not come back is not used again; in the end ours is all there is. */
	for (int i = 1; i < count; i++) {
		CHECK(block_a_write(machine) == -ETIMEDOUT);
		CHECK(perform(machine, MACHINE_WRITE, "proc/self/comm", text) == 0);
		CHECK(cpu_of_worker(machine) != other);
	}
	CHECK(cpu_of_worker(machine) == ours);
	machine_linux_destroy(machine);
	return 0;
}

static void test_writes_elsewhere(void **state)
{
	(void)state;
	assert_int_equal(run_apart(writes_elsewhere), 0);
}

/* Nor is a worker used again that is idle, but tied to that CPU. */
static int leaves_idle_workers_of_a_lost_cpu(void)
{
	char folder[] = "/tmp/pvapconfig.XXXXXX", path[64], text[STATUS_SIZE] = "x";
	struct machine_call blocked = { .operation = MACHINE_WRITE, .data = text, .size = sizeof(text), .length = 1 },
			    *done;
	struct machine *machine = NULL;
	cpu_set_t all;
	int other;

	CHECK(allowed(0, &all));
	if (CPU_COUNT(&all) < 2)
		return SKIP;
	/* Two of them are enough, and both workers are tied to the same one. */
	for (int cpu = CPU_SETSIZE - 1; CPU_COUNT(&all) > 2; cpu--)
		CPU_CLR(cpu, &all);
	CHECK(sched_setaffinity(0, sizeof(all), &all) == 0);
	cpus_settle();
	CHECK(machine_linux_create("/", "/nowhere/uv", &machine) == 0);
	CHECK(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/blocks", folder);
	CHECK(mkfifo(path, 0600) == 0);
	snprintf(blocked.path, sizeof(blocked.path), "%s", path + 1);
	blocked.until_ms = machine_now_ms(machine) + 10 * SHORT_MS;
	CHECK(machine_start(machine, &blocked) == 0);
	CHECK(perform(machine, MACHINE_WRITE, "proc/self/comm", text) == 0);
	other = cpu_of_worker(machine);
	CHECK(other >= 0 && other != sched_getcpu());
	CHECK(machine_wait(machine, MACHINE_FOREVER, &done) == 0 && done == &blocked && done->error == -ETIMEDOUT);
	CHECK(cpus_is_lost(other) && cpu_of_worker(machine) == sched_getcpu());
	unlink(path);
	rmdir(folder);
	machine_linux_destroy(machine);
	return 0;
}

static void test_idle_workers(void **state)
{
	(void)state;
	assert_int_equal(run_apart(leaves_idle_workers_of_a_lost_cpu), 0);
}

static pid_t only_child(void)
{
	FILE *children = fopen("/proc/thread-self/children", "r");
	int pid = 0, count;

	if (!children)
		return 0;
	count = fscanf(children, "%d %d", &pid, &pid);
	fclose(children);
	return count == 1 ? pid : 0;
}

/* As one that waits in the queue of a CPU that is kept: what it has not begun is made by another. */
static int starts_anew_what_was_not_begun(void)
{
	char text[STATUS_SIZE];
	struct machine *machine = NULL;
	struct machine_call call = {
		.operation = MACHINE_READ, .data = text, .size = sizeof(text), .limit_ms = SHORT_MS
	};

	CHECK(machine_linux_create("/", "/nowhere/uv", &machine) == 0);
	CHECK(perform(machine, MACHINE_READ, "proc/self/comm", text) == 0);
	CHECK(only_child() > 0 && kill(only_child(), SIGSTOP) == 0);
	strcpy(call.path, "proc/self/comm");
	call.until_ms = machine_now_ms(machine) + 60000;
	CHECK(machine_perform(machine, &call) == 0);
	CHECK(strcmp(text, "test_cpus\n") == 0);
	machine_linux_destroy(machine);
	return 0;
}

static void test_not_begun(void **state)
{
	(void)state;
	assert_int_equal(run_apart(starts_anew_what_was_not_begun), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keeps_writes_away), cmocka_unit_test(test_one_cpu),
		cmocka_unit_test(test_refused),           cmocka_unit_test(test_writes_elsewhere),
		cmocka_unit_test(test_idle_workers),      cmocka_unit_test(test_not_begun),
	};

	return cmocka_run_group_tests_name("cpus", tests, NULL, NULL);
}
