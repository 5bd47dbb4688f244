/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include <stdio.h>
#include <string.h>

#include "report/near_miss.h"
#include "util/log.h"
#include "util/text.h"

static size_t count_unknown(const struct report *report)
{
	size_t count = 0;

	for (size_t i = 0; i < report->config->count; i++)
		count += report->plan->entries[i].reason == PLAN_UNKNOWN;
	return count;
}

bool report_is_success(const struct report *report)
{
	size_t possible = report->plan->satisfied + (report->dry_run ? count_unknown(report) : 0);

	return report->strict ? possible == report->config->count : possible > 0;
}

static void format_no_secret(const struct config_entry *entry, bool truncated, char reason[REPORT_REASON_SIZE])
{
	char id[2 * CONFIG_SECRETID_SIZE + 1];

	text_format_hex(entry->secretid, sizeof(entry->secretid), id);
	snprintf(reason, REPORT_REASON_SIZE, "the Ultravisor has no association secret with the id 0x%s%s", id,
		 truncated ? " among those that can be seen; a kernel newer than 6.12 shows all" :
			     "; it must be added first (pvsecret add)");
}

/* `apqn`: one that might have it, had it not failed, or NULL. */
static void format_no_mkvp(const struct config_entry *entry, const struct apqn *apqn, const char *name,
			   char reason[REPORT_REASON_SIZE])
{
	char mkvp[2 * APQN_MKVP_SIZE + 1];
	int length;

	text_format_hex(entry->mkvp, sizeof(entry->mkvp), mkvp);
	/* The others of a card with another serial number were not even looked at. */
	length = snprintf(reason, REPORT_REASON_SIZE, "no usable APQN %s%s%shas the master key 0x%s",
			  entry->serialnr[0] ? "of a card with the serial number '" : "", entry->serialnr,
			  entry->serialnr[0] ? "' " : "", mkvp);
	if (apqn)
		snprintf(reason + length, (size_t)(REPORT_REASON_SIZE - length), "; that of APQN %s is not known: %s",
			 name, apqn_failure_text(apqn->failure));
}

static void format_serialnr(const struct config_entry *entry, const struct apqn *apqn, const char *name,
			    char reason[REPORT_REASON_SIZE])
{
	static const char start[] = "has the master key, but the serial number of its card is";

	if (apqn && apqn->serialnr[0] != '\0')
		snprintf(reason, REPORT_REASON_SIZE, "APQN %s %s '%s', not '%s'", name, start, apqn->serialnr,
			 entry->serialnr);
	else
		snprintf(reason, REPORT_REASON_SIZE, "APQN %s %s not known, and '%s' is asked for", name, start,
			 entry->serialnr);
}

static void format_failed(const struct apqn *apqn, const char *name, char reason[REPORT_REASON_SIZE])
{
	if (apqn)
		snprintf(reason, REPORT_REASON_SIZE, "APQN %s fits, but %s", name, apqn_failure_text(apqn->failure));
	else
		snprintf(reason, REPORT_REASON_SIZE, "the APQNs that fit have failed");
}

const char *report_secret_name(const struct report *report, const struct apqn *apqn)
{
	for (size_t s = 0; apqn->association == APQN_ASSOCIATED && s < report->secrets->count; s++) {
		const struct secret *secret = &report->secrets->list[s];

		for (size_t e = 0; secret->index == apqn->association_index && e < report->config->count; e++) {
			const struct config_entry *entry = &report->config->entries[e];

			if (entry->mode == APQN_MODE_EP11 && entry->name &&
			    memcmp(entry->secretid, secret->id, sizeof(secret->id)) == 0)
				return entry->name;
		}
	}
	return NULL;
}

bool report_needs_request(const struct report *report, size_t index)
{
	return report->config->entries[index].mode == APQN_MODE_EP11 &&
	       report->plan->entries[index].reason != PLAN_NO_SECRET &&
	       report->plan->entries[index].secret_index == SECRETS_NO_INDEX;
}

