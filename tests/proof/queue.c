/* SPDX-License-Identifier: MIT */
/*
 * The steps of a queue: src/provision/queue_steps.c.
 *
 * Bounds: six calls from any state that the inventory can find. The goal may be replaced before and during each call,
 * and the call may time out. The result is 0 or any errno, with any valid or invalid text, at any time. A task with one
 * goal ends after at most 16 calls, without the results that the kernel may repeat until the deadline. Killed helper
 * processes are left out there: they have their own limit (LOSSES_MAX).
 * Pointers are not checked here, which would be too much work for the solver: one task points to one APQN.
 * Assumed: the parsers of src/ap/apqn.c return what apqn.c proves: a defined value, or -EBADMSG and no change. A failed
 * queue gets no goal except to unbind it, and CONFIRM is not set from outside (src/provision/plan.c). The clock does
 * not go back. After an unbind, se_bind may show "bound" until the end of the reset. A bind and an association take
 * effect only after the reset. EBUSY, a running reset and a pending association are retried until the deadline of the
 * run, which is not part of these steps.
 *
 * prove: prove_queue_sequence --unwind 52 --no-pointer-check --no-pointer-primitive-check
 * slow: prove_queue_sequence
 * mutant: prove_queue_sequence src/provision/queue_steps.c /QUEUE_BIND_LOST, .* SEEN_BOUND,/s/QUEUE_FOUND,/QUEUE_BOUND,/
 * prove: prove_queue_ends --unwind 52 --no-pointer-check --no-pointer-primitive-check
 * slow: prove_queue_ends
 * mutant: prove_queue_ends src/provision/queue_steps.c s/error == -EBADMSG || ++task->tries >= IDENTITY_TRIES_MAX/error == -EBADMSG/
 */
#include "proof.h"

#include "libc.h"

#include "provision/queue_steps.c"

#define CALLS 6
#define CALLS_TO_THE_END 16

/* What the calls have shown, tracked independently of the program. */
static bool reset_may_run, association_may_run;
/* After an unseen unbind, se_bind may still read "bound"; after a tried bind, the queue may be bound. */
static bool unbind_unseen, bind_tried;

/* The text of the current result, as the values that the parsers return. */
static int parsed_error;
static enum apqn_bind parsed_bind;
static enum apqn_association parsed_association;
static uint16_t parsed_index;
static enum apqn_identity parsed_identity;

int apqn_parse_bind(const char *text, enum apqn_bind *bind)
{
	(void)text;
	if (parsed_error == 0)
		*bind = parsed_bind;
	return parsed_error;
}

int apqn_parse_association(const char *text, enum apqn_association *association, uint16_t *index)
{
	(void)text;
	if (parsed_error == 0)
		*association = parsed_association;
	if (parsed_error == 0 && parsed_association == APQN_ASSOCIATED)
		*index = parsed_index;
	return parsed_error;
}

int apqn_parse_mkvps(const char *text, enum apqn_identity *identity, uint8_t mkvp[APQN_MKVP_SIZE])
{
	(void)text;
	if (parsed_error == 0)
		*identity = parsed_identity;
	if (parsed_error == 0 && parsed_identity == APQN_IDENTITY_VALID)
		mkvp[0] = nondet_uint8();
	return parsed_error;
}

int apqn_parse_serialnr(const char *text, char serialnr[APQN_SERIALNR_LENGTH + 1])
{
	(void)text;
	if (parsed_error == 0)
		serialnr[0] = nondet_bool() ? 'S' : '\0';
	return parsed_error;
}

static int any_error(void)
{
	int error = nondet_int();

	ASSUME(error <= 0 && error >= -4095);
	return error;
}

