/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <string.h>

#include "keys.h"
#include "layout.h"

/* Finds the request key in the slot of this host. */
static int find_key(const uint8_t *request, size_t slots, const uint8_t *host_key, uint8_t key[KEYS_SIZE])
{
	static const uint8_t no_vector[VECTOR_SIZE];
	uint8_t public_key[KEYS_PUBLIC_SIZE], hash[KEYS_SIZE], slot_key[KEYS_SIZE];

	if (keys_make_public(host_key, public_key) || keys_hash(public_key, sizeof(public_key), hash) ||
	    keys_agree(host_key, request + PUBLIC_KEY, slot_key))
		return -1;
	for (size_t i = 0; i < slots; i++) {
		const uint8_t *slot = request + SLOTS + i * SLOT_SIZE;
		const struct keys_text text = { .vector = no_vector, .in = slot + SLOT_KEY, .out = key, .length = KEYS_SIZE };

		if (!memcmp(slot, hash, sizeof(hash)) && !keys_decrypt(slot_key, &text, slot + SLOT_TAG))
			return 0;
	}
	return -1;
}

static uint16_t open_into(const uint8_t *request, size_t length, const uint8_t *host_key, struct request_secret *secret,
			  uint8_t *clear, size_t clear_size)
{
	uint8_t key[KEYS_SIZE];
	struct layout layout;
	uint16_t rc = layout_read(request, length, &layout);
	struct keys_text text;

	if (rc != REQUEST_GOOD)
		return rc;
	if (layout.encrypted > clear_size)
		return REQUEST_BAD_SECRET_LENGTH;
	text = (struct keys_text){
		.vector = request + VECTOR,
		.open = request,
		.open_length = layout.authenticated,
		.in = request + layout.authenticated,
		.out = clear,
		.length = layout.encrypted,
	};
	if (find_key(request, layout.slots, host_key, key) || keys_decrypt(key, &text, request + length - TAG_SIZE))
		return REQUEST_NOT_DECRYPTED;
	rc = layout_read_secret(request, &layout, secret);
	if (rc != REQUEST_GOOD)
		return rc;
	if (secret->type == REQUEST_TYPE_ASSOCIATION)
		memcpy(secret->value, clear, REQUEST_VALUE_SIZE);
	memcpy(secret->extension, clear + layout.encrypted - EXTENSION_SIZE, EXTENSION_SIZE);
	return REQUEST_GOOD;
}

uint16_t request_open(const uint8_t *request, size_t length, const uint8_t host_key[REQUEST_HOST_KEY_SIZE],
		      struct request_secret *secret)
{
	uint8_t clear[8192]; /* a secret has one page at most */
	uint16_t rc;

	memset(secret, 0, sizeof(*secret));
	rc = open_into(request, length, host_key, secret, clear, sizeof(clear));
	if (rc != REQUEST_GOOD)
		memset(secret, 0, sizeof(*secret));
	return rc;
}
