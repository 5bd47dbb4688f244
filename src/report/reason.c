/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include <stdio.h>
#include <string.h>

#include "util/text.h"

/* --- the reason ----------------------------------------------------------------------------------- */

static void format_no_secret(const struct config_entry *entry, const struct secrets *secrets, char reason[REASON_SIZE])
{
	const struct secret *other = secrets_find_any(secrets, entry->secretid);
	char id[2 * CONFIG_SECRETID_SIZE + 1];

	text_format_hex(entry->secretid, sizeof(entry->secretid), id);
	/* A second secret with this id would make both useless. */
	if (other)
		snprintf(reason, REASON_SIZE,
			 "the secret with the id 0x%s is of type %u and cannot be used for an association", id,
			 other->type);
	else
		snprintf(reason, REASON_SIZE, "the Ultravisor has no association secret with the id 0x%s%s", id,
			 secrets->truncated ? ", or this kernel does not list it; kernels newer than 6.12 list all" :
					      "; add it first (pvsecret add)");
}

/* `name`: an APQN that may have the key, but failed before it could be read; or NULL. */
static void format_no_mkvp(const struct config_entry *entry, const char *name, const char *failure,
			   char reason[REASON_SIZE])
{
	char mkvp[2 * APQN_MKVP_SIZE + 1];
	int length;

	text_format_hex(entry->mkvp, sizeof(entry->mkvp), mkvp);
	/* The planner ignores the master keys of other cards. */
	length = snprintf(reason, REASON_SIZE, "no usable APQN %s%s%shas the master key 0x%s",
			  entry->serialnr[0] ? "of a card with the serial number '" : "", entry->serialnr,
			  entry->serialnr[0] ? "' " : "", mkvp);
	if (name)
		snprintf(reason + length, (size_t)(REASON_SIZE - length), "; the key of APQN %s is unknown: %s", name,
			 failure);
}

static void format_reason(const struct report *report, size_t index, char reason[REASON_SIZE])
{
	static const struct apqn none;
	const struct config_entry *entry = &report->config->entries[index];
	const struct plan_entry *planned = &report->plan->entries[index];
	bool has_detail = planned->detail != PLAN_NONE;
	const struct apqn *apqn = has_detail ? &report->apqns[planned->detail] : &none;
	const char *mode = apqn_mode_text(entry->mode);
	char name[APQN_NAME_SIZE], failure[APQN_FAILURE_SIZE];

	apqn_format_name(apqn, name);
	apqn_format_failure(apqn, failure);
	switch (planned->reason) {
	case PLAN_SATISFIED:
		break;
	case PLAN_NO_SECRET:
		format_no_secret(entry, report->secrets, reason);
		break;
	case PLAN_NO_APQN:
		if (has_detail)
			snprintf(reason, REASON_SIZE, "no APQN with mode %s is known to be online; APQN %s: %s", mode,
				 name, failure);
		else
			snprintf(reason, REASON_SIZE, "no APQN with mode %s is online", mode);
		break;
	case PLAN_GENERATION:
		snprintf(reason, REASON_SIZE, "best candidate %s is a CEX%d; the entry needs CEX%d or newer", name,
			 apqn->generation, entry->min_generation);
		break;
	case PLAN_NO_MKVP:
		format_no_mkvp(entry, has_detail ? name : NULL, failure, reason);
		break;
	case PLAN_SERIALNR:
		snprintf(reason, REASON_SIZE,
			 "APQN %s has the master key, but the serial number of its card is %s; the entry needs %s",
			 name, apqn->serialnr[0] ? apqn->serialnr : "unknown", entry->serialnr);
		break;
	case PLAN_FAILED:
		snprintf(reason, REASON_SIZE, "APQN %s fits, but %s", name, failure);
		break;
	case PLAN_TAKEN:
		snprintf(reason, REASON_SIZE, "all APQNs that fit serve other entries");
		break;
	case PLAN_UNKNOWN:
	case PLAN_UNDECIDED:
		if (report->options->dry_run && !report->options->probe)
			snprintf(reason, REASON_SIZE, "depends on the master keys of unbound queues; see --probe");
		else
			snprintf(reason, REASON_SIZE, "APQN %s may fit, but could not be identified in time", name);
		break;
	case PLAN_NO_TIME:
		snprintf(reason, REASON_SIZE, "APQN %s fits, but was not ready before the timeout", name);
		break;
	}
}

