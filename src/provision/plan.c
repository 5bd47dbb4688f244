/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "provision/internal.h"

#define SLOW_MS 200                   /* the plan waits no longer than this for the identity of a queue */
#define ASSOCIATION_PATIENCE_MS 30000 /* but at most half of what is left */

/* --- slow queues: the plan does not wait for them ------------------------------------------------- */

static bool waits_long(const struct queue_task *task, int64_t now_ms)
{
	return task->waiting_since_ms != 0 && now_ms - task->waiting_since_ms >= SLOW_MS;
}

/* An abandoned association ends only when the next plan has its queue unbound. */
static bool is_given_up(const struct queue_task *task)
{
	return task->goal == GOAL_REST && task->apqn->association == APQN_ASSOCIATION_PENDING;
}

static bool card_is_slow(const struct provision *this, const struct card *card, int64_t now_ms)
{
	for (size_t i = card->first; i < card->first + card->count; i++) {
		const struct queue_task *task = &this->tasks[i];

		if (is_given_up(task) || (task->goal != GOAL_REST && waits_long(task, now_ms)))
			return true;
	}
	return false;
}

bool provision_is_slow(const struct provision *this, size_t i, int64_t now_ms)
{
	const struct queue_task *task = &this->tasks[i];
	const struct card *card = provision_card_of(task);
	const struct card_channel *channel = &this->calls.list[card - this->cards];

	if (task->goal != GOAL_IDENTIFY && task->goal != GOAL_SETTLE)
		return false;
	if (waits_long(task, now_ms) || (channel->under_way > 0 && now_ms - channel->since_ms >= SLOW_MS))
		return true;
	return provision_blocker(this, task) && card_is_slow(this, card, now_ms);
}

/* --- planning ------------------------------------------------------------------------------------- */

int provision_make_plan(struct provision *this)
{
	const struct provision_request *request = this->request;

	plan_release(&this->plan);
	return plan_make(request->config, this->apqns, this->count, request->secrets, &this->plan);
}

/* Plans without the slow queues, and marks them. */
static int plan_without_slow(struct provision *this, int64_t now_ms)
{
	int r;

	for (size_t i = 0; i < this->count; i++)
		this->tasks[i].slow = provision_is_slow(this, i, now_ms);
	for (size_t i = 0; i < this->count; i++) {
		if (this->tasks[i].slow && this->apqns[i].identity == APQN_IDENTITY_UNREAD)
			this->apqns[i].identity = APQN_IDENTITY_UNAVAILABLE;
		if (this->tasks[i].slow && this->tasks[i].goal == GOAL_SETTLE)
			this->apqns[i].association = APQN_ASSOCIATION_UNKNOWN;
	}
	r = provision_make_plan(this);
	for (size_t i = 0; i < this->count; i++) {
		if (this->tasks[i].slow && this->apqns[i].identity == APQN_IDENTITY_UNAVAILABLE)
			this->apqns[i].identity = APQN_IDENTITY_UNREAD;
		if (this->tasks[i].slow && this->tasks[i].goal == GOAL_SETTLE)
			this->apqns[i].association = APQN_ASSOCIATION_PENDING;
	}
	return r;
}

static bool entries_wait_for_slow(const struct provision *this)
{
	for (size_t i = 0; i < this->request->config->count; i++) {
		enum plan_reason reason = this->plan.entries[i].reason;

		if (reason == PLAN_UNKNOWN || reason == PLAN_UNDECIDED)
			return true;
	}
	return false;
}

/*
 * An unbind is being written, its effect was not seen yet (a bind that failed has not shown it), or the end of its
 * reset is waited for, because the serial number of the card cannot be read before.
 */
static bool unbind_goes_on(const struct queue_task *task)
{
	if (task->state == QUEUE_RESETTING)
		return task->goal == GOAL_UNBIND;
	return (task->call == CALL_WRITE_UNBIND || queue_unbind_unseen(task->state)) &&
	       !apqn_is_out_of_reach(task->apqn);
}

/* A bind may have taken effect, or not. */
static bool bind_is_uncertain(const struct queue_task *task)
{
	enum apqn_failure failure = task->apqn->failure;

	return queue_bind_unseen(task) && (failure == APQN_WORKING || failure == APQN_BIND_TIMEOUT);
}

