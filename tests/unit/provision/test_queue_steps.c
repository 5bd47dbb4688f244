/* SPDX-License-Identifier: MIT */
/* The states of a queue, call by call: results from the kernel, the next call, and its time. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "unit/provision/queue_bench.h"
#include "unit/rows.h"

struct table_step {
	enum queue_call call;
	int error;
	const char *text;
	int64_t wait_ms; /* from the result to the next call */
};

struct table_case {
	const char *name;
	enum queue_goal goal;
	enum apqn_bind bind;
	enum apqn_association association;
	struct table_step steps[8]; /* up to the first without a call */
	/* expected result */
	enum queue_goal goal_after; /* GOAL_REST: reached, or failed */
	enum apqn_failure failure;
	int failure_error;
	enum apqn_bind bind_after;
	enum apqn_association association_after;
};

static void check_case(void **state)
{
	const struct table_case *c = *state;
	struct bench bench;

	bench_begin(&bench, c->goal, c->bind, c->association);
	assert_int_equal(bench.task.due_ms, START_MS);
	for (size_t i = 0; i < COUNT(c->steps) && c->steps[i].call != CALL_NONE; i++) {
		step(&bench, c->steps[i].call, c->steps[i].error, c->steps[i].text);
		if (bench.task.goal == GOAL_REST)
			continue;
		assert_int_equal(bench.task.due_ms - bench.now_ms, c->steps[i].wait_ms);
		bench.now_ms = bench.task.due_ms;
	}
	assert_int_equal(bench.task.goal, c->goal_after);
	assert_int_equal(bench.apqn.failure, c->failure);
	assert_int_equal(bench.apqn.failure_error, c->failure_error);
	assert_int_equal(bench.apqn.bind, c->bind_after);
	assert_int_equal(bench.apqn.association, c->association_after);
	if (c->goal_after == GOAL_REST)
		assert_int_equal(queue_task_next(&bench.task), CALL_NONE);
}

#define WORKS APQN_WORKING, 0
#define CONFIRM { CALL_READ_MKVPS, 0, MKVPS_VALID, 0 }

