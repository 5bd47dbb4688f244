/* SPDX-License-Identifier: MIT */
#include "util/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_LENGTH_MAX 1000
#define PREFIX_SIZE 32
#define SUFFIX_SIZE 8
#define LOOK_INTERVAL_MS 100 /* for a signal, while a line is not taken */
#define KERNEL_LINE_MAX 976  /* LOG_LINE_MAX in kernel/printk: what is longer is refused */

static int log_verbose;
static bool log_color;
static bool log_left_output;
static bool log_boot;
static bool log_journal;
static int log_patience_ms = LOG_PATIENCE_MS;
static int log_kernel = -1;
static int log_lost_output;
static char log_error_text[LINE_LENGTH_MAX + 1];
static struct log_target log_target;

void log_set_verbose(int verbose)
{
	log_verbose = verbose;
}

void log_leave_output(void)
{
	log_left_output = true;
}

void log_set_color(bool color)
{
	log_color = color;
}

struct log_target log_set_sink(log_sink *sink, void *context)
{
	struct log_target before = log_target;

	log_target = (struct log_target){ .sink = sink, .context = context };
	return before;
}

void log_begin_boot(int kernel_log)
{
	struct stat status;

	log_boot = true;
	log_patience_ms = LOG_PATIENCE_BOOT_MS;
	log_journal = fstat(STDERR_FILENO, &status) == 0 && S_ISSOCK(status.st_mode);
	log_kernel = kernel_log;
}

const char *log_last_error(void)
{
	return log_error_text[0] ? log_error_text : NULL;
}

void log_forget_error(void)
{
	log_error_text[0] = '\0';
}

int log_output_error(void)
{
	return log_lost_output;
}

static const char *level_prefix(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "pvapconfig: error: ";
	case LOG_LEVEL_WARNING:
		return "pvapconfig: warning: ";
	case LOG_LEVEL_OUTPUT:
		return "";
	case LOG_LEVEL_NOTICE:
	case LOG_LEVEL_INFO:
		break;
	}
	return "pvapconfig: ";
}

