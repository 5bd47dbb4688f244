/* SPDX-License-Identifier: MIT */
#include "ap_model.h"

#define PAGE_SIZE_BYTES 4096u
#define HEADER_SIZE 16u
#define ENTRY_SIZE 48u
#define PAGE_ENTRIES ((PAGE_SIZE_BYTES - HEADER_SIZE) / ENTRY_SIZE)

/* The layout of the add-secret requests of the tests, see ap_model.h. */
#define REQUEST_MAGIC "asrcbM"
#define REQUEST_MAGIC_SIZE 6u
#define REQUEST_TYPE_OFFSET 50u
#define REQUEST_ID_OFFSET 64u

enum {
	RC_EXECUTED = 0x0001,
	RC_INVALID_COMMAND = 0x0002,
	RC_MORE_DATA = 0x0100,
	RC_LOCKED = 0x0102,
	RC_VERSION = 0x0104,
	RC_SIZE = 0x0105,
	RC_SECRET_TYPE = 0x0109,
	RC_STORE_FULL = 0x010b,
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

static bool is_known_type(uint32_t type)
{
	return (type >= 2 && type <= 10) || (type >= 17 && type <= 20);
}

uint16_t model_uv_may_add(const struct model *model)
{
	if (!model->se_guest || !model->add_secret)
		return RC_INVALID_COMMAND;
	return model->store_locked ? RC_LOCKED : RC_EXECUTED;
}

uint16_t model_uv_store(struct model *model, const struct model_secret *secret)
{
	uint32_t index = model->secret_count ? model->secrets[model->secret_count - 1].index + 1u : 0;

	if (model->secret_count == MODEL_SECRETS_MAX || index > UINT16_MAX)
		return RC_STORE_FULL;
	model->secrets[model->secret_count] = *secret;
	model->secrets[model->secret_count++].index = (uint16_t)index;
	return RC_EXECUTED;
}

uint16_t model_uv_add(struct model *model, const uint8_t *request, size_t length)
{
	struct model_secret secret = { .length = MODEL_SECRET_LENGTH };
	uint16_t rc = model_uv_may_add(model);

	if (rc != RC_EXECUTED)
		return rc;
	if (length < MODEL_REQUEST_SIZE)
		return RC_SIZE;
	for (size_t i = 0; i < REQUEST_MAGIC_SIZE; i++)
		if (request[i] != (uint8_t)REQUEST_MAGIC[i])
			return RC_VERSION;
	secret.type = (uint16_t)(request[REQUEST_TYPE_OFFSET] << 8 | request[REQUEST_TYPE_OFFSET + 1]);
	if (!is_known_type(secret.type))
		return RC_SECRET_TYPE;
	for (size_t i = 0; i < sizeof(secret.id); i++)
		secret.value[i] = secret.id[i] = request[REQUEST_ID_OFFSET + i];
	return model_uv_store(model, &secret);
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
