/* SPDX-License-Identifier: MIT */
#include "pvap.h"
#include "qemu/bswap.h"

/*
 * Secure keys of the EP11 cards: AES keys that a card has wrapped. The method of real cards is not public. This one is
 * also in secure-key, which makes such keys:
 *
 *   wrapping key = HMAC-SHA256(key: the 32 bytes of the pattern of the master key, text: the 32 confidential bytes of
 *                  the secret that the queue is associated with)
 *   encrypted    = size of the key in bits (2 bytes), then the key XOR HMAC-SHA256(wrapping key, initial vector)
 *   MAC          = HMAC-SHA256(wrapping key, everything before the MAC)
 */
#define BLOB_PATTERN 32
#define BLOB_PATTERN_SIZE 16
#define BLOB_VECTOR 66
#define BLOB_VECTOR_SIZE 14
#define BLOB_ENCRYPTED 80
#define BLOB_MAC 224

/* Offsets in the reply with a protected key. */
#define DATA_VERSION 0
#define DATA_TYPE 18
#define DATA_BITS 22
#define DATA_LENGTH 26
#define DATA_KEY 42
#define DATA_VERSION_1 1
#define DATA_TYPE_AES 1

#define HMAC_SIZE 32

static void hmac(const uint8_t *key, size_t key_size, const uint8_t *text, size_t size, uint8_t result[HMAC_SIZE])
{
	GHmac *context = g_hmac_new(G_CHECKSUM_SHA256, key, key_size);
	gsize result_size = HMAC_SIZE;

	g_hmac_update(context, text, size);
	g_hmac_get_digest(context, result, &result_size);
	g_hmac_unref(context);
}

/* Unwraps the key to `key`. Returns its size in bytes, or 0 if the blob belongs to another master key or secret. */
static size_t unwrap(const struct model_queue *queue, const struct model_secret *secret, const uint8_t *blob, uint8_t *key)
{
	uint8_t wrapping_key[HMAC_SIZE], mask[HMAC_SIZE], mac[HMAC_SIZE];
	size_t bits = lduw_be_p(blob + BLOB_ENCRYPTED);

	hmac(queue->mkvp, sizeof(queue->mkvp), secret->value, sizeof(secret->value), wrapping_key);
	hmac(wrapping_key, HMAC_SIZE, blob, BLOB_MAC, mac);
	if (memcmp(blob + BLOB_PATTERN, queue->mkvp, BLOB_PATTERN_SIZE) || memcmp(blob + BLOB_MAC, mac, HMAC_SIZE) ||
	    (bits != 128 && bits != 192 && bits != 256))
		return 0;
	hmac(wrapping_key, HMAC_SIZE, blob + BLOB_VECTOR, BLOB_VECTOR_SIZE, mask);
	for (size_t i = 0; i < bits / 8; i++)
		key[i] = blob[BLOB_ENCRYPTED + 2 + i] ^ mask[i];
	return bits / 8;
}

size_t pvap_wrap_key(const struct model_queue *queue, const uint8_t *blob, uint8_t *data)
{
	const struct model_secret *secret = model_associated_secret(pvap_model(), queue);
	uint8_t key[PVAP_KEY_MAX + PVAP_PATTERN_SIZE];
	size_t size;

	if (!secret || !queue->mkvp_valid)
		return 0;
	size = unwrap(queue, secret, blob, key);
	if (!size)
		return 0;
	pvap_protect_key(key, size);
	memset(data, 0, DATA_KEY);
	stw_be_p(data + DATA_VERSION, DATA_VERSION_1);
	stl_be_p(data + DATA_TYPE, DATA_TYPE_AES);
	stl_be_p(data + DATA_BITS, size * 8);
	stq_be_p(data + DATA_LENGTH, size + PVAP_PATTERN_SIZE);
	memcpy(data + DATA_KEY, key, size + PVAP_PATTERN_SIZE);
	return DATA_KEY + size + PVAP_PATTERN_SIZE;
}
