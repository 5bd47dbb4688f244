/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <string.h>
#include <unistd.h>

#include <mbedtls/ecp.h>
#include <mbedtls/gcm.h>
#include <mbedtls/sha256.h>
#include <mbedtls/version.h>

#if MBEDTLS_VERSION_MAJOR < 3
#define mbedtls_sha256 mbedtls_sha256_ret
#endif

/* Places in a request. Numbers are big-endian. */
#define MAGIC "asrcbM"
#define MAGIC_SIZE 6
#define VERSION 0x08
#define LENGTH 0x0c
#define VECTOR 0x10
#define SLOT_COUNT 0x27
#define ENCRYPTED_LENGTH 0x2c
#define FLAGS 0x30
#define PUBLIC_KEY 0x418 /* x, y */
#define SLOTS 0x4b8

#define VERSION_1 0x0100
#define KNOWN_FLAGS 0x80 /* of the first byte: no dump of this guest */
#define VECTOR_SIZE 12
#define TAG_SIZE 16
#define KEY_SIZE 32

/* A slot: hash of a host's public key, then the request key encrypted for that host. */
#define SLOT_SIZE 80
#define SLOT_KEY 32
#define SLOT_TAG 64

/* Header of the secret, behind the slots. */
#define SECRET_TYPE 2
#define SECRET_LENGTH 4
#define SECRET_ID 16
#define SECRET_HEADER_LEAST 16
#define SECRET_HEADER_SIZE 48
#define EXTENSION_SIZE REQUEST_VALUE_SIZE

/* A coordinate has 66 bytes, in a request right-aligned in 80. A point in mbedtls' form is 4, x, y. */
#define COORDINATE_SIZE REQUEST_HOST_KEY_SIZE
#define FIELD_SIZE 80
#define POINT_SIZE (1 + 2 * COORDINATE_SIZE)

struct layout {
	size_t slots, encrypted, authenticated; /* number; lengths of the encrypted part and of all in front of it */
};

static uint32_t get16(const uint8_t *from)
{
	return (uint32_t)from[0] << 8 | from[1];
}

static uint32_t get32(const uint8_t *from)
{
	return get16(from) << 16 | get16(from + 2);
}

uint32_t request_length(const uint8_t *header)
{
	return get32(header + LENGTH);
}

static int random_bytes(void *context, unsigned char *bytes, size_t size)
{
	(void)context;
	return getentropy(bytes, size);
}

/* The part of a request that has to be believed to decrypt it. */
static uint16_t read_layout(const uint8_t *request, size_t length, struct layout *layout)
{
	const size_t least = SLOTS + SECRET_HEADER_LEAST + TAG_SIZE;
	static const uint8_t no_flags[7];

	if (length < REQUEST_HEADER_SIZE)
		return REQUEST_BAD_SIZE;
	if (memcmp(request, MAGIC, MAGIC_SIZE) || get32(request + VERSION) != VERSION_1)
		return REQUEST_BAD_VERSION;
	layout->encrypted = get32(request + ENCRYPTED_LENGTH);
	if (request_length(request) != length || length < least || layout->encrypted > length - least)
		return REQUEST_BAD_SIZE;
	layout->authenticated = length - TAG_SIZE - layout->encrypted;
	layout->slots = request[SLOT_COUNT];
	if (!layout->slots || layout->slots > (layout->authenticated - SLOTS - SECRET_HEADER_LEAST) / SLOT_SIZE)
		return REQUEST_BAD_HOST_COUNT;
	if (request[FLAGS] & ~KNOWN_FLAGS || memcmp(request + FLAGS + 1, no_flags, sizeof(no_flags)))
		return REQUEST_BAD_FLAGS;
	return REQUEST_OPENED;
}

/* key * point, all in bytes. A point that is not on the curve is an error. */
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

static int decrypt(const uint8_t *key, const uint8_t *vector, const uint8_t *open, size_t open_length, const uint8_t *tag,
		   const uint8_t *from, uint8_t *to, size_t length)
{
	mbedtls_gcm_context gcm;
	int r;

	mbedtls_gcm_init(&gcm);
	r = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 8 * KEY_SIZE);
	if (!r)
		r = mbedtls_gcm_auth_decrypt(&gcm, length, vector, VECTOR_SIZE, open, open_length, tag, TAG_SIZE, from, to);
	mbedtls_gcm_free(&gcm);
	return r;
}

/* What the slots of this host begin with. */
static int hash_host(const uint8_t *host_key, uint8_t hash[32])
{
	uint8_t point[POINT_SIZE], fields[2 * FIELD_SIZE] = { 0 };

	if (multiply(host_key, NULL, point))
		return -1;
	memcpy(fields + FIELD_SIZE - COORDINATE_SIZE, point + 1, COORDINATE_SIZE);
	memcpy(fields + 2 * FIELD_SIZE - COORDINATE_SIZE, point + 1 + COORDINATE_SIZE, COORDINATE_SIZE);
	return mbedtls_sha256(fields, sizeof(fields), hash, 0);
}

