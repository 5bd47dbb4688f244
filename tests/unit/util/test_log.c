/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "unit/log_capture.h"

static struct log_capture capture;

/* Lines lost in earlier tests must not be reported in the next one. */
static void forget_lost(void)
{
	int saved = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	assert_int_equal(dup2(nowhere, STDERR_FILENO), STDERR_FILENO);
	log_report_lost();
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	close(nowhere);
	close(saved);
}

static int begin(void **state)
{
	(void)state;
	forget_lost();
	log_set_verbose(0);
	log_capture_begin(&capture);
	return 0;
}

static int end(void **state)
{
	(void)state;
	log_set_verbose(0);
	log_capture_end();
	return 0;
}

static void levels(void **state)
{
	(void)state;
	log_error("cannot %s: %d", "this", 7);
	log_warning("beware");
	log_notice("listed");
	log_info("not shown");
	assert_string_equal(capture.text, "error: cannot this: 7\nwarning: beware\nnotice: listed\n");

	log_capture_begin(&capture);
	log_set_verbose(1);
	log_info("shown");
	assert_string_equal(capture.text, "info: shown\n");
}

static void unprintable(void **state)
{
	(void)state;
	log_error("%s", "a\tb\nc\033[31m\177\x9b" "d\xc3\xa9~ ");
	assert_string_equal(capture.text, "error: a?b?c?[31m??d??~ \n");
}

static void long_lines(void **state)
{
	char text[2001];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[1000] = '\0';
	log_error("%s", text);
	assert_int_equal(strlen(capture.text), strlen("error: ") + 1000 + 1);
	assert_null(strchr(capture.text, '.'));

	log_capture_begin(&capture);
	text[1000] = 'x';
	text[2000] = '\0';
	log_error("%s", text);
	assert_int_equal(strlen(capture.text), strlen("error: ") + 1000 + 1);
	assert_string_equal(capture.text + strlen("error: ") + 996, "x...\n");
}

static void errno_is_kept(void **state)
{
	int saved = dup(STDERR_FILENO);

	(void)state;
	errno = EXDEV;
	log_error("x");
	assert_int_equal(errno, EXDEV);

	/* Even if the write fails. */
	log_capture_end();
	assert_true(saved >= 0);
	close(STDERR_FILENO);
	errno = EXDEV;
	log_error("lost");
	assert_int_equal(errno, EXDEV);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	close(saved);
}

/* Replaces a standard stream with one end of a packet socket: each packet read is one write. */
static int divert(int stream, int *saved)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	fflush(NULL);
	*saved = dup(stream);
	assert_true(*saved >= 0);
	assert_int_equal(dup2(ends[1], stream), stream);
	close(ends[1]);
	return ends[0];
}

static void restore(int stream, int saved)
{
	assert_int_equal(dup2(saved, stream), stream);
	close(saved);
}

static void assert_packet(int socket, const char *expected)
{
	char packet[2000];
	ssize_t length = recv(socket, packet, sizeof(packet) - 1, MSG_DONTWAIT);

	assert_true(length >= 0);
	packet[length] = '\0';
	assert_string_equal(packet, expected);
}

/* No packet is left, and the other end is closed. */
static void assert_no_packet(int socket)
{
	char packet[2000];

	assert_int_equal(recv(socket, packet, sizeof(packet), MSG_DONTWAIT), 0);
}

static void streams(void **state)
{
	int saved_output, saved_errors;
	int output = divert(STDOUT_FILENO, &saved_output);
	int errors = divert(STDERR_FILENO, &saved_errors);

	(void)state;
	log_capture_end();
	log_set_verbose(1);
	log_error("one");
	log_warning("two");
	log_notice("three");
	log_info("four");
	restore(STDOUT_FILENO, saved_output);
	restore(STDERR_FILENO, saved_errors);

	assert_packet(errors, "pvapconfig: error: one\n");
	assert_packet(errors, "pvapconfig: warning: two\n");
	assert_no_packet(errors);
	assert_packet(output, "pvapconfig: three\n");
	assert_packet(output, "pvapconfig: four\n");
	assert_no_packet(output);
	close(output);
	close(errors);
}

