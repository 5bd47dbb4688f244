/* SPDX-License-Identifier: MIT */
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/wait.h"

#define LINE_LENGTH_MAX 1000
#define PREFIX_SIZE 32
#define SUFFIX_SIZE 8
#define SIGNAL_CHECK_MS 100  /* between checks for a signal, while a line is not accepted */
#define AGAIN_MS 10          /* for a terminal that poll misjudges */
#define KERNEL_LINE_MAX 976  /* LOG_LINE_MAX in kernel/printk: what is longer is refused */
#define KERNEL_OTHERS_MAX 50 /* lines that are not errors */

static int log_verbose;
static bool log_color;
static bool log_left_output;
static bool log_journal;
static int64_t log_patience_ms = LOG_PATIENCE_MS; /* remaining part */
static unsigned int log_lost_lines;               /* not reported yet */
static int log_lost_output;
static const char *log_kernel_path; /* NULL: not used */
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

void log_begin_boot(const char *kernel_log)
{
	struct stat status;

	log_leave_output();
	log_journal = fstat(STDERR_FILENO, &status) == 0 && S_ISSOCK(status.st_mode);
	log_kernel_path = log_journal ? NULL : kernel_log;
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

/* The severity is syslog's, for the journal and the kernel. */
static const struct {
	const char *severity, *prefix;
} levels[] = {
	[LOG_LEVEL_ERROR] = { "<3>", "pvapconfig: error: " },
	[LOG_LEVEL_WARNING] = { "<4>", "pvapconfig: warning: " },
	[LOG_LEVEL_OUTPUT] = { "<5>", "" },
	[LOG_LEVEL_NOTICE] = { "<5>", "pvapconfig: " },
	[LOG_LEVEL_INFO] = { "<6>", "pvapconfig: " },
};

/* Bytes that must not reach a console: above all escape sequences, also those that begin with a byte above 0x7f. */
static void replace_unprintable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/* --- writing without being held ------------------------------------------------------------------- */

/*
 * A write to a terminal may block although poll reports it as writable. The inherited descriptor must not be made
 * non-blocking, because other processes use it. So a terminal is opened again. -1: it is none, or there is no /proc.
 */
static int open_terminal(int fd)
{
	char path[32];

	if (!isatty(fd))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* Waits a little for `fd`, or just waits (-1). False if the waiting time is used up. */
static bool spend_patience(int fd, int slice_ms, bool *taken)
{
	struct pollfd wanted = { .fd = fd, .events = POLLOUT };
	int64_t start_ms = wait_now_ms();

	if (log_patience_ms <= 0 || wait_is_stopped())
		return false;
	if (log_patience_ms < slice_ms)
		slice_ms = (int)log_patience_ms;
	*taken = poll(&wanted, 1, slice_ms) != 0;
	log_patience_ms -= *taken ? wait_now_ms() - start_ms : slice_ms;
	return true;
}

/* False if nothing is accepted within the waiting time that is left for all lines together. */
static bool wait_until_taken(int fd)
{
	struct pollfd wanted = { .fd = fd, .events = POLLOUT };
	bool taken = poll(&wanted, 1, 0) != 0;

	while (!taken && spend_patience(fd, SIGNAL_CHECK_MS, &taken))
		;
	return taken;
}

static int note_error(int fd, int error)
{
	if (fd == STDOUT_FILENO && log_lost_output == 0)
		log_lost_output = error;
	return error;
}

/* 0 or a negative errno; what was not written is lost. */
static int write_all(int fd, const char *text, size_t length)
{
	cleanup_close_ int terminal = open_terminal(fd);
	int own = terminal >= 0 ? terminal : fd;
	bool taken;

	while (length > 0) {
		ssize_t count;

		if (!wait_until_taken(own))
			return note_error(fd, -ETIMEDOUT);
		count = write(own, text, length < PIPE_BUF ? length : PIPE_BUF);
		if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN))
			return note_error(fd, count < 0 ? -errno : -EIO);
		if (count > 0) {
			text += count;
			length -= (size_t)count;
		} else if (errno == EAGAIN && !spend_patience(-1, AGAIN_MS, &taken)) {
			/* No room for the next character, although poll reports POLLOUT. */
			return note_error(fd, -ETIMEDOUT);
		}
	}
	return 0;
}

