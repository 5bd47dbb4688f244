/* SPDX-License-Identifier: MIT */
#include "properties.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "simulate/match.h"

#define POLL_US 100000
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* --- when a property applies ---------------------------------------------------------------------- */

/* All steps are possible: nothing can fail, there is enough time, there are queues and something to do. */
static bool is_smooth(const struct outcome *outcome)
{
	const struct draw *draw = outcome->draw;

	return !draw->faults && !draw->options.dry_run && draw->kernel != SIM_KERNEL_6_1 && draw->plenty &&
	       outcome->model->queue_count > 0 &&
	       (draw->options.unbind || draw->entry_count > 0);
}

static bool is_bound(const struct outcome_queue *queue)
{
	return queue->state == MODEL_USABLE || queue->state == MODEL_NO_SECURE_KEY;
}

/* The number of bound queues; `reachable_only`: without those that cannot be unbound now (check-stopped). */
static size_t bound_count(const struct outcome *outcome, bool reachable_only)
{
	const struct model *model = outcome->model;
	size_t count = 0;

	for (size_t i = 0; i < model->queue_count; i++)
		count += model->cards[model->queues[i].card].mode != MODEL_CCA && is_bound(&outcome->after[i]) &&
			 (!reachable_only || fit_is_reachable(outcome, i));
	return count;
}

/* The kernel shows the queues of a card that disappeared as usable until it notices. */
static bool is_any_gone(const struct outcome *outcome)
{
	const struct model *model = outcome->model;

	for (size_t i = 0; i < model->queue_count; i++) {
		if (!model->cards[model->queues[i].card].present)
			return true;
	}
	return false;
}

/* A card may have changed after the run has read its state. */
static bool has_event(const struct outcome *outcome)
{
	return outcome->draw->trouble.event_call != UINT64_MAX;
}

/* The run trusts the kernel if it reports a queue as gone. Without se_bind, all queues look gone. */
static bool is_any_said_to_be_gone(const struct outcome *outcome)
{
	const struct draw_trouble *trouble = &outcome->draw->trouble;

	for (size_t i = 0; i < trouble->injection_count; i++) {
		int error = trouble->injections[i].error;

		if (error == -ENOENT || error == -ENODEV || error == -ENXIO ||
		    trouble->injections[i].operation == MACHINE_LIST)
			return true;
	}
	return is_any_gone(outcome) || has_event(outcome) || outcome->draw->kernel == SIM_KERNEL_6_1;
}

/* --- the properties: each returns whether it holds, or skip() if it does not apply to this outcome ---------------- */

static bool applies;

static bool skip(void)
{
	applies = false;
	return true;
}

static bool ends_in_time(const struct outcome *outcome)
{
	const struct draw *draw = outcome->draw;

	return outcome->duration_us <= 1000 * draw->options.timeout_ms + POLL_US + draw->trouble.jump_us;
}

static bool success_is_true(const struct outcome *outcome)
{
	const struct draw *draw = outcome->draw;
	size_t served;

	if (!outcome->success || draw->options.dry_run || is_any_gone(outcome) || has_event(outcome))
		return skip();
	if (draw->options.unbind)
		return is_any_said_to_be_gone(outcome) ? skip() : bound_count(outcome, false) == 0;
	if (draw->entry_count == 0)
		return skip();
	served = match_largest(outcome, outcome->after);
	return draw->options.strict ? served == draw->entry_count : served > 0;
}

static bool failure_is_true(const struct outcome *outcome)
{
	const struct draw *draw = outcome->draw;
	size_t served;

	if (outcome->success)
		return skip();
	if (!is_smooth(outcome))
		return draw->options.unbind || draw->entry_count > 0 ||
		       draw->kernel == SIM_KERNEL_6_1 || draw->trouble.injection_count > 0 || draw->trouble.jump_us > 0;
	if (draw->options.unbind)
		return bound_count(outcome, false) > 0;
	served = match_largest(outcome, outcome->after);
	return draw->options.strict ? served < draw->entry_count : served == 0;
}

static bool failure_is_told(const struct outcome *outcome)
{
	return outcome->success ? skip() : outcome->error_said;
}