static const struct table_case rows[] = {
	{ "bind", GOAL_BIND, UNBOUND, { { CALL_WRITE_BIND, 0, NULL, 0 } }, GOAL_REST, WORKS, BOUND },
	{ "no goal: no call", GOAL_REST, UNBOUND, { { CALL_NONE, 0, NULL, 0 } },
	  GOAL_REST, WORKS, UNBOUND },
	{ "bind: state unknown: unbind first", GOAL_BIND, APQN_BIND_UNKNOWN, APQN_ASSOCIATION_UNKNOWN,
	  { { CALL_WRITE_UNBIND, 0, NULL, 0 }, { CALL_WRITE_BIND, 0, NULL, 0 } }, GOAL_REST, WORKS, BOUND },
	{ "bind: busy: retried at growing intervals", GOAL_BIND, UNBOUND,
	  { { CALL_WRITE_BIND, -EBUSY, NULL, 1 }, { CALL_WRITE_BIND, -EBUSY, NULL, 2 },
	    { CALL_WRITE_BIND, -EBUSY, NULL, 4 }, { CALL_WRITE_BIND, -EBUSY, NULL, 7 },
	    { CALL_WRITE_BIND, -EBUSY, NULL, 11 }, { CALL_WRITE_BIND, -EBUSY, NULL, 17 },
	    { CALL_WRITE_BIND, -EBUSY, NULL, 20 }, { CALL_WRITE_BIND, -EBUSY, NULL, 20 } },
	  GOAL_BIND, WORKS, UNBOUND },
	{ "bind: a reset runs, then the driver is busy", GOAL_BIND, UNBOUND,
	  { { CALL_WRITE_BIND, -EIO, NULL, 1 }, { CALL_WRITE_BIND, -EIO, NULL, 2 },
	    { CALL_WRITE_BIND, -EBUSY, NULL, 4 }, { CALL_WRITE_BIND, 0, NULL, 0 } },
	  GOAL_REST, WORKS, BOUND },
	{ "bind: the queue is gone", GOAL_BIND, UNBOUND, { { CALL_WRITE_BIND, -ENOENT, NULL, 0 } },
	  GOAL_REST, APQN_VANISHED, -ENOENT, UNBOUND },
	{ "bind: its device is gone", GOAL_BIND, UNBOUND, { { CALL_WRITE_BIND, -ENODEV, NULL, 0 } },
	  GOAL_REST, APQN_VANISHED, -ENODEV, UNBOUND },
	{ "bind: no such device or address", GOAL_BIND, UNBOUND, { { CALL_WRITE_BIND, -ENXIO, NULL, 0 } },
	  GOAL_REST, APQN_VANISHED, -ENXIO, UNBOUND },
	{ "bind: an errno that the driver does not use", GOAL_BIND, UNBOUND, { { CALL_WRITE_BIND, -EPERM, NULL, 0 } },
	  GOAL_REST, APQN_BIND_ERROR, -EPERM, UNBOUND },
	{ "bind: not available: se_bind shows that another guest has it", GOAL_BIND, UNBOUND,
	  { { CALL_WRITE_BIND, -EINVAL, NULL, 0 }, { CALL_READ_BIND, 0, "unbound\n", 0 } },
	  GOAL_REST, APQN_BIND_TAKEN, -EINVAL, UNBOUND },
	{ "bind: not available: se_bind shows that another process bound it", GOAL_BIND, UNBOUND,
	  { { CALL_WRITE_BIND, -EINVAL, NULL, 0 }, { CALL_READ_BIND, 0, "bound\n", 0 } },
	  GOAL_REST, WORKS, BOUND },
	{ "bind: not available, and se_bind cannot be read", GOAL_BIND, UNBOUND,
	  { { CALL_WRITE_BIND, -EINVAL, NULL, 0 }, { CALL_READ_BIND, -EIO, NULL, 0 } },
	  GOAL_REST, APQN_BIND_TAKEN, -EINVAL, UNBOUND },
	{ "bind: not available, and se_bind has an unknown text", GOAL_BIND, UNBOUND,
	  { { CALL_WRITE_BIND, -EINVAL, NULL, 0 }, { CALL_READ_BIND, 0, "maybe\n", 0 } },
	  GOAL_REST, APQN_UNREADABLE, -EBADMSG, UNBOUND },
	{ "bind: not available, and reading se_bind is not permitted", GOAL_BIND, UNBOUND,
	  { { CALL_WRITE_BIND, -EINVAL, NULL, 0 }, { CALL_READ_BIND, -EPERM, NULL, 0 } },
	  GOAL_REST, APQN_UNREADABLE, -EPERM, UNBOUND },
	/* Unbound by this run, but still "bound": the unbind had no effect. */
	{ "bind: still bound after an unbind by this run", GOAL_BIND, APQN_BIND_UNKNOWN, APQN_ASSOCIATION_UNKNOWN,
	  { { CALL_WRITE_UNBIND, 0, NULL, 0 }, { CALL_WRITE_BIND, -EINVAL, NULL, 0 },
	    { CALL_READ_BIND, 0, "bound\n", 0 } },
	  GOAL_REST, APQN_STAYS_BOUND, 0, BOUND },
	{ "unbind, and one read", GOAL_UNBIND, APQN_BOUND, APQN_ASSOCIATED,
	  { { CALL_WRITE_UNBIND, 0, NULL, 0 }, { CALL_READ_BIND, 0, "unbound\n", 0 } },
	  GOAL_REST, WORKS, UNBOUND },
	{ "unbind: the reset takes a while", GOAL_UNBIND, BOUND,
	  { { CALL_WRITE_UNBIND, 0, NULL, 0 }, { CALL_READ_BIND, 0, "bound\n", 1 },
	    { CALL_READ_BIND, -EIO, NULL, 2 },
	    { CALL_READ_BIND, 0, "bound\n", 4 }, { CALL_READ_BIND, 0, "unbound\n", 0 } },
	  GOAL_REST, WORKS, UNBOUND },
	{ "unbind: busy", GOAL_UNBIND, BOUND,
	  { { CALL_WRITE_UNBIND, -EBUSY, NULL, 1 }, { CALL_WRITE_UNBIND, -EBUSY, NULL, 2 },
	    { CALL_WRITE_UNBIND, 0, NULL, 0 }, { CALL_READ_BIND, 0, "unbound", 0 } },
	  GOAL_REST, WORKS, UNBOUND },
	{ "unbind: refused", GOAL_UNBIND, BOUND, { { CALL_WRITE_UNBIND, -EIO, NULL, 0 } },
	  GOAL_REST, APQN_STAYS_BOUND, -EIO, BOUND },
	{ "unbind: nothing to unbind", GOAL_UNBIND, BOUND, { { CALL_WRITE_UNBIND, -EINVAL, NULL, 0 } },
	  GOAL_REST, APQN_STAYS_BOUND, -EINVAL, BOUND },
	{ "unbind: the queue vanishes during the wait", GOAL_UNBIND, BOUND,
	  { { CALL_WRITE_UNBIND, 0, NULL, 0 }, { CALL_READ_BIND, -ENOENT, NULL, 0 } },
	  GOAL_REST, APQN_VANISHED, -ENOENT, UNBOUND },
	{ "unbind: unknown text during the wait", GOAL_UNBIND, BOUND,
	  { { CALL_WRITE_UNBIND, 0, NULL, 0 }, { CALL_READ_BIND, 0, "", 0 } },
	  GOAL_REST, APQN_UNREADABLE, -EBADMSG, APQN_BIND_UNKNOWN, APQN_ASSOCIATION_UNKNOWN },
	{ "bind and associate", GOAL_ASSOCIATE, UNBOUND,
	  { { CALL_WRITE_BIND, 0, NULL, 0 }, { CALL_WRITE_ASSOCIATION, 0, NULL, 0 },
	    { CALL_READ_ASSOCIATION, 0, "association pending\n", 1 },
	    { CALL_READ_ASSOCIATION, 0, "association pending\n", 2 },
	    { CALL_READ_ASSOCIATION, 0, "associated 7\n", 0 },
	    CONFIRM },
	  GOAL_REST, WORKS, APQN_BOUND, APQN_ASSOCIATED },
	{ "associate: already bound: no reset", GOAL_ASSOCIATE, BOUND,
	  { { CALL_WRITE_ASSOCIATION, 0, NULL, 0 }, { CALL_READ_ASSOCIATION, 0, "associated 7\n", 0 },
	    CONFIRM },
	  GOAL_REST, WORKS, APQN_BOUND, APQN_ASSOCIATED },
	{ "associate: wrong association: bind again", GOAL_ASSOCIATE, APQN_BOUND, APQN_ASSOCIATED,
	  { { CALL_WRITE_UNBIND, 0, NULL, 0 }, { CALL_WRITE_BIND, -EIO, NULL, 1 },
	    { CALL_WRITE_BIND, 0, NULL, 0 },
	    { CALL_WRITE_ASSOCIATION, 0, NULL, 0 }, { CALL_READ_ASSOCIATION, 0, "associated 7\n", 0 },
	    CONFIRM },
	  GOAL_REST, WORKS, APQN_BOUND, APQN_ASSOCIATED },
	{ "associate: wrong association, and the unbind is refused", GOAL_ASSOCIATE, APQN_BOUND, APQN_ASSOCIATED,
	  { { CALL_WRITE_UNBIND, -EIO, NULL, 0 } },
	  GOAL_REST, APQN_STAYS_BOUND, -EIO, APQN_BOUND, APQN_ASSOCIATED },
	{ "associate: busy with a request", GOAL_ASSOCIATE, BOUND,
	  { { CALL_WRITE_ASSOCIATION, -EBUSY, NULL, 1 }, { CALL_WRITE_ASSOCIATION, -EBUSY, NULL, 2 },
	    { CALL_WRITE_ASSOCIATION, 0, NULL, 0 }, { CALL_READ_ASSOCIATION, 0, "associated 7\n", 0 },
	    CONFIRM },
	  GOAL_REST, WORKS, APQN_BOUND, APQN_ASSOCIATED },
	{ "associate: refused", GOAL_ASSOCIATE, BOUND, { { CALL_WRITE_ASSOCIATION, -EIO, NULL, 0 } },
	  GOAL_REST, APQN_ASSOCIATION_REFUSED, -EIO, BOUND },
	{ "associate: an errno that the driver does not use", GOAL_ASSOCIATE, BOUND,
	  { { CALL_WRITE_ASSOCIATION, -EROFS, NULL, 0 } },
	  GOAL_REST, APQN_ASSOCIATION_ERROR, -EROFS, BOUND },
	{ "associate: another process associated it with the right secret", GOAL_ASSOCIATE, BOUND,
	  { { CALL_WRITE_ASSOCIATION, -EINVAL, NULL, 0 }, { CALL_READ_ASSOCIATION, 0, "associated 7\n", 0 },
	    CONFIRM },
	  GOAL_REST, WORKS, APQN_BOUND, APQN_ASSOCIATED },
	{ "associate: another process associated it with another secret", GOAL_ASSOCIATE, BOUND,
	  { { CALL_WRITE_ASSOCIATION, -EINVAL, NULL, 0 }, { CALL_READ_ASSOCIATION, 0, "associated 8\n", 0 } },
	  GOAL_REST, APQN_ASSOCIATION_FAILED, 0, APQN_BOUND, APQN_ASSOCIATED },
	{ "associate: the queue is unassociated again", GOAL_ASSOCIATE, BOUND,
	  { { CALL_WRITE_ASSOCIATION, 0, NULL, 0 }, { CALL_READ_ASSOCIATION, 0, "association pending\n", 1 },
	    { CALL_READ_ASSOCIATION, 0, "unassociated\n", 0 } },
	  GOAL_REST, APQN_ASSOCIATION_FAILED, 0, BOUND },
	{ "associate: fails late", GOAL_ASSOCIATE, BOUND,
	  { { CALL_WRITE_ASSOCIATION, 0, NULL, 0 }, { CALL_READ_ASSOCIATION, 0, "association pending\n", 1 },
	    { CALL_READ_ASSOCIATION, -EIO, NULL, 0 } },
	  GOAL_REST, APQN_ASSOCIATION_FAILED, -EIO, APQN_BOUND, APQN_ASSOCIATION_UNKNOWN },
	{ "associate: unknown text", GOAL_ASSOCIATE, BOUND,
	  { { CALL_WRITE_ASSOCIATION, 0, NULL, 0 }, { CALL_READ_ASSOCIATION, 0, "associated 70000\n", 0 } },
	  GOAL_REST, APQN_UNREADABLE, -EBADMSG, APQN_BOUND, APQN_ASSOCIATION_UNKNOWN },
	{ "settle: associated, with any secret", GOAL_SETTLE, APQN_BOUND, APQN_ASSOCIATION_PENDING,
	  { { CALL_READ_ASSOCIATION, 0, "association pending\n", 1 },
	    { CALL_READ_ASSOCIATION, 0, "associated 9\n", 0 } },
	  GOAL_REST, WORKS, APQN_BOUND, APQN_ASSOCIATED },
	{ "settle: the association failed: not an error", GOAL_SETTLE, APQN_BOUND, APQN_ASSOCIATION_PENDING,
	  { { CALL_READ_ASSOCIATION, -EIO, NULL, 0 } },
	  GOAL_REST, WORKS, APQN_BOUND, APQN_ASSOCIATION_UNKNOWN },
	/* The worker that made a call was killed: the state is read, and the call is repeated. */
	{ "worker killed: the bind took effect", GOAL_IDENTIFY, UNBOUND,
	  { { CALL_WRITE_BIND, -EOWNERDEAD, NULL, 0 }, { CALL_READ_BIND, 0, "bound\n", 0 },
	    { CALL_READ_RESET, 0, "No Reset Timer set.\n", 0 }, { CALL_READ_BIND, 0, "bound\n", 0 },
	    { CALL_READ_MKVPS, 0, MKVPS_INVALID, 0 } },
	  GOAL_REST, WORKS, BOUND },
	{ "worker killed: the bind had no effect; during the reset of an unbind se_bind shows the state before it", GOAL_IDENTIFY,
	  APQN_BOUND, APQN_ASSOCIATION_UNKNOWN,
	  { { CALL_WRITE_UNBIND, 0, NULL, 0 }, { CALL_WRITE_BIND, -EOWNERDEAD, NULL, 0 },
	    { CALL_READ_BIND, 0, "bound\n", 0 }, { CALL_READ_RESET, 0, "Reset in progress.\n", 1 },
	    { CALL_READ_RESET, 0, "No Reset Timer set.\n", 0 }, { CALL_READ_BIND, 0, "unbound\n", 0 },
	    { CALL_WRITE_BIND, 0, NULL, 0 }, { CALL_READ_MKVPS, 0, MKVPS_INVALID, 0 } },
	  GOAL_REST, WORKS, BOUND },
	{ "worker killed: the same for an accelerator", GOAL_BIND, APQN_BIND_UNKNOWN, APQN_ASSOCIATION_UNKNOWN,
	  { { CALL_WRITE_UNBIND, 0, NULL, 0 }, { CALL_WRITE_BIND, -EOWNERDEAD, NULL, 0 },
	    { CALL_READ_BIND, 0, "bound\n", 0 }, { CALL_READ_RESET, 0, "No Reset Timer set.\n", 0 },
	    { CALL_READ_BIND, 0, "unbound\n", 0 }, { CALL_WRITE_BIND, 0, NULL, 0 } },
	  GOAL_REST, WORKS, BOUND },
	{ "worker killed: an unbind before a bind; se_bind shows the state before it", GOAL_BIND, APQN_BIND_UNKNOWN,
	  APQN_ASSOCIATION_UNKNOWN,
	  { { CALL_WRITE_UNBIND, -EOWNERDEAD, NULL, 0 }, { CALL_READ_BIND, 0, "bound\n", 0 },
	    { CALL_WRITE_UNBIND, 0, NULL, 0 }, { CALL_WRITE_BIND, 0, NULL, 0 } },
	  GOAL_REST, WORKS, BOUND },
	{ "worker killed: the effect of an unbind is never read", GOAL_UNBIND, BOUND,
	  { { CALL_WRITE_UNBIND, 0, NULL, 0 }, { CALL_READ_BIND, -EOWNERDEAD, NULL, 1 },
	    { CALL_READ_BIND, -EOWNERDEAD, NULL, 2 }, { CALL_READ_BIND, -EOWNERDEAD, NULL, 0 } },
	  GOAL_REST, APQN_CALL_LOST, 0, APQN_BIND_UNKNOWN, APQN_ASSOCIATION_UNKNOWN },
	{ "worker killed: the bind had no effect", GOAL_BIND, UNBOUND,
	  { { CALL_WRITE_BIND, -EOWNERDEAD, NULL, 0 }, { CALL_READ_BIND, 0, "unbound\n", 0 },
	    { CALL_WRITE_BIND, 0, NULL, 0 } },
	  GOAL_REST, WORKS, BOUND },
	{ "worker killed: whether the bind took effect cannot be read", GOAL_ASSOCIATE, UNBOUND,
	  { { CALL_WRITE_BIND, -EOWNERDEAD, NULL, 0 }, { CALL_READ_BIND, -EIO, NULL, 0 },
	    { CALL_WRITE_UNBIND, 0, NULL, 0 }, { CALL_WRITE_BIND, 0, NULL, 0 },
	    { CALL_WRITE_ASSOCIATION, 0, NULL, 0 }, { CALL_READ_ASSOCIATION, 0, "associated 7\n", 0 },
	    CONFIRM },
	  GOAL_REST, WORKS, APQN_BOUND, APQN_ASSOCIATED },
	{ "worker killed: the unbind took effect", GOAL_UNBIND, BOUND,
	  { { CALL_WRITE_UNBIND, -EOWNERDEAD, NULL, 0 }, { CALL_READ_BIND, 0, "unbound\n", 0 } },
	  GOAL_REST, WORKS, UNBOUND },
	{ "worker killed: the unbind had no effect", GOAL_UNBIND, BOUND,
	  { { CALL_WRITE_UNBIND, -EOWNERDEAD, NULL, 0 }, { CALL_READ_BIND, 0, "bound\n", 0 },
	    { CALL_WRITE_UNBIND, 0, NULL, 0 }, { CALL_READ_BIND, 0, "unbound\n", 0 } },
	  GOAL_REST, WORKS, UNBOUND },
	{ "worker killed: the unbind before a new bind took effect", GOAL_ASSOCIATE, APQN_BOUND, APQN_ASSOCIATED,
	  { { CALL_WRITE_UNBIND, -EOWNERDEAD, NULL, 0 }, { CALL_READ_BIND, 0, "unbound\n", 0 },
	    { CALL_WRITE_BIND, 0, NULL, 0 }, { CALL_WRITE_ASSOCIATION, 0, NULL, 0 },
	    { CALL_READ_ASSOCIATION, 0, "associated 7\n", 0 },
	    CONFIRM },
	  GOAL_REST, WORKS, APQN_BOUND, APQN_ASSOCIATED },
	{ "worker killed: the association was started", GOAL_ASSOCIATE, BOUND,
	  { { CALL_WRITE_ASSOCIATION, -EOWNERDEAD, NULL, 0 },
	    { CALL_READ_ASSOCIATION, 0, "associated 7\n", 0 },
	    CONFIRM },
	  GOAL_REST, WORKS, APQN_BOUND, APQN_ASSOCIATED },
	{ "worker killed: the association was not started", GOAL_ASSOCIATE, BOUND,
	  { { CALL_WRITE_ASSOCIATION, -EOWNERDEAD, NULL, 0 },
	    { CALL_READ_ASSOCIATION, 0, "unassociated\n", 0 }, { CALL_WRITE_ASSOCIATION, 0, NULL, 0 },
	    { CALL_READ_ASSOCIATION, 0, "associated 7\n", 0 },
	    CONFIRM },
	  GOAL_REST, WORKS, APQN_BOUND, APQN_ASSOCIATED },
	{ "worker killed: a read is repeated", GOAL_IDENTIFY, BOUND,
	  { { CALL_READ_MKVPS, -EOWNERDEAD, NULL, 1 }, { CALL_READ_MKVPS, 0, MKVPS_INVALID, 0 } },
	  GOAL_REST, WORKS, BOUND },
	{ "workers killed one after the other: it is unknown whether the queue is bound", GOAL_BIND, UNBOUND,
	  { { CALL_WRITE_BIND, -EOWNERDEAD, NULL, 0 }, { CALL_READ_BIND, 0, "unbound\n", 0 },
	    { CALL_WRITE_BIND, -EOWNERDEAD, NULL, 0 }, { CALL_READ_BIND, 0, "unbound\n", 0 },
	    { CALL_WRITE_BIND, -EOWNERDEAD, NULL, 0 } },
	  GOAL_REST, APQN_CALL_LOST, 0, APQN_BIND_UNKNOWN, APQN_ASSOCIATION_UNKNOWN },
	{ "bind and identify", GOAL_IDENTIFY, UNBOUND, { { CALL_WRITE_BIND, 0, NULL, 0 },
	    { CALL_READ_MKVPS, 0, MKVPS_VALID, 0 } },
	  GOAL_REST, WORKS, BOUND },
	{ "identify: already bound", GOAL_IDENTIFY, BOUND, { { CALL_READ_MKVPS, 0, MKVPS_INVALID, 0 } },
	  GOAL_REST, WORKS, BOUND },
	{ "identify: association lost by the kernel: bind again", GOAL_IDENTIFY, APQN_BOUND, APQN_ASSOCIATION_UNKNOWN,
	  { { CALL_WRITE_UNBIND, 0, NULL, 0 }, { CALL_WRITE_BIND, 0, NULL, 0 },
	    { CALL_READ_MKVPS, 0, MKVPS_VALID, 0 } },
	  GOAL_REST, WORKS, BOUND },
	{ "identify: an asynchronous error: bind again", GOAL_IDENTIFY, APQN_BIND_UNKNOWN, APQN_ASSOCIATION_UNKNOWN,
	  { { CALL_WRITE_UNBIND, 0, NULL, 0 }, { CALL_WRITE_BIND, 0, NULL, 0 },
	    { CALL_READ_MKVPS, 0, MKVPS_VALID, 0 } },
	  GOAL_REST, WORKS, BOUND },
	{ "identify: the kernel does not know the key yet", GOAL_IDENTIFY, BOUND,
	  { { CALL_READ_MKVPS, 0, MKVPS_UNKNOWN, 1 }, { CALL_READ_MKVPS, -EIO, NULL, 2 },
	    { CALL_READ_MKVPS, 0, MKVPS_UNKNOWN, 4 }, { CALL_READ_MKVPS, 0, MKVPS_VALID, 0 } },
	  GOAL_REST, WORKS, BOUND },
	{ "identify: the kernel never knows the key", GOAL_IDENTIFY, BOUND,
	  { { CALL_READ_MKVPS, 0, MKVPS_UNKNOWN, 1 }, { CALL_READ_MKVPS, 0, MKVPS_UNKNOWN, 2 },
	    { CALL_READ_MKVPS, 0, MKVPS_UNKNOWN, 4 }, { CALL_READ_MKVPS, 0, MKVPS_UNKNOWN, 0 } },
	  GOAL_REST, APQN_UNREADABLE, 0, BOUND },
	{ "identify: the key cannot be read", GOAL_IDENTIFY, BOUND,
	  { { CALL_READ_MKVPS, -EIO, NULL, 1 }, { CALL_READ_MKVPS, -EIO, NULL, 2 },
	    { CALL_READ_MKVPS, -EIO, NULL, 4 },
	    { CALL_READ_MKVPS, -EIO, NULL, 0 } },
	  GOAL_REST, APQN_UNREADABLE, -EIO, BOUND },
	{ "identify: an unknown text is not read again", GOAL_IDENTIFY, BOUND, { { CALL_READ_MKVPS, 0,
	  "WK CUR: fine\n", 0 } },
	  GOAL_REST, APQN_UNREADABLE, -EBADMSG, BOUND },
	{ "identify: the queue is gone", GOAL_IDENTIFY, BOUND, { { CALL_READ_MKVPS, -ENOENT, NULL, 0 } },
	  GOAL_REST, APQN_VANISHED, -ENOENT, BOUND },
};

