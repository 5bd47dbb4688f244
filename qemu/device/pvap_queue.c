/* SPDX-License-Identifier: MIT */
#include "pvap.h"
#include "exec/exec-all.h"
#include "exec/helper-proto.h"
#include "qemu/bswap.h"
#include "qemu/queue.h"
#include "tcg/tcg_s390x.h"

/* The status word in register 1. */
#define STATUS_EMPTY 0x80000000u
#define STATUS_REPLIES_WAITING 0x40000000u
#define STATUS_FULL 0x20000000u
#define STATUS_ASYNC 0x02000000u
#define STATUS_RESPONSE_SHIFT 16

/* Register 0 of PQAP. */
#define FUNCTION_SHIFT 24
#define UNBIND_BIT (1u << 22)

enum { TAPQ = 0, RAPQ = 1, ZAPQ = 2, AQIC = 3, QCI = 4, QACT = 5, BAPQ = 7, AAPQ = 8 };

/* A response that does not depend on a queue, so the model does not have it. */
#define RESPONSE_INVALID_ADDRESS 0x06

/* Register 2 after TAPQ. */
#define INFO_CCA (1ull << 60)
#define INFO_ACCEL (1ull << 59)
#define INFO_EP11 (1ull << 58)
#define INFO_APXA (1ull << 57)
#define INFO_BIND_STATE_SHIFT 46
#define INFO_TYPE_SHIFT 24
#define INFO_TYPE_OF_GENERATION(generation) ((generation) + 6u)
#define NEWEST_KNOWN_GENERATION 8 /* newer cards report that they are compatible with this one */

#define QUEUE_DEPTH 8

/* The configuration that QCI writes. */
#define CONFIG_SIZE 128
#define CONFIG_MAX_CARD 4
#define CONFIG_MAX_DOMAIN 5
#define CONFIG_CARDS 16
#define CONFIG_USAGE_DOMAINS 48
#define CONFIG_APSC 0x80000000u
#define CONFIG_APXA 0x40000000u
#define CONFIG_QACT 0x20000000u
#define CONFIG_APSB 0x00800000u

struct request {
	uint16_t apqn;
	uint32_t id[2];
	int64_t ready_us;
	size_t reply_length;
	uint8_t reply[PVAP_REPLY_MAX];
	QTAILQ_ENTRY(request) next;
};

static QTAILQ_HEAD(, request) requests = QTAILQ_HEAD_INITIALIZER(requests);

/*
 * An instruction that hangs: it is repeated until until_us. The first execution has done its work and set its
 * registers.
 */
struct hang {
	uint32_t register0;
	int64_t until_us;
	QTAILQ_ENTRY(hang) next;
};

static QTAILQ_HEAD(, hang) hangs = QTAILQ_HEAD_INITIALIZER(hangs);

struct apqn {
	uint16_t number;
	uint8_t card, domain;
	char text[8];
};

static struct apqn apqn_of(uint64_t register0)
{
	struct apqn apqn = { .number = register0, .card = register0 >> 8, .domain = register0 };

	snprintf(apqn.text, sizeof(apqn.text), "%02x.%04x", apqn.card, apqn.domain);
	return apqn;
}

static struct request *first_request(uint16_t apqn, int64_t ready_by_us)
{
	struct request *request;

	QTAILQ_FOREACH(request, &requests, next)
		if (request->apqn == apqn && request->ready_us <= ready_by_us)
			return request;
	return NULL;
}

static unsigned int count_requests(uint16_t apqn)
{
	struct request *request;
	unsigned int count = 0;

	QTAILQ_FOREACH(request, &requests, next)
		count += request->apqn == apqn;
	return count;
}

static void drop_request(struct request *request)
{
	QTAILQ_REMOVE(&requests, request, next);
	g_free(request);
}

static void drop_requests(uint16_t apqn)
{
	struct request *request;

	while ((request = first_request(apqn, INT64_MAX)))
		drop_request(request);
}

static uint32_t status_of(uint16_t apqn, int64_t now_us, unsigned int response, bool async)
{
	unsigned int count = count_requests(apqn);

	return (count ? 0 : STATUS_EMPTY) | (first_request(apqn, now_us) ? STATUS_REPLIES_WAITING : 0) |
	       (count >= QUEUE_DEPTH ? STATUS_FULL : 0) | (async ? STATUS_ASYNC : 0) | response << STATUS_RESPONSE_SHIFT;
}

