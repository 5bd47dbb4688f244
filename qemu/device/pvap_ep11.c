/* SPDX-License-Identifier: MIT */
#include "pvap.h"
#include "qemu/bswap.h"

/*
 * Requests to an EP11 card and its replies, as far as the kernel and the boot tests need them. A request is a message
 * of type 6: a header that contains the offset of the request block. The block has a header of 32 bytes and a payload,
 * a DER-like sequence of octet strings. The reply is a message of type 86 with the same structure. All numbers are
 * big-endian.
 */
#define MESSAGE_TYPE 1 /* offsets in both kinds of message */
#define MESSAGE_OFFSET 16
#define REQUEST_TYPE 0x06
#define REPLY_TYPE 0x86
#define REPLY_ERROR_TYPE 0x82
#define REPLY_FORMAT 2
#define REPLY_FORMAT_NORMAL 0x02
#define REPLY_CODE 4
#define REPLY_CODE_MALFORMED 0x40
#define REPLY_ERROR_SIZE 8
#define REPLY_BLOCK_LENGTH 16
#define REPLY_BLOCK_OFFSET 20
#define REPLY_BLOCK 48

#define BLOCK_VERSION 2 /* offsets in the header of a block */
#define BLOCK_VERSION_EP11 0x04
#define BLOCK_RETURN_CODE 16
#define BLOCK_PAYLOAD_LENGTH 28
#define BLOCK_HEADER_SIZE 32

#define TAG_SEQUENCE 0x30
#define TAG_OCTETS 0x04
#define FUNCTION_MASK 0xffff
#define FUNCTION_GET_INFO 38
#define RESULT_NOT_SUPPORTED 0x54

#define FUNCTION_WRAP_KEY 33
#define RESULT_WRAPPED_KEY_INVALID 0x110
#define MECHANISM_CPACF_WRAP 0x80060001
#define MECHANISM_SIZE 20 /* with its initial vector, which is ignored here */

#define QUERY_MODULE 1
#define MODULE_INFO_SIZE 196
#define MODULE_API 0
#define MODULE_API_NUMBER 6
#define MODULE_SERIAL 108

#define QUERY_DOMAIN 3
#define DOMAIN_INFO_SIZE 80
#define DOMAIN_INDEX 0
#define DOMAIN_CURRENT_KEY 4
#define DOMAIN_FLAGS 68
#define DOMAIN_FLAG_CURRENT_VALID 0x02
#define DOMAIN_FLAG_SET_UP 0x10 /* not in imprint mode; without this flag the kernel shows no key */

#define DATA_MAX 256

/* A parsed request. */
struct question {
	const uint8_t *block;
	uint32_t function, domain, query;
	const uint8_t *rest, *end; /* remaining payload */
};

/* Content of the reply's payload: a result and, if that is 0, data. */
struct answer {
	uint32_t result;
	size_t length;
	uint8_t data[DATA_MAX];
};

/* Parses tag and length at *at; false unless the whole element lies before `end`. */
static bool take_element(const uint8_t **at, const uint8_t *end, uint8_t tag, size_t *length)
{
	const uint8_t *p = *at;
	size_t size_bytes;

	if (end - p < 2 || p[0] != tag)
		return false;
	size_bytes = p[1] & 0x80 ? p[1] & 0x7f : 0;
	if (size_bytes > 2 || (size_t)(end - p) < 2 + size_bytes)
		return false;
	*length = size_bytes == 0 ? p[1] : size_bytes == 1 ? p[2] : lduw_be_p(p + 2);
	*at = p + 2 + size_bytes;
	return *length <= (size_t)(end - *at);
}

static bool take_number(const uint8_t **at, const uint8_t *end, uint32_t *number)
{
	const uint8_t *p = *at;
	size_t length;

	if (!take_element(&p, end, TAG_OCTETS, &length) || length != 4)
		return false;
	*number = ldl_be_p(p);
	*at = p + 4;
	return true;
}

static bool parse_request(const uint8_t *request, size_t length, struct question *question)
{
	const uint8_t *at, *end;
	size_t offset, payload;

	if (length < MESSAGE_OFFSET + 4 || request[MESSAGE_TYPE] != REQUEST_TYPE)
		return false;
	offset = ldl_be_p(request + MESSAGE_OFFSET);
	if (offset > length || length - offset < BLOCK_HEADER_SIZE)
		return false;
	question->block = request + offset;
	payload = ldl_be_p(question->block + BLOCK_PAYLOAD_LENGTH);
	if (question->block[BLOCK_VERSION] != BLOCK_VERSION_EP11 || payload > length - offset - BLOCK_HEADER_SIZE)
		return false;
	at = question->block + BLOCK_HEADER_SIZE;
	end = at + payload;
	if (!take_element(&at, end, TAG_SEQUENCE, &payload) || !take_number(&at, end, &question->function) ||
	    !take_number(&at, end, &question->domain))
		return false;
	question->query = 0;
	/* Optional: not every function has a number next. */
	take_number(&at, end, &question->query);
	question->rest = at;
	question->end = end;
	return true;
}

static void describe_module(const struct model_card *card, struct answer *answer)
{
	answer->length = MODULE_INFO_SIZE;
	stl_be_p(answer->data + MODULE_API, MODULE_API_NUMBER);
	memcpy(answer->data + MODULE_SERIAL, card->serialnr, strlen(card->serialnr));
}