/* The goal changes while a bind after an unbind is under way: the bind is undone. */
static void test_goal_unbind_during_a_bind(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_IDENTIFY, APQN_BOUND, APQN_ASSOCIATION_UNKNOWN);
	step(&bench, CALL_WRITE_UNBIND, 0, NULL);
	call(&bench, CALL_WRITE_BIND);
	queue_task_begin(&bench.task, GOAL_UNBIND, bench.now_ms);
	answer(&bench, 0, NULL);
	step(&bench, CALL_WRITE_UNBIND, 0, NULL);
	step(&bench, CALL_READ_BIND, 0, "unbound\n");
	assert_int_equal(bench.task.goal, GOAL_REST);
	assert_int_equal(bench.apqn.failure, APQN_WORKING);
}

/* A queue found bound may be in a reset until it is associated. The lost write may not have been made. */
static void test_lost_association(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_IDENTIFY, BOUND);
	queue_task_set_state(&bench.task, QUEUE_ASSOCIATION_LOST);
	step(&bench, CALL_READ_ASSOCIATION, 0, "unassociated\n");
	call(&bench, CALL_READ_RESET);
}

/* A call that hangs may still take effect: the state that it changes is unknown. */
static void test_abandoned_call(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_BIND, UNBOUND);
	call(&bench, CALL_WRITE_BIND);
	queue_task_abandon(&bench.task, bench.now_ms);
	assert_int_equal(bench.apqn.bind, APQN_BIND_UNKNOWN);
	assert_true(bench.task.bound_here);

	bench_begin(&bench, GOAL_UNBIND, BOUND);
	call(&bench, CALL_WRITE_UNBIND);
	queue_task_abandon(&bench.task, bench.now_ms);
	assert_int_equal(bench.apqn.bind, APQN_BIND_UNKNOWN);

	bench_begin(&bench, GOAL_ASSOCIATE, BOUND);
	call(&bench, CALL_WRITE_ASSOCIATION);
	queue_task_abandon(&bench.task, bench.now_ms);
	assert_int_equal(bench.apqn.association, APQN_ASSOCIATION_PENDING);
	assert_int_equal(bench.apqn.association_index, SECRET);
	assert_int_equal(bench.task.call, CALL_NONE);
}

