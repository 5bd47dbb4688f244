/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The steps that bring one queue to its goal, one call at a time. No I/O and no clock here: queue_task_next names the
 * next call, queue_task_done takes its result.
 *
 * The state is what is known of the queue. It follows from the results of calls alone, so the goal may be replaced at
 * any time, even while a call is under way. Kernel behaviour relied upon (drivers/s390/crypto/ap_queue.c,
 * se_bind_store, se_associate_store): a bind that returns 0 is done; EBUSY passes; EIO passes while a reset runs; an
 * association is started by the write and seen by a read.
 *
 *   state             call for the goal                          result of a call -> next state; else: try again
 *                     IDENTIFY    BIND      ASSOCIATE  UNBIND
 *   UNKNOWN           unbind      unbind    unbind     unbind     started -> UNBINDING
 *   BIND_LOST         bind?       bind?     bind?      bind?      unbound -> RESETTING, bound -> FOUND, else UNKNOWN
 *   UNBIND_LOST       bind?       bind?     bind?      bind?      unbound -> RESETTING, else UNKNOWN
 *   UNBOUND           bind        bind      bind       -          done -> BOUND, EINVAL -> UNAVAILABLE,
 *                                                                 EIO for a second -> REFUSED
 *   REFUSED           reset?      reset?    reset?     -          runs -> RESETTING, over -> failure
 *   RESETTING         bind        bind      bind       reset? *   bind: as UNBOUND, but EIO for ten seconds -> failure;
 *                                                                 reset?: over -> UNBOUND
 *   UNAVAILABLE       bind?       bind?     bind?      -          bound -> BOUND, else failure
 *   UNBINDING         bind        bind      bind       bind?      bind?: unbound -> RESETTING,
 *                                                                 bound for too long -> failure;
 *                                                                 bind: done -> BOUND, EINVAL -> UNBIND_IGNORED,
 *                                                                 EIO for ten seconds -> failure
 *   UNBIND_IGNORED    bind?       bind?     bind?      bind?      failure
 *   FOUND             reset?      reset?    associate  unbind     reset?: over -> RESET_OVER
 *   RESET_OVER        bind?       bind?     associate  unbind     bind?: unbound -> UNBOUND, else BOUND
 *   BOUND             identity    -         associate  unbind
 *   STALE             unbind      -         unbind     unbind
 *   SETTLING          assoc.?     -         unbind     unbind     associated -> ASSOCIATED, unassociated -> FOUND,
 *                                                                 anything else but pending -> STALE
 *   ASSOCIATING       assoc.?     -         assoc.? +  unbind     associated -> ASSOCIATED,
 *                                                                 anything else but pending -> failure
 *   ASSOCIATION_LOST  assoc.?     -         assoc.? +  unbind     as ASSOCIATING, but pending -> ASSOCIATING,
 *                                                                 unassociated -> FOUND
 *   ASSOCIATED        identity    -         - +        unbind
 *
 *   In every state: associate: started -> ASSOCIATING; unbind: started -> UNBINDING. EBUSY is retried. Any other error
 *   of these calls but reset? and identity is a failure, unless it is named.
 *   bind, unbind, associate: a write; bind?, reset?, assoc.?: a read of se_bind, reset, se_associate;
 *   identity: a read of mkvps, then of serialnr if it is wanted; -: the goal is reached
 *   * only if the serial number of the card is wanted: it cannot be read while the reset runs
 *   + unbind if it is associated with another secret than the goal's
 *   STALE is also every accelerator that was found bound, because its association is never read.
 *   Any state: the worker process of a write was killed -> BIND_LOST, UNBIND_LOST, ASSOCIATION_LOST. A bind that gave
 *   EIO may have taken effect: BIND_LOST as soon as the goal is not to bind it any more.
 */
#include <stdbool.h>
#include <stdint.h>

#include "ap/apqn.h"

enum queue_goal {
	GOAL_REST,    /* nothing to do */
	GOAL_SETTLE,  /* wait for the end of an association */
	GOAL_CONFIRM, /* read the MKVP once more after an association */
	/* in the order of the table */
	GOAL_IDENTIFY,  /* bind, read the MKVP, and the serial number if it is wanted */
	GOAL_BIND,      /* bind */
	GOAL_ASSOCIATE, /* bind, associate; unbind before if it is associated with another secret */
	GOAL_UNBIND,    /* unbind, and see that it is unbound */
};

enum queue_call {
	CALL_NONE,
	CALL_WRITE_BIND,
	CALL_WRITE_UNBIND,
	CALL_WRITE_ASSOCIATION,
	CALL_READ_BIND,
	CALL_READ_ASSOCIATION,
	CALL_READ_RESET,
	CALL_READ_MKVPS,
	CALL_READ_SERIALNR,
};

