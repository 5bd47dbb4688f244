/* SPDX-License-Identifier: MIT */
#include "ap/apqn.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/text.h"

int apqn_compare(const void *left, const void *right)
{
	const struct apqn *a = left, *b = right;

	if (a->card != b->card)
		return a->card < b->card ? -1 : 1;
	return (a->domain > b->domain) - (a->domain < b->domain);
}

void apqn_format_name(const struct apqn *apqn, char name[APQN_NAME_SIZE])
{
	snprintf(name, APQN_NAME_SIZE, "%02x.%04x", apqn->card, apqn->domain);
}

bool apqn_is_out_of_reach(const struct apqn *apqn)
{
	return apqn->failure == APQN_STAYS_BOUND || apqn->failure == APQN_VANISHED || apqn->failure == APQN_CARD_HUNG;
}

const char *apqn_failure_text(enum apqn_failure failure)
{
	static const char *const texts[] = {
		[APQN_WORKING] = "no failure",
		[APQN_BIND_REFUSED] = "the firmware refuses the bind",
		[APQN_BIND_ERROR] = "the kernel refuses the bind",
		[APQN_BIND_LIMIT] =
			"the bind is refused while other queues are bound: most likely their number is limited",
		[APQN_BIND_TAKEN] = "not available for a bind: bound by another guest, or without bind support",
		[APQN_BIND_TIMEOUT] = "not ready to be bound in time",
		[APQN_ASSOCIATION_REFUSED] = "the firmware refuses the association with this secret",
		[APQN_SECRET_DOUBLED] =
			"the firmware refuses the association: the secret store has the secret's id more than once",
		[APQN_ASSOCIATION_ERROR] = "the kernel refuses the association",
		[APQN_ASSOCIATION_FAILED] = "the association was started and failed",
		[APQN_ASSOCIATION_TIMEOUT] = "the association did not end in time",
		[APQN_STAYS_BOUND] = "the unbind has no effect",
		[APQN_UNREADABLE] = "its state cannot be read",
		[APQN_VANISHED] = "the queue is gone",
		[APQN_DEADLINE] = "not identified before the end of the run",
		[APQN_CALL_LOST] = "the processes that made its calls were killed",
		[APQN_CARD_HUNG] = "sysfs access to this card timed out",
	};

	return texts[failure];
}

void apqn_format_failure(const struct apqn *apqn, char text[APQN_FAILURE_SIZE])
{
	const char *call = apqn->failure_call;

	snprintf(text, APQN_FAILURE_SIZE, "%s%s%s%s", apqn_failure_text(apqn->failure), call[0] ? " (" : "", call,
		 call[0] ? ")" : "");
}

/* The rest of a text that begins with `start`, or NULL. */
static const char *after(const char *text, const char *start)
{
	size_t length = strlen(start);

	return strncmp(text, start, length) == 0 ? text + length : NULL;
}

void apqn_note_call(struct apqn *apqn, const char *path, int64_t limit_ms)
{
	const char *below = after(path, "devices/ap/"), *slash;

	path = below ? below : path;
	/* The name of a queue contains that of its card. */
	slash = strchr(path, '/');
	if (slash && strchr(slash + 1, '/'))
		path = slash + 1;
	if (limit_ms > 0)
		snprintf(apqn->failure_call, APQN_CALL_SIZE, "%.25s, %" PRId64 " ms", path, limit_ms);
	else
		snprintf(apqn->failure_call, APQN_CALL_SIZE, "%.25s", path);
}

const char *apqn_mode_text(enum apqn_mode mode)
{
	static const char *const texts[] = { [APQN_MODE_UNKNOWN] = "unknown",
					     [APQN_MODE_ACCEL] = "Accel",
					     [APQN_MODE_CCA] = "CCA",
					     [APQN_MODE_EP11] = "EP11" };

	return texts[mode];
}

/* The kernel writes names and bus ids with lower-case digits only (ap_card.c, ap_queue.c: "card%02x", "%02x.%04x"). */
static int parse_lower_hex(const char *digits, uint8_t *bytes, size_t length)
{
	char written[2 * sizeof(uint16_t) + 1];

	if (text_parse_hex(digits, 2 * length, bytes, length) != 0)
		return -EBADMSG;
	text_format_hex(bytes, length, written);
	return memcmp(digits, written, 2 * length) == 0 ? 0 : -EBADMSG;
}

int apqn_parse_card_name(const char *name, uint8_t *card)
{
	uint8_t number;

	if (strlen(name) != 6 || memcmp(name, "card", 4) != 0 || parse_lower_hex(name + 4, &number, 1) != 0)
		return -EBADMSG;
	*card = number;
	return 0;
}

