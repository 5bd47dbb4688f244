/* SPDX-License-Identifier: MIT */

/*
 * The only function that mbedtls' SHA-256 needs from the rest of libmbedcrypto.a. Defined here, it keeps the archive's
 * platform_util.o out of the program. That object imports clocks, time zones and, compiled with fortify,
 * __explicit_bzero_chk, which musl does not have.
 */
#include <mbedtls/platform_util.h>
#include <string.h>

void mbedtls_platform_zeroize(void *data, size_t length)
{
	explicit_bzero(data, length);
}
