/* SPDX-License-Identifier: MIT */

/* Planning time for machines up to the maximum size: likely ones, and ones built to be slow. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plan/plan.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ENTRIES_MAX 4096
#define APQNS_MAX 65536
#define SECRETS 256
#define RUNS 5

static struct config_entry entries[ENTRIES_MAX];
static struct apqn apqns[APQNS_MAX];
static struct secret known_secrets[SECRETS];
static uint64_t random_state;

static unsigned int pick(unsigned int choices)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)((random_state >> 33) % choices);
}

static void set_key(uint8_t mkvp[APQN_MKVP_SIZE], unsigned int number)
{
	memset(mkvp, 0x5a, APQN_MKVP_SIZE);
	memcpy(mkvp + APQN_MKVP_SIZE - sizeof(number), &number, sizeof(number));
}

static void set_serialnr(char serialnr[APQN_SERIALNR_LENGTH + 1], unsigned int card)
{
	snprintf(serialnr, APQN_SERIALNR_LENGTH + 1, "BENCHMARK%07u", card);
}

static void set_secret(struct config_entry *entry, unsigned int secret)
{
	memset(entry->secretid, (int)secret, sizeof(entry->secretid));
}

/* All domains of a card, then the next card, until there are enough: EP11, one key for each domain, all unbound. */
static void plain_apqn(struct apqn *apqn, size_t index, size_t count)
{
	size_t domains = count / APQN_CARDS_MAX;

	*apqn = (struct apqn){
		.card = (uint8_t)(index / domains),
		.domain = (uint8_t)(index % domains),
		.generation = (uint8_t)(6 + index / domains % 3),
		.online = true,
		.mode = APQN_MODE_EP11,
		.bind = APQN_UNBOUND,
		.association = APQN_UNASSOCIATED,
		.identity = APQN_IDENTITY_VALID,
	};
	set_key(apqn->mkvp, apqn->domain);
	set_serialnr(apqn->serialnr, apqn->card);
}

static void plain_entry(struct config_entry *entry, size_t apqn_count)
{
	*entry = (struct config_entry){ .mode = APQN_MODE_EP11 };
	set_key(entry->mkvp, pick((unsigned int)(apqn_count / APQN_CARDS_MAX)));
	set_secret(entry, pick(SECRETS));
}

static struct config_entry want_accel(unsigned int min_generation)
{
	return (struct config_entry){ .mode = APQN_MODE_ACCEL, .min_generation = (uint8_t)min_generation };
}

static void associate(struct apqn *apqn, unsigned int secret)
{
	apqn->bind = APQN_BOUND;
	apqn->association = APQN_ASSOCIATED;
	apqn->association_index = (uint16_t)secret;
}

static void make_mixed(size_t count, size_t apqn_count)
{
	for (size_t i = 0; i < count; i++) {
		if (i % 4 == 0)
			entries[i] = want_accel(5 + pick(4));
		else if (i % 4 == 1)
			set_serialnr(entries[i].serialnr, pick(APQN_CARDS_MAX));
	}
	for (size_t i = 0; i < apqn_count; i++) {
		if (apqns[i].card % 4 == 0)
			apqns[i].mode = APQN_MODE_ACCEL;
	}
}

static void make_configured(size_t count, size_t apqn_count)
{
	make_mixed(count, apqn_count);
	for (size_t i = 0; i < apqn_count; i++)
		associate(&apqns[i], pick(SECRETS));
}

static void make_unread(size_t count, size_t apqn_count)
{
	(void)count;
	for (size_t i = 0; i < apqn_count; i++) {
		apqns[i].identity = APQN_IDENTITY_UNREAD;
		apqns[i].serialnr[0] = '\0';
	}
}

/* One key on all 256 cards, and every entry wants it. */
static void make_one_key(size_t count, size_t apqn_count)
{
	(void)apqn_count;
	for (size_t i = 0; i < count; i++)
		set_key(entries[i].mkvp, 0);
}

/* A few keys for 256 entries each; random secrets, cards, generations and associations. */
static void make_tangle(size_t count, size_t apqn_count)
{
	for (size_t i = 0; i < count; i++) {
		set_key(entries[i].mkvp, (unsigned int)(i % (1 + count / APQN_CARDS_MAX)));
		set_secret(&entries[i], pick(32));
		entries[i].min_generation = (uint8_t)pick(9);
		if (pick(2))
			set_serialnr(entries[i].serialnr, pick(APQN_CARDS_MAX));
	}
	for (size_t i = 0; i < apqn_count; i++) {
		if (pick(2))
			associate(&apqns[i], pick(32));
	}
}

