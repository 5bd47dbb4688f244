/* SPDX-License-Identifier: MIT */
#include "provision/queue_steps.h"

#include <errno.h>
#include <string.h>

/* A change of these also changes the table in the header, test_queue_patience.c and tests/proof/queue.c. */
#define INTERVAL_MAX_MS 20          /* between any two tries of a call */
#define BIND_REFUSAL_MS 1000        /* EIO on binds for so long is a refusal, unless a reset runs */
#define BIND_REFUSAL_RESET_MS 10000 /* with a reset, too */
#define UNBIND_SHOWS_MS 10000       /* se_bind may read "bound" while the reset runs */
#define UNBIND_OFFLINE_MS 500       /* a deconfigured queue ignores an unbind */
#define IDENTITY_TRIES_MAX 4
#define LOSSES_MAX 3 /* killed worker processes before the queue counts as failed */

/* What a call says: 0 or the negative errno of a write, the negative errno of a read, or one of these. */
enum answer {
	ANY_ERROR = 1, /* in the table: every errno that no line before has */
	REFUSED,       /* EIO on binds, for a second */
	REFUSED_LONG,  /* EIO on binds, for longer than any reset takes */
	SEEN_UNBOUND,
	SEEN_BOUND,
	SEEN_NEITHER,  /* EIO: an asynchronous error, which the reset of an unbind takes away */
	SEEN_TOO_LONG, /* not unbound for longer than an unbind takes */
	RESET_RUNS,
	RESET_OVER,
	SEEN_PENDING,
	SEEN_UNASSOCIATED,
	SEEN_ASSOCIATED, /* with the secret that the goal wants, or that this run wrote */
	SEEN_OTHER,      /* associated with a secret that this run did not write */
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
/* The call that a goal needs in a state. */
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

/* What follows from the answer. The first line that fits counts; without one the state stays the same. */
static const struct transition {
	int state;
	enum queue_call call;
	int answer;
	int next;
	enum apqn_failure failure;
} transitions[] = {
	{ ANY,                    CALL_WRITE_BIND,        0,                 QUEUE_BOUND,            APQN_WORKING },
	{ ANY,                    CALL_WRITE_BIND,        -EBUSY,            SAME,                   APQN_WORKING },
	{ QUEUE_UNBINDING,        CALL_WRITE_BIND,        -EINVAL,           QUEUE_UNBIND_IGNORED,   APQN_WORKING },
	{ ANY,                    CALL_WRITE_BIND,        -EINVAL,           QUEUE_UNAVAILABLE,      APQN_WORKING },
	{ QUEUE_UNBOUND,          CALL_WRITE_BIND,        REFUSED,           QUEUE_REFUSED,          APQN_WORKING },
	{ ANY,                    CALL_WRITE_BIND,        REFUSED_LONG,      SAME,                   APQN_BIND_REFUSED },
	{ ANY,                    CALL_WRITE_BIND,        -EOWNERDEAD,       QUEUE_BIND_LOST,        APQN_WORKING },
	{ ANY,                    CALL_WRITE_BIND,        ANY_ERROR,         SAME,                   APQN_BIND_ERROR },
	{ ANY,                    CALL_WRITE_UNBIND,      0,                 QUEUE_UNBINDING,        APQN_WORKING },
	{ ANY,                    CALL_WRITE_UNBIND,      -EBUSY,            SAME,                   APQN_WORKING },
	{ ANY,                    CALL_WRITE_UNBIND,      -EOWNERDEAD,       QUEUE_UNBIND_LOST,      APQN_WORKING },
	{ ANY,                    CALL_WRITE_UNBIND,      ANY_ERROR,         SAME,                   APQN_STAYS_BOUND },
	{ ANY,                    CALL_WRITE_ASSOCIATION, 0,                 QUEUE_ASSOCIATING,      APQN_WORKING },
	{ ANY,                    CALL_WRITE_ASSOCIATION, -EBUSY,            SAME,                   APQN_WORKING },
	/* Associated already, or not bound; the read that follows tells. */
	{ ANY,                    CALL_WRITE_ASSOCIATION, -EINVAL,           QUEUE_ASSOCIATING,      APQN_WORKING },
	{ ANY,                    CALL_WRITE_ASSOCIATION, -EIO,              SAME,                   APQN_ASSOCIATION_REFUSED },
	{ ANY,                    CALL_WRITE_ASSOCIATION, -EOWNERDEAD,       QUEUE_ASSOCIATION_LOST, APQN_WORKING },
	{ ANY,                    CALL_WRITE_ASSOCIATION, ANY_ERROR,         SAME,                   APQN_ASSOCIATION_ERROR },
	{ QUEUE_BIND_LOST,        CALL_READ_BIND,         SEEN_UNBOUND,      QUEUE_RESETTING,        APQN_WORKING },
	/* The bind may not have been made, and the reset of an unbind before it may still run. */
	{ QUEUE_BIND_LOST,        CALL_READ_BIND,         SEEN_BOUND,        QUEUE_FOUND,            APQN_WORKING },
	{ QUEUE_BIND_LOST,        CALL_READ_BIND,         SEEN_NEITHER,      QUEUE_UNKNOWN,          APQN_WORKING },
	{ QUEUE_BIND_LOST,        CALL_READ_BIND,         ANY_ERROR,         QUEUE_UNKNOWN,          APQN_UNREADABLE },
	{ QUEUE_UNBIND_LOST,      CALL_READ_BIND,         SEEN_UNBOUND,      QUEUE_RESETTING,        APQN_WORKING },
	{ QUEUE_UNBIND_LOST,      CALL_READ_BIND,         SEEN_BOUND,        QUEUE_UNKNOWN,          APQN_WORKING },
	{ QUEUE_UNBIND_LOST,      CALL_READ_BIND,         SEEN_NEITHER,      QUEUE_UNKNOWN,          APQN_WORKING },
	{ QUEUE_UNAVAILABLE,      CALL_READ_BIND,         SEEN_UNBOUND,      QUEUE_UNBOUND,          APQN_BIND_TAKEN },
	{ QUEUE_UNAVAILABLE,      CALL_READ_BIND,         SEEN_BOUND,        QUEUE_BOUND,            APQN_WORKING },
	{ QUEUE_UNAVAILABLE,      CALL_READ_BIND,         SEEN_NEITHER,      QUEUE_UNBOUND,          APQN_BIND_TAKEN },
	{ QUEUE_UNBINDING,        CALL_READ_BIND,         SEEN_UNBOUND,      QUEUE_RESETTING,        APQN_WORKING },
	{ QUEUE_UNBINDING,        CALL_READ_BIND,         SEEN_TOO_LONG,     QUEUE_FOUND,            APQN_STAYS_BOUND },
	{ QUEUE_UNBIND_IGNORED,   CALL_READ_BIND,         SEEN_UNBOUND,      QUEUE_RESETTING,        APQN_BIND_TAKEN },
	{ QUEUE_UNBIND_IGNORED,   CALL_READ_BIND,         SEEN_BOUND,        QUEUE_FOUND,            APQN_STAYS_BOUND },
	{ QUEUE_UNBIND_IGNORED,   CALL_READ_BIND,         SEEN_NEITHER,      QUEUE_UNKNOWN,          APQN_BIND_TAKEN },
	{ QUEUE_RESET_OVER,       CALL_READ_BIND,         SEEN_UNBOUND,      QUEUE_UNBOUND,          APQN_WORKING },
	{ QUEUE_RESET_OVER,       CALL_READ_BIND,         SEEN_BOUND,        QUEUE_BOUND,            APQN_WORKING },
	{ QUEUE_RESET_OVER,       CALL_READ_BIND,         SEEN_NEITHER,      QUEUE_BOUND,            APQN_WORKING },
	{ ANY,                    CALL_READ_BIND,         ANY_ERROR,         SAME,                   APQN_UNREADABLE },
	{ QUEUE_REFUSED,          CALL_READ_RESET,        RESET_RUNS,        QUEUE_RESETTING,        APQN_WORKING },
	{ QUEUE_REFUSED,          CALL_READ_RESET,        RESET_OVER,        SAME,                   APQN_BIND_REFUSED },
	{ QUEUE_RESETTING,        CALL_READ_RESET,        RESET_OVER,        QUEUE_UNBOUND,          APQN_WORKING },
	{ QUEUE_FOUND,            CALL_READ_RESET,        RESET_OVER,        QUEUE_RESET_OVER,       APQN_WORKING },
	{ QUEUE_ASSOCIATION_LOST, CALL_READ_ASSOCIATION,  SEEN_PENDING,      QUEUE_ASSOCIATING,      APQN_WORKING },
	{ QUEUE_ASSOCIATING,      CALL_READ_ASSOCIATION,  SEEN_UNASSOCIATED, QUEUE_FOUND,            APQN_ASSOCIATION_FAILED },
	{ ANY,                    CALL_READ_ASSOCIATION,  SEEN_UNASSOCIATED, QUEUE_FOUND,            APQN_WORKING },
	{ ANY,                    CALL_READ_ASSOCIATION,  SEEN_ASSOCIATED,   QUEUE_ASSOCIATED,       APQN_WORKING },
	{ ANY,                    CALL_READ_ASSOCIATION,  SEEN_OTHER,        QUEUE_ASSOCIATED,       APQN_ASSOCIATION_FAILED },
	/* An asynchronous error, or the kernel does not know it. */
	{ ANY,                    CALL_READ_ASSOCIATION,  -EIO,              QUEUE_STALE,            APQN_ASSOCIATION_FAILED },
	{ ANY,                    CALL_READ_ASSOCIATION,  ANY_ERROR,         QUEUE_STALE,            APQN_UNREADABLE },
};
/* clang-format on */

static const struct transition *find_transition(enum queue_state state, enum queue_call call, int answer)
{
	static const struct transition stays = { .next = SAME, .failure = APQN_WORKING };

	for (size_t i = 0; i < sizeof(transitions) / sizeof(transitions[0]); i++) {
		const struct transition *one = &transitions[i];

		if (one->call == call && (one->state == ANY || one->state == (int)state) &&
		    (one->answer == answer || (one->answer == ANY_ERROR && answer < 0)))
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

static enum apqn_bind bind_of(enum queue_state state)
{
	if (state >= QUEUE_FOUND)
		return APQN_BOUND;
	return state >= QUEUE_UNBOUND ? APQN_UNBOUND : APQN_BIND_UNKNOWN;
}

static enum apqn_association association_of(enum queue_state state)
{
	if (state == QUEUE_ASSOCIATED)
		return APQN_ASSOCIATED;
	if (is_pending(state))
		return APQN_ASSOCIATION_PENDING;
	return state == QUEUE_STALE || state < QUEUE_UNBOUND ? APQN_ASSOCIATION_UNKNOWN : APQN_UNASSOCIATED;
}

/* --- goals ---------------------------------------------------------------------------------------- */

void queue_task_set_state(struct queue_task *task, enum queue_state state)
{
	task->state = state;
	task->apqn->bind = bind_of(state);
	if (task->apqn->mode == APQN_MODE_EP11)
		task->apqn->association = association_of(state);
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
		if (call == CALL_READ_MKVPS && task->apqn->identity == APQN_IDENTITY_VALID)
			return CALL_READ_SERIALNR;
		return call;
	case GOAL_ASSOCIATE:
		return has_other_secret(task) ? CALL_WRITE_UNBIND : call;
	case GOAL_UNBIND:
		/* The serial number cannot be read while the reset runs. */
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

/* The state that a call has led to. */
static void enter_state(struct queue_task *task, enum queue_call call, enum queue_state state, int64_t now_ms)
{
	queue_task_set_state(task, state);
	if (state == QUEUE_BIND_LOST)
		task->bound_here = true;
	if (state == QUEUE_UNBINDING) {
		task->bound_here = false;
		task->since_ms = now_ms;
	}
	if (call == CALL_WRITE_ASSOCIATION) {
		task->apqn->association_index = task->asked_index;
		task->since_ms = now_ms;
		/* The other queues of the card wait for its end. */
		if (task->goal == GOAL_REST)
			task->goal = GOAL_SETTLE;
	}
	/*
	 * One read of mkvps checks the identity. It also frees readers that came too early: a request that reaches a
	 * queue during its association is forgotten by the kernel, until the next one is answered.
	 */
	if (state == QUEUE_ASSOCIATED && task->goal == GOAL_ASSOCIATE && !has_other_secret(task))
		task->goal = GOAL_CONFIRM;
}

void queue_task_abandon(struct queue_task *task, int64_t now_ms)
{
	enum queue_call call = task->call;

	if (queue_call_is_write(call))
		enter_state(task, call, (enum queue_state)find_transition(task->state, call, -EOWNERDEAD)->next,
			    now_ms);
	task->call = CALL_NONE;
}

/* --- results -------------------------------------------------------------------------------------- */

/*
 * While a reset runs, the firmware answers every bind with EIO. But so does the driver if the queue cannot be asked
 * after the bind took effect.
 */
static int refusal(struct queue_task *task, int64_t now_ms)
{
	int64_t waited_ms;

	/* The goal has changed: no further bind will show whether this one took effect. It counts as lost. */
	if (task->goal < GOAL_IDENTIFY || task->goal == GOAL_UNBIND)
		return -EOWNERDEAD;
	if (task->refused_since_ms == 0)
		task->refused_since_ms = now_ms;
	waited_ms = now_ms - task->refused_since_ms;
	if (waited_ms < BIND_REFUSAL_MS)
		return -EBUSY;
	return waited_ms < BIND_REFUSAL_RESET_MS ? REFUSED : REFUSED_LONG;
}

static int answer_of_bind(struct queue_task *task, int error, int64_t now_ms)
{
	if (error == 0 || error == -EIO || error == -EOWNERDEAD)
		task->bound_here = true;
	if (error == -EIO)
		return refusal(task, now_ms);
	task->refused_since_ms = 0;
	return error;
}

static int answer_of_bind_read(const struct queue_task *task, int error, const char *text, int64_t now_ms)
{
	int64_t limit_ms = task->apqn->online ? UNBIND_SHOWS_MS : UNBIND_OFFLINE_MS;
	enum apqn_bind seen = APQN_BIND_UNKNOWN;

	if (error == 0)
		error = apqn_parse_bind(text, &seen);
	if (error < 0 && error != -EIO)
		return error;
	if (seen == APQN_UNBOUND)
		return SEEN_UNBOUND;
	if (task->state == QUEUE_UNBINDING && now_ms - task->since_ms >= limit_ms)
		return SEEN_TOO_LONG;
	return seen == APQN_BOUND ? SEEN_BOUND : SEEN_NEITHER;
}

/* The text is that of reset_show in ap_queue.c. Older kernels have no such file. */
static int answer_of_reset_read(const struct queue_task *task, int error, const char *text, int64_t now_ms)
{
	bool runs = error == 0 && strncmp(text, "Reset in progress", 17) == 0;

	if (task->state == QUEUE_RESETTING && now_ms - task->since_ms >= UNBIND_SHOWS_MS)
		runs = false;
	return runs ? RESET_RUNS : RESET_OVER;
}

static int answer_of_association_read(struct queue_task *task, int error, const char *text)
{
	enum apqn_association seen = APQN_ASSOCIATION_UNKNOWN;
	uint16_t index = 0;

	if (error == 0)
		error = apqn_parse_association(text, &seen, &index);
	if (seen == APQN_ASSOCIATION_PENDING)
		return SEEN_PENDING;
	task->apqn->association_index = index;
	if (seen == APQN_UNASSOCIATED)
		return SEEN_UNASSOCIATED;
	if (seen != APQN_ASSOCIATED)
		return error < 0 ? error : -EIO;
	return index == task->secret_index || index == task->asked_index ? SEEN_ASSOCIATED : SEEN_OTHER;
}

static int answer_of(struct queue_task *task, enum queue_call call, int error, const char *text, int64_t now_ms)
{
	switch (call) {
	case CALL_WRITE_BIND:
		return answer_of_bind(task, error, now_ms);
	case CALL_READ_BIND:
		return answer_of_bind_read(task, error, text, now_ms);
	case CALL_READ_ASSOCIATION:
		return answer_of_association_read(task, error, text);
	case CALL_READ_RESET:
		return answer_of_reset_read(task, error, text, now_ms);
	default:
		return error;
	}
}

/* Failures of a bind have the error of the bind, not that of the read that decided. */
static int error_of_failure(enum apqn_failure failure, int answer)
{
	if (failure == APQN_BIND_REFUSED)
		return -EIO;
	if (failure == APQN_BIND_TAKEN)
		return -EINVAL;
	return answer < 0 ? answer : 0;
}

static void state_call_done(struct queue_task *task, enum queue_call call, int error, const char *text, int64_t now_ms)
{
	int answer = answer_of(task, call, error, text, now_ms);
	const struct transition *transition = find_transition(task->state, call, answer);
	enum queue_state next = transition->next == SAME ? task->state : (enum queue_state)transition->next;
	enum apqn_failure failure = transition->failure;

	/* An association that is not wanted any more, or that this run did not start, may end in any way. */
	if (call == CALL_READ_ASSOCIATION && (task->goal != GOAL_ASSOCIATE || task->state == QUEUE_SETTLING))
		failure = APQN_WORKING;
	if (next == task->state || answer == RESET_RUNS || answer == SEEN_PENDING)
		again(task, now_ms);
	else
		progress(task, now_ms);
	if (next != task->state)
		enter_state(task, call, next, now_ms);
	if (answer == SEEN_UNBOUND)
		task->bound_here = false;
	if (failure != APQN_WORKING)
		queue_task_fail(task, failure, error_of_failure(failure, answer));
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

	if (lost && !queue_call_is_write(call)) {
		again(task, now_ms);
	} else if (call == CALL_READ_MKVPS) {
		mkvps_read_done(task, error, text, now_ms);
	} else if (call == CALL_READ_SERIALNR) {
		serialnr_read_done(task, error, text, now_ms);
	} else {
		state_call_done(task, call, error, text, now_ms);
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
