/* SPDX-License-Identifier: MIT */
/* The line on a terminal that tells what is waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/ioctl.h>

#include "unit/run_fixture.h"
#include "util/progress.h"

static char shown[16384];
static int saved_errors, ends[2];

static void divert(void)
{
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	fflush(NULL);
	saved_errors = dup(STDERR_FILENO);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	close(ends[1]);
}

/* What was written, without the blanks that wipe a line. */
static void restore(void)
{
	static const char wipe[] =
		"\r                                                                               \r";
	char *place;
	ssize_t length = read(ends[0], shown, sizeof(shown) - 1);

	assert_int_equal(dup2(saved_errors, STDERR_FILENO), STDERR_FILENO);
	close(saved_errors);
	close(ends[0]);
	shown[length > 0 ? length : 0] = '\0';
	while ((place = strstr(shown, wipe)))
		replace(place, strlen(wipe), "|");
	progress_enable(false);
}

static void test_due(void **state)
{
	(void)state;
	progress_enable(false);
	assert_false(progress_is_due(100000, 0));
	assert_int_equal(progress_until(0, 5000), 5000);
	progress_enable(true);
	assert_int_equal(progress_until(0, 5000), 1000);
	assert_int_equal(progress_until(0, MACHINE_FOREVER), 1000);
	assert_int_equal(progress_until(4500, 5000), 5000);
	assert_false(progress_is_due(999, 0));
	assert_true(progress_is_due(1000, 0));
	divert();
	progress_show(12999, 0, "the moon");
	assert_false(progress_is_due(13998, 0));
	assert_true(progress_is_due(13999, 0));
	log_transient(NULL);
	log_transient(NULL);
	restore();
	assert_string_equal(shown, "|waiting for the moon, 12 s|");
}

/* Any line takes its place; it never breaks, and brings nothing along that a terminal understands. */
static void test_transient(void **state)
{
	char text[200];

	(void)state;
	log_capture_end();
	memset(text, 'x', sizeof(text));
	text[0] = '\033';
	text[199] = '\0';
	divert();
	log_transient("one");
	log_error("two");
	log_error("three");
	log_transient(text);
	log_transient(NULL);
	restore();
	text[0] = '?';
	text[LOG_TRANSIENT_SIZE - 1] = '\0';
	assert_memory_equal(shown, "|one|pvapconfig: error: two\npvapconfig: error: three\n|?xxx", 58);
	assert_non_null(strstr(shown, text));
	assert_int_equal(strlen(strchr(shown, '?')), LOG_TRANSIENT_SIZE - 1 + 1);
}

/* On a narrow terminal it must not become two lines, of which only one could be wiped. */
static void test_narrow_terminal(void **state)
{
	const struct winsize size = { .ws_row = 5, .ws_col = 10 };
	int terminal = posix_openpt(O_RDWR | O_NOCTTY), slave;
	size_t filled = 0;
	ssize_t length;

	(void)state;
	log_capture_end();
	assert_true(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
	slave = open(ptsname(terminal), O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
	assert_int_equal(ioctl(terminal, TIOCSWINSZ, &size), 0);
	fflush(NULL);
	saved_errors = dup(STDERR_FILENO);
	assert_int_equal(dup2(slave, STDERR_FILENO), STDERR_FILENO);
	log_transient("0123456789");
	log_transient(NULL);
	assert_int_equal(dup2(saved_errors, STDERR_FILENO), STDERR_FILENO);
	close(saved_errors);
	close(slave);
	/* Until the error that tells that nobody is at the other end. */
	while ((length = read(terminal, shown + filled, sizeof(shown) - 1 - filled)) > 0)
		filled += (size_t)length;
	close(terminal);
	shown[filled] = '\0';
	assert_string_equal(shown, "\r         \r012345678\r         \r");
}

static void test_run(void **state)
{
	struct fixture *fixture = *state;

	log_set_verbose(0);
	for (int terminal = 0; terminal < 2; terminal++) {
		begin(fixture, SMALL "delay associate=2500ms\n", ENTRY_A);
		fixture->sim->options.settled = false;
		fixture->sim->options.bindings_us = 2500 * MS;
		progress_enable(terminal);
		divert();
		assert_true(run(fixture));
		restore();
		if (!terminal)
			assert_string_equal(shown, "");
	}
	assert_string_equal(shown,
			    "|waiting for the drivers of the AP bus, 1 s|waiting for the drivers of the AP bus, 2 s"
			    "|waiting for the association of 11.0001, 1 s"
			    "|waiting for the association of 11.0001, 2 s|");
}

static void test_hanging_read(void **state)
{
	struct fixture *fixture = *state;

	log_set_verbose(0);
	begin(fixture, SMALL, ENTRY_ACCEL);
	inject(fixture, MACHINE_READ, "*/11.0001/online", SIM_HANG, 0);
	progress_enable(true);
	divert();
	run(fixture);
	restore();
	assert_non_null(
		strstr(shown, "|waiting for the states of the APQNs, 1 s|waiting for the states of the APQNs, 2 s|"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_due),
		TEST(test_transient),
		TEST(test_narrow_terminal),
		TEST(test_run),
		TEST(test_hanging_read),
	};

	return cmocka_run_group_tests_name("progress", tests, NULL, NULL);
}
