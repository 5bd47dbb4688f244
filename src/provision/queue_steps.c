/* SPDX-License-Identifier: MIT */
#include "provision/queue_steps.h"

#include <errno.h>
#include <string.h>

#define INTERVAL_FIRST_MS 1
#define INTERVAL_MAX_MS 20
#define BIND_REFUSAL_MS 1000        /* EIO for so long is a verdict, unless a reset runs */
#define BIND_REFUSAL_RESET_MS 10000 /* and then, too */
#define UNBIND_SHOWS_MS 10000       /* se_bind may read "bound" as long as the reset runs */
#define UNBIND_OFFLINE_MS 500       /* a deconfigured queue ignores an unbind: no use to look for long */
#define IDENTITY_TRIES_MAX 4
#define LOSSES_MAX 3 /* killed helpers before the queue counts as failed */

void queue_task_begin(struct queue_task *task, enum queue_goal goal, int64_t now_ms)
{
	task->goal = goal;
	task->since_ms = now_ms;
	task->due_ms = now_ms;
	task->interval_ms = 0;
	task->waiting_since_ms = 0;
	task->refused_since_ms = 0;
	task->reset_seen = false;
	task->tries = 0;
	task->look = goal == QUEUE_UNBIND && task->unseen ? QUEUE_LOOK_AFTER_UNBIND : QUEUE_LOOK_NOT;
}

void queue_task_fail(struct queue_task *task, enum apqn_failure failure, int error)
{
	task->apqn->failure = failure;
	task->apqn->failure_error = error;
	task->goal = QUEUE_REST;
	/* Nobody will look any more whether an unbind took effect. */
	if (task->unseen && (failure == APQN_CARD_STUCK || failure == APQN_UNREADABLE))
		task->apqn->bind = APQN_BIND_UNKNOWN;
}

/* Look again: soon at first, then at growing intervals. */
static void again(struct queue_task *task, int64_t now_ms)
{
	if (task->waiting_since_ms == 0)
		task->waiting_since_ms = now_ms;
	task->interval_ms = task->interval_ms == 0 ? INTERVAL_FIRST_MS : task->interval_ms + task->interval_ms / 2 + 1;
	if (task->interval_ms > INTERVAL_MAX_MS)
		task->interval_ms = INTERVAL_MAX_MS;
	task->due_ms = now_ms + task->interval_ms;
}

static void progress(struct queue_task *task, int64_t now_ms)
{
	task->interval_ms = 0;
	task->waiting_since_ms = 0;
	task->due_ms = now_ms;
}

/*
 * A queue found bound whose association the kernel does not know (kexec) needs a new bind anyway; its identity is read
 * after it, when no reset of the driver can be running.
 */
static bool needs_new_bind(const struct apqn *apqn)
{
	return apqn->bind == APQN_BIND_UNKNOWN ||
	       (apqn->bind == APQN_BOUND && apqn->association == APQN_ASSOCIATION_UNKNOWN);
}

static enum queue_action identify_next(const struct queue_task *task)
{
	const struct apqn *apqn = task->apqn;

	if (needs_new_bind(apqn))
		return QUEUE_WRITE_UNBIND;
	if (apqn->bind != APQN_BOUND)
		return QUEUE_WRITE_BIND;
	if (task->reset_may_run)
		return QUEUE_READ_RESET;
	return apqn->identity == APQN_IDENTITY_UNREAD ? QUEUE_READ_MKVPS : QUEUE_READ_SERIALNR;
}

static enum queue_action associate_next(const struct queue_task *task)
{
	if (task->apqn->bind == APQN_BIND_UNKNOWN)
		return QUEUE_WRITE_UNBIND;
	if (task->apqn->bind != APQN_BOUND)
		return QUEUE_WRITE_BIND;
	return task->apqn->association == APQN_ASSOCIATION_PENDING ? QUEUE_READ_ASSOCIATION : QUEUE_WRITE_ASSOCIATION;
}

