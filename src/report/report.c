/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/json.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/log.h"
#include "util/text.h"

bool report_is_success(const struct report *report)
{
	size_t possible = report->plan->satisfied, count = report->config->count;

	for (size_t i = 0; i < count && report->options->dry_run; i++)
		possible += report->plan->entries[i].reason == PLAN_UNKNOWN;
	return report->options->strict ? possible == count : possible > 0;
}

bool report_needs_request(const struct report *report, size_t index)
{
	return report->config->entries[index].mode == APQN_MODE_EP11 &&
	       report->plan->entries[index].reason != PLAN_NO_SECRET &&
	       report->plan->entries[index].secret_index == SECRETS_NO_INDEX;
}

const char **report_secret_names(const struct report *report)
{
	const struct secret *end = report->secrets->list + report->secrets->count;
	const char **names = calloc(REPORT_SECRETS, sizeof(*names));

	for (size_t i = 0; i < report->config->count && names; i++) {
		const struct config_entry *entry = &report->config->entries[i];
		const struct secret *secret = NULL;

		if (entry->mode == APQN_MODE_EP11 && entry->name)
			secret = secrets_find(report->secrets, entry->secretid);
		/* Secrets with the same id are neighbours. If the first has a name, an earlier entry named all. */
		while (secret && secret < end && memcmp(secret->id, entry->secretid, sizeof(secret->id)) == 0 &&
		       secret->index < REPORT_SECRETS && !names[secret->index])
			names[secret++->index] = entry->name;
	}
	return names;
}

static void print_entry(const struct report *report, size_t index, enum log_level level)
{
	char label[CONFIG_LABEL_SIZE], name[APQN_NAME_SIZE], reasons[REASONS_MAX][REASON_SIZE];
	size_t count = reason_find(report, index, reasons);

	config_format_label(report->config, index, label);
	for (size_t i = 0; i < count; i++)
		log_line(level, "entry %s: %s", label, reasons[i]);
	if (count > 0)
		return;
	apqn_format_name(&report->apqns[report->plan->entries[index].apqn], name);
	log_info("entry %s: %s by APQN %s%s", label, report->options->dry_run ? "would be served" : "is served", name,
		 report_needs_request(report, index) ? " once its secret is added" : "");
}

/* It serves no entry, but could not be unbound. */
static bool is_left_bound(const struct report *report, size_t i)
{
	const struct apqn *apqn = &report->apqns[i];

	return report->plan->apqns[i].goal == PLAN_UNBIND || apqn->failure == APQN_STAYS_BOUND ||
	       (apqn->failure == APQN_CARD_HUNG && apqn->bind == APQN_BOUND);
}

/* Its bind state could not be read. */
static bool may_be_bound(const struct apqn *apqn)
{
	return apqn->mode != APQN_MODE_CCA && apqn->bind == APQN_BIND_UNKNOWN && apqn->failure != APQN_VANISHED;
}

/* Reports what is still bound, with `unknown` also what may be. Returns their number. */
static size_t print_still_bound(const struct report *report, enum log_level level, bool unknown)
{
	size_t count = 0;
	char name[APQN_NAME_SIZE];

	for (size_t i = 0; i < report->apqn_count && !report->options->dry_run; i++) {
		const struct apqn *apqn = &report->apqns[i];
		bool bound = is_left_bound(report, i);

		if (!bound && !(unknown && may_be_bound(apqn)))
			continue;
		count++;
		apqn_format_name(apqn, name);
		if (bound)
			log_line(level, "APQN %s: still bound, though it serves no entry", name);
		else
			log_line(level, "APQN %s: may still be bound: %s", name,
				 apqn_failure_text(apqn->failure ? apqn->failure : APQN_UNREADABLE));
	}
	return count;
}

