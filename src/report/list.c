/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ap/inventory.h"
#include "kernel/machine.h"
#include "provision/provision.h"
#include "report/table.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/text.h"
#include "uv/secrets.h"

/* --- the table ------------------------------------------------------------------------------------ */

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

static const char *serialnr_text(const struct apqn *apqn)
{
	if (apqn->serialnr[0])
		return apqn->serialnr;
	return has_identity(apqn) ? "?" : "-";
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
	case PLAN_LEAVE:
	case PLAN_KEEP:
	case PLAN_IDENTIFY:
	case PLAN_UNVERIFIED:
		put(text, report->apqns[index].mode == APQN_MODE_CCA ? "-" : "unchanged");
		break;
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
		put(*cell++, serialnr_text(apqn));
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
			   report->probe ? "could not be read" : "only a bound queue reveals; see --probe");
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

/* --- gathering ------------------------------------------------------------------------------------ */

/* Without --config, no names are shown if the default file does not exist. */
static bool load_names(const struct options *options, struct config *config)
{
	const char *path = options->config_path ? options->config_path : OPTIONS_CONFIG_PATH;

	if (!options->config_path && access(path, F_OK) < 0)
		return true;
	return config_load(path, options_pipe_ms(options), config) == 0;
}

static bool any_associated(const struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->count; i++) {
		if (inventory->apqns[i].association == APQN_ASSOCIATED)
			return true;
	}
	return false;
}

/* Why no identities are read (a warning, too), or NULL. */
static const char *why_not_read(struct machine *machine, const struct options *options, int64_t deadline_ms)
{
	char bindings[MACHINE_TEXT_SIZE];
	int r;

	if (options->lock_path && access(options->lock_path, F_OK) == 0) {
		log_warning("another pvapconfig may be running (%s): no master key is read", options->lock_path);
		return "another pvapconfig may be running";
	}
	r = machine_read_text(machine, deadline_ms, bindings, "bus/ap/bindings");
	if (r < 0) {
		log_warning("AP bus /sys/bus/ap/bindings: %s; the list may be incomplete", text_error(r));
		return "drivers may not be bound";
	}
	if (inventory_bindings_complete(bindings))
		return NULL;
	log_warning("AP bus: not all drivers are bound (%s): the list may be incomplete", bindings);
	return "not all drivers are bound";
}

static int gather_secure(struct machine *machine, const struct options *options, int64_t deadline_ms,
			 struct inventory *inventory, const char **unread)
{
	int r = inventory_gather(machine, deadline_ms, false, inventory);

	if (r < 0)
		return r;
	*unread = why_not_read(machine, options, deadline_ms);
	return *unread ? 0 : provision_identify_bound(machine, deadline_ms, inventory->apqns, inventory->count);
}

static int gather_plain(struct machine *machine, int64_t deadline_ms, struct inventory *inventory, const char **unread)
{
	int r = inventory_gather(machine, deadline_ms, true, inventory);

	for (size_t i = 0; r == 0 && i < inventory->count; i++) {
		inventory->apqns[i].bind = APQN_BIND_UNSUPPORTED;
		inventory->apqns[i].association = APQN_ASSOCIATION_UNSUPPORTED;
	}
	log_warning("not a Secure Execution guest with AP pass-through (AP bus without APSB): no queue can be bound");
	*unread = "not a Secure Execution guest";
	return r;
}

bool list_run(struct machine *machine, const struct options *options, int64_t deadline_ms, struct config *config,
	      struct secrets *secrets, struct inventory *inventory)
{
	bool complete = load_names(options, config), secure;
	const char *unread = NULL;
	struct report report = { .config = config, .secrets = secrets };
	int r = inventory_find_bus(machine, deadline_ms, &secure);

	if (r == 0 && secure)
		r = gather_secure(machine, options, deadline_ms, inventory, &unread);
	else if (r == 0)
		r = gather_plain(machine, deadline_ms, inventory, &unread);
	if (r < 0)
		return false;
	if (config->count > 0 && any_associated(inventory))
		complete = secrets_fetch(machine, deadline_ms, secrets) == 0 && complete;
	report.apqns = inventory->apqns;
	report.apqn_count = inventory->count;
	if (inventory->unlisted_cards > 0)
		log_error("AP bus: incomplete list: %zu %s could not be listed", inventory->unlisted_cards,
			  text_plural(inventory->unlisted_cards, "card", "cards"));
	if (!options->json && inventory->count > 0)
		complete = list_print(&report, unread) && complete;
	else if (!options->json && inventory->unlisted_cards == 0)
		log_output("there is no APQN");
	return complete && inventory->unlisted_cards == 0;
}
