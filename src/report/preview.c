/* SPDX-License-Identifier: MIT */
#include "report/preview.h"

#include <stdio.h>
#include <string.h>

#include "report/table.h"

enum { COLUMN_APQN, COLUMN_NOW, COLUMN_SIGN, COLUMN_THEN, COLUMN_ENTRY };

static bool is_open(const struct report *report, size_t index)
{
	const struct apqn *apqn = &report->apqns[index];

	return apqn->failure == APQN_WORKING &&
	       (apqn->identity == APQN_IDENTITY_WITHHELD || report->plan->apqns[index].goal == PLAN_IDENTIFY);
}

static void format_now(const struct apqn *apqn, char *text, size_t size)
{
	if (apqn->mode == APQN_MODE_CCA || apqn->bind == APQN_BIND_UNSUPPORTED)
		snprintf(text, size, "-");
	else if (apqn->bind == APQN_BIND_UNKNOWN)
		snprintf(text, size, "unknown");
	else if (apqn->bind == APQN_UNBOUND)
		snprintf(text, size, "unbound");
	else if (apqn->association == APQN_ASSOCIATED)
		snprintf(text, size, "associated %u", apqn->association_index);
	else
		snprintf(text, size, "bound");
}

/* `entry`: index of the entry that it is associated for. */
static void format_associated(const struct report *report, size_t entry, char *text, size_t size)
{
	if (report_needs_request(report, entry))
		snprintf(text, size, "associated +");
	else
		snprintf(text, size, "associated %u", report->plan->entries[entry].secret_index);
}

static void format_then(const struct report *report, size_t index, char *text, size_t size)
{
	const struct plan_apqn *planned = &report->plan->apqns[index];

	if (is_open(report, index)) {
		snprintf(text, size, "?");
		return;
	}
	switch (planned->goal) {
	case PLAN_LEAVE:
	case PLAN_KEEP:
	case PLAN_IDENTIFY:
	case PLAN_UNSURE:
		format_now(&report->apqns[index], text, size);
		break;
	case PLAN_BIND:
		snprintf(text, size, "bound");
		break;
	case PLAN_ASSOCIATE:
	case PLAN_REASSOCIATE:
		format_associated(report, planned->entry, text, size);
		break;
	case PLAN_UNBIND:
		snprintf(text, size, "unbound");
		break;
	}
}

static void format_entry(const struct report *report, size_t index, char *text, size_t size)
{
	size_t entry = report->plan->apqns[index].entry;
	char label[CONFIG_LABEL_SIZE];

	snprintf(text, size, "%s", is_open(report, index) ? "?" : "-");
	if (entry == PLAN_NONE)
		return;
	config_format_label(report->config, entry, label);
	snprintf(text, size, "%s", label);
}

static void fill(const void *context, size_t index, struct table_row *row)
{
	const struct report *report = context;
	char name[APQN_NAME_SIZE];
	bool changes;

	apqn_format_name(&report->apqns[index], name);
	snprintf(row->cells[COLUMN_APQN], TABLE_CELL_SIZE, "%s", name);
	format_now(&report->apqns[index], row->cells[COLUMN_NOW], TABLE_CELL_SIZE);
	format_then(report, index, row->cells[COLUMN_THEN], TABLE_CELL_SIZE);
	format_entry(report, index, row->cells[COLUMN_ENTRY], TABLE_CELL_SIZE);
	changes = strcmp(row->cells[COLUMN_NOW], row->cells[COLUMN_THEN]) != 0;
	snprintf(row->cells[COLUMN_SIGN], TABLE_CELL_SIZE, "%s", changes ? "->" : "=");
	row->style = report->plan->apqns[index].entry != PLAN_NONE ? LOG_STYLE_GOOD : LOG_STYLE_PLAIN;
}

void preview_print(const struct report *report)
{
	static const char *const titles[] = { "APQN", "now", "", "then", "for entry", NULL };
	const struct table table = { .titles = titles, .rows = report->apqn_count, .fill = fill, .context = report };
	bool any_open = false, any_request = false;

	table_print(&table);
	for (size_t i = 0; i < report->apqn_count; i++) {
		size_t entry = report->plan->apqns[i].entry;

		any_open = any_open || is_open(report, i);
		any_request = any_request || (entry != PLAN_NONE && report_needs_request(report, entry));
	}
	if (any_request)
		log_output("+  with a secret that is not there yet: an add-secret request would add it");
	if (any_open)
		log_output("?  depends on its master key, which only a bind can tell (--probe)");
}