static bool claim_is_true(const struct outcome *outcome)
{
	size_t served;

	if (outcome->claimed < 0 || outcome->draw->options.dry_run || is_any_gone(outcome) || has_event(outcome))
		return !is_smooth(outcome) || outcome->draw->options.unbind || outcome->claimed >= 0;
	served = match_largest(outcome, outcome->after);
	return is_smooth(outcome) ? (size_t)outcome->claimed == served : (size_t)outcome->claimed <= served;
}

static bool is_best(const struct outcome *outcome)
{
	if (!is_smooth(outcome) || outcome->draw->options.unbind)
		return skip();
	return match_largest(outcome, outcome->after) == match_largest(outcome, NULL);
}

static bool has_fault(const struct outcome *outcome, uint8_t card)
{
	const struct draw_trouble *trouble = &outcome->draw->trouble;
	char path[32];

	snprintf(path, sizeof(path), "devices/ap/card%02x/", card);
	for (size_t i = 0; i < trouble->injection_count; i++) {
		if (strncmp(trouble->injections[i].path, path, strlen(path)) == 0)
			return true;
	}
	for (size_t i = 0; i < outcome->model->fault_count; i++) {
		if (outcome->model->faults[i].card == card)
			return true;
	}
	return false;
}

/* At least as many entries are served as the cards without faults can serve. */
static bool fault_costs_its_card_only(const struct outcome *outcome)
{
	static struct match match;
	const struct draw *draw = outcome->draw;
	const struct model *model = outcome->model;

	if (!draw->faults || draw->options.dry_run || draw->options.unbind || draw->kernel == SIM_KERNEL_6_1 ||
	    !draw->plenty || draw->options.timeout_ms < 60000 || model->bound_limit ||
	    is_any_gone(outcome) || draw->trouble.global || draw->trouble.jump_us > 0 ||
	    has_event(outcome))
		return skip();
	match_prepare(outcome, NULL, &match);
	for (size_t queue = 0; queue < match.queue_count; queue++) {
		if (!has_fault(outcome, model->queues[queue].card))
			continue;
		for (size_t entry = 0; entry < draw->entry_count; entry++)
			match.edges[entry][queue] = false;
	}
	for (size_t entry = 0; entry < draw->entry_count; entry++)
		match_add(&match, entry);
	return match_largest(outcome, outcome->after) >= match.size;
}

/* Entries served before come first, then all in the order of the file. An entry without a free queue loses. */
static bool earlier_wins(const struct outcome *outcome)
{
	static struct match ready, fitting, after;
	bool kept[DRAW_ENTRIES_MAX], won[DRAW_ENTRIES_MAX] = { false };
	size_t count = outcome->draw->entry_count;

	if (!is_smooth(outcome) || outcome->draw->options.unbind || !outcome->draw->settled || !outcome->draw->quick)
		return skip();
	match_prepare(outcome, outcome->before, &ready);
	match_prepare(outcome, NULL, &fitting);
	match_prepare(outcome, outcome->after, &after);
	for (size_t i = 0; i < count; i++) {
		kept[i] = match_add(&ready, i);
		if (kept[i])
			won[i] = match_add(&fitting, i);
	}
	for (size_t i = 0; i < count; i++)
		won[i] = won[i] || (!kept[i] && match_add(&fitting, i));
	for (size_t i = 0; i < count; i++) {
		if (won[i] && !match_add(&after, i))
			return false;
	}
	return true;
}

/* Numbers of queues, to check the reasons against: how many have what an entry asks for. */
struct kin {
	size_t mode, foreign, old, mkvp, key, fitting;
};

static struct kin kin_of(const struct outcome *outcome, const struct draw_entry *entry)
{
	const struct model *model = outcome->model;
	struct kin kin = { 0 };

	for (size_t i = 0; i < model->queue_count; i++) {
		const struct model_queue *queue = &model->queues[i];
		const struct model_card *card = &model->cards[queue->card];
		bool foreign;

		if (card->mode != (entry->accelerator ? MODEL_ACCEL : MODEL_EP11))
			continue;
		foreign = outcome->before[i].state == MODEL_FOREIGN;
		kin.foreign += foreign;
		kin.old += (foreign || fit_is_usable(outcome, i)) && card->generation < entry->min_generation;
		if (!fit_is_usable(outcome, i))
			continue;
		kin.mode++;
		kin.fitting += fits(outcome, entry, i);
		if (!queue->mkvp_valid || memcmp(queue->mkvp, entry->mkvp, sizeof(entry->mkvp)) != 0)
			continue;
		kin.mkvp++;
		/* Queues of an older generation do not count here. */
		kin.key += card->generation >= entry->min_generation &&
			   (entry->serialnr[0] == '\0' || strcmp(entry->serialnr, card->serialnr) == 0);
	}
	return kin;
}

