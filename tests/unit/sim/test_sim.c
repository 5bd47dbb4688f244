/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/sim_calls.h"

/* --- time and calls ------------------------------------------------------------------------------- */

static void time_passes_only_in_wait(void **state)
{
	struct sim *sim = make(ALL_KINDS, SIM_KERNEL_7);
	struct machine_call *done = &(struct machine_call){ 0 };
	int64_t now_ms = machine_now_ms(&sim->machine);

	(void)state;
	assert_int_equal(machine_wait(&sim->machine, now_ms, &done), 0);
	assert_null(done);
	assert_int_equal(machine_now_ms(&sim->machine), now_ms);
	assert_int_equal(machine_wait(&sim->machine, now_ms - 1, &done), 0);
	assert_int_equal(machine_wait(&sim->machine, INT64_MIN, &done), 0);
	assert_int_equal(machine_now_ms(&sim->machine), now_ms);
	assert_int_equal(machine_wait(&sim->machine, now_ms + 600000, &done), 0);
	assert_null(done);
	assert_int_equal(machine_now_ms(&sim->machine), now_ms + 600000);
	sim_free(sim);
}

static void queue_as_it_is_now(void **state)
{
	struct sim *sim = sim_new("delay reset=20ms\ncard 11 CEX8A\nqueue 11.0008 state=bound\n");

	(void)state;
	/* Boots the machine: the reset runs. */
	assert_int_not_equal(sim_queue(sim, 0x11, 8)->reset_until_us, 0);
	sleep_us(sim, 60 * MS);
	assert_int_equal(write_text(sim, QUEUE "se_bind", "0"), 0);
	assert_int_equal(sim_queue(sim, 0x11, 8)->state, MODEL_USABLE);
	sleep_us(sim, 21 * MS);
	assert_int_equal(sim_queue(sim, 0x11, 8)->state, MODEL_BINDABLE);
	assert_null(sim_queue(sim, 0x11, 9));
	sim_free(sim);
	sim_free(NULL);
}

static void calls_overlap(void **state)
{
	struct sim *sim = make("delay request=5ms\ncard 11 CEX8P\ncard 12 CEX8P\n"
			       "queue 11.0008 state=bound\nqueue 12.0008 state=bound\n"
			       "fault 12.0008 request slow=3ms\n", SIM_KERNEL_7);
	struct machine_call calls[3], *done;

	(void)state;
	sim->options.read_us = 200;
	start(sim, &calls[0], MACHINE_READ, QUEUE "mkvps", 1000);
	start(sim, &calls[1], MACHINE_READ, "devices/ap/card12/12.0008/mkvps", 1000);
	start(sim, &calls[2], MACHINE_READ, CARD "type", 1000);
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_ptr_equal(done, &calls[2]);
	assert_int_equal(elapsed(sim), 200);
	assert_int_equal(machine_wait(&sim->machine, machine_now_ms(&sim->machine) + 2, &done), 0);
	assert_null(done);
	assert_int_equal(elapsed(sim), 2 * MS);
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_ptr_equal(done, &calls[1]);
	assert_int_equal(elapsed(sim), 3200);
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_ptr_equal(done, &calls[0]);
	assert_int_equal(elapsed(sim), 5200);
	sim_free(sim);
}

static void calls_time_out(void **state)
{
	struct sim *sim = make(ALL_KINDS "fault 11.* request never\n", SIM_KERNEL_7);
	struct machine_call call, *done;

	(void)state;
	start(sim, &call, MACHINE_READ, QUEUE "mkvps", 500);
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_ptr_equal(done, &call);
	assert_int_equal(call.error, -ETIMEDOUT);
	assert_int_equal(elapsed(sim), 500 * MS);
	/* A timeout that has passed. */
	start(sim, &call, MACHINE_READ, CARD "type", -1);
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_int_equal(call.error, -ETIMEDOUT);
	/* A result at the exact time of the timeout counts. */
	sim->options.read_us = 1 * MS;
	start(sim, &call, MACHINE_READ, CARD "type", 1);
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_int_equal(call.error, 0);
	assert_int_equal(elapsed(sim), 501 * MS);
	sim_free(sim);
}

