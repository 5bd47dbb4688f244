/* SPDX-License-Identifier: MIT */
#include "provision/queue_steps.h"

#include <errno.h>
#include <string.h>

#define INTERVAL_MAX_MS 20
#define BIND_REFUSAL_MS 1000        /* EIO on binds for so long is a refusal, unless a reset runs */
#define BIND_REFUSAL_RESET_MS 10000 /* with a reset, too */
#define UNBIND_SHOWS_MS 10000       /* se_bind may read "bound" while the reset runs */
#define UNBIND_OFFLINE_MS 500       /* a deconfigured queue ignores an unbind */
#define IDENTITY_TRIES_MAX 4
#define LOSSES_MAX 3 /* killed helper processes before the queue counts as failed */

enum queue_result {
	RESULT_BUSY, /* try again */
	RESULT_BIND_DONE,
	RESULT_BIND_REFUSED,      /* EIO, for a second */
	RESULT_BIND_REFUSED_LONG, /* EIO, for longer than any reset takes */
	RESULT_BIND_INVALID,      /* EINVAL: bound already, or not available */
	RESULT_BIND_ERROR,
	RESULT_UNBIND_STARTED,
	RESULT_UNBIND_ERROR,
	RESULT_BIND_LOST, /* the helper process was killed */
	RESULT_UNBIND_LOST,
	RESULT_SEEN_UNBOUND,
	RESULT_SEEN_BOUND,
	RESULT_SEEN_NEITHER,  /* EIO: an asynchronous error, which the reset of an unbind takes away */
	RESULT_SEEN_TOO_LONG, /* not unbound for longer than an unbind takes */
	RESULT_UNREADABLE,    /* se_bind gives another error, or an unknown text */
	RESULT_RESET_RUNS,
	RESULT_RESET_OVER,
	RESULT_ASSOCIATION_STARTED,
	RESULT_ASSOCIATION_LOST,
	RESULT_ASSOCIATION_REFUSED,
	RESULT_ASSOCIATION_ERROR,
	RESULT_SEEN_PENDING,
	RESULT_SEEN_UNASSOCIATED,
	RESULT_SEEN_ASSOCIATED,     /* with the secret that the goal wants, or that this run wrote */
	RESULT_SEEN_OTHER,          /* associated with a secret that this run did not write */
	RESULT_SEEN_NO_ASSOCIATION, /* EIO: an asynchronous error, or the kernel does not know it */
	RESULT_ASSOCIATION_UNKNOWN, /* se_associate gives another error, or an unknown text */
};

/* --- the transitions ------------------------------------------------------------------------------ */

enum queue_state queue_state_found(const struct apqn *apqn)
{
	static const enum queue_state bound[] = {
		[APQN_ASSOCIATION_UNKNOWN] = QUEUE_STALE, [APQN_ASSOCIATION_UNSUPPORTED] = QUEUE_FOUND,
		[APQN_UNASSOCIATED] = QUEUE_FOUND,        [APQN_ASSOCIATION_PENDING] = QUEUE_SETTLING,
		[APQN_ASSOCIATED] = QUEUE_ASSOCIATED,
	};

	if (apqn->bind == APQN_BOUND)
		return bound[apqn->association];
	return apqn->bind == APQN_UNBOUND ? QUEUE_UNBOUND : QUEUE_UNKNOWN;
}

