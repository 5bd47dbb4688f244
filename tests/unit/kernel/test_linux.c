/* SPDX-License-Identifier: MIT */
/* The Linux implementation of the machine on a prepared directory. FIFOs stand for attributes that block. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/worker.h"
#include "util/wait.h"
#include "unit/between.h"
#include "unit/kernel/linux_fixture.h"

static void test_read(void **state)
{
	struct fixture *fixture = *state;
	char text[MACHINE_TEXT_SIZE];

	assert_int_equal(machine_read_text(fixture->machine, soon(fixture), text, "text"), 0);
	assert_string_equal(text, "unbound");
	assert_int_equal(machine_read_text(fixture->machine, soon(fixture), text, "empty"), 0);
	assert_string_equal(text, "");
	assert_int_equal(machine_read_text(fixture->machine, soon(fixture), text, "missing"), -ENOENT);
	assert_int_equal(machine_read_text(fixture->machine, soon(fixture), text, "card11"), -EISDIR);
}

static void test_read_too_long(void **state)
{
	struct fixture *fixture = *state;
	char text[8];
	struct machine_call call = reading(fixture, "text", text, sizeof(text));

	/* "unbound\n" has 8 characters: no room for the NUL. */
	assert_int_equal(machine_perform(fixture->machine, &call), -E2BIG);
}

/* The size of a worker's data is limited. The largest calls are those of the Ultravisor, which belong to no card. */
static void test_too_much_data(void **state)
{
	struct fixture *fixture = *state;
	char *data = malloc(WORKER_DATA_SIZE_MAX);
	struct machine_call call = reading(fixture, "text", data, WORKER_DATA_SIZE_MAX);

	assert_non_null(data);
	assert_int_equal(machine_perform(fixture->machine, &call), 0);
	assert_string_equal(data, "unbound\n");
	call.size++;
	assert_int_equal(machine_start(fixture->machine, &call), -E2BIG);
	call.channel = 1;
	call.size = WORKER_DATA_SIZE + 1;
	assert_int_equal(machine_start(fixture->machine, &call), -E2BIG);
	call.size--;
	assert_int_equal(machine_perform(fixture->machine, &call), 0);
	free(data);
}

static void test_write(void **state)
{
	struct fixture *fixture = *state;
	char text[MACHINE_TEXT_SIZE], data[] = "1";
	struct machine_call call = {
		.operation = MACHINE_WRITE, .data = data, .size = 2, .length = 1, .until_ms = soon(fixture)
	};

	strcpy(call.path, "text");
	assert_int_equal(machine_perform(fixture->machine, &call), 0);
	/* In place: the file is not truncated, because sysfs does not need that. */
	assert_int_equal(machine_read_text(fixture->machine, soon(fixture), text, "text"), 0);
	assert_string_equal(text, "1nbound");
	strcpy(call.path, "missing");
	assert_int_equal(machine_perform(fixture->machine, &call), -ENOENT);
	assert_int_equal(machine_read_text(fixture->machine, soon(fixture), text, "missing"), -ENOENT);
}

static void test_list(void **state)
{
	struct fixture *fixture = *state;
	char names[MACHINE_TEXT_SIZE];
	struct machine_call call = reading(fixture, "card11", names, sizeof(names));

	call.operation = MACHINE_LIST;
	assert_int_equal(machine_perform(fixture->machine, &call), 0);
	assert_string_equal(names, "type\n");
	call.size = 5;
	assert_int_equal(machine_perform(fixture->machine, &call), -E2BIG);
	strcpy(call.path, "text");
	assert_int_equal(machine_perform(fixture->machine, &call), -ENOTDIR);
}

static void test_uv_device_missing(void **state)
{
	struct fixture *fixture = *state;
	char page[4096] = "";
	struct machine_call call = {
		.operation = MACHINE_UV, .uv_command = 3, .data = page, .size = sizeof(page), .until_ms = soon(fixture)
	};

	assert_int_equal(machine_perform(fixture->machine, &call), -ENOENT);
}