/* The part of a queue's state that its goal depends on, beside the plan. */
enum situation { SETTLED, PENDING, CONFIRMING, UNCERTAIN, SITUATIONS };

static enum situation situation_of(const struct queue_task *task)
{
	if (unbind_goes_on(task) || bind_is_uncertain(task))
		return UNCERTAIN;
	if (task->apqn->association == APQN_ASSOCIATION_PENDING && task->apqn->failure == APQN_WORKING)
		return PENDING;
	return task->goal == GOAL_CONFIRM ? CONFIRMING : SETTLED;
}

/*
 * An association under way is waited for, because the other queues of the card wait for it. An unbind is waited for,
 * unless the next bind will show that it took effect.
 */
/* clang-format off */
static const enum queue_goal goals[][SITUATIONS] = {
	/*                     SETTLED         PENDING         CONFIRMING      UNCERTAIN */
	[PLAN_LEAVE]       = { GOAL_REST,      GOAL_SETTLE,    GOAL_REST,      GOAL_UNBIND },
	[PLAN_UNVERIFIED]  = { GOAL_REST,      GOAL_SETTLE,    GOAL_REST,      GOAL_UNBIND },
	[PLAN_KEEP]        = { GOAL_REST,      GOAL_ASSOCIATE, GOAL_CONFIRM,   GOAL_UNBIND },
	[PLAN_IDENTIFY]    = { GOAL_IDENTIFY,  GOAL_IDENTIFY,  GOAL_IDENTIFY,  GOAL_IDENTIFY },
	[PLAN_BIND]        = { GOAL_BIND,      GOAL_BIND,      GOAL_BIND,      GOAL_BIND },
	[PLAN_ASSOCIATE]   = { GOAL_ASSOCIATE, GOAL_ASSOCIATE, GOAL_ASSOCIATE, GOAL_ASSOCIATE },
	[PLAN_REASSOCIATE] = { GOAL_ASSOCIATE, GOAL_ASSOCIATE, GOAL_ASSOCIATE, GOAL_ASSOCIATE },
	[PLAN_UNBIND]      = { GOAL_UNBIND,    GOAL_UNBIND,    GOAL_UNBIND,    GOAL_UNBIND },
};
/* clang-format on */

enum queue_goal provision_goal(enum plan_goal wish)
{
	return goals[wish][SETTLED];
}

static int64_t association_give_up_ms(const struct provision *this, int64_t now_ms)
{
	int64_t patience_ms = ASSOCIATION_PATIENCE_MS;

	if (this->work_until_ms != MACHINE_FOREVER && (this->work_until_ms - now_ms) / 2 < patience_ms)
		patience_ms = (this->work_until_ms - now_ms) / 2;
	return now_ms + patience_ms;
}

static uint16_t planned_secret(const struct provision *this, size_t i)
{
	return (uint16_t)this->plan.entries[this->plan.apqns[i].entry].secret_index;
}

static void set_goal(struct provision *this, size_t i, enum queue_goal goal, int64_t now_ms)
{
	struct queue_task *task = &this->tasks[i];
	bool associates = goal == GOAL_ASSOCIATE;
	bool same_secret = !associates || task->secret_index == planned_secret(this, i);

	if (task->goal == goal && same_secret)
		return;
	if (goal == GOAL_REST) {
		task->goal = goal;
		return;
	}
	if (this->calls.list[provision_card_of(task) - this->cards].hung) {
		queue_task_fail(task, APQN_CARD_HUNG, -ETIMEDOUT);
		this->replan = true;
		return;
	}
	provision_log_goal(this, i, goal);
	if (associates) {
		task->secret_index = planned_secret(this, i);
		task->give_up_ms = association_give_up_ms(this, now_ms);
	}
	queue_task_begin(task, goal, now_ms);
}

/* Its master key fits an unserved entry, and only its unknown serial number may not. */
static bool serialnr_still_wanted(const struct provision *this, size_t i)
{
	const struct config *config = this->request->config;
	const struct apqn *apqn = &this->apqns[i];

	if (apqn->identity != APQN_IDENTITY_VALID || apqn->serialnr[0] != '\0')
		return false;
	for (size_t e = 0; e < config->count; e++) {
		const struct config_entry *entry = &config->entries[e];

		if (entry->mode == APQN_MODE_EP11 && entry->serialnr[0] != '\0' &&
		    this->plan.entries[e].apqn == PLAN_NONE && this->plan.entries[e].reason != PLAN_NO_SECRET &&
		    apqn->generation >= entry->min_generation &&
		    memcmp(apqn->mkvp, entry->mkvp, sizeof(entry->mkvp)) == 0)
			return true;
	}
	return false;
}

