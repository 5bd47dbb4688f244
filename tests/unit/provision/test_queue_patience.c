/* SPDX-License-Identifier: MIT */
/* How long calls are retried, and the effect of a call whose goal is replaced while it is under way. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/between.h"
#include "unit/provision/queue_bench.h"

/* --- retries ---------------------------------------------------------------------------------------- */

/*
 * Fails binds with `error` whenever the task is due, and answers reads of `reset` with `reset`, until the task gives
 * up. Returns how long that took.
 */
static int64_t refuse_during(struct bench *bench, int error, const char *reset)
{
	int64_t start_ms = bench->now_ms;

	while (bench->task.goal != GOAL_REST) {
		assert_true(bench->now_ms - start_ms < 60000);
		step(bench, CALL_WRITE_BIND, error, NULL);
		if (queue_task_next(&bench->task) == CALL_READ_RESET) {
			bench->now_ms = bench->task.due_ms;
			step(bench, CALL_READ_RESET, reset ? 0 : -ENOENT, reset);
		}
		if (bench->task.goal == GOAL_REST)
			break;
		assert_between(bench->task.due_ms - bench->now_ms, 1, 20);
		bench->now_ms = bench->task.due_ms;
	}
	return bench->now_ms - start_ms;
}

static int64_t refuse_until_failure(struct bench *bench, int error)
{
	return refuse_during(bench, error, "No Reset Timer set.\n");
}

static void test_refusals_fail_after_one_second(void **state)
{
	static const char *const answers[] = { "No Reset Timer set.\n", "Reset Timer armed.\n", "", NULL };

	(void)state;
	for (size_t i = 0; i < COUNT(answers); i++) {
		struct bench bench;

		bench_begin(&bench, GOAL_BIND, UNBOUND);
		assert_between(refuse_during(&bench, -EIO, answers[i]), 1000, 1020);
		assert_int_equal(bench.apqn.failure, APQN_BIND_REFUSED);
		assert_int_equal(bench.apqn.failure_error, -EIO);
	}
}

/* While the driver's first reset is running, the refusals may be caused by it. */
static void test_refusals_in_a_reset_fail_after_ten_seconds(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_BIND, UNBOUND);
	assert_between(refuse_during(&bench, -EIO, "Reset in progress.\n"), 10000, 10020);
	assert_int_equal(bench.apqn.failure, APQN_BIND_REFUSED);
}

/* The refusals may be caused by the reset of this run's unbind. */
static void test_refusals_after_an_unbind_fail_after_ten_seconds(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_ASSOCIATE, APQN_BOUND, APQN_ASSOCIATED);
	step(&bench, CALL_WRITE_UNBIND, 0, NULL);
	assert_between(refuse_until_failure(&bench, -EIO), 10000, 10020);
	assert_int_equal(bench.apqn.failure, APQN_BIND_REFUSED);
}

/* Only consecutive refusals count, and a new goal starts the count again. */
static void test_consecutive_refusals(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_BIND, UNBOUND);
	step(&bench, CALL_WRITE_BIND, -EIO, NULL);
	bench.now_ms += 999;
	step(&bench, CALL_WRITE_BIND, -EBUSY, NULL);
	bench.now_ms += 10;
	assert_between(refuse_until_failure(&bench, -EIO), 1000, 1020);

	bench_begin(&bench, GOAL_BIND, UNBOUND);
	step(&bench, CALL_WRITE_BIND, -EIO, NULL);
	bench.now_ms += 999;
	queue_task_begin(&bench.task, GOAL_ASSOCIATE, bench.now_ms);
	assert_between(refuse_until_failure(&bench, -EIO), 1000, 1020);
}

/* EBUSY passes. The task itself never gives up because of it. */
static void test_busy_is_retried_forever(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_BIND, UNBOUND);
	for (; bench.now_ms < START_MS + 120000; bench.now_ms = bench.task.due_ms) {
		step(&bench, CALL_WRITE_BIND, -EBUSY, NULL);
		assert_int_equal(bench.task.goal, GOAL_BIND);
		assert_between(bench.task.due_ms - bench.now_ms, 1, 20);
	}
}