/* The condition code that belongs to a status. */
static uint32_t cc_of(uint32_t status)
{
	return status >> STATUS_RESPONSE_SHIFT & 0xff ? 3 : 0;
}

static struct hang *find_hang(uint32_t register0)
{
	struct hang *hang;

	QTAILQ_FOREACH(hang, &hangs, next)
		if (hang->register0 == register0)
			return hang;
	return NULL;
}

static void begin_hang(uint32_t register0, int64_t hang_us)
{
	struct hang *hang = g_new0(struct hang, 1);
	int64_t now_us = pvap_now();

	hang->register0 = register0;
	hang->until_us = hang_us > INT64_MAX - now_us ? INT64_MAX : now_us + hang_us;
	QTAILQ_INSERT_TAIL(&hangs, hang, next);
}

/* How long the instruction still hangs. Removes the hang once it is over (0). */
static int64_t wait_of(uint32_t register0)
{
	struct hang *hang = find_hang(register0);
	int64_t left_us = hang ? hang->until_us - pvap_now() : 0;

	if (left_us > 0)
		return left_us;
	if (hang) {
		QTAILQ_REMOVE(&hangs, hang, next);
		g_free(hang);
	}
	return 0;
}

/* The journal key of a hang, or "". */
static const char *hang_key(int64_t hang_us, char text[32])
{
	text[0] = '\0';
	if (hang_us)
		snprintf(text, 32, " hang=%" PRId64, hang_us);
	return text;
}

static uint64_t info_of(const struct model_test *test)
{
	static const uint64_t modes[] = {
		[MODEL_ACCEL] = INFO_ACCEL,
		[MODEL_CCA] = INFO_CCA,
		[MODEL_EP11] = INFO_EP11,
	};

	return modes[test->mode] | INFO_APXA | (uint64_t)test->bind_state << INFO_BIND_STATE_SHIFT |
	       (uint64_t)INFO_TYPE_OF_GENERATION(test->generation) << INFO_TYPE_SHIFT | (QUEUE_DEPTH - 1);
}

static int64_t test_queue(CPUS390XState *env, const struct apqn *apqn)
{
	int64_t hang_us, now_us = pvap_now();
	char hang[32];
	struct model_test test;
	unsigned int response = model_tapq(pvap_model(), apqn->card, apqn->domain, now_us, &test, &hang_us);

	env->regs[1] = status_of(apqn->number, now_us, response, test.async_error);
	env->regs[2] = response == MODEL_NOT_PRESENT ? 0 : info_of(&test);
	pvap_journal(now_us, "TAPQ %s rc=%02x state=%d%s%s", apqn->text, response, test.bind_state,
		     test.async_error ? " async=1" : "", hang_key(hang_us, hang));
	return hang_us;
}

static int64_t reset_queue(CPUS390XState *env, const struct apqn *apqn, const char *name)
{
	bool unbind = env->regs[0] & UNBIND_BIT;
	int64_t hang_us, now_us = pvap_now();
	char hang[32];
	unsigned int response = model_rapq(pvap_model(), apqn->card, apqn->domain, unbind, now_us, &hang_us);

	if (response == MODEL_OK)
		drop_requests(apqn->number);
	env->regs[1] = status_of(apqn->number, now_us, response, false);
	pvap_journal(now_us, "%s %s rc=%02x unbind=%d%s%s", name, apqn->text, response, unbind, hang_key(hang_us, hang),
		     unbind ? " write" : "");
	return hang_us;
}

static int64_t bind_queue(CPUS390XState *env, const struct apqn *apqn)
{
	int64_t hang_us, now_us = pvap_now();
	char hang[32];
	unsigned int response = model_bapq(pvap_model(), apqn->card, apqn->domain, now_us, &hang_us);

	env->regs[1] = status_of(apqn->number, now_us, response, false);
	pvap_journal(now_us, "BAPQ %s rc=%02x%s write", apqn->text, response, hang_key(hang_us, hang));
	return hang_us;
}

static int64_t associate_queue(CPUS390XState *env, const struct apqn *apqn)
{
	uint16_t index = env->regs[2];
	int64_t hang_us, now_us = pvap_now();
	char hang[32];
	unsigned int response = model_aapq(pvap_model(), apqn->card, apqn->domain, index, now_us, &hang_us);

	env->regs[1] = status_of(apqn->number, now_us, response, false);
	pvap_journal(now_us, "AAPQ %s rc=%02x index=%u%s write", apqn->text, response, index, hang_key(hang_us, hang));
	return hang_us;
}

