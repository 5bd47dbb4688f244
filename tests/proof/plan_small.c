/* SPDX-License-Identifier: MIT */
/*
 * The plan, for every small machine: src/plan. Not a model checker but a program that tries all of them, because this
 * is faster here. It compares each plan with the best one, which it finds by trying every way to serve the entries.
 *
 * Bounds: up to 3 entries and 4 APQNs, in four families. In each, every APQN has every state of the family's list, and
 * every entry every value, independent of the others:
 *   keys         EP11: two master keys, two secrets and a missing one; unbound, bound, associated with each,
 *                pending, unknown association, unknown bind state, failed, not identified (unbound; associated)
 *   cards        EP11: two generations, serial numbers of two cards, entries that ask for either or none; unbound,
 *                associated
 *   accelerators three generations, entries for each; unbound, bound, unknown, offline, failed
 *   mixed        accelerators, CCA, EP11 (one offline, one without a master key), an unknown type; entries
 *                of both modes
 * Accelerators and EP11 queues never serve the same entry, so all states of both at the same time would add nothing.
 * Assumed: secrets_find finds the secret with an id (uv.c proves it).
 *
 * slow: prove_plan
 * enumerate: prove_plan src/plan/accel.c src/plan/ep11.c src/plan/match.c src/plan/plan.c src/plan/reason.c src/ap/apqn.c src/util/text.c
 * mutant: prove_plan src/plan/match.c s/seat->unverified ? FAR : 1;/seat->unverified ? FAR : 0;/
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"
#include "uv/secrets.h"

#define ENTRIES_MAX 3
#define APQNS_MAX 4
#define OPTIONS_MAX 32

struct family {
	const char *name;
	struct apqn apqns[OPTIONS_MAX];
	size_t apqn_count;
	struct config_entry entries[OPTIONS_MAX];
	size_t entry_count;
};

/* The machine to plan for. */
static struct apqn apqns[APQNS_MAX];
static size_t apqn_count;
static struct config_entry entries[ENTRIES_MAX];
static struct config config = { .entries = entries };
static uint32_t secret_of[ENTRIES_MAX]; /* index, or SECRETS_NO_INDEX */
static bool fits[ENTRIES_MAX][APQNS_MAX], ready[ENTRIES_MAX][APQNS_MAX];

static unsigned long long plans, undecided, served, changes;

/* --- the secret store: it has the ids that begin with 1 and 2, but not 3 -------------------------- */

static const struct secret store[] = { { .index = 1, .type = SECRETS_ASSOCIATION, .id = { 1 } },
				       { .index = 2, .type = SECRETS_ASSOCIATION, .id = { 2 } } };
static const struct secrets secrets = { .list = (struct secret *)store, .count = 2 };

const struct secret *secrets_find(const struct secrets *all, const uint8_t id[SECRETS_ID_SIZE])
{
	for (size_t i = 0; i < all->count; i++)
		if (memcmp(all->list[i].id, id, SECRETS_ID_SIZE) == 0)
			return &all->list[i];
	return NULL;
}

/* --- families ------------------------------------------------------------------------------------- */

static struct apqn *add_apqn(struct family *family, enum apqn_mode mode, uint8_t generation, enum apqn_bind bind)
{
	struct apqn *apqn = &family->apqns[family->apqn_count++];

	*apqn = (struct apqn){ .mode = mode, .generation = generation, .bind = bind, .online = true,
			       .association = mode == APQN_MODE_EP11 ? APQN_UNASSOCIATED : APQN_ASSOCIATION_UNSUPPORTED };
	return apqn;
}

static struct apqn *add_ep11(struct family *family, uint8_t generation, uint8_t key, enum apqn_bind bind, uint16_t index)
{
	struct apqn *apqn = add_apqn(family, APQN_MODE_EP11, generation, bind);

	apqn->identity = APQN_IDENTITY_VALID;
	apqn->mkvp[0] = key;
	memcpy(apqn->serialnr, "SERIAL0000000001", sizeof(apqn->serialnr));
	if (index) {
		apqn->association = APQN_ASSOCIATED;
		apqn->association_index = index;
	}
	return apqn;
}

static struct config_entry *add_entry(struct family *family, enum apqn_mode mode, uint8_t min_generation, uint8_t key, uint8_t secret)
{
	struct config_entry *entry = &family->entries[family->entry_count++];