/* --- near misses ---------------------------------------------------------------------------------- */

#define NEAR_MISS_MAX (REASONS_MAX - 1)

/* Sets of these are compared as numbers: the higher, the farther from the entry. */
#define FAULT_TAKEN (1U << 0) /* serves another entry */
#define FAULT_FAILED (1U << 1)
#define FAULT_OFFLINE (1U << 2)
#define FAULT_GENERATION (1U << 3)
#define FAULT_SERIALNR_UNKNOWN (1U << 4)
#define FAULT_SERIALNR (1U << 5)
#define FAULT_MKVP_UNKNOWN (1U << 6)
#define FAULT_MKVP (1U << 7)
#define FAULTS 8

struct near_miss {
	size_t apqn;
	unsigned int faults;
};

static unsigned int ep11_faults(const struct apqn *apqn, const struct config_entry *entry)
{
	unsigned int faults = 0;

	if (entry->serialnr[0] != '\0' && apqn->serialnr[0] == '\0')
		faults |= FAULT_SERIALNR_UNKNOWN;
	else if (entry->serialnr[0] != '\0' && strcmp(apqn->serialnr, entry->serialnr) != 0)
		faults |= FAULT_SERIALNR;
	if (apqn->identity == APQN_IDENTITY_UNREAD || apqn->identity == APQN_IDENTITY_UNAVAILABLE)
		faults |= FAULT_MKVP_UNKNOWN;
	else if (apqn->identity == APQN_IDENTITY_NONE || memcmp(apqn->mkvp, entry->mkvp, sizeof(entry->mkvp)) != 0)
		faults |= FAULT_MKVP;
	return faults;
}

static unsigned int find_faults(const struct report *report, const struct config_entry *entry, size_t index)
{
	const struct apqn *apqn = &report->apqns[index];
	unsigned int faults = entry->mode == APQN_MODE_EP11 ? ep11_faults(apqn, entry) : 0;

	if (report->plan->apqns[index].entry != PLAN_NONE)
		faults |= FAULT_TAKEN;
	if (apqn->failure != APQN_WORKING || apqn->bind == APQN_BIND_UNSUPPORTED)
		faults |= FAULT_FAILED;
	if (!apqn->online && !apqn->online_unknown)
		faults |= FAULT_OFFLINE;
	if (apqn->generation < entry->min_generation)
		faults |= FAULT_GENERATION;
	return faults;
}

/*
 * With another master key, everything else must fit. If the key is unknown, the APQN must have failed or be offline:
 * the others were not identified because no entry needed that.
 */
static bool is_near(unsigned int faults)
{
	if (faults & FAULT_MKVP)
		return faults == FAULT_MKVP;
	if (faults & FAULT_MKVP_UNKNOWN)
		return (faults & (FAULT_FAILED | FAULT_OFFLINE)) && !(faults & (FAULT_GENERATION | FAULT_SERIALNR));
	return faults != 0;
}

static bool is_open(const struct plan_entry *planned)
{
	return planned->reason == PLAN_UNKNOWN || planned->reason == PLAN_UNDECIDED;
}

/* A dry run knows nothing of open entries; a real one has tried, and a failure may be what kept it from an answer. */
static bool is_decided_by_apqns(const struct report *report, const struct plan_entry *planned)
{
	return planned->reason != PLAN_NO_SECRET && !(is_open(planned) && report->options->dry_run);
}

static void format_mkvp(const struct apqn *apqn, char *text, size_t size)
{
	char mkvp[2 * APQN_MKVP_SIZE + 1];

	text_format_hex(apqn->mkvp, sizeof(apqn->mkvp), mkvp);
	if (apqn->identity == APQN_IDENTITY_NONE)
		snprintf(text, size, "it has no valid master key");
	else
		snprintf(text, size, "its master key is 0x%s", mkvp);
}