static const char *any_result(void)
{
	parsed_error = nondet_bool() ? 0 : -EBADMSG;
	parsed_bind = (enum apqn_bind)nondet_int();
	ASSUME(parsed_bind == APQN_BOUND || parsed_bind == APQN_UNBOUND || parsed_bind == APQN_BIND_UNSUPPORTED);
	parsed_association = (enum apqn_association)nondet_int();
	ASSUME(parsed_association > APQN_ASSOCIATION_UNKNOWN && parsed_association <= APQN_ASSOCIATED);
	parsed_index = (uint16_t)nondet_int();
	parsed_identity = (enum apqn_identity)nondet_int();
	ASSUME(parsed_identity >= APQN_IDENTITY_UNREAD && parsed_identity <= APQN_IDENTITY_NONE);
	return nondet_bool() ? "Reset in progress.\n" : "No Reset.\n";
}

static void any_start(struct queue_task *task, struct apqn *apqn, struct queue_serialnr *serialnr)
{
	*apqn = (struct apqn){ .online = nondet_bool(), .association_index = (uint16_t)nondet_int() };
	*serialnr = (struct queue_serialnr){ .wanted = nondet_bool() };
	*task = (struct queue_task){ .apqn = apqn, .serialnr = serialnr };
	apqn->mode = nondet_bool() ? APQN_MODE_EP11 : APQN_MODE_ACCEL;
	apqn->bind = (enum apqn_bind)nondet_int();
	ASSUME(apqn->bind == APQN_BIND_UNKNOWN || apqn->bind == APQN_UNBOUND || apqn->bind == APQN_BOUND);
	apqn->association = APQN_ASSOCIATION_UNSUPPORTED;
	if (apqn->mode == APQN_MODE_EP11) {
		apqn->association = (enum apqn_association)nondet_int();
		ASSUME(apqn->association >= APQN_ASSOCIATION_UNKNOWN && apqn->association <= APQN_ASSOCIATED);
		ASSUME(apqn->association != APQN_ASSOCIATION_UNSUPPORTED);
	}
	task->secret_index = (uint16_t)nondet_int();
	queue_task_set_state(task, queue_state_found(apqn));
	/* A queue with an association, complete or pending, has completed its reset. */
	reset_may_run = apqn->bind != APQN_UNBOUND && apqn->association != APQN_ASSOCIATED &&
			apqn->association != APQN_ASSOCIATION_PENDING;
	association_may_run = apqn->association == APQN_ASSOCIATION_PENDING;
}

static enum queue_goal any_goal(const struct apqn *apqn)
{
	enum queue_goal goal = (enum queue_goal)nondet_int();

	ASSUME(goal >= GOAL_REST && goal <= GOAL_UNBIND && goal != GOAL_CONFIRM);
	ASSUME(apqn->mode == APQN_MODE_EP11 ? goal != GOAL_BIND : goal == GOAL_REST || goal == GOAL_BIND || goal == GOAL_UNBIND);
	ASSUME(apqn->failure == APQN_WORKING || goal == GOAL_REST || goal == GOAL_UNBIND);
	return goal;
}

static void check_values(const struct queue_task *task)
{
	const struct apqn *apqn = task->apqn;

	CLAIM((unsigned int)task->state <= QUEUE_ASSOCIATED, "a defined state");
	CLAIM((unsigned int)task->goal <= GOAL_UNBIND, "a defined goal");
	CLAIM((unsigned int)task->call <= CALL_READ_SERIALNR, "a defined call");
	CLAIM((unsigned int)queue_task_next(task) <= CALL_READ_SERIALNR, "a defined next call");
	CLAIM((unsigned int)apqn->bind <= APQN_BOUND && (unsigned int)apqn->association <= APQN_ASSOCIATED, "defined states of the APQN");
	CLAIM((unsigned int)apqn->failure <= APQN_CARD_HUNG, "a defined failure");
	CLAIM(task->interval_ms >= 0 && task->interval_ms <= 20, "a retry interval of 0 to 20 ms");
	CLAIM(apqn->failure == APQN_WORKING || task->goal == GOAL_REST || task->goal == GOAL_UNBIND || task->goal == GOAL_SETTLE,
	      "a failed queue has no goal except to settle or to be unbound");
}

