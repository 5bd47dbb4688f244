/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "provision/internal.h"
#include "util/cleanup.h"
#include "util/log.h"

#define BLOCKED_INTERVAL_MS 5 /* until a blocked call is tried again */

static void format_path(const struct queue_task *task, enum queue_call call, char path[MACHINE_PATH_SIZE])
{
	static const char *const attributes[] = {
		[CALL_WRITE_BIND] = "se_bind",
		[CALL_WRITE_UNBIND] = "se_bind",
		[CALL_WRITE_ASSOCIATION] = "se_associate",
		[CALL_READ_BIND] = "se_bind",
		[CALL_READ_ASSOCIATION] = "se_associate",
		[CALL_READ_RESET] = "reset",
		[CALL_READ_MKVPS] = "mkvps",
		[CALL_READ_SERIALNR] = "serialnr",
	};
	unsigned int card = task->apqn->card;

	if (call == CALL_READ_SERIALNR)
		snprintf(path, MACHINE_PATH_SIZE, "devices/ap/card%02x/%s", card, attributes[call]);
	else
		snprintf(path, MACHINE_PATH_SIZE, "devices/ap/card%02x/%02x.%04x/%s", card, card, task->apqn->domain,
			 attributes[call]);
}

/* --- when an identity may be read ----------------------------------------------------------------- */

static bool association_is_near(const struct queue_task *task)
{
	return task->call == CALL_WRITE_ASSOCIATION ||
	       (task->apqn->association == APQN_ASSOCIATION_PENDING && task->apqn->failure != APQN_VANISHED);
}

/* A queue to be bound may be in the first reset of the driver; one to be unbound will be reset. */
static bool reset_is_near(const struct queue_task *task)
{
	return task->goal != GOAL_REST &&
	       (task->apqn->bind != APQN_BOUND || task->state == QUEUE_FOUND || task->state == QUEUE_RESET_OVER ||
		queue_task_next(task) == CALL_WRITE_UNBIND);
}

/*
 * The kernel forgets an identity read on a card with an association under way; the read hangs. The kernel reads the
 * serial number through any usable queue of the card, so no queue may be in a reset.
 */
static bool hinders(const struct queue_task *other, enum queue_call call)
{
	if (call == CALL_READ_MKVPS)
		return association_is_near(other);
	if (call == CALL_READ_SERIALNR)
		return association_is_near(other) || reset_is_near(other) || other->call == CALL_READ_SERIALNR;
	return false;
}

const struct queue_task *provision_blocker(const struct provision *this, const struct queue_task *task)
{
	const struct card *card = provision_card_of(task);
	enum queue_call call = queue_task_next(task);

	for (size_t i = card->first; i < card->first + card->count; i++) {
		if (hinders(&this->tasks[i], call))
			return &this->tasks[i];
	}
	return NULL;
}

void provision_note_wait(const struct provision *this, struct queue_task *task)
{
	const struct queue_task *blocker = task->call == CALL_NONE ? provision_blocker(this, task) : NULL;
	enum queue_call call = task->call != CALL_NONE ? task->call : queue_task_next(task);
	char path[MACHINE_PATH_SIZE];

	if (blocker && association_is_near(blocker))
		call = CALL_READ_ASSOCIATION;
	else if (blocker && blocker->call != CALL_READ_SERIALNR)
		call = CALL_READ_RESET;
	format_path(blocker ? blocker : task, call, path);
	apqn_note_call(task->apqn, path, 0);
}

/* --- calls ---------------------------------------------------------------------------------------- */

/* The queue of the card that is due first and has no call under way, or NULL; *due_ms says when. */
static struct queue_task *first_due(const struct provision *this, const struct card *card, int64_t now_ms,
				    int64_t *due_ms)
{
	struct queue_task *first = NULL;

	*due_ms = MACHINE_FOREVER;
	for (size_t i = card->first; i < card->first + card->count; i++) {
		struct queue_task *task = &this->tasks[i];
		int64_t task_due_ms = task->due_ms;

		if (task->goal == GOAL_REST || task->call != CALL_NONE || task_due_ms >= *due_ms)
			continue;
		if (task_due_ms <= now_ms && provision_blocker(this, task))
			task_due_ms = now_ms + BLOCKED_INTERVAL_MS;
		if (task_due_ms < *due_ms) {
			*due_ms = task_due_ms;
			first = task;
		}
	}
	return first;
}