	*entry = (struct config_entry){ .mode = mode, .min_generation = min_generation, .mkvp = { key }, .secretid = { secret } };
	return entry;
}

static void make_keys(struct family *family)
{
	struct apqn *apqn;

	family->name = "keys";
	for (uint8_t key = 1; key <= 2; key++) {
		add_ep11(family, 8, key, APQN_UNBOUND, 0);
		add_ep11(family, 8, key, APQN_BOUND, 1);
	}
	add_ep11(family, 8, 1, APQN_BOUND, 0);
	add_ep11(family, 8, 1, APQN_BOUND, 2);
	add_ep11(family, 8, 1, APQN_BOUND, 2)->association = APQN_ASSOCIATION_PENDING;
	add_ep11(family, 8, 1, APQN_BOUND, 0)->association = APQN_ASSOCIATION_UNKNOWN;
	add_ep11(family, 8, 1, APQN_BIND_UNKNOWN, 0);
	add_ep11(family, 8, 1, APQN_BOUND, 1)->failure = APQN_ASSOCIATION_FAILED;
	apqn = add_ep11(family, 8, 0, APQN_UNBOUND, 0);
	apqn->identity = APQN_IDENTITY_UNREAD;
	apqn = add_ep11(family, 8, 0, APQN_BOUND, 1);
	apqn->identity = APQN_IDENTITY_UNREAD;
	for (uint8_t key = 1; key <= 2; key++)
		for (uint8_t secret = 1; secret <= 2; secret++)
			add_entry(family, APQN_MODE_EP11, 0, key, secret);
	add_entry(family, APQN_MODE_EP11, 8, 1, 3);
}

static void make_cards(struct family *family)
{
	family->name = "cards";
	for (uint8_t generation = 7; generation <= 8; generation++)
		for (int card = 1; card <= 2; card++)
			for (uint16_t index = 0; index <= 1; index++)
				add_ep11(family, generation, 1, index ? APQN_BOUND : APQN_UNBOUND, index)->serialnr[15] = (char)('0' + card);
	add_ep11(family, 8, 1, APQN_BOUND, 2);
	for (int card = 0; card <= 2; card++)
		for (uint8_t minimum = 0; minimum <= 8; minimum += 8) {
			struct config_entry *entry = add_entry(family, APQN_MODE_EP11, minimum, 1, 1);

			if (card)
				snprintf(entry->serialnr, sizeof(entry->serialnr), "SERIAL000000000%d", card);
		}
	add_entry(family, APQN_MODE_EP11, 0, 1, 2);
}

static void make_accelerators(struct family *family)
{
	static const uint8_t generations[] = { 5, 7, 8 };

	family->name = "accelerators";
	for (size_t i = 0; i < 3; i++) {
		add_apqn(family, APQN_MODE_ACCEL, generations[i], APQN_UNBOUND);
		add_apqn(family, APQN_MODE_ACCEL, generations[i], APQN_BOUND);
		add_apqn(family, APQN_MODE_ACCEL, generations[i], APQN_BIND_UNKNOWN);
	}
	add_apqn(family, APQN_MODE_ACCEL, 8, APQN_BOUND)->online = false;
	add_apqn(family, APQN_MODE_ACCEL, 8, APQN_BOUND)->failure = APQN_UNREADABLE;
	add_entry(family, APQN_MODE_ACCEL, 0, 0, 0);
	add_entry(family, APQN_MODE_ACCEL, 7, 0, 0);
	add_entry(family, APQN_MODE_ACCEL, 8, 0, 0);
}

static void make_mixed(struct family *family)
{
	family->name = "mixed";
	add_apqn(family, APQN_MODE_ACCEL, 7, APQN_UNBOUND);
	add_apqn(family, APQN_MODE_ACCEL, 8, APQN_BOUND);
	add_apqn(family, APQN_MODE_CCA, 8, APQN_UNBOUND);
	add_apqn(family, APQN_MODE_CCA, 8, APQN_BOUND);
	add_ep11(family, 8, 1, APQN_UNBOUND, 0);
	add_ep11(family, 8, 1, APQN_BOUND, 1);
	add_ep11(family, 8, 0, APQN_BOUND, 0)->identity = APQN_IDENTITY_NONE;
	add_ep11(family, 8, 2, APQN_BOUND, 0)->online = false;
	add_apqn(family, APQN_MODE_UNKNOWN, 8, APQN_BIND_UNKNOWN);
	add_entry(family, APQN_MODE_ACCEL, 0, 0, 0);
	add_entry(family, APQN_MODE_ACCEL, 8, 0, 0);
	add_entry(family, APQN_MODE_EP11, 0, 1, 1);
	add_entry(family, APQN_MODE_EP11, 0, 1, 2);
	add_entry(family, APQN_MODE_EP11, 8, 2, 1);
}

