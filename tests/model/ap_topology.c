/* SPDX-License-Identifier: MIT */
#include "ap_model.h"
#include "ap_words.h"

struct option {
	const char *key;
	size_t offset; /* in struct model */
};

static bool parse_card_number(struct piece piece, uint8_t *card)
{
	return words_parse_bytes(piece, card, 1);
}

/* "11.0008" */
static bool parse_apqn(struct piece piece, uint8_t *card, uint8_t *domain)
{
	uint8_t bytes[2];

	if (piece.length != 7 || piece.start[2] != '.' || !parse_card_number((struct piece){ piece.start, 2 }, card) ||
	    !words_parse_bytes((struct piece){ piece.start + 3, 4 }, bytes, 2) || bytes[0])
		return false;
	*domain = bytes[1];
	return true;
}

/* The field of the model for this key, or NULL. */
static void *find_option(struct model *model, const struct option *options, size_t count, struct piece key)
{
	for (size_t i = 0; i < count; i++)
		if (words_is(key, options[i].key))
			return (char *)model + options[i].offset;
	return NULL;
}

static bool parse_guest(struct model *model, struct piece *line)
{
	static const struct option options[] = {
		{ "se", offsetof(struct model, se_guest) },       { "ap", offsetof(struct model, ap_present) },
		{ "list", offsetof(struct model, list_secrets) }, { "add", offsetof(struct model, add_secret) },
		{ "lock", offsetof(struct model, lock_secrets) }, { "locked", offsetof(struct model, store_locked) },
	};
	struct piece word, key, value;

	while (words_next(line, &word)) {
		bool *flag;
		int64_t rc;

		if (!words_split(word, &key, &value))
			return false;
		flag = find_option(model, options, sizeof(options) / sizeof(options[0]), key);
		if (flag) {
			if (!words_parse_flag(value, flag))
				return false;
		} else {
			if (!words_is(key, "list_rc") || !words_parse_number(value, 16, UINT16_MAX, &rc))
				return false;
			model->list_rc = (uint16_t)rc;
		}
	}
	return true;
}

static bool parse_limit(struct model *model, struct piece *line)
{
	struct piece word;
	int64_t limit;

	if (!words_next(line, &word) || !words_parse_number(word, 10, UINT32_MAX, &limit))
		return false;
	model->bound_limit = (uint32_t)limit;
	return !words_next(line, &word);
}

static bool parse_delay(struct model *model, struct piece *line)
{
	static const struct option options[] = {
		{ "bind", offsetof(struct model, bind_us) },
		{ "reset", offsetof(struct model, reset_us) },
		{ "associate", offsetof(struct model, associate_us) },
		{ "request", offsetof(struct model, request_us) },
	};
	struct piece word, key, value;

	while (words_next(line, &word)) {
		int64_t *delay;

		if (!words_split(word, &key, &value))
			return false;
		delay = find_option(model, options, sizeof(options) / sizeof(options[0]), key);
		if (!delay || !words_parse_duration(value, delay))
			return false;
	}
	return true;
}

/* "CEX8P" */
static bool parse_type(struct piece word, struct model_card *card)
{
	struct piece rest;

	if (!words_cut_front(word, "CEX", &rest) || rest.length != 2 || rest.start[0] < '4' || rest.start[0] > '9')
		return false;
	card->generation = (uint8_t)(rest.start[0] - '0');
	if (rest.start[1] != MODEL_ACCEL && rest.start[1] != MODEL_CCA && rest.start[1] != MODEL_EP11)
		return false;
	card->mode = (enum model_mode)rest.start[1];
	return true;
}

static bool parse_card_option(struct model_card *card, struct piece key, struct piece value)
{
	if (words_is(key, "configured"))
		return words_parse_flag(value, &card->configured);
	if (words_is(key, "checkstopped"))
		return words_parse_flag(value, &card->checkstopped);
	if (!words_is(key, "serialnr") || value.length != sizeof(card->serialnr) - 1)
		return false;
	for (size_t i = 0; i < value.length; i++)
		card->serialnr[i] = value.start[i];
	return true;
}

static bool parse_card(struct model *model, struct piece *line)
{
	struct model_card card = { .present = true, .configured = true };
	struct piece word, key, value;
	uint8_t number;

	if (!words_next(line, &word) || !parse_card_number(word, &number) || model->cards[number].present)
		return false;
	if (!words_next(line, &word) || !parse_type(word, &card))
		return false;
	while (words_next(line, &word))
		if (!words_split(word, &key, &value) || !parse_card_option(&card, key, value))
			return false;
	model->cards[number] = card;
	return true;
}