static void prepare_call(struct machine_call *call, const struct queue_task *task)
{
	unsigned int number = task->call == CALL_WRITE_BIND; /* 0: unbind */

	format_path(task, task->call, call->path);
	if (!queue_call_is_write(task->call))
		return;
	if (task->call == CALL_WRITE_ASSOCIATION)
		number = task->asked_index;
	call->operation = MACHINE_WRITE;
	call->length = (size_t)snprintf(call->data, call->size, "%u", number);
}

bool provision_next(struct card_channel *channel, struct machine_call *call, int64_t now_ms, void *context)
{
	struct provision *this = context;
	const struct card *card = &this->cards[channel - this->calls.list];
	struct queue_task *task = first_due(this, card, now_ms, &channel->due_ms);

	if (!task || channel->due_ms > now_ms)
		return false;
	queue_task_start(task);
	call->context = task;
	prepare_call(call, task);
	return true;
}

/* True if the queue is in the planned state. */
static bool serves_entry(const struct provision *this, size_t i)
{
	const struct apqn *apqn = &this->apqns[i];

	if (!this->plan.apqns || this->plan.apqns[i].entry == PLAN_NONE || apqn->bind != APQN_BOUND)
		return false;
	if (apqn->mode == APQN_MODE_ACCEL)
		return true;
	return apqn->association == APQN_ASSOCIATED &&
	       apqn->association_index == this->plan.entries[this->plan.apqns[i].entry].secret_index;
}

/* A call hangs: no further call on this card. A queue that serves an entry still does. */
static void card_hung(struct provision *this, const struct card *card, const struct machine_call *call)
{
	struct apqn culprit = { .failure = APQN_CARD_HUNG };
	char text[APQN_FAILURE_SIZE];

	this->replan = true;
	apqn_note_call(&culprit, call->path, call->limit_ms);
	apqn_format_failure(&culprit, text);
	log_warning("card%02x: %s; this card is not used again in this run", this->apqns[card->first].card, text);
	for (size_t i = card->first; i < card->first + card->count; i++) {
		struct queue_task *task = &this->tasks[i];

		if (task->goal == GOAL_CONFIRM)
			task->goal = GOAL_REST;
		if (task->goal == GOAL_REST && serves_entry(this, i))
			continue;
		queue_task_fail(task, APQN_CARD_HUNG, -ETIMEDOUT);
		memcpy(task->apqn->failure_call, culprit.failure_call, sizeof(culprit.failure_call));
	}
}

/* It may identify queues that have waited for it, whichever of them has read it. */
static void share_serialnr(struct provision *this, const struct card *card)
{
	this->replan = true;
	for (size_t i = card->first; i < card->first + card->count; i++) {
		struct queue_task *task = &this->tasks[i];

		memcpy(this->apqns[i].serialnr, card->serialnr.text, sizeof(card->serialnr.text));
		queue_task_update(task);
	}
}

/* A bind refused while others are bound most likely hit the limit of bound queues. */
static void note_refusal(struct provision *this, size_t refused)
{
	for (size_t i = 0; i < this->count; i++) {
		if (i != refused && this->apqns[i].bind == APQN_BOUND)
			this->apqns[refused].failure = APQN_BIND_LIMIT;
	}
}

/* An unbind may let others be bound. */
static void readmit_refused(struct provision *this)
{
	for (size_t i = 0; i < this->count; i++) {
		if (this->apqns[i].failure != APQN_BIND_LIMIT)
			continue;
		this->apqns[i].failure = APQN_WORKING;
		this->apqns[i].failure_error = 0;
		this->replan = true;
	}
}

/*
 * A slow association is given up if another APQN can replace it. Otherwise it may continue to the end of the work
 * time.
 */
static bool has_alternative(const struct provision *this, size_t i)
{
	const struct provision_request *request = this->request;
	cleanup_(plan_release) struct plan trial = { 0 };
	enum apqn_failure failure = this->apqns[i].failure;
	bool better;

	this->apqns[i].failure = APQN_ASSOCIATION_TIMEOUT;
	better = plan_make(request->config, this->apqns, this->count, request->secrets, &trial) == 0 &&
		 (trial.satisfied >= this->plan.satisfied || trial.identify > 0);
	this->apqns[i].failure = failure;
	return better;
}