static void test_unbind_without_effect(void **state)
{
	static const struct {
		bool online;
		int64_t limit_ms;
	} cases[] = { { true, 10000 }, { false, 500 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bench bench;
		int64_t start_ms;

		bench_begin(&bench, GOAL_UNBIND, BOUND);
		bench.apqn.online = cases[i].online;
		/* The time counts from the unbind, not from the goal. */
		bench.now_ms += 300;
		start_ms = bench.now_ms;
		step(&bench, CALL_WRITE_UNBIND, 0, NULL);
		while (bench.task.goal != GOAL_REST && bench.now_ms < start_ms + 60000) {
			bench.now_ms = bench.task.due_ms;
			step(&bench, CALL_READ_BIND, 0, "bound\n");
		}
		assert_between(bench.now_ms - start_ms, cases[i].limit_ms, cases[i].limit_ms + 20);
		assert_int_equal(bench.apqn.failure, APQN_STAYS_BOUND);
		assert_int_equal(bench.apqn.bind, APQN_BOUND);
	}
}

/* --- an unbind counts only when its effect was read ------------------------------------------------- */

static void test_release_is_seen_by_a_read(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_UNBIND, BOUND);
	step(&bench, CALL_WRITE_UNBIND, 0, NULL);
	assert_false(released(&bench));
	step(&bench, CALL_READ_BIND, 0, "bound\n");
	assert_false(released(&bench));
	step(&bench, CALL_READ_BIND, -EIO, NULL);
	assert_false(released(&bench));
	step(&bench, CALL_READ_BIND, 0, "unbound\n");
	assert_true(released(&bench));
	/* Only once. */
	queue_task_begin(&bench.task, GOAL_BIND, bench.now_ms);
	step(&bench, CALL_WRITE_BIND, 0, NULL);
	assert_false(released(&bench));
}

static void test_release_is_seen_by_a_bind(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_ASSOCIATE, APQN_BOUND, APQN_ASSOCIATED);
	step(&bench, CALL_WRITE_UNBIND, 0, NULL);
	step(&bench, CALL_WRITE_BIND, -EIO, NULL);
	assert_false(released(&bench));
	step(&bench, CALL_WRITE_BIND, 0, NULL);
	assert_true(released(&bench));
	step(&bench, CALL_WRITE_ASSOCIATION, 0, NULL);
	assert_false(released(&bench));
}

/* Neither a bind without a preceding unbind, nor a read that shows the queue still bound. */
static void test_no_release(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_BIND, UNBOUND);
	step(&bench, CALL_WRITE_BIND, -EINVAL, NULL);
	step(&bench, CALL_READ_BIND, 0, "unbound\n");
	assert_false(released(&bench));
	bench_begin(&bench, GOAL_BIND, APQN_BIND_UNKNOWN, APQN_ASSOCIATION_UNKNOWN);
	step(&bench, CALL_WRITE_UNBIND, 0, NULL);
	step(&bench, CALL_WRITE_BIND, -EINVAL, NULL);
	step(&bench, CALL_READ_BIND, 0, "bound\n");
	assert_false(released(&bench));
	assert_int_equal(bench.apqn.failure, APQN_STAYS_BOUND);
}

/* If the goal is dropped before the effect is read, and set again, se_bind is read instead of another unbind. */
static void test_unbind_is_read_later(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_UNBIND, BOUND);
	step(&bench, CALL_WRITE_UNBIND, 0, NULL);
	bench.task.goal = GOAL_REST;
	assert_true(queue_unbind_unseen(bench.task.state));
	queue_task_begin(&bench.task, GOAL_UNBIND, bench.now_ms);
	step(&bench, CALL_READ_BIND, 0, "unbound\n");
	assert_true(released(&bench));
	assert_false(queue_unbind_unseen(bench.task.state));
	assert_int_equal(bench.task.goal, GOAL_REST);
}

/* --- goals that are replaced ------------------------------------------------------------------------ */

