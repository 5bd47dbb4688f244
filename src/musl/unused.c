/* SPDX-License-Identifier: MIT */

/*
 * Debian's libmbedcrypto.a was compiled against glibc, and each of its members brings along more than SHA-256 needs. These are functions
 * that such neighbours refer to and that this program never calls: the checked printf of the self-test, which musl does not have, and the
 * calendar of mbedtls' certificate times, which would pull musl's whole time zone code into an initramfs. Should one be called after
 * all, that must not go unnoticed.
 */
#include <stdlib.h>
#include <time.h>

int __printf_chk(int flag, const char *format, ...) __attribute__((format(printf, 2, 3)));

int __printf_chk(int flag, const char *format, ...)
{
	(void)flag;
	(void)format;
	abort();
}

struct tm *gmtime_r(const time_t *restrict seconds, struct tm *restrict result)
{
	(void)seconds;
	(void)result;
	abort();
}