static void check_patience(struct provision *this, size_t i, int64_t now_ms)
{
	struct queue_task *task = &this->tasks[i];

	if (task->apqn->association != APQN_ASSOCIATION_PENDING || now_ms < task->give_up_ms)
		return;
	if (task->goal == GOAL_SETTLE) {
		/* Its result is unknown; a new bind ends it. */
		queue_task_set_state(task, QUEUE_STALE);
		task->goal = GOAL_REST;
	} else if (task->goal == GOAL_ASSOCIATE && has_alternative(this, i)) {
		queue_task_fail(task, APQN_ASSOCIATION_TIMEOUT, 0);
	} else {
		task->give_up_ms = this->work_until_ms;
	}
}

/* The newest plan does not want this unbind, so another plan is needed at its end. */
static bool is_wanted_again(const struct provision *this, const struct queue_task *task)
{
	return this->plan.apqns && this->plan.apqns[task - this->tasks].goal != PLAN_UNBIND;
}

/* True if a result may change the plan. In a dry run an unbind ends a probe. */
static bool changes_plan(const struct provision *this, const struct queue_task *task, const struct apqn *before,
			 enum queue_goal goal_before)
{
	if (task->apqn->failure != before->failure)
		return true;
	/* A call that was under way when the goal was dropped. */
	if (goal_before == GOAL_REST)
		return task->apqn->bind != before->bind || task->apqn->association != before->association;
	if (task->goal != GOAL_REST)
		return false;
	if (goal_before == GOAL_CONFIRM)
		return task->apqn->identity != before->identity ||
		       memcmp(task->apqn->mkvp, before->mkvp, sizeof(before->mkvp)) != 0;
	if (goal_before == GOAL_UNBIND)
		return this->request->dry_run || is_wanted_again(this, task);
	return goal_before == GOAL_IDENTIFY || goal_before == GOAL_SETTLE;
}

/* The list is sorted by id. */
static bool is_doubled(const struct secrets *secrets, uint16_t index)
{
	for (size_t i = 1; i < secrets->count; i++) {
		const struct secret *one = &secrets->list[i - 1], *next = &secrets->list[i];

		if ((one->index == index || next->index == index) && memcmp(one->id, next->id, sizeof(one->id)) == 0)
			return true;
	}
	return false;
}

static void note_result(struct provision *this, const struct queue_task *task, enum queue_call made)
{
	if (made == CALL_READ_SERIALNR && !task->serialnr->wanted)
		share_serialnr(this, provision_card_of(task));
	if ((made == CALL_WRITE_BIND || made == CALL_READ_RESET) && task->apqn->failure == APQN_BIND_REFUSED)
		note_refusal(this, (size_t)(task - this->tasks));
	if (task->apqn->failure == APQN_ASSOCIATION_REFUSED && is_doubled(this->request->secrets, task->asked_index))
		task->apqn->failure = APQN_SECRET_DOUBLED;
}

void provision_done(struct card_channel *channel, const struct machine_call *call, int64_t now_ms, void *context)
{
	struct provision *this = context;
	struct queue_task *task = call->context;
	struct apqn before = *task->apqn;
	enum queue_state state_before = task->state;
	enum queue_call made = task->call;
	enum queue_goal goal_before = task->goal;
	bool released;

	if (call->error == -ETIMEDOUT) {
		queue_task_abandon(task, now_ms);
		/* At the deadline all calls end, on healthy cards too. */
		if (now_ms < this->request->deadline_ms)
			card_hung(this, provision_card_of(task), call);
		return;
	}
	if (channel->hung) {
		task->call = CALL_NONE;
		return;
	}
	queue_task_done(task, call->error, call->data, now_ms);
	released = queue_unbind_seen(state_before, task->state);
	if (released)
		readmit_refused(this);
	note_result(this, task, made);
	check_patience(this, (size_t)(task - this->tasks), now_ms);
	/* Where nothing may be written, as of a queue that was found unbound once its reset is over. */
	if (this->request->dry_run && !this->request->probe && queue_call_is_write(queue_task_next(task)))
		task->goal = GOAL_REST;
	provision_log_result(task, &before, released, now_ms);
	if (changes_plan(this, task, &before, goal_before))
		this->replan = true;
}