static void test_goal_replaced_during_a_bind(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_IDENTIFY, UNBOUND);
	call(&bench, CALL_WRITE_BIND);
	queue_task_begin(&bench.task, GOAL_UNBIND, bench.now_ms);
	assert_int_equal(bench.task.call, CALL_WRITE_BIND);
	answer(&bench, 0, NULL);
	assert_int_equal(bench.apqn.bind, APQN_BOUND);
	assert_true(bench.task.bound_here);
	step(&bench, CALL_WRITE_UNBIND, 0, NULL);
	step(&bench, CALL_READ_BIND, 0, "unbound\n");
	assert_int_equal(bench.task.goal, GOAL_REST);
	assert_false(bench.task.bound_here);
	assert_int_equal(bench.task.state, QUEUE_RESETTING);
}

/* The driver also tests the queue after a bind, so a bind may take effect and still fail with EIO. */
static void test_goal_replaced_after_a_refused_bind(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_IDENTIFY, UNBOUND);
	step(&bench, CALL_WRITE_BIND, -EIO, NULL);
	assert_true(queue_bind_unseen(&bench.task));
	queue_task_begin(&bench.task, GOAL_UNBIND, bench.now_ms);
	step(&bench, CALL_READ_BIND, 0, "unbound\n");
	assert_false(queue_bind_unseen(&bench.task));
	assert_int_equal(bench.task.goal, GOAL_REST);

	bench_begin(&bench, GOAL_IDENTIFY, UNBOUND);
	step(&bench, CALL_WRITE_BIND, -EIO, NULL);
	queue_task_begin(&bench.task, GOAL_UNBIND, bench.now_ms);
	step(&bench, CALL_READ_BIND, 0, "bound\n");
	call(&bench, CALL_WRITE_UNBIND);

	bench_begin(&bench, GOAL_IDENTIFY, UNBOUND);
	call(&bench, CALL_WRITE_BIND);
	bench.task.goal = GOAL_REST;
	answer(&bench, -EIO, NULL);
	assert_int_equal(bench.apqn.bind, APQN_BIND_UNKNOWN);
	assert_true(queue_bind_unseen(&bench.task));
}

/* The result of the call may already satisfy the new goal. */
static void test_goal_reached_by_the_previous_call(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_IDENTIFY, UNBOUND);
	call(&bench, CALL_WRITE_BIND);
	queue_task_begin(&bench.task, GOAL_BIND, bench.now_ms);
	answer(&bench, 0, NULL);
	assert_int_equal(bench.task.goal, GOAL_REST);
	assert_int_equal(queue_task_next(&bench.task), CALL_NONE);
}

static void test_goal_replaced_during_an_unbind(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_UNBIND, BOUND);
	call(&bench, CALL_WRITE_UNBIND);
	queue_task_begin(&bench.task, GOAL_ASSOCIATE, bench.now_ms);
	answer(&bench, 0, NULL);
	/* No read: the bind shows whether the unbind took effect. */
	step(&bench, CALL_WRITE_BIND, 0, NULL);
	call(&bench, CALL_WRITE_ASSOCIATION);
}

static void test_goal_replaced_during_a_read(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_UNBIND, BOUND);
	step(&bench, CALL_WRITE_UNBIND, 0, NULL);
	call(&bench, CALL_READ_BIND);
	queue_task_begin(&bench.task, GOAL_BIND, bench.now_ms);
	answer(&bench, 0, "bound\n");
	assert_int_equal(bench.apqn.failure, APQN_WORKING);
	assert_int_equal(bench.apqn.bind, APQN_UNBOUND);
	call(&bench, CALL_WRITE_BIND);
}

static void test_goal_replaced_during_an_association(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_ASSOCIATE, BOUND);
	call(&bench, CALL_WRITE_ASSOCIATION);
	queue_task_begin(&bench.task, GOAL_UNBIND, bench.now_ms);
	answer(&bench, 0, NULL);
	/* The pending association keeps identities on this card from being read. */
	assert_int_equal(bench.apqn.association, APQN_ASSOCIATION_PENDING);
	call(&bench, CALL_WRITE_UNBIND);
	answer(&bench, 0, NULL);
	assert_int_equal(bench.apqn.association, APQN_UNASSOCIATED);
}

