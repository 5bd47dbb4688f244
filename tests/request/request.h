/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Add-secret requests of version 1, as users make them with pvsecret. The simulated machine reads what can be read of them; the
 * emulator opens them as an Ultravisor does that has the private key of its host; tests make them.
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

/* Where the header of the secret is, and how long a request with an association secret is in whole. */
#define REQUEST_SECRET(hosts) (0x4b8 + 80 * (hosts))
#define REQUEST_LENGTH(hosts) (REQUEST_SECRET(hosts) + 48 + 2 * REQUEST_VALUE_SIZE + 16)

/* What an Ultravisor answers (arch/s390/include/uapi/asm/uvdevice.h). */
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

#define REQUEST_TYPE_NONE 1 /* brings no secret */
#define REQUEST_TYPE_ASSOCIATION 2

/* What a request brings. Only what is opened has a value, and only that of an association secret is known, and an extension secret. */
struct request_secret {
	uint16_t type;
	uint32_t length;
	uint8_t id[REQUEST_ID_SIZE];
	uint8_t value[REQUEST_VALUE_SIZE];
	uint8_t extension[REQUEST_VALUE_SIZE]; /* all zero if there is none */
};

/* The length that the request's first REQUEST_HEADER_SIZE bytes claim. */
uint32_t request_length(const uint8_t *header);

/* Both return REQUEST_GOOD, or why a request of `length` bytes is refused; then the secret is all zero. */

/* Reads what is not encrypted, and believes it. */
uint16_t request_read(const uint8_t *request, size_t length, struct request_secret *secret);

/* Decrypts it, too: what an Ultravisor does. */
uint16_t request_open(const uint8_t *request, size_t length, const uint8_t host_key[REQUEST_HOST_KEY_SIZE],
		      struct request_secret *secret);

/*
 * Writes a request with so many slots: all that request_read reads, the rest zero. The secret itself lies where it will be encrypted. Returns
 * its length, REQUEST_LENGTH(hosts) at most.
 */
size_t request_write(const struct request_secret *secret, size_t hosts, uint8_t *request);

/*
 * Encrypts what request_write has written for a host in each slot, of whom the private keys are given. Everything that pvsecret draws by lot
 * comes from the request itself here, so that the same input gives the same bytes. False if a length is wrong, or a key.
 */
bool request_seal(uint8_t *request, size_t length, const uint8_t *host_keys);