/* A call that blocks times out. Other calls are served meanwhile and afterwards. */
static void test_blocked_call_times_out(void **state)
{
	struct fixture *fixture = *state;
	char blocked_text[64] = "untouched", text[64];
	struct machine_call blocked = reading(fixture, "blocks", blocked_text, sizeof(blocked_text));
	struct machine_call call = reading(fixture, "text", text, sizeof(text));
	struct machine_call *done;

	blocked.channel = 1;
	blocked.until_ms = machine_now_ms(fixture->machine) + SHORT_MS;
	assert_int_equal(machine_start(fixture->machine, &blocked), 0);
	assert_int_equal(machine_start(fixture->machine, &call), 0);
	/* In either order: on a busy host the other call may take longer. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(machine_wait(fixture->machine, MACHINE_FOREVER, &done), 0);
		assert_int_equal(done->error, done == &call ? 0 : -ETIMEDOUT);
	}
	assert_string_equal(text, "unbound\n");
	assert_string_equal(blocked_text, "untouched");
	assert_int_equal(machine_perform(fixture->machine, &call), 0);
}

static void test_wait_times_out(void **state)
{
	struct fixture *fixture = *state;
	int64_t until_ms = machine_now_ms(fixture->machine) + 20;
	struct machine_call *done = (struct machine_call *)1;

	assert_int_equal(machine_wait(fixture->machine, until_ms, &done), 0);
	assert_null(done);
	assert_true(machine_now_ms(fixture->machine) >= until_ms);
}

static void test_signal_stops(void **state)
{
	struct fixture *fixture = *state;
	char text[64];
	struct machine_call call = reading(fixture, "blocks", text, sizeof(text));
	struct machine_call *done;

	assert_int_equal(machine_start(fixture->machine, &call), 0);
	raise(SIGTERM);
	assert_int_equal(machine_wait(fixture->machine, MACHINE_FOREVER, &done), -EINTR);
	assert_int_equal(machine_wait(fixture->machine, MACHINE_FOREVER, &done), -EINTR);
	/* The teardown unblocks the signal. If it were still pending, it would kill this program. */
}

/* nohup(1), and shells without job control, start programs with signals ignored. */
static void test_ignored_signal(void **state)
{
	struct machine_call *done;
	struct machine *machine;

	(void)state;
	obey_signals();
	assert_ptr_not_equal(signal(SIGHUP, SIG_IGN), SIG_ERR);
	assert_int_equal(machine_linux_create("/", "/dev/null", &machine), 0);
	raise(SIGHUP);
	assert_false(wait_is_stopped());
	assert_int_equal(machine_wait(machine, 0, &done), 0);
	raise(SIGINT);
	assert_true(wait_is_stopped());
	assert_int_equal(machine_wait(machine, 0, &done), -EINTR);
	machine_linux_destroy(machine);
	signal(SIGHUP, SIG_DFL);
}

/* Long for a test: no call of start_blocked may time out by itself, even on a busy machine. */
#define BLOCKED_MS 10000

/* A call that never completes. It is on the heap, so that the sanitizer detects any access after it is freed. */
static struct machine_call *start_blocked(const struct fixture *fixture)
{
	struct machine_call *call = malloc(sizeof(*call) + 64), *done;

	assert_non_null(call);
	*call = reading(fixture, "blocks", (char *)(call + 1), 64);
	call->until_ms = machine_now_ms(fixture->machine) + BLOCKED_MS;
	call->channel = 1;
	assert_int_equal(machine_start(fixture->machine, call), 0);
	assert_int_equal(machine_wait(fixture->machine, 0, &done), 0);
	assert_null(done);
	return call;
}

/* After an error the machine must not access the calls: their owner may have freed them. */
static void check_broken(const struct fixture *fixture, int error)
{
	struct machine_call other = reading(fixture, "text", (char[16]){ "" }, 16), *done;

	for (int i = 0; i < 2; i++) {
		assert_int_equal(machine_wait(fixture->machine, machine_now_ms(fixture->machine) + 2 * BLOCKED_MS, &done), error);
		assert_null(done);
		assert_int_equal(machine_start(fixture->machine, &other), error);
	}
}

static void test_nothing_is_touched_after_a_signal(void **state)
{
	const struct fixture *fixture = *state;
	struct machine_call *blocked = start_blocked(fixture), *done;

	raise(SIGHUP);
	assert_int_equal(machine_wait(fixture->machine, MACHINE_FOREVER, &done), -EINTR);
	free(blocked);
	check_broken(fixture, -EINTR);
}