/* clang-format off */
/* The table of queue_steps.h, in two: the call for a goal, and what follows from its result. */
static const enum queue_call calls[][4] = {
	/*                           GOAL_IDENTIFY          GOAL_BIND          GOAL_ASSOCIATE          GOAL_UNBIND */
	[QUEUE_UNKNOWN]          = { CALL_WRITE_UNBIND,     CALL_WRITE_UNBIND, CALL_WRITE_UNBIND,      CALL_WRITE_UNBIND },
	[QUEUE_BIND_LOST]        = { CALL_READ_BIND,        CALL_READ_BIND,    CALL_READ_BIND,         CALL_READ_BIND },
	[QUEUE_UNBIND_LOST]      = { CALL_READ_BIND,        CALL_READ_BIND,    CALL_READ_BIND,         CALL_READ_BIND },
	[QUEUE_UNBOUND]          = { CALL_WRITE_BIND,       CALL_WRITE_BIND,   CALL_WRITE_BIND,        CALL_NONE },
	[QUEUE_REFUSED]          = { CALL_READ_RESET,       CALL_READ_RESET,   CALL_READ_RESET,        CALL_NONE },
	[QUEUE_RESETTING]        = { CALL_WRITE_BIND,       CALL_WRITE_BIND,   CALL_WRITE_BIND,        CALL_READ_RESET },
	[QUEUE_UNAVAILABLE]      = { CALL_READ_BIND,        CALL_READ_BIND,    CALL_READ_BIND,         CALL_NONE },
	[QUEUE_UNBINDING]        = { CALL_WRITE_BIND,       CALL_WRITE_BIND,   CALL_WRITE_BIND,        CALL_READ_BIND },
	[QUEUE_UNBIND_IGNORED]   = { CALL_READ_BIND,        CALL_READ_BIND,    CALL_READ_BIND,         CALL_READ_BIND },
	[QUEUE_FOUND]            = { CALL_READ_RESET,       CALL_READ_RESET,   CALL_WRITE_ASSOCIATION, CALL_WRITE_UNBIND },
	[QUEUE_RESET_OVER]       = { CALL_READ_BIND,        CALL_READ_BIND,    CALL_WRITE_ASSOCIATION, CALL_WRITE_UNBIND },
	[QUEUE_BOUND]            = { CALL_READ_MKVPS,       CALL_NONE,         CALL_WRITE_ASSOCIATION, CALL_WRITE_UNBIND },
	[QUEUE_STALE]            = { CALL_WRITE_UNBIND,     CALL_NONE,         CALL_WRITE_UNBIND,      CALL_WRITE_UNBIND },
	[QUEUE_SETTLING]         = { CALL_READ_ASSOCIATION, CALL_NONE,         CALL_WRITE_UNBIND,      CALL_WRITE_UNBIND },
	[QUEUE_ASSOCIATING]      = { CALL_READ_ASSOCIATION, CALL_NONE,         CALL_READ_ASSOCIATION,  CALL_WRITE_UNBIND },
	[QUEUE_ASSOCIATION_LOST] = { CALL_READ_ASSOCIATION, CALL_NONE,         CALL_READ_ASSOCIATION,  CALL_WRITE_UNBIND },
	[QUEUE_ASSOCIATED]       = { CALL_READ_MKVPS,       CALL_NONE,         CALL_NONE,              CALL_WRITE_UNBIND },
};

#define ANY (-1)
#define SAME (-1)
#define OTHER 1 /* no error of a call is positive */

