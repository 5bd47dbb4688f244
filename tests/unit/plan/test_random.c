/* SPDX-License-Identifier: MIT */

/*
 * Compares plans for small random machines with the rules (search.h). `test_random SEED CASES` repeats a run, or makes
 * a longer one.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/plan/search.h"

static uint64_t first_seed = 20240229;
static unsigned long cases = 40000;

/* --- goals and reasons ----------------------------------------------------------------------------- */

static enum plan_goal goal_of_failed(const struct scene *scene, size_t q)
{
	const struct apqn *apqn = &scene->apqns[q];

	if (apqn->failure == APQN_VANISHED || apqn->failure == APQN_CARD_HUNG || apqn->failure == APQN_STAYS_BOUND)
		return PLAN_LEAVE;
	if (is_unverified(scene, q))
		return PLAN_UNVERIFIED;
	return apqn->bind == APQN_BOUND ? PLAN_UNBIND : PLAN_LEAVE;
}

static enum plan_goal goal_of_serving(const struct scene *scene, size_t e, size_t q)
{
	const struct apqn *apqn = &scene->apqns[q];

	if (is_ready(scene, e, q))
		return PLAN_KEEP;
	if (apqn->mode == APQN_MODE_ACCEL)
		return PLAN_BIND;
	if (apqn->bind == APQN_UNBOUND || (apqn->bind == APQN_BOUND && apqn->association == APQN_UNASSOCIATED))
		return PLAN_ASSOCIATE;
	return PLAN_REASSOCIATE;
}

static bool is_known(const struct apqn *apqn)
{
	return apqn->identity == APQN_IDENTITY_VALID || apqn->identity == APQN_IDENTITY_NONE;
}

static enum plan_goal goal_of(const struct scene *scene, const struct plan *plan, size_t q, unsigned int identify)
{
	const struct apqn *apqn = &scene->apqns[q];

	if (apqn->mode != APQN_MODE_ACCEL && apqn->mode != APQN_MODE_EP11)
		return PLAN_LEAVE;
	if (!is_working(apqn))
		return goal_of_failed(scene, q);
	if ((identify >> q) & 1)
		return PLAN_IDENTIFY;
	if (plan->apqns[q].entry != PLAN_NONE)
		return goal_of_serving(scene, plan->apqns[q].entry, q);
	if (apqn->bind == APQN_UNBOUND)
		return PLAN_LEAVE;
	if (apqn->mode == APQN_MODE_ACCEL)
		return PLAN_UNBIND;
	if (is_unverified(scene, q))
		return PLAN_UNVERIFIED;
	if (!is_known(apqn) && !helps_any(scene, q))
		return PLAN_UNBIND;
	return identify || apqn->identity == APQN_IDENTITY_UNAVAILABLE ? PLAN_LEAVE : PLAN_UNBIND;
}

/* A fact about an entry and an APQN that a reason may state. */
typedef bool predicate(const struct scene *scene, size_t e, size_t q);

static bool is_newest(const struct scene *scene, size_t e, size_t q, predicate *is)
{
	if (!is(scene, e, q))
		return false;
	for (size_t i = 0; i < scene->count; i++) {
		if (is(scene, e, i) && scene->apqns[i].generation > scene->apqns[q].generation)
			return false;
	}
	return true;
}

static bool of_mode(const struct scene *scene, size_t e, size_t q)
{
	const struct apqn *apqn = &scene->apqns[q];

	return is_supported(apqn) && apqn->online && apqn->mode == scene->entries[e].mode;
}

static bool with_key(const struct scene *scene, size_t e, size_t q)
{
	const struct apqn *apqn = &scene->apqns[q];

	return is_supported(apqn) && (apqn->online || apqn->failure) && apqn->mode == APQN_MODE_EP11 &&
	       same_key(&scene->entries[e], apqn);
}

static bool with_key_and_serialnr(const struct scene *scene, size_t e, size_t q)
{
	return with_key(scene, e, q) && same_serialnr(&scene->entries[e], &scene->apqns[q]);
}

