/* SPDX-License-Identifier: MIT */
#include "provision/provision.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "provision/internal.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/wait.h"

#define SLOW_CHECK_MS 50 /* how often to check whether a queue has become slow */
#define SETTLE_PATIENCE_MS 10000
#define IDENTIFY_LIMIT_MS 4000 /* of all reads of provision_identify_bound; one call may take a quarter of it */
#define TIDY_UP_MS 1000        /* reserved for unbinding what is not needed, but at most a tenth of the time */

/* --- setting up ----------------------------------------------------------------------------------- */

static bool wants_serialnr(const struct config *config)
{
	for (size_t i = 0; i < config->count; i++) {
		if (config->entries[i].mode == APQN_MODE_EP11 && config->entries[i].serialnr[0] != '\0')
			return true;
	}
	return false;
}

/* At most one for each queue. */
static void init_cards(struct provision *this, bool serialnr_wanted)
{
	struct card *card = NULL;

	for (size_t i = 0; i < this->count; i++) {
		if (i == 0 || this->apqns[i].card != this->apqns[i - 1].card) {
			card = &this->cards[this->card_count++];
			card->first = i;
			card->serialnr.wanted = serialnr_wanted;
		}
		card->count++;
		this->tasks[i].apqn = &this->apqns[i];
		this->tasks[i].serialnr = &card->serialnr;
		this->tasks[i].state = queue_state_found(&this->apqns[i]);
	}
}

/* Allocates tasks, cards and channels; the other members are set before. 0 or -ENOMEM. Release it in any case. */
static int init(struct provision *this, struct machine *machine, bool serialnr_wanted)
{
	size_t count = this->count > 0 ? this->count : 1;

	this->tasks = calloc(count, sizeof(*this->tasks));
	this->cards = calloc(count, sizeof(*this->cards));
	if (!this->tasks || !this->cards)
		return -ENOMEM;
	init_cards(this, serialnr_wanted);
	this->calls = (struct card_calls){
		.machine = machine,
		.deadline_ms = this->request->deadline_ms,
		.next = provision_next,
		.done = provision_done,
		.context = this,
	};
	if (card_calls_create(&this->calls, this->card_count) < 0)
		return -ENOMEM;
	for (size_t c = 0; c < this->card_count; c++)
		this->calls.list[c].card = this->apqns[this->cards[c].first].card;
	return 0;
}

static void release(struct provision *this)
{
	plan_release(&this->plan);
	card_calls_release(&this->calls);
	free(this->cards);
	free(this->tasks);
}

/* Wait for associations that an earlier run started. */
static void settle_pending(struct provision *this, int64_t now_ms)
{
	int64_t give_up_ms = now_ms + SETTLE_PATIENCE_MS;

	for (size_t i = 0; i < this->count; i++) {
		if (this->apqns[i].association != APQN_ASSOCIATION_PENDING || this->apqns[i].failure != APQN_WORKING)
			continue;
		queue_task_begin(&this->tasks[i], GOAL_SETTLE, now_ms);
		this->tasks[i].give_up_ms = give_up_ms < this->work_until_ms ? give_up_ms : this->work_until_ms;
	}
}

/* --- the run -------------------------------------------------------------------------------------- */

bool provision_any_task(const struct provision *this)
{
	for (size_t i = 0; i < this->count; i++) {
		if (this->tasks[i].goal != GOAL_REST)
			return true;
	}
	return false;
}

/* True if a queue will soon be identified: a plan made now would know too little. */
static bool identities_expected(const struct provision *this, int64_t now_ms)
{
	for (size_t i = 0; i < this->count; i++) {
		enum queue_goal goal = this->tasks[i].goal;

		if ((goal == GOAL_IDENTIFY || goal == GOAL_SETTLE) && !provision_is_slow(this, i, now_ms))
			return true;
	}
	return false;
}

static int no_plan(void)
{
	log_error("cannot make a plan: %s", strerror(ENOMEM));
	return -ENOMEM;
}