/* The first one that fits counts; without one the state stays the same. */
static const struct transition {
	int state;
	enum queue_result result;
	int next;
	enum apqn_failure failure;
} transitions[] = {
	{ ANY,                    RESULT_BIND_DONE,           QUEUE_BOUND,            APQN_WORKING },
	{ QUEUE_UNBOUND,          RESULT_BIND_REFUSED,        QUEUE_REFUSED,          APQN_WORKING },
	{ ANY,                    RESULT_BIND_REFUSED_LONG,   SAME,                   APQN_BIND_REFUSED },
	{ QUEUE_UNBINDING,        RESULT_BIND_INVALID,        QUEUE_UNBIND_IGNORED,   APQN_WORKING },
	{ ANY,                    RESULT_BIND_INVALID,        QUEUE_UNAVAILABLE,      APQN_WORKING },
	{ ANY,                    RESULT_BIND_ERROR,          SAME,                   APQN_BIND_ERROR },
	{ ANY,                    RESULT_BIND_LOST,           QUEUE_BIND_LOST,        APQN_WORKING },
	{ ANY,                    RESULT_UNBIND_STARTED,      QUEUE_UNBINDING,        APQN_WORKING },
	{ ANY,                    RESULT_UNBIND_ERROR,        SAME,                   APQN_STAYS_BOUND },
	{ ANY,                    RESULT_UNBIND_LOST,         QUEUE_UNBIND_LOST,      APQN_WORKING },
	{ QUEUE_BIND_LOST,        RESULT_SEEN_UNBOUND,        QUEUE_RESETTING,        APQN_WORKING },
	/* The bind may not have been made, and the reset of an unbind before it may still run. */
	{ QUEUE_BIND_LOST,        RESULT_SEEN_BOUND,          QUEUE_FOUND,            APQN_WORKING },
	{ QUEUE_BIND_LOST,        RESULT_SEEN_NEITHER,        QUEUE_UNKNOWN,          APQN_WORKING },
	{ QUEUE_UNBIND_LOST,      RESULT_SEEN_UNBOUND,        QUEUE_RESETTING,        APQN_WORKING },
	{ QUEUE_UNBIND_LOST,      RESULT_SEEN_BOUND,          QUEUE_UNKNOWN,          APQN_WORKING },
	{ QUEUE_UNBIND_LOST,      RESULT_SEEN_NEITHER,        QUEUE_UNKNOWN,          APQN_WORKING },
	{ QUEUE_UNAVAILABLE,      RESULT_SEEN_UNBOUND,        QUEUE_UNBOUND,          APQN_BIND_TAKEN },
	{ QUEUE_UNAVAILABLE,      RESULT_SEEN_BOUND,          QUEUE_BOUND,            APQN_WORKING },
	{ QUEUE_UNAVAILABLE,      RESULT_SEEN_NEITHER,        QUEUE_UNBOUND,          APQN_BIND_TAKEN },
	{ QUEUE_UNBINDING,        RESULT_SEEN_UNBOUND,        QUEUE_RESETTING,        APQN_WORKING },
	{ QUEUE_UNBIND_IGNORED,   RESULT_SEEN_UNBOUND,        QUEUE_RESETTING,        APQN_BIND_TAKEN },
	{ QUEUE_UNBIND_IGNORED,   RESULT_SEEN_BOUND,          QUEUE_FOUND,            APQN_STAYS_BOUND },
	{ QUEUE_UNBIND_IGNORED,   RESULT_SEEN_NEITHER,        QUEUE_UNKNOWN,          APQN_BIND_TAKEN },
	{ QUEUE_RESET_OVER,       RESULT_SEEN_UNBOUND,        QUEUE_UNBOUND,          APQN_WORKING },
	{ QUEUE_RESET_OVER,       RESULT_SEEN_BOUND,          QUEUE_BOUND,            APQN_WORKING },
	{ QUEUE_RESET_OVER,       RESULT_SEEN_NEITHER,        QUEUE_BOUND,            APQN_WORKING },
	{ ANY,                    RESULT_SEEN_TOO_LONG,       QUEUE_FOUND,            APQN_STAYS_BOUND },
	{ QUEUE_BIND_LOST,        RESULT_UNREADABLE,          QUEUE_UNKNOWN,          APQN_UNREADABLE },
	{ ANY,                    RESULT_UNREADABLE,          SAME,                   APQN_UNREADABLE },
	{ QUEUE_REFUSED,          RESULT_RESET_RUNS,          QUEUE_RESETTING,        APQN_WORKING },
	{ QUEUE_REFUSED,          RESULT_RESET_OVER,          SAME,                   APQN_BIND_REFUSED },
	{ QUEUE_RESETTING,        RESULT_RESET_OVER,          QUEUE_UNBOUND,          APQN_WORKING },
	{ QUEUE_FOUND,            RESULT_RESET_OVER,          QUEUE_RESET_OVER,       APQN_WORKING },
	{ ANY,                    RESULT_ASSOCIATION_STARTED, QUEUE_ASSOCIATING,      APQN_WORKING },
	{ ANY,                    RESULT_ASSOCIATION_LOST,    QUEUE_ASSOCIATION_LOST, APQN_WORKING },
	{ ANY,                    RESULT_ASSOCIATION_REFUSED, SAME,                   APQN_ASSOCIATION_REFUSED },
	{ ANY,                    RESULT_ASSOCIATION_ERROR,   SAME,                   APQN_ASSOCIATION_ERROR },
	{ QUEUE_ASSOCIATION_LOST, RESULT_SEEN_PENDING,        QUEUE_ASSOCIATING,      APQN_WORKING },
	{ QUEUE_ASSOCIATING,      RESULT_SEEN_UNASSOCIATED,   QUEUE_FOUND,            APQN_ASSOCIATION_FAILED },
	{ ANY,                    RESULT_SEEN_UNASSOCIATED,   QUEUE_FOUND,            APQN_WORKING },
	{ ANY,                    RESULT_SEEN_ASSOCIATED,     QUEUE_ASSOCIATED,       APQN_WORKING },
	{ QUEUE_SETTLING,         RESULT_SEEN_OTHER,          QUEUE_ASSOCIATED,       APQN_WORKING },
	{ ANY,                    RESULT_SEEN_OTHER,          QUEUE_ASSOCIATED,       APQN_ASSOCIATION_FAILED },
	{ QUEUE_SETTLING,         RESULT_SEEN_NO_ASSOCIATION, QUEUE_STALE,            APQN_WORKING },
	{ ANY,                    RESULT_SEEN_NO_ASSOCIATION, QUEUE_STALE,            APQN_ASSOCIATION_FAILED },
	{ QUEUE_SETTLING,         RESULT_ASSOCIATION_UNKNOWN, QUEUE_STALE,            APQN_WORKING },
	{ ANY,                    RESULT_ASSOCIATION_UNKNOWN, QUEUE_STALE,            APQN_UNREADABLE },
};

