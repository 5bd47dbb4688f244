/* SPDX-License-Identifier: MIT */

/* Small versions of functions whose originals would bring much code along. */
#include <mbedtls/platform_util.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* musl's own takes the locks of threads and runs handlers, 2 KiB of code; this program has neither. */
pid_t fork(void)
{
	return _Fork();
}

/*
 * The only function that mbedtls' SHA-256 needs from the rest of libmbedcrypto.a. Defined here, it keeps the archive's
 * platform_util.o out of the program. That object imports clocks, time zones and, compiled with fortify,
 * __explicit_bzero_chk, which musl does not have.
 */
void mbedtls_platform_zeroize(void *data, size_t length)
{
	explicit_bzero(data, length);
}

/*
 * These functions are referred to by parts of the libraries that this program never calls. The C library's own would
 * bring streams, floating point and time zones into the program. A call ends the program.
 *
 * __printf_chk, puts and putchar: self-test of mbedtls, compiled for glibc. fread, fwrite and ferror: libyaml's
 * reading and writing of streams. A failed assertion of libyaml also ends the program, and prints its place.
 */

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
