/* SPDX-License-Identifier: MIT */

/* What the static musl program has in place of the C library's own; see also REPLACED in the Makefile. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* NOLINTNEXTLINE(bugprone-reserved-identifier): the name that the C library of libyaml has reserved */
void __assert_fail(const char *assertion, const char *file, int line, const char *function) __attribute__((noreturn));

/* A failed assertion of libyaml ends the program, and prints its place. */
void __assert_fail(const char *assertion, const char *file, int line, const char *function)
{
	char text[256];

	snprintf(text, sizeof(text), "pvapconfig: error: %s:%d: %s: assertion failed: %s\n", file, line, function,
		 assertion);
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		abort();
	abort();
}
