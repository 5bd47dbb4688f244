/* SPDX-License-Identifier: MIT */
/*
 * Channels of the Linux implementation of the machine: the order of calls, and the effect of calls that hang and of
 * workers that are killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit/kernel/linux_fixture.h"

/*
 * Calls of a channel are made in the order of their start, across batches, even while another channel keeps a worker
 * busy.
 */
static void test_channel_keeps_order(void **state)
{
	enum { CALLS = 40 };
	struct fixture *fixture = *state;
	struct machine_call calls[CALLS], blocked, *done;
	char texts[CALLS][16], blocked_text[16];

	blocked = reading(fixture, "blocks", blocked_text, sizeof(blocked_text));
	blocked.channel = 1;
	assert_int_equal(machine_start(fixture->machine, &blocked), 0);
	for (int i = 0; i < CALLS; i++) {
		calls[i] = reading(fixture, "text", texts[i], sizeof(texts[i]));
		calls[i].channel = 2;
		if (i % 2 == 0) {
			calls[i].operation = MACHINE_WRITE;
			calls[i].length = (size_t)snprintf(texts[i], sizeof(texts[i]), "%07d", i);
		}
		assert_int_equal(machine_start(fixture->machine, &calls[i]), 0);
	}
	for (int i = 0; i < CALLS; i++) {
		assert_int_equal(machine_wait(fixture->machine, MACHINE_FOREVER, &done), 0);
		assert_ptr_equal(done, &calls[i]);
		assert_int_equal(done->error, 0);
		if (i % 2 == 1)
			assert_int_equal(atoi(texts[i]), i - 1);
	}
}

/* Calls queued after a call that hangs are not made. */
static void test_channel_ends_with_a_blocked_call(void **state)
{
	struct fixture *fixture = *state;
	char texts[2][16] = { "", "untouched" };
	struct machine_call first = reading(fixture, "blocks", texts[0], sizeof(texts[0]));
	struct machine_call second = reading(fixture, "text", texts[1], sizeof(texts[1]));
	struct machine_call *done;

	first.channel = second.channel = 7;
	first.limit_ms = SHORT_MS;
	assert_int_equal(machine_start(fixture->machine, &first), 0);
	assert_int_equal(machine_start(fixture->machine, &second), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(machine_wait(fixture->machine, MACHINE_FOREVER, &done), 0);
		assert_ptr_equal(done, i == 0 ? &first : &second);
		assert_int_equal(done->error, i == 0 ? -ETIMEDOUT : -ECANCELED);
	}
	assert_string_equal(texts[1], "untouched");
}

/* Calls without a timeout hang on fifteen cards. Calls on the sixteenth complete. */
static void test_hanging_channels_do_not_delay_others(void **state)
{
	enum { CHANNELS = 16, CALLS = 3 };
	struct fixture *fixture = *state;
	struct machine_call calls[CHANNELS][CALLS], *done;
	char texts[CHANNELS][CALLS][16];

	for (unsigned int channel = 0; channel < CHANNELS; channel++) {
		for (unsigned int i = 0; i < CALLS; i++) {
			struct machine_call *call = &calls[channel][i];

			*call = reading(fixture, channel < CHANNELS - 1 ? "blocks" : "text", texts[channel][i],
					sizeof(texts[channel][i]));
			call->channel = channel + 1;
			assert_int_equal(machine_start(fixture->machine, call), 0);
		}
	}
	for (unsigned int i = 0; i < CALLS; i++) {
		assert_int_equal(machine_wait(fixture->machine, MACHINE_FOREVER, &done), 0);
		assert_int_equal(done->error, 0);
		assert_string_equal(done->data, "unbound\n");
	}
}

/* --- workers that are killed ---------------------------------------------------------------------- */

/* The newest child. Earlier tests may have left others. */
static int newest_child(void)
{
	FILE *children = fopen("/proc/thread-self/children", "r");
	int pid = 0;

	assert_non_null(children);
	while (fscanf(children, "%d", &pid) == 1)
		;
	fclose(children);
	assert_true(pid > 0);
	return pid;
}

static void kill_child(int pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT), 0);
}

static bool is_asleep(int pid)
{
	char path[32], state = '?';
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	stat = fopen(path, "r");
	assert_non_null(stat);
	assert_int_equal(fscanf(stat, "%*d (%*[^)]) %c", &state), 1);
	fclose(stat);
	return state == 'S';
}

static int open_fifo(const struct fixture *fixture, const char *name, int flags)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", fixture->folder, name);
	mkfifo(path, 0600);
	fd = open(path, flags);
	assert_true(fd >= 0);
	return fd;
}

static void start_now(const struct fixture *fixture, struct machine_call *calls, size_t count)
{
	struct machine_call *done;

	for (size_t i = 0; i < count; i++) {
		calls[i].channel = 1;
		assert_int_equal(machine_start(fixture->machine, &calls[i]), 0);
	}
	assert_int_equal(machine_wait(fixture->machine, 0, &done), 0);
	assert_null(done);
}

