/* SPDX-License-Identifier: MIT */
#include "keys.h"

#include <string.h>
#include <unistd.h>

#include <mbedtls/ecp.h>
#include <mbedtls/gcm.h>
#include <mbedtls/sha256.h>
#include <mbedtls/version.h>

#include "layout.h"

#if MBEDTLS_VERSION_MAJOR < 3
#define mbedtls_sha256 mbedtls_sha256_ret
#endif

/* mbedtls writes a point as 4, x, y. */
#define COORDINATE_SIZE REQUEST_HOST_KEY_SIZE
#define FIELD_SIZE (KEYS_PUBLIC_SIZE / 2)
#define POINT_SIZE (1 + 2 * COORDINATE_SIZE)

static int random_bytes(void *context, unsigned char *bytes, size_t size)
{
	(void)context;
	return getentropy(bytes, size);
}

/* key * point, all in bytes. NULL is the base point of the curve. A point that is not on the curve is an error. */
static int multiply(const uint8_t *key, const uint8_t *point, uint8_t result[POINT_SIZE])
{
	mbedtls_ecp_group group;
	mbedtls_ecp_point from, to;
	mbedtls_mpi factor;
	size_t size;
	int r;

	mbedtls_ecp_group_init(&group);
	mbedtls_ecp_point_init(&from);
	mbedtls_ecp_point_init(&to);
	mbedtls_mpi_init(&factor);
	r = mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP521R1);
	if (!r)
		r = mbedtls_mpi_read_binary(&factor, key, REQUEST_HOST_KEY_SIZE);
	if (!r)
		r = point ? mbedtls_ecp_point_read_binary(&group, &from, point, POINT_SIZE) : mbedtls_ecp_copy(&from, &group.G);
	if (!r)
		r = mbedtls_ecp_check_pubkey(&group, &from);
	if (!r)
		r = mbedtls_ecp_mul(&group, &to, &factor, &from, random_bytes, NULL);
	if (!r)
		r = mbedtls_ecp_point_write_binary(&group, &to, MBEDTLS_ECP_PF_UNCOMPRESSED, &size, result, POINT_SIZE);
	mbedtls_mpi_free(&factor);
	mbedtls_ecp_point_free(&to);
	mbedtls_ecp_point_free(&from);
	mbedtls_ecp_group_free(&group);
	return r;
}

int keys_make_public(const uint8_t *private_key, uint8_t public_key[KEYS_PUBLIC_SIZE])
{
	uint8_t point[POINT_SIZE];

	if (multiply(private_key, NULL, point))
		return -1;
	memset(public_key, 0, KEYS_PUBLIC_SIZE);
	memcpy(public_key + FIELD_SIZE - COORDINATE_SIZE, point + 1, COORDINATE_SIZE);
	memcpy(public_key + 2 * FIELD_SIZE - COORDINATE_SIZE, point + 1 + COORDINATE_SIZE, COORDINATE_SIZE);
	return 0;
}

int keys_hash(const uint8_t *bytes, size_t size, uint8_t hash[KEYS_SIZE])
{
	return mbedtls_sha256(bytes, size, hash, 0);
}

int keys_agree(const uint8_t *private_key, const uint8_t public_key[KEYS_PUBLIC_SIZE], uint8_t key[KEYS_SIZE])
{
	uint8_t point[POINT_SIZE] = { 4 }, common[POINT_SIZE], text[COORDINATE_SIZE + 4] = { 0 };

	memcpy(point + 1, public_key + FIELD_SIZE - COORDINATE_SIZE, COORDINATE_SIZE);
	memcpy(point + 1 + COORDINATE_SIZE, public_key + 2 * FIELD_SIZE - COORDINATE_SIZE, COORDINATE_SIZE);
	if (multiply(private_key, point, common))
		return -1;
	memcpy(text, common + 1, COORDINATE_SIZE);
	text[COORDINATE_SIZE + 3] = 1;
	return keys_hash(text, sizeof(text), key);
}

int keys_encrypt(const uint8_t key[KEYS_SIZE], const struct keys_text *text, uint8_t *tag)
{
	mbedtls_gcm_context gcm;
	int r;

	mbedtls_gcm_init(&gcm);
	r = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 8 * KEYS_SIZE);
	if (!r)
		r = mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, text->length, text->vector, VECTOR_SIZE, text->open,
					      text->open_length, text->in, text->out, TAG_SIZE, tag);
	mbedtls_gcm_free(&gcm);
	return r;
}

int keys_decrypt(const uint8_t key[KEYS_SIZE], const struct keys_text *text, const uint8_t *tag)
{
	mbedtls_gcm_context gcm;
	int r;

	mbedtls_gcm_init(&gcm);
	r = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 8 * KEYS_SIZE);
	if (!r)
		r = mbedtls_gcm_auth_decrypt(&gcm, text->length, text->vector, VECTOR_SIZE, text->open, text->open_length, tag,
					     TAG_SIZE, text->in, text->out);
	mbedtls_gcm_free(&gcm);
	return r;
}