static bool parse_state(struct piece value, enum model_mode mode, struct model_queue *queue)
{
	struct piece rest;
	int64_t index;

	if (words_is(value, "unbound"))
		queue->state = MODEL_BINDABLE;
	else if (words_is(value, "foreign"))
		queue->state = MODEL_FOREIGN;
	else if (mode == MODEL_CCA)
		return false;
	else if (words_is(value, "bound"))
		queue->state = mode == MODEL_ACCEL ? MODEL_USABLE : MODEL_NO_SECURE_KEY;
	else {
		if (mode != MODEL_EP11 || !words_cut_front(value, "associated:", &rest) ||
		    !words_parse_number(rest, 10, UINT16_MAX, &index))
			return false;
		queue->state = MODEL_USABLE;
		queue->association = (uint16_t)index;
	}
	return true;
}

static bool insert_queue(struct model *model, const struct model_queue *queue)
{
	size_t place = model->queue_count;

	if (place == MODEL_QUEUES_MAX || model_find(model, queue->card, queue->domain))
		return false;
	for (; place > 0; place--) {
		const struct model_queue *before = &model->queues[place - 1];

		if (before->card < queue->card || (before->card == queue->card && before->domain < queue->domain))
			break;
		model->queues[place] = *before;
	}
	model->queues[place] = *queue;
	model->queue_count++;
	return true;
}

static bool parse_queue(struct model *model, struct piece *line)
{
	struct model_queue queue = { .present = true, .state = MODEL_BINDABLE };
	struct piece word, key, value;

	if (!words_next(line, &word) || !parse_apqn(word, &queue.card, &queue.domain) ||
	    !model->cards[queue.card].present)
		return false;
	while (words_next(line, &word)) {
		if (!words_split(word, &key, &value))
			return false;
		if (words_is(key, "state")) {
			if (!parse_state(value, model->cards[queue.card].mode, &queue))
				return false;
		} else {
			if (!words_is(key, "mkvp"))
				return false;
			queue.mkvp_valid = !words_is(value, "none");
			if (queue.mkvp_valid && !words_parse_bytes(value, queue.mkvp, sizeof(queue.mkvp)))
				return false;
		}
	}
	return insert_queue(model, &queue);
}

static bool insert_secret(struct model *model, const struct model_secret *secret)
{
	size_t place = model->secret_count;

	if (place == MODEL_SECRETS_MAX)
		return false;
	while (place > 0 && model->secrets[place - 1].index > secret->index)
		place--;
	if (place > 0 && model->secrets[place - 1].index == secret->index)
		return false;
	for (size_t i = model->secret_count; i > place; i--)
		model->secrets[i] = model->secrets[i - 1];
	model->secrets[place] = *secret;
	model->secret_count++;
	return true;
}

static bool parse_secret(struct model *model, struct piece *line)
{
	struct model_secret secret = { .type = MODEL_ASSOCIATION_SECRET, .length = MODEL_SECRET_LENGTH };
	struct piece word, key, value;
	bool has_id = false, has_value = false;
	int64_t number;

	if (!words_next(line, &word) || !words_parse_number(word, 10, UINT16_MAX, &number))
		return false;
	secret.index = (uint16_t)number;
	while (words_next(line, &word)) {
		if (!words_split(word, &key, &value))
			return false;
		if (words_is(key, "id")) {
			if (!words_parse_bytes(value, secret.id, sizeof(secret.id)))
				return false;
			has_id = true;
		} else if (words_is(key, "value")) {
			if (!words_parse_bytes(value, secret.value, sizeof(secret.value)))
				return false;
			has_value = true;
		} else {
			if (!words_is(key, "type") || !words_parse_number(value, 10, UINT16_MAX, &number))
				return false;
			secret.type = (uint16_t)number;
		}
	}
	for (size_t i = 0; i < sizeof(secret.value) && !has_value; i++)
		secret.value[i] = secret.id[i];
	return has_id && insert_secret(model, &secret);
}

static bool parse_host_key(struct model *model, struct piece *line)
{
	struct piece word;

	return words_next(line, &word) && words_parse_bytes(word, model->host_key, sizeof(model->host_key)) &&
	       !words_next(line, &word);
}

static bool parse_image(struct model *model, struct piece *line)
{
	struct piece word;

	model->has_image = words_next(line, &word) && words_parse_bytes(word, model->image, sizeof(model->image));
	return model->has_image && !words_next(line, &word);
}