static void costs(void **state)
{
	struct sim *sim = make(ALL_KINDS, SIM_KERNEL_7);
	uint8_t page[4096];
	uint16_t rc;

	(void)state;
	sim->options.read_us = 1;
	sim->options.write_us = 20;
	sim->options.list_us = 300;
	sim->options.uv_us = 4000;
	sim->options.scan_us = 50000;
	sim->options.scan_card_us = 600000;
	perform_text(sim, MACHINE_READ, "bus/ap/features");
	assert_int_equal(elapsed(sim), 1);
	write_text(sim, QUEUE "se_bind", "1");
	assert_int_equal(elapsed(sim), 21);
	perform_text(sim, MACHINE_LIST, "bus/ap");
	assert_int_equal(elapsed(sim), 321);
	perform_uv(sim, UV_LIST, page, sizeof(page), &rc);
	assert_int_equal(elapsed(sim), 4321);
	write_text(sim, "bus/ap/scans", "1");
	assert_int_equal(elapsed(sim), 4321 + 20 + 50000 + 3 * 600000);
	sim_free(sim);
}

/* Calls of one channel are made one after the other, calls of different channels concurrently. */
static void channels(void **state)
{
	static const size_t order[] = { 2, 0, 1, 3 };
	static const int64_t end_us[] = { 100, 5100, 5200, 5300 };
	struct sim *sim = make(ALL_KINDS "delay request=5ms\n", SIM_KERNEL_7);
	struct machine_call calls[4], *done;

	(void)state;
	prepare(sim, &calls[0], MACHINE_READ, QUEUE "mkvps", 1000);
	prepare(sim, &calls[1], MACHINE_READ, CARD "type", 1000);
	prepare(sim, &calls[2], MACHINE_READ, "devices/ap/card12/type", 1000);
	prepare(sim, &calls[3], MACHINE_READ, CARD "online", 1000);
	for (size_t i = 0; i < COUNT(calls); i++) {
		calls[i].channel = i == 2 ? 0x12 + 1 : 0x11 + 1;
		assert_int_equal(machine_start(&sim->machine, &calls[i]), 0);
	}
	for (size_t i = 0; i < COUNT(calls); i++) {
		assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
		assert_ptr_equal(done, &calls[order[i]]);
		assert_int_equal(done->error, 0);
		assert_int_equal(elapsed(sim), end_us[i]);
	}
	start(sim, &calls[0], MACHINE_READ, CARD "type", 1000);
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_int_equal(elapsed(sim), 5400);
	sim_free(sim);
}

/* Calls queued after a call that hangs are never made. */
static void channel_gives_up(void **state)
{
	struct sim *sim = make(ALL_KINDS "fault 11.* request never\n", SIM_KERNEL_7);
	struct machine_call calls[3], *done;

	(void)state;
	prepare(sim, &calls[0], MACHINE_READ, QUEUE "mkvps", 1000);
	calls[0].limit_ms = 7;
	prepare(sim, &calls[1], MACHINE_WRITE, QUEUE "se_bind", 1000);
	calls[1].length = 1;
	calls[1].data[0] = '0';
	prepare(sim, &calls[2], MACHINE_READ, CARD "type", 1000);
	for (size_t i = 0; i < COUNT(calls); i++) {
		calls[i].channel = 0x11 + 1;
		assert_int_equal(machine_start(&sim->machine, &calls[i]), 0);
	}
	for (size_t i = 0; i < COUNT(calls); i++) {
		assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
		assert_ptr_equal(done, &calls[i]);
		assert_int_equal(done->error, i == 0 ? -ETIMEDOUT : -ECANCELED);
		assert_int_equal(elapsed(sim), 7 * MS);
	}
	assert_int_equal(sim_write_count(sim), 0);
	assert_int_equal(sim_count(sim, MACHINE_READ, "*"), 1);
	/* The channel can be used again. */
	assert_int_equal(machine_start(&sim->machine, &calls[2]), 0);
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_int_equal(done->error, 0);
	sim_free(sim);
}

static void many_calls(void **state)
{
	static struct machine_call calls[512];
	struct sim *sim = make(ALL_KINDS, SIM_KERNEL_7);
	struct machine_call *done;

	(void)state;
	for (size_t i = 0; i < COUNT(calls); i++)
		start(sim, &calls[i], MACHINE_READ, CARD "type", 1000);
	for (size_t i = 0; i < COUNT(calls); i++) {
		assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
		assert_ptr_equal(done, &calls[i]);
	}
	start(sim, &calls[0], MACHINE_READ, CARD "type", 1000);
	sim_free(sim);
}

/* --- injections, stop, journal -------------------------------------------------------------------- */