static inline bool queue_call_is_write(enum queue_call call)
{
	return call >= CALL_WRITE_BIND && call <= CALL_WRITE_ASSOCIATION;
}

/* In this order: the bind state is unknown, unbound, bound. */
enum queue_state {
	QUEUE_UNKNOWN,        /* se_bind cannot be read, or the effect of an unbind was not seen */
	QUEUE_BIND_LOST,      /* the bind may have taken effect or not: its worker process was killed, or left behind */
	QUEUE_UNBIND_LOST,    /* the same for an unbind */
	QUEUE_UNBOUND,        /* found or seen unbound */
	QUEUE_REFUSED,        /* unbound; binds have been refused for a second */
	QUEUE_RESETTING,      /* unbound; a reset runs, or may run */
	QUEUE_UNAVAILABLE,    /* unbound; bind gave EINVAL */
	QUEUE_UNBINDING,      /* this run wrote the unbind, and has not seen its effect */
	QUEUE_UNBIND_IGNORED, /* the same, and bind gave EINVAL */
	QUEUE_FOUND,          /* found bound: the driver's first reset, or that of an earlier unbind, may still run */
	QUEUE_RESET_OVER,     /* found bound; the reset is over and may have been that of an unbind */
	QUEUE_BOUND,          /* bound, no reset runs, not associated */
	QUEUE_STALE,          /* bound, the association is not known (after a kexec), or an accelerator found bound */
	QUEUE_SETTLING,       /* found with an association under way */
	QUEUE_ASSOCIATING,    /* this run has started an association */
	QUEUE_ASSOCIATION_LOST, /* the same, or not: the worker process was killed, or left behind */
	QUEUE_ASSOCIATED,
};

/* The serial number belongs to the card: all its queues share this. */
struct queue_serialnr {
	bool wanted; /* some entry asks for serial numbers and this card's was not read yet */
	unsigned int tries;
	char text[APQN_SERIALNR_LENGTH + 1];
};

struct queue_task {
	struct apqn *apqn; /* bind state and association follow the state */
	struct queue_serialnr *serialnr;
	enum queue_goal goal;
	enum queue_state state;
	enum queue_call call;     /* under way */
	uint16_t secret_index;    /* for associations */
	uint16_t asked_index;     /* what was written last: the plan may have changed since */
	bool bound_here;          /* this run has bound it, or may have, and has not seen it unbound since */
	int64_t since_ms;         /* when the goal was set, or the unbind or the association started */
	int64_t due_ms;           /* no call before */
	int64_t interval_ms;      /* to the next try */
	int64_t waiting_since_ms; /* start of an unbroken series of calls without progress; 0: none */
	int64_t refused_since_ms; /* start of an unbroken series of EIO on binds; 0: none */
	int64_t give_up_ms;       /* limit for an association */
	unsigned int tries;       /* identity reads without a result */
	unsigned int losses;      /* calls whose worker process was killed */
	bool slow;                /* the caller's: the newest plan was made without it */
};

/* The state of a queue as the inventory found it. */
enum queue_state queue_state_found(const struct apqn *apqn);

/* An unbind was written, or may have been, and no call has shown its effect yet. */
bool queue_unbind_unseen(enum queue_state state);
/* A bind was refused, or its worker process was lost, and no call has shown since whether it took effect. */
bool queue_bind_unseen(const struct queue_task *task);
/* The call that led from one state to the other showed that an unbind took effect. */
bool queue_unbind_seen(enum queue_state before, enum queue_state after);

/* Sets a new goal, due at once. */
void queue_task_begin(struct queue_task *task, enum queue_goal goal, int64_t now_ms);

/* Sets a state that was not reached by a call, and what follows from it for the APQN. */
void queue_task_set_state(struct queue_task *task, enum queue_state state);

/* The call that the queue needs next; CALL_NONE if its goal is reached. */
enum queue_call queue_task_next(const struct queue_task *task);

/* Ends the task if its goal is reached. For changes from outside: queue_task_done does it. */
void queue_task_update(struct queue_task *task);

/* Makes the next call the one under way; it is to be made now. */
void queue_task_start(struct queue_task *task);

/*
 * Takes the result of task->call: `error` is 0 or negative, `text` what was read. Afterwards the goal is GOAL_REST if
 * it was reached, or if the queue failed (apqn->failure).
 */
void queue_task_done(struct queue_task *task, int error, const char *text, int64_t now_ms);

/* The call under way timed out and may still take effect: the state it may change is unknown. */
void queue_task_abandon(struct queue_task *task, int64_t now_ms);

/* Marks the queue as failed. */
void queue_task_fail(struct queue_task *task, enum apqn_failure failure, int error);