/* One write for the line, so that lines of several processes do not mix. */
static void write_line(int fd, const char *start, const char *prefix, const char *text, const char *end)
{
	char line[PREFIX_SIZE + LINE_LENGTH_MAX + SUFFIX_SIZE];
	size_t length = (size_t)snprintf(line, sizeof(line), "%s%s%s%s\n", start, prefix, text, end);

	if (write_all(fd, line, length) == -ETIMEDOUT)
		log_lost_lines++;
}

void log_raw(const char *text, size_t length)
{
	write_all(STDOUT_FILENO, text, length);
}

/*
 * The kernel accepts ten lines in five seconds per open file and drops the rest. The last lines matter most, so each
 * gets a file of its own. Only errors have no limit. A write to /dev/kmsg never blocks.
 */
static void write_kernel_line(enum log_level level, const char *text)
{
	static unsigned int others;
	char line[PREFIX_SIZE + LINE_LENGTH_MAX + SUFFIX_SIZE];
	cleanup_close_ int fd = -1;
	size_t length;

	if (level == LOG_LEVEL_ERROR || others++ < KERNEL_OTHERS_MAX)
		fd = open(log_kernel_path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return;
	length = (size_t)snprintf(line, sizeof(line), "%s%s%s\n", levels[level].severity, levels[level].prefix, text);
	(void)!write(fd, line, length < KERNEL_LINE_MAX ? length : KERNEL_LINE_MAX);
}

/* --- lines ---------------------------------------------------------------------------------------- */

static void write_level(enum log_level level, const char *text)
{
	bool is_output = level > LOG_LEVEL_WARNING && !log_left_output;

	write_line(is_output ? STDOUT_FILENO : STDERR_FILENO, log_journal ? levels[level].severity : "",
		   levels[level].prefix, text, "");
	/* No details. */
	if (log_kernel_path && level != LOG_LEVEL_INFO)
		write_kernel_line(level, text);
}

void log_report_lost(void)
{
	struct pollfd wanted = { .fd = STDERR_FILENO, .events = POLLOUT };
	unsigned int lost = log_lost_lines;
	char text[64];

	if (lost == 0 || log_target.sink || poll(&wanted, 1, 0) <= 0)
		return;
	log_lost_lines = 0;
	snprintf(text, sizeof(text), "%u %s lost: the reader was too slow", lost,
		 lost == 1 ? "line was" : "lines were");
	write_level(LOG_LEVEL_WARNING, text);
}

void log_line(enum log_level level, const char *format, ...)
{
	char text[LINE_LENGTH_MAX + 1];
	int saved_errno = errno, length;
	va_list arguments;

	if (level == LOG_LEVEL_INFO && !log_verbose)
		return;

	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length > LINE_LENGTH_MAX)
		memcpy(text + LINE_LENGTH_MAX - 3, "...", sizeof("..."));
	replace_unprintable(text);

	if (level == LOG_LEVEL_ERROR)
		memcpy(log_error_text, text, sizeof(text));
	log_report_lost();
	if (log_target.sink)
		log_target.sink(level, text, log_target.context);
	else
		write_level(level, text);
	errno = saved_errno;
}

void log_lines(const char *text)
{
	char line[LINE_LENGTH_MAX + 2]; /* a byte too many, so that log_line sees what it has to cut */

	for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
		size_t length = (size_t)(end - text) < sizeof(line) ? (size_t)(end - text) : sizeof(line) - 1;

		memcpy(line, text, length);
		line[length] = '\0';
		log_output("%s", line);
	}
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
	write_line(STDOUT_FILENO, starts[style], "", line, "\033[0m");
}
