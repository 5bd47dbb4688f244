/* SPDX-License-Identifier: MIT */
#include "report/report_json.h"

#include <stdio.h>
#include <string.h>

#include "report/json.h"
#include "report/near_miss.h"
#include "report/status.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/text.h"

#define HEX_SIZE(bytes) (2 + 2 * (bytes) + 1)

/* `bytes` NULL: not known, or none. */
static void add_hex(struct json *json, const char *name, const uint8_t *bytes, size_t length)
{
	char text[HEX_SIZE(CONFIG_SECRETID_SIZE)] = "0x";

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

/* Empty: not known, or any. */
static void add_serialnr(struct json *json, const char *serialnr)
{
	json_string(json, "serialnr", serialnr[0] ? serialnr : NULL);
}

static void add_wanted(struct json *json, const struct config_entry *entry, size_t index)
{
	bool ep11 = entry->mode == APQN_MODE_EP11;

	json_number(json, "number", index + 1);
	json_string(json, "name", entry->name);
	json_string(json, "mode", apqn_mode_text(entry->mode));
	add_generation(json, "mingen", entry->min_generation);
	add_hex(json, "mkvp", ep11 ? entry->mkvp : NULL, sizeof(entry->mkvp));
	add_serialnr(json, entry->serialnr);
	add_hex(json, "secretid", ep11 ? entry->secretid : NULL, sizeof(entry->secretid));
}

/* Empty if there is no plan. */
static void add_misses(struct json *json, const struct report *report, size_t index)
{
	struct miss misses[MISS_MAX];
	size_t count = report->plan ? miss_find(report, index, misses) : 0;
	char text[MISS_TEXT_SIZE];

	json_open(json, "misses", '[');
	for (size_t i = 0; i < count; i++) {
		miss_format(report, index, &misses[i], text);
		json_string(json, NULL, text);
	}
	json_close(json, ']');
}

static void add_entry(struct json *json, const struct report *report, size_t index)
{
	const struct plan_entry *planned = report->plan ? &report->plan->entries[index] : NULL;
	bool satisfied = planned && planned->apqn != PLAN_NONE;
	char name[APQN_NAME_SIZE], reason[REPORT_REASON_SIZE];

	json_open(json, NULL, '{');
	add_wanted(json, &report->config->entries[index], index);
	json_boolean(json, "needs_request", planned && report_needs_request(report, index));
	json_boolean(json, "satisfied", satisfied);
	if (satisfied)
		apqn_format_name(&report->apqns[planned->apqn], name);
	else if (planned)
		report_format_reason(report, index, reason);
	json_string(json, "apqn", satisfied ? name : NULL);
	json_string(json, "reason", planned && !satisfied ? reason : NULL);
	add_misses(json, report, index);
	json_close(json, '}');
}

static const char *bind_text(enum apqn_bind bind)
{
	static const char *const texts[] = {
		[APQN_BIND_UNKNOWN] = NULL,
		[APQN_BIND_UNSUPPORTED] = NULL,
		[APQN_UNBOUND] = "unbound",
		[APQN_BOUND] = "bound",
	};

	return texts[bind];
}

static const char *association_text(enum apqn_association association)
{
	static const char *const texts[] = {
		[APQN_ASSOCIATION_UNKNOWN] = NULL,    [APQN_ASSOCIATION_UNSUPPORTED] = NULL,
		[APQN_UNASSOCIATED] = "unassociated", [APQN_ASSOCIATION_PENDING] = "pending",
		[APQN_ASSOCIATED] = "associated",
	};

	return texts[association];
}

static void add_apqn(struct json *json, const struct report *report, size_t index)
{
	const struct apqn *apqn = &report->apqns[index];
	size_t entry = report->plan ? report->plan->apqns[index].entry : PLAN_NONE;
	char name[APQN_NAME_SIZE];

	apqn_format_name(apqn, name);
	json_open(json, NULL, '{');
	json_string(json, "apqn", name);
	json_string(json, "mode", apqn->mode != APQN_MODE_UNKNOWN ? apqn_mode_text(apqn->mode) : NULL);
	add_generation(json, "generation", apqn->generation);
	json_boolean(json, "online", apqn->online);
	add_serialnr(json, apqn->serialnr);
	add_hex(json, "mkvp", apqn->identity == APQN_IDENTITY_VALID ? apqn->mkvp : NULL, sizeof(apqn->mkvp));
	json_string(json, "bind", bind_text(apqn->bind));
	json_string(json, "association", association_text(apqn->association));
	add_number(json, "secret_index", apqn->association == APQN_ASSOCIATED, apqn->association_index);
	json_string(json, "secret_name", report_secret_name(report, apqn));
	add_number(json, "entry", entry != PLAN_NONE, entry + 1);
	json_string(json, "failure", apqn->failure ? apqn_failure_text(apqn->failure) : NULL);
	json_close(json, '}');
}

/* Names of the same fields as those of early boot. */
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
	json_number(json, "version", REPORT_JSON_VERSION);
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

static int make(struct json *json, const struct report *report, const struct options *options, int64_t duration_ms,
		bool success)
{
	json_open(json, NULL, '{');
	add_run(json, options, duration_ms, success);
	json_open(json, "entries", '[');
	/* A list judges no entries. */
	for (size_t i = 0; i < report->config->count && !options->list; i++)
		add_entry(json, report, i);
	json_close(json, ']');
	json_open(json, "apqns", '[');
	for (size_t i = 0; i < report->apqn_count; i++)
		add_apqn(json, report, i);
	json_close(json, ']');
	json_close(json, '}');
	return json_finish(json);
}

int report_json_write(const struct report *report, const struct options *options, int64_t duration_ms, bool success)
{
	cleanup_(json_release) struct json json = { 0 };
	int r = make(&json, report, options, duration_ms, success);

	if (r == 0 && options->json)
		log_raw(json.text, json.length);
	if (r == 0 && options->report_path)
		r = file_replace(options->report_path, json.text, json.length);
	if (r < 0)
		log_warning("cannot write report %s: %s",
			    options->report_path ? options->report_path : "to standard output", strerror(-r));
	if (options->status_path) {
		int text_r = status_write(report, options, duration_ms, success);

		if (text_r < 0)
			log_warning("cannot write report %s: %s", options->status_path, strerror(-text_r));
	}
	return r;
}

void report_json_write_failure(const struct options *options)
{
	const struct config config = { 0 };
	const struct secrets secrets = { 0 };
	const struct report report = { .config = &config, .secrets = &secrets };

	report_json_write(&report, options, 0, false);
}
