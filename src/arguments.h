/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Splits a command line into options, as getopt_long(3) would, but for abbreviations and the environment, which have no
 * say. That one would be a fiftieth of the program.
 */
#include <stdbool.h>
#include <stddef.h>

struct argument_option {
	const char *name; /* long form, without "--" */
	char letter;      /* short form; 0: none */
	bool has_value;
};

struct arguments {
	const struct argument_option *options;
	size_t count;
	char *const *next;   /* words that are still to be looked at; NULL after the last */
	const char *letters; /* what is left of a word of short options; NULL: none */
};

#define ARGUMENTS_END (-1)
#define ARGUMENTS_REFUSED (-2)

/*
 * The place of the next option in `options`, with its value, which is part of the command line; ARGUMENTS_END; or
 * ARGUMENTS_REFUSED, reported, for what is no option of ours, or lacks a value, or has one too many.
 */
int arguments_next(struct arguments *arguments, const char **value);