enum queue_action queue_task_next(const struct queue_task *task)
{
	if (task->goal != QUEUE_REST && task->look != QUEUE_LOOK_NOT)
		return task->look == QUEUE_LOOK_AFTER_REFUSAL || task->look == QUEUE_LOOK_AFTER_RELEASE ?
			       QUEUE_READ_RESET :
			       QUEUE_READ_BIND;
	switch (task->goal) {
	case QUEUE_REST:
		break;
	case QUEUE_SETTLE:
		return QUEUE_READ_ASSOCIATION;
	case QUEUE_IDENTIFY:
		return identify_next(task);
	case QUEUE_BIND:
		return task->apqn->bind == APQN_BIND_UNKNOWN ? QUEUE_WRITE_UNBIND : QUEUE_WRITE_BIND;
	case QUEUE_ASSOCIATE:
		return associate_next(task);
	case QUEUE_REASSOCIATE:
	case QUEUE_UNBIND:
		return QUEUE_WRITE_UNBIND;
	case QUEUE_CONFIRM:
		return QUEUE_READ_MKVPS;
	}
	return QUEUE_NO_ACTION;
}

void queue_task_start(struct queue_task *task)
{
	task->action = queue_task_next(task);
	if (task->action == QUEUE_WRITE_ASSOCIATION)
		task->asked_index = task->secret_index;
}

/* True if nothing is left to do for the goal. */
static bool goal_reached(const struct queue_task *task)
{
	const struct apqn *apqn = task->apqn;

	if (task->look != QUEUE_LOOK_NOT)
		return false;
	switch (task->goal) {
	case QUEUE_REST:
		return true;
	case QUEUE_SETTLE:
		return apqn->association != APQN_ASSOCIATION_PENDING;
	case QUEUE_IDENTIFY:
		return apqn->identity == APQN_IDENTITY_NONE ||
		       (apqn->identity == APQN_IDENTITY_VALID && !task->serialnr->wanted);
	case QUEUE_BIND:
		return apqn->bind == APQN_BOUND;
	case QUEUE_ASSOCIATE:
		return apqn->association == APQN_ASSOCIATED && apqn->association_index == task->secret_index;
	case QUEUE_UNBIND:
		return apqn->bind == APQN_UNBOUND;
	case QUEUE_REASSOCIATE:
	case QUEUE_CONFIRM:
		break;
	}
	return false;
}

static bool is_gone(int error)
{
	return error == -ENOENT || error == -ENODEV || error == -ENXIO;
}

/*
 * The firmware answers the same as long as a reset runs. After an unbind of ours that is certain; of the reset that the
 * driver begins with, which at boot is under way, only the driver knows.
 */
static void bind_refused(struct queue_task *task, int64_t now_ms)
{
	bool reset_runs = task->unbound_here || task->reset_seen;
	int64_t refused_ms;

	if (task->refused_since_ms == 0)
		task->refused_since_ms = now_ms;
	refused_ms = now_ms - task->refused_since_ms;
	if (refused_ms >= BIND_REFUSAL_RESET_MS) {
		queue_task_fail(task, APQN_BIND_REFUSED, -EIO);
	} else if (refused_ms >= BIND_REFUSAL_MS && !reset_runs) {
		task->look = QUEUE_LOOK_AFTER_REFUSAL;
		progress(task, now_ms);
	} else {
		again(task, now_ms);
	}
}

/* It is unbound, or was. */
static void unbound_seen(struct queue_task *task)
{
	task->released = task->unseen;
	task->unseen = false;
}

static void bind_done(struct queue_task *task, int error, int64_t now_ms)
{
	struct apqn *apqn = task->apqn;

	if (error != -EIO)
		task->refused_since_ms = 0;
	if (error == 0) {
		apqn->bind = APQN_BOUND;
		apqn->association = apqn->mode == APQN_MODE_EP11 ? APQN_UNASSOCIATED : APQN_ASSOCIATION_UNSUPPORTED;
		task->bound_here = true;
		task->look = QUEUE_LOOK_NOT; /* an unbind before it is no longer of interest */
		task->reset_may_run = false;
		unbound_seen(task);
		progress(task, now_ms);
	} else if (error == -EBUSY) {
		again(task, now_ms);
	} else if (error == -EIO) {
		bind_refused(task, now_ms);
	} else if (error == -EINVAL) {
		/* Bound already, or not available: one look tells which. */
		task->look = QUEUE_LOOK_AFTER_BIND;
		progress(task, now_ms);
	} else {
		queue_task_fail(task, APQN_BIND_ERROR, error);
	}
}

