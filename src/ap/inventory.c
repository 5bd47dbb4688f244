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

/* --- the bus -------------------------------------------------------------------------------------- */

static int read_features(struct machine *machine, int64_t deadline_ms, char features[MACHINE_TEXT_SIZE])
{
	int r = machine_read_text(machine, deadline_ms, features, "bus/ap/features");

	if (r == -ENOENT)
		log_error("AP bus /sys/bus/ap/features: not found; this kernel has no AP support (module ap), or "
			  "this machine has no crypto adapters passed through");
	else if (r < 0 && r != -EINTR)
		log_error("AP bus /sys/bus/ap/features: %s", text_error(r));
	return r;
}

int inventory_find_bus(struct machine *machine, int64_t deadline_ms, bool *passthrough)
{
	char features[MACHINE_TEXT_SIZE];
	int r = read_features(machine, deadline_ms, features);

	*passthrough = r == 0 && text_has_word(features, "APSB");
	return r;
}

int inventory_check_bus(struct machine *machine, int64_t deadline_ms)
{
	char features[MACHINE_TEXT_SIZE];
	int r = read_features(machine, deadline_ms, features);

	if (r < 0 || text_has_word(features, "APSB"))
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

static void report_bindings_timeout(const char *text)
{
	log_error("AP bus /sys/bus/ap/bindings: still '%s', not complete at the timeout; are the modules "
		  "zcrypt and zcrypt_cex4 loaded? A longer wait: --timeout, at boot rd.pvapconfig.timeout",
		  text);
}

int inventory_wait_bindings(struct machine *machine, int64_t deadline_ms)
{
	int64_t start_ms = machine_now_ms(machine), next_progress_ms = 0;
	int64_t interval_ms = READ_INTERVAL_MIN_MS;
	char text[MACHINE_TEXT_SIZE], seen[MACHINE_TEXT_SIZE];

	/* Not an initializer: clang would store all 4,096 bytes of it in the program. */
	memcpy(seen, "not read", sizeof("not read"));
	for (;;) {
		int r = machine_read_text(machine, deadline_ms, text, "bus/ap/bindings");
		int64_t now_ms = machine_now_ms(machine), next_read_ms;

		if (r == -ETIMEDOUT) {
			report_bindings_timeout(seen);
			return r;
		}
		if (r < 0) {
			if (r != -EINTR)
				log_error("AP bus /sys/bus/ap/bindings: %s", text_error(r));
			return r;
		}
		memcpy(seen, text, strlen(text) + 1);
		if (inventory_bindings_complete(text)) {
			log_info("AP bus: all drivers are bound: %s", text);
			return 0;
		}
		if (now_ms >= deadline_ms) {
			report_bindings_timeout(text);
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

/* The phases of a card. Each begins when the one before is complete. */
enum phase {
	PHASE_CARD,        /* the card's directory, its type */
	PHASE_STATES,      /* of every queue: se_bind, online */
	PHASE_ASSOCIATION, /* of every EP11 queue that is bound: se_associate */
	PHASE_DONE,
};

struct card_scan {
	uint8_t card;
	uint8_t generation;
	enum apqn_mode mode;
	struct apqn *apqns;
	size_t count;
	enum phase phase;
	bool plain;                 /* neither se_bind nor se_associate is read */
	bool unlisted;              /* its queues could not be listed */
	size_t total, asked, taken; /* calls of this phase; results come in the order of the calls */
	char names[NAMES_SIZE];
};

struct scan {
	struct card_scan *cards; /* in the order of the calls */
	const struct card_channel *first_channel;
	/* A queue without se_bind has vanished. If no queue has se_bind, the kernel is older than 6.7. */
	bool bind_missing, bind_seen;
	int error;
};

static int no_memory(void)
{
	log_error("AP bus: its queues cannot be listed: %s", strerror(ENOMEM));
	return -ENOMEM;
}

static struct card_scan *card_of(struct scan *scan, const struct card_channel *channel)
{
	return &scan->cards[channel - scan->first_channel];
}

/* Of CCA queues only the online state is read. */
static size_t states_per_queue(const struct card_scan *card)
{
	return card->plain || card->mode == APQN_MODE_CCA ? 1 : 2;
}

/* True if call n of this phase reads online, the last attribute of a queue in this phase. */
static bool asks_online(const struct card_scan *card, size_t n)
{
	size_t per_queue = states_per_queue(card);

	return n % per_queue == per_queue - 1;
}

static bool wants_association(const struct apqn *apqn)
{
	return apqn->mode == APQN_MODE_EP11 && apqn->bind == APQN_BOUND;
}

/* The n-th queue whose association is read; n < phase_total. */
static struct apqn *association_queue(const struct card_scan *card, size_t n)
{
	struct apqn *apqn = card->apqns;

	while (!wants_association(apqn) || n-- > 0)
		apqn++;
	return apqn;
}

static size_t phase_total(const struct card_scan *card)
{
	size_t total = 0;

	switch (card->phase) {
	case PHASE_CARD:
		return 2;
	case PHASE_STATES:
		return card->mode == APQN_MODE_UNKNOWN ? 0 : card->count * states_per_queue(card);
	case PHASE_ASSOCIATION:
		for (size_t i = 0; i < card->count; i++)
			total += wants_association(&card->apqns[i]);
		return total;
	case PHASE_DONE:
		break;
	}
	return 0;
}

static void begin_phase(struct card_scan *card, enum phase phase)
{
	card->phase = phase;
	card->asked = 0;
	card->taken = 0;
	card->total = phase_total(card);
}

static void fail_queue(struct apqn *apqn, enum apqn_failure failure, int error)
{
	if (apqn->failure != APQN_WORKING)
		return;
	apqn->failure = error == -ENOENT || error == -ENODEV ? APQN_VANISHED : failure;
	apqn->failure_error = error;
}

static int add_queue(struct card_scan *card, uint8_t domain)
{
	struct apqn *apqn;

	if (card->count == APQN_DOMAINS_MAX)
		return -E2BIG;
	apqn = &card->apqns[card->count++];
	memset(apqn, 0, sizeof(*apqn));
	apqn->card = card->card;
	apqn->domain = domain;
	apqn->online_unknown = true;
	return 0;
}

/* The directory of a card also contains attributes and links; only "CC.DDDD" of this card is a queue. */
static int take_queue_names(struct card_scan *card)
{
	size_t count = 1;
	char *rest = NULL;

	for (const char *c = card->names; *c; c++)
		count += *c == '\n';
	card->apqns = calloc(count < APQN_DOMAINS_MAX ? count : APQN_DOMAINS_MAX, sizeof(*card->apqns));
	if (!card->apqns)
		return -ENOMEM;
	for (char *name = strtok_r(card->names, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
		uint8_t number, domain;
		int r = apqn_parse_name(name, &number, &domain);

		if (r == 0 && number == card->card) {
			r = add_queue(card, domain);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static void take_list(struct scan *scan, struct card_scan *card, int r)
{
	if (r == 0)
		r = take_queue_names(card);
	/* A card that vanished after the listing of all cards has no queues. */
	if (r < 0 && r != -ENOENT && r != -ENODEV) {
		log_error("card%02x: its queues cannot be listed: %s", card->card, text_error(r));
		scan->error = r;
	}
}

static void take_type(struct card_scan *card, int r, const char *text)
{
	if (r == 0)
		r = apqn_parse_type(text, &card->generation, &card->mode);
	if (r < 0 && card->count > 0)
		log_warning("card%02x: its type cannot be read: %s; its queues are not used", card->card,
			    text_error(r));
	for (size_t i = 0; i < card->count; i++) {
		card->apqns[i].generation = card->generation;
		card->apqns[i].mode = card->mode;
		if (r < 0)
			fail_queue(&card->apqns[i], APQN_UNREADABLE, r);
	}
}

static void take_bind(struct scan *scan, struct apqn *apqn, int r, const char *text)
{
	if (r == 0)
		r = apqn_parse_bind(text, &apqn->bind);
	if (r != -ENOENT)
		scan->bind_seen = true;
	/* EIO: an asynchronous error, which an unbind clears. The bind state stays unknown. */
	if (r < 0 && r != -EIO)
		fail_queue(apqn, APQN_UNREADABLE, r);
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
static void card_hung(struct card_scan *card, const struct machine_call *call, int64_t now_ms)
{
	bool at_end = now_ms >= call->until_ms;
	struct apqn culprit = { .failure = at_end ? APQN_DEADLINE : APQN_CARD_HUNG };
	char text[APQN_FAILURE_SIZE];

	if (card->phase == PHASE_DONE)
		return;
	apqn_note_call(&culprit, call->path, at_end ? 0 : call->limit_ms);
	apqn_format_failure(&culprit, text);
	log_warning("card%02x: %s; it is not used", card->card, text);
	for (size_t i = 0; i < card->count; i++) {
		card->apqns[i].failure = culprit.failure;
		card->apqns[i].failure_error = -ETIMEDOUT;
		memcpy(card->apqns[i].failure_call, culprit.failure_call, sizeof(culprit.failure_call));
	}
	if (card->phase == PHASE_CARD && card->taken == 0)
		card->unlisted = true;
	begin_phase(card, PHASE_DONE);
}

static void ask_queue(struct machine_call *call, const struct apqn *apqn, const char *attribute)
{
	snprintf(call->path, sizeof(call->path), "devices/ap/card%02x/%02x.%04x/%s", apqn->card, apqn->card,
		 apqn->domain, attribute);
}

static void ask_card(struct machine_call *call, struct card_scan *card)
{
	snprintf(call->path, sizeof(call->path), "devices/ap/card%02x%s", card->card, card->asked > 0 ? "/type" : "");
	if (card->asked > 0)
		return;
	call->operation = MACHINE_LIST;
	call->data = card->names;
	call->size = NAMES_SIZE;
}

static bool scan_next(struct card_channel *channel, struct machine_call *call, int64_t now_ms, void *context)
{
	struct card_scan *card = card_of(context, channel);

	(void)now_ms;
	if (card->asked == card->total) {
		channel->due_ms = MACHINE_FOREVER;
		return false;
	}
	if (card->phase == PHASE_CARD)
		ask_card(call, card);
	else if (card->phase == PHASE_STATES)
		ask_queue(call, &card->apqns[card->asked / states_per_queue(card)],
			  asks_online(card, card->asked) ? "online" : "se_bind");
	else
		ask_queue(call, association_queue(card, card->asked), "se_associate");
	card->asked++;
	return true;
}

static void take_answer(struct scan *scan, struct card_scan *card, const struct machine_call *call)
{
	size_t per_queue = states_per_queue(card), n = card->taken;

	if (card->phase == PHASE_CARD && n == 0)
		take_list(scan, card, call->error);
	else if (card->phase == PHASE_CARD)
		take_type(card, call->error, call->data);
	else if (card->phase == PHASE_STATES && asks_online(card, n))
		take_online(scan, &card->apqns[n / per_queue], call->error, call->data);
	else if (card->phase == PHASE_STATES)
		take_bind(scan, &card->apqns[n / per_queue], call->error, call->data);
	else
		take_association(association_queue(card, n), call->error, call->data);
}

static void scan_done(struct card_channel *channel, const struct machine_call *call, int64_t now_ms, void *context)
{
	struct scan *scan = context;
	struct card_scan *card = card_of(scan, channel);

	if (channel->hung) {
		card_hung(card, call, now_ms);
		return;
	}
	take_answer(scan, card, call);
	card->taken++;
	while (card->phase != PHASE_DONE && card->taken == card->total)
		begin_phase(card, card->phase + 1);
}

static void release_scan(struct scan *scan, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(scan->cards[i].apqns);
	free(scan->cards);
}

/* Parses the card names in the listing of /sys/devices/ap; returns their number. */
static size_t take_card_names(char *names, uint8_t cards[APQN_CARDS_MAX])
{
	char *rest = NULL, *name = strtok_r(names, "\n", &rest);
	size_t count = 0;

	for (; name && count < APQN_CARDS_MAX; name = strtok_r(NULL, "\n", &rest))
		count += apqn_parse_card_name(name, &cards[count]) == 0;
	return count;
}

static int list_cards(struct machine *machine, int64_t deadline_ms, uint8_t cards[APQN_CARDS_MAX], size_t *count)
{
	char names[2 * MACHINE_TEXT_SIZE];
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
	*count = take_card_names(names, cards);
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

static int run_scan(struct card_calls *calls, struct scan *scan)
{
	int64_t start_ms = machine_now_ms(calls->machine), next_progress_ms = 0;

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

static int collect(const struct scan *scan, size_t card_count, struct inventory *inventory)
{
	size_t count = 0;

	for (size_t i = 0; i < card_count; i++)
		count += scan->cards[i].count;
	inventory->apqns = calloc(count > 0 ? count : 1, sizeof(*inventory->apqns));
	if (!inventory->apqns)
		return no_memory();
	inventory->count = 0;
	inventory->unlisted_cards = 0;
	for (size_t i = 0; i < card_count; i++) {
		inventory->unlisted_cards += scan->cards[i].unlisted;
		for (size_t j = 0; j < scan->cards[i].count; j++)
			inventory->apqns[inventory->count++] = scan->cards[i].apqns[j];
	}
	qsort(inventory->apqns, inventory->count, sizeof(*inventory->apqns), apqn_compare);
	return 0;
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

static int create_scan(struct scan *scan, struct card_calls *calls, const uint8_t *cards, bool plain)
{
	scan->cards = calloc(calls->count > 0 ? calls->count : 1, sizeof(*scan->cards));
	if (!scan->cards)
		return no_memory();
	for (size_t i = 0; i < calls->count; i++) {
		/* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): as many as list_cards has filled */
		scan->cards[i].card = calls->list[i].card = cards[i];
		scan->cards[i].plain = plain;
		begin_phase(&scan->cards[i], PHASE_CARD);
	}
	scan->first_channel = calls->list;
	calls->context = scan;
	return 0;
}

static int scan_cards(struct card_calls *calls, const uint8_t *cards, bool plain, struct inventory *inventory)
{
	struct scan scan = { 0 };
	int r = create_scan(&scan, calls, cards, plain);

	if (r == 0)
		r = run_scan(calls, &scan);
	if (r == 0)
		r = collect(&scan, calls->count, inventory);
	if (r == 0)
		report_failures(inventory);
	if (scan.cards)
		release_scan(&scan, calls->count);
	return r;
}

int inventory_gather(struct machine *machine, int64_t deadline_ms, bool plain, struct inventory *inventory)
{
	cleanup_(card_calls_release) struct card_calls calls = {
		.machine = machine, .deadline_ms = deadline_ms, .next = scan_next, .done = scan_done
	};
	uint8_t cards[APQN_CARDS_MAX];
	size_t count = 0;
	int r = list_cards(machine, deadline_ms, cards, &count);

	if (r < 0)
		return r;
	return card_calls_create(&calls, count) < 0 ? no_memory() : scan_cards(&calls, cards, plain, inventory);
}

void inventory_release(struct inventory *inventory)
{
	free(inventory->apqns);
	inventory->apqns = NULL;
	inventory->count = 0;
}
