/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "log.h"
#include "provision_internal.h"

#define QUIET_MS 1000      /* no serial number is read on a card so shortly after an unbind: a reset may run */
#define GATE_INTERVAL_MS 5 /* until a gate is looked at again */

static struct card *card_of_lane(struct provision *this, const struct lane *lane)
{
	return &this->cards[lane - this->lanes.list];
}

/* --- gates: when an identity may be read ---------------------------------------------------------- */

/* No identity is read on a card with an association under way: the read would hang (kernel-found: the request is forgotten). */
static bool association_pending(const struct provision *this, const struct card *card)
{
	for (size_t i = card->first; i < card->first + card->count; i++) {
		const struct apqn *apqn = &this->apqns[i];

		if (apqn->association == APQN_ASSOCIATION_PENDING && apqn->failure != APQN_VANISHED)
			return true;
	}
	return false;
}

/* The serial number is asked of any usable queue of the card, so none of them may be in a reset. */
static bool reset_possible(const struct provision *this, const struct card *card, int64_t now_ms)
{
	if (card->unbound_ms != 0 && now_ms - card->unbound_ms < QUIET_MS)
		return true;
	for (size_t i = card->first; i < card->first + card->count; i++) {
		const struct queue_task *task = &this->tasks[i];

		if (task->goal != QUEUE_REST && (task->apqn->bind != APQN_BOUND || task->reset_may_run))
			return true;
	}
	return false;
}

bool provision_is_gated(const struct provision *this, const struct card *card, enum queue_action action, int64_t now_ms)
{
	if (action == QUEUE_READ_MKVPS)
		return association_pending(this, card);
	if (action == QUEUE_READ_SERIALNR)
		return association_pending(this, card) || reset_possible(this, card, now_ms);
	return false;
}

/* --- calls ---------------------------------------------------------------------------------------- */

/* The queue of the card that is due first, or PLAN_NONE; *due_ms says when. */
static size_t first_due(const struct provision *this, const struct card *card, int64_t now_ms, int64_t *due_ms)
{
	size_t first = PLAN_NONE;

	*due_ms = MACHINE_FOREVER;
	for (size_t i = card->first; i < card->first + card->count; i++) {
		const struct queue_task *task = &this->tasks[i];
		int64_t task_due_ms = task->due_ms;

		if (task->goal == QUEUE_REST)
			continue;
		if (task_due_ms <= now_ms && provision_is_gated(this, card, queue_task_next(task), now_ms))
			task_due_ms = now_ms + GATE_INTERVAL_MS;
		if (task_due_ms < *due_ms) {
			*due_ms = task_due_ms;
			first = i;
		}
	}
	return first;
}

static void prepare_call(struct lane *lane, const struct queue_task *task)
{
	static const char *const attributes[] = {
		[QUEUE_WRITE_BIND] = "se_bind",
		[QUEUE_WRITE_UNBIND] = "se_bind",
		[QUEUE_WRITE_ASSOCIATION] = "se_associate",
		[QUEUE_READ_BIND] = "se_bind",
		[QUEUE_READ_ASSOCIATION] = "se_associate",
		[QUEUE_READ_RESET] = "reset",
		[QUEUE_READ_MKVPS] = "mkvps",
	};
	const char *text = task->action == QUEUE_WRITE_BIND ? "1" : "0";
	char index[8];

	if (task->action == QUEUE_READ_SERIALNR) {
		lanes_read(lane, "devices/ap/card%02x/serialnr", task->apqn->card);
		return;
	}
	if (task->action == QUEUE_WRITE_ASSOCIATION) {
		snprintf(index, sizeof(index), "%u", task->secret_index);
		text = index;
	}
	if (task->action <= QUEUE_WRITE_ASSOCIATION)
		lanes_write(lane, text, "devices/ap/card%02x/%02x.%04x/%s", task->apqn->card, task->apqn->card,
			    task->apqn->domain, attributes[task->action]);
	else
		lanes_read(lane, "devices/ap/card%02x/%02x.%04x/%s", task->apqn->card, task->apqn->card, task->apqn->domain,
			   attributes[task->action]);
}

bool provision_next(struct lane *lane, int64_t now_ms, void *context)
{
	struct provision *this = context;
	struct card *card = card_of_lane(this, lane);
	size_t i = first_due(this, card, now_ms, &lane->due_ms);

	if (i == PLAN_NONE || lane->due_ms > now_ms)
		return false;
	card->current = i;
	this->tasks[i].action = queue_task_next(&this->tasks[i]);
	prepare_call(lane, &this->tasks[i]);
	return true;
}

static bool serves_entry(const struct provision *this, size_t i)
{
	return this->plan.apqns && this->plan.apqns[i].goal == PLAN_KEEP;
}