static void unbind_done(struct queue_task *task, int error, int64_t now_ms)
{
	struct apqn *apqn = task->apqn;

	if (error == -EBUSY) {
		again(task, now_ms);
		return;
	}
	if (error < 0) {
		queue_task_fail(task, APQN_STAYS_BOUND, error);
		return;
	}
	task->unbound_here = true;
	task->unseen = true;
	task->bound_here = false;
	task->since_ms = now_ms;
	progress(task, now_ms);
	/*
	 * On a deconfigured or check-stopped queue this was without effect. If a bind follows, its errno will tell;
	 * else a look has to.
	 */
	apqn->bind = APQN_UNBOUND;
	apqn->association = apqn->mode == APQN_MODE_EP11 ? APQN_UNASSOCIATED : APQN_ASSOCIATION_UNSUPPORTED;
	if (task->goal == QUEUE_UNBIND)
		task->look = QUEUE_LOOK_AFTER_UNBIND;
	else if (task->goal == QUEUE_REASSOCIATE)
		task->goal = QUEUE_ASSOCIATE;
}

static void stays_bound(struct queue_task *task, int error)
{
	task->apqn->bind = APQN_BOUND;
	queue_task_fail(task, APQN_STAYS_BOUND, error);
}

static void look_after_unbind(struct queue_task *task, enum apqn_bind seen, int64_t now_ms)
{
	int64_t limit_ms = task->apqn->online ? UNBIND_SHOWS_MS : UNBIND_OFFLINE_MS;

	if (seen == APQN_UNBOUND) {
		task->look = task->serialnr->wanted ? QUEUE_LOOK_AFTER_RELEASE : QUEUE_LOOK_NOT;
		progress(task, now_ms);
	} else if (now_ms - task->since_ms < limit_ms) {
		again(task, now_ms);
	} else {
		stays_bound(task, 0);
	}
}

static void look_after_bind(struct queue_task *task, enum apqn_bind seen, int64_t now_ms)
{
	struct apqn *apqn = task->apqn;

	if (seen != APQN_BOUND) {
		queue_task_fail(task, APQN_BIND_TAKEN, -EINVAL);
	} else if (task->unbound_here) {
		stays_bound(task, 0);
	} else {
		/* Somebody else was faster. What it is associated with, a write of the association will tell. */
		apqn->bind = APQN_BOUND;
		apqn->association = apqn->mode == APQN_MODE_EP11 ? APQN_UNASSOCIATED : APQN_ASSOCIATION_UNSUPPORTED;
		task->look = QUEUE_LOOK_NOT;
		progress(task, now_ms);
	}
}

static void look_after_reset(struct queue_task *task, enum apqn_bind seen, int64_t now_ms)
{
	if (seen == APQN_UNBOUND)
		task->apqn->bind = APQN_UNBOUND;
	task->reset_may_run = false;
	task->look = QUEUE_LOOK_NOT;
	progress(task, now_ms);
}

/* If it cannot be told even now, what follows begins with an unbind. */
static void look_after_loss(struct queue_task *task, enum apqn_bind seen, int64_t now_ms)
{
	task->apqn->bind = seen;
	task->unseen = false;
	task->look = QUEUE_LOOK_NOT;
	if (seen == APQN_UNBOUND && task->goal == QUEUE_REASSOCIATE)
		task->goal = QUEUE_ASSOCIATE;
	progress(task, now_ms);
}

static void bind_read_done(struct queue_task *task, int error, const char *text, int64_t now_ms)
{
	enum apqn_bind seen = APQN_BIND_UNKNOWN;

	if (error == 0)
		error = apqn_parse_bind(text, &seen);
	if (seen == APQN_UNBOUND)
		unbound_seen(task);
	/* EIO: an asynchronous error, which the reset of an unbind takes away. */
	if (error < 0 && error != -EIO)
		queue_task_fail(task, APQN_UNREADABLE, error);
	else if (task->look == QUEUE_LOOK_AFTER_UNBIND)
		look_after_unbind(task, seen, now_ms);
	else if (task->look == QUEUE_LOOK_AFTER_BIND)
		look_after_bind(task, seen, now_ms);
	else if (task->look == QUEUE_LOOK_AFTER_RESET)
		look_after_reset(task, seen, now_ms);
	else if (task->look == QUEUE_LOOK_AFTER_LOSS)
		look_after_loss(task, seen, now_ms);
}