/* Whether a secret of another type has the id. */
static bool has_other_secret(const struct outcome *outcome, const struct draw_entry *entry)
{
	const struct model *model = outcome->model;

	for (size_t i = 0; i < model->secret_count; i++) {
		const struct model_secret *secret = &model->secrets[i];

		if (secret->type > MODEL_ASSOCIATION_SECRET && memcmp(secret->id, entry->secretid, sizeof(secret->id)) == 0)
			return true;
	}
	return false;
}

static bool reason_is_true(const struct outcome *outcome, const struct draw_entry *entry, enum outcome_reason reason)
{
	struct kin kin = kin_of(outcome, entry);

	switch (reason) {
	case REASON_NONE:
		return true;
	case REASON_NO_SECRET:
		return !entry->accelerator && !fit_has_secret(outcome, entry, NULL);
	case REASON_SECRET_TYPE:
		return !entry->accelerator && !fit_has_secret(outcome, entry, NULL) && has_other_secret(outcome, entry);
	case REASON_NO_APQN:
		return kin.mode == 0;
	case REASON_GENERATION:
		return kin.fitting == 0 && kin.old > 0;
	case REASON_NO_MKVP:
		return !entry->accelerator && kin.mode + kin.foreign > 0 && kin.key == 0;
	case REASON_SERIALNR:
		return kin.mkvp > 0 && kin.key == 0;
	case REASON_FAILED:
		return kin.foreign > 0 && kin.fitting == 0;
	case REASON_TAKEN:
		return kin.fitting > 0;
	case REASON_OTHER:
		break;
	}
	return false;
}

static bool reasons_are_true(const struct outcome *outcome)
{
	const struct draw *draw = outcome->draw;
	size_t told = 0;

	if (!is_smooth(outcome) || draw->options.unbind)
		return skip();
	for (size_t i = 0; i < draw->entry_count; i++) {
		told += outcome->reasons[i] != REASON_NONE;
		if (!reason_is_true(outcome, &draw->entries[i], outcome->reasons[i]))
			return false;
	}
	return outcome->claimed < 0 || told + (size_t)outcome->claimed == draw->entry_count;
}

static bool nothing_is_left_bound(const struct outcome *outcome)
{
	if (!is_smooth(outcome))
		return skip();
	if (outcome->draw->options.unbind)
		return bound_count(outcome, true) == 0;
	return bound_count(outcome, true) == match_largest(outcome, outcome->after);
}

/* If a call fails, a queue that the run has bound may serve no entry; then a message must name it. */
static bool bound_is_told(const struct outcome *outcome)
{
	const struct model *model = outcome->model;

	for (size_t i = 0; i < model->queue_count; i++) {
		bool is_there = model->cards[model->queues[i].card].present;

		if (is_there && is_bound(&outcome->after[i]) && !is_bound(&outcome->before[i]) && !outcome->told[i])
			return false;
	}
	return true;
}

static bool dry_run_changes_nothing(const struct outcome *outcome)
{
	const struct options *options = &outcome->draw->options;

	if (!options->dry_run)
		return skip();
	return outcome->associations == 0 && outcome->adds == 0 &&
	       (options->probe || outcome->binds + outcome->unbinds == 0);
}

/* Queues that were bound for identification are unbound; queues that were bound before stay bound. */
static bool probe_leaves_no_trace(const struct outcome *outcome)
{
	const struct draw *draw = outcome->draw;

	if (!draw->options.probe || draw->faults || !draw->quick)
		return skip();
	for (size_t i = 0; i < outcome->model->queue_count; i++) {
		if (outcome->before[i].state != outcome->after[i].state)
			return false;
	}
	return true;
}

static bool second_run_is_idle(const struct outcome *outcome)
{
	const struct draw *draw = outcome->draw;

	/* Each run tries to unbind queues that cannot be reached. */
	if (!is_smooth(outcome) || bound_count(outcome, false) > bound_count(outcome, true) ||
	    (!draw->options.unbind && match_largest(outcome, outcome->after) < draw->entry_count))
		return skip();
	return outcome->writes_again == 0;
}