#define SERIALNR "0123456789ABCDEF"

/* The goal is reached when everything that is needed of the identity is known. */
static void test_serial_number(void **state)
{
	static const struct {
		int errors[4];
		const char *texts[4];
		size_t reads;
		const char *expected;
	} cases[] = {
		{ { 0 }, { SERIALNR "\n" }, 1, SERIALNR },
		{ { 0, -EIO, 0 }, { "\n", NULL, SERIALNR "\n" }, 3, SERIALNR },
		{ { 0, 0, 0, 0 }, { "\n", "\n", "\n", "\n" }, 4, "" },
		{ { -EIO, -EIO, -EIO, -EIO }, { NULL }, 4, "" },
		{ { 0 }, { "short\n" }, 1, "" },
		/* No such file: the serial number is unknown, but the queue has not vanished. */
		{ { -ENOENT, -ENOENT, -ENOENT, -ENOENT }, { NULL }, 4, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bench bench;

		bench_begin(&bench, GOAL_IDENTIFY, BOUND);
		bench.serialnr.wanted = true;
		step(&bench, CALL_READ_MKVPS, 0, MKVPS_VALID);
		for (size_t n = 0; n < cases[i].reads; n++) {
			assert_int_equal(bench.task.goal, GOAL_IDENTIFY);
			step(&bench, CALL_READ_SERIALNR, cases[i].errors[n], cases[i].texts[n]);
		}
		assert_int_equal(bench.task.goal, GOAL_REST);
		assert_int_equal(bench.apqn.failure, APQN_WORKING);
		assert_string_equal(bench.serialnr.text, cases[i].expected);
	}
}

static void test_identity_is_stored(void **state)
{
	static const uint8_t mkvp[APQN_MKVP_SIZE] = { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
						      0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_IDENTIFY, BOUND);
	step(&bench, CALL_READ_MKVPS, 0, MKVPS_VALID);
	assert_int_equal(bench.apqn.identity, APQN_IDENTITY_VALID);
	assert_memory_equal(bench.apqn.mkvp, mkvp, sizeof(mkvp));
	bench_begin(&bench, GOAL_IDENTIFY, BOUND);
	/* Without a master key the serial number is not read. */
	bench.serialnr.wanted = true;
	step(&bench, CALL_READ_MKVPS, 0, MKVPS_INVALID);
	assert_int_equal(bench.apqn.identity, APQN_IDENTITY_NONE);
	assert_int_equal(bench.task.goal, GOAL_REST);
}

/* Found bound: the driver's first reset may be running, and a read of the identity would block until it ends. */
static void test_reset_is_waited_for(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_IDENTIFY, BOUND);
	bench.task.state = QUEUE_FOUND;
	step(&bench, CALL_READ_RESET, 0, "Reset in progress.\n");
	assert_int_equal(bench.task.due_ms, bench.now_ms + 1);
	step(&bench, CALL_READ_RESET, 0, "Reset Timer armed.\n");
	assert_int_equal(bench.task.due_ms, bench.now_ms);
	step(&bench, CALL_READ_BIND, 0, "bound\n");
	call(&bench, CALL_READ_MKVPS);

	/* Older kernels have no such file. It does not mean that the queue has vanished. */
	bench_begin(&bench, GOAL_IDENTIFY, BOUND);
	bench.task.state = QUEUE_FOUND;
	step(&bench, CALL_READ_RESET, -ENOENT, NULL);
	assert_int_equal(bench.apqn.failure, APQN_WORKING);
	step(&bench, CALL_READ_BIND, 0, "bound\n");
	call(&bench, CALL_READ_MKVPS);

	/* The reset of an unbind that was written by a killed run. */
	bench_begin(&bench, GOAL_IDENTIFY, BOUND);
	bench.task.state = QUEUE_FOUND;
	step(&bench, CALL_READ_RESET, 0, "Reset in progress.\n");
	step(&bench, CALL_READ_RESET, 0, "\n");
	step(&bench, CALL_READ_BIND, 0, "unbound\n");
	step(&bench, CALL_WRITE_BIND, 0, NULL);
	call(&bench, CALL_READ_MKVPS);

	/* The end of the reset is remembered when the goal is replaced. */
	bench_begin(&bench, GOAL_IDENTIFY, BOUND);
	bench.task.state = QUEUE_FOUND;
	step(&bench, CALL_READ_RESET, 0, "\n");
	queue_task_begin(&bench.task, GOAL_IDENTIFY, bench.now_ms);
	step(&bench, CALL_READ_BIND, 0, "unbound\n");
	call(&bench, CALL_WRITE_BIND);
}

