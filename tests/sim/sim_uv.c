/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "request/request.h"
#include "sim_kernel.h"

#define PAGE_BYTES 4096u
#define HEADER_SIZE 16u
#define ENTRY_SIZE 48u
#define ADD_SIZE_MAX (1024u * 1024u)

#define RC_EXECUTED 0x0001
#define RC_MORE_DATA 0x0100

enum { COMMAND_ADD = 2, COMMAND_LIST = 3, COMMAND_LOCK = 4 };

static uint64_t facility_bit(unsigned int bit)
{
	return UINT64_C(1) << (63 - bit);
}

void sim_uv_read_guest(struct sim *sim, struct sim_call *slot)
{
	sim_finish_text(sim, slot, "%d\n", sim->model.se_guest);
}

void sim_uv_read_facilities(struct sim *sim, struct sim_call *slot)
{
	const struct model *model = &sim->model;
	uint64_t first = facility_bit(0);

	if (model->se_guest)
		first |= facility_bit(8) | facility_bit(9) | facility_bit(20) |
			 (model->add_secret ? facility_bit(29) : 0) | (model->list_secrets ? facility_bit(30) : 0) |
			 (model->lock_secrets ? facility_bit(31) : 0);
	sim_finish_text(sim, slot, "%" PRIx64 "\n0\n0\n0\n", first);
}

void sim_uv_read_max_secrets(struct sim *sim, struct sim_call *slot)
{
	sim_finish_text(sim, slot, "%d\n", MODEL_SECRETS_MAX);
}

static unsigned int get16(const uint8_t *from)
{
	return (unsigned int)from[0] << 8 | from[1];
}

/* Fetches all pages from the firmware and joins their entries after one header. */
static uint16_t fill_list(const struct model *model, uint8_t *buffer, size_t size)
{
	size_t used = HEADER_SIZE;
	uint16_t rc;

	do {
		unsigned int stored = (unsigned int)((used - HEADER_SIZE) / ENTRY_SIZE);
		unsigned int start = stored ? get16(buffer + 4) : 0;
		uint8_t page[PAGE_BYTES];

		rc = model_uv_list(model, (uint16_t)start, page);
		if (rc != RC_EXECUTED && rc != RC_MORE_DATA)
			break;
		stored += get16(page);
		memcpy(buffer + used, page + HEADER_SIZE, get16(page) * ENTRY_SIZE);
		used = HEADER_SIZE + stored * ENTRY_SIZE;
		memcpy(buffer, page, HEADER_SIZE);
		buffer[0] = (uint8_t)(stored >> 8);
		buffer[1] = (uint8_t)stored;
	} while (rc == RC_MORE_DATA && size - used >= PAGE_BYTES);
	return rc;
}

static int list_secrets(const struct sim *sim, struct machine_call *call)
{
	bool one_page = sim->options.kernel < SIM_KERNEL_7;

	if (call->size == 0 || call->size % PAGE_BYTES != 0 || (one_page && call->size != PAGE_BYTES))
		return -EINVAL;
	/* The kernel copies its own buffer back, whatever the firmware returns. */
	memset(call->data, 0, call->size);
	call->uv_rc = fill_list(&sim->model, (uint8_t *)call->data, call->size);
	return 0;
}

/* Nothing is decrypted: no queue of the simulated machine needs the value. Bytes after the request are ignored. */
static uint16_t read_and_add(struct model *model, const uint8_t *request, size_t size)
{
	struct model_secret secret = { 0 };
	struct request_secret read;
	uint16_t rc = model_uv_may_add(model);

	if (rc == RC_EXECUTED && size >= REQUEST_HEADER_SIZE && request_length(request) < size)
		size = request_length(request);
	if (rc == RC_EXECUTED)
		rc = request_read(request, size, &read);
	if (rc != RC_EXECUTED)
		return rc;
	secret.type = read.type;
	secret.length = read.length;
	memcpy(secret.id, read.id, sizeof(secret.id));
	return model_uv_add(model, read.type == REQUEST_TYPE_NONE ? NULL : &secret, NULL, NULL);
}

static int add_secret(struct sim *sim, struct machine_call *call)
{
	if (call->size == 0 || call->size > ADD_SIZE_MAX)
		return -EINVAL;
	call->uv_rc = read_and_add(&sim->model, (const uint8_t *)call->data, call->size);
	return 0;
}

static int lock_secrets(struct sim *sim, struct machine_call *call)
{
	if (call->size != 0)
		return -EINVAL;
	call->uv_rc = model_uv_lock(&sim->model);
	return 0;
}

static int perform(struct sim *sim, struct machine_call *call)
{
	call->uv_rc = 0;
	call->uv_rrc = 0;
	if (sim->options.uv_device_missing)
		return -ENOENT;
	switch (call->uv_command) {
	case COMMAND_ADD:
		return add_secret(sim, call);
	case COMMAND_LIST:
		return list_secrets(sim, call);
	case COMMAND_LOCK:
		return lock_secrets(sim, call);
	default:
		return -ENOTTY;
	}
}

void sim_uv_perform(struct sim *sim, struct sim_call *slot)
{
	sim_finish(slot, perform(sim, slot->call), sim->kernel->now_us);
}