static void format_fault(const struct report *report, const struct near_miss *miss, unsigned int fault, char *text,
			 size_t size)
{
	const struct apqn *apqn = &report->apqns[miss->apqn];
	char label[CONFIG_LABEL_SIZE], failure[APQN_FAILURE_SIZE];

	switch (fault) {
	case FAULT_TAKEN:
		config_format_label(report->config, report->plan->apqns[miss->apqn].entry, label);
		snprintf(text, size, "it serves entry %s", label);
		break;
	case FAULT_FAILED:
		apqn_format_failure(apqn, failure);
		snprintf(text, size, "%s", apqn->failure == APQN_WORKING ? "it cannot be bound" : failure);
		break;
	case FAULT_OFFLINE:
		snprintf(text, size, "it is offline");
		break;
	case FAULT_GENERATION:
		snprintf(text, size, "it is only a CEX%u", apqn->generation);
		break;
	case FAULT_SERIALNR_UNKNOWN:
		snprintf(text, size, "the serial number of its card is unknown");
		break;
	case FAULT_SERIALNR:
		snprintf(text, size, "the serial number of its card is '%s'", apqn->serialnr);
		break;
	case FAULT_MKVP_UNKNOWN:
		snprintf(text, size, "its master key is unknown");
		break;
	default: /* FAULT_MKVP */
		format_mkvp(apqn, text, size);
		break;
	}
}

static void format_miss(const struct report *report, size_t entry, const struct near_miss *miss, char text[REASON_SIZE])
{
	bool right_key = report->config->entries[entry].mode == APQN_MODE_EP11 && miss->faults < FAULT_MKVP_UNKNOWN;
	const char *fits = miss->faults & FAULT_MKVP_UNKNOWN ? "may fit" : "would fit";
	char name[APQN_NAME_SIZE], fault[APQN_FAILURE_SIZE];
	const char *before = ", but ";
	size_t length;

	apqn_format_name(&report->apqns[miss->apqn], name);
	length = (size_t)snprintf(text, REASON_SIZE, "APQN %s %s", name, right_key ? "has the master key" : fits);
	for (int bit = FAULTS - 1; bit >= 0; bit--) {
		if (!(miss->faults & 1U << bit))
			continue;
		format_fault(report, miss, 1U << bit, fault, sizeof(fault));
		snprintf(text + length, REASON_SIZE - length, "%s%s", before, fault);
		length += strlen(text + length);
		before = ", and ";
	}
}

static size_t find_near_misses(const struct report *report, size_t entry, char texts[NEAR_MISS_MAX][REASON_SIZE])
{
	const struct plan_entry *planned = &report->plan->entries[entry];
	const struct config_entry *wanted = &report->config->entries[entry];
	struct near_miss misses[NEAR_MISS_MAX + 1]; /* sorted; what comes behind the last one is dropped */
	size_t count = 0;

	if (!is_decided_by_apqns(report, planned) || (entry + 1) * report->apqn_count > NEAR_MISS_PAIRS_MAX)
		return 0;
	for (size_t i = 0; i < report->apqn_count; i++) {
		unsigned int faults = find_faults(report, wanted, i);
		size_t place = count;

		if (i == planned->detail || report->apqns[i].mode != wanted->mode || !is_near(faults) ||
		    (is_open(planned) && !(faults & FAULT_FAILED)))
			continue;
		for (; place > 0 && misses[place - 1].faults > faults; place--)
			misses[place] = misses[place - 1];
		misses[place] = (struct near_miss){ .apqn = i, .faults = faults };
		count += count < NEAR_MISS_MAX;
	}
	for (size_t i = 0; i < count; i++)
		format_miss(report, entry, &misses[i], texts[i]);
	return count;
}

size_t reason_find(const struct report *report, size_t entry, char texts[REASONS_MAX][REASON_SIZE])
{
	if (!report->plan || report->plan->entries[entry].apqn != PLAN_NONE)
		return 0;
	format_reason(report, entry, texts[0]);
	return 1 + find_near_misses(report, entry, texts + 1);
}
