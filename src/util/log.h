/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * All output for people.
 *
 * Errors and warnings go to standard error, each a full line: `pvapconfig: error: <what> <where>: <why>[; hint]`.
 * Progress goes to standard output as `pvapconfig: <text>`, requested output (the usage, tables) as it is. The newline
 * and the level are added here. Each byte that is not printable ASCII is replaced by '?', because names and attribute
 * texts are untrusted and may end up on a console.
 */
#include <stdbool.h>
#include <stddef.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_OUTPUT, /* requested output, like the usage: standard output, as it is */
	LOG_LEVEL_NOTICE, /* always shown, standard output */
	LOG_LEVEL_INFO,   /* shown with --verbose, standard output */
};

/* The colour of a line of a table. It adds no information to the text. */
enum log_style { LOG_STYLE_PLAIN, LOG_STYLE_HEAD, LOG_STYLE_GOOD, LOG_STYLE_BAD };

/* Receives the lines in place of the standard streams, without prefix and newline. */
typedef void log_sink(enum log_level level, const char *line, void *context);

void log_set_verbose(int verbose);
/* From now on everything goes to standard error: standard output is for JSON. */
void log_leave_output(void);
/* Whether lines of tables have colours: for a terminal only. */
void log_set_color(bool color);
struct log_target {
	log_sink *sink; /* NULL: the standard streams */
	void *context;
};

/* Returns what was set before. */
struct log_target log_set_sink(log_sink *sink, void *context);

/*
 * Early boot: from now on everything goes to standard error. If that is a socket, it is the journal's, and lines begin
 * with their severity ("<4>"). Otherwise, lines other than details also go to the kernel's log (`kernel_log`, usually
 * "/dev/kmsg"). The path must live as long as the program.
 */
void log_begin_boot(const char *kernel_log);

/*
 * Output never blocks a run: all waits for a reader that stops (a full pipe, Ctrl-S, a hung journal) are limited to
 * this time in total. After that, or when a signal that ends us is pending, lines that are not accepted at once are
 * lost. They are counted, and the next accepted line reports the number; log_report_lost() does so at the end of the
 * program.
 */
#define LOG_PATIENCE_MS 2000

void log_report_lost(void);

/* The last error that was reported, or NULL. The second function forgets it, for tests. */
const char *log_last_error(void);
void log_forget_error(void);

/* Writes one line; longer than 1000 bytes is cut and ends in "...". Never fails, keeps errno. */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Requested output of several lines, each ended by a newline. */
void log_lines(const char *text);

/* One line of requested output, like log_output. */
void log_styled(enum log_style style, const char *text);

/* JSON of any length, as it is, on standard output; in pieces that a pipe takes whole. */
void log_raw(const char *text, size_t length);

/* The first error of a write to standard output (negative errno), or 0: nothing was lost. */
int log_output_error(void);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_output(...) log_line(LOG_LEVEL_OUTPUT, __VA_ARGS__)
#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