static void check_call(const struct queue_task *task)
{
	const struct apqn *apqn = task->apqn;
	enum queue_call call = task->call;

	if (apqn->failure != APQN_WORKING)
		CLAIM(call != CALL_WRITE_BIND && call != CALL_WRITE_ASSOCIATION, "a failed queue is written to only to unbind it");
	if (call == CALL_WRITE_ASSOCIATION)
		CLAIM(apqn->bind == APQN_BOUND && apqn->mode == APQN_MODE_EP11, "only a bound EP11 queue is associated");
	if (call == CALL_WRITE_BIND)
		CLAIM(apqn->bind == APQN_UNBOUND, "only an unbound queue is bound");
	if (call == CALL_READ_MKVPS || call == CALL_READ_SERIALNR) {
		CLAIM(apqn->bind == APQN_BOUND, "identities are read only from bound queues");
		CLAIM(!reset_may_run, "no identity is read while a reset may run");
		CLAIM(!association_may_run, "no identity is read while an association may run");
	}
}

/* Tracks what a result shows, according to the kernel, not to the program. */
static void note_result(enum queue_call call, int error, const char *text)
{
	bool lost = error == -EOWNERDEAD;

	if (call == CALL_WRITE_BIND && error == 0)
		reset_may_run = association_may_run = unbind_unseen = false;
	if (call == CALL_WRITE_BIND && (lost || error == -EINVAL))
		bind_tried = true;
	if (call == CALL_WRITE_UNBIND && (error == 0 || lost)) {
		reset_may_run = unbind_unseen = true;
		bind_tried = false;
		association_may_run = association_may_run && error != 0;
	}
	/* A bind takes effect only after the reset. */
	if (call == CALL_READ_BIND && error == 0 && parsed_error == 0 && parsed_bind == APQN_BOUND && bind_tried && !unbind_unseen)
		reset_may_run = false;
	if (call == CALL_READ_BIND && error == 0 && parsed_error == 0 && parsed_bind == APQN_UNBOUND)
		unbind_unseen = association_may_run = false;
	if (call == CALL_READ_RESET && (error != 0 || text[0] != 'R'))
		reset_may_run = false;
	if (call == CALL_WRITE_ASSOCIATION && (error == 0 || error == -EINVAL || lost))
		association_may_run = true;
	if (call == CALL_READ_ASSOCIATION && error == 0 && parsed_error == 0)
		association_may_run = parsed_association == APQN_ASSOCIATION_PENDING;
	/* The driver starts an association only after the reset. */
	if (call == CALL_WRITE_ASSOCIATION && error == 0)
		reset_may_run = false;
	if (call == CALL_READ_ASSOCIATION && error == 0 && parsed_error == 0 &&
	    (parsed_association == APQN_ASSOCIATED || parsed_association == APQN_ASSOCIATION_PENDING))
		reset_may_run = false;
}

static void check_belief(const struct apqn *before, const struct apqn *after, enum queue_call call, int error)
{
	bool read = error == 0 && parsed_error == 0;

	if (after->bind == APQN_BOUND && before->bind != APQN_BOUND)
		CLAIM((call == CALL_WRITE_BIND && error == 0) || (call == CALL_READ_BIND && read && parsed_bind == APQN_BOUND) ||
			      after->failure == APQN_STAYS_BOUND,
		      "a queue becomes bound only after it was written or read");
	if (after->association == APQN_ASSOCIATED &&
	    (before->association != APQN_ASSOCIATED || before->association_index != after->association_index))
		CLAIM(call == CALL_READ_ASSOCIATION && read && parsed_association == APQN_ASSOCIATED &&
			      after->association_index == parsed_index,
		      "a queue becomes associated only after it was read, with the index that was read");
	if (after->identity != before->identity)
		CLAIM(call == CALL_READ_MKVPS && read && after->identity == parsed_identity, "an identity changes only after it was read");
}

