/* SPDX-License-Identifier: MIT */
#include "ap_model.h"

/* How a fault changes an operation. */
struct effect {
	int64_t duration_us; /* instead of the general delay */
	int64_t hang_us;
	enum model_ending ending;
};

void model_init(struct model *model)
{
	model->ap_present = true;
	model->se_guest = true;
	model->list_secrets = true;
	model->add_secret = true;
	model->lock_secrets = true;
	model->store_locked = false;
	for (size_t i = 0; i < MODEL_HOST_KEY_LENGTH; i++)
		model->host_key[i] = 0;
	model->has_image = false;
	model->has_extension = false;
	model->list_rc = 0;
	model->bound_limit = 0;
	model->bind_us = 0;
	model->reset_us = 0;
	model->associate_us = 0;
	model->request_us = 0;
	for (size_t card = 0; card < MODEL_CARDS_MAX; card++)
		model->cards[card] = (struct model_card){ 0 };
	model->queue_count = 0;
	model->secret_count = 0;
	model->fault_count = 0;
}

struct model_queue *model_find(struct model *model, uint8_t card, uint8_t domain)
{
	unsigned int wanted = card * 256u + domain;
	size_t low = 0, high = model->queue_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct model_queue *queue = &model->queues[middle];
		unsigned int here = queue->card * 256u + queue->domain;

