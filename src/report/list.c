/* SPDX-License-Identifier: MIT */
#include "report/list.h"

#include <unistd.h>

#include "provision/provision.h"
#include "report/list_view.h"
#include "report/report.h"
#include "util/log.h"

/* Without --config, a file that is not there gives no names. */
static bool load_names(const struct options *options, struct config *config)
{
	const char *path = options->config_path ? options->config_path : OPTIONS_CONFIG_PATH;

	if (!options->config_path && access(path, F_OK) < 0)
		return true;
	return config_load(path, config) == 0;
}

static bool any_associated(const struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->count; i++) {
		if (inventory->apqns[i].association == APQN_ASSOCIATED)
			return true;
	}
	return false;
}

/* Why no identities are read, or NULL. What is told of it here is on standard error. */
static const char *why_not_read(struct machine *machine, const struct options *options, int64_t deadline_ms)
{
	char bindings[MACHINE_TEXT_SIZE];
	int r;

	if (options->lock_path && access(options->lock_path, F_OK) == 0) {
		log_warning("another pvapconfig seems to be at work (%s): no master key is read", options->lock_path);
		return "another pvapconfig seems to be at work";
	}
	r = machine_read_text(machine, deadline_ms, bindings, "bus/ap/bindings");
	if (r == 0 && inventory_bindings_complete(bindings))
		return NULL;
	log_warning("AP bus: not all drivers are bound (%s): the list may not be complete",
		    r == 0 ? bindings : "not known");
	return "not all drivers are bound";
}

static int gather_secure(struct machine *machine, const struct options *options, int64_t deadline_ms,
			 struct inventory *inventory, const char **unread)
{
	int r = inventory_gather(machine, deadline_ms, inventory);

	if (r < 0)
		return r;
	*unread = why_not_read(machine, options, deadline_ms);
	return *unread ? 0 : provision_look(machine, deadline_ms, inventory->apqns, inventory->count);
}

static int gather_plain(struct machine *machine, int64_t deadline_ms, struct inventory *inventory, const char **unread)
{
	int r = inventory_gather_plain(machine, deadline_ms, inventory);

	for (size_t i = 0; r == 0 && i < inventory->count; i++) {
		inventory->apqns[i].bind = APQN_BIND_UNSUPPORTED;
		inventory->apqns[i].association = APQN_ASSOCIATION_UNSUPPORTED;
	}
	log_warning(
		"this is no Secure Execution guest with AP pass-through (AP bus without APSB): nothing can be bound here");
	*unread = "this is no Secure Execution guest";
	return r;
}

bool list_run(struct machine *machine, const struct options *options, int64_t deadline_ms, struct list *list)
{
	struct report report = { .config = &list->config, .secrets = &list->secrets };
	bool named = load_names(options, &list->config), secure;
	struct inventory *inventory = &list->inventory;
	const char *unread = NULL;
	int r = inventory_find_bus(machine, deadline_ms, &secure);

	if (r == 0 && secure)
		r = gather_secure(machine, options, deadline_ms, inventory, &unread);
	else if (r == 0)
		r = gather_plain(machine, deadline_ms, inventory, &unread);
	if (r < 0)
		return false;
	if (list->config.count > 0 && any_associated(inventory))
		named = secrets_fetch(machine, deadline_ms, &list->secrets) == 0 && named;
	report.apqns = inventory->apqns;
	report.apqn_count = inventory->count;
	if (inventory->unlisted_cards > 0)
		log_error("AP bus: the list is not complete: %zu cards could not be listed", inventory->unlisted_cards);
	if (!options->json && (inventory->count > 0 || inventory->unlisted_cards == 0))
		list_view_print(&report, unread);
	return named && inventory->unlisted_cards == 0;
}