/* What the errno of a write means: the first one that fits counts, and each write has one for any other. */
static const struct {
	enum queue_call call;
	int error;
	enum queue_result result;
} write_results[] = {
	{ CALL_WRITE_BIND,        0,           RESULT_BIND_DONE },
	{ CALL_WRITE_BIND,        -EBUSY,      RESULT_BUSY },
	{ CALL_WRITE_BIND,        -EINVAL,     RESULT_BIND_INVALID },
	{ CALL_WRITE_BIND,        -EOWNERDEAD, RESULT_BIND_LOST },
	{ CALL_WRITE_BIND,        OTHER,       RESULT_BIND_ERROR },
	{ CALL_WRITE_UNBIND,      0,           RESULT_UNBIND_STARTED },
	{ CALL_WRITE_UNBIND,      -EBUSY,      RESULT_BUSY },
	{ CALL_WRITE_UNBIND,      -EOWNERDEAD, RESULT_UNBIND_LOST },
	{ CALL_WRITE_UNBIND,      OTHER,       RESULT_UNBIND_ERROR },
	{ CALL_WRITE_ASSOCIATION, 0,           RESULT_ASSOCIATION_STARTED },
	{ CALL_WRITE_ASSOCIATION, -EBUSY,      RESULT_BUSY },
	/* Associated already, or not bound; the read that follows tells. */
	{ CALL_WRITE_ASSOCIATION, -EINVAL,     RESULT_ASSOCIATION_STARTED },
	{ CALL_WRITE_ASSOCIATION, -EIO,        RESULT_ASSOCIATION_REFUSED },
	{ CALL_WRITE_ASSOCIATION, -EOWNERDEAD, RESULT_ASSOCIATION_LOST },
	{ CALL_WRITE_ASSOCIATION, OTHER,       RESULT_ASSOCIATION_ERROR },
};
/* clang-format on */

static const struct transition *find_transition(enum queue_state state, enum queue_result result)
{
	static const struct transition stays = { .next = SAME, .failure = APQN_WORKING };

	for (size_t i = 0; i < sizeof(transitions) / sizeof(transitions[0]); i++) {
		const struct transition *one = &transitions[i];

		if (one->result == result && (one->state == ANY || one->state == (int)state))
			return one;
	}
	return &stays;
}

