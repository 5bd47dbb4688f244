/* SPDX-License-Identifier: MIT */
#pragma once

/* A directory with add-secret requests. Include after cmocka.h. */
#include "model/ap_model.h"
#include "request/request.h"
#include "unit/temp_root.h"

#define REQUEST_SIZE REQUEST_LENGTH(1)

/* Writes a request for a secret of this type in a file of `size` bytes. Its id is this byte repeated 32 times. */
static inline void write_request_of(const struct temp_root *root, const char *name, unsigned int type, uint8_t id,
				    size_t size)
{
	struct request_secret secret = { .type = (uint16_t)type };
	uint8_t *request = calloc(1, size);
	char path[64];

	assert_true(request && size >= REQUEST_SIZE);
	memset(secret.id, id, sizeof(secret.id));
	request_write(&secret, 1, request);
	snprintf(path, sizeof(path), "/%s", name);
	temp_root_write(root, path, (const char *)request, size);
	free(request);
}

/* The same for an association secret. */
static inline void write_request(const struct temp_root *root, const char *name, uint8_t id, size_t size)
{
	write_request_of(root, name, MODEL_ASSOCIATION_SECRET, id, size);
}