/* --- the correct plan, as plan.h defines it ------------------------------------------------------- */

static bool takes_part(const struct apqn *apqn)
{
	return apqn->online && apqn->failure == APQN_WORKING && (apqn->mode == APQN_MODE_ACCEL || apqn->mode == APQN_MODE_EP11);
}

static bool known(const struct apqn *apqn)
{
	return apqn->identity == APQN_IDENTITY_VALID || apqn->identity == APQN_IDENTITY_NONE;
}

static void compare(void)
{
	for (size_t e = 0; e < config.count; e++) {
		const struct config_entry *entry = &entries[e];
		const struct secret *secret = secrets_find(&secrets, entry->secretid);

		secret_of[e] = secret ? secret->index : SECRETS_NO_INDEX;
		for (size_t a = 0; a < apqn_count; a++) {
			const struct apqn *apqn = &apqns[a];
			bool ep11 = entry->mode == APQN_MODE_EP11;

			fits[e][a] = takes_part(apqn) && apqn->mode == entry->mode && apqn->generation >= entry->min_generation;
			if (ep11)
				fits[e][a] = fits[e][a] && secret && apqn->identity == APQN_IDENTITY_VALID &&
					     memcmp(apqn->mkvp, entry->mkvp, APQN_MKVP_SIZE) == 0 &&
					     (!entry->serialnr[0] || strcmp(apqn->serialnr, entry->serialnr) == 0);
			ready[e][a] = fits[e][a] && apqn->bind == APQN_BOUND;
			if (ep11)
				ready[e][a] = ready[e][a] && apqn->association_index == secret_of[e] &&
					      (apqn->association == APQN_ASSOCIATED || apqn->association == APQN_ASSOCIATION_PENDING);
		}
	}
}

/* If all entries of `wanted` are served: the most that can have a ready APQN; -1: not all can be served. */
static int most_ready(unsigned int wanted, bool edges[ENTRIES_MAX][APQNS_MAX], size_t entry, unsigned int used)
{
	int best = -1;

	if (entry == config.count)
		return 0;
	if (!(wanted >> entry & 1))
		return most_ready(wanted, edges, entry + 1, used);
	for (size_t a = 0; a < apqn_count; a++) {
		int rest;

		if (!edges[entry][a] || used >> a & 1)
			continue;
		rest = most_ready(wanted, edges, entry + 1, used | 1U << a);
		if (rest >= 0 && rest + ready[entry][a] > best)
			best = rest + ready[entry][a];
	}
	return best;
}

static bool servable(unsigned int wanted, bool edges[ENTRIES_MAX][APQNS_MAX])
{
	return most_ready(wanted, edges, 0, 0) >= 0;
}

static int size_of(unsigned int set)
{
	return __builtin_popcount(set);
}

/* The largest set of ready entries; of two equally large ones, that with the earliest entry that differs. */
static unsigned int best_ready_set(void)
{
	unsigned int best = 0;

	for (unsigned int set = 0; set < 1U << config.count; set++) {
		unsigned int difference = set ^ best;

		if (!servable(set, ready))
			continue;
		if (size_of(set) > size_of(best) || (size_of(set) == size_of(best) && (difference & -difference) & set))
			best = set;
	}
	return best;
}

static unsigned int best_set(void)
{
	unsigned int set = best_ready_set();

	for (size_t e = 0; e < config.count; e++)
		if (servable(set | 1U << e, fits))
			set |= 1U << e;
	return set;
}

static int largest(bool edges[ENTRIES_MAX][APQNS_MAX])
{
	int most = 0;

	for (unsigned int set = 0; set < 1U << config.count; set++)
		if (size_of(set) > most && servable(set, edges))
			most = size_of(set);
	return most;
}

/* --- the properties ------------------------------------------------------------------------------- */

