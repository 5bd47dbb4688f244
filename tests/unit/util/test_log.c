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
#include <unistd.h>

#include "unit/log_capture.h"

static struct log_capture capture;

static int begin(void **state)
{
	(void)state;
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

	/* also where the write itself fails */
	log_capture_end();
	assert_true(saved >= 0);
	close(STDERR_FILENO);
	errno = EXDEV;
	log_error("lost");
	assert_int_equal(errno, EXDEV);
	assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	close(saved);
}

/* Puts one end of a packet socket into the place of a standard stream: each packet read is one write. */
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

/* Nothing is left, and the other end is closed. */
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

/* Only the colour is ours: nothing in the text can change the terminal. */
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

/* The first reason is kept; nothing is told by itself. */
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

/* A signal that is to end us is not kept waiting by a pipe that nobody reads. */
static void nobody_reads_and_a_signal(void **state)
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

/* There is no way back from this. */
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

/* Under systemd: one stream, a severity in front of each line, nothing to the kernel. */
static void boot_with_journal(void **state)
{
	int saved, errors = divert(STDERR_FILENO, &saved);
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	log_capture_end();
	log_set_verbose(1);
	log_begin_boot(ends[1]);
	log_error("one");
	log_warning("two");
	log_notice("three");
	log_info("four");
	restore(STDERR_FILENO, saved);
	close(ends[1]);

	assert_packet(errors, "<3>pvapconfig: error: one\n");
	assert_packet(errors, "<4>pvapconfig: warning: two\n");
	assert_packet(errors, "<5>pvapconfig: three\n");
	assert_packet(errors, "<6>pvapconfig: four\n");
	assert_no_packet(errors);
	assert_no_packet(ends[0]);
	close(errors);
	close(ends[0]);
}

/* Without: plain lines on the console, and the kernel's log gets all but the details, in lines that it takes. */
static void boot_without_journal(void **state)
{
	char text[1001], line[2000];
	int saved = dup(STDERR_FILENO), console[2], kernel[2];
	ssize_t length;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[1000] = '\0';
	assert_int_equal(pipe(console), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, kernel), 0);
	assert_int_equal(dup2(console[1], STDERR_FILENO), STDERR_FILENO);
	close(console[1]);
	log_capture_end();
	log_set_verbose(1);
	log_begin_boot(kernel[1]);
	log_error("one");
	log_info("two");
	log_warning("%s", text);
	restore(STDERR_FILENO, saved);
	close(kernel[1]);

	assert_packet(kernel[0], "<3>pvapconfig: error: one\n");
	assert_int_equal(recv(kernel[0], line, sizeof(line), MSG_DONTWAIT), 976);
	assert_no_packet(kernel[0]);
	length = read(console[0], line, sizeof(line));
	assert_true(length > 0);
	line[length] = '\0';
	assert_string_equal(strtok(line, "\n"), "pvapconfig: error: one");
	assert_string_equal(strtok(NULL, "\n"), "pvapconfig: two");
	assert_int_equal(strlen(strtok(NULL, "\n")), strlen("pvapconfig: warning: ") + 1000);
	close(console[0]);
	close(kernel[0]);
}

/* A console that is held, or a journal that is stuck: lines are lost, nobody waits, and afterwards all is as before. */
static void boot_with_nobody_to_read(void **state)
{
	int saved = dup(STDERR_FILENO), console[2], size;
	char line[100], *text;

	(void)state;
	assert_int_equal(pipe(console), 0);
	size = fcntl(console[1], F_GETPIPE_SZ);
	text = calloc(1, (size_t)size);
	assert_non_null(text);
	assert_int_equal(write(console[1], text, (size_t)size), size);
	assert_int_equal(dup2(console[1], STDERR_FILENO), STDERR_FILENO);
	close(console[1]);
	log_capture_end();
	log_begin_boot(-1);
	for (int i = 0; i < 100; i++)
		log_error("lost");
	assert_int_equal(read(console[0], text, (size_t)size), size);
	free(text);
	log_error("seen");
	restore(STDERR_FILENO, saved);
	assert_int_equal(read(console[0], line, sizeof(line)), strlen("pvapconfig: error: seen\n"));
	close(console[0]);
}

/* As for /dev/kmsg, nobody says that it can be written to. */
static int never_writable = -1;

int __real_poll(struct pollfd *fds, nfds_t count, int timeout_ms);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms);

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	if (count == 1 && fds->fd == never_writable)
		return 0;
	return __real_poll(fds, count, timeout_ms);
}

static void boot_with_kernel_log(void **state)
{
	int saved = dup(STDERR_FILENO), console[2], kernel[2];

	(void)state;
	assert_int_equal(pipe(console), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, kernel), 0);
	assert_int_equal(dup2(console[1], STDERR_FILENO), STDERR_FILENO);
	close(console[1]);
	log_capture_end();
	log_begin_boot(kernel[1]);
	never_writable = kernel[1];
	log_error("one");
	restore(STDERR_FILENO, saved);
	close(kernel[1]);
	assert_packet(kernel[0], "<3>pvapconfig: error: one\n");
	close(console[0]);
	close(kernel[0]);
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
		cmocka_unit_test_setup_teardown(nobody_reads_and_a_signal, begin, end),
		cmocka_unit_test_setup_teardown(last_error, begin, end),
		cmocka_unit_test_setup_teardown(left_output, begin, end),
		/* Last, as there is no way back from early boot. */
		cmocka_unit_test_setup_teardown(boot_with_journal, begin, end),
		cmocka_unit_test_setup_teardown(boot_without_journal, begin, end),
		cmocka_unit_test_setup_teardown(boot_with_nobody_to_read, begin, end),
		cmocka_unit_test_setup_teardown(boot_with_kernel_log, begin, end),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
