/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/table.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/text.h"

#define MKVP_BYTES_MIN 4
#define MKVP_BYTES_MAX 5 /* more do not fit */

struct list_view {
	const struct report *report;
	const char *const *names; /* of secrets, by index */
	size_t mkvp_bytes;        /* enough to tell all master keys apart */
};

/* In all columns '?' stands for a value that is not known, '-' for one that does not apply. */
static void put(char text[TABLE_CELL_SIZE], const char *value)
{
	snprintf(text, TABLE_CELL_SIZE, "%s", value);
}

static bool has_identity(const struct apqn *apqn)
{
	return apqn->mode != APQN_MODE_ACCEL && apqn->mode != APQN_MODE_CCA;
}

static void format_mkvp(const struct apqn *apqn, size_t bytes, char text[TABLE_CELL_SIZE])
{
	char start[2 * APQN_MKVP_SIZE + 1];

	if (!has_identity(apqn)) {
		put(text, "-");
	} else if (apqn->identity == APQN_IDENTITY_VALID) {
		text_format_hex(apqn->mkvp, bytes, start);
		snprintf(text, TABLE_CELL_SIZE, "%s..", start);
	} else {
		put(text, apqn->identity == APQN_IDENTITY_NONE ? "none" : "?");
	}
}

static const char *bind_text(const struct apqn *apqn)
{
	if (apqn->mode == APQN_MODE_CCA || apqn->bind == APQN_BIND_UNSUPPORTED)
		return "-";
	if (apqn->bind == APQN_BIND_UNKNOWN)
		return "?";
	return apqn->bind == APQN_BOUND ? "bound" : "unbound";
}

static void format_secret(const struct apqn *apqn, const char *name, char text[TABLE_CELL_SIZE])
{
	if (apqn->association == APQN_ASSOCIATED)
		snprintf(text, TABLE_CELL_SIZE, "%u%s%s", apqn->association_index, name ? " " : "", name ? name : "");
	else if (apqn->association == APQN_ASSOCIATION_PENDING)
		put(text, "pending");
	else if (apqn->mode == APQN_MODE_EP11 && apqn->bind == APQN_BOUND)
		put(text, apqn->association == APQN_UNASSOCIATED ? "none" : "?");
	else
		put(text, "-");
}

/* What a real run does with the APQN depends on its master key. */
static bool is_open(const struct report *report, size_t index)
{
	const struct apqn *apqn = &report->apqns[index];

	return apqn->failure == APQN_WORKING &&
	       (apqn->identity == APQN_IDENTITY_UNAVAILABLE || report->plan->apqns[index].goal == PLAN_IDENTIFY);
}

static void format_planned_state(const struct report *report, size_t index, char text[TABLE_CELL_SIZE])
{
	const struct plan_apqn *planned = &report->plan->apqns[index];

	switch (planned->goal) {
	case PLAN_BIND:
		put(text, "bound");
		break;
	case PLAN_ASSOCIATE:
	case PLAN_REASSOCIATE:
		if (report_needs_request(report, planned->entry))
			put(text, "associated +");
		else
			snprintf(text, TABLE_CELL_SIZE, "associated %u",
				 report->plan->entries[planned->entry].secret_index);
		break;
	case PLAN_UNBIND:
		put(text, "unbound");
		break;
	default:
		put(text, report->apqns[index].mode == APQN_MODE_CCA ? "-" : "unchanged");
	}
}

/* "associated 6, for #2 'root volume'" */
static void format_planned(const struct report *report, size_t index, char text[TABLE_CELL_SIZE])
{
	size_t entry = report->plan->apqns[index].entry, length;
	char label[CONFIG_LABEL_SIZE];

	if (is_open(report, index)) {
		put(text, "?");
		return;
	}
	format_planned_state(report, index, text);
	if (entry == PLAN_NONE)
		return;
	length = strlen(text);
	config_format_label(report->config, entry, label);
	snprintf(text + length, TABLE_CELL_SIZE - length, ", for %s", label);
}

static enum log_style style_of(const struct report *report, size_t index)
{
	const struct apqn *apqn = &report->apqns[index];
	bool serves =
		apqn->association == APQN_ASSOCIATED || (apqn->mode == APQN_MODE_ACCEL && apqn->bind == APQN_BOUND);

	if (!apqn->online || apqn->failure != APQN_WORKING)
		return LOG_STYLE_BAD;
	if (report->plan)
		serves = report->plan->apqns[index].entry != PLAN_NONE;
	return serves ? LOG_STYLE_GOOD : LOG_STYLE_PLAIN;
}

static const char *const titles[] = { "APQN", "mode", "type", "serial number", "MKVP", "on", "state", "secret", NULL };
/* No more fits into a line, so a dry run shows no identity. */
static const char *const planned_titles[] = { "APQN", "mode", "type", "on", "state", "secret", "planned", NULL };

