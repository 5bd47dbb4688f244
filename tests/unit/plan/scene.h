/* SPDX-License-Identifier: MIT */
#pragma once

/* Small random machines with configurations, and which queue can serve which entry, by the rules in plan.h. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "plan/plan.h"

#ifndef ENTRIES
#define ENTRIES 6
#endif
#ifndef QUEUES
#define QUEUES 7
#endif
#define SECRETS 4

struct scene {
	struct config_entry entries[ENTRIES];
	struct apqn apqns[QUEUES];
	struct secret secrets[SECRETS];
	struct config config;
	struct secrets list;
	size_t count; /* of apqns */
};

static uint64_t random_state;

static unsigned int pick(unsigned int choices)
{
	uint64_t z = (random_state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (unsigned int)((z ^ (z >> 31)) % choices);
}

/* True with a probability of `percent`. */
static bool chance(unsigned int percent)
{
	return pick(100) < percent;
}

static const char *const serialnrs[] = { "", "SERIALNUMBER000A", "SERIALNUMBER000B" };

/* `odd`: percentage of queues in each of the less common states. */
static void make_state(struct apqn *apqn, unsigned int odd)
{
	apqn->online = !chance(odd);
	apqn->bind = chance(60) ? APQN_BOUND : APQN_UNBOUND;
	if (chance(odd))
		apqn->bind = chance(70) ? APQN_BIND_UNKNOWN : APQN_BIND_UNSUPPORTED;
	apqn->association = chance(60) ? APQN_ASSOCIATED : APQN_UNASSOCIATED;
	if (chance(odd))
		apqn->association = (enum apqn_association)pick(APQN_ASSOCIATED + 1);
	apqn->association_index = (uint16_t)(1 + pick(SECRETS));
	apqn->identity = APQN_IDENTITY_VALID;
	if (chance(2 * odd))
		apqn->identity = (enum apqn_identity)pick(APQN_IDENTITY_UNAVAILABLE + 1);
	memset(apqn->mkvp, 'a' + (int)pick(2), sizeof(apqn->mkvp));
	if (chance(odd))
		apqn->failure = (enum apqn_failure)pick(APQN_CARD_HUNG + 1);
}

static void make_apqns(struct scene *scene, unsigned int odd, bool crowded)
{
	unsigned int new_card = crowded ? 100 : 20 + pick(80);
	struct apqn last = { 0 };

	scene->count = crowded ? QUEUES : pick(QUEUES + 1);
	for (size_t i = 0; i < scene->count; i++) {
		struct apqn *apqn = &scene->apqns[i];

		if (i == 0 || chance(new_card)) {
			last.card = (uint8_t)(last.card + 1 + pick(3));
			last.generation = (uint8_t)(6 + pick(3));
			last.mode = chance(crowded ? 0 : 30) ? APQN_MODE_ACCEL : APQN_MODE_EP11;
			if (chance(odd))
				last.mode = chance(50) ? APQN_MODE_CCA : APQN_MODE_UNKNOWN;
			strcpy(last.serialnr, serialnrs[pick(3)]);
		}
		last.domain++;
		*apqn = last;
		make_state(apqn, odd);
		if (crowded)
			memset(apqn->mkvp, 'a', sizeof(apqn->mkvp));
		/* Mostly give the queues of a card different master keys. */
		if (i > 0 && apqn->card == apqn[-1].card && chance(80))
			memset(apqn->mkvp, 'a' + (int)i, sizeof(apqn->mkvp));
	}
}

static void make_scene(struct scene *scene)
{
	unsigned int odd = chance(50) ? 0 : pick(30);
	bool crowded = chance(30); /* all entries need the same EP11 queues */

	memset(scene, 0, sizeof(*scene));
	for (size_t i = 0; i < SECRETS; i++) {
		scene->secrets[i].index = (uint16_t)(1 + i);
		scene->secrets[i].type = SECRETS_ASSOCIATION;
		memset(scene->secrets[i].id, (int)(1 + i), SECRETS_ID_SIZE);
	}
	scene->list = (struct secrets){ .list = scene->secrets, .count = SECRETS - 1 }; /* the UV lacks the last one */
	scene->config = (struct config){ scene->entries, crowded ? ENTRIES : pick(ENTRIES + 1) };
	for (size_t i = 0; i < scene->config.count; i++) {
		struct config_entry *entry = &scene->entries[i];

		entry->mode = chance(crowded ? 0 : 30) ? APQN_MODE_ACCEL : APQN_MODE_EP11;
		entry->min_generation = (uint8_t)(chance(50) ? 0 : 6 + pick(4));
		if (entry->mode == APQN_MODE_ACCEL)
			continue;
		memset(entry->mkvp, chance(crowded ? 100 : 80) ? 'a' : 'b', sizeof(entry->mkvp));
		memcpy(entry->secretid, scene->secrets[chance(95) ? pick(SECRETS - 1) : SECRETS - 1].id,
		       SECRETS_ID_SIZE);
		if (chance(40))
			strcpy(entry->serialnr, serialnrs[1 + pick(2)]);
	}
	make_apqns(scene, odd, crowded);
}

/* --- the rules ------------------------------------------------------------------------------------ */

/* The index of the entry's secret, or -1 if the UV does not have it. */
static int secret_of(const struct scene *scene, size_t entry)
{
	for (size_t i = 0; i < scene->list.count; i++) {
		if (memcmp(scene->secrets[i].id, scene->entries[entry].secretid, SECRETS_ID_SIZE) == 0)
			return scene->secrets[i].index;
	}
	return -1;
}

static bool is_wanted(const struct scene *scene, size_t entry)
{
	return scene->entries[entry].mode == APQN_MODE_EP11 && secret_of(scene, entry) >= 0;
}

static bool is_supported(const struct apqn *apqn)
{
	return (apqn->mode == APQN_MODE_ACCEL || apqn->mode == APQN_MODE_EP11) && apqn->bind != APQN_BIND_UNSUPPORTED &&
	       !(apqn->mode == APQN_MODE_EP11 && apqn->association == APQN_ASSOCIATION_UNSUPPORTED);
}

static bool is_working(const struct apqn *apqn)
{
	return is_supported(apqn) && apqn->online && !apqn->failure;
}

/* Could this EP11 queue serve the entry if its MKVP, and its serial number if unknown, matched? */
static bool may_fit(const struct config_entry *entry, const struct apqn *apqn)
{
	return apqn->mode == APQN_MODE_EP11 && apqn->generation >= entry->min_generation &&
	       (!*entry->serialnr || !*apqn->serialnr || strcmp(entry->serialnr, apqn->serialnr) == 0);
}

static bool same_key(const struct config_entry *entry, const struct apqn *apqn)
{
	return apqn->identity == APQN_IDENTITY_VALID && memcmp(entry->mkvp, apqn->mkvp, APQN_MKVP_SIZE) == 0;
}

static bool same_serialnr(const struct config_entry *entry, const struct apqn *apqn)
{
	return !*entry->serialnr || strcmp(entry->serialnr, apqn->serialnr) == 0;
}

static bool is_right(const struct scene *scene, size_t e, const struct apqn *apqn)
{
	const struct config_entry *entry = &scene->entries[e];

	if (entry->mode != apqn->mode || apqn->generation < entry->min_generation)
		return false;
	if (entry->mode == APQN_MODE_ACCEL)
		return true;
	return is_wanted(scene, e) && same_key(entry, apqn) && same_serialnr(entry, apqn);
}

static bool fits(const struct scene *scene, size_t e, size_t q)
{
	return is_working(&scene->apqns[q]) && is_right(scene, e, &scene->apqns[q]);
}

static bool is_ready(const struct scene *scene, size_t e, size_t q)
{
	const struct apqn *apqn = &scene->apqns[q];

	if (!fits(scene, e, q) || apqn->bind != APQN_BOUND)
		return false;
	return apqn->mode == APQN_MODE_ACCEL ||
	       ((apqn->association == APQN_ASSOCIATED || apqn->association == APQN_ASSOCIATION_PENDING) &&
		apqn->association_index == secret_of(scene, e));
}

/* Part of the queue's identity is unknown. The rest matches an entry with whose secret it is associated. */
static bool is_unverified(const struct scene *scene, size_t q)
{
	const struct apqn *apqn = &scene->apqns[q];

	if (apqn->mode != APQN_MODE_EP11 || !is_supported(apqn) || !apqn->online || apqn->bind != APQN_BOUND ||
	    apqn->association != APQN_ASSOCIATED)
		return false;
	for (size_t e = 0; e < scene->config.count; e++) {
		const struct config_entry *entry = &scene->entries[e];

		if (!is_wanted(scene, e) || secret_of(scene, e) != apqn->association_index || !may_fit(entry, apqn))
			continue;
		if (apqn->identity == APQN_IDENTITY_UNREAD || apqn->identity == APQN_IDENTITY_UNAVAILABLE ||
		    (same_key(entry, apqn) && !same_serialnr(entry, apqn)))
			return true;
	}
	return false;
}

/* May the entry get the queue? It must fit. If the queue may serve another entry as it is, it must not be changed. */
static bool may_get(const struct scene *scene, size_t e, size_t q)
{
	return fits(scene, e, q) && (!is_unverified(scene, q) || is_ready(scene, e, q));
}
