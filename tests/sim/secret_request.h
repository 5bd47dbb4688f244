/* SPDX-License-Identifier: MIT */
#pragma once

/* Add-secret requests in the format of the tests (model_uv_add). */
#include <string.h>

#include "model/ap_model.h"

/* A big-endian number of 32 bits, which is all that a request has but ids. */
static inline void secret_request_number(uint8_t *to, size_t value)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Makes a request of `size` bytes, MODEL_REQUEST_SIZE at least. */
static inline void secret_request_make(unsigned int type, const uint8_t id[32], uint8_t *request, size_t size)
{
	memset(request, 0, size);
	memcpy(request, "asrcbM", 6);
	secret_request_number(request + 8, 0x100);
	secret_request_number(request + 12, size);
	secret_request_number(request + 44, size - MODEL_REQUEST_SIZE);
	secret_request_number(request + 48, type);
	secret_request_number(request + 52, MODEL_SECRET_LENGTH);
	memcpy(request + 64, id, 32);
}