static void describe_domain(const struct model_queue *queue, struct answer *answer)
{
	answer->length = DOMAIN_INFO_SIZE;
	stl_be_p(answer->data + DOMAIN_INDEX, queue->domain);
	stl_be_p(answer->data + DOMAIN_FLAGS, DOMAIN_FLAG_SET_UP | (queue->mkvp_valid ? DOMAIN_FLAG_CURRENT_VALID : 0));
	if (queue->mkvp_valid)
		memcpy(answer->data + DOMAIN_CURRENT_KEY, queue->mkvp, sizeof(queue->mkvp));
}

/* The secure key of a request for a protected key, or NULL if it is another request. */
static const uint8_t *wrapped_blob(const struct question *question)
{
	const uint8_t *at = question->rest;
	size_t length;

	if ((question->function & FUNCTION_MASK) != FUNCTION_WRAP_KEY ||
	    !take_element(&at, question->end, TAG_OCTETS, &length) || length != MECHANISM_SIZE ||
	    (uint32_t)ldl_be_p(at) != MECHANISM_CPACF_WRAP)
		return NULL;
	at += length;
	return take_element(&at, question->end, TAG_OCTETS, &length) && length == PVAP_BLOB_SIZE ? at : NULL;
}

static void wrap_key(const struct model_queue *queue, const uint8_t *blob, struct answer *answer)
{
	answer->length = pvap_wrap_key(queue, blob, answer->data);
	if (!answer->length)
		answer->result = RESULT_WRAPPED_KEY_INVALID;
}

static bool is_query(const struct question *question, uint32_t query)
{
	return (question->function & FUNCTION_MASK) == FUNCTION_GET_INFO && question->query == query;
}

static void find_answer(const struct model_card *card, const struct model_queue *queue,
			const struct question *question, struct answer *answer)
{
	*answer = (struct answer){ 0 };
	if (is_query(question, QUERY_MODULE))
		describe_module(card, answer);
	else if (is_query(question, QUERY_DOMAIN))
		describe_domain(queue, answer);
	else if (wrapped_blob(question))
		wrap_key(queue, wrapped_blob(question), answer);
	else
		answer->result = RESULT_NOT_SUPPORTED;
}

static uint8_t *put_number(uint8_t *at, uint32_t number)
{
	at[0] = TAG_OCTETS;
	at[1] = 4;
	stl_be_p(at + 2, number);
	return at + 6;
}

/* The kernel requires lengths in this form: two bytes after 0x82, even for small values. */
static uint8_t *put_header(uint8_t *at, uint8_t tag, size_t length)
{
	at[0] = tag;
	at[1] = 0x82;
	stw_be_p(at + 2, length);
	return at + 4;
}

static size_t put_payload(uint8_t *payload, const struct question *question, const struct answer *answer)
{
	uint8_t *at = payload + 4;

	at = put_number(at, question->function);
	at = put_number(at, question->domain);
	at = put_number(at, answer->result);
	if (!answer->result) {
		at = put_header(at, TAG_OCTETS, answer->length);
		memcpy(at, answer->data, answer->length);
		at += answer->length;
	}
	put_header(payload, TAG_SEQUENCE, at - payload - 4);
	return at - payload;
}

static size_t put_reply(uint8_t *reply, const struct question *question, const struct answer *answer)
{
	uint8_t *block = reply + REPLY_BLOCK;
	size_t payload = put_payload(block + BLOCK_HEADER_SIZE, question, answer);

	memset(reply, 0, REPLY_BLOCK);
	reply[MESSAGE_TYPE] = REPLY_TYPE;
	reply[REPLY_FORMAT] = REPLY_FORMAT_NORMAL;
	stl_be_p(reply + REPLY_BLOCK_LENGTH, BLOCK_HEADER_SIZE + payload);
	stl_be_p(reply + REPLY_BLOCK_OFFSET, REPLY_BLOCK);
	memcpy(block, question->block, BLOCK_HEADER_SIZE);
	stl_be_p(block + BLOCK_RETURN_CODE, 0);
	stl_be_p(block + BLOCK_PAYLOAD_LENGTH, payload);
	return REPLY_BLOCK + BLOCK_HEADER_SIZE + payload;
}

static bool can_wrap(const struct model_queue *queue, const uint8_t *blob)
{
	struct answer answer = { 0 };

	wrap_key(queue, blob, &answer);
	return !answer.result;
}

void pvap_ep11_kind(const struct model_queue *queue, const uint8_t *request, size_t length, char *kind, size_t size)
{
	struct question question;

	if (!parse_request(request, length, &question))
		snprintf(kind, size, "unknown");
	else if (is_query(&question, QUERY_MODULE))
		snprintf(kind, size, "module");
	else if (is_query(&question, QUERY_DOMAIN))
		snprintf(kind, size, "domain");
	else if (wrapped_blob(&question))
		snprintf(kind, size, "wrapkey:%s", queue && can_wrap(queue, wrapped_blob(&question)) ? "given" : "refused");
	else
		snprintf(kind, size, "function:%u", question.function & FUNCTION_MASK);
}

size_t pvap_ep11_answer(const struct model_card *card, const struct model_queue *queue, const uint8_t *request,
			size_t length, uint8_t *reply)
{
	struct question question;
	struct answer answer;

	if (card->mode != MODEL_EP11 || !parse_request(request, length, &question)) {
		memset(reply, 0, REPLY_ERROR_SIZE);
		reply[MESSAGE_TYPE] = REPLY_ERROR_TYPE;
		reply[REPLY_CODE] = REPLY_CODE_MALFORMED;
		return REPLY_ERROR_SIZE;
	}
	find_answer(card, queue, &question, &answer);
	return put_reply(reply, &question, &answer);
}
