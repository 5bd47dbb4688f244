/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the parts of provisioning share: provision.c (the run), plan.c (planning),
 * calls.c (calls on cards), log.c (texts); identify_bound.c (no run, only identities).
 */
#include "kernel/card_calls.h"
#include "provision/provision.h"
#include "provision/queue_steps.h"

/* The queues of one card are a row in the array of all. */
struct card {
	size_t first, count;
	struct queue_serialnr serialnr;
};

struct provision {
	const struct provision_request *request;
	struct apqn *apqns;
	size_t count;
	struct queue_task *tasks; /* one an APQN */
	struct card *cards;       /* one a channel */
	size_t card_count;
	struct card_calls calls;
	struct plan plan;      /* the newest one */
	int64_t work_until_ms; /* then only tidying up */
	uint32_t releases;     /* unbinds that took effect */
	uint32_t refusals;     /* binds refused for the limit */
	uint32_t *refused_at;  /* per APQN: releases when its bind was refused for the limit */
	bool replan;           /* something was learnt since the newest plan, or is still waited for */
	int error;
	int64_t next_progress_ms; /* wait.h */
};

/* Makes tasks, cards and calls for the APQNs: 0 or -ENOMEM. All is to be released in any case. */
int provision_init(struct provision *this);
void provision_release(struct provision *this);

/* What is going on on a card, as far as reads of identities have to wait for it. */
struct card_blockers {
	bool association; /* an association is under way, or about to be */
	bool reset;       /* a queue may be in a reset */
	bool serialnr;    /* the serial number is being read */
};

struct card_blockers provision_blockers(const struct provision *this, const struct card *card);

/* True if this call has to wait, because it would hang in the kernel. */
bool provision_is_blocked(const struct card_blockers *blockers, enum queue_call call);

/* Notes which call the queue waits for: its own, or the one on its card that has to end before. */
void provision_note_wait(const struct provision *this, const struct card *card, struct queue_task *task);

/* The two callbacks of the calls. */
bool provision_next(struct card_channel *channel, struct machine_call *call, int64_t now_ms, void *context);
void provision_done(struct card_channel *channel, const struct machine_call *call, int64_t now_ms, void *context);

/* Makes a plan from what is known, in place of the one before; 0 or -ENOMEM. */
int provision_make_plan(struct provision *this);
/* Makes a plan and sets the goals for it; 0 or -ENOMEM. */
int provision_plan(struct provision *this, int64_t now_ms);
/* The same for a dry run: identities are read as far as allowed, no other goal is set. */
int provision_plan_dry(struct provision *this, int64_t now_ms);

/* The work time is over: no queue gets a new goal but to be unbound. */
static inline bool provision_is_closing(const struct provision *this, int64_t now_ms)
{
	return now_ms >= this->work_until_ms;
}

/* True if this queue is still to be identified (or to settle) but takes so long that the plan does not wait for it. */
bool provision_is_slow(const struct provision *this, const struct card *card, size_t i, int64_t now_ms);
bool provision_any_task(const struct provision *this);
/* Gives a queue the goal that the newest plan has for it. */
void provision_set_goal(struct provision *this, const struct card *card, size_t i, enum queue_goal goal,
			int64_t now_ms);
/* Queues refused for the limit of bound queues get another try once others were released. */
void provision_readmit_refused(struct provision *this);

/* "11.0008: bind and associate with secret 3 for entry #2 'name'" */
void provision_log_goal(const struct provision *this, size_t apqn, enum queue_goal goal);
/* What has been waited for longest, on a terminal. */
void provision_show_progress(struct provision *this, int64_t now_ms);
/* What a call has changed, for people; a failure is a warning. released: an unbind was seen to have taken effect. */
void provision_log_result(const struct queue_task *task, const struct apqn *before, bool released, int64_t now_ms);
/* Everything that a real run would do, by the plan that is its result. */
void provision_log_dry_run(const struct provision *this);
/* Of every queue that is left associated, because it cannot be told whether it serves an entry. */
void provision_log_unverified(const struct provision *this);
/* Of every queue of which it is not known whether it is bound. */
void provision_log_unknown(const struct provision *this);
/* Of queues of one card with one master key, if one of them serves an entry. */
void provision_log_duplicates(const struct provision *this);