static void injected_failures(void **state)
{
	struct sim *sim = make(ALL_KINDS, SIM_KERNEL_7);
	const struct sim_injection failure = {
		.operation = MACHINE_WRITE, .path = "*/se_bind", .error = -EPERM, .after = 1, .times = 2,
	};
	const struct sim_injection other = { .operation = MACHINE_WRITE, .path = "*/11.00ff/*", .error = -ENXIO };
	const struct sim_injection uv = { .operation = MACHINE_UV, .path = "dev/uv", .error = -ENODEV };
	uint16_t rc;

	(void)state;
	sim_inject(sim, &failure);
	sim_inject(sim, &other);
	sim_inject(sim, &uv);
	assert_text(sim, QUEUE "se_bind", "bound\n");
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), -EINVAL);
	assert_int_equal(write_text(sim, QUEUE "se_bind", "0"), -EPERM);
	assert_text(sim, QUEUE "se_bind", "bound\n");
	assert_int_equal(write_text(sim, CARD "11.00ff/se_bind", "1"), -EPERM);
	assert_int_equal(write_text(sim, CARD "11.00ff/se_bind", "1"), -ENXIO);
	assert_int_equal(write_text(sim, QUEUE "se_bind", "0"), 0);
	assert_int_equal(perform_uv(sim, UV_LIST, NULL, 0, &rc), -ENODEV);
	sim_free(sim);
}

static void injected_texts(void **state)
{
	struct sim *sim = make(ALL_KINDS, SIM_KERNEL_7);
	const struct sim_injection text = {
		.operation = MACHINE_READ, .path = CARD "type", .action = SIM_TEXT, .text = "CEX9Q %s", .times = 1,
	};
	const struct sim_injection names = {
		.operation = MACHINE_LIST, .path = "devices/ap", .action = SIM_TEXT, .text = "card11\ncardXX\n",
	};

	(void)state;
	sim_inject(sim, &text);
	sim_inject(sim, &names);
	assert_text(sim, CARD "type", "CEX9Q %s");
	assert_text(sim, CARD "type", "CEX8P\n");
	assert_list(sim, "devices/ap", "card11\ncardXX\n");
	sim_free(sim);
}

static void injected_hang(void **state)
{
	struct sim *sim = make(ALL_KINDS, SIM_KERNEL_7);
	const struct sim_injection hang = { .operation = MACHINE_READ, .path = "*", .action = SIM_HANG, .times = 1 };
	struct machine_call call, *done;

	(void)state;
	sim_inject(sim, &hang);
	start(sim, &call, MACHINE_READ, CARD "type", 100000);
	assert_text(sim, CARD "online", "1\n");
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_ptr_equal(done, &call);
	assert_int_equal(call.error, -ETIMEDOUT);
	assert_int_equal(elapsed(sim), 100 * S);
	sim_free(sim);
}

static void stops(void **state)
{
	struct sim *sim = make(ALL_KINDS, SIM_KERNEL_7);
	struct machine_call *done;

	(void)state;
	assert_text(sim, CARD "type", "CEX8P\n");
	sim_stop_after(sim, 2);
	assert_text(sim, CARD "type", "CEX8P\n");
	assert_text(sim, CARD "type", "EINTR");
	assert_int_equal(machine_wait(&sim->machine, 0, &done), -EINTR);
	assert_int_equal(machine_sleep_until(&sim->machine, MACHINE_FOREVER), -EINTR);
	sim_free(sim);
	sim = make(ALL_KINDS, SIM_KERNEL_7);
	sim_stop_after(sim, 0);
	/* Abandoned calls may be freed, so the next call may have the same address. */
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(write_text(sim, QUEUE "se_bind", "0"), -EINTR);
	assert_int_equal(sim_write_count(sim), 3);
	assert_int_equal(sim_queue(sim, 0x11, 8)->state, MODEL_NO_SECURE_KEY);
	assert_int_equal(machine_sleep_until(&sim->machine, MACHINE_FOREVER), -EINTR);
	sim_free(sim);
}

static void journal_print(void **state)
{
	struct sim *sim = make(ALL_KINDS, SIM_KERNEL_7);
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	(void)state;
	assert_non_null(stream);
	perform_text(sim, MACHINE_READ, CARD "type");
	write_text(sim, QUEUE "se_bind", "1\n");
	sim_journal_print(sim, stream);
	fclose(stream);
	assert_string_equal(text, "1000000 1000100 read " CARD "type\n"
				  "1000100 1000200 write " QUEUE "se_bind 1\n: Invalid argument\n");
	free(text);
	sim_free(sim);
}