static bool with_key_only(const struct scene *scene, size_t e, size_t q)
{
	return with_key(scene, e, q) && !same_serialnr(&scene->entries[e], &scene->apqns[q]);
}

static bool fitted(const struct scene *scene, size_t e, size_t q)
{
	const struct apqn *apqn = &scene->apqns[q];
	/* If an offline accelerator cannot be unbound, that is not the reason why it does not serve the entry. */
	bool was_wanted = apqn->mode != APQN_MODE_ACCEL || apqn->online || apqn->failure != APQN_STAYS_BOUND;

	return is_supported(apqn) && apqn->failure && was_wanted && is_right(scene, e, apqn);
}

static bool lost(const struct scene *scene, size_t e, size_t q)
{
	const struct apqn *apqn = &scene->apqns[q];

	return is_supported(apqn) && apqn->failure && may_fit(&scene->entries[e], apqn) && !is_known(apqn);
}

static bool unavailable(const struct scene *scene, size_t e, size_t q)
{
	return is_working(&scene->apqns[q]) && scene->apqns[q].identity == APQN_IDENTITY_UNAVAILABLE &&
	       may_fit(&scene->entries[e], &scene->apqns[q]);
}

static bool any(const struct scene *scene, size_t e, predicate *is)
{
	for (size_t q = 0; q < scene->count; q++) {
		if (is(scene, e, q))
			return true;
	}
	return false;
}

/*
 * For an entry that cannot be served: an unavailable queue might replace the queue of another entry, which would free
 * that one.
 */
static bool relief(const struct scene *scene, size_t e, size_t q, int satisfied)
{
	const struct apqn *apqn = &scene->apqns[q];

	if (apqn->mode != APQN_MODE_EP11 || !is_working(apqn) || apqn->identity != APQN_IDENTITY_UNAVAILABLE)
		return false;
	for (size_t i = 0; i < scene->config.count; i++) {
		const struct config_entry *entry = &scene->entries[i];
		struct scene other = *scene;

		if (!is_wanted(scene, i) || !may_fit(entry, apqn) ||
		    memcmp(entry->mkvp, scene->entries[e].mkvp, APQN_MKVP_SIZE) != 0)
			continue;
		reveal(&other.apqns[q], entry);
		find_states(&other, false);
		if (largest() > satisfied)
			return true;
	}
	return false;
}

static bool any_relief(const struct scene *scene, size_t e, int satisfied)
{
	bool is = false;

	for (size_t q = 0; q < scene->count && !is; q++)
		is = relief(scene, e, q, satisfied);
	find_states(scene, false);
	return is;
}

static enum plan_reason reason_of(const struct scene *scene, size_t e, unsigned int identify, int satisfied)
{
	const struct config_entry *entry = &scene->entries[e];
	size_t newest = QUEUES;

	for (size_t q = 0; q < scene->count; q++) {
		if (of_mode(scene, e, q) && (newest == QUEUES || is_better(scene, q, newest)))
			newest = q;
	}
	if (entry->mode == APQN_MODE_EP11 && !is_wanted(scene, e))
		return PLAN_NO_SECRET;
	if (entry->mode == APQN_MODE_EP11 && identify)
		return PLAN_UNDECIDED;
	if (entry->mode == APQN_MODE_EP11 && any(scene, e, unavailable))
		return PLAN_UNKNOWN;
	if (any(scene, e, fits))
		return entry->mode == APQN_MODE_EP11 && any_relief(scene, e, satisfied) ? PLAN_UNKNOWN : PLAN_TAKEN;
	if (any(scene, e, fitted))
		return PLAN_FAILED;
	if (newest == QUEUES)
		return PLAN_NO_APQN;
	if (scene->apqns[newest].generation < entry->min_generation || any(scene, e, with_key_and_serialnr))
		return PLAN_GENERATION;
	return any(scene, e, with_key_only) ? PLAN_SERIALNR : PLAN_NO_MKVP;
}