/* Only our own colours reach the terminal, no escape sequences in the text. */
static void colors(void **state)
{
	int saved, output = divert(STDOUT_FILENO, &saved);

	(void)state;
	log_capture_end();
	log_styled(LOG_STYLE_HEAD, "one");
	log_set_color(true);
	log_styled(LOG_STYLE_HEAD, "two");
	log_styled(LOG_STYLE_GOOD, "three\033[5m");
	log_styled(LOG_STYLE_BAD, "four");
	log_styled(LOG_STYLE_PLAIN, "five");
	log_set_color(false);
	restore(STDOUT_FILENO, saved);

	assert_packet(output, "one\n");
	assert_packet(output, "\033[1mtwo\033[0m\n");
	assert_packet(output, "\033[32mthree?[5m\033[0m\n");
	assert_packet(output, "\033[31mfour\033[0m\n");
	assert_packet(output, "five\n");
	assert_no_packet(output);
	close(output);
}

/* The first error is kept. It is not reported on its own. */
static void lost_output(void **state)
{
	int saved = dup(STDOUT_FILENO), full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	log_capture_end();
	assert_int_equal(log_output_error(), 0);
	fflush(NULL);
	assert_int_equal(dup2(full, STDOUT_FILENO), STDOUT_FILENO);
	log_output("one");
	close(STDOUT_FILENO);
	log_raw("two\n", 4);
	restore(STDOUT_FILENO, saved);
	close(full);
	assert_int_equal(log_output_error(), -ENOSPC);
}

/* A signal must not wait for a pipe that is not read. */
static void blocked_output_and_a_signal(void **state)
{
	static const struct timespec now = { 0, 0 };
	int saved = dup(STDERR_FILENO), ends[2];
	char page[4096] = "";
	sigset_t signals;

	(void)state;
	log_capture_end();
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	assert_int_equal(sigprocmask(SIG_BLOCK, &signals, NULL), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	while (write(ends[1], page, sizeof(page)) > 0)
		;
	assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
	assert_int_equal(raise(SIGTERM), 0);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	log_error("one");
	log_error("two");
	restore(STDERR_FILENO, saved);
	assert_int_equal(sigtimedwait(&signals, NULL, &now), SIGTERM);
	assert_int_equal(sigprocmask(SIG_UNBLOCK, &signals, NULL), 0);
	close(ends[0]);
	close(ends[1]);
}

/* A descriptor that poll never reports as writable, and the sum of the timeouts of these polls. */
static int never_writable = -1, waited_ms;
static bool poll_lies; /* poll reports it as writable */

int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	if (count == 1 && (fds->fd == never_writable || (fds->fd < 0 && never_writable >= 0))) {
		waited_ms += timeout_ms;
		/* An endless wait. A message would go to the streams that the test has diverted. */
		if (waited_ms > 10 * LOG_PATIENCE_MS)
			abort();
		return poll_lies && fds->fd >= 0;
	}
	return __real_poll(fds, count, timeout_ms);
}

/*
 * All waits together take at most two seconds, for all streams and lines. Lost lines are counted, and reported as soon
 * as the stream is writable. This uses up the program's waiting time, so tests that wait must run before.
 */
static void blocked_output(void **state)
{
	int saved_output, saved_errors, waited_first_ms;
	int output = divert(STDOUT_FILENO, &saved_output);
	int errors = divert(STDERR_FILENO, &saved_errors);

	(void)state;
	log_capture_end();
	waited_ms = 0;
	never_writable = STDERR_FILENO;
	log_error("one");
	log_error("two");
	log_report_lost();
	never_writable = STDOUT_FILENO;
	log_raw("{}\n", 3);
	waited_first_ms = waited_ms;
	log_notice("three");
	never_writable = -1;
	log_error("four");
	log_report_lost();
	restore(STDOUT_FILENO, saved_output);
	restore(STDERR_FILENO, saved_errors);

	assert_int_equal(waited_first_ms, LOG_PATIENCE_MS);
	assert_int_equal(waited_ms, LOG_PATIENCE_MS);
	assert_packet(errors, "pvapconfig: warning: 2 lines were lost: the reader was too slow\n");
	assert_packet(errors, "pvapconfig: warning: 1 line was lost: the reader was too slow\n");
	assert_packet(errors, "pvapconfig: error: four\n");
	assert_no_packet(errors);
	assert_no_packet(output);
	close(output);
	close(errors);
}

