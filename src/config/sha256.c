/* SPDX-License-Identifier: MIT */
#include "config/sha256.h"

#include <errno.h>
#include <mbedtls/version.h>

#if MBEDTLS_VERSION_NUMBER < 0x021c0000 || MBEDTLS_VERSION_NUMBER >= 0x04000000
#error "mbedtls 2.28 or 3.x is needed"
#endif

#include <mbedtls/sha256.h>

#if MBEDTLS_VERSION_NUMBER < 0x03000000
#define mbedtls_sha256 mbedtls_sha256_ret
#endif

int sha256_digest(const void *data, size_t length, uint8_t digest[SHA256_SIZE])
{
	return mbedtls_sha256(data, length, digest, 0) ? -EIO : 0;
}