static void journal(void **state)
{
	struct sim *sim = make(ALL_KINDS, SIM_KERNEL_7);
	const struct sim_record *records;
	struct machine_call call, *done;
	uint16_t rc;
	size_t count;

	(void)state;
	assert_text(sim, CARD "type", "CEX8P\n");
	assert_text(sim, CARD "nothing", "ENOENT");
	perform_text(sim, MACHINE_LIST, "devices/ap");
	write_text(sim, QUEUE "se_bind", "0123456789012345678901234567");
	perform_uv(sim, UV_LIST, NULL, 0, &rc);
	start(sim, &call, MACHINE_READ, CARD "type", 1000);
	records = sim_journal(sim, &count);
	assert_int_equal(count, 6);
	assert_int_equal(records[0].operation, MACHINE_READ);
	assert_string_equal(records[0].path, CARD "type");
	assert_string_equal(records[0].text, "");
	assert_int_equal(records[0].end_us - records[0].start_us, 100);
	assert_int_equal(records[0].error, 0);
	assert_int_equal(records[1].error, -ENOENT);
	assert_int_equal(records[2].operation, MACHINE_LIST);
	assert_int_equal(records[3].operation, MACHINE_WRITE);
	assert_string_equal(records[3].text, "01234567890123456789012");
	assert_string_equal(records[4].path, "dev/uv");
	assert_string_equal(records[4].text, "3");
	assert_int_equal(records[4].error, -EINVAL);
	assert_int_equal(records[5].end_us, 0);
	assert_int_equal(sim_count(sim, MACHINE_READ, "*"), 3);
	assert_int_equal(sim_count(sim, MACHINE_READ, "*/type"), 2);
	assert_int_equal(sim_count(sim, MACHINE_READ, QUEUE "*"), 0);
	assert_int_equal(sim_write_count(sim), 1);
	sim_journal_clear(sim);
	assert_int_equal(sim_write_count(sim), 0);
	start(sim, &(struct machine_call){ 0 }, MACHINE_LIST, "nothing", 1000);
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_ptr_equal(done, &call);
	records = sim_journal(sim, &count);
	assert_int_equal(count, 1);
	assert_int_equal(records[0].end_us, 0);
	sim_free(sim);
}

/* --- misuse by a test ----------------------------------------------------------------------------- */

static void wait_for_nothing(struct sim *sim)
{
	machine_sleep_until(&sim->machine, MACHINE_FOREVER);
}

static void wait_for_lost_call(struct sim *sim)
{
	const struct sim_injection hang = { .operation = MACHINE_READ, .path = "*", .action = SIM_HANG };

	sim_inject(sim, &hang);
	perform_text(sim, MACHINE_READ, CARD "type");
}

static void spin(struct sim *sim)
{
	for (;;)
		machine_sleep_until(&sim->machine, machine_now_ms(&sim->machine));
}

static void start_twice(struct sim *sim)
{
	struct machine_call call;

	start(sim, &call, MACHINE_READ, CARD "type", 1000);
	machine_start(&sim->machine, &call);
}

static void start_twice_in_channel(struct sim *sim)
{
	struct machine_call first, second;

	prepare(sim, &first, MACHINE_READ, CARD "type", 1000);
	prepare(sim, &second, MACHINE_READ, CARD "type", 1000);
	first.channel = 1;
	second.channel = 1;
	machine_start(&sim->machine, &first);
	machine_start(&sim->machine, &second);
	machine_start(&sim->machine, &second);
}

static void use_unknown_channel(struct sim *sim)
{
	struct machine_call call;

	prepare(sim, &call, MACHINE_READ, CARD "type", 1000);
	call.channel = 257;
	machine_start(&sim->machine, &call);
}

static void start_too_many(struct sim *sim)
{
	struct machine_call calls[513];

	for (size_t i = 0; i < COUNT(calls); i++)
		start(sim, &calls[i], MACHINE_READ, CARD "type", 1000);
}

static void misspell(struct sim *sim)
{
	(void)sim;
	sim_new("quue 11.0008\n");
}

static void misuse_aborts(void **state)
{
	static void (*const mistakes[])(struct sim *sim) = {
		wait_for_nothing, wait_for_lost_call, spin,           start_twice,
		start_twice_in_channel, use_unknown_channel, start_too_many, misspell,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(mistakes); i++) {
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			signal(SIGABRT, SIG_DFL);
			if (dup2(open("/dev/null", O_WRONLY), STDERR_FILENO) >= 0)
				mistakes[i](make(ALL_KINDS, SIM_KERNEL_7));
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_passes_only_in_wait),
		cmocka_unit_test(queue_as_it_is_now),
		cmocka_unit_test(calls_overlap),
		cmocka_unit_test(calls_time_out),
		cmocka_unit_test(costs),
		cmocka_unit_test(channels),
		cmocka_unit_test(channel_gives_up),
		cmocka_unit_test(many_calls),
		cmocka_unit_test(injected_failures),
		cmocka_unit_test(injected_texts),
		cmocka_unit_test(injected_hang),
		cmocka_unit_test(stops),
		cmocka_unit_test(journal_print),
		cmocka_unit_test(journal),
		cmocka_unit_test(misuse_aborts),
	};

	return cmocka_run_group_tests_name("sim", tests, NULL, NULL);
}
