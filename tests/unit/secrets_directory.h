/* SPDX-License-Identifier: MIT */
#pragma once

/* A folder with add-secret requests in the format of the tests (model_uv_add); include after cmocka.h. */
#include "model/ap_model.h"
#include "temp_root.h"

#define REQUEST_SIZE MODEL_REQUEST_SIZE

/* A big-endian number of 32 bits, which is all that a request has but ids. */
static inline void put_number(char *to, size_t value)
{
	for (int i = 0; i < 4; i++)
		to[i] = (char)(value >> (24 - 8 * i));
}

/* Writes a request for the secret of this type whose id is this byte 32 times, with `size` bytes in all. */
static inline void write_request_of(const struct temp_root *root, const char *name, unsigned int type, uint8_t id,
				    size_t size)
{
	char *request = calloc(1, size);
	char path[64];

	assert_true(request && size >= REQUEST_SIZE);
	memcpy(request, "asrcbM", 6);
	put_number(request + 8, 0x100);
	put_number(request + 12, size);
	put_number(request + 44, size - REQUEST_SIZE);
	put_number(request + 48, type);
	put_number(request + 52, MODEL_SECRET_LENGTH);
	memset(request + 64, id, 32);
	snprintf(path, sizeof(path), "/%s", name);
	temp_root_write(root, path, request, size);
	free(request);
}

/* The same for an association secret. */
static inline void write_request(const struct temp_root *root, const char *name, uint8_t id, size_t size)
{
	write_request_of(root, name, MODEL_ASSOCIATION_SECRET, id, size);
}