/* The kernel did not come back: nothing on this card is touched any more. What already serves an entry goes on doing so. */
static void card_stuck(struct provision *this, const struct card *card)
{
	log_warning("card%02x: %s; it is left alone from now on", this->apqns[card->first].card,
		    apqn_failure_text(APQN_CARD_STUCK));
	for (size_t i = card->first; i < card->first + card->count; i++) {
		struct queue_task *task = &this->tasks[i];

		if (task->goal != QUEUE_REST || i == card->current || !serves_entry(this, i))
			queue_task_fail(task, APQN_CARD_STUCK, -ETIMEDOUT);
	}
}

static void share_serialnr(struct provision *this, const struct card *card)
{
	for (size_t i = card->first; i < card->first + card->count; i++) {
		struct queue_task *task = &this->tasks[i];

		memcpy(this->apqns[i].serialnr, card->serialnr.text, sizeof(card->serialnr.text));
		/* Those that waited for nothing else are identified now. */
		if (task->goal == QUEUE_IDENTIFY && task->apqn->identity == APQN_IDENTITY_VALID)
			task->goal = QUEUE_REST;
	}
}

/* A bind refused while others are bound most likely hit the limit of bound queues: it gets another try after a release. */
static void note_refusal(struct provision *this, size_t refused)
{
	for (size_t i = 0; i < this->count; i++) {
		if (i != refused && this->apqns[i].bind == APQN_BOUND) {
			this->apqns[refused].failure = APQN_BIND_LIMIT;
			this->refused_at[refused] = this->releases;
			this->refusals++;
			return;
		}
	}
}

/*
 * An association that takes longer than it should is given up only if another APQN can take its place; else it may go on
 * until the work time is over.
 */
static bool has_alternative(const struct provision *this, size_t i)
{
	cleanup_(plan_release) struct plan trial = { 0 };
	size_t duplicate[2];
	enum apqn_failure failure = this->apqns[i].failure;
	bool better;

	this->apqns[i].failure = APQN_ASSOCIATION_TIMEOUT;
	better = plan_make(this->request->config, this->apqns, this->count, this->request->secrets, &trial, duplicate) == 0 &&
		 (trial.satisfied >= this->plan.satisfied || trial.identify > 0);
	this->apqns[i].failure = failure;
	return better;
}

static void check_patience(struct provision *this, size_t i, int64_t now_ms)
{
	struct queue_task *task = &this->tasks[i];

	if (task->apqn->association != APQN_ASSOCIATION_PENDING || now_ms < task->give_up_ms)
		return;
	if (task->goal == QUEUE_SETTLE) {
		/* Nobody knows what it will become: a new bind puts an end to it. */
		task->apqn->association = APQN_ASSOCIATION_UNKNOWN;
		task->goal = QUEUE_REST;
	} else if (task->goal == QUEUE_ASSOCIATE && has_alternative(this, i)) {
		queue_task_fail(task, APQN_ASSOCIATION_TIMEOUT, 0);
	} else {
		task->give_up_ms = this->work_until_ms;
	}
}

/* Whether a result may change the plan. What went as planned does not. */
static bool is_news(const struct provision *this, const struct queue_task *task, const struct apqn *before,
		    enum queue_goal goal_before)
{
	if (task->apqn->failure != before->failure)
		return true;
	if (goal_before == QUEUE_REST)
		return task->apqn->bind != before->bind; /* a call that was under way when the goal was dropped */
	if (task->goal != QUEUE_REST)
		return false;
	/* A release may let others be bound, and ends a probe of a dry run. */
	return goal_before == QUEUE_IDENTIFY || goal_before == QUEUE_SETTLE ||
	       (goal_before == QUEUE_UNBIND && (this->refusals > 0 || this->request->dry_run));
}

static void note_result(struct provision *this, struct card *card, enum queue_action action, const struct apqn *before,
			int64_t now_ms)
{
	const struct queue_task *task = &this->tasks[card->current];

	if (action == QUEUE_READ_SERIALNR && !card->serialnr.wanted)
		share_serialnr(this, card);
	if (action == QUEUE_WRITE_UNBIND)
		card->unbound_ms = now_ms;
	if (action == QUEUE_READ_BIND && task->apqn->bind == APQN_UNBOUND)
		this->releases++;
	if (task->apqn->failure == APQN_BIND_REFUSED && before->failure == APQN_WORKING)
		note_refusal(this, card->current);
}

void provision_done(struct lane *lane, int64_t now_ms, void *context)
{
	struct provision *this = context;
	struct card *card = card_of_lane(this, lane);
	struct queue_task *task = &this->tasks[card->current];
	struct apqn before = *task->apqn;
	enum queue_action action = task->action;
	enum queue_goal goal_before = task->goal;

	if (lane->stuck) {
		card_stuck(this, card);
		this->changed = true;
		return;
	}
	queue_task_done(task, lane->call.error, lane->data, now_ms);
	note_result(this, card, action, &before, now_ms);
	check_patience(this, card->current, now_ms);
	provision_log_result(task, &before, now_ms);
	if (is_news(this, task, &before, goal_before))
		this->changed = true;
}