int apqn_parse_name(const char *name, uint8_t *card, uint8_t *domain)
{
	uint8_t number, numbers[2];

	if (strlen(name) != 7 || name[2] != '.' || parse_lower_hex(name, &number, 1) != 0 ||
	    parse_lower_hex(name + 3, numbers, 2) != 0 || numbers[0] != 0)
		return -EBADMSG;
	*card = number;
	*domain = numbers[1];
	return 0;
}

/* Length of the text without its final newline. */
static size_t line_length(const char *text)
{
	size_t length = strlen(text);

	return length > 0 && text[length - 1] == '\n' ? length - 1 : length;
}

static bool line_is(const char *text, const char *expected)
{
	return line_length(text) == strlen(expected) && memcmp(text, expected, strlen(expected)) == 0;
}

int apqn_parse_type(const char *text, uint8_t *generation, enum apqn_mode *mode)
{
	static const char letters[] = { [APQN_MODE_ACCEL] = 'A', [APQN_MODE_CCA] = 'C', [APQN_MODE_EP11] = 'P' };
	char digits[3];
	uint64_t value;
	size_t length = line_length(text);
	enum apqn_mode parsed = APQN_MODE_EP11;

	if (length < 5 || length > 6 || memcmp(text, "CEX", 3) != 0)
		return -EBADMSG;
	while (parsed != APQN_MODE_UNKNOWN && letters[parsed] != text[length - 1])
		parsed--;
	memcpy(digits, text + 3, length - 4);
	digits[length - 4] = '\0';
	if (parsed == APQN_MODE_UNKNOWN || text_parse_decimal(digits, 99, &value) != 0 || value == 0)
		return -EBADMSG;
	*generation = (uint8_t)value;
	*mode = parsed;
	return 0;
}

int apqn_parse_online(const char *text, bool *online)
{
	if (line_is(text, "1"))
		*online = true;
	else if (line_is(text, "0"))
		*online = false;
	else
		return -EBADMSG;
	return 0;
}

int apqn_parse_bind(const char *text, enum apqn_bind *bind)
{
	if (line_is(text, "bound"))
		*bind = APQN_BOUND;
	else if (line_is(text, "unbound"))
		*bind = APQN_UNBOUND;
	else if (line_is(text, "-"))
		*bind = APQN_BIND_UNSUPPORTED;
	else
		return -EBADMSG;
	return 0;
}

int apqn_parse_association(const char *text, enum apqn_association *association, uint16_t *index)
{
	const char *digits = after(text, "associated ");
	size_t length = digits ? line_length(digits) : 0;
	char number[6];
	uint64_t value;

	if (line_is(text, "unassociated")) {
		*association = APQN_UNASSOCIATED;
	} else if (line_is(text, "association pending")) {
		*association = APQN_ASSOCIATION_PENDING;
	} else if (line_is(text, "-")) {
		*association = APQN_ASSOCIATION_UNSUPPORTED;
	} else {
		if (!digits || length >= sizeof(number))
			return -EBADMSG;
		memcpy(number, digits, length);
		number[length] = '\0';
		if (text_parse_decimal(number, UINT16_MAX, &value) != 0)
			return -EBADMSG;
		*association = APQN_ASSOCIATED;
		*index = (uint16_t)value;
	}
	return 0;
}

int apqn_parse_mkvps(const char *text, enum apqn_identity *identity, uint8_t mkvp[APQN_MKVP_SIZE])
{
	uint8_t pattern[2 * APQN_MKVP_SIZE];
	const char *state = after(text, "WK CUR: valid 0x");

	if (after(text, "WK CUR: invalid -\n")) {
		*identity = APQN_IDENTITY_NONE;
		return 0;
	}
	if (after(text, "WK CUR: - -\n")) {
		*identity = APQN_IDENTITY_UNREAD;
		return 0;
	}
	if (!state)
		return -EBADMSG;
	if (strnlen(state, 4 * APQN_MKVP_SIZE + 1) != 4 * APQN_MKVP_SIZE + 1 || state[4 * APQN_MKVP_SIZE] != '\n' ||
	    text_parse_hex(state, 4 * APQN_MKVP_SIZE, pattern, sizeof(pattern)) != 0)
		return -EBADMSG;
	*identity = APQN_IDENTITY_VALID;
	memcpy(mkvp, pattern, APQN_MKVP_SIZE);
	return 0;
}

int apqn_parse_serialnr(const char *text, char serialnr[APQN_SERIALNR_LENGTH + 1])
{
	size_t length = line_length(text);

	if (length != 0 && length != APQN_SERIALNR_LENGTH)
		return -EBADMSG;
	for (size_t i = 0; i < length; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return -EBADMSG;
	}
	memcpy(serialnr, text, length);
	serialnr[length] = '\0';
	return 0;
}