/* One call and its result. False after a timeout: the card is not used any more. */
static bool step(struct queue_task *task, int64_t now_ms)
{
	struct apqn before;
	enum queue_call call;
	enum queue_goal goal;
	const char *text;
	int error;

	queue_task_start(task);
	check_call(task);
	if (nondet_bool() && task->apqn->failure == APQN_WORKING)
		queue_task_begin(task, any_goal(task->apqn), now_ms);
	before = *task->apqn;
	call = task->call;
	goal = task->goal;
	error = any_error();
	text = any_result();
	note_result(call, error, text);
	if (error == -ETIMEDOUT) {
		queue_task_abandon(task, now_ms);
		queue_task_fail(task, APQN_CARD_HUNG, error);
		CLAIM(before.bind == APQN_BOUND || task->apqn->bind != APQN_BOUND, "a call that timed out does not make a queue bound");
		CLAIM((call != CALL_WRITE_BIND && call != CALL_WRITE_UNBIND) || task->apqn->bind == APQN_BIND_UNKNOWN,
		      "the bind state that it may have changed is unknown");
		check_values(task);
		return false;
	}
	queue_task_done(task, error, text, now_ms);
	check_belief(&before, task->apqn, call, error);
	check_values(task);
	if (goal == GOAL_ASSOCIATE && task->goal == GOAL_CONFIRM)
		CLAIM(task->apqn->association == APQN_ASSOCIATED && task->apqn->association_index == task->secret_index,
		      "a completed association has the secret of the goal");
	CLAIM(call == CALL_NONE || task->goal == GOAL_REST || task->due_ms >= now_ms, "the next call is not due before now");
	return true;
}

void prove_queue_sequence(void)
{
	struct apqn apqn;
	struct queue_serialnr serialnr;
	struct queue_task task;
	int64_t now_ms = 1;

	any_start(&task, &apqn, &serialnr);
	check_values(&task);
	for (unsigned int i = 0; i < CALLS; i++) {
		int64_t later_ms = now_ms + (int64_t)(unsigned int)nondet_int();

		now_ms = later_ms;
		if (nondet_bool())
			queue_task_begin(&task, any_goal(&apqn), now_ms);
		if (!step(&task, now_ms))
			break;
	}
}

/* The results that the kernel may repeat until the deadline. */
static bool is_for_ever(enum queue_call call, int error, const char *text)
{
	if (error == -EBUSY)
		return call == CALL_WRITE_BIND || call == CALL_WRITE_UNBIND || call == CALL_WRITE_ASSOCIATION;
	if (call == CALL_READ_RESET)
		return error == 0 && text[0] == 'R';
	return call == CALL_READ_ASSOCIATION && error == 0 && parsed_error == 0 && parsed_association == APQN_ASSOCIATION_PENDING;
}

/* One goal: it is reached, or the queue fails. Each call comes 11 seconds later, so every time limit has passed. */
void prove_queue_ends(void)
{
	struct apqn apqn;
	struct queue_serialnr serialnr;
	struct queue_task task;
	int64_t now_ms = 1;

	any_start(&task, &apqn, &serialnr);
	queue_task_begin(&task, any_goal(&apqn), now_ms);
	for (unsigned int i = 0; i < CALLS_TO_THE_END && task.goal != GOAL_REST; i++) {
		int error = any_error();
		const char *text = any_result();

		now_ms += 11000;
		queue_task_start(&task);
		CLAIM(task.call != CALL_NONE, "a task with a goal has a next call");
		ASSUME(error != -EOWNERDEAD && !is_for_ever(task.call, error, text));
		queue_task_done(&task, error, text, now_ms);
	}
	CLAIM(task.goal == GOAL_REST, "a task ends");
}