/* There are no AP interrupts: facility 65 is not set, and AQIC always fails. */
static void control_interrupts(CPUS390XState *env, const struct apqn *apqn)
{
	int64_t now_us = pvap_now();

	env->regs[1] = status_of(apqn->number, now_us, RESPONSE_INVALID_ADDRESS, false);
	pvap_journal(now_us, "AQIC %s rc=%02x", apqn->text, RESPONSE_INVALID_ADDRESS);
}

/* A kernel that does not know a card's type asks for a compatible type. */
static void query_compatible_type(CPUS390XState *env, const struct apqn *apqn)
{
	const struct model_card *card = &pvap_model()->cards[apqn->card];
	unsigned int response = card->present ? MODEL_OK : MODEL_NOT_PRESENT;
	int64_t now_us = pvap_now();

	env->regs[2] = (uint64_t)INFO_TYPE_OF_GENERATION(MIN(card->generation, NEWEST_KNOWN_GENERATION)) << INFO_TYPE_SHIFT;
	env->regs[1] = status_of(apqn->number, now_us, response, false);
	pvap_journal(now_us, "QACT %s rc=%02x", apqn->text, response);
}

static void set_mask_bit(uint8_t *mask, unsigned int bit)
{
	mask[bit / 8] |= 0x80 >> bit % 8;
}

static void query_configuration(CPUS390XState *env, uintptr_t ra)
{
	const struct model *model = pvap_model();
	uint8_t config[CONFIG_SIZE] = { 0 };

	pvap_lock();
	stl_be_p(config, CONFIG_APSC | CONFIG_APXA | CONFIG_QACT | (model->se_guest ? CONFIG_APSB : 0));
	config[CONFIG_MAX_CARD] = MODEL_CARDS_MAX - 1;
	config[CONFIG_MAX_DOMAIN] = MODEL_DOMAINS_MAX - 1;
	for (unsigned int card = 0; card < MODEL_CARDS_MAX; card++)
		if (model->cards[card].present)
			set_mask_bit(config + CONFIG_CARDS, card);
	for (size_t i = 0; i < model->queue_count; i++)
		if (model->queues[i].present)
			set_mask_bit(config + CONFIG_USAGE_DOMAINS, model->queues[i].domain);
	pvap_unlock();
	pvap_write(env, env->regs[2], config, sizeof(config), ra);
}

/* Called with the lock held. Returns how long the instruction hangs afterwards. */
static int64_t execute(CPUS390XState *env, unsigned int function, const struct apqn *apqn, uintptr_t ra)
{
	switch (function) {
	case TAPQ:
		return test_queue(env, apqn);
	case RAPQ:
		return reset_queue(env, apqn, "RAPQ");
	case ZAPQ:
		return reset_queue(env, apqn, "ZAPQ");
	case AQIC:
		control_interrupts(env, apqn);
		return 0;
	case QACT:
		query_compatible_type(env, apqn);
		return 0;
	case BAPQ:
		return bind_queue(env, apqn);
	case AAPQ:
		return associate_queue(env, apqn);
	default:
		pvap_unlock();
		tcg_s390_program_interrupt(env, PGM_SPECIFICATION, ra);
	}
}

uint32_t HELPER(pvap_pqap)(CPUS390XState *env)
{
	unsigned int function = env->regs[0] >> FUNCTION_SHIFT & 0xff;
	struct apqn apqn = apqn_of(env->regs[0]);
	int64_t wait_us;

	pvap_require_ap(env, GETPC());
	if (function == QCI) {
		query_configuration(env, GETPC());
		return 0;
	}
	pvap_lock();
	if (!find_hang(env->regs[0])) {
		int64_t hang_us = execute(env, function, &apqn, GETPC());

		if (hang_us)
			begin_hang(env->regs[0], hang_us);
	}
	wait_us = wait_of(env->regs[0]);
	pvap_unlock();
	if (wait_us)
		pvap_repeat(env, wait_us, GETPC());
	return cc_of(env->regs[1]);
}

