/* SPDX-License-Identifier: MIT */
#include "config/value.h"

#include <errno.h>

#if __has_include(<mbedtls/sha256.h>) /* mbedtls 2.28 and 3.x */

#include <mbedtls/sha256.h>
#include <mbedtls/version.h>

#if MBEDTLS_VERSION_NUMBER < 0x021c0000
#error "mbedtls 2.28 or newer is needed"
#elif MBEDTLS_VERSION_NUMBER < 0x03000000
#define mbedtls_sha256 mbedtls_sha256_ret
#endif

int sha256_digest(const void *data, size_t length, uint8_t digest[SHA256_SIZE])
{
	return mbedtls_sha256(data, length, digest, 0) ? -EIO : 0;
}

#else /* mbedtls 4: PSA only. 3.x has PSA as well, but it would more than double the static program. */

#include <psa/crypto.h>

int sha256_digest(const void *data, size_t length, uint8_t digest[SHA256_SIZE])
{
	size_t written;

	if (psa_crypto_init() != PSA_SUCCESS)
		return -EIO;
	return psa_hash_compute(PSA_ALG_SHA_256, data, length, digest, SHA256_SIZE, &written) == PSA_SUCCESS ? 0 : -EIO;
}

#endif
