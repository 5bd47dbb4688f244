/* SPDX-License-Identifier: MIT */

/*
 * The time to read, or to refuse, configuration files of the maximum size that are built to be slow. The goal is at
 * most 50 ms of processor time, in the best of several runs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "util/log.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define RUNS 5
#define KEY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* A start, then a part that is repeated up to the maximum size. */
static const struct {
	const char *name, *start, *part;
} files[] = {
	{ "entries", "", "- mode: Accel\n" },
	{ "entries with all keys", "", "- {mode: Accel, name: a, mingen: CEX4, description: a}\n" },
	{ "entries with keys by aliases", "- {&m mode: &a Accel, &n name: &x a, &g mingen: &c CEX4}\n",
	  "- {*m : *a, *n : *x, *g : *c}\n" },
	{ "EP11 entries", "", "- {mode: EP11, mkvp: " KEY ", name: a}\n" },
	{ "anchors", "", "- &a {mode: Accel}\n" },
	{ "aliases", "- &a {mode: Accel}\n", "- *a\n" },
	{ "lists in lists", "", "[" },
	{ "a long text", "- mode: Accel\n  name: ", "x" },
	{ "a long text with escapes", "- mode: Accel\n  name: \"", "\\x41" },
	{ "a long text of many lines", "- mode: Accel\n  name: |\n", "   a\n" },
	{ "blank lines", "", "- mode: Accel\n\n\n\n\n\n\n\n\n\n\n\n\n" },
	{ "comments", "", "#\n" },
	{ "tags", "", "- !!map {mode: Accel}\n" },
};

static void ignore(enum log_level level, const char *line, void *context)
{
	(void)level;
	(void)line;
	(void)context;
}

static double read_ms(const char *text, size_t length)
{
	clock_t start = clock();
	struct config config;

	config_parse("file", text, length, &config);
	config_release(&config);
	return (double)(clock() - start) * 1000 / CLOCKS_PER_SEC;
}

int main(void)
{
	static char text[CONFIG_FILE_SIZE_MAX + 1];

	log_set_sink(ignore, NULL);
	for (size_t i = 0; i < COUNT(files); i++) {
		size_t length = strlen(files[i].start), part = strlen(files[i].part);
		double best = 0;

		memcpy(text, files[i].start, length);
		for (; length + part <= CONFIG_FILE_SIZE_MAX; length += part)
			memcpy(text + length, files[i].part, part);
		for (int run = 0; run < RUNS; run++) {
			double ms = read_ms(text, length);

			best = run == 0 || ms < best ? ms : best;
		}
		printf("1 MiB of configuration, %-30s %6.1f ms\n", files[i].name, best);
	}
	return 0;
}
