/* SPDX-License-Identifier: MIT */
#pragma once

/* A folder with add-secret requests in the format of the tests (model_uv_add); include after cmocka.h. */
#include "sim/secret_request.h"
#include "unit/temp_root.h"

#define REQUEST_SIZE MODEL_REQUEST_SIZE

/* Writes a request for the secret of this type whose id is this byte 32 times, with `size` bytes in all. */
static inline void write_request_of(const struct temp_root *root, const char *name, unsigned int type, uint8_t id,
				    size_t size)
{
	uint8_t *request = malloc(size), ids[32];
	char path[64];

	assert_true(request && size >= REQUEST_SIZE);
	memset(ids, id, sizeof(ids));
	secret_request_make(type, ids, request, size);
	snprintf(path, sizeof(path), "/%s", name);
	temp_root_write(root, path, (const char *)request, size);
	free(request);
}

/* The same for an association secret. */
static inline void write_request(const struct temp_root *root, const char *name, uint8_t id, size_t size)
{
	write_request_of(root, name, MODEL_ASSOCIATION_SECRET, id, size);
}