static void fail(const struct plan *plan, const char *property)
{
	printf("this does not hold: %s\n", property);
	for (size_t e = 0; e < config.count; e++)
		printf("  entry %zu: mode %d, min %d, key %d, serialnr '%s', secret %d: apqn %zd, reason %d\n", e, entries[e].mode,
		       entries[e].min_generation, entries[e].mkvp[0], entries[e].serialnr, entries[e].secretid[0],
		       (ssize_t)plan->entries[e].apqn, plan->entries[e].reason);
	for (size_t a = 0; a < apqn_count; a++)
		printf("  apqn %zu: mode %d, generation %d, bind %d, association %d %d, identity %d, key %d, serialnr '%s', online %d, failure %d: "
		       "goal %d\n",
		       a, apqns[a].mode, apqns[a].generation, apqns[a].bind, apqns[a].association, apqns[a].association_index,
		       apqns[a].identity, apqns[a].mkvp[0], apqns[a].serialnr, apqns[a].online, apqns[a].failure, plan->apqns[a].goal);
	exit(1);
}

static void hold(bool condition, const struct plan *plan, const char *property)
{
	if (!condition)
		fail(plan, property);
}

/* An APQN serves at most one entry, and names it. Returns the set of served entries. */
static unsigned int check_pairs(const struct plan *plan)
{
	unsigned int set = 0, used = 0;

	for (size_t e = 0; e < config.count; e++) {
		size_t a = plan->entries[e].apqn;

		hold((a == PLAN_NONE) == (plan->entries[e].reason != PLAN_SATISFIED), plan, "an entry has an APQN, or a reason");
		if (a == PLAN_NONE)
			continue;
		hold(a < apqn_count && fits[e][a], plan, "an entry gets an APQN that fits");
		hold(!(used >> a & 1), plan, "an APQN serves one entry");
		hold(plan->apqns[a].entry == e, plan, "the APQN names its entry");
		used |= 1U << a;
		set |= 1U << e;
	}
	hold(plan->satisfied == (size_t)size_of(set), plan, "the number of satisfied entries is right");
	return set;
}

static void check_goal(const struct plan *plan, size_t a)
{
	const struct apqn *apqn = &apqns[a];
	size_t e = plan->apqns[a].entry;
	enum plan_goal goal = plan->apqns[a].goal;

	if (apqn->mode == APQN_MODE_CCA || apqn->mode == APQN_MODE_UNKNOWN)
		hold(goal == PLAN_LEAVE, plan, "APQNs of other types are left alone");
	else if (e == PLAN_NONE)
		hold(goal == PLAN_UNBIND || goal == PLAN_UNVERIFIED || apqn->bind != APQN_BOUND, plan, "an APQN that serves no entry is not bound");
	else if (ready[e][a])
		hold(goal == PLAN_KEEP, plan, "an APQN that already serves is kept");
	else if (apqn->mode == APQN_MODE_ACCEL)
		hold(goal == PLAN_BIND, plan, "an accelerator is bound");
	else if (apqn->bind == APQN_UNBOUND || (apqn->bind == APQN_BOUND && apqn->association == APQN_UNASSOCIATED))
		hold(goal == PLAN_ASSOCIATE, plan, "an association needs no reset");
	else
		hold(goal == PLAN_REASSOCIATE, plan, "a wrong or unknown association is redone");
}

/* Applies the plan to the machine. */
static void carry_out(const struct plan *plan)
{
	for (size_t a = 0; a < apqn_count; a++) {
		size_t e = plan->apqns[a].entry;

		if (plan->apqns[a].goal == PLAN_UNBIND) {
			apqns[a].bind = APQN_UNBOUND;
			if (apqns[a].mode == APQN_MODE_EP11)
				apqns[a].association = APQN_UNASSOCIATED;
		} else if (e != PLAN_NONE) {
			apqns[a].bind = APQN_BOUND;
			if (apqns[a].mode == APQN_MODE_EP11) {
				apqns[a].association = APQN_ASSOCIATED;
				apqns[a].association_index = (uint16_t)secret_of[e];
			}
		}
	}
}

