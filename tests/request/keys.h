/* SPDX-License-Identifier: MIT */
#pragma once

/* The keys of add-secret requests: elliptic curve P-521, SHA-256, AES-256-GCM. All functions return 0 on success. */
#include "request.h"

#define KEYS_SIZE 32         /* of keys for AES, and of hashes */
#define KEYS_PUBLIC_SIZE 160 /* of a public key: x, y, each right-aligned in 80 bytes */

int keys_make_public(const uint8_t *private_key, uint8_t public_key[KEYS_PUBLIC_SIZE]);
int keys_hash(const uint8_t *bytes, size_t size, uint8_t hash[KEYS_SIZE]);

/* The shared key (ECDH). A public key that is not on the curve is an error. */
int keys_agree(const uint8_t *private_key, const uint8_t public_key[KEYS_PUBLIC_SIZE], uint8_t key[KEYS_SIZE]);

/* The text to encrypt or decrypt. The tag also protects the `open` text. `in` and `out` may be the same. */
struct keys_text {
	const uint8_t *vector, *open;
	size_t open_length;
	const uint8_t *in;
	uint8_t *out;
	size_t length;
};

int keys_encrypt(const uint8_t key[KEYS_SIZE], const struct keys_text *text, uint8_t *tag);
int keys_decrypt(const uint8_t key[KEYS_SIZE], const struct keys_text *text, const uint8_t *tag);
