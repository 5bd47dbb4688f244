/* SPDX-License-Identifier: MIT */
/* Whether there is an AP bus for this guest, the wait for its drivers, and all APQNs with their states. */
#include "ap/inventory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/card_calls.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/wait.h"
#include "util/text.h"
#include "uv/secrets.h"

#define READ_INTERVAL_MIN_MS 1
#define READ_INTERVAL_MAX_MS 20
#define NAMES_SIZE 8192 /* bytes: names in a card's directory, 256 queues and some attributes */
#define QUESTIONS_MAX (2 + 3 * APQN_DOMAINS_MAX) /* about the card, and about each queue */

/* --- the bus -------------------------------------------------------------------------------------- */

int inventory_check_bus(struct machine *machine, int64_t deadline_ms, bool *passthrough)
{
	char features[MACHINE_TEXT_SIZE];
	int r = machine_read_text(machine, deadline_ms, features, "bus/ap/features");
	bool found = r == 0 && text_has_word(features, "APSB");

	if (r == -ENOENT)
		log_error("AP bus /sys/bus/ap/features: not found; this kernel has no AP support (module ap), or "
			  "this machine has no crypto adapters passed through");
	else if (r < 0 && r != -EINTR)
		log_error("AP bus /sys/bus/ap/features: %s", text_error(r));
	if (passthrough)
		*passthrough = found;
	if (r < 0 || found || passthrough)
		return r;
	log_error("AP bus /sys/bus/ap/features: no APSB among '%s'; only a KVM guest in Secure Execution mode with AP "
		  "pass-through has it",
		  features);
	return -EOPNOTSUPP;
}

/* "N/M" or "N/M (complete)". */
bool inventory_bindings_complete(const char *text)
{
	return text_has_end(text, " (complete)");
}

int inventory_wait_bindings(struct machine *machine, int64_t deadline_ms)
{
	int64_t start_ms = machine_now_ms(machine), next_progress_ms = 0;
	int64_t interval_ms = READ_INTERVAL_MIN_MS;
	char text[MACHINE_TEXT_SIZE];

	/* Not an initializer: clang would store all 4,096 bytes of it in the program. */
	memcpy(text, "not read", sizeof("not read"));
	for (;;) {
		int r = machine_read_text(machine, deadline_ms, text, "bus/ap/bindings");
		int64_t now_ms = machine_now_ms(machine), next_read_ms;

		if (r < 0 && r != -ETIMEDOUT) {
			if (r != -EINTR)
				log_error("AP bus /sys/bus/ap/bindings: %s", text_error(r));
			return r;
		}
		if (r == 0 && inventory_bindings_complete(text)) {
			log_info("AP bus: all drivers are bound: %s", text);
			return 0;
		}
		if (r < 0 || now_ms >= deadline_ms) {
			log_error("AP bus /sys/bus/ap/bindings: still '%s', not complete at the timeout; are the "
				  "modules zcrypt and zcrypt_cex4 loaded? A longer wait: --timeout, at boot "
				  "rd.pvapconfig.timeout",
				  text);
			return -ETIMEDOUT;
		}
		if (progress_is_due(now_ms, start_ms, &next_progress_ms))
			log_notice("waiting for the AP bus, %" PRId64 " s; drivers bound: %s",
				   (now_ms - start_ms) / 1000, text);
		next_read_ms = now_ms + interval_ms;
		r = machine_sleep_until(machine, next_read_ms < deadline_ms ? next_read_ms : deadline_ms);
		if (r < 0)
			return r;
		interval_ms = interval_ms * 2 < READ_INTERVAL_MAX_MS ? interval_ms * 2 : READ_INTERVAL_MAX_MS;
	}
}

/* --- the queues ----------------------------------------------------------------------------------- */

/* What is asked: of a card its queues and its type, of a queue se_bind and online, and se_associate if it is bound. */
enum attribute { NAMES, TYPE, BIND, ONLINE, ASSOCIATION };

struct question {
	enum attribute attribute;
	struct apqn *apqn; /* NULL: of the card */
};