/*
 * Ctrl-S. A terminal may block a writer although poll reports it as writable. The mode of standard error does not
 * change.
 */
static void stopped_terminal(void **state)
{
	int saved = dup(STDERR_FILENO), master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	char text[1000];

	(void)state;
	assert_true(master >= 0);
	assert_int_equal(grantpt(master) | unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(slave >= 0);
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_capture_end();
	assert_int_equal(dup2(slave, STDERR_FILENO), STDERR_FILENO);
	log_error("seen");
	alarm(60); /* ends a program that blocks */
	assert_int_equal(tcflow(slave, TCOOFF), 0);
	for (int lies = 0; lies < 2; lies++) {
		poll_lies = lies;
		if (lies) {
			/* The descriptor that the terminal gets when it is opened again. */
			never_writable = dup(saved);
			close(never_writable);
		}
		for (int i = 0; i < 100; i++)
			log_error("%s", text);
	}
	assert_true(never_writable > STDERR_FILENO);
	alarm(0);
	never_writable = -1;
	poll_lies = false;
	assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
	assert_int_equal(tcflow(slave, TCOON), 0);
	restore(STDERR_FILENO, saved);
	assert_int_equal(read(master, text, sizeof(text)), (ssize_t)strlen("pvapconfig: error: seen\r\n"));
	close(slave);
	close(master);
}

/* This cannot be undone. */
static void left_output(void **state)
{
	int saved_output, saved_errors;
	int output = divert(STDOUT_FILENO, &saved_output);
	int errors = divert(STDERR_FILENO, &saved_errors);

	(void)state;
	log_capture_end();
	log_set_verbose(1);
	log_leave_output();
	log_error("one");
	log_notice("two");
	log_info("three");
	restore(STDOUT_FILENO, saved_output);
	restore(STDERR_FILENO, saved_errors);

	assert_packet(errors, "pvapconfig: error: one\n");
	assert_packet(errors, "pvapconfig: two\n");
	assert_packet(errors, "pvapconfig: three\n");
	assert_no_packet(errors);
	assert_no_packet(output);
	close(output);
	close(errors);
}

/* --- early boot: cannot be undone ---------------------------------------------------------------------------------- */

#define KERNEL_LOG "/dev/the-log-of-the-kernel"

/* Like /dev/kmsg: each open file has its own limit, and it is written without poll. */
static int openers[512], opener_count;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int __wrap_open(const char *path, int flags, ...)
{
	int ends[2];

	if (strcmp(path, KERNEL_LOG) != 0)
		return __real_open(path, flags);
	assert_true(opener_count < 512);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	openers[opener_count++] = ends[0];
	return ends[1];
}

/* The next line written to the kernel's log, by any opener. False if there is none. */
static bool kernel_line(char line[2000], int *opener)
{
	for (int i = 0; i < opener_count; i++) {
		ssize_t length = openers[i] < 0 ? 0 : recv(openers[i], line, 1999, MSG_DONTWAIT);

		if (length > 0) {
			line[length] = '\0';
			*opener = i;
			return true;
		}
	}
	return false;
}

/* Under systemd: one stream, a severity before each line, nothing to the kernel's log. */
static void boot_with_journal(void **state)
{
	int saved, errors = divert(STDERR_FILENO, &saved);

	(void)state;
	log_capture_end();
	log_set_verbose(1);
	log_begin_boot(KERNEL_LOG);
	log_error("one");
	log_warning("two");
	log_notice("three");
	log_info("four");
	restore(STDERR_FILENO, saved);

	assert_packet(errors, "<3>pvapconfig: error: one\n");
	assert_packet(errors, "<4>pvapconfig: warning: two\n");
	assert_packet(errors, "<5>pvapconfig: three\n");
	assert_packet(errors, "<6>pvapconfig: four\n");
	assert_no_packet(errors);
	assert_int_equal(opener_count, 0);
	close(errors);
}

/* Replaces standard error with a pipe that is read later, and starts early boot. */
static int begin_console(int *saved)
{
	int console[2];

	*saved = dup(STDERR_FILENO);
	assert_int_equal(pipe(console), 0);
	assert_int_equal(dup2(console[1], STDERR_FILENO), STDERR_FILENO);
	close(console[1]);
	log_capture_end();
	log_begin_boot(KERNEL_LOG);
	return console[0];
}

/*
 * Without systemd: plain lines on the console. The kernel's log gets all but the details, truncated to the length it
 * accepts.
 */
static void boot_without_journal(void **state)
{
	char text[1001], line[2000];
	int saved, opener, console = begin_console(&saved);
	ssize_t length;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[1000] = '\0';
	log_set_verbose(1);
	log_error("one");
	log_info("two");
	log_warning("%s", text);
	restore(STDERR_FILENO, saved);

	assert_true(kernel_line(line, &opener));
	assert_string_equal(line, "<3>pvapconfig: error: one\n");
	assert_true(kernel_line(line, &opener));
	assert_int_equal(strlen(line), 976);
	assert_false(kernel_line(line, &opener));
	length = read(console, line, sizeof(line));
	assert_true(length > 0);
	line[length] = '\0';
	assert_string_equal(strtok(line, "\n"), "pvapconfig: error: one");
	assert_string_equal(strtok(NULL, "\n"), "pvapconfig: two");
	assert_int_equal(strlen(strtok(NULL, "\n")), strlen("pvapconfig: warning: ") + 1000);
	close(console);
}

/* The kernel accepts ten lines per open file and silently drops the rest. The last lines matter most. */
static void boot_with_many_lines(void **state)
{
	char line[2000], expected[100];
	int saved, opener, console = begin_console(&saved), counts[512] = { 0 }, errors = 0, others = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		log_warning("warning %d", i);
		log_error("error %d", i);
	}
	restore(STDERR_FILENO, saved);
	while (kernel_line(line, &opener)) {
		counts[opener]++;
		snprintf(expected, sizeof(expected), "<3>pvapconfig: error: error %d\n", errors);
		if (strcmp(line, expected) == 0)
			errors++;
		else
			others++;
	}
	assert_int_equal(errors, 100);
	/* The previous test wrote one of the 50. */
	assert_int_equal(others, 49);
	for (int i = 0; i < opener_count; i++)
		assert_true(counts[i] <= 10);
	close(console);
}