static bool is_pending(enum queue_state state)
{
	return state == QUEUE_SETTLING || state == QUEUE_ASSOCIATING || state == QUEUE_ASSOCIATION_LOST;
}

bool queue_unbind_unseen(enum queue_state state)
{
	return state == QUEUE_UNBINDING || state == QUEUE_UNBIND_IGNORED || state == QUEUE_UNBIND_LOST;
}

bool queue_unbind_seen(enum queue_state before, enum queue_state after)
{
	return queue_unbind_unseen(before) && (after == QUEUE_RESETTING || after == QUEUE_BOUND);
}

/* --- goals ---------------------------------------------------------------------------------------- */

void queue_task_set_state(struct queue_task *task, enum queue_state state)
{
	static const struct {
		enum apqn_bind bind;
		enum apqn_association association;
	} known[] = {
		[QUEUE_UNKNOWN] = { APQN_BIND_UNKNOWN, APQN_ASSOCIATION_UNKNOWN },
		[QUEUE_BIND_LOST] = { APQN_BIND_UNKNOWN, APQN_ASSOCIATION_UNKNOWN },
		[QUEUE_UNBIND_LOST] = { APQN_BIND_UNKNOWN, APQN_ASSOCIATION_UNKNOWN },
		[QUEUE_UNBOUND] = { APQN_UNBOUND, APQN_UNASSOCIATED },
		[QUEUE_REFUSED] = { APQN_UNBOUND, APQN_UNASSOCIATED },
		[QUEUE_RESETTING] = { APQN_UNBOUND, APQN_UNASSOCIATED },
		[QUEUE_UNAVAILABLE] = { APQN_UNBOUND, APQN_UNASSOCIATED },
		[QUEUE_UNBINDING] = { APQN_UNBOUND, APQN_UNASSOCIATED },
		[QUEUE_UNBIND_IGNORED] = { APQN_UNBOUND, APQN_UNASSOCIATED },
		[QUEUE_FOUND] = { APQN_BOUND, APQN_UNASSOCIATED },
		[QUEUE_RESET_OVER] = { APQN_BOUND, APQN_UNASSOCIATED },
		[QUEUE_BOUND] = { APQN_BOUND, APQN_UNASSOCIATED },
		[QUEUE_STALE] = { APQN_BOUND, APQN_ASSOCIATION_UNKNOWN },
		[QUEUE_SETTLING] = { APQN_BOUND, APQN_ASSOCIATION_PENDING },
		[QUEUE_ASSOCIATING] = { APQN_BOUND, APQN_ASSOCIATION_PENDING },
		[QUEUE_ASSOCIATION_LOST] = { APQN_BOUND, APQN_ASSOCIATION_PENDING },
		[QUEUE_ASSOCIATED] = { APQN_BOUND, APQN_ASSOCIATED },
	};

	task->state = state;
	task->apqn->bind = known[state].bind;
	if (task->apqn->mode == APQN_MODE_EP11)
		task->apqn->association = known[state].association;
}

static bool is_identified(const struct queue_task *task)
{
	enum apqn_identity identity = task->apqn->identity;

	return identity == APQN_IDENTITY_NONE || (identity == APQN_IDENTITY_VALID && !task->serialnr->wanted);
}

/* An association with another secret than the goal's is worth no more than an unknown one. */
static bool has_other_secret(const struct queue_task *task)
{
	return (task->state == QUEUE_ASSOCIATED || is_pending(task->state)) &&
	       task->apqn->association_index != task->secret_index;
}

enum queue_call queue_task_next(const struct queue_task *task)
{
	enum queue_call call = task->goal < GOAL_IDENTIFY ? CALL_NONE : calls[task->state][task->goal - GOAL_IDENTIFY];