static void test_nothing_is_touched_after_an_error(void **state)
{
	const struct fixture *fixture = *state;
	struct machine_call *blocked = start_blocked(fixture), *done;
	struct rlimit before, one;

	/* With a lower limit of descriptors than poll gets, poll fails. */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	one = (struct rlimit){ 1, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &one), 0);
	assert_int_equal(machine_wait(fixture->machine, MACHINE_FOREVER, &done), -EINVAL);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	free(blocked);
	check_broken(fixture, -EINVAL);
}

/* The children must not keep a pipe or console open, because its reader may wait for the end. */
static void test_children_hold_no_streams(void **state)
{
	struct fixture *fixture = *state;
	char folder[64], *name, *rest, names[MACHINE_TEXT_SIZE];
	struct machine *machine = NULL;
	struct machine_call call = { .operation = MACHINE_LIST, .data = names, .size = sizeof(names) };
	int open_count = 0;

	/* With /proc as sysfs, a child lists its own descriptors in self/fd. */
	snprintf(folder, sizeof(folder), "/proc");
	assert_int_equal(machine_linux_create(folder, "/dev/uv", &machine), 0);
	call.until_ms = soon(fixture);
	strcpy(call.path, "self/fd");
	assert_int_equal(machine_perform(machine, &call), 0);
	for (name = strtok_r(names, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest))
		open_count++;
	/* The directory, the socket, and the listing itself. */
	assert_int_equal(open_count, 3);
	machine_linux_destroy(machine);
}

/* If no more processes can be created, a call fails at once instead of waiting. */
static void test_no_more_processes(void **state)
{
	const struct fixture *fixture = *state;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit limit = { 1, 1 };
		char text[MACHINE_TEXT_SIZE];

		/* Root is exempt from the limit. */
		if (chmod(fixture->folder, 0755) < 0 || setrlimit(RLIMIT_NPROC, &limit) < 0 ||
		    (getuid() == 0 && setuid(65534) < 0))
			_exit(2);
		_exit(machine_read_text(fixture->machine, soon(fixture), text, "text") == -EAGAIN ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* No child is left to init, not even a child that was given up and has ended since. */
static void test_children_are_reaped(void **state)
{
	struct fixture *fixture = *state;
	char text[MACHINE_TEXT_SIZE];
	struct machine_call blocked = reading(fixture, "blocks", text, sizeof(text));

	assert_int_equal(machine_read_text(fixture->machine, soon(fixture), text, "text"), 0);
	blocked.until_ms = machine_now_ms(fixture->machine) + 20;
	assert_int_equal(machine_perform(fixture->machine, &blocked), -ETIMEDOUT);
	assert_int_equal(waitid(P_ALL, 0, NULL, WEXITED | WNOWAIT), 0);
	machine_linux_destroy(fixture->machine);
	fixture->machine = NULL;
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_bad_folder(void **state)
{
	struct machine *machine;

	(void)state;
	assert_int_equal(machine_linux_create("/nowhere", "/dev/uv", &machine), -ENOENT);
}

static size_t mapped_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	size_t pages = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%zu", &pages), 1);
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Add-secret requests come from outside. Requests of growing sizes must not cost a process and memory each. */
static void test_many_sizes(void **state)
{
	static char data[1 << 20];
	struct machine *machine;
	size_t before, children = 0;

	(void)state;
	assert_int_equal(machine_linux_create("/", "/dev/null", &machine), 0);
	before = mapped_bytes();
	for (size_t i = 0; i < 100; i++) {
		struct machine_call call = { .operation = MACHINE_UV, .uv_command = 2, .data = data,
					     .size = sizeof(data) - 4096 * (100 - i), .until_ms = MACHINE_FOREVER };

		assert_int_equal(machine_perform(machine, &call), -ENOTTY);
	}
	assert_between(mapped_bytes() - before, 0, 8 * 1048576);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		children++;
	assert_between(children, 0, 3);
	machine_linux_destroy(machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_much_data, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_uv_device_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_blocked_call_times_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait_times_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signal_stops, setup, teardown),
		cmocka_unit_test(test_ignored_signal),
		cmocka_unit_test_setup_teardown(test_nothing_is_touched_after_a_signal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_is_touched_after_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(test_children_hold_no_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_more_processes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_children_are_reaped, setup, teardown),
		cmocka_unit_test(test_bad_folder),
		cmocka_unit_test(test_many_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
