/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "provision/internal.h"
#include "util/cleanup.h"

#define LATE_MS 200                   /* a queue that is identified no sooner does not hold up the plan */
#define ASSOCIATION_PATIENCE_MS 30000 /* but at most half of what is left */

/* --- who holds up the plan ------------------------------------------------------------------------ */

static bool is_slow(const struct queue_task *task, int64_t now_ms)
{
	return task->waiting_since_ms != 0 && now_ms - task->waiting_since_ms >= LATE_MS;
}

/* An association that nobody waits for any more goes away only when the next plan has its queue unbound. */
static bool is_given_up(const struct queue_task *task)
{
	return task->goal == GOAL_REST && task->apqn->association == APQN_ASSOCIATION_PENDING;
}

static bool card_is_slow(const struct provision *this, const struct card *card, int64_t now_ms)
{
	for (size_t i = card->first; i < card->first + card->count; i++) {
		const struct queue_task *task = &this->tasks[i];

		if (is_given_up(task) || (task->goal != GOAL_REST && is_slow(task, now_ms)))
			return true;
	}
	return false;
}

/* A queue still to be identified (or to settle) that has kept us for long, itself or by the card it is on. */
bool provision_is_late(const struct provision *this, const struct card *card, size_t i, int64_t now_ms)
{
	const struct queue_task *task = &this->tasks[i];
	const struct lane *lane = &this->lanes.list[card - this->cards];
	struct card_gate gate;

	if (task->goal != GOAL_IDENTIFY && task->goal != GOAL_SETTLE)
		return false;
	if (is_slow(task, now_ms) || (lane->under_way > 0 && now_ms - lane->since_ms >= LATE_MS))
		return true;
	gate = provision_gate(this, card);
	return provision_is_gated(&gate, queue_task_next(task)) && card_is_slow(this, card, now_ms);
}

/* --- planning ------------------------------------------------------------------------------------- */

/* Queues refused for the limit of bound queues get another try once others were released. */
void provision_readmit_refused(struct provision *this)
{
	for (size_t i = 0; i < this->count; i++) {
		if (this->apqns[i].failure == APQN_BIND_LIMIT && this->refused_at[i] < this->releases) {
			this->apqns[i].failure = APQN_WORKING;
			this->apqns[i].failure_error = 0;
		}
	}
}

int provision_make_plan(struct provision *this)
{
	const struct provision_request *request = this->request;

	plan_release(&this->plan);
	return plan_make(request->config, this->apqns, this->count, request->secrets, &this->plan);
}

/* Plans as if late queues could not be known, and says for each of them that it was. */
static int plan_without_late(struct provision *this, bool *late, int64_t now_ms)
{
	int r;

	for (size_t c = 0; c < this->card_count; c++) {
		const struct card *card = &this->cards[c];

		for (size_t i = card->first; i < card->first + card->count; i++)
			late[i] = provision_is_late(this, card, i, now_ms);
	}
	for (size_t i = 0; i < this->count; i++) {
		if (late[i] && this->apqns[i].identity == APQN_IDENTITY_UNREAD)
			this->apqns[i].identity = APQN_IDENTITY_WITHHELD;
		if (late[i] && this->tasks[i].goal == GOAL_SETTLE)
			this->apqns[i].association = APQN_ASSOCIATION_UNKNOWN;
	}
	r = provision_make_plan(this);
	for (size_t i = 0; i < this->count; i++) {
		if (late[i] && this->apqns[i].identity == APQN_IDENTITY_WITHHELD)
			this->apqns[i].identity = APQN_IDENTITY_UNREAD;
		if (late[i] && this->tasks[i].goal == GOAL_SETTLE)
			this->apqns[i].association = APQN_ASSOCIATION_PENDING;
	}
	return r;
}

static bool late_still_wanted(const struct provision *this)
{
	for (size_t i = 0; i < this->request->config->count; i++) {
		enum plan_reason reason = this->plan.entries[i].reason;

		if (reason == PLAN_UNKNOWN || reason == PLAN_UNDECIDED)
			return true;
	}
	return false;
}

