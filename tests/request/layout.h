/* SPDX-License-Identifier: MIT */
#pragma once

/* Layout of an add-secret request of version 1. Numbers are big-endian. */
#include "request.h"

#define MAGIC "asrcbM"
#define MAGIC_SIZE 6
#define VERSION 0x08
#define LENGTH 0x0c
#define VECTOR 0x10
#define SLOT_COUNT 0x27
#define ENCRYPTED_LENGTH 0x2c
#define FLAGS 0x30
#define PUBLIC_KEY 0x418 /* the request's own */
#define SLOTS 0x4b8

#define VERSION_1 0x0100
#define KNOWN_FLAGS 0x80 /* of the first byte: no dump of this guest */
#define VECTOR_SIZE 12
#define TAG_SIZE 16

/* A slot: SHA-256 of a host's public key, then the request key encrypted for that host. */
#define SLOT_SIZE 80
#define SLOT_KEY 32
#define SLOT_TAG 64

/* Header of the secret, after the slots. */
#define SECRET_TYPE 2
#define SECRET_LENGTH 4
#define SECRET_ID 16
#define SECRET_HEADER_LEAST 16
#define SECRET_HEADER_SIZE 48
#define EXTENSION_SIZE REQUEST_VALUE_SIZE

struct layout {
	size_t slots, encrypted, authenticated; /* number; length of the encrypted part, and of all before it */
};

/* Reads the fields that are needed to decrypt a request; they are not authenticated yet. */
uint16_t layout_read(const uint8_t *request, size_t length, struct layout *layout);

/* Reads the header of the secret, which the tag protects. */
uint16_t layout_read_secret(const uint8_t *request, const struct layout *layout, struct request_secret *secret);
