/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <string.h>

#include "keys.h"
#include "layout.h"

/* What pvsecret chooses at random. */
struct lot {
	uint8_t vector[KEYS_SIZE], request_key[KEYS_SIZE];
	uint8_t own_key[REQUEST_HOST_KEY_SIZE]; /* private; small enough for the curve */
};

static int draw(const uint8_t *request, size_t length, struct lot *lot)
{
	uint8_t seed[KEYS_SIZE + 1];
	uint8_t *const parts[] = { lot->vector, lot->request_key, lot->own_key + 2, lot->own_key + 2 + KEYS_SIZE };
	int r = keys_hash(request, length, seed);

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !r; i++) {
		seed[KEYS_SIZE] = (uint8_t)i;
		r = keys_hash(seed, sizeof(seed), parts[i]);
	}
	return r;
}

static int fill_slot(uint8_t *slot, const uint8_t *host_key, const struct lot *lot)
{
	static const uint8_t no_vector[VECTOR_SIZE];
	uint8_t public_key[KEYS_PUBLIC_SIZE], slot_key[KEYS_SIZE];
	const struct keys_text text = {
		.vector = no_vector, .in = lot->request_key, .out = slot + SLOT_KEY, .length = KEYS_SIZE
	};

	if (keys_make_public(host_key, public_key) || keys_hash(public_key, sizeof(public_key), slot) ||
	    keys_agree(lot->own_key, public_key, slot_key))
		return -1;
	return keys_encrypt(slot_key, &text, slot + SLOT_TAG);
}

bool request_seal(uint8_t *request, size_t length, const uint8_t *host_keys)
{
	struct lot lot = { 0 };
	struct layout layout;
	struct keys_text text;

	if (layout_read(request, length, &layout) != REQUEST_GOOD || draw(request, length, &lot) ||
	    keys_make_public(lot.own_key, request + PUBLIC_KEY))
		return false;
	memcpy(request + VECTOR, lot.vector, VECTOR_SIZE);
	for (size_t i = 0; i < layout.slots; i++)
		if (fill_slot(request + SLOTS + i * SLOT_SIZE, host_keys + i * REQUEST_HOST_KEY_SIZE, &lot))
			return false;
	text = (struct keys_text){
		.vector = request + VECTOR,
		.open = request,
		.open_length = layout.authenticated,
		.in = request + layout.authenticated,
		.out = request + layout.authenticated,
		.length = layout.encrypted,
	};
	return !keys_encrypt(lot.request_key, &text, request + length - TAG_SIZE);
}
