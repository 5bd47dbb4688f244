/* SPDX-License-Identifier: MIT */

/*
 * Each member of a static library brings along more than is used here. These are functions that such neighbours refer to
 * and that this program never calls; the C library's own would pull streams, floating point and time zones into an
 * initramfs. Should one be called after all, that must not go unnoticed.
 *
 *   __printf_chk, puts, putchar  self-test of mbedtls; compiled for glibc, so one of them musl does not even have
 *   fread, fwrite, ferror        libyaml's reading and writing of streams
 *
 * A failed assertion of libyaml ends the program, too; it says where, as the C library would.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* NOLINTBEGIN(bugprone-reserved-identifier): names that the C library of the two libraries has reserved */
int __printf_chk(int flag, const char *format, ...) __attribute__((format(printf, 2, 3)));
void __assert_fail(const char *assertion, const char *file, int line, const char *function) __attribute__((noreturn));
/* NOLINTEND(bugprone-reserved-identifier) */
#undef putchar

int __printf_chk(int flag, const char *format, ...)
{
	(void)flag;
	(void)format;
	abort();
}

int puts(const char *text)
{
	(void)text;
	abort();
}

int putchar(int character)
{
	(void)character;
	abort();
}

size_t fread(void *restrict data, size_t size, size_t count, FILE *restrict stream)
{
	(void)data;
	(void)size;
	(void)count;
	(void)stream;
	abort();
}

size_t fwrite(const void *restrict data, size_t size, size_t count, FILE *restrict stream)
{
	(void)data;
	(void)size;
	(void)count;
	(void)stream;
	abort();
}

int ferror(FILE *stream)
{
	(void)stream;
	abort();
}

void __assert_fail(const char *assertion, const char *file, int line, const char *function)
{
	char text[256];

	snprintf(text, sizeof(text), "pvapconfig: error: %s:%d: %s: assertion failed: %s\n", file, line, function,
		 assertion);
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		abort();
	abort();
}