struct card_scan {
	uint8_t card;
	bool listed, hung;
	struct apqn *apqns; /* in the inventory */
	size_t count;
	size_t asked, total; /* questions; an answer may add more */
	struct question questions[QUESTIONS_MAX];
	char names[NAMES_SIZE];
};

struct scan {
	struct card_calls calls;
	struct card_scan *cards; /* one for each channel */
	struct inventory *inventory;
	bool plain; /* neither se_bind nor se_associate is read */
	/* A queue without se_bind has vanished. If no queue has se_bind, the kernel is older than 6.7. */
	bool bind_missing, bind_seen;
	int error;
};

static struct card_scan *card_of(struct scan *scan, const struct card_channel *channel)
{
	return &scan->cards[channel - scan->calls.list];
}

static void ask(struct card_scan *card, enum attribute attribute, struct apqn *apqn)
{
	card->questions[card->total++] = (struct question){ attribute, apqn };
}

static void fail_queue(struct apqn *apqn, enum apqn_failure failure, int error)
{
	if (apqn->failure != APQN_WORKING)
		return;
	apqn->failure = error == -ENOENT || error == -ENODEV ? APQN_VANISHED : failure;
	apqn->failure_error = error;
}

/* The directory of a card also contains attributes and links; only "CC.DDDD" of this card is a queue. */
static int take_queue_names(struct inventory *inventory, struct card_scan *card)
{
	char *rest = NULL;

	card->apqns = &inventory->apqns[inventory->count];
	for (char *name = strtok_r(card->names, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
		struct apqn apqn = { .online_unknown = true };

		if (apqn_parse_name(name, &apqn.card, &apqn.domain) < 0 || apqn.card != card->card)
			continue;
		if (card->count == APQN_DOMAINS_MAX)
			return -E2BIG;
		card->apqns[card->count++] = apqn;
	}
	inventory->count += card->count;
	return 0;
}

static void take_list(struct scan *scan, struct card_scan *card, int r)
{
	card->listed = true;
	if (r == 0)
		r = take_queue_names(scan->inventory, card);
	/* A card that vanished after the listing of all cards has no queues. */
	if (r < 0 && r != -ENOENT && r != -ENODEV) {
		log_error("card%02x: its queues cannot be listed: %s", card->card, text_error(r));
		scan->error = r;
	}
}

/* Of CCA queues only the online state is read. */
static void take_type(const struct scan *scan, struct card_scan *card, int r, const char *text)
{
	enum apqn_mode mode = APQN_MODE_UNKNOWN;
	uint8_t generation = 0;

	if (r == 0)
		r = apqn_parse_type(text, &generation, &mode);
	if (r < 0 && card->count > 0)
		log_warning("card%02x: its type cannot be read: %s; its queues are not used", card->card,
			    text_error(r));
	for (size_t i = 0; i < card->count; i++) {
		struct apqn *apqn = &card->apqns[i];

		apqn->generation = generation;
		apqn->mode = mode;
		if (r < 0) {
			fail_queue(apqn, APQN_UNREADABLE, r);
			continue;
		}
		if (!scan->plain && mode != APQN_MODE_CCA)
			ask(card, BIND, apqn);
		ask(card, ONLINE, apqn);
	}
}

static void take_bind(struct scan *scan, struct card_scan *card, struct apqn *apqn, int r, const char *text)
{
	if (r == 0)
		r = apqn_parse_bind(text, &apqn->bind);
	if (r != -ENOENT)
		scan->bind_seen = true;
	/* EIO: an asynchronous error, which an unbind clears. The bind state stays unknown. */
	if (r < 0 && r != -EIO)
		fail_queue(apqn, APQN_UNREADABLE, r);
	if (apqn->mode == APQN_MODE_EP11 && apqn->bind == APQN_BOUND)
		ask(card, ASSOCIATION, apqn);
}

/* Read after se_bind: if it can be read, the queue existed when se_bind was read. */
static void take_online(struct scan *scan, struct apqn *apqn, int r, const char *text)
{
	if (r == 0 && apqn->failure_error == -ENOENT)
		scan->bind_missing = true;
	if (r == 0)
		r = apqn_parse_online(text, &apqn->online);
	apqn->online_unknown = r < 0;
	if (r < 0)
		fail_queue(apqn, APQN_UNREADABLE, r);
}

static void take_association(struct apqn *apqn, int r, const char *text)
{
	if (r == 0)
		r = apqn_parse_association(text, &apqn->association, &apqn->association_index);
	/* EIO: the kernel lost the index (kexec), or a reset runs. The association stays unknown. */
	if (r < 0 && r != -EIO)
		fail_queue(apqn, APQN_UNREADABLE, r);
}

/* `call` exceeded its limit, or the time of the run, which is no fault of the card. */
static void card_hung(struct scan *scan, struct card_scan *card, const struct machine_call *call, int64_t now_ms)
{
	bool at_end = now_ms >= call->until_ms;
	struct apqn culprit = { .failure = at_end ? APQN_DEADLINE : APQN_CARD_HUNG };
	char text[APQN_FAILURE_SIZE];

	if (card->hung)
		return;
	card->hung = true;
	if (!card->listed)
		scan->inventory->unlisted_cards++;
	apqn_note_call(&culprit, call->path, at_end ? 0 : call->limit_ms);
	apqn_format_failure(&culprit, text);
	log_warning("card%02x: %s; it is not used", card->card, text);
	for (size_t i = 0; i < card->count; i++) {
		card->apqns[i].failure = culprit.failure;
		card->apqns[i].failure_error = -ETIMEDOUT;
		memcpy(card->apqns[i].failure_call, culprit.failure_call, sizeof(culprit.failure_call));
	}
}

static bool scan_next(struct card_channel *channel, struct machine_call *call, int64_t now_ms, void *context)
{
	static const char *const names[] = {
		[NAMES] = "",
		[TYPE] = "/type",
		[BIND] = "/se_bind",
		[ONLINE] = "/online",
		[ASSOCIATION] = "/se_associate",
	};
	struct card_scan *card = card_of(context, channel);
	struct question *question = &card->questions[card->asked];
	char queue[APQN_NAME_SIZE] = "";

	(void)now_ms;
	if (card->asked == card->total) {
		channel->due_ms = MACHINE_FOREVER;
		return false;
	}
	if (question->apqn)
		apqn_format_name(question->apqn, queue);
	snprintf(call->path, sizeof(call->path), "devices/ap/card%02x%s%s%s", card->card, question->apqn ? "/" : "",
		 queue, names[question->attribute]);
	if (question->attribute == NAMES) {
		call->operation = MACHINE_LIST;
		call->data = card->names;
		call->size = NAMES_SIZE;
	}
	call->context = question;
	card->asked++;
	return true;
}

static void scan_done(struct card_channel *channel, const struct machine_call *call, int64_t now_ms, void *context)
{
	struct scan *scan = context;
	struct card_scan *card = card_of(scan, channel);
	const struct question *question = call->context;

	if (channel->hung) {
		card_hung(scan, card, call, now_ms);
		return;
	}
	switch (question->attribute) {
	case NAMES:
		take_list(scan, card, call->error);
		break;
	case TYPE:
		take_type(scan, card, call->error, call->data);
		break;
	case BIND:
		take_bind(scan, card, question->apqn, call->error, call->data);
		break;
	case ONLINE:
		take_online(scan, question->apqn, call->error, call->data);
		break;
	case ASSOCIATION:
		take_association(question->apqn, call->error, call->data);
		break;
	}
}

static int list_cards(struct machine *machine, int64_t deadline_ms, uint8_t cards[APQN_CARDS_MAX], size_t *count)
{
	char names[2 * MACHINE_TEXT_SIZE], *rest = NULL, *name;
	struct machine_call call = {
		.operation = MACHINE_LIST,
		.path = "devices/ap",
		.data = names,
		.size = sizeof(names),
		.until_ms = deadline_ms,
	};
	int r = machine_perform(machine, &call);

	if (r < 0) {
		if (r != -EINTR)
			log_error("AP bus /sys/devices/ap: %s", text_error(r));
		return r;
	}
	*count = 0;
	for (name = strtok_r(names, "\n", &rest); name && *count < APQN_CARDS_MAX; name = strtok_r(NULL, "\n", &rest))
		*count += apqn_parse_card_name(name, &cards[*count]) == 0;
	return 0;
}

/* The kernel provides the attribute only in Secure Execution guests. */
static int report_no_bind(const struct card_calls *calls)
{
	log_error("AP bus: the queues have no attribute se_bind; %s",
		  secrets_is_no_guest(calls->machine, calls->deadline_ms) ?
			  "this machine is not a Secure Execution guest" :
			  "Linux 6.7 or newer is needed");
	return -EOPNOTSUPP;
}

static int run_scan(struct scan *scan)
{
	struct card_calls *calls = &scan->calls;
	int64_t start_ms = machine_now_ms(calls->machine), next_progress_ms = 0;

	for (size_t i = 0; i < calls->count; i++) {
		ask(&scan->cards[i], NAMES, NULL);
		ask(&scan->cards[i], TYPE, NULL);
	}
	while (!card_calls_idle(calls)) {
		int64_t now_ms = machine_now_ms(calls->machine);
		int r;

		if (progress_is_due(now_ms, start_ms, &next_progress_ms))
			log_notice("waiting for the states of the APQNs, %" PRId64 " s", (now_ms - start_ms) / 1000);
		r = card_calls_turn(calls, progress_until(now_ms, calls->deadline_ms));
		if (r < 0)
			return r;
	}
	return scan->bind_missing && !scan->bind_seen ? report_no_bind(calls) : scan->error;
}

/* Hung cards and cards without a readable type were reported before. */
static void report_failures(const struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->count; i++) {
		const struct apqn *apqn = &inventory->apqns[i];
		char name[APQN_NAME_SIZE];

		if (apqn->failure == APQN_WORKING || apqn->failure == APQN_CARD_HUNG ||
		    apqn->failure == APQN_DEADLINE || apqn->mode == APQN_MODE_UNKNOWN)
			continue;
		apqn_format_name(apqn, name);
		log_warning("APQN %s: %s: %s; it is not used", name, apqn_failure_text(apqn->failure),
			    text_error(apqn->failure_error));
	}
}