void report_format_reason(const struct report *report, size_t index, char reason[REPORT_REASON_SIZE])
{
	const struct config_entry *entry = &report->config->entries[index];
	const struct plan_entry *planned = &report->plan->entries[index];
	const struct apqn *apqn = planned->detail == PLAN_NONE ? NULL : &report->apqns[planned->detail];
	const char *mode = apqn_mode_text(entry->mode);
	char name[APQN_NAME_SIZE] = "?";

	if (apqn)
		apqn_format_name(apqn, name);
	switch (planned->reason) {
	case PLAN_SATISFIED:
		snprintf(reason, REPORT_REASON_SIZE, "satisfied");
		break;
	case PLAN_NO_SECRET:
		format_no_secret(entry, report->secrets->truncated, reason);
		break;
	case PLAN_NO_APQN:
		snprintf(reason, REPORT_REASON_SIZE, "no APQN with mode %s is online", mode);
		break;
	case PLAN_GENERATION:
		/* There may be newer ones with other master keys. */
		snprintf(reason, REPORT_REASON_SIZE,
			 "the newest APQN with mode %s that comes into question is %s, a CEX%d; CEX%d or newer is "
			 "asked for",
			 mode, name, apqn ? apqn->generation : 0, entry->min_generation);
		break;
	case PLAN_NO_MKVP:
		format_no_mkvp(entry, apqn, name, reason);
		break;
	case PLAN_SERIALNR:
		format_serialnr(entry, apqn, name, reason);
		break;
	case PLAN_FAILED:
		format_failed(apqn, name, reason);
		break;
	case PLAN_TAKEN:
		snprintf(reason, REPORT_REASON_SIZE, "all APQNs that fit serve other entries");
		break;
	case PLAN_UNKNOWN:
	case PLAN_UNDECIDED:
		snprintf(reason, REPORT_REASON_SIZE, "%s",
			 report->dry_run ? "cannot be known without binding queues to read their master keys "
					   "(--probe does it)" :
					   "APQNs that may fit could not be identified in time");
		break;
	case PLAN_NO_TIME:
		snprintf(reason, REPORT_REASON_SIZE, "APQN %s fits, but was not ready when the time was over", name);
		break;
	}
}

static void print_misses(const struct report *report, size_t index, const char *label, enum log_level level)
{
	struct miss misses[MISS_MAX];
	size_t count = miss_find(report, index, misses);
	char text[MISS_TEXT_SIZE];

	for (size_t i = 0; i < count; i++) {
		miss_format(report, index, &misses[i], text);
		log_line(level, "entry %s: %s", label, text);
	}
}

static void print_entry(const struct report *report, size_t index, enum log_level level)
{
	const struct plan_entry *planned = &report->plan->entries[index];
	char label[CONFIG_LABEL_SIZE], name[APQN_NAME_SIZE], reason[REPORT_REASON_SIZE];

	config_format_label(report->config, index, label);
	if (planned->apqn == PLAN_NONE) {
		report_format_reason(report, index, reason);
		log_line(level, "entry %s: %s", label, reason);
		print_misses(report, index, label, level);
		return;
	}
	apqn_format_name(&report->apqns[planned->apqn], name);
	log_info("entry %s: %s by APQN %s%s", label, report->dry_run ? "would be served" : "is served", name,
		 report_needs_request(report, index) ? ", when its secret is added" : "");
}

/* Should have been unbound and is not. */
static bool is_left_bound(const struct report *report, size_t i)
{
	const struct apqn *apqn = &report->apqns[i];

	return report->plan->apqns[i].goal == PLAN_UNBIND || apqn->failure == APQN_STAYS_BOUND ||
	       (apqn->failure == APQN_CARD_STUCK && apqn->bind == APQN_BOUND);
}

/* Returns how many there are. */
static size_t print_still_bound(const struct report *report, enum log_level level)
{
	size_t count = 0;
	char name[APQN_NAME_SIZE];

	for (size_t i = 0; i < report->apqn_count; i++) {
		if (report->dry_run || !is_left_bound(report, i))
			continue;
		count++;
		apqn_format_name(&report->apqns[i], name);
		log_line(level, "APQN %s: still bound, though it serves no entry", name);
	}
	return count;
}

void report_print(const struct report *report)
{
	bool success = report_is_success(report);
	enum log_level level = success ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR;

	for (size_t i = 0; i < report->config->count; i++)
		print_entry(report, i, level);
	print_still_bound(report, LOG_LEVEL_WARNING);
	if (success)
		log_info("%zu of %zu entries %s satisfied", report->plan->satisfied, report->config->count,
			 report->dry_run ? "would be" : "are");
	else
		log_error("%zu of %zu entries satisfied, %s", report->plan->satisfied, report->config->count,
			  report->strict ? "all are asked for (--strict)" : "at least one is needed");
}

/* APQNs whose bind state could never be read. Returns how many there are. */
static size_t print_unknown(const struct report *report)
{
	size_t count = 0;
	char name[APQN_NAME_SIZE];

	for (size_t i = 0; i < report->apqn_count; i++) {
		const struct apqn *apqn = &report->apqns[i];

		if (report->dry_run || apqn->mode == APQN_MODE_CCA || apqn->bind != APQN_BIND_UNKNOWN ||
		    apqn->failure == APQN_VANISHED)
			continue;
		count++;
		apqn_format_name(apqn, name);
		log_error("APQN %s: may still be bound: %s", name,
			  apqn_failure_text(apqn->failure ? apqn->failure : APQN_UNREADABLE));
	}
	return count;
}

bool report_unbind(const struct report *report)
{
	size_t bound = print_still_bound(report, LOG_LEVEL_ERROR), unknown = print_unknown(report);

	return bound + unknown == 0;
}