		if (here == wanted)
			return queue;
		if (here < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static bool is_bound(const struct model *model, const struct model_queue *queue)
{
	return model->cards[queue->card].mode != MODEL_CCA &&
	       (queue->state == MODEL_USABLE || queue->state == MODEL_NO_SECURE_KEY);
}

uint32_t model_bound_count(const struct model *model)
{
	uint32_t count = 0;

	for (size_t i = 0; i < model->queue_count; i++)
		if (is_bound(model, &model->queues[i]))
			count++;
	return count;
}

/* 0 means that nothing is under way, so an end is never 0. */
static int64_t end_of(int64_t now_us, int64_t duration_us)
{
	if (duration_us == INT64_MAX || now_us > INT64_MAX - duration_us)
		return INT64_MAX;
	return now_us + duration_us != 0 ? now_us + duration_us : 1;
}

static bool is_over(int64_t until_us, int64_t now_us)
{
	return until_us != 0 && until_us != INT64_MAX && now_us >= until_us;
}

static void end_association(struct model_queue *queue)
{
	queue->associate_until_us = 0;
	switch (queue->ending) {
	case MODEL_END_ASSOCIATED:
		queue->state = MODEL_USABLE;
		queue->association = queue->pending;
		break;
	case MODEL_END_ERROR:
		queue->async_error = true;
		break;
	case MODEL_END_UNBOUND:
		queue->state = MODEL_BINDABLE;
		break;
	}
}

static void settle(struct model_queue *queue, int64_t now_us)
{
	if (is_over(queue->reset_until_us, now_us)) {
		queue->reset_until_us = 0;
		if (queue->unbinding)
			queue->state = MODEL_BINDABLE;
		queue->unbinding = false;
	}
	if (is_over(queue->associate_until_us, now_us))
		end_association(queue);
}

void model_settle(struct model *model, int64_t now_us)
{
	for (size_t i = 0; i < model->queue_count; i++)
		settle(&model->queues[i], now_us);
}

/* Finds the queue, completes its resets and associations that are due, and makes the checks of all instructions. */
static enum model_response reach(struct model *model, uint8_t card, uint8_t domain, int64_t now_us,
				 struct model_queue **queue)
{
	*queue = model->ap_present && model->cards[card].present ? model_find(model, card, domain) : NULL;
	if (!*queue || !(*queue)->present)
		return MODEL_NOT_PRESENT;
	settle(*queue, now_us);
	if (!model->cards[card].configured)
		return MODEL_DECONFIGURED;
	if (model->cards[card].checkstopped)
		return MODEL_CHECKSTOPPED;
	return MODEL_OK;
}

/* Also makes the checks of all instructions except tests and resets. */
static enum model_response reach_settled(struct model *model, uint8_t card, uint8_t domain, int64_t now_us,
					 struct model_queue **queue)
{
	enum model_response response = reach(model, card, domain, now_us, queue);

	if (response != MODEL_OK)
		return response;
	if ((*queue)->reset_until_us)
		return MODEL_RESET_IN_PROGRESS;
	if ((*queue)->async_error)
		return MODEL_ASSOCIATION_FAILED;
	return MODEL_OK;
}

/* Counts the operation for every fault that matches. Returns the first one that is due. */
static const struct model_fault *due_fault(struct model *model, const struct model_queue *queue,
					   enum model_operation operation)
{
	const struct model_fault *due = NULL;

	for (size_t i = 0; i < model->fault_count; i++) {
		struct model_fault *fault = &model->faults[i];

		if (fault->operation != operation || fault->card != queue->card ||
		    (!fault->any_domain && fault->domain != queue->domain))
			continue;
		fault->seen++;
		if (!due && fault->seen > fault->after &&
		    (fault->times == 0 || fault->seen - fault->after <= fault->times))
			due = fault;
	}
	return due;
}

static enum model_response strike(struct model *model, const struct model_queue *queue, enum model_operation operation,
				  int64_t duration_us, struct effect *effect)
{
	const struct model_fault *fault = due_fault(model, queue, operation);

	*effect = (struct effect){ .duration_us = duration_us, .ending = MODEL_END_ASSOCIATED };
	if (!fault)
		return MODEL_OK;
	switch (fault->action) {
	case MODEL_FAULT_RESPONSE:
		return (enum model_response)fault->amount;
	case MODEL_FAULT_LATE:
		effect->ending = MODEL_END_ERROR;
		break;
	case MODEL_FAULT_NEVER:
		effect->duration_us = INT64_MAX;
		break;
	case MODEL_FAULT_FALL_BACK:
		effect->ending = MODEL_END_UNBOUND;
		break;
	case MODEL_FAULT_HANG:
		effect->hang_us = fault->amount;
		break;
	case MODEL_FAULT_VANISH:
		model->cards[queue->card].present = false;
		return MODEL_NOT_PRESENT;
	case MODEL_FAULT_DECONFIGURE:
		model->cards[queue->card].configured = false;
		return MODEL_DECONFIGURED;
	case MODEL_FAULT_CHECKSTOP:
		model->cards[queue->card].checkstopped = true;
		return MODEL_CHECKSTOPPED;
	case MODEL_FAULT_SLOW:
		effect->duration_us = fault->amount;
		break;
	}
	return MODEL_OK;
}

static void tell_hang(int64_t *hang_us, int64_t value)
{
	if (hang_us)
		*hang_us = value;
}

enum model_response model_tapq(struct model *model, uint8_t card, uint8_t domain, int64_t now_us,
			       struct model_test *test, int64_t *hang_us)
{
	struct model_queue *queue;
	enum model_response response = reach(model, card, domain, now_us, &queue);
	struct effect effect;

	tell_hang(hang_us, 0);
	*test = (struct model_test){ 0 };
	if (response == MODEL_NOT_PRESENT)
		return response;
	test->bind_state = model->se_guest ? queue->state : MODEL_USABLE;
	test->generation = model->cards[card].generation;
	test->mode = model->cards[card].mode;
	if (response != MODEL_OK)
		return response;
	response = strike(model, queue, MODEL_OP_TEST, 0, &effect);
	tell_hang(hang_us, effect.hang_us);
	if (response != MODEL_OK)
		return response;
	test->async_error = queue->async_error;
	if (queue->async_error)
		return MODEL_ASSOCIATION_FAILED;
	return queue->reset_until_us ? MODEL_RESET_IN_PROGRESS : MODEL_OK;
}

enum model_response model_rapq(struct model *model, uint8_t card, uint8_t domain, bool unbind, int64_t now_us,
			       int64_t *hang_us)
{
	struct model_queue *queue;
	enum model_response response = reach(model, card, domain, now_us, &queue);
	struct effect effect = { .duration_us = model->reset_us };

	tell_hang(hang_us, 0);
	if (response != MODEL_OK)
		return response;
	if (unbind && queue->state == MODEL_FOREIGN)
		return MODEL_BOUND_TO_ANOTHER;
	if (unbind)
		response = strike(model, queue, MODEL_OP_UNBIND, model->reset_us, &effect);
	tell_hang(hang_us, effect.hang_us);
	if (response != MODEL_OK)
		return response;
	queue->async_error = false;
	queue->associate_until_us = 0;
	queue->unbinding = queue->unbinding || unbind;
	if (queue->reset_until_us)
		return MODEL_RESET_IN_PROGRESS;
	queue->reset_until_us = end_of(now_us, effect.duration_us);
	return MODEL_OK;
}

static bool is_limit_reached(struct model *model, int64_t now_us)
{
	if (!model->bound_limit)
		return false;
	model_settle(model, now_us);
	return model_bound_count(model) >= model->bound_limit;
}

enum model_response model_bapq(struct model *model, uint8_t card, uint8_t domain, int64_t now_us, int64_t *hang_us)
{
	struct model_queue *queue;
	enum model_response response = reach_settled(model, card, domain, now_us, &queue);
	enum model_mode mode = model->cards[card].mode;
	struct effect effect;

	tell_hang(hang_us, 0);
	if (response != MODEL_OK)
		return response;
	if (queue->state == MODEL_FOREIGN)
		return MODEL_BOUND_TO_ANOTHER;
	if (!model->se_guest || mode == MODEL_CCA || queue->state != MODEL_BINDABLE)
		return MODEL_BIND_ERROR;
	if (is_limit_reached(model, now_us))
		return MODEL_BIND_LIMIT;
	response = strike(model, queue, MODEL_OP_BIND, model->bind_us, &effect);
	tell_hang(hang_us, effect.hang_us ? effect.hang_us : effect.duration_us);
	if (response != MODEL_OK)
		return response;
	queue->state = mode == MODEL_ACCEL ? MODEL_USABLE : MODEL_NO_SECURE_KEY;
	return MODEL_OK;
}

/* The index must be that of an association secret with a unique id. */
static enum model_response check_secret(const struct model *model, uint16_t index)
{
	const struct model_secret *secret = NULL;

	for (size_t i = 0; i < model->secret_count && !secret; i++)
		if (model->secrets[i].index == index && model->secrets[i].type == MODEL_ASSOCIATION_SECRET)
			secret = &model->secrets[i];
	if (!secret)
		return MODEL_INVALID_SECRET;
	for (size_t i = 0; i < model->secret_count; i++) {
		const struct model_secret *other = &model->secrets[i];
		size_t same = 0;

		while (same < sizeof(other->id) && other->id[same] == secret->id[same])
			same++;
		if (other != secret && other->type == MODEL_ASSOCIATION_SECRET && same == sizeof(other->id))
			return MODEL_SECRET_NOT_UNIQUE;
	}
	return MODEL_OK;
}

enum model_response model_aapq(struct model *model, uint8_t card, uint8_t domain, uint16_t index, int64_t now_us,
			       int64_t *hang_us)
{
	struct model_queue *queue;
	enum model_response response = reach_settled(model, card, domain, now_us, &queue);
	struct effect effect;

	tell_hang(hang_us, 0);
	if (response != MODEL_OK)
		return response;
	if (queue->state == MODEL_FOREIGN)
		return MODEL_BOUND_TO_ANOTHER;
	if (queue->state == MODEL_BINDABLE)
		return MODEL_NOT_BOUND;
	if (!model->se_guest || queue->state != MODEL_NO_SECURE_KEY)
		return MODEL_NOT_AVAILABLE;
	if (queue->associate_until_us)
		return MODEL_STATE_CHANGE;
	response = check_secret(model, index);
	if (response != MODEL_OK)
		return response;
	response = strike(model, queue, MODEL_OP_ASSOCIATE, model->associate_us, &effect);
	tell_hang(hang_us, effect.hang_us);
	if (response != MODEL_OK)
		return response;
	queue->pending = index;
	queue->ending = effect.ending;
	queue->associate_until_us = end_of(now_us, effect.duration_us);
	return MODEL_OK;
}

const struct model_secret *model_associated_secret(const struct model *model, const struct model_queue *queue)
{
	if (queue->state != MODEL_USABLE || model->cards[queue->card].mode != MODEL_EP11)
		return NULL;
	for (size_t i = 0; i < model->secret_count; i++)
		if (model->secrets[i].index == queue->association)
			return &model->secrets[i];
	return NULL;
}

enum model_response model_request(struct model *model, uint8_t card, uint8_t domain, int64_t now_us, int64_t *ready_us)
{
	struct model_queue *queue;
	enum model_response response = reach_settled(model, card, domain, now_us, &queue);
	struct effect effect;

	*ready_us = INT64_MAX;
	if (response != MODEL_OK)
		return response;
	if (model->se_guest && !is_bound(model, queue))
		return MODEL_NOT_BOUND;
	response = strike(model, queue, MODEL_OP_REQUEST, model->request_us, &effect);
	if (response != MODEL_OK)
		return response;
	*ready_us = end_of(now_us, effect.duration_us);
	return MODEL_OK;
}