/* It is unknown whether the interrupted write took effect. Calls queued after it are made by another worker. */
static void test_killed_during_a_write(void **state)
{
	struct fixture *fixture = *state;
	char texts[3][16] = { "", "1", "" };
	struct machine_call calls[3] = {
		reading(fixture, "blocks", texts[0], sizeof(texts[0])),
		reading(fixture, "full", texts[1], sizeof(texts[1])),
		reading(fixture, "text", texts[2], sizeof(texts[2])),
	};
	static const int errors[] = { 0, -EOWNERDEAD, 0 };
	int full = open_fifo(fixture, "full", O_RDWR | O_NONBLOCK), blocks, unread;

	while (write(full, "x", 1) == 1)
		;
	calls[1].operation = MACHINE_WRITE;
	calls[1].length = 1;
	start_now(fixture, calls, 3);
	/* When the worker sleeps again after the first read, it is in the write. */
	blocks = open_fifo(fixture, "blocks", O_WRONLY);
	assert_int_equal(write(blocks, "one\n", 4), 4);
	do
		assert_int_equal(ioctl(blocks, FIONREAD, &unread), 0);
	while (unread > 0 || !is_asleep(newest_child()));
	kill_child(newest_child());
	for (int i = 0; i < 3; i++) {
		struct machine_call *done;

		assert_int_equal(machine_wait(fixture->machine, MACHINE_FOREVER, &done), 0);
		assert_ptr_equal(done, &calls[i]);
		assert_int_equal(done->error, errors[i]);
	}
	assert_string_equal(texts[0], "one\n");
	assert_string_equal(texts[2], "unbound\n");
	close(blocks);
	close(full);
}

/* Waits until a worker has opened "blocks" for reading. Returns the other end. */
static int meet_reader(const struct fixture *fixture)
{
	struct machine_call *done;

	/* The first wait handles the killed worker, the second starts the waiting calls. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(machine_wait(fixture->machine, 0, &done), 0);
		assert_null(done);
	}
	return open_fifo(fixture, "blocks", O_WRONLY);
}

/* A read changes nothing, so it is repeated, but only once: the read itself may be what kills the worker. */
static void check_killed_during_reads(const struct fixture *fixture, int kills, int error, const char *text)
{
	char data[16] = "";
	struct machine_call call = reading(fixture, "blocks", data, sizeof(data)), *done;
	int blocks;

	start_now(fixture, &call, 1);
	for (int i = 0; i < kills; i++) {
		blocks = meet_reader(fixture);
		kill_child(newest_child());
		close(blocks);
	}
	blocks = -1;
	if (error == 0) {
		blocks = meet_reader(fixture);
		assert_int_equal(write(blocks, text, strlen(text)), strlen(text));
	}
	assert_int_equal(machine_wait(fixture->machine, MACHINE_FOREVER, &done), 0);
	assert_ptr_equal(done, &call);
	assert_int_equal(call.error, error);
	assert_string_equal(data, text);
	if (blocks >= 0)
		close(blocks);
}

static void test_killed_during_a_read(void **state)
{
	check_killed_during_reads(*state, 1, 0, "again\n");
}

static void test_killed_during_a_repeated_read(void **state)
{
	check_killed_during_reads(*state, 2, -EOWNERDEAD, "");
}

/* Killing an idle worker has no effect. */
static void test_killed_while_idle(void **state)
{
	struct fixture *fixture = *state;
	char text[MACHINE_TEXT_SIZE];

	assert_int_equal(machine_read_text(fixture->machine, soon(fixture), text, "text"), 0);
	kill_child(newest_child());
	assert_int_equal(machine_read_text(fixture->machine, soon(fixture), text, "text"), 0);
}

/* The device returns what its driver returns. */
static void check_uv(const char *device, size_t size, int error)
{
	struct machine *machine;
	char data[16];
	struct machine_call call = { .operation = MACHINE_UV, .uv_command = 3, .data = data, .size = size };

	assert_int_equal(machine_linux_create("/sys", device, &machine), 0);
	call.until_ms = machine_now_ms(machine) + 10000;
	assert_int_equal(machine_perform(machine, &call), error);
	machine_linux_destroy(machine);
}

static void test_uv(void **state)
{
	(void)state;
	check_uv("/dev/null", 16, -ENOTTY);
	check_uv("/dev/null", 0, -ENOTTY);
	check_uv("/nowhere", 16, -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_channel_keeps_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_channel_ends_with_a_blocked_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hanging_channels_do_not_delay_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed_during_a_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed_during_a_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed_during_a_repeated_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed_while_idle, setup, teardown),
		cmocka_unit_test(test_uv),
	};

	return cmocka_run_group_tests_name("machine_linux_channels", tests, NULL, NULL);
}