static void test_failed_while_a_call_is_under_way(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_BIND, UNBOUND);
	call(&bench, CALL_WRITE_BIND);
	queue_task_fail(&bench.task, APQN_BIND_TIMEOUT, -ETIMEDOUT);
	assert_int_equal(bench.task.goal, GOAL_REST);
	answer(&bench, 0, NULL);
	/* Failed, but the result is known, so the queue can be unbound. */
	assert_int_equal(bench.task.goal, GOAL_REST);
	assert_int_equal(bench.apqn.failure, APQN_BIND_TIMEOUT);
	assert_int_equal(bench.apqn.failure_error, -ETIMEDOUT);
	assert_int_equal(bench.apqn.bind, APQN_BOUND);
}

/* --- accelerators have no association --------------------------------------------------------------- */

static void test_accelerator(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_BIND, APQN_UNBOUND, APQN_ASSOCIATION_UNSUPPORTED);
	bench.apqn.mode = APQN_MODE_ACCEL;
	step(&bench, CALL_WRITE_BIND, 0, NULL);
	assert_int_equal(bench.task.goal, GOAL_REST);
	assert_int_equal(bench.apqn.association, APQN_ASSOCIATION_UNSUPPORTED);
	queue_task_begin(&bench.task, GOAL_UNBIND, bench.now_ms);
	step(&bench, CALL_WRITE_UNBIND, 0, NULL);
	assert_int_equal(bench.apqn.association, APQN_ASSOCIATION_UNSUPPORTED);
	bench_begin(&bench, GOAL_BIND, APQN_UNBOUND, APQN_ASSOCIATION_UNSUPPORTED);
	bench.apqn.mode = APQN_MODE_ACCEL;
	step(&bench, CALL_WRITE_BIND, -EINVAL, NULL);
	step(&bench, CALL_READ_BIND, 0, "bound\n");
	assert_int_equal(bench.apqn.association, APQN_ASSOCIATION_UNSUPPORTED);
}

/* The plan changes the secret while the association with the first one is being written. The written one counts. */
static void test_other_secret_while_associating(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, GOAL_ASSOCIATE, BOUND);
	bench.task.secret_index = 14;
	call(&bench, CALL_WRITE_ASSOCIATION);
	bench.task.secret_index = 6;
	queue_task_begin(&bench.task, GOAL_REST, bench.now_ms);
	answer(&bench, 0, NULL);
	assert_int_equal(bench.apqn.association, APQN_ASSOCIATION_PENDING);
	assert_int_equal(bench.apqn.association_index, 14);
	/* The card's other queues wait for the association to end, so it is still read. */
	step(&bench, CALL_READ_ASSOCIATION, 0, "associated 14\n");
	assert_int_equal(bench.task.goal, GOAL_REST);
	assert_int_equal(bench.apqn.association, APQN_ASSOCIATED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals_fail_after_one_second),
		cmocka_unit_test(test_refusals_in_a_reset_fail_after_ten_seconds),
		cmocka_unit_test(test_refusals_after_an_unbind_fail_after_ten_seconds),
		cmocka_unit_test(test_consecutive_refusals),
		cmocka_unit_test(test_other_secret_while_associating),
		cmocka_unit_test(test_busy_is_retried_forever),
		cmocka_unit_test(test_unbind_without_effect),
		cmocka_unit_test(test_release_is_seen_by_a_read),
		cmocka_unit_test(test_release_is_seen_by_a_bind),
		cmocka_unit_test(test_no_release),
		cmocka_unit_test(test_unbind_is_read_later),
		cmocka_unit_test(test_goal_replaced_during_a_bind),
		cmocka_unit_test(test_goal_replaced_after_a_refused_bind),
		cmocka_unit_test(test_goal_reached_by_the_previous_call),
		cmocka_unit_test(test_goal_replaced_during_an_unbind),
		cmocka_unit_test(test_goal_replaced_during_a_read),
		cmocka_unit_test(test_goal_replaced_during_an_association),
		cmocka_unit_test(test_failed_while_a_call_is_under_way),
		cmocka_unit_test(test_accelerator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