/* A second run has nothing to do. */
static void check_second(const struct plan *plan)
{
	struct apqn before[APQNS_MAX];
	struct plan second;

	memcpy(before, apqns, sizeof(before));
	carry_out(plan);
	if (plan_make(&config, apqns, apqn_count, &secrets, &second) != 0)
		abort();
	hold(second.satisfied == plan->satisfied, plan, "a second run serves as many entries");
	for (size_t a = 0; a < apqn_count; a++)
		hold(second.apqns[a].goal == PLAN_LEAVE || second.apqns[a].goal == PLAN_KEEP || second.apqns[a].goal == PLAN_UNVERIFIED ||
			     apqns[a].failure != APQN_WORKING || !apqns[a].online || !known(&apqns[a]),
		     plan, "a second run has nothing to do");
	plan_release(&second);
	memcpy(apqns, before, sizeof(before));
}

static void check_complete(const struct plan *plan, unsigned int set)
{
	bool possible[ENTRIES_MAX][APQNS_MAX];
	int kept = 0;

	hold(size_of(set) == largest(fits), plan, "as many entries as possible are satisfied");
	hold(set == best_set(), plan, "entries that are served already come first, then earlier ones");
	for (size_t e = 0; e < config.count; e++) {
		kept += plan->entries[e].apqn != PLAN_NONE && ready[e][plan->entries[e].apqn];
		for (size_t a = 0; a < apqn_count; a++)
			possible[e][a] = fits[e][a] || (takes_part(&apqns[a]) && apqns[a].mode == APQN_MODE_EP11 && !known(&apqns[a]) &&
							entries[e].mode == APQN_MODE_EP11 && secret_of[e] != SECRETS_NO_INDEX &&
							apqns[a].generation >= entries[e].min_generation &&
							(!entries[e].serialnr[0] || strcmp(apqns[a].serialnr, entries[e].serialnr) == 0));
	}
	hold(kept == most_ready(set, fits, 0, 0), plan, "no APQN that already serves is changed without need");
	hold(size_of(set) == largest(possible), plan, "every APQN that could help is identified");
	for (size_t a = 0; a < apqn_count; a++)
		check_goal(plan, a);
	check_second(plan);
	served += (unsigned int)size_of(set);
	changes += (unsigned int)(size_of(set) - kept);
}

static void check(void)
{
	struct plan plan, again;
	unsigned int set;

	for (size_t a = 0; a < apqn_count; a++)
		apqns[a].card = (uint8_t)a;
	compare();
	if (plan_make(&config, apqns, apqn_count, &secrets, &plan) != 0 || plan_make(&config, apqns, apqn_count, &secrets, &again) != 0)
		abort();
	set = check_pairs(&plan);
	for (size_t e = 0; e < config.count; e++)
		hold(memcmp(&plan.entries[e].apqn, &again.entries[e].apqn, sizeof(size_t)) == 0 &&
			     plan.entries[e].reason == again.entries[e].reason && plan.entries[e].detail == again.entries[e].detail,
		     &plan, "the same input gives the same plan");
	for (size_t a = 0; a < apqn_count; a++)
		hold(plan.apqns[a].goal == again.apqns[a].goal, &plan, "the same input gives the same goals");
	if (plan.identify == 0)
		check_complete(&plan, set);
	else
		undecided++;
	plans++;
	plan_release(&plan);
	plan_release(&again);
}

/* --- all machines of a family --------------------------------------------------------------------- */

static void each_entry(const struct family *family, size_t count)
{
	config.count = count;
	check();
	if (count == ENTRIES_MAX)
		return;
	for (size_t i = 0; i < family->entry_count; i++) {
		entries[count] = family->entries[i];
		each_entry(family, count + 1);
	}
}

static void each_apqn(const struct family *family, size_t count)
{
	apqn_count = count;
	each_entry(family, 0);
	if (count == APQNS_MAX)
		return;
	for (size_t i = 0; i < family->apqn_count; i++) {
		apqns[count] = family->apqns[i];
		each_apqn(family, count + 1);
	}
}

int main(void)
{
	static void (*const makers[])(struct family *) = { make_accelerators, make_mixed, make_cards, make_keys };

	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		struct family family = { 0 };

		makers[i](&family);
		plans = undecided = served = changes = 0;
		each_apqn(&family, 0);
		printf("%s: %llu machines, %llu of them need identification first; %llu entries served, %llu of them by a change\n", family.name,
		       plans, undecided, served, changes);
		if (plans == 0 || served == 0 || changes == 0 || changes == served)
			return 1;
	}
	return 0;
}
