/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Add-secret requests of version 1, as users make them with pvsecret. The simulated machine reads their plain part. The
 * emulator opens them like an Ultravisor, with the private key of its host. Tests make them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_HEADER_SIZE 48
#define REQUEST_HOST_KEY_SIZE 66 /* P-521 */
#define REQUEST_ID_SIZE 32
#define REQUEST_VALUE_SIZE 32

/* The tags of the image that a request is for. */
#define REQUEST_IMAGE 0x38
#define REQUEST_IMAGE_SIZE 208

/* Offset of the header of the secret, and length of a request with an association secret. */
#define REQUEST_SECRET(hosts) (0x4b8 + 80 * (hosts))
#define REQUEST_LENGTH(hosts) (REQUEST_SECRET(hosts) + 48 + 2 * REQUEST_VALUE_SIZE + 16)

/* Return codes of the Ultravisor (arch/s390/include/uapi/asm/uvdevice.h). */
enum {
	REQUEST_GOOD = 0x0001,
	REQUEST_BAD_VERSION = 0x0104,
	REQUEST_BAD_SIZE = 0x0105,
	REQUEST_BAD_HOST_COUNT = 0x0106,
	REQUEST_BAD_FLAGS = 0x0107,
	REQUEST_NOT_DECRYPTED = 0x0108,
	REQUEST_BAD_TYPE = 0x0109,
	REQUEST_BAD_SECRET_LENGTH = 0x010a,
};

#define REQUEST_TYPE_NONE 1 /* has no secret */
#define REQUEST_TYPE_ASSOCIATION 2

/* The contents of a request. `value` (of association secrets only) and `extension` are known after opening it. */
struct request_secret {
	uint16_t type;
	uint32_t length;
	uint8_t id[REQUEST_ID_SIZE];
	uint8_t value[REQUEST_VALUE_SIZE];
	uint8_t extension[REQUEST_VALUE_SIZE]; /* all zero if there is none */
};

/* The length of the request as given in its first REQUEST_HEADER_SIZE bytes. */
uint32_t request_length(const uint8_t *header);

/* Both return REQUEST_GOOD, or the reason for refusing a request of `length` bytes; then the secret is all zero. */

/* Reads the plain part, without authentication. */
uint16_t request_read(const uint8_t *request, size_t length, struct request_secret *secret);

/* Also decrypts the request, like an Ultravisor. */
uint16_t request_open(const uint8_t *request, size_t length, const uint8_t host_key[REQUEST_HOST_KEY_SIZE],
		      struct request_secret *secret);

/*
 * Writes a request with `hosts` slots: the fields that request_read reads; the rest is zero. The secret is in plain
 * text where request_seal encrypts it. Returns the length, at most REQUEST_LENGTH(hosts).
 */
size_t request_write(const struct request_secret *secret, size_t hosts, uint8_t *request);

/*
 * Encrypts a request of request_write, with one private host key for each slot. What pvsecret chooses at random is
 * derived from the request here, so the same input gives the same bytes. False if a length or a key is wrong.
 */
bool request_seal(uint8_t *request, size_t length, const uint8_t *host_keys);