/* After an error nothing but what was bound only to be identified changes, also when a bind completes later. */
static void plan_anew(struct provision *this, int64_t now_ms)
{
	if (this->error == 0 &&
	    (this->request->dry_run ? provision_plan_dry(this, now_ms) : provision_plan(this, now_ms)) < 0)
		this->error = no_plan();
	if (this->error == 0)
		return;
	this->replan = false;
	for (size_t i = 0; i < this->count; i++) {
		if (this->tasks[i].goal != GOAL_UNBIND)
			this->tasks[i].goal = GOAL_REST;
	}
	provision_release_probed(this, now_ms);
}

/* The work time is over, which is no fault of the queue. */
static void give_up(struct provision *this, struct queue_task *task, int64_t now_ms)
{
	struct apqn before = *task->apqn;

	if (task->goal == GOAL_IDENTIFY && before.identity == APQN_IDENTITY_VALID) {
		/* Only the serial number is missing. */
		task->serialnr->wanted = false;
		task->goal = GOAL_REST;
	}
	if (task->goal == GOAL_CONFIRM)
		task->goal = GOAL_REST;
	if (task->goal == GOAL_REST || task->goal == GOAL_UNBIND)
		return;
	this->replan = true;
	if (before.bind != APQN_BOUND) {
		queue_task_fail(task, APQN_BIND_TIMEOUT, 0);
	} else if (task->goal == GOAL_IDENTIFY) {
		provision_note_wait(this, task);
		queue_task_fail(task, APQN_DEADLINE, 0);
	} else {
		queue_task_fail(task, APQN_ASSOCIATION_TIMEOUT, 0);
	}
	provision_log_result(task, &before, false, now_ms);
}

/* Queues that are not ready have failed; the rest of the time is for unbinding. */
static void close_work(struct provision *this, int64_t now_ms)
{
	for (size_t i = 0; i < this->count; i++)
		give_up(this, &this->tasks[i], now_ms);
	for (size_t i = 0; i < this->count; i++) {
		this->tasks[i].serialnr->wanted = false;
		queue_task_update(&this->tasks[i]);
	}
}

/* Makes a new plan if one is due and no queue is about to be identified. Returns true if one is, afterwards. */
static bool plan_if_due(struct provision *this, int64_t now_ms)
{
	bool expected = identities_expected(this, now_ms);

	if (this->replan && !expected) {
		plan_anew(this, now_ms);
		expected = identities_expected(this, now_ms);
	}
	this->replan = this->replan || expected;
	return expected;
}

static int run(struct provision *this)
{
	for (;;) {
		int64_t now_ms = machine_now_ms(this->calls.machine), until_ms = this->work_until_ms;
		bool expected;
		int r;

		if (provision_is_closing(this, now_ms)) {
			close_work(this, now_ms);
			until_ms = this->request->deadline_ms;
		}
		if (now_ms >= this->request->deadline_ms) {
			r = card_calls_finish(&this->calls);
			return r < 0 ? r : this->error;
		}
		expected = plan_if_due(this, now_ms);
		if (!provision_any_task(this) && !this->replan && !card_calls_busy(&this->calls))
			return this->error;
		if (expected && now_ms + SLOW_CHECK_MS < until_ms)
			until_ms = now_ms + SLOW_CHECK_MS;
		provision_show_progress(this, now_ms);
		r = card_calls_turn(&this->calls, progress_until(now_ms, until_ms));
		if (r < 0)
			return r;
	}
}

/* An entry whose APQN was chosen but is not ready is not satisfied. */
static void drop_unready(const struct config *config, struct plan *plan)
{
	for (size_t i = 0; i < config->count; i++) {
		struct plan_entry *entry = &plan->entries[i];

		if (entry->apqn == PLAN_NONE || plan->apqns[entry->apqn].goal == PLAN_KEEP)
			continue;
		plan->apqns[entry->apqn] = (struct plan_apqn){ .goal = PLAN_LEAVE, .entry = PLAN_NONE };
		entry->detail = entry->apqn;
		entry->reason = PLAN_NO_TIME;
		entry->apqn = PLAN_NONE;
		plan->satisfied--;
	}
}