/* Every entry is served by a queue that also fits the entry before it; the last entry moves all of them. */
static void make_chain(size_t count, size_t apqn_count)
{
	for (size_t i = 0; i < count; i++) {
		size_t keys = 1 + count / APQN_CARDS_MAX;

		set_key(entries[i].mkvp, (unsigned int)(i % keys));
		entries[i].min_generation = (uint8_t)(i / keys);
		set_secret(&entries[i], (unsigned int)(i / keys));
	}
	for (size_t i = 0; i < apqn_count; i++) {
		apqns[i].generation = apqns[i].card;
		associate(&apqns[i], apqns[i].card > 0 ? apqns[i].card - 1U : 255);
	}
}

static void make_accelerators(size_t count, size_t apqn_count)
{
	for (size_t i = 0; i < count; i++)
		entries[i] = want_accel(pick(10));
	for (size_t i = 0; i < apqn_count; i++) {
		apqns[i].mode = APQN_MODE_ACCEL;
		apqns[i].generation = (uint8_t)(4 + pick(5));
		apqns[i].bind = pick(2) ? APQN_BOUND : APQN_UNBOUND;
	}
}

static void make_failed(size_t count, size_t apqn_count)
{
	make_one_key(count, apqn_count);
	for (size_t i = 0; i < apqn_count; i++) {
		set_key(apqns[i].mkvp, 0);
		apqns[i].failure = APQN_BIND_REFUSED;
	}
}

/* All queues have the same key; each secret has one associated queue. */
static void make_alike(size_t count, size_t apqn_count)
{
	make_one_key(count, apqn_count);
	for (size_t i = 0; i < apqn_count; i++)
		set_key(apqns[i].mkvp, 0);
	for (uint16_t i = 0; i < SECRETS; i++) {
		struct apqn *apqn = &apqns[i * (apqn_count / SECRETS)];

		apqn->bind = APQN_BOUND;
		apqn->association = APQN_ASSOCIATED;
		apqn->association_index = i;
	}
}

static double plan_once_ms(size_t count, size_t apqn_count, size_t *satisfied)
{
	const struct config config = { entries, count };
	const struct secrets secrets = { .list = known_secrets, .count = SECRETS };
	struct timespec begin, end;
	struct plan plan;
	int error;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	error = plan_make(&config, apqns, apqn_count, &secrets, &plan);
	clock_gettime(CLOCK_MONOTONIC, &end);
	if (error) {
		fprintf(stderr, "bench_plan: %s\n", strerror(-error));
		exit(EXIT_FAILURE);
	}
	*satisfied = plan.satisfied;
	plan_release(&plan);
	return (double)(end.tv_sec - begin.tv_sec) * 1e3 + (double)(end.tv_nsec - begin.tv_nsec) / 1e6;
}

static void bench(const char *name, void (*make)(size_t count, size_t apqn_count), size_t count)
{
	size_t satisfied = 0;

	printf("%-34s %8zu", name, count);
	for (size_t apqn_count = 1024; apqn_count <= APQNS_MAX; apqn_count *= 4) {
		double best = 0;

		random_state = 1;
		for (size_t i = 0; i < apqn_count; i++)
			plain_apqn(&apqns[i], i, apqn_count);
		for (size_t i = 0; i < count; i++)
			plain_entry(&entries[i], apqn_count);
		make(count, apqn_count);
		for (int run = 0; run < RUNS; run++) {
			double ms = plan_once_ms(count, apqn_count, &satisfied);

			best = run == 0 || ms < best ? ms : best;
		}
		printf(" %9.2f", best);
	}
	printf(" %10zu\n", satisfied);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*make)(size_t count, size_t apqn_count);
	} machines[] = {
		{ "mixed, nothing configured", make_mixed },
		{ "mixed, all configured", make_configured },
		{ "no identity known", make_unread },
		{ "EP11, one key on 256 cards", make_one_key },
		{ "EP11, tangle of associations", make_tangle },
		{ "EP11, chains of 256", make_chain },
		{ "accelerators, mixed generations", make_accelerators },
		{ "EP11, one key everywhere", make_alike },
		{ "EP11, all failed", make_failed },
	};

	for (size_t i = 0; i < SECRETS; i++) {
		known_secrets[i].index = (uint16_t)i;
		known_secrets[i].type = SECRETS_ASSOCIATION;
		memset(known_secrets[i].id, (int)i, SECRETS_ID_SIZE);
	}
	printf("planning time in ms, best of %d\n%-34s %8s %9s %9s %9s %9s %10s\n", RUNS, "APQNs:", "entries", "1024",
	       "4096", "16384", "65536", "satisfied*");
	for (size_t i = 0; i < COUNT(machines); i++) {
		for (size_t count = 64; count <= ENTRIES_MAX; count *= 8)
			bench(machines[i].name, machines[i].make, count);
	}
	printf("* of the entries, with 65536 APQNs\n");
	return EXIT_SUCCESS;
}