static void release_scan(struct scan *scan)
{
	card_calls_release(&scan->calls);
	free(scan->cards);
}

int inventory_gather(struct machine *machine, int64_t deadline_ms, bool plain, struct inventory *inventory)
{
	cleanup_(release_scan) struct scan scan = { .inventory = inventory, .plain = plain };
	uint8_t cards[APQN_CARDS_MAX];
	size_t count;
	int r = list_cards(machine, deadline_ms, cards, &count);

	if (r < 0)
		return r;
	scan.calls = (struct card_calls){
		.machine = machine, .deadline_ms = deadline_ms, .next = scan_next, .done = scan_done, .context = &scan
	};
	/* One more than needed, because calloc may return NULL for nothing. */
	scan.cards = calloc(count + 1, sizeof(*scan.cards));
	inventory->apqns = calloc(count * APQN_DOMAINS_MAX + 1, sizeof(*inventory->apqns));
	if (!scan.cards || !inventory->apqns || card_calls_create(&scan.calls, count) < 0) {
		log_error("AP bus: its queues cannot be listed: %s", strerror(ENOMEM));
		r = -ENOMEM;
	} else {
		for (size_t i = 0; i < count; i++)
			scan.cards[i].card = scan.calls.list[i].card = cards[i];
		r = run_scan(&scan);
	}
	if (r < 0) {
		inventory_release(inventory);
		return r;
	}
	qsort(inventory->apqns, inventory->count, sizeof(*inventory->apqns), apqn_compare);
	report_failures(inventory);
	return 0;
}

void inventory_release(struct inventory *inventory)
{
	free(inventory->apqns);
	*inventory = (struct inventory){ 0 };
}