static bool parse_action(struct piece word, struct model_fault *fault)
{
	static const struct {
		const char *name;
		enum model_fault_action action;
	} plain[] = {
		{ "late", MODEL_FAULT_LATE },
		{ "never", MODEL_FAULT_NEVER },
		{ "fall_back", MODEL_FAULT_FALL_BACK },
		{ "vanish", MODEL_FAULT_VANISH },
		{ "deconfigure", MODEL_FAULT_DECONFIGURE },
		{ "checkstop", MODEL_FAULT_CHECKSTOP },
	};
	struct piece key, value;

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		fault->action = plain[i].action;
		if (words_is(word, plain[i].name))
			return true;
	}
	if (!words_split(word, &key, &value))
		return false;
	if (words_is(key, "rc")) {
		fault->action = MODEL_FAULT_RESPONSE;
		return words_parse_number(value, 16, UINT8_MAX, &fault->amount);
	}
	fault->action = words_is(key, "hang") ? MODEL_FAULT_HANG : MODEL_FAULT_SLOW;
	return (words_is(key, "hang") || words_is(key, "slow")) && words_parse_duration(value, &fault->amount);
}

/* Whether the action applies to the operation. */
static bool makes_sense(const struct model_fault *fault)
{
	enum model_operation operation = fault->operation;

	switch (fault->action) {
	case MODEL_FAULT_LATE:
	case MODEL_FAULT_FALL_BACK:
		return operation == MODEL_OP_ASSOCIATE;
	case MODEL_FAULT_NEVER:
		return operation == MODEL_OP_ASSOCIATE || operation == MODEL_OP_UNBIND || operation == MODEL_OP_REQUEST;
	case MODEL_FAULT_HANG:
		return operation != MODEL_OP_REQUEST;
	case MODEL_FAULT_SLOW:
		return operation != MODEL_OP_TEST;
	case MODEL_FAULT_RESPONSE:
	case MODEL_FAULT_VANISH:
	case MODEL_FAULT_DECONFIGURE:
	case MODEL_FAULT_CHECKSTOP:
		return true;
	}
	return false;
}

static bool parse_operation(struct piece word, enum model_operation *operation)
{
	static const char *const names[] = { "bind", "associate", "unbind", "request", "test" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		*operation = (enum model_operation)i;
		if (words_is(word, names[i]))
			return true;
	}
	return false;
}

static bool parse_fault_place(struct piece word, struct model_fault *fault)
{
	fault->any_domain = word.length == 4 && word.start[2] == '.' && word.start[3] == '*';
	if (fault->any_domain)
		return parse_card_number((struct piece){ word.start, 2 }, &fault->card);
	return parse_apqn(word, &fault->card, &fault->domain);
}

static bool parse_fault(struct model *model, struct piece *line)
{
	struct model_fault fault = { 0 };
	struct piece word, key, value;
	int64_t count;

	if (!words_next(line, &word) || !parse_fault_place(word, &fault) || !words_next(line, &word) ||
	    !parse_operation(word, &fault.operation) || !words_next(line, &word) || !parse_action(word, &fault) ||
	    !makes_sense(&fault) || model->fault_count == MODEL_FAULTS_MAX)
		return false;
	while (words_next(line, &word)) {
		if (!words_split(word, &key, &value) || !words_parse_number(value, 10, UINT32_MAX, &count))
			return false;
		if (words_is(key, "after"))
			fault.after = (uint32_t)count;
		else if (words_is(key, "times"))
			fault.times = (uint32_t)count;
		else
			return false;
	}
	model->faults[model->fault_count++] = fault;
	return true;
}

static bool parse_line(struct model *model, struct piece line)
{
	static const struct {
		const char *word;
		bool (*parse)(struct model *model, struct piece *line);
	} kinds[] = {
		{ "guest", parse_guest }, { "limit", parse_limit },      { "delay", parse_delay },
		{ "card", parse_card },   { "queue", parse_queue },      { "secret", parse_secret },
		{ "fault", parse_fault }, { "hostkey", parse_host_key }, { "image", parse_image },
	};
	struct piece word;

	if (!words_next(&line, &word))
		return true;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (words_is(word, kinds[i].word))
			return kinds[i].parse(model, &line);
	return false;
}

size_t model_parse(struct model *model, const char *text, size_t length)
{
	size_t number = 0, position = 0;

	while (position < length) {
		struct piece line = { text + position, 0 };

		while (position + line.length < length && line.start[line.length] != '\n')
			line.length++;
		position += line.length + 1;
		number++;
		if (!parse_line(model, line))
			return number;
	}
	return 0;
}