static enum queue_goal goal_of_plan(const struct provision *this, size_t i)
{
	switch (this->plan.apqns[i].goal) {
	case PLAN_LEAVE:
	case PLAN_UNSURE:
		/* The plan changed while the association was being written. As long as it is pending, the card waits. */
		if (this->apqns[i].association == APQN_ASSOCIATION_PENDING && this->apqns[i].failure == APQN_WORKING)
			return GOAL_SETTLE;
		break;
	case PLAN_KEEP:
		/* It counts as satisfied while its association is under way; somebody still has to look. */
		if (this->apqns[i].association == APQN_ASSOCIATION_PENDING)
			return GOAL_ASSOCIATE;
		return this->tasks[i].goal == GOAL_CONFIRM ? GOAL_CONFIRM : GOAL_REST;
	case PLAN_IDENTIFY:
		return GOAL_IDENTIFY;
	case PLAN_BIND:
		return GOAL_BIND;
	case PLAN_ASSOCIATE:
	case PLAN_REASSOCIATE:
		return GOAL_ASSOCIATE;
	case PLAN_UNBIND:
		return GOAL_UNBIND;
	}
	return GOAL_REST;
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

void provision_set_goal(struct provision *this, const struct card *card, size_t i, enum queue_goal goal, int64_t now_ms)
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
	if (this->lanes.list[card - this->cards].stuck) {
		queue_task_fail(task, APQN_CARD_STUCK, -ETIMEDOUT);
		this->changed = true;
		return;
	}
	provision_log_goal(this, i, goal);
	if (associates) {
		task->secret_index = planned_secret(this, i);
		task->give_up_ms = association_give_up_ms(this, now_ms);
	}
	queue_task_begin(task, goal, now_ms);
}

/* Its master key is known, and an entry that nobody serves is only kept from it by its serial number, not known yet. */
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

static enum queue_goal goal_of_queue(const struct provision *this, size_t i, bool late, bool late_wanted)
{
	const struct queue_task *task = &this->tasks[i];
	enum queue_goal goal = goal_of_plan(this, i);

	/* A slow one may be torn down when nobody wants it any more, but not if it may be serving already. */
	if (late && (late_wanted || this->plan.apqns[i].goal == PLAN_UNSURE || serialnr_still_wanted(this, i)))
		return task->goal;
	/* Whether an unbind took effect is looked at, unless the next bind will tell. */
	if (goal == GOAL_REST && queue_unbind_unseen(task->state) &&
	    (task->goal == GOAL_UNBIND || task->apqn->failure == APQN_WORKING))
		return GOAL_UNBIND;
	if (late && this->apqns[i].bind == APQN_BOUND && this->plan.apqns[i].entry == PLAN_NONE)
		goal = GOAL_UNBIND;
	if (!this->closing || goal == GOAL_UNBIND)
		return goal;
	/* No queue is looked at any more to decide whether it is needed after all. */
	if (task->goal == GOAL_UNBIND)
		return GOAL_UNBIND;
	/* There is no time to bring it to its state any more: what this run has bound for that is released. */
	return goal != GOAL_REST && task->bound_here && task->apqn->bind != APQN_UNBOUND ? GOAL_UNBIND : GOAL_REST;
}

static void apply_plan(struct provision *this, const bool *late, int64_t now_ms)
{
	bool late_wanted = late_still_wanted(this);

	for (size_t c = 0; c < this->card_count; c++) {
		const struct card *card = &this->cards[c];

		for (size_t i = card->first; i < card->first + card->count; i++)
			provision_set_goal(this, card, i, goal_of_queue(this, i, late[i], late_wanted), now_ms);
	}
	lanes_wake(&this->lanes);
}

int provision_plan(struct provision *this, int64_t now_ms)
{
	cleanup_free_ bool *late = calloc(this->count > 0 ? this->count : 1, sizeof(*late));
	int r;

	if (!late)
		return -ENOMEM;
	provision_readmit_refused(this);
	r = plan_without_late(this, late, now_ms);
	if (r < 0)
		return r;
	this->changed = false;
	apply_plan(this, late, now_ms);
	return 0;
}