/* A child must not use up the limit of its parent, which writes the last lines. */
static void boot_in_a_child(void **state)
{
	int saved, console = begin_console(&saved), before, status, opener;
	char line[2000];

	(void)state;
	log_error("parent");
	before = opener_count;
	if (fork() == 0) {
		log_error("child");
		_exit(opener_count == before + 1 ? 0 : 1);
	}
	assert_true(wait(&status) > 0);
	restore(STDERR_FILENO, saved);
	assert_int_equal(status, 0);
	while (kernel_line(line, &opener))
		;
	close(console);
}

static void last_error(void **state)
{
	(void)state;
	log_error("first\n");
	log_error("second %d", 2);
	log_warning("third");
	assert_string_equal(log_last_error(), "second 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(levels, begin, end),
		cmocka_unit_test_setup_teardown(unprintable, begin, end),
		cmocka_unit_test_setup_teardown(long_lines, begin, end),
		cmocka_unit_test_setup_teardown(errno_is_kept, begin, end),
		cmocka_unit_test_setup_teardown(streams, begin, end),
		cmocka_unit_test_setup_teardown(colors, begin, end),
		cmocka_unit_test_setup_teardown(lost_output, begin, end),
		cmocka_unit_test_setup_teardown(blocked_output_and_a_signal, begin, end),
		cmocka_unit_test_setup_teardown(blocked_output, begin, end),
		cmocka_unit_test_setup_teardown(stopped_terminal, begin, end),
		cmocka_unit_test_setup_teardown(last_error, begin, end),
		cmocka_unit_test_setup_teardown(left_output, begin, end),
		/* Last, because early boot cannot be undone. */
		cmocka_unit_test_setup_teardown(boot_with_journal, begin, end),
		cmocka_unit_test_setup_teardown(boot_without_journal, begin, end),
		cmocka_unit_test_setup_teardown(boot_with_many_lines, begin, end),
		cmocka_unit_test_setup_teardown(boot_in_a_child, begin, end),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
