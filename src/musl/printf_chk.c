/* SPDX-License-Identifier: MIT */

/*
 * Debian's libmbedcrypto.a was compiled against glibc with its checked printf, which musl does not have. The only caller is
 * mbedtls' self-test, which this program never runs; the symbol has to exist all the same.
 */
#include <stdarg.h>
#include <stdio.h>

int __printf_chk(int flag, const char *format, ...) __attribute__((format(printf, 2, 3)));

int __printf_chk(int flag, const char *format, ...)
{
	va_list arguments;
	int count;

	(void)flag;
	va_start(arguments, format);
	count = vprintf(format, arguments);
	va_end(arguments);
	return count;
}