static int conclude(struct provision *this, struct plan *plan)
{
	for (size_t i = 0; i < this->count; i++) {
		const struct queue_task *task = &this->tasks[i];

		/* An unbind whose effect was not seen. */
		if (task->goal != GOAL_UNBIND ||
		    (task->apqn->bind == APQN_UNBOUND && !queue_unbind_unseen(task->state)))
			continue;
		this->apqns[i].bind = APQN_BOUND;
		if (this->apqns[i].failure == APQN_WORKING)
			queue_task_fail(&this->tasks[i], APQN_STAYS_BOUND, 0);
	}
	if (provision_make_plan(this) < 0)
		return no_plan();
	if (!this->request->dry_run)
		drop_unready(this->request->config, &this->plan);
	provision_log_outcome(this);
	*plan = this->plan;
	this->plan = (struct plan){ 0 };
	return 0;
}

static int64_t work_end_ms(const struct provision_request *request)
{
	int64_t tidy_up_ms = request->timeout_ms / 10 < TIDY_UP_MS ? request->timeout_ms / 10 : TIDY_UP_MS;

	return request->deadline_ms == MACHINE_FOREVER ? MACHINE_FOREVER : request->deadline_ms - tidy_up_ms;
}

int provision_run(struct machine *machine, const struct provision_request *request, struct apqn *apqns,
		  size_t apqn_count, struct plan *plan)
{
	cleanup_(release) struct provision this = {
		.request = request,
		.apqns = apqns,
		.count = apqn_count,
		.work_until_ms = work_end_ms(request),
		.replan = true,
	};
	int r;

	if (init(&this, machine, wants_serialnr(request->config)) < 0)
		return no_plan();
	settle_pending(&this, machine_now_ms(machine));
	r = run(&this);
	return r < 0 ? r : conclude(&this, plan);
}

/* --- no run, only identities ---------------------------------------------------------------------- */

/* No reset and no association is under way. */
static bool is_settled(const struct apqn *apqn)
{
	if (apqn->failure != APQN_WORKING || apqn->bind == APQN_BIND_UNKNOWN)
		return false;
	return apqn->bind != APQN_BOUND || apqn->association == APQN_UNASSOCIATED ||
	       apqn->association == APQN_ASSOCIATED;
}

static bool is_readable(const struct apqn *apqn)
{
	return apqn->mode == APQN_MODE_EP11 && apqn->bind == APQN_BOUND && apqn->online;
}

static void begin_reading(struct provision *this, int64_t now_ms)
{
	for (size_t c = 0; c < this->card_count; c++) {
		const struct card *card = &this->cards[c];
		const struct apqn *apqns = &this->apqns[card->first];
		bool settled = apqns->mode == APQN_MODE_EP11;

		for (size_t i = 0; i < card->count; i++)
			settled = settled && is_settled(&apqns[i]);
		for (size_t i = 0; i < card->count; i++) {
			if (settled && is_readable(&apqns[i]))
				queue_task_begin(&this->tasks[card->first + i], GOAL_IDENTIFY, now_ms);
		}
	}
}

int provision_identify_bound(struct machine *machine, int64_t deadline_ms, struct apqn *apqns, size_t apqn_count)
{
	static const struct config config;
	int64_t now_ms = machine_now_ms(machine);
	int64_t until_ms = deadline_ms - now_ms < IDENTIFY_LIMIT_MS ? deadline_ms : now_ms + IDENTIFY_LIMIT_MS;
	const struct provision_request request = { .config = &config, .dry_run = true, .deadline_ms = until_ms };
	/* No work time: what is not read by the deadline has not failed. */
	cleanup_(release) struct provision this = {
		.request = &request, .apqns = apqns, .count = apqn_count, .work_until_ms = MACHINE_FOREVER
	};
	int r = init(&this, machine, true);

	if (r < 0) {
		log_error("cannot read master keys: %s", strerror(-r));
		return r;
	}
	begin_reading(&this, now_ms);
	/* A dry run without entries: its plan gives no queue anything else to do. */
	return run(&this);
}