static bool fill(void *context, size_t index, struct table_row *row)
{
	const struct list_view *view = context;
	const struct report *report = view->report;
	const struct apqn *apqn = &report->apqns[index];
	char(*cell)[TABLE_CELL_SIZE] = row->cells;

	row->style = style_of(report, index);
	apqn_format_name(apqn, *cell++);
	put(*cell++, apqn->mode == APQN_MODE_UNKNOWN ? "?" : apqn_mode_text(apqn->mode));
	if (apqn->generation > 0)
		snprintf(*cell++, TABLE_CELL_SIZE, "CEX%u", apqn->generation);
	else
		put(*cell++, "?");
	if (!report->plan) {
		put(*cell++, apqn->serialnr[0] ? apqn->serialnr : has_identity(apqn) ? "?" : "-");
		format_mkvp(apqn, view->mkvp_bytes, *cell++);
	}
	put(*cell++, apqn->online_unknown ? "?" : apqn->online ? "yes" : "no");
	put(*cell++, bind_text(apqn));
	format_secret(apqn, report->plan ? NULL : view->names[apqn->association_index], *cell++);
	if (report->plan)
		format_planned(report, index, *cell);
	return true;
}

static int compare_mkvps(const void *left, const void *right)
{
	return memcmp(*(const uint8_t *const *)left, *(const uint8_t *const *)right, APQN_MKVP_SIZE);
}

/* How many bytes tell all master keys apart. Sorts them: different ones that begin alike are then neighbours. */
static size_t count_mkvp_bytes(const struct report *report, const uint8_t **mkvps)
{
	size_t count = 0, bytes = MKVP_BYTES_MIN;

	for (size_t i = 0; i < report->apqn_count; i++) {
		if (report->apqns[i].identity == APQN_IDENTITY_VALID)
			mkvps[count++] = report->apqns[i].mkvp;
	}
	qsort(mkvps, count, sizeof(*mkvps), compare_mkvps);
	for (size_t i = 1; i < count; i++) {
		while (bytes < MKVP_BYTES_MAX && memcmp(mkvps[i - 1], mkvps[i], bytes) == 0 &&
		       memcmp(mkvps[i - 1], mkvps[i], APQN_MKVP_SIZE) != 0)
			bytes++;
	}
	return bytes;
}

static void print_planned_notes(const struct report *report)
{
	bool any_open = false, any_request = false;

	for (size_t i = 0; i < report->apqn_count; i++) {
		size_t entry = report->plan->apqns[i].entry;

		any_open = any_open || is_open(report, i);
		any_request = any_request || (entry != PLAN_NONE && report_needs_request(report, entry));
	}
	if (any_request)
		log_output("+  a secret that an add-secret request would add");
	if (any_open)
		log_output("?  depends on the master key, which %s",
			   report->options->probe ? "could not be read" : "only a bound queue reveals; see --probe");
}

/* Explains '?'. */
static void print_notes(const struct report *report, const char *unread)
{
	bool unbound = false, unsettled = false;

	for (size_t i = 0; i < report->apqn_count; i++) {
		const struct apqn *apqn = &report->apqns[i];

		if (apqn->mode != APQN_MODE_EP11)
			continue;
		unbound = unbound || apqn->bind == APQN_UNBOUND;
		unsettled = unsettled || (apqn->bind == APQN_BOUND && apqn->identity == APQN_IDENTITY_UNREAD &&
					  apqn->failure == APQN_WORKING);
	}
	if (unbound)
		log_output("?  unknown: only a bound queue reveals its master key and serial number");
	if (unread)
		log_output("?  not read: %s", unread);
	else if (unsettled)
		log_output("?  not read from bound queues: offline, or a reset or association is in progress");
}

static void print(struct list_view *view, const char *const *columns)
{
	const struct table table = {
		.titles = columns, .rows = view->report->apqn_count, .fill = fill, .context = view
	};

	table_print(&table);
}

bool list_print(const struct report *report, const char *unread)
{
	cleanup_free_ const uint8_t **mkvps = calloc(report->apqn_count, sizeof(*mkvps));
	cleanup_free_ const char **names = report_secret_names(report);
	struct list_view view = { .report = report, .names = names };

	if (!mkvps || !names) {
		log_error("cannot print the list: %s", strerror(ENOMEM));
		return false;
	}
	view.mkvp_bytes = count_mkvp_bytes(report, mkvps);
	print(&view, titles);
	print_notes(report, unread);
	return true;
}

void list_print_planned(const struct report *report)
{
	struct list_view view = { .report = report };

	print(&view, planned_titles);
	print_planned_notes(report);
}
