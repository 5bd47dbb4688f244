/* SPDX-License-Identifier: MIT */
/*
 * Add-secret requests as the emulated Ultravisor opens them. The input is a request that is not encrypted, so it cannot
 * be opened. Encrypted for a host, it opens with the same result as its plain part; a changed tag is refused.
 */
#include "fuzz.h"
#include "request/request.h"

#define SLOT_COUNT 0x27
#define HOSTS_MAX 3 /* for speed */

static void is_all_zero(const struct request_secret *secret)
{
	static const struct request_secret nothing;

	holds(memcmp(secret, &nothing, sizeof(nothing)) == 0);
}

static void open_sealed(uint8_t *request, size_t size, size_t hosts)
{
	static uint8_t host_keys[HOSTS_MAX][REQUEST_HOST_KEY_SIZE];
	struct request_secret read, opened;
	uint16_t rc = request_read(request, size, &read);

	for (size_t i = 0; i < hosts; i++)
		host_keys[i][REQUEST_HOST_KEY_SIZE - 1] = (uint8_t)(i + 1);
	holds(request_seal(request, size, host_keys[0]));
	holds(request_open(request, size, host_keys[hosts - 1], &opened) == rc);
	holds(opened.type == read.type && opened.length == read.length);
	holds(memcmp(opened.id, read.id, sizeof(read.id)) == 0);
	if (rc != REQUEST_GOOD)
		is_all_zero(&opened);
	request[size - 1] ^= 1;
	holds(request_open(request, size, host_keys[hosts - 1], &opened) == REQUEST_NOT_DECRYPTED);
	is_all_zero(&opened);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t host_key[REQUEST_HOST_KEY_SIZE] = { 1 };
	uint8_t *request = malloc(size ? size : 1); /* so that a read beyond its end is detected */
	struct request_secret secret;
	uint16_t rc;

	holds(request);
	memcpy(request, data, size);
	rc = request_open(request, size, host_key, &secret);
	holds(rc >= REQUEST_BAD_VERSION && rc <= REQUEST_BAD_SECRET_LENGTH);
	is_all_zero(&secret);
	/* All fields that are read before decryption are valid. */
	if (rc == REQUEST_NOT_DECRYPTED && request[SLOT_COUNT] <= HOSTS_MAX)
		open_sealed(request, size, request[SLOT_COUNT]);
	free(request);
	return 0;
}