void report_print(const struct report *report)
{
	bool success = report_is_success(report);
	enum log_level level = success ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR;
	size_t satisfied = report->plan->satisfied, count = report->config->count;
	const char *entries = text_plural(count, "entry", "entries");

	for (size_t i = 0; i < count; i++)
		print_entry(report, i, level);
	print_still_bound(report, LOG_LEVEL_WARNING, false);
	if (success)
		log_info("%zu of %zu %s %s satisfied", satisfied, count, entries,
			 report->options->dry_run ? "would be" : text_plural(satisfied, "is", "are"));
	else
		log_error("%zu of %zu %s satisfied, %s", satisfied, count, entries,
			  report->options->strict ? "--strict requires all" : "at least one is required");
}

bool report_unbind(const struct report *report)
{
	return print_still_bound(report, LOG_LEVEL_ERROR, true) == 0;
}

/* --- JSON ----------------------------------------------------------------------------------------- */

#define REPORT_VERSION 1

/* `bytes` NULL: unknown or none. */
static void add_hex(struct json *json, const char *name, const uint8_t *bytes, size_t length)
{
	char text[2 + 2 * CONFIG_SECRETID_SIZE + 1] = "0x";

	if (bytes)
		text_format_hex(bytes, length, text + 2);
	json_string(json, name, bytes ? text : NULL);
}

static void add_number(struct json *json, const char *name, bool known, size_t number)
{
	if (known)
		json_number(json, name, number);
	else
		json_string(json, name, NULL);
}

static void add_generation(struct json *json, const char *name, unsigned int generation)
{
	char text[16];

	snprintf(text, sizeof(text), "CEX%u", generation);
	json_string(json, name, generation > 0 ? text : NULL);
}

static void add_wanted(struct json *json, const struct config_entry *entry, size_t index)
{
	bool ep11 = entry->mode == APQN_MODE_EP11;

	json_number(json, "number", index + 1);
	json_string(json, "name", entry->name);
	json_string(json, "mode", apqn_mode_text(entry->mode));
	add_generation(json, "mingen", entry->min_generation);
	add_hex(json, "mkvp", ep11 ? entry->mkvp : NULL, sizeof(entry->mkvp));
	json_string(json, "serialnr", entry->serialnr[0] ? entry->serialnr : NULL);
	add_hex(json, "secretid", ep11 ? entry->secretid : NULL, sizeof(entry->secretid));
}

static void add_entry(struct json *json, const struct report *report, size_t index)
{
	const struct plan_entry *planned = report->plan ? &report->plan->entries[index] : NULL;
	bool satisfied = planned && planned->apqn != PLAN_NONE;
	char name[APQN_NAME_SIZE], reasons[REASONS_MAX][REASON_SIZE];
	size_t count = reason_find(report, index, reasons);

	json_open(json, NULL, '{');
	add_wanted(json, &report->config->entries[index], index);
	json_boolean(json, "needs_request", planned && report_needs_request(report, index));
	json_boolean(json, "satisfied", satisfied);
	if (satisfied)
		apqn_format_name(&report->apqns[planned->apqn], name);
	json_string(json, "apqn", satisfied ? name : NULL);
	json_string(json, "reason", count > 0 ? reasons[0] : NULL);
	json_open(json, "misses", '[');
	for (size_t i = 1; i < count; i++)
		json_string(json, NULL, reasons[i]);
	json_close(json, ']');
	json_close(json, '}');
}

/* NULL: unknown, or does not apply. */
static const char *const bind_texts[] = { [APQN_UNBOUND] = "unbound", [APQN_BOUND] = "bound" };
static const char *const association_texts[] = {
	[APQN_UNASSOCIATED] = "unassociated", [APQN_ASSOCIATION_PENDING] = "pending", [APQN_ASSOCIATED] = "associated"
};