/* It may bind queues to identify them, but must restore all states. */
static bool second_run_changes_nothing(const struct outcome *outcome)
{
	if (!is_smooth(outcome))
		return skip();
	for (size_t i = 0; i < outcome->model->queue_count; i++) {
		const struct outcome_queue *after = &outcome->after[i], *again = &outcome->again[i];

		if (after->state != again->state ||
		    (after->state == MODEL_USABLE && after->association != again->association))
			return false;
	}
	return outcome->success == outcome->success_again;
}

static bool nothing_is_disturbed(const struct outcome *outcome)
{
	const struct model *model = outcome->model;

	if (!is_smooth(outcome) || outcome->draw->options.unbind || !outcome->draw->settled ||
	    match_largest(outcome, outcome->before) < match_largest(outcome, NULL))
		return skip();
	for (size_t i = 0; i < model->queue_count; i++) {
		if (is_bound(&outcome->after[i]) && !is_bound(&outcome->before[i]))
			return false;
	}
	return outcome->associations == 0;
}

static bool associations_are_named(const struct outcome *outcome)
{
	return outcome->associations == 0 ? skip() : outcome->unnamed == 0;
}

/* Secrets of type 1 (null) have no id. */
static size_t secrets_with(const struct outcome *outcome, const uint8_t id[32])
{
	size_t count = 0;

	for (size_t i = 0; i < outcome->model->secret_count; i++) {
		const struct model_secret *secret = &outcome->model->secrets[i];

		count += secret->type > 1 && memcmp(secret->id, id, sizeof(secret->id)) == 0;
	}
	return count;
}

/* Two secrets with the same id cannot be used. */
static bool no_secret_is_doubled(const struct outcome *outcome)
{
	for (size_t i = 0; i < outcome->draw->request_count; i++) {
		if (secrets_with(outcome, outcome->draw->requests[i].id) > 1)
			return false;
	}
	return true;
}

static bool requests_are_submitted(const struct outcome *outcome)
{
	if (!is_smooth(outcome))
		return skip();
	for (size_t i = 0; i < outcome->draw->request_count; i++) {
		if (secrets_with(outcome, outcome->draw->requests[i].id) == 0)
			return false;
	}
	return outcome->adds_again == 0;
}

static bool store_is_locked(const struct outcome *outcome)
{
	const struct options *options = &outcome->draw->options;

	if (!options->lock_secrets || options->dry_run)
		return !outcome->model->store_locked;
	return outcome->model->store_locked || !is_smooth(outcome);
}

static bool list_only_looks(const struct outcome *outcome)
{
	return outcome->list.writes == 0;
}

static bool list_ends_in_time(const struct outcome *outcome)
{
	return outcome->list.duration_us <=
	       1000 * outcome->draw->options.timeout_ms + POLL_US + outcome->draw->trouble.jump_us;
}

static bool list_fits_console(const struct outcome *outcome)
{
	return outcome->list.width <= 80;
}

static bool list_is_true(const struct outcome *outcome)
{
	if (!is_smooth(outcome))
		return skip();
	for (size_t i = 0; i < outcome->model->queue_count; i++) {
		bool is_cca = outcome->model->cards[outcome->model->queues[i].card].mode == MODEL_CCA;
		bool bound = is_bound(&outcome->listed[i]);
		enum outcome_listed listed = outcome->list.queues[i];

		if (listed != (is_cca ? LISTED_UNKNOWN : bound ? LISTED_BOUND : LISTED_UNBOUND))
			return false;
	}
	return true;
}

/* Only a bind shows that a queue belongs to another guest. */
static bool is_any_foreign(const struct outcome *outcome)
{
	for (size_t i = 0; i < outcome->model->queue_count; i++) {
		if (outcome->before[i].state == MODEL_FOREIGN)
			return true;
	}
	return false;
}

/* A queue may be associated with the index that a requested secret gets. A dry run cannot know: it submits nothing. */
static bool may_be_early(const struct outcome *outcome)
{
	for (size_t i = 0; i < outcome->model->queue_count; i++) {
		bool is_ep11 = outcome->model->cards[outcome->model->queues[i].card].mode == MODEL_EP11;

		if (outcome->adds > 0 && is_ep11 && outcome->before[i].state == MODEL_USABLE)
			return true;
	}
	return false;
}

