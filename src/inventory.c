/* SPDX-License-Identifier: MIT */
#include "inventory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "lanes.h"
#include "log.h"
#include "text.h"

#define PROGRESS_INTERVAL_MS 5000
#define LOOK_INTERVAL_MIN_MS 1
#define LOOK_INTERVAL_MAX_MS 20

int inventory_check_bus(struct machine *machine, int64_t deadline_ms)
{
	char features[MACHINE_TEXT_SIZE];
	int r = machine_read_text(machine, deadline_ms, features, "bus/ap/features");

	if (r == -ENOENT) {
		log_error("AP bus /sys/bus/ap/features: not there; this kernel has no AP support (module ap), or this machine has no "
			  "crypto adapters passed through");
	} else if (r < 0) {
		log_error("AP bus /sys/bus/ap/features: %s", strerror(-r));
	} else if (!text_has_word(features, "APSB")) {
		log_error("AP bus /sys/bus/ap/features: no APSB among '%s'; only a KVM guest in Secure Execution mode with AP "
			  "pass-through has it",
			  features);
		r = -EOPNOTSUPP;
	}
	return r;
}

/* "N/M" or "N/M (complete)". */
static bool bindings_complete(const char *text)
{
	static const char suffix[] = " (complete)";
	size_t length = strlen(text);

	return length > strlen(suffix) && strcmp(text + length - strlen(suffix), suffix) == 0;
}

static void report_bindings_timeout(const char *text)
{
	log_error("AP bus /sys/bus/ap/bindings: still '%s', not complete when the time was over; are the modules zcrypt and "
		  "zcrypt_cex4 loaded? A longer wait: --timeout",
		  text);
}

int inventory_wait_bindings(struct machine *machine, int64_t deadline_ms)
{
	int64_t start_ms = machine_now_ms(machine), next_progress_ms = start_ms + PROGRESS_INTERVAL_MS;
	int64_t interval_ms = LOOK_INTERVAL_MIN_MS;
	char text[MACHINE_TEXT_SIZE];

	for (;;) {
		int r = machine_read_text(machine, deadline_ms, text, "bus/ap/bindings");
		int64_t now_ms = machine_now_ms(machine);

		if (r < 0) {
			log_error("AP bus /sys/bus/ap/bindings: %s", strerror(-r));
			return r;
		}
		if (bindings_complete(text)) {
			log_info("AP bus: all drivers are bound: %s", text);
			return 0;
		}
		if (now_ms >= deadline_ms) {
			report_bindings_timeout(text);
			return -ETIMEDOUT;
		}
		if (now_ms >= next_progress_ms) {
			log_notice("waiting for the AP bus for %" PRId64 " s now: drivers bound: %s", (now_ms - start_ms) / 1000,
				   text);
			next_progress_ms = now_ms + PROGRESS_INTERVAL_MS;
		}
		r = machine_sleep_until(machine, now_ms + interval_ms < deadline_ms ? now_ms + interval_ms : deadline_ms);
		if (r < 0)
			return r;
		interval_ms = interval_ms * 2 < LOOK_INTERVAL_MAX_MS ? interval_ms * 2 : LOOK_INTERVAL_MAX_MS;
	}
}

/* --- gathering: one lane a card ------------------------------------------------------------------ */

enum card_step { STEP_LIST, STEP_TYPE, STEP_ONLINE, STEP_BIND, STEP_ASSOCIATION, STEP_DONE };

struct card_scan {
	uint8_t card;
	uint8_t generation;
	enum apqn_mode mode;
	enum card_step step;
	struct apqn *apqns;
	size_t count;
	size_t current; /* the queue whose attributes are read now */
};

struct scan {
	struct card_scan *cards; /* in the order of the lanes */
	const struct lane *first_lane;
	bool no_bind_support; /* a kernel before 6.7 */
	int error;
};

static struct card_scan *card_of(struct scan *scan, const struct lane *lane)
{
	return &scan->cards[lane - scan->first_lane];
}

/* The next queue of the card whose attributes are worth reading; CCA queues are left alone. */
static void next_queue(struct card_scan *card)
{
	card->current++;
	card->step = card->current < card->count ? STEP_ONLINE : STEP_DONE;
}