/* What may not reach a console: escape sequences in the first place, also those that begin with a byte above 0x7f. */
static void replace_unprintable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static void format_text(char text[LINE_LENGTH_MAX + 1], const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

static void format_text(char text[LINE_LENGTH_MAX + 1], const char *format, va_list arguments)
{
	int length = vsnprintf(text, LINE_LENGTH_MAX + 1, format, arguments);

	if (length > LINE_LENGTH_MAX)
		memcpy(text + LINE_LENGTH_MAX - 3, "...", sizeof("..."));
	else if (length < 0) /* cannot be formatted: the format itself tells the most */
		snprintf(text, LINE_LENGTH_MAX + 1, "%s", format);
	replace_unprintable(text);
}

/* Those that end a run are blocked while it is going on (kernel/linux.c). */
static bool is_signalled(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 && (sigismember(&pending, SIGINT) > 0 || sigismember(&pending, SIGTERM) > 0 ||
					     sigismember(&pending, SIGHUP) > 0);
}

/* A descriptor that was inherited must not be made non-blocking: others use it as well. */
static bool is_taken(int fd)
{
	struct pollfd wanted = { .fd = fd, .events = POLLOUT };
	int left_ms = log_patience_ms;
	bool taken;

	/* /dev/kmsg never keeps a writer, nor does it ever say so: devkmsg_poll in kernel/printk knows no POLLOUT. */
	if (log_boot && fd == log_kernel)
		return true;
	do {
		int wait_ms = is_signalled() ? 0 : left_ms < LOOK_INTERVAL_MS ? left_ms : LOOK_INTERVAL_MS;

		taken = poll(&wanted, 1, wait_ms) != 0;
		left_ms = wait_ms > 0 ? left_ms - wait_ms : 0;
	} while (!taken && left_ms > 0);
	log_patience_ms = !taken ? 0 : log_boot ? LOG_PATIENCE_BOOT_MS : LOG_PATIENCE_MS;
	return taken;
}

static void note_lost(int fd, int error)
{
	if (fd == STDOUT_FILENO && log_lost_output == 0)
		log_lost_output = error;
}

/* What cannot be written is lost. */
static void write_all(int fd, const char *text, size_t length)
{
	size_t written = 0;

	while (written < length) {
		size_t piece = length - written < PIPE_BUF ? length - written : PIPE_BUF;
		ssize_t count;

		if (!is_taken(fd)) {
			note_lost(fd, -ETIMEDOUT);
			return;
		}
		count = write(fd, text + written, piece);
		if (count > 0) {
			written += (size_t)count;
		} else if (count == 0 || errno != EINTR) {
			note_lost(fd, count < 0 ? -errno : -EIO);
			return;
		}
	}
}

/* One write for the line, so that lines of several processes do not mix. */
static void write_line(int fd, const char *prefix, const char *text, const char *suffix)
{
	char line[PREFIX_SIZE + LINE_LENGTH_MAX + SUFFIX_SIZE];
	size_t length = (size_t)snprintf(line, sizeof(line), "%s%s%s\n", prefix, text, suffix);

	write_all(fd, line, fd == log_kernel && length > KERNEL_LINE_MAX ? KERNEL_LINE_MAX : length);
}

void log_raw(const char *text, size_t length)
{
	write_all(STDOUT_FILENO, text, length);
}

/* In the words of syslog, which the journal and the kernel understand at the start of a line. */
static void write_boot_line(enum log_level level, const char *text)
{
	static const char severity[] = {
		[LOG_LEVEL_ERROR] = '3',  [LOG_LEVEL_WARNING] = '4', [LOG_LEVEL_OUTPUT] = '5',
		[LOG_LEVEL_NOTICE] = '5', [LOG_LEVEL_INFO] = '6',
	};
	char prefix[PREFIX_SIZE];

	snprintf(prefix, sizeof(prefix), "<%c>%s", severity[level], level_prefix(level));
	write_line(STDERR_FILENO, log_journal ? prefix : level_prefix(level), text, "");
	/* The kernel takes only ten lines in five seconds: none for details. */
	if (!log_journal && log_kernel >= 0 && level != LOG_LEVEL_INFO)
		write_line(log_kernel, prefix, text, "");
}

void log_line(enum log_level level, const char *format, ...)
{
	char text[LINE_LENGTH_MAX + 1];
	int saved_errno = errno;
	va_list arguments;

	if (level == LOG_LEVEL_INFO && !log_verbose)
		return;

	va_start(arguments, format);
	format_text(text, format, arguments);
	va_end(arguments);

	if (level == LOG_LEVEL_ERROR)
		memcpy(log_error_text, text, sizeof(text));
	if (log_target.sink)
		log_target.sink(level, text, log_target.context);
	else if (log_boot)
		write_boot_line(level, text);
	else if (level == LOG_LEVEL_ERROR || level == LOG_LEVEL_WARNING || log_left_output)
		write_line(STDERR_FILENO, level_prefix(level), text, "");
	else
		write_line(STDOUT_FILENO, level_prefix(level), text, "");
	errno = saved_errno;
}

void log_styled(enum log_style style, const char *text)
{
	static const char *const starts[] = {
		[LOG_STYLE_HEAD] = "\033[1m", [LOG_STYLE_GOOD] = "\033[32m", [LOG_STYLE_BAD] = "\033[31m"
	};
	char line[LINE_LENGTH_MAX + 1];

	if (!log_color || style == LOG_STYLE_PLAIN || log_target.sink) {
		log_output("%s", text);
		return;
	}
	snprintf(line, sizeof(line), "%s", text);
	replace_unprintable(line);
	write_line(STDOUT_FILENO, starts[style], line, "\033[0m");
}