	switch (task->goal) {
	case GOAL_SETTLE:
		return is_pending(task->state) ? CALL_READ_ASSOCIATION : CALL_NONE;
	case GOAL_CONFIRM:
		return CALL_READ_MKVPS;
	case GOAL_IDENTIFY:
		if (is_identified(task))
			return CALL_NONE;
		return call == CALL_READ_MKVPS && task->apqn->identity == APQN_IDENTITY_VALID ? CALL_READ_SERIALNR :
												call;
	case GOAL_ASSOCIATE:
		return has_other_secret(task) ? CALL_WRITE_UNBIND : call;
	case GOAL_UNBIND:
		return call == CALL_READ_RESET && !task->serialnr->wanted ? CALL_NONE : call;
	default:
		return call;
	}
}

void queue_task_update(struct queue_task *task)
{
	if (task->call == CALL_NONE && queue_task_next(task) == CALL_NONE)
		task->goal = GOAL_REST;
}

bool queue_bind_unseen(const struct queue_task *task)
{
	return task->bound_here && task->apqn->bind != APQN_BOUND;
}

/* After 1 ms at first, then at growing intervals. */
static void again(struct queue_task *task, int64_t now_ms)
{
	if (task->waiting_since_ms == 0)
		task->waiting_since_ms = now_ms;
	task->interval_ms += task->interval_ms / 2 + 1;
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

void queue_task_begin(struct queue_task *task, enum queue_goal goal, int64_t now_ms)
{
	if (goal == GOAL_UNBIND && queue_bind_unseen(task) && !queue_unbind_unseen(task->state))
		queue_task_set_state(task, QUEUE_BIND_LOST);
	task->goal = goal;
	task->since_ms = now_ms;
	task->refused_since_ms = 0;
	task->tries = 0;
	progress(task, now_ms);
	/* A bind that was refused is tried again for a new goal. */
	if (task->state == QUEUE_REFUSED || task->state == QUEUE_UNAVAILABLE)
		task->state = QUEUE_UNBOUND;
	else if (task->state == QUEUE_UNBIND_IGNORED)
		task->state = QUEUE_UNBINDING;
	queue_task_update(task);
}

void queue_task_start(struct queue_task *task)
{
	task->call = queue_task_next(task);
	if (task->call == CALL_WRITE_ASSOCIATION)
		task->asked_index = task->secret_index;
}

void queue_task_fail(struct queue_task *task, enum apqn_failure failure, int error)
{
	task->apqn->failure = failure;
	task->apqn->failure_error = error;
	task->goal = GOAL_REST;
	/* The effect of an unbind will not be checked any more. */
	if (queue_unbind_unseen(task->state) &&
	    (failure == APQN_CARD_HUNG || failure == APQN_UNREADABLE || failure == APQN_CALL_LOST))
		queue_task_set_state(task, QUEUE_UNKNOWN);
}

void queue_task_abandon(struct queue_task *task)
{
	if (task->call == CALL_WRITE_BIND)
		queue_task_set_state(task, QUEUE_BIND_LOST);
	else if (task->call == CALL_WRITE_UNBIND)
		queue_task_set_state(task, QUEUE_UNBIND_LOST);
	else if (task->call == CALL_WRITE_ASSOCIATION) {
		queue_task_set_state(task, QUEUE_ASSOCIATION_LOST);
		task->apqn->association_index = task->asked_index;
	}
	task->bound_here = task->bound_here || task->call == CALL_WRITE_BIND;
	task->call = CALL_NONE;
}

/* --- results -------------------------------------------------------------------------------------- */

/*
 * While a reset runs, the firmware answers every bind with EIO. But so does the driver if the queue cannot be asked
 * after the bind took effect.
 */
static enum queue_result result_of_eio(struct queue_task *task, int64_t now_ms)
{
	if (task->goal < GOAL_IDENTIFY || task->goal == GOAL_UNBIND)
		return RESULT_BIND_LOST; /* nobody binds it again, which would show it */
	task->bound_here = true;
	if (task->refused_since_ms == 0)
		task->refused_since_ms = now_ms;
	if (now_ms - task->refused_since_ms >= BIND_REFUSAL_RESET_MS)
		return RESULT_BIND_REFUSED_LONG;
	return now_ms - task->refused_since_ms >= BIND_REFUSAL_MS ? RESULT_BIND_REFUSED : RESULT_BUSY;
}

static enum queue_result result_of_write(struct queue_task *task, enum queue_call call, int error, int64_t now_ms)
{
	size_t i = 0;

	if (call == CALL_WRITE_BIND && error == -EIO)
		return result_of_eio(task, now_ms);
	if (call == CALL_WRITE_BIND)
		task->refused_since_ms = 0;
	while (write_results[i].call != call || (write_results[i].error != error && write_results[i].error != OTHER))
		i++;
	return write_results[i].result;
}

static enum queue_result result_of_bind_read(const struct queue_task *task, int *error, const char *text,
					     int64_t now_ms)
{
	int64_t limit_ms = task->apqn->online ? UNBIND_SHOWS_MS : UNBIND_OFFLINE_MS;
	enum apqn_bind seen = APQN_BIND_UNKNOWN;

	if (*error == 0)
		*error = apqn_parse_bind(text, &seen);
	if (*error == -EIO)
		*error = 0;
	if (*error < 0)
		return RESULT_UNREADABLE;
	if (seen == APQN_UNBOUND)
		return RESULT_SEEN_UNBOUND;
	if (task->state == QUEUE_UNBINDING && now_ms - task->since_ms >= limit_ms)
		return RESULT_SEEN_TOO_LONG;
	return seen == APQN_BOUND ? RESULT_SEEN_BOUND : RESULT_SEEN_NEITHER;
}

/* The text is that of reset_show in ap_queue.c. Older kernels have no such file. */
static enum queue_result result_of_reset_read(const struct queue_task *task, int error, const char *text,
					      int64_t now_ms)
{
	bool runs = error == 0 && strncmp(text, "Reset in progress", 17) == 0;

	if (task->state == QUEUE_RESETTING && now_ms - task->since_ms >= UNBIND_SHOWS_MS)
		runs = false;
	return runs ? RESULT_RESET_RUNS : RESULT_RESET_OVER;
}

static enum queue_result result_of_association_read(struct queue_task *task, int *error, const char *text)
{
	enum apqn_association seen = APQN_ASSOCIATION_UNKNOWN;
	uint16_t index = 0;

	if (*error == 0)
		*error = apqn_parse_association(text, &seen, &index);
	if (seen == APQN_ASSOCIATION_PENDING)
		return RESULT_SEEN_PENDING;
	task->apqn->association_index = index;
	if (seen == APQN_UNASSOCIATED)
		return RESULT_SEEN_UNASSOCIATED;
	if (seen != APQN_ASSOCIATED)
		return *error < 0 && *error != -EIO ? RESULT_ASSOCIATION_UNKNOWN : RESULT_SEEN_NO_ASSOCIATION;
	return index == task->secret_index || index == task->asked_index ? RESULT_SEEN_ASSOCIATED : RESULT_SEEN_OTHER;
}

static enum queue_result result_of(struct queue_task *task, enum queue_call call, int *error, const char *text,
				   int64_t now_ms)
{
	switch (call) {
	case CALL_READ_BIND:
		return result_of_bind_read(task, error, text, now_ms);
	case CALL_READ_ASSOCIATION:
		return result_of_association_read(task, error, text);
	case CALL_READ_RESET:
		return result_of_reset_read(task, *error, text, now_ms);
	default:
		return result_of_write(task, call, *error, now_ms);
	}
}

/* Failures of a bind have the error of the bind, not that of the read that decided. */
static int error_of_failure(enum apqn_failure failure, int error)
{
	if (failure == APQN_BIND_REFUSED)
		return -EIO;
	return failure == APQN_BIND_TAKEN ? -EINVAL : error;
}

static void take_result(struct queue_task *task, enum queue_result result, int error, int64_t now_ms)
{
	const struct transition *transition = find_transition(task->state, result);
	enum queue_state next = transition->next == SAME ? task->state : (enum queue_state)transition->next;
	enum apqn_failure failure = transition->failure;

	/* An association that is not wanted any more may end in any way. */
	if (task->goal != GOAL_ASSOCIATE &&
	    (failure == APQN_ASSOCIATION_FAILED || result == RESULT_ASSOCIATION_UNKNOWN))
		failure = APQN_WORKING;
	if (next == task->state || result == RESULT_RESET_RUNS || result == RESULT_SEEN_PENDING)
		again(task, now_ms);
	else
		progress(task, now_ms);
	if (next != task->state)
		queue_task_set_state(task, next);
	switch (result) {
	case RESULT_BIND_DONE:
	case RESULT_BIND_LOST:
		task->bound_here = true;
		break;
	case RESULT_UNBIND_STARTED:
		task->bound_here = false;
		task->since_ms = now_ms;
		break;
	case RESULT_SEEN_UNBOUND:
		task->bound_here = false;
		break;
	case RESULT_ASSOCIATION_STARTED:
	case RESULT_ASSOCIATION_LOST:
		task->apqn->association_index = task->asked_index;
		task->since_ms = now_ms;
		/* The other queues of the card wait for its end. */
		if (task->goal == GOAL_REST)
			task->goal = GOAL_SETTLE;
		break;
	case RESULT_SEEN_ASSOCIATED:
		/*
		 * One read of mkvps checks the identity. It also frees readers that came too early: a request that
		 * reaches a queue during its association is forgotten by the kernel, until the next one is answered.
		 */
		if (task->goal == GOAL_ASSOCIATE && task->apqn->association_index == task->secret_index)
			task->goal = GOAL_CONFIRM;
		break;
	default:
		break;
	}
	if (failure != APQN_WORKING)
		queue_task_fail(task, failure, error_of_failure(failure, error));
}

static void mkvps_read_done(struct queue_task *task, int error, const char *text, int64_t now_ms)
{
	struct apqn *apqn = task->apqn;
	enum apqn_identity before = apqn->identity;

	if (error == 0)
		error = apqn_parse_mkvps(text, &apqn->identity, apqn->mkvp);
	if (task->goal == GOAL_CONFIRM) {
		if (error == 0 && apqn->identity == APQN_IDENTITY_UNREAD)
			apqn->identity = before;
		task->goal = GOAL_REST;
	} else if (error == 0 && apqn->identity != APQN_IDENTITY_UNREAD)
		progress(task, now_ms);
	else if (error == -EBADMSG || ++task->tries >= IDENTITY_TRIES_MAX)
		queue_task_fail(task, APQN_UNREADABLE, error);
	else
		again(task, now_ms);
}

/* A serial number that cannot be read is unknown: entries that ask for one will not match. */
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

static bool is_gone(int error)
{
	return error == -ENOENT || error == -ENODEV || error == -ENXIO;
}

static void call_done(struct queue_task *task, enum queue_call call, int error, const char *text, int64_t now_ms)
{
	bool lost = error == -EOWNERDEAD;

	if (lost && call > CALL_WRITE_ASSOCIATION) {
		again(task, now_ms);
	} else if (call == CALL_READ_MKVPS) {
		mkvps_read_done(task, error, text, now_ms);
	} else if (call == CALL_READ_SERIALNR) {
		serialnr_read_done(task, error, text, now_ms);
	} else {
		enum queue_result result = result_of(task, call, &error, text, now_ms);

		take_result(task, result, error, now_ms);
	}
	if (lost && ++task->losses >= LOSSES_MAX)
		queue_task_fail(task, APQN_CALL_LOST, 0);
}

void queue_task_done(struct queue_task *task, int error, const char *text, int64_t now_ms)
{
	enum queue_call call = task->call;

	task->call = CALL_NONE;
	if (is_gone(error) && call != CALL_READ_RESET && call != CALL_READ_SERIALNR)
		queue_task_fail(task, APQN_VANISHED, error);
	else if (call != CALL_NONE)
		call_done(task, call, error, text, now_ms);
	queue_task_update(task);
}
