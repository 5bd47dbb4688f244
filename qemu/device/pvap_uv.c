/* SPDX-License-Identifier: MIT */
#include "pvap.h"
#include "exec/exec-all.h"
#include "exec/helper-proto.h"
#include "qemu/bswap.h"
#include "request.h"

/* Offsets in the control block: first the fields of all calls, then fields of some calls. */
#define BLOCK_LENGTH 0
#define BLOCK_COMMAND 2
#define BLOCK_RC 4
#define BLOCK_RRC 6
#define BLOCK_HEADER_SIZE 8
#define BLOCK_CALLS 0x10
#define BLOCK_START 0x1e
#define BLOCK_ADDRESS 0x20
#define BLOCK_FEATURES 0xa0
#define BLOCK_ADD_VERSIONS 0xf8
#define BLOCK_SECRET_TYPES 0x108
#define BLOCK_MAX_SECRETS 0x110
#define BLOCK_MAX 0x120 /* later fields are ignored */
#define BLOCK_GUEST_ADDRESS_SIZE 0x48 /* block size of the calls with an address */

enum {
	COMMAND_QUERY = 0x0001,
	COMMAND_UNSHARE_ALL = 0x0340,
	COMMAND_SHARE = 0x1000,
	COMMAND_UNSHARE = 0x1001,
	COMMAND_ADD = 0x1031,
	COMMAND_LIST = 0x1033,
	COMMAND_LOCK = 0x1034,
};

enum { RC_EXECUTED = 0x0001, RC_INVALID_COMMAND = 0x0002, RC_INVALID_LENGTH = 0x0005 };

/* Bits in the lists of calls and of features; 0 is the most significant. */
#define UV_BIT(number) (1ull << (63 - (number)))
#define CALL_QUERY UV_BIT(0)
#define CALL_SHARE UV_BIT(8)
#define CALL_UNSHARE UV_BIT(9)
#define CALL_UNSHARE_ALL UV_BIT(20)
#define CALL_ADD UV_BIT(29)
#define CALL_LIST UV_BIT(30)
#define CALL_LOCK UV_BIT(31)
#define FEATURE_AP UV_BIT(4)
#define ADD_VERSION_1 UV_BIT(0)
#define SECRET_TYPE_ASSOCIATION UV_BIT(1)

#define PAGE_BYTES 4096
#define REQUEST_SIZE_MAX 32768 /* larger than a request with 255 host keys and the longest secret */

/* A call being executed: the first `size` bytes of its control block, at most BLOCK_MAX. */
struct call {
	uint8_t block[BLOCK_MAX];
	size_t size;
	uint16_t command;
};

static uint64_t calls_offered(const struct model *model)
{
	uint64_t calls = CALL_QUERY;

	if (!model->se_guest)
		return calls;
	calls |= CALL_SHARE | CALL_UNSHARE | CALL_UNSHARE_ALL;
	if (model->add_secret)
		calls |= CALL_ADD;
	if (model->list_secrets)
		calls |= CALL_LIST;
	if (model->lock_secrets)
		calls |= CALL_LOCK;
	return calls;
}

static uint16_t query(struct call *call)
{
	const struct model *model = pvap_model();
	uint8_t *block = call->block;

	pvap_lock();
	memset(block + BLOCK_HEADER_SIZE, 0, BLOCK_MAX - BLOCK_HEADER_SIZE);
	stq_be_p(block + BLOCK_CALLS, calls_offered(model));
	if (model->se_guest) {
		stq_be_p(block + BLOCK_FEATURES, FEATURE_AP);
		stq_be_p(block + BLOCK_ADD_VERSIONS, ADD_VERSION_1);
		stq_be_p(block + BLOCK_SECRET_TYPES, SECRET_TYPE_ASSOCIATION);
		stw_be_p(block + BLOCK_MAX_SECRETS, MODEL_SECRETS_MAX);
	}
	pvap_journal(pvap_now(), "UVC query rc=%04x", RC_EXECUTED);
	pvap_unlock();
	return RC_EXECUTED;
}

static uint16_t list_secrets(CPUS390XState *env, const struct call *call, uintptr_t ra)
{
	uint16_t rc, start = lduw_be_p(call->block + BLOCK_START);
	uint64_t address = ldq_be_p(call->block + BLOCK_ADDRESS);
	uint8_t page[PAGE_BYTES] = { 0 };

	pvap_check_write(env, address, sizeof(page), ra);
	pvap_lock();
	rc = model_uv_list(pvap_model(), start, page);
	pvap_journal(pvap_now(), "UVC list rc=%04x start=%u", rc, start);
	pvap_unlock();
	pvap_write(env, address, page, sizeof(page), ra);
	return rc;
}

