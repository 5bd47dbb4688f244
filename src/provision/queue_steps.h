/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What one queue has to go through to reach its goal, one call at a time. No I/O and no clock here: queue_task_next
 * tells which call the queue needs, queue_task_done takes its result and brings the knowledge about the APQN up to
 * date.
 *
 * The next call follows from the task and from what is known of the queue, so a task may be replaced at any time, even
 * while a call is under way. Kernel behaviour relied upon (drivers/s390/crypto/ap_queue.c, se_bind_store,
 * se_associate_store): a bind that returns 0 is done; EBUSY passes; EIO passes while a reset runs; an association is
 * started by the write and seen by a read.
 */
#include <stdbool.h>
#include <stdint.h>

#include "ap/apqn.h"

enum queue_goal {
	QUEUE_REST,     /* nothing to do */
	QUEUE_SETTLE,   /* wait for an association that somebody else started */
	QUEUE_IDENTIFY, /* bind, read the MKVP, and the serial number if it is wanted */
	QUEUE_BIND,
	QUEUE_ASSOCIATE,   /* bind, associate */
	QUEUE_REASSOCIATE, /* unbind, bind, associate */
	QUEUE_CONFIRM,     /* read the MKVP once more after an association */
	QUEUE_UNBIND,
};

enum queue_action {
	QUEUE_NO_ACTION,
	QUEUE_WRITE_BIND,
	QUEUE_WRITE_UNBIND,
	QUEUE_WRITE_ASSOCIATION,
	QUEUE_READ_BIND,
	QUEUE_READ_ASSOCIATION,
	QUEUE_READ_RESET,
	QUEUE_READ_MKVPS,
	QUEUE_READ_SERIALNR,
};

/* Why the bind state, or whether a reset runs (REFUSAL), is to be read before anything else. */
enum queue_look {
	QUEUE_LOOK_NOT,
	QUEUE_LOOK_AFTER_UNBIND,
	QUEUE_LOOK_AFTER_BIND,
	QUEUE_LOOK_AFTER_REFUSAL,
	QUEUE_LOOK_AFTER_RESET,   /* of a queue found bound: the reset may have been that of an unbind */
	QUEUE_LOOK_AFTER_RELEASE, /* unbound; but as long as the reset runs, no serial number can be read on this card */
	QUEUE_LOOK_AFTER_LOSS,    /* the helper that wrote to se_bind was killed: the write took effect or not */
};

/* The serial number belongs to the card: all its queues share this. */
struct queue_serialnr {
	bool wanted; /* some entry asks for serial numbers and this card's was not read yet */
	unsigned int tries;
	char text[APQN_SERIALNR_LENGTH + 1];
};

struct queue_task {
	struct apqn *apqn;
	struct queue_serialnr *serialnr;
	enum queue_goal goal;
	enum queue_action action; /* the call under way */
	uint16_t secret_index;    /* for associations */
	uint16_t asked_index;     /* what was written last: the plan may have changed since */
	enum queue_look look;
	bool reset_may_run;       /* found bound: the driver's own first reset, or somebody's unbind, may still run */
	bool unbound_here;        /* this run has unbound it: a reset was started for sure */
	bool reset_seen;          /* binds were refused while a reset ran, as the driver says */
	bool unseen;              /* ... and nobody has seen yet that it is unbound; apqn->bind is a guess */
	bool released;            /* the last call showed for the first time that an unbind took effect */
	bool bound_here;          /* this run has bound it */
	int64_t since_ms;         /* when the goal was set, or the association started */
	int64_t due_ms;           /* no call before */
	int64_t interval_ms;      /* to the next look */
	int64_t waiting_since_ms; /* start of an unbroken row of looks at the same thing; 0: none */
	int64_t refused_since_ms; /* start of an unbroken row of EIO on binds; 0: none */
	int64_t give_up_ms;       /* end of the patience with an association */
	unsigned int tries;       /* identity reads without a result */
	unsigned int losses;      /* calls whose helper was killed */
	bool association_lost; /* that wrote the association; so one that is not there may never have been asked for */
};

/* Sets a new goal, due at once. To unbind what this run has unbound already is to look whether that took effect. */
void queue_task_begin(struct queue_task *task, enum queue_goal goal, int64_t now_ms);

/* Makes the next call the one under way; it is to be made now. */
void queue_task_start(struct queue_task *task);

/* The call that the queue needs next; QUEUE_NO_ACTION only for a resting one. */
enum queue_action queue_task_next(const struct queue_task *task);

/*
 * Takes the result of task->action: `error` is 0 or negative, `text` what was read. Afterwards the goal is QUEUE_REST
 * if it was reached, or if the queue failed (apqn->failure).
 */
void queue_task_done(struct queue_task *task, int error, const char *text, int64_t now_ms);

/* The call under way timed out and may still take effect: the state it may change is unknown. */
void queue_task_abandon(struct queue_task *task);

/* Takes the queue out of the game. Its bind state is no longer known if that was a guess and nobody can look any more. */
void queue_task_fail(struct queue_task *task, enum apqn_failure failure, int error);
