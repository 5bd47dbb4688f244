/* SPDX-License-Identifier: MIT */
#pragma once

/* A folder with add-secret requests in the format of the tests (model_uv_add); include after cmocka.h. */
#include "model/ap_model.h"
#include "temp_root.h"

#define REQUEST_SIZE 42

/* Writes a request for the association secret whose id is this byte 32 times, with `size` bytes in all. */
static inline void write_request(const struct temp_root *root, const char *name, uint8_t id, size_t size)
{
	char *request = calloc(1, size);
	char path[64];

	assert_true(request && size >= REQUEST_SIZE);
	memcpy(request, "asrcbM", 6);
	memset(request + 8, id, 32);
	request[41] = MODEL_ASSOCIATION_SECRET;
	snprintf(path, sizeof(path), "/%s", name);
	temp_root_write(root, path, request, size);
	free(request);
}