static uint16_t open_and_add(const uint8_t *request, size_t length)
{
	struct model *model = pvap_model();
	struct model_secret secret = { 0 };
	struct request_secret opened;
	uint16_t rc = model_uv_may_add(model);

	if (rc == RC_EXECUTED)
		rc = request_open(request, length, model->host_key, &opened);
	if (rc != RC_EXECUTED)
		return rc;
	secret.type = opened.type;
	secret.length = opened.length;
	memcpy(secret.id, opened.id, sizeof(secret.id));
	memcpy(secret.value, opened.value, sizeof(secret.value));
	return model_uv_add(model, opened.type == REQUEST_TYPE_NONE ? NULL : &secret, request + REQUEST_IMAGE, opened.extension);
}

static uint16_t add_secret(CPUS390XState *env, const struct call *call, uintptr_t ra)
{
	uint64_t address = ldq_be_p(call->block + BLOCK_ADDRESS);
	uint8_t request[REQUEST_SIZE_MAX];
	uint32_t length;
	uint16_t rc;

	pvap_read(env, address, request, REQUEST_HEADER_SIZE, ra);
	length = request_length(request);
	if (length < REQUEST_HEADER_SIZE || length > sizeof(request))
		length = REQUEST_HEADER_SIZE; /* request_open refuses it */
	pvap_read(env, address, request, length, ra);
	pvap_lock();
	rc = open_and_add(request, length);
	pvap_journal(pvap_now(), "UVC add rc=%04x write", rc);
	pvap_unlock();
	return rc;
}

static uint16_t lock_secrets(void)
{
	uint16_t rc;

	pvap_lock();
	rc = model_uv_lock(pvap_model());
	pvap_journal(pvap_now(), "UVC lock rc=%04x write", rc);
	pvap_unlock();
	return rc;
}

/* A call without effect, because the memory of this machine is not really protected. */
static uint16_t do_nothing(const char *name)
{
	pvap_lock();
	pvap_journal(pvap_now(), "UVC %s rc=%04x", name, RC_EXECUTED);
	pvap_unlock();
	return RC_EXECUTED;
}

static uint16_t refuse(const struct call *call, uint16_t rc)
{
	pvap_lock();
	pvap_journal(pvap_now(), "UVC 0x%04x rc=%04x", call->command, rc);
	pvap_unlock();
	return rc;
}

static uint16_t execute(CPUS390XState *env, struct call *call, uintptr_t ra)
{
	bool has_address = call->command == COMMAND_LIST || call->command == COMMAND_ADD;

	if (has_address && call->size < BLOCK_GUEST_ADDRESS_SIZE)
		return refuse(call, RC_INVALID_LENGTH);
	switch (call->command) {
	case COMMAND_QUERY:
		return query(call);
	case COMMAND_UNSHARE_ALL:
		return do_nothing("unshare-all");
	case COMMAND_SHARE:
	case COMMAND_UNSHARE:
		return RC_EXECUTED;
	case COMMAND_ADD:
		return add_secret(env, call, ra);
	case COMMAND_LIST:
		return list_secrets(env, call, ra);
	case COMMAND_LOCK:
		return lock_secrets();
	default:
		return refuse(call, RC_INVALID_COMMAND);
	}
}

uint32_t HELPER(pvap_uvc)(CPUS390XState *env, uint32_t r2)
{
	uint64_t address = env->regs[r2];
	struct call call = { 0 };
	uint16_t rc;

	pvap_require_uv(env, GETPC());
	pvap_read(env, address, call.block, BLOCK_HEADER_SIZE, GETPC());
	call.command = lduw_be_p(call.block + BLOCK_COMMAND);
	call.size = MIN(lduw_be_p(call.block + BLOCK_LENGTH), BLOCK_MAX);
	call.size = MAX(call.size, BLOCK_HEADER_SIZE);
	pvap_read(env, address, call.block, call.size, GETPC());
	pvap_check_write(env, address, call.size, GETPC());
	rc = execute(env, &call, GETPC());
	stw_be_p(call.block + BLOCK_RC, rc);
	stw_be_p(call.block + BLOCK_RRC, 0);
	pvap_write(env, address, call.block, call.size, GETPC());
	return rc == RC_EXECUTED ? 0 : 1;
}