static bool detail_is_right(const struct scene *scene, size_t e, enum plan_reason reason, size_t q)
{
	const bool known = q < scene->count;

	switch (reason) {
	case PLAN_GENERATION:
		return known && scene->apqns[q].generation < scene->entries[e].min_generation &&
		       (is_newest(scene, e, q, of_mode) || is_newest(scene, e, q, with_key_and_serialnr));
	case PLAN_NO_MKVP:
		return any(scene, e, lost) ? known && lost(scene, e, q) : q == PLAN_NONE;
	case PLAN_SERIALNR:
		return known && is_newest(scene, e, q, with_key_only);
	case PLAN_FAILED:
		return known && is_newest(scene, e, q, fitted);
	case PLAN_UNKNOWN:
		return known && (unavailable(scene, e, q) || scene->apqns[q].identity == APQN_IDENTITY_UNAVAILABLE);
	case PLAN_UNDECIDED:
		return known && scene->apqns[q].identity == APQN_IDENTITY_UNREAD;
	default:
		return q == PLAN_NONE;
	}
}

/* --- comparison ------------------------------------------------------------------------------------ */

static const char *fault;

static bool expect_(bool is, const char *what)
{
	if (!is && !fault)
		fault = what;
	return is;
}

#define expect(condition) expect_((condition), #condition)

/* Entries and APQNs refer to each other, and only to matches. Returns both sets. */
static bool check_pairs(const struct scene *scene, const struct plan *plan, unsigned int *entries, unsigned int *queues)
{
	*entries = *queues = 0;
	for (size_t e = 0; e < scene->config.count; e++) {
		size_t q = plan->entries[e].apqn;

		if (!expect((q == PLAN_NONE) == (plan->entries[e].reason != PLAN_SATISFIED)))
			return false;
		if (scene->entries[e].mode == APQN_MODE_EP11 && is_wanted(scene, e))
			expect(plan->entries[e].secret_index == (uint32_t)secret_of(scene, e));
		if (q == PLAN_NONE)
			continue;
		if (!expect(q < scene->count && plan->apqns[q].entry == e && may_get(scene, e, q)))
			return false;
		*entries |= 1U << e;
		*queues |= 1U << q;
	}
	for (size_t q = 0; q < scene->count; q++) {
		size_t e = plan->apqns[q].entry;

		expect(e == PLAN_NONE || (e < scene->config.count && plan->entries[e].apqn == q));
	}
	expect(plan->satisfied == (size_t)size_of(*entries));
	return !fault;
}

static int count_ready(const struct scene *scene, const struct plan *plan)
{
	int count = 0;

	for (size_t e = 0; e < scene->config.count; e++)
		count += plan->entries[e].apqn != PLAN_NONE && is_ready(scene, e, plan->entries[e].apqn);
	return count;
}

/* Rules 3 and 4 for one entry: a queue that needs no change, then the newest, then the lowest. */
static bool prefers(const struct scene *scene, size_t e, size_t a, size_t b)
{
	if (is_ready(scene, e, a) != is_ready(scene, e, b))
		return is_ready(scene, e, a);
	return is_better(scene, a, b);
}

static void check_preferences(const struct scene *scene, const struct plan *plan)
{
	for (size_t e = 0; e < scene->config.count; e++) {
		for (size_t q = 0; q < scene->count && plan->entries[e].apqn != PLAN_NONE; q++) {
			if (plan->apqns[q].entry == PLAN_NONE && may_get(scene, e, q))
				expect(prefers(scene, e, plan->entries[e].apqn, q));
		}
	}
}

/* Can all of these accelerator entries be paired with these accelerators? */
static bool can_pair(const struct scene *scene, unsigned int entries, unsigned int queues)
{
	unsigned int e = (unsigned int)__builtin_ctz(entries | 1U << ENTRIES);

	if (e == ENTRIES)
		return true;
	for (unsigned int q = 0; q < scene->count; q++) {
		if (((queues >> q) & 1) && fits(scene, e, q) &&
		    can_pair(scene, entries & ~(1U << e), queues & ~(1U << q)))
			return true;
	}
	return false;
}

/*
 * Accelerators: in the order of the file, each entry gets the best queue that still lets the later entries be served.
 */
