/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <string.h>

#include "layout.h"

static uint32_t get16(const uint8_t *from)
{
	return (uint32_t)from[0] << 8 | from[1];
}

static uint32_t get32(const uint8_t *from)
{
	return get16(from) << 16 | get16(from + 2);
}

static void put16(uint8_t *to, size_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, size_t value)
{
	put16(to, value >> 16);
	put16(to + 2, value);
}

uint32_t request_length(const uint8_t *header)
{
	return get32(header + LENGTH);
}

uint16_t layout_read(const uint8_t *request, size_t length, struct layout *layout)
{
	const size_t least = SLOTS + SECRET_HEADER_LEAST + TAG_SIZE;
	static const uint8_t no_flags[7];

	if (length < REQUEST_HEADER_SIZE)
		return REQUEST_BAD_SIZE;
	if (memcmp(request, MAGIC, MAGIC_SIZE) || get32(request + VERSION) != VERSION_1)
		return REQUEST_BAD_VERSION;
	layout->encrypted = get32(request + ENCRYPTED_LENGTH);
	if (request_length(request) != length || length < least || layout->encrypted > length - least)
		return REQUEST_BAD_SIZE;
	layout->authenticated = length - TAG_SIZE - layout->encrypted;
	layout->slots = request[SLOT_COUNT];
	if (!layout->slots || layout->slots > (layout->authenticated - SLOTS - SECRET_HEADER_LEAST) / SLOT_SIZE)
		return REQUEST_BAD_HOST_COUNT;
	if (request[FLAGS] & ~KNOWN_FLAGS || memcmp(request + FLAGS + 1, no_flags, sizeof(no_flags)))
		return REQUEST_BAD_FLAGS;
	return REQUEST_GOOD;
}

static bool is_known_type(uint32_t type)
{
	return (type >= REQUEST_TYPE_NONE && type <= 10) || (type >= 17 && type <= 20);
}

uint16_t layout_read_secret(const uint8_t *request, const struct layout *layout, struct request_secret *secret)
{
	const uint8_t *header = request + REQUEST_SECRET(layout->slots);
	size_t size = layout->authenticated - REQUEST_SECRET(layout->slots);

	secret->type = (uint16_t)get16(header + SECRET_TYPE);
	secret->length = get32(header + SECRET_LENGTH);
	if (!is_known_type(secret->type))
		return REQUEST_BAD_TYPE;
	if (size != (secret->type == REQUEST_TYPE_NONE ? SECRET_HEADER_LEAST : SECRET_HEADER_SIZE))
		return REQUEST_BAD_SIZE;
	if (secret->type != REQUEST_TYPE_NONE)
		memcpy(secret->id, header + SECRET_ID, REQUEST_ID_SIZE);
	if (layout->encrypted < EXTENSION_SIZE ||
	    (secret->type == REQUEST_TYPE_ASSOCIATION &&
	     (secret->length != REQUEST_VALUE_SIZE || layout->encrypted != REQUEST_VALUE_SIZE + EXTENSION_SIZE)))
		return REQUEST_BAD_SECRET_LENGTH;
	return REQUEST_GOOD;
}

uint16_t request_read(const uint8_t *request, size_t length, struct request_secret *secret)
{
	struct layout layout;
	uint16_t rc = layout_read(request, length, &layout);

	memset(secret, 0, sizeof(*secret));
	if (rc == REQUEST_GOOD)
		rc = layout_read_secret(request, &layout, secret);
	if (rc != REQUEST_GOOD)
		memset(secret, 0, sizeof(*secret));
	return rc;
}

size_t request_write(const struct request_secret *secret, size_t hosts, uint8_t *request)
{
	uint8_t *header = request + REQUEST_SECRET(hosts);
	bool is_none = secret->type == REQUEST_TYPE_NONE;
	uint8_t *clear = header + (is_none ? SECRET_HEADER_LEAST : SECRET_HEADER_SIZE);
	uint8_t *extension = clear + (is_none ? 0 : REQUEST_VALUE_SIZE);
	size_t length = (size_t)(extension + EXTENSION_SIZE + TAG_SIZE - request);

	memset(request, 0, length);
	memcpy(request, MAGIC, MAGIC_SIZE);
	put32(request + VERSION, VERSION_1);
	put32(request + LENGTH, length);
	request[SLOT_COUNT] = (uint8_t)hosts;
	put32(request + ENCRYPTED_LENGTH, (size_t)(extension + EXTENSION_SIZE - clear));
	put16(header + SECRET_TYPE, secret->type);
	put32(header + SECRET_LENGTH, is_none ? 0 : REQUEST_VALUE_SIZE);
	memcpy(extension, secret->extension, EXTENSION_SIZE);
	if (!is_none) {
		memcpy(header + SECRET_ID, secret->id, REQUEST_ID_SIZE);
		memcpy(clear, secret->value, REQUEST_VALUE_SIZE);
	}
	return length;
}