static void test_state_as_found(void **state)
{
	static const struct {
		enum apqn_bind bind;
		enum apqn_association association;
		enum queue_state expected;
	} cases[] = {
		{ UNBOUND, QUEUE_UNBOUND },
		{ APQN_BIND_UNKNOWN, APQN_UNASSOCIATED, QUEUE_UNKNOWN },
		{ BOUND, QUEUE_FOUND },
		{ APQN_BOUND, APQN_ASSOCIATION_UNSUPPORTED, QUEUE_FOUND },
		{ APQN_BOUND, APQN_ASSOCIATION_UNKNOWN, QUEUE_STALE },
		{ APQN_BOUND, APQN_ASSOCIATION_PENDING, QUEUE_SETTLING },
		{ APQN_BOUND, APQN_ASSOCIATED, QUEUE_ASSOCIATED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct apqn apqn = { .bind = cases[i].bind, .association = cases[i].association };

		assert_int_equal(queue_state_found(&apqn), cases[i].expected);
	}
}

/* The key is read once after an association. Whatever the result, the association is done. */
static void test_confirmation(void **state)
{
	static const struct {
		int error;
		const char *text;
		enum apqn_identity identity;
		char first; /* of the master key */
	} cases[] = {
		{ 0, MKVPS_VALID, APQN_IDENTITY_VALID, 0x00 }, { 0, MKVPS_INVALID, APQN_IDENTITY_NONE, 0x55 },
		{ 0, MKVPS_UNKNOWN, APQN_IDENTITY_VALID, 0x55 }, { -EIO, NULL, APQN_IDENTITY_VALID, 0x55 },
		{ 0, "nonsense\n", APQN_IDENTITY_VALID, 0x55 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bench bench;

		bench_begin(&bench, GOAL_ASSOCIATE, BOUND);
		bench.apqn.identity = APQN_IDENTITY_VALID;
		memset(bench.apqn.mkvp, 0x55, sizeof(bench.apqn.mkvp));
		bench.task.state = QUEUE_FOUND;
		step(&bench, CALL_WRITE_ASSOCIATION, 0, NULL);
		step(&bench, CALL_READ_ASSOCIATION, 0, "associated 7\n");
		step(&bench, CALL_READ_MKVPS, cases[i].error, cases[i].text);
		assert_int_equal(bench.task.goal, GOAL_REST);
		assert_int_equal(bench.apqn.failure, APQN_WORKING);
		assert_int_equal(bench.apqn.association, APQN_ASSOCIATED);
		assert_int_equal(bench.apqn.identity, cases[i].identity);
		assert_int_equal(bench.apqn.mkvp[0], cases[i].first);
	}
}

/* While the reset of an unbind is running, no serial number can be read on the card. The wait is limited. */
static void test_release_before_a_serial_number(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_UNBIND, BOUND);
	bench.serialnr.wanted = true;
	step(&bench, CALL_WRITE_UNBIND, 0, NULL);
	step(&bench, CALL_READ_BIND, 0, "unbound\n");
	step(&bench, CALL_READ_RESET, 0, "Reset in progress.\n");
	step(&bench, CALL_READ_RESET, 0, "\n");
	assert_int_equal(bench.task.goal, GOAL_REST);

	bench_begin(&bench, GOAL_UNBIND, BOUND);
	bench.serialnr.wanted = true;
	step(&bench, CALL_WRITE_UNBIND, 0, NULL);
	step(&bench, CALL_READ_BIND, 0, "unbound\n");
	bench.now_ms += 10000;
	step(&bench, CALL_READ_RESET, 0, "Reset in progress.\n");
	assert_int_equal(bench.task.goal, GOAL_REST);
	assert_int_equal(bench.apqn.bind, APQN_UNBOUND);
}

int main(void)
{
	struct CMUnitTest tests[COUNT(rows) + 9] = {
		cmocka_unit_test(test_state_as_found),
		cmocka_unit_test(test_goal_unbind_during_a_bind),
		cmocka_unit_test(test_lost_association),
		cmocka_unit_test(test_abandoned_call),
		cmocka_unit_test(test_serial_number),
		cmocka_unit_test(test_identity_is_stored),
		cmocka_unit_test(test_reset_is_waited_for),
		cmocka_unit_test(test_confirmation),
		cmocka_unit_test(test_release_before_a_serial_number),
	};

	add_rows(tests + 9, rows, COUNT(rows), sizeof(rows[0]), check_case, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