static void fail_queue(struct card_scan *card, enum apqn_failure failure, int error)
{
	struct apqn *apqn = &card->apqns[card->current];
	char name[APQN_NAME_SIZE];

	apqn->failure = error == -ENOENT || error == -ENODEV ? APQN_VANISHED : failure;
	apqn->failure_error = error;
	apqn_format_name(apqn, name);
	log_warning("APQN %s: %s: %s; it is not used", name, apqn_failure_text(apqn->failure), strerror(-error));
	next_queue(card);
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
	return 0;
}

/* Among the names in a card's directory are attributes and other links: only "CC.DDDD" of this card counts. */
static int take_queue_names(struct card_scan *card, char *names)
{
	size_t count = 1;
	char *rest = NULL;

	for (const char *c = names; *c; c++)
		count += *c == '\n';
	card->apqns = calloc(count < APQN_DOMAINS_MAX ? count : APQN_DOMAINS_MAX, sizeof(*card->apqns));
	if (!card->apqns)
		return -ENOMEM;
	for (char *name = strtok_r(names, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
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

static void list_done(struct scan *scan, struct card_scan *card, struct lane *lane)
{
	int r = lane->call.error;

	if (r == 0)
		r = take_queue_names(card, lane->data);
	/* A card that vanished after the listing of all cards has no queues. */
	if (r < 0 && r != -ENOENT && r != -ENODEV) {
		log_error("card%02x: its queues cannot be listed: %s", card->card, strerror(-r));
		scan->error = r;
	}
	card->step = card->count > 0 ? STEP_TYPE : STEP_DONE;
}

static void type_done(struct card_scan *card, const struct lane *lane)
{
	int r = lane->call.error;

	if (r == 0)
		r = apqn_parse_type(lane->data, &card->generation, &card->mode);
	if (r < 0)
		log_warning("card%02x: its type cannot be read: %s; its queues are not used", card->card, strerror(-r));
	for (size_t i = 0; i < card->count; i++) {
		card->apqns[i].generation = card->generation;
		card->apqns[i].mode = card->mode;
	}
	card->step = card->mode == APQN_MODE_UNKNOWN ? STEP_DONE : STEP_ONLINE;
}

static void online_done(struct card_scan *card, const struct lane *lane)
{
	int r = lane->call.error;

	if (r == 0)
		r = apqn_parse_online(lane->data, &card->apqns[card->current].online);
	if (r < 0)
		fail_queue(card, APQN_UNREADABLE, r);
	else if (card->mode == APQN_MODE_CCA)
		next_queue(card);
	else
		card->step = STEP_BIND;
}

static void bind_done(struct scan *scan, struct card_scan *card, const struct lane *lane)
{
	struct apqn *apqn = &card->apqns[card->current];
	int r = lane->call.error;

	if (r == 0)
		r = apqn_parse_bind(lane->data, &apqn->bind);
	if (r == -ENOENT)
		scan->no_bind_support = true;
	/* EIO: the queue is in an asynchronous error, which an unbind cures. Its bind state stays unknown. */
	if (r < 0 && r != -EIO)
		fail_queue(card, APQN_UNREADABLE, r);
	else if (card->mode == APQN_MODE_EP11 && apqn->bind == APQN_BOUND)
		card->step = STEP_ASSOCIATION;
	else
		next_queue(card);
}

static void association_done(struct card_scan *card, const struct lane *lane)
{
	struct apqn *apqn = &card->apqns[card->current];
	int r = lane->call.error;

	if (r == 0)
		r = apqn_parse_association(lane->data, &apqn->association, &apqn->association_index);
	/* EIO: the kernel lost the index (kexec), or a reset runs. The association stays unknown. */
	if (r < 0 && r != -EIO)
		fail_queue(card, APQN_UNREADABLE, r);
	else
		next_queue(card);
}

static void card_stuck(struct card_scan *card)
{
	log_warning("card%02x: %s; it is not used", card->card, apqn_failure_text(APQN_CARD_STUCK));
	for (size_t i = 0; i < card->count; i++) {
		card->apqns[i].failure = APQN_CARD_STUCK;
		card->apqns[i].failure_error = -ETIMEDOUT;
	}
	card->step = STEP_DONE;
}

static bool scan_next(struct lane *lane, int64_t now_ms, void *context)
{
	static const char *const attributes[] = {
		[STEP_ONLINE] = "online",
		[STEP_BIND] = "se_bind",
		[STEP_ASSOCIATION] = "se_associate",
	};
	const struct card_scan *card = card_of(context, lane);

	(void)now_ms;
	switch (card->step) {
	case STEP_LIST:
		lanes_list(lane, "devices/ap/card%02x", card->card);
		return true;
	case STEP_TYPE:
		lanes_read(lane, "devices/ap/card%02x/type", card->card);
		return true;
	case STEP_ONLINE:
	case STEP_BIND:
	case STEP_ASSOCIATION:
		lanes_read(lane, "devices/ap/card%02x/%02x.%04x/%s", card->card, card->card, card->apqns[card->current].domain,
			   attributes[card->step]);
		return true;
	case STEP_DONE:
		break;
	}
	lane->due_ms = MACHINE_FOREVER;
	return false;
}

static void scan_done(struct lane *lane, int64_t now_ms, void *context)
{
	struct scan *scan = context;
	struct card_scan *card = card_of(scan, lane);

	(void)now_ms;
	if (lane->stuck) {
		card_stuck(card);
		return;
	}
	switch (card->step) {
	case STEP_LIST:
		list_done(scan, card, lane);
		break;
	case STEP_TYPE:
		type_done(card, lane);
		break;
	case STEP_ONLINE:
		online_done(card, lane);
		break;
	case STEP_BIND:
		bind_done(scan, card, lane);
		break;
	case STEP_ASSOCIATION:
		association_done(card, lane);
		break;
	case STEP_DONE:
		break;
	}
}

static void release_scan(struct scan *scan, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(scan->cards[i].apqns);
	free(scan->cards);
}

/* Names of cards out of the listing of /sys/devices/ap; returns how many. */
static size_t take_card_names(char *names, uint8_t cards[APQN_CARDS_MAX])
{
	char *rest = NULL;
	size_t count = 0;

	for (char *name = strtok_r(names, "\n", &rest); name && count < APQN_CARDS_MAX; name = strtok_r(NULL, "\n", &rest))
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
		log_error("AP bus /sys/devices/ap: %s", strerror(-r));
		return r;
	}
	*count = take_card_names(names, cards);
	return 0;
}

static int run_scan(struct lanes *lanes, struct scan *scan)
{
	while (!lanes_idle(lanes)) {
		int r = lanes_turn(lanes, lanes->deadline_ms);

		if (r < 0)
			return r;
	}
	if (scan->no_bind_support) {
		log_error("AP bus: the queues have no attribute se_bind; Linux 6.7 or newer is needed");
		return -EOPNOTSUPP;
	}
	return scan->error;
}

static int collect(const struct scan *scan, size_t card_count, struct inventory *inventory)
{
	size_t count = 0;

	for (size_t i = 0; i < card_count; i++)
		count += scan->cards[i].count;
	inventory->apqns = calloc(count > 0 ? count : 1, sizeof(*inventory->apqns));
	if (!inventory->apqns)
		return -ENOMEM;
	inventory->count = 0;
	for (size_t i = 0; i < card_count; i++) {
		for (size_t j = 0; j < scan->cards[i].count; j++)
			inventory->apqns[inventory->count++] = scan->cards[i].apqns[j];
	}
	qsort(inventory->apqns, inventory->count, sizeof(*inventory->apqns), apqn_compare);
	return 0;
}

int inventory_gather(struct machine *machine, int64_t deadline_ms, struct inventory *inventory)
{
	cleanup_(lanes_release) struct lanes lanes = {
		.machine = machine, .deadline_ms = deadline_ms, .next = scan_next, .done = scan_done
	};
	uint8_t cards[APQN_CARDS_MAX];
	struct scan scan = { 0 };
	size_t count = 0;
	int r;

	r = list_cards(machine, deadline_ms, cards, &count);
	if (r < 0)
		return r;
	r = lanes_create(&lanes, count);
	if (r < 0)
		return r;
	scan.cards = calloc(count > 0 ? count : 1, sizeof(*scan.cards));
	if (!scan.cards)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		scan.cards[i].card = lanes.list[i].card = cards[i];
	scan.first_lane = lanes.list;
	lanes.context = &scan;
	r = run_scan(&lanes, &scan);
	if (r == 0)
		r = collect(&scan, count, inventory);
	release_scan(&scan, count);
	return r;
}

void inventory_release(struct inventory *inventory)
{
	free(inventory->apqns);
	inventory->apqns = NULL;
	inventory->count = 0;
}