static void association_write_done(struct queue_task *task, int error, int64_t now_ms)
{
	struct apqn *apqn = task->apqn;

	if (error == 0 || error == -EINVAL) {
		/* EINVAL: associated already, or not bound; the look that follows tells. */
		apqn->association = APQN_ASSOCIATION_PENDING;
		apqn->association_index = task->asked_index;
		/* The goal was dropped meanwhile, but the card waits for the end of this. */
		if (task->goal == QUEUE_REST)
			task->goal = QUEUE_SETTLE;
		task->since_ms = now_ms;
		progress(task, now_ms);
	} else if (error == -EBUSY) {
		again(task, now_ms);
	} else {
		queue_task_fail(task, error == -EIO ? APQN_ASSOCIATION_REFUSED : APQN_ASSOCIATION_ERROR, error);
	}
}

static void association_read_done(struct queue_task *task, int error, const char *text, int64_t now_ms)
{
	struct apqn *apqn = task->apqn;
	enum apqn_association seen = APQN_ASSOCIATION_UNKNOWN;
	uint16_t index = 0;

	if (error == 0)
		error = apqn_parse_association(text, &seen, &index);
	if (error == 0 && seen == APQN_ASSOCIATION_PENDING) {
		again(task, now_ms);
		return;
	}
	/* A wrong end of what somebody else started is not our failure. */
	apqn->association = seen;
	apqn->association_index = index;
	/* Nor is the end of what was perhaps never started: it is written again. */
	if (task->association_lost && seen == APQN_UNASSOCIATED) {
		task->association_lost = false;
		progress(task, now_ms);
		return;
	}
	/* What a former plan wanted is a wrong end, but no failure either. */
	if (task->goal == QUEUE_ASSOCIATE && seen == APQN_ASSOCIATED && index == task->asked_index &&
	    index != task->secret_index) {
		task->goal = QUEUE_REASSOCIATE;
		progress(task, now_ms);
		return;
	}
	if (task->goal != QUEUE_ASSOCIATE)
		return;
	if (seen != APQN_ASSOCIATED || index != task->secret_index) {
		queue_task_fail(task, APQN_ASSOCIATION_FAILED, error);
		return;
	}
	/*
	 * One read of mkvps checks the identity that was chosen. It also frees readers that came too early: a request that
	 * reaches a queue during its association is forgotten by the kernel, until the next one is answered.
	 */
	task->goal = QUEUE_CONFIRM;
	task->reset_may_run = false;
	progress(task, now_ms);
}

/*
 * What the driver says of its own state machine ("Reset in progress." or anything else, reset_show in ap_queue.c). An
 * identity read during a reset hangs until the next bus scan.
 */
static void reset_read_done(struct queue_task *task, int error, const char *text, int64_t now_ms)
{
	bool runs = error == 0 && strncmp(text, "Reset in progress", 17) == 0;

	if (task->look == QUEUE_LOOK_AFTER_REFUSAL && !runs) {
		queue_task_fail(task, APQN_BIND_REFUSED, -EIO);
	} else if (task->look == QUEUE_LOOK_AFTER_RELEASE) {
		if (!runs || now_ms - task->since_ms >= UNBIND_SHOWS_MS)
			task->look = QUEUE_LOOK_NOT;
		again(task, now_ms);
	} else if (runs) {
		task->reset_seen = task->look == QUEUE_LOOK_AFTER_REFUSAL;
		task->look = QUEUE_LOOK_NOT;
		again(task, now_ms);
	} else {
		task->look = QUEUE_LOOK_AFTER_RESET;
		progress(task, now_ms);
	}
}

static void mkvps_read_done(struct queue_task *task, int error, const char *text, int64_t now_ms)
{
	struct apqn *apqn = task->apqn;
	enum apqn_identity before = apqn->identity;

	if (error == 0)
		error = apqn_parse_mkvps(text, &apqn->identity, apqn->mkvp);
	if (task->goal == QUEUE_CONFIRM) {
		/* One that is not known now is what it was before. */
		if (error == 0 && apqn->identity == APQN_IDENTITY_UNREAD)
			apqn->identity = before;
		task->goal = QUEUE_REST;
	} else if (error == 0 && apqn->identity != APQN_IDENTITY_UNREAD)
		progress(task, now_ms);
	else if (error == -EBADMSG || ++task->tries >= IDENTITY_TRIES_MAX)
		queue_task_fail(task, APQN_UNREADABLE, error);
	else
		again(task, now_ms);
}