/* It does not matter which accelerator serves which of its entries. */
static bool is_served(const struct outcome *outcome, const char *apqn)
{
	for (size_t i = 0; i < outcome->draw->entry_count; i++) {
		if (strcmp(outcome->served[i], apqn) == 0)
			return true;
	}
	return false;
}

static bool dry_run_tells_the_truth(const struct outcome *outcome)
{
	if (!outcome->foretold_known || !is_smooth(outcome) || is_any_foreign(outcome) || may_be_early(outcome))
		return skip();
	for (size_t i = 0; i < outcome->draw->entry_count; i++) {
		if ((outcome->foretold[i][0] == '\0') != (outcome->served[i][0] == '\0') ||
		    (outcome->foretold[i][0] != '\0' && !is_served(outcome, outcome->foretold[i])))
			return false;
	}
	return true;
}

struct property {
	const char *sentence;
	bool (*holds)(const struct outcome *outcome);
	unsigned int floor; /* it must apply to at least this many of 1,000 runs */
	uint64_t count;
};

static struct property properties[] = {
	{ "a run ends before its deadline", ends_in_time, 1000, 0 },
	{ "a run that reports success was successful", success_is_true, 150, 0 },
	{ "a run that reports failure has failed", failure_is_true, 250, 0 },
	{ "a run that fails reports an error", failure_is_told, 250, 0 },
	{ "as many entries are served as the run reports", claim_is_true, 1000, 0 },
	{ "as many entries are served as possible", is_best, 120, 0 },
	{ "a fault costs no more than its card", fault_costs_its_card_only, 50, 0 },
	{ "if not all entries can be served, those served before come first, then earlier ones", earlier_wins, 60, 0 },
	{ "every entry that is not served has a reason, and it is correct", reasons_are_true, 120, 0 },
	{ "no queue is left bound that serves no entry", nothing_is_left_bound, 140, 0 },
	{ "no queue is left bound without a message", bound_is_told, 1000, 0 },
	{ "a dry run changes nothing", dry_run_changes_nothing, 50, 0 },
	{ "a dry run with --probe leaves all bind states unchanged", probe_leaves_no_trace, 9, 0 },
	{ "a dry run with --probe predicts which entries are served, and by which APQNs", dry_run_tells_the_truth, 15, 0 },
	{ "a second run writes nothing if all entries are served", second_run_is_idle, 15, 0 },
	{ "a second run has the result of the first", second_run_changes_nothing, 140, 0 },
	{ "no queue is bound or associated if no more entries can be served", nothing_is_disturbed, 30, 0 },
	{ "a queue is associated only with a secret that an entry names for it", associations_are_named, 100, 0 },
	{ "no secret is added that is already present", no_secret_is_doubled, 1000, 0 },
	{ "all requested secrets are in the store, and a second run adds none", requests_are_submitted, 140, 0 },
	{ "the secret store is locked if and only if requested", store_is_locked, 1000, 0 },
	{ "a list writes nothing", list_only_looks, 1000, 0 },
	{ "a list ends before its deadline", list_ends_in_time, 1000, 0 },
	{ "a list fits a console of 80 columns", list_fits_console, 1000, 0 },
	{ "a list has all queues, with their correct bind states", list_is_true, 140, 0 },
};

const char *properties_check(const struct outcome *outcome)
{
	for (size_t i = 0; i < COUNT(properties); i++) {
		applies = true;
		if (!properties[i].holds(outcome))
			return properties[i].sentence;
		properties[i].count += applies;
	}
	return NULL;
}

bool properties_print(uint64_t runs)
{
	bool enough = true;

	for (size_t i = 0; i < COUNT(properties); i++) {
		const struct property *property = &properties[i];
		bool low = runs >= PROPERTIES_RUNS_MIN && property->count * 1000 < property->floor * runs;

		printf("%9" PRIu64 "  %s\n", property->count, property->sentence);
		if (low)
			printf("this does not hold: it applies to at least %u of 1,000 runs\n", property->floor);
		enough = enough && !low;
	}
	return enough;
}
