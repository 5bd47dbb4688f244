/* SPDX-License-Identifier: MIT */
#include "provision/internal.h"

/* Identities that would take a write are unavailable, unless probing is allowed. Returns true if any is. */
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

static void start_reading(struct provision *this, int64_t now_ms)
{
	for (size_t c = 0; c < this->card_count; c++) {
		const struct card *card = &this->cards[c];

		for (size_t i = card->first; i < card->first + card->count; i++) {
			if (this->plan.apqns[i].goal == PLAN_IDENTIFY)
				provision_set_goal(this, card, i, GOAL_IDENTIFY, now_ms);
		}
	}
	card_calls_wake(&this->calls);
}

/* Queues that probing has bound are unbound again. Returns true if there are such. */
static bool undo_probes(struct provision *this, int64_t now_ms)
{
	bool any = false;

	for (size_t i = 0; i < this->count; i++) {
		struct queue_task *task = &this->tasks[i];

		if (!task->bound_here || task->apqn->bind == APQN_UNBOUND || apqn_is_out_of_reach(task->apqn))
			continue;
		queue_task_begin(task, GOAL_UNBIND, now_ms);
		any = true;
	}
	card_calls_wake(&this->calls);
	return any;
}

int provision_plan_dry(struct provision *this, int64_t now_ms)
{
	int r;

	if (provision_any_task(this) || undo_probes(this, now_ms))
		return 0;
	provision_readmit_refused(this);
	do {
		r = provision_make_plan(this);
		if (r < 0)
			return r;
	} while (rule_out_identities(this));
	this->replan = false;
	if (!provision_is_closing(this, now_ms))
		start_reading(this, now_ms);
	return 0;
}