static void add_apqn(struct json *json, const struct report *report, size_t index, const char *const *names)
{
	const struct apqn *apqn = &report->apqns[index];
	size_t entry = report->plan ? report->plan->apqns[index].entry : PLAN_NONE;
	bool associated = apqn->association == APQN_ASSOCIATED;
	char name[APQN_NAME_SIZE], failure[APQN_FAILURE_SIZE];

	apqn_format_name(apqn, name);
	json_open(json, NULL, '{');
	json_string(json, "apqn", name);
	json_string(json, "mode", apqn->mode != APQN_MODE_UNKNOWN ? apqn_mode_text(apqn->mode) : NULL);
	add_generation(json, "generation", apqn->generation);
	if (apqn->online_unknown)
		json_string(json, "online", NULL);
	else
		json_boolean(json, "online", apqn->online);
	json_string(json, "serialnr", apqn->serialnr[0] ? apqn->serialnr : NULL);
	add_hex(json, "mkvp", apqn->identity == APQN_IDENTITY_VALID ? apqn->mkvp : NULL, sizeof(apqn->mkvp));
	json_string(json, "bind", bind_texts[apqn->bind]);
	json_string(json, "association", association_texts[apqn->association]);
	add_number(json, "secret_index", associated, apqn->association_index);
	json_string(json, "secret_name", associated ? names[apqn->association_index] : NULL);
	add_number(json, "entry", entry != PLAN_NONE, entry + 1);
	apqn_format_failure(apqn, failure);
	json_string(json, "failure", apqn->failure ? failure : NULL);
	json_close(json, '}');
}

static const char *command_text(const struct options *options)
{
	if (options->status)
		return "status";
	if (options->list)
		return "list";
	return options->unbind ? "unbind" : "configure";
}

static void add_run(struct json *json, const struct options *options, int64_t duration_ms, bool success)
{
	json_number(json, "version", REPORT_VERSION);
	json_string(json, "program", "pvapconfig " PVAPCONFIG_VERSION);
	json_string(json, "command", command_text(options));
	json_boolean(json, "success", success);
	json_number(json, "exit_status", success ? 0 : 1);
	json_string(json, "error", success ? NULL : log_last_error());
	json_number(json, "duration_ms", (uint64_t)duration_ms);
	json_string(json, "config", options->config_path);
	json_boolean(json, "strict", options->strict);
	json_boolean(json, "dry_run", options->dry_run);
}

static int make(struct json *json, const struct report *report, int64_t duration_ms, bool success)
{
	cleanup_free_ const char **names = report_secret_names(report);

	if (!names)
		return -ENOMEM;
	json_open(json, NULL, '{');
	add_run(json, report->options, duration_ms, success);
	json_open(json, "entries", '[');
	/* A list decides about no entries. */
	for (size_t i = 0; i < report->config->count && !report->options->list; i++)
		add_entry(json, report, i);
	json_close(json, ']');
	json_open(json, "apqns", '[');
	for (size_t i = 0; i < report->apqn_count; i++)
		add_apqn(json, report, i, names);
	json_close(json, ']');
	json_close(json, '}');
	return json_finish(json);
}

static void warn(int error, const char *path)
{
	if (error < 0)
		log_warning("cannot write report %s: %s", path ? path : "to standard output", strerror(-error));
}

void report_json_write(const struct report *report, int64_t duration_ms, bool success)
{
	const struct options *options = report->options;
	struct json json = { 0 };
	int r = make(&json, report, duration_ms, success);

	if (r == 0 && options->json)
		log_raw(json.buffer.text, json.buffer.length);
	if (r == 0 && options->report_path)
		r = file_replace(options->report_path, json.buffer.text, json.buffer.length);
	warn(r, options->report_path);
	if (options->status_path)
		warn(status_write(report, duration_ms, success), options->status_path);
	free(json.buffer.text);
}

void report_json_write_failure(const struct options *options)
{
	const struct config config = { 0 };
	const struct secrets secrets = { 0 };
	const struct report report = { .options = options, .config = &config, .secrets = &secrets };

	report_json_write(&report, 0, false);
}
