/* SPDX-License-Identifier: MIT */
#include "ap_model.h"

#define PAGE_SIZE_BYTES 4096u
#define HEADER_SIZE 16u
#define ENTRY_SIZE 48u
#define PAGE_ENTRIES ((PAGE_SIZE_BYTES - HEADER_SIZE) / ENTRY_SIZE)

enum {
	RC_EXECUTED = 0x0001,
	RC_INVALID_COMMAND = 0x0002,
	RC_MORE_DATA = 0x0100,
	RC_LOCKED = 0x0102,
	RC_STORE_FULL = 0x010b,
	RC_CANNOT_ADD = 0x010c,
};

static void put16(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static void put32(uint8_t *to, uint32_t value)
{
	put16(to, value >> 16);
	put16(to + 2, value & 0xffff);
}

uint16_t model_uv_list(const struct model *model, uint16_t start, uint8_t page[4096])
{
	size_t stored = start < model->secret_count ? model->secret_count - start : 0;

	if (!model->se_guest || !model->list_secrets)
		return RC_INVALID_COMMAND;
	if (model->list_rc)
		return model->list_rc;
	if (stored > PAGE_ENTRIES)
		stored = PAGE_ENTRIES;
	for (size_t i = 0; i < PAGE_SIZE_BYTES; i++)
		page[i] = 0;
	put16(page, (uint32_t)stored);
	put16(page + 2, (uint32_t)model->secret_count);
	put16(page + 4, (uint32_t)(start + stored));
	for (size_t i = 0; i < stored; i++) {
		const struct model_secret *secret = &model->secrets[start + i];
		uint8_t *entry = page + HEADER_SIZE + i * ENTRY_SIZE;

		put16(entry, secret->index);
		put16(entry + 2, secret->type);
		put32(entry + 4, secret->length);
		for (size_t byte = 0; byte < sizeof(secret->id); byte++)
			entry[16 + byte] = secret->id[byte];
	}
	return start + stored < model->secret_count ? RC_MORE_DATA : RC_EXECUTED;
}

uint16_t model_uv_may_add(const struct model *model)
{
	if (!model->se_guest || !model->add_secret)
		return RC_INVALID_COMMAND;
	return model->store_locked ? RC_LOCKED : RC_EXECUTED;
}

static bool are_equal(const uint8_t *a, const uint8_t *b, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

static uint16_t store(struct model *model, const struct model_secret *secret)
{
	uint32_t index = model->secret_count ? model->secrets[model->secret_count - 1].index + 1u : 0;

	if (model->secret_count == MODEL_SECRETS_MAX || index > UINT16_MAX)
		return RC_STORE_FULL;
	model->secrets[model->secret_count] = *secret;
	model->secrets[model->secret_count++].index = (uint16_t)index;
	return RC_EXECUTED;
}

uint16_t model_uv_add(struct model *model, const struct model_secret *secret, const uint8_t *image, const uint8_t *extension)
{
	uint16_t rc;

	if (image && model->has_image && !are_equal(image, model->image, MODEL_IMAGE_LENGTH))
		return RC_CANNOT_ADD;
	if (extension && model->has_extension && !are_equal(extension, model->extension, MODEL_SECRET_LENGTH))
		return RC_CANNOT_ADD;
	rc = secret ? store(model, secret) : RC_EXECUTED;
	if (rc != RC_EXECUTED || !extension)
		return rc;
	for (size_t i = 0; i < MODEL_SECRET_LENGTH; i++)
		model->extension[i] = extension[i];
	model->has_extension = true;
	return rc;
}

uint16_t model_uv_lock(struct model *model)
{
	if (!model->se_guest || !model->lock_secrets)
		return RC_INVALID_COMMAND;
	if (model->store_locked)
		return RC_LOCKED;
	model->store_locked = true;
	return RC_EXECUTED;
}
