/* SPDX-License-Identifier: MIT */
#pragma once

/* Short forms of entries and APQNs for the planning tests. Include after cmocka.h. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "plan/plan.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NONE PLAN_NONE
#define SERIALNR_A "SERIALNUMBER000A"
#define SERIALNR_B "SERIALNUMBER000B"

/* Secrets of the tests: the id is one repeated byte, the index is that byte plus 100. The UV has 1 to 4. */
static struct secret known_secrets[4];
static const struct secrets secrets = { .list = known_secrets, .count = COUNT(known_secrets) };

static inline int make_secrets(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(known_secrets); i++) {
		known_secrets[i].index = (uint16_t)(101 + i);
		known_secrets[i].type = SECRETS_ASSOCIATION;
		memset(known_secrets[i].id, (int)(1 + i), SECRETS_ID_SIZE);
	}
	return 0;
}

static inline struct config_entry want_accel(uint8_t min_generation)
{
	return (struct config_entry){ .mode = APQN_MODE_ACCEL, .min_generation = min_generation };
}

static inline struct config_entry want_ep11(char mkvp, uint8_t secret)
{
	struct config_entry entry = { .mode = APQN_MODE_EP11 };

	memset(entry.mkvp, mkvp, sizeof(entry.mkvp));
	memset(entry.secretid, secret, sizeof(entry.secretid));
	return entry;
}

static inline struct config_entry want_card(char mkvp, uint8_t secret, const char *serialnr)
{
	struct config_entry entry = want_ep11(mkvp, secret);

	strcpy(entry.serialnr, serialnr);
	return entry;
}

static inline struct config_entry want_generation(char mkvp, uint8_t secret, uint8_t min_generation)
{
	struct config_entry entry = want_ep11(mkvp, secret);

	entry.min_generation = min_generation;
	return entry;
}

static inline struct apqn accel(uint8_t card, uint8_t domain, uint8_t generation, enum apqn_bind bind)
{
	return (struct apqn){
		.card = card,
		.domain = domain,
		.generation = generation,
		.online = true,
		.mode = APQN_MODE_ACCEL,
		.bind = bind,
		.association = APQN_ASSOCIATION_UNSUPPORTED,
	};
}

/* mkvp 0: unread. secret 0: not associated. */
static inline struct apqn ep11(uint8_t card, uint8_t domain, enum apqn_bind bind, char mkvp, uint8_t secret)
{
	struct apqn apqn = {
		.card = card,
		.domain = domain,
		.generation = 8,
		.online = true,
		.mode = APQN_MODE_EP11,
		.bind = bind,
		.association = secret ? APQN_ASSOCIATED : APQN_UNASSOCIATED,
		.association_index = (uint16_t)(secret ? 100 + secret : 0),
		.identity = mkvp ? APQN_IDENTITY_VALID : APQN_IDENTITY_UNREAD,
	};

	memset(apqn.mkvp, mkvp, sizeof(apqn.mkvp));
	return apqn;
}

static inline struct apqn of_generation(struct apqn apqn, uint8_t generation)
{
	apqn.generation = generation;
	return apqn;
}

static inline struct apqn on_card(struct apqn apqn, const char *serialnr)
{
	strcpy(apqn.serialnr, serialnr);
	return apqn;
}

static inline struct apqn unavailable(struct apqn apqn)
{
	apqn.identity = APQN_IDENTITY_UNAVAILABLE;
	return apqn;
}

static inline struct apqn failed(struct apqn apqn, enum apqn_failure failure)
{
	apqn.failure = failure;
	return apqn;
}

static inline struct apqn offline(struct apqn apqn)
{
	apqn.online = false;
	return apqn;
}

static inline struct plan plan_for(struct config_entry *entries, size_t count, const struct apqn *apqns,
				   size_t apqn_count)
{
	const struct config config = { entries, count };
	struct plan plan;

	assert_int_equal(plan_make(&config, apqns, apqn_count, &secrets, &plan), 0);
	return plan;
}

#define PLAN(entries, apqns) plan_for(entries, COUNT(entries), apqns, COUNT(apqns))

static inline void expect_apqns(struct plan *plan, const size_t *apqns, size_t count)
{
	size_t satisfied = 0;

	for (size_t i = 0; i < count; i++) {
		assert_int_equal(plan->entries[i].apqn, apqns[i]);
		satisfied += apqns[i] != NONE;
		if (apqns[i] != NONE) {
			assert_int_equal(plan->apqns[apqns[i]].entry, i);
			assert_int_equal(plan->entries[i].reason, PLAN_SATISFIED);
		}
	}
	assert_int_equal(plan->satisfied, satisfied);
}

static inline void expect_goals(struct plan *plan, const enum plan_goal *goals, size_t count)
{
	size_t identify = 0;

	for (size_t i = 0; i < count; i++) {
		assert_int_equal(plan->apqns[i].goal, goals[i]);
		identify += goals[i] == PLAN_IDENTIFY;
	}
	assert_int_equal(plan->identify, identify);
}

#define EXPECT_APQNS(plan, ...) \
	expect_apqns(plan, (const size_t[]){ __VA_ARGS__ }, COUNT(((const size_t[]){ __VA_ARGS__ })))
#define EXPECT_GOALS(plan, ...) \
	expect_goals(plan, (const enum plan_goal[]){ __VA_ARGS__ }, COUNT(((const enum plan_goal[]){ __VA_ARGS__ })))

static inline void expect_reason(const struct plan *plan, size_t entry, enum plan_reason reason, size_t detail)
{
	assert_int_equal(plan->entries[entry].apqn, NONE);
	assert_int_equal(plan->entries[entry].reason, reason);
	assert_int_equal(plan->entries[entry].detail, detail);
}
