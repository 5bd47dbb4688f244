/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Add-secret requests of version 1, read as an Ultravisor does that has the private key of its host. Used by the emulator and by
 * unit tests.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_HEADER_SIZE 48
#define REQUEST_LENGTH_MAX (1024u * 1024u)
#define REQUEST_HOST_KEY_SIZE 66 /* P-521 */
#define REQUEST_ID_SIZE 32
#define REQUEST_VALUE_SIZE 32

/* What an Ultravisor answers (arch/s390/include/uapi/asm/uvdevice.h). */
enum {
	REQUEST_OPENED = 0x0001,
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

/* What a request brings. The value is known only of an association secret. */
struct request_secret {
	uint16_t type;
	uint32_t length;
	uint8_t id[REQUEST_ID_SIZE];
	uint8_t value[REQUEST_VALUE_SIZE];
	uint8_t extension[REQUEST_VALUE_SIZE]; /* the extension secret; all zero if there is none */
};

/* The length that the request's first REQUEST_HEADER_SIZE bytes claim. */
uint32_t request_length(const uint8_t *header);

/* Opens a request of `length` bytes. Returns REQUEST_OPENED, or why it is refused; then the secret is all zero. */
uint16_t request_open(const uint8_t *request, size_t length, const uint8_t host_key[REQUEST_HOST_KEY_SIZE],
		      struct request_secret *secret);