/* A slow queue keeps its goal as long as an entry may need it, or it may be serving already. */
static bool keeps_goal(const struct provision *this, size_t i, bool entries_wait)
{
	return entries_wait || this->plan.apqns[i].goal == PLAN_UNVERIFIED || serialnr_still_wanted(this, i);
}

/* After the work time, a queue that this run has bound and that cannot reach its goal is unbound. */
static enum queue_goal goal_without_time(const struct queue_task *task, enum queue_goal goal)
{
	bool useless = goal != GOAL_REST && task->bound_here && task->apqn->bind != APQN_UNBOUND;

	return goal == GOAL_UNBIND || task->goal == GOAL_UNBIND || useless ? GOAL_UNBIND : GOAL_REST;
}

static enum queue_goal goal_of_queue(const struct provision *this, size_t i, bool entries_wait, int64_t now_ms)
{
	const struct queue_task *task = &this->tasks[i];
	const struct plan_apqn *planned = &this->plan.apqns[i];
	enum queue_goal goal = goals[planned->goal][situation_of(task)];

	if (task->slow && keeps_goal(this, i, entries_wait))
		return task->goal;
	if (task->slow && task->apqn->bind == APQN_BOUND && planned->entry == PLAN_NONE)
		goal = GOAL_UNBIND;
	return provision_is_closing(this, now_ms) ? goal_without_time(task, goal) : goal;
}

int provision_plan(struct provision *this, int64_t now_ms)
{
	int r = plan_without_slow(this, now_ms);
	bool entries_wait;

	if (r < 0)
		return r;
	entries_wait = entries_wait_for_slow(this);
	this->replan = false;
	for (size_t i = 0; i < this->count; i++)
		set_goal(this, i, goal_of_queue(this, i, entries_wait, now_ms), now_ms);
	card_calls_wake(&this->calls);
	return 0;
}

/* --- dry run -------------------------------------------------------------------------------------- */

/* Rules out identities that need a write, unless probing is allowed. Returns true if there are any. */
static bool rule_out_identities(struct provision *this)
{
	bool any = false;

	for (size_t i = 0; i < this->count; i++) {
		struct apqn *apqn = &this->apqns[i];
		bool reads_only = apqn->bind == APQN_BOUND && apqn->association != APQN_ASSOCIATION_UNKNOWN;

		if (this->plan.apqns[i].goal != PLAN_IDENTIFY || reads_only ||
		    (this->request->probe && apqn->bind == APQN_UNBOUND))
			continue;
		apqn->identity = APQN_IDENTITY_UNAVAILABLE;
		any = true;
	}
	return any;
}

bool provision_release_probed(struct provision *this, int64_t now_ms)
{
	bool any = false;

	for (size_t i = 0; i < this->count; i++) {
		struct queue_task *task = &this->tasks[i];
		const struct apqn *apqn = task->apqn;

		if (task->goal == GOAL_UNBIND || !task->bound_here || apqn_is_out_of_reach(apqn) ||
		    apqn->mode != APQN_MODE_EP11 || apqn->association > APQN_UNASSOCIATED)
			continue;
		/* One that has failed is tried once. */
		task->bound_here = apqn->failure == APQN_WORKING;
		queue_task_begin(task, GOAL_UNBIND, now_ms);
		any = true;
	}
	card_calls_wake(&this->calls);
	return any;
}

int provision_plan_dry(struct provision *this, int64_t now_ms)
{
	int r;

	if (provision_any_task(this) || provision_release_probed(this, now_ms))
		return 0;
	do {
		r = provision_make_plan(this);
		if (r < 0)
			return r;
	} while (rule_out_identities(this));
	this->replan = false;
	for (size_t i = 0; i < this->count && !provision_is_closing(this, now_ms); i++) {
		if (this->plan.apqns[i].goal == PLAN_IDENTIFY)
			set_goal(this, i, GOAL_IDENTIFY, now_ms);
	}
	card_calls_wake(&this->calls);
	return 0;
}