static unsigned int send_request(CPUS390XState *env, uint32_t r1, const struct apqn *apqn, const uint8_t *message,
				 size_t length, int64_t now_us)
{
	struct model *model = pvap_model();
	struct request *request;
	int64_t ready_us;
	unsigned int response;

	if (count_requests(apqn->number) >= QUEUE_DEPTH)
		return MODEL_NO_REPLY;
	response = model_request(model, apqn->card, apqn->domain, now_us, &ready_us);
	if (response != MODEL_OK)
		return response;
	request = g_new0(struct request, 1);
	request->apqn = apqn->number;
	request->id[0] = env->regs[r1];
	request->id[1] = env->regs[r1 + 1];
	request->ready_us = ready_us;
	request->reply_length = pvap_ep11_answer(&model->cards[apqn->card], model_find(model, apqn->card, apqn->domain),
						 message, length, request->reply);
	QTAILQ_INSERT_TAIL(&requests, request, next);
	return MODEL_OK;
}

uint32_t HELPER(pvap_nqap)(CPUS390XState *env, uint32_t r1, uint32_t r2)
{
	struct apqn apqn = apqn_of(env->regs[0]);
	uint8_t message[PVAP_REQUEST_MAX];
	size_t length;
	char kind[32];
	unsigned int response;
	int64_t now_us;

	pvap_require_ap(env, GETPC());
	if ((r1 | r2) & 1 || !env->regs[r2 + 1])
		tcg_s390_program_interrupt(env, PGM_SPECIFICATION, GETPC());
	length = MIN(env->regs[r2 + 1], sizeof(message));
	pvap_read(env, env->regs[r2], message, length, GETPC());
	pvap_lock();
	now_us = pvap_now();
	response = send_request(env, r1, &apqn, message, length, now_us);
	pvap_ep11_kind(model_find(pvap_model(), apqn.card, apqn.domain), message, length, kind, sizeof(kind));
	if (response == MODEL_OK)
		env->regs[r2 + 1] = 0;
	env->regs[1] = status_of(apqn.number, now_us, response, false);
	pvap_journal(now_us, "NQAP %s rc=%02x request=%s", apqn.text, response, kind);
	pvap_unlock();
	return cc_of(env->regs[1]);
}

/* Reads the queue's state directly: the faults of tests must only count instructions of the kernel. */
static unsigned int response_to_receive(const struct apqn *apqn, int64_t now_us)
{
	struct model *model = pvap_model();
	const struct model_card *card = &model->cards[apqn->card];
	const struct model_queue *queue = model_find(model, apqn->card, apqn->domain);

	if (!card->present || !queue || !queue->present)
		return MODEL_NOT_PRESENT;
	if (!card->configured)
		return MODEL_DECONFIGURED;
	if (card->checkstopped)
		return MODEL_CHECKSTOPPED;
	if (queue->reset_until_us && now_us < queue->reset_until_us)
		return MODEL_RESET_IN_PROGRESS;
	return first_request(apqn->number, now_us) ? MODEL_OK : MODEL_NO_REPLY;
}

/* Returns the first reply that is ready, truncated if it does not fit. */
uint32_t HELPER(pvap_dqap)(CPUS390XState *env, uint32_t r1, uint32_t r2)
{
	struct apqn apqn = apqn_of(env->regs[0]);
	struct request reply = { 0 };
	struct request *request;
	unsigned int response;
	size_t length = 0;
	int64_t now_us;

	pvap_require_ap(env, GETPC());
	if ((r1 | r2) & 1)
		tcg_s390_program_interrupt(env, PGM_SPECIFICATION, GETPC());
	pvap_check_write(env, env->regs[r2], MIN(env->regs[r2 + 1], PVAP_REPLY_MAX), GETPC());
	pvap_lock();
	now_us = pvap_now();
	response = response_to_receive(&apqn, now_us);
	if (response == MODEL_OK) {
		request = first_request(apqn.number, now_us);
		reply = *request;
		drop_request(request);
	}
	env->regs[1] = status_of(apqn.number, now_us, response, false);
	pvap_journal(now_us, "DQAP %s rc=%02x", apqn.text, response);
	pvap_unlock();
	if (response == MODEL_OK) {
		length = MIN(env->regs[r2 + 1], reply.reply_length);
		pvap_write(env, env->regs[r2], reply.reply, length, GETPC());
		env->regs[r1] = reply.id[0];
		env->regs[r1 + 1] = reply.id[1];
		env->regs[r2] += length;
		env->regs[r2 + 1] -= length;
		env->regs[2] = 0;
	}
	return cc_of(env->regs[1]);
}