/* A serial number that cannot be read is an unknown one: entries that ask for one will not match. */
static void serialnr_read_done(struct queue_task *task, int error, const char *text, int64_t now_ms)
{
	struct queue_serialnr *serialnr = task->serialnr;

	if (error == 0)
		error = apqn_parse_serialnr(text, serialnr->text);
	if ((error == 0 && serialnr->text[0] != '\0') || error == -EBADMSG || ++serialnr->tries >= IDENTITY_TRIES_MAX)
		serialnr->wanted = false;
	else
		again(task, now_ms);
}

/* The bind state after a call that may or may not have taken effect. */
static void bind_in_doubt(struct queue_task *task, enum queue_action action)
{
	struct apqn *apqn = task->apqn;

	apqn->bind = APQN_BIND_UNKNOWN;
	if (action == QUEUE_WRITE_BIND) {
		task->bound_here = true;
		task->reset_may_run = false;
		if (apqn->mode == APQN_MODE_EP11)
			apqn->association = APQN_UNASSOCIATED;
	} else {
		task->unbound_here = task->unseen = task->reset_may_run = true;
		if (apqn->mode == APQN_MODE_EP11)
			apqn->association = APQN_ASSOCIATION_UNKNOWN;
	}
}

void queue_task_abandon(struct queue_task *task)
{
	if (task->action == QUEUE_WRITE_BIND || task->action == QUEUE_WRITE_UNBIND)
		bind_in_doubt(task, task->action);
	task->action = QUEUE_NO_ACTION;
}

/* The helper that made the call was killed: what the call may have changed is looked at, and it is made again. */
static void call_lost(struct queue_task *task, enum queue_action action, int64_t now_ms)
{
	bool writes_bind = action == QUEUE_WRITE_BIND || action == QUEUE_WRITE_UNBIND;

	if (writes_bind)
		bind_in_doubt(task, action);
	if (++task->losses >= LOSSES_MAX) {
		queue_task_fail(task, APQN_CALL_LOST, 0);
		return;
	}
	if (action == QUEUE_WRITE_ASSOCIATION) {
		task->association_lost = true;
		association_write_done(task, 0, now_ms);
		return;
	}
	if (writes_bind)
		task->look = QUEUE_LOOK_AFTER_LOSS;
	again(task, now_ms);
}

void queue_task_done(struct queue_task *task, int error, const char *text, int64_t now_ms)
{
	enum queue_action action = task->action;

	task->action = QUEUE_NO_ACTION;
	task->released = false;
	if (is_gone(error) && action != QUEUE_READ_RESET && action != QUEUE_READ_SERIALNR) {
		queue_task_fail(task, APQN_VANISHED, error);
		return;
	}
	if (error == -EOWNERDEAD) {
		call_lost(task, action, now_ms);
		return;
	}
	switch (action) {
	case QUEUE_NO_ACTION:
		break;
	case QUEUE_WRITE_BIND:
		bind_done(task, error, now_ms);
		break;
	case QUEUE_WRITE_UNBIND:
		unbind_done(task, error, now_ms);
		break;
	case QUEUE_WRITE_ASSOCIATION:
		association_write_done(task, error, now_ms);
		break;
	case QUEUE_READ_BIND:
		bind_read_done(task, error, text, now_ms);
		break;
	case QUEUE_READ_ASSOCIATION:
		association_read_done(task, error, text, now_ms);
		break;
	case QUEUE_READ_RESET:
		reset_read_done(task, error, text, now_ms);
		break;
	case QUEUE_READ_MKVPS:
		mkvps_read_done(task, error, text, now_ms);
		break;
	case QUEUE_READ_SERIALNR:
		serialnr_read_done(task, error, text, now_ms);
		break;
	}
	if (goal_reached(task))
		task->goal = QUEUE_REST;
}