static void check_accel_pairs(const struct scene *scene, const struct plan *plan, unsigned int entries,
			      unsigned int queues)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		if (scene->entries[i].mode != APQN_MODE_ACCEL)
			entries &= ~(1U << i);
	}
	for (size_t e = 0; e < scene->config.count; e++) {
		size_t best = QUEUES;

		if (!((entries >> e) & 1))
			continue;
		entries &= ~(1U << e);
		for (size_t q = 0; q < scene->count; q++) {
			if (((queues >> q) & 1) && fits(scene, e, q) && can_pair(scene, entries, queues & ~(1U << q)) &&
			    (best == QUEUES || prefers(scene, e, q, best)))
				best = q;
		}
		if (!expect(best == plan->entries[e].apqn))
			return;
		queues &= ~(1U << best);
	}
}

static void check_rules(const struct scene *scene, const struct plan *plan)
{
	unsigned int entries, queues, s = find_s(scene, find_r(scene)), identify, best;
	int ready, satisfied = size_of(s);

	expect(satisfied == largest());
	identify = find_identify(scene, satisfied);
	best = find_queues(scene, s, &ready);
	expect(plan->identify == (size_t)size_of(identify));
	if (!check_pairs(scene, plan, &entries, &queues))
		return;
	expect(count_ready(scene, plan) == ready);
	for (size_t q = 0; q < scene->count; q++)
		expect(plan->apqns[q].goal == goal_of(scene, plan, q, identify));
	for (size_t e = 0; e < scene->config.count; e++) {
		bool hidden = identify && scene->entries[e].mode == APQN_MODE_EP11;

		if (hidden)
			expect(plan->entries[e].apqn == PLAN_NONE || is_ready(scene, e, plan->entries[e].apqn));
		else
			expect(((entries >> e) & 1) == ((s >> e) & 1));
		if (plan->entries[e].apqn != PLAN_NONE)
			continue;
		expect(plan->entries[e].reason == reason_of(scene, e, identify, satisfied));
		expect(detail_is_right(scene, e, plan->entries[e].reason, plan->entries[e].detail));
	}
	if (identify)
		return;
	expect(queues == best);
	check_preferences(scene, plan);
	check_accel_pairs(scene, plan, entries, queues);
}

static void check(const struct scene *scene)
{
	struct plan plan;

	expect(plan_make(&scene->config, scene->apqns, scene->count, &scene->list, &plan) == 0);
	check_rules(scene, &plan);
	plan_release(&plan);
}

static void print_scene(const struct scene *scene)
{
	for (size_t i = 0; i < scene->config.count; i++) {
		const struct config_entry *entry = &scene->entries[i];

		print_message("entry %zu: mode %d mkvp %c serialnr '%s' min %d secret %d\n", i, entry->mode,
			      entry->mkvp[0] ? entry->mkvp[0] : '-', entry->serialnr, entry->min_generation,
			      secret_of(scene, i));
	}
	for (size_t i = 0; i < scene->count; i++) {
		const struct apqn *apqn = &scene->apqns[i];

		print_message("apqn %zu: card %d mode %d generation %d online %d bind %d association %d:%d identity %d "
			      "mkvp %c serialnr '%s' failure %d\n", i, apqn->card, apqn->mode, apqn->generation,
			      apqn->online, apqn->bind, apqn->association, apqn->association_index, apqn->identity,
			      apqn->mkvp[0], apqn->serialnr, apqn->failure);
	}
}

static void test_random(void **state)
{
	(void)state;
	for (unsigned long i = 0; i < cases; i++) {
		struct scene scene;

		random_state = first_seed + i;
		make_scene(&scene);
		fault = NULL;
		check(&scene);
		if (fault) {
			print_message("seed %llu: not so: %s\n", (unsigned long long)(first_seed + i), fault);
			print_scene(&scene);
			fail();
		}
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_random) };

	if (argc > 1)
		first_seed = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		cases = strtoul(argv[2], NULL, 10);
	print_message("seeds from %llu on: %lu cases\n", (unsigned long long)first_seed, cases);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
