/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the parts of provisioning share: provision.c (the run), plan.c (planning), calls.c (calls on cards), log.c
 * (texts).
 */
#include "kernel/card_calls.h"
#include "provision/provision.h"
#include "provision/queue_steps.h"

/* The queues of one card are consecutive in the array of all. */
struct card {
	struct queue_serialnr serialnr; /* the first member, see provision_card_of */
	size_t first, count;
};

struct provision {
	const struct provision_request *request;
	struct apqn *apqns;
	size_t count;
	struct queue_task *tasks; /* one per APQN */
	struct card *cards;       /* one per channel */
	size_t card_count;
	struct card_calls calls;
	struct plan plan;      /* the newest one */
	int64_t work_until_ms; /* end of the work time; then queues are only unbound */
	bool replan;           /* something was learnt since the newest plan, or is still waited for */
	int error;
	int64_t next_progress_ms; /* wait.h */
};

static inline struct card *provision_card_of(const struct queue_task *task)
{
	return (struct card *)task->serialnr;
}

/* The queue of the card that the next call of this one has to wait for, or it would hang in the kernel; or NULL. */
const struct queue_task *provision_blocker(const struct provision *this, const struct queue_task *task);

/* Notes the call that the queue waits for: its own, or the one that blocks it. */
void provision_note_wait(const struct provision *this, struct queue_task *task);

/* The callbacks of card_calls.h. */
bool provision_next(struct card_channel *channel, struct machine_call *call, int64_t now_ms, void *context);
void provision_done(struct card_channel *channel, const struct machine_call *call, int64_t now_ms, void *context);

/* Makes a new plan; 0 or -ENOMEM. */
int provision_make_plan(struct provision *this);
/* Makes a plan and sets the goals for it; 0 or -ENOMEM. */
int provision_plan(struct provision *this, int64_t now_ms);
/* The same for a dry run: identities are read as far as allowed, and what was bound for it is unbound. */
int provision_plan_dry(struct provision *this, int64_t now_ms);

/* Unbinds the queues that were bound only to be identified. True if there are any. */
bool provision_release_probed(struct provision *this, int64_t now_ms);

/* The work time is over: no queue gets a new goal but to be unbound. */
static inline bool provision_is_closing(const struct provision *this, int64_t now_ms)
{
	return now_ms >= this->work_until_ms;
}

/* The goal for a queue in the state that the plan knows of. */
enum queue_goal provision_goal(enum plan_goal wish);

/* True if this queue is still to be identified (or to settle) but takes so long that the plan does not wait for it. */
bool provision_is_slow(const struct provision *this, size_t i, int64_t now_ms);
bool provision_any_task(const struct provision *this);

/* "11.0008: bind and associate with secret index 3 for entry #2 'name'" */
void provision_log_goal(const struct provision *this, size_t apqn, enum queue_goal goal);
/* A line every 5 seconds: the queue that has been waited for longest. */
void provision_show_progress(struct provision *this, int64_t now_ms);
/* Logs what a call has changed; a failure is a warning. released: an unbind was seen to have taken effect. */
void provision_log_result(const struct queue_task *task, const struct apqn *before, bool released, int64_t now_ms);
/*
 * Logs what a real run would do, if this is a dry run, and warns about queues that may still be bound, that are left
 * associated, or that have the same master key as another one of the card.
 */
void provision_log_outcome(const struct provision *this);
