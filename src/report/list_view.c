/* SPDX-License-Identifier: MIT */
#include "report/list_view.h"

#include <stdio.h>
#include <string.h>

#include "report/table.h"
#include "util/text.h"

#define MKVP_BYTES_MIN 4
#define MKVP_BYTES_MAX 5 /* more do not fit; nobody has two keys that begin with the same 10 digits */

enum {
	COLUMN_APQN,
	COLUMN_MODE,
	COLUMN_GENERATION,
	COLUMN_SERIALNR,
	COLUMN_MKVP,
	COLUMN_ONLINE,
	COLUMN_BIND,
	COLUMN_SECRET
};

struct list_view {
	const struct report *report;
	size_t mkvp_bytes; /* so many tell all master keys apart */
};

static bool has_mkvp(const struct apqn *apqn)
{
	return apqn->identity == APQN_IDENTITY_VALID;
}

/* Whether two different keys begin with the same bytes. */
static bool is_ambiguous(const struct report *report, size_t bytes)
{
	for (size_t i = 0; i < report->apqn_count; i++) {
		const struct apqn *one = &report->apqns[i];

		for (size_t j = 0; j < i && has_mkvp(one); j++) {
			const struct apqn *other = &report->apqns[j];

			if (has_mkvp(other) && memcmp(one->mkvp, other->mkvp, bytes) == 0 &&
			    memcmp(one->mkvp, other->mkvp, sizeof(one->mkvp)) != 0)
				return true;
		}
	}
	return false;
}

static void format_mkvp(const struct list_view *view, const struct apqn *apqn, char *text)
{
	char digits[2 * APQN_MKVP_SIZE + 1];

	if (apqn->mode == APQN_MODE_ACCEL || apqn->mode == APQN_MODE_CCA) {
		snprintf(text, TABLE_CELL_SIZE, "-");
	} else if (has_mkvp(apqn)) {
		text_format_hex(apqn->mkvp, view->mkvp_bytes, digits);
		snprintf(text, TABLE_CELL_SIZE, "%s..", digits);
	} else {
		snprintf(text, TABLE_CELL_SIZE, "%s", apqn->identity == APQN_IDENTITY_NONE ? "none" : "?");
	}
}

static const char *serialnr_text(const struct apqn *apqn)
{
	if (apqn->serialnr[0] != '\0')
		return apqn->serialnr;
	return apqn->mode == APQN_MODE_ACCEL || apqn->mode == APQN_MODE_CCA ? "-" : "?";
}

static const char *bind_text(const struct apqn *apqn)
{
	if (apqn->mode == APQN_MODE_CCA || apqn->bind == APQN_BIND_UNSUPPORTED)
		return "-";
	if (apqn->bind == APQN_BIND_UNKNOWN)
		return "?";
	return apqn->bind == APQN_BOUND ? "bound" : "unbound";
}

static void format_secret(const struct report *report, const struct apqn *apqn, char *text)
{
	const char *name = report_secret_name(report, apqn);

	if (apqn->association == APQN_ASSOCIATED)
		snprintf(text, TABLE_CELL_SIZE, "%u%s%s", apqn->association_index, name ? " " : "", name ? name : "");
	else if (apqn->association == APQN_ASSOCIATION_PENDING)
		snprintf(text, TABLE_CELL_SIZE, "pending");
	else if (apqn->mode == APQN_MODE_EP11 && apqn->bind == APQN_BOUND)
		snprintf(text, TABLE_CELL_SIZE, "%s", apqn->association == APQN_UNASSOCIATED ? "none" : "?");
	else
		snprintf(text, TABLE_CELL_SIZE, "-");
}

static enum log_style style_of(const struct apqn *apqn)
{
	if (!apqn->online || apqn->failure != APQN_WORKING)
		return LOG_STYLE_BAD;
	if (apqn->association == APQN_ASSOCIATED || (apqn->mode == APQN_MODE_ACCEL && apqn->bind == APQN_BOUND))
		return LOG_STYLE_GOOD;
	return LOG_STYLE_PLAIN;
}

static void fill(const void *context, size_t index, struct table_row *row)
{
	const struct list_view *view = context;
	const struct apqn *apqn = &view->report->apqns[index];
	char name[APQN_NAME_SIZE];

	apqn_format_name(apqn, name);
	row->style = style_of(apqn);
	snprintf(row->cells[COLUMN_APQN], TABLE_CELL_SIZE, "%s", name);
	snprintf(row->cells[COLUMN_MODE], TABLE_CELL_SIZE, "%s",
		 apqn->mode == APQN_MODE_UNKNOWN ? "?" : apqn_mode_text(apqn->mode));
	if (apqn->generation > 0)
		snprintf(row->cells[COLUMN_GENERATION], TABLE_CELL_SIZE, "CEX%u", apqn->generation);
	else
		snprintf(row->cells[COLUMN_GENERATION], TABLE_CELL_SIZE, "?");
	snprintf(row->cells[COLUMN_SERIALNR], TABLE_CELL_SIZE, "%s", serialnr_text(apqn));
	format_mkvp(view, apqn, row->cells[COLUMN_MKVP]);
	snprintf(row->cells[COLUMN_ONLINE], TABLE_CELL_SIZE, "%s", apqn->online ? "yes" : "no");
	snprintf(row->cells[COLUMN_BIND], TABLE_CELL_SIZE, "%s", bind_text(apqn));
	format_secret(view->report, apqn, row->cells[COLUMN_SECRET]);
}

/* What '?' is about. */
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
		log_output("?  not known: only a bound queue tells its master key and serial number");
	if (unread)
		log_output("?  not read: %s", unread);
	else if (unsettled)
		log_output("?  not read of bound queues: offline, or something is under way on the card");
}

void list_view_print(const struct report *report, const char *unread)
{
	static const char *const titles[] = { "APQN",  "mode",   "type", "serial number", "MKVP", "on",
					      "state", "secret", NULL };
	struct list_view view = { .report = report, .mkvp_bytes = MKVP_BYTES_MIN };
	const struct table table = { .titles = titles, .rows = report->apqn_count, .fill = fill, .context = &view };

	while (view.mkvp_bytes < MKVP_BYTES_MAX && is_ambiguous(report, view.mkvp_bytes))
		view.mkvp_bytes++;
	table_print(&table);
	if (report->apqn_count == 0)
		log_output("there is no APQN");
	else
		print_notes(report, unread);
}