/* The key that this host has in common with the maker of the request. */
static int agree(const uint8_t *request, const uint8_t *host_key, uint8_t key[KEY_SIZE])
{
	const uint8_t *fields = request + PUBLIC_KEY;
	uint8_t point[POINT_SIZE] = { 4 }, common[POINT_SIZE], text[COORDINATE_SIZE + 4] = { 0 };

	memcpy(point + 1, fields + FIELD_SIZE - COORDINATE_SIZE, COORDINATE_SIZE);
	memcpy(point + 1 + COORDINATE_SIZE, fields + 2 * FIELD_SIZE - COORDINATE_SIZE, COORDINATE_SIZE);
	if (multiply(host_key, point, common))
		return -1;
	memcpy(text, common + 1, COORDINATE_SIZE);
	text[COORDINATE_SIZE + 3] = 1;
	return mbedtls_sha256(text, sizeof(text), key, 0);
}

/* Finds the request key in the slot of this host. */
static int find_key(const uint8_t *request, size_t slots, const uint8_t *host_key, uint8_t key[KEY_SIZE])
{
	static const uint8_t no_vector[VECTOR_SIZE];
	uint8_t hash[32], slot_key[KEY_SIZE];

	if (hash_host(host_key, hash) || agree(request, host_key, slot_key))
		return -1;
	for (size_t i = 0; i < slots; i++) {
		const uint8_t *slot = request + SLOTS + i * SLOT_SIZE;

		if (!memcmp(slot, hash, sizeof(hash)) &&
		    !decrypt(slot_key, no_vector, NULL, 0, slot + SLOT_TAG, slot + SLOT_KEY, key, KEY_SIZE))
			return 0;
	}
	return -1;
}

static bool is_known_type(uint32_t type)
{
	return (type >= REQUEST_TYPE_NONE && type <= 10) || (type >= 17 && type <= 20);
}

/* The header of the secret, which counts only after the tag was found right. */
static uint16_t read_header(const uint8_t *request, const struct layout *layout, struct request_secret *secret)
{
	const uint8_t *header = request + SLOTS + layout->slots * SLOT_SIZE;
	size_t size = layout->authenticated - SLOTS - layout->slots * SLOT_SIZE;

	secret->type = (uint16_t)get16(header + SECRET_TYPE);
	secret->length = get32(header + SECRET_LENGTH);
	if (!is_known_type(secret->type))
		return REQUEST_BAD_TYPE;
	if (size != (secret->type == REQUEST_TYPE_NONE ? SECRET_HEADER_LEAST : SECRET_HEADER_SIZE))
		return REQUEST_BAD_SIZE;
	if (secret->type != REQUEST_TYPE_NONE)
		memcpy(secret->id, header + SECRET_ID, REQUEST_ID_SIZE);
	if (layout->encrypted < EXTENSION_SIZE ||
	    (secret->type == REQUEST_TYPE_ASSOCIATION &&
	     (secret->length != REQUEST_VALUE_SIZE || layout->encrypted != REQUEST_VALUE_SIZE + EXTENSION_SIZE)))
		return REQUEST_BAD_SECRET_LENGTH;
	return REQUEST_OPENED;
}

static uint16_t open_into(const uint8_t *request, size_t length, const uint8_t *host_key, struct request_secret *secret,
			  uint8_t *clear, size_t clear_size)
{
	uint8_t key[KEY_SIZE];
	struct layout layout;
	uint16_t rc = read_layout(request, length, &layout);

	if (rc != REQUEST_OPENED)
		return rc;
	if (layout.encrypted > clear_size)
		return REQUEST_BAD_SECRET_LENGTH;
	if (find_key(request, layout.slots, host_key, key) ||
	    decrypt(key, request + VECTOR, request, layout.authenticated, request + length - TAG_SIZE,
		    request + layout.authenticated, clear, layout.encrypted))
		return REQUEST_NOT_DECRYPTED;
	rc = read_header(request, &layout, secret);
	if (rc != REQUEST_OPENED)
		return rc;
	if (secret->type == REQUEST_TYPE_ASSOCIATION)
		memcpy(secret->value, clear, REQUEST_VALUE_SIZE);
	memcpy(secret->extension, clear + layout.encrypted - EXTENSION_SIZE, EXTENSION_SIZE);
	return REQUEST_OPENED;
}

uint16_t request_open(const uint8_t *request, size_t length, const uint8_t host_key[REQUEST_HOST_KEY_SIZE],
		      struct request_secret *secret)
{
	uint8_t clear[8192]; /* a secret has one page at most */
	uint16_t rc;

	memset(secret, 0, sizeof(*secret));
	rc = open_into(request, length, host_key, secret, clear, sizeof(clear));
	if (rc != REQUEST_OPENED)
		memset(secret, 0, sizeof(*secret));
	return rc;
}
