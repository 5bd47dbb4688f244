/* SPDX-License-Identifier: MIT */
#include "run.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ap/inventory.h"
#include "config/config.h"
#include "plan/plan.h"
#include "provision/provision.h"
#include "report/report.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/text.h"
#include "util/wait.h"
#include "uv/secrets.h"

/* What a run has gathered so far. */
struct run {
	struct machine *machine;
	const struct options *options;
	struct config config;
	struct secrets secrets;
	struct inventory inventory;
	struct plan plan;
	bool planned;
	int64_t deadline_ms;
};

static void run_release(struct run *run)
{
	if (run->planned)
		plan_release(&run->plan);
	inventory_release(&run->inventory);
	secrets_release(&run->secrets);
	config_release(&run->config);
}

static struct report report_of(const struct run *run)
{
	return (struct report){
		.options = run->options,
		.config = &run->config,
		.apqns = run->inventory.apqns,
		.apqn_count = run->inventory.count,
		.plan = run->planned ? &run->plan : NULL,
		.secrets = &run->secrets,
	};
}

static bool all_listed(const struct run *run)
{
	size_t unlisted = run->inventory.unlisted_cards;

	if (unlisted > 0)
		log_error("AP bus: %zu %s could not be listed; the state of their APQNs is unknown", unlisted,
			  text_plural(unlisted, "card", "cards"));
	return unlisted == 0;
}

static bool provision(struct run *run)
{
	const struct provision_request request = {
		.config = &run->config,
		.secrets = &run->secrets,
		.dry_run = run->options->dry_run,
		.probe = run->options->probe,
		.timeout_ms = run->options->timeout_ms,
		.deadline_ms = run->deadline_ms,
	};
	struct report report;
	bool unbound;

	if (inventory_wait_bindings(run->machine, run->deadline_ms) < 0 ||
	    inventory_gather(run->machine, run->deadline_ms, false, &run->inventory) < 0)
		return false;
	log_info("AP bus: %zu %s", run->inventory.count, text_plural(run->inventory.count, "APQN", "APQNs"));
	if (run->inventory.count == 0 && !run->options->unbind) {
		if (all_listed(run))
			log_error("AP bus: there is no APQN; the host passes no crypto queue through to this guest");
		return false;
	}
	if (provision_run(run->machine, &request, run->inventory.apqns, run->inventory.count, &run->plan) < 0)
		return false;
	run->planned = true;
	report = report_of(run);
	if (run->options->dry_run && !run->options->boot && !run->options->json)
		list_print_planned(&report);
	if (run->options->unbind) {
		unbound = report_unbind(&report);
		return all_listed(run) && unbound;
	}
	report_print(&report);
	return report_is_success(&report);
}

/* The time limit for a configuration from a pipe. In early boot there is no process that could write to one. */
static int64_t pipe_ms(const struct run *run)
{
	int64_t left_ms = run->deadline_ms - machine_now_ms(run->machine);

	if (run->options->boot)
		return 0;
	if (run->deadline_ms == MACHINE_FOREVER)
		return WAIT_FOREVER;
	return left_ms > 0 ? left_ms : 1;
}

/* Without a path (a list, which has names for its secrets then) the default file need not exist. */
static bool load_config(struct run *run)
{
	const char *path = run->options->config_path;

	if (!path && access(OPTIONS_CONFIG_PATH, F_OK) < 0)
		return true;
	if (!run->config.entries)
		config_load(path ? path : OPTIONS_CONFIG_PATH, pipe_ms(run), &run->config);
	return run->config.entries;
}

static bool configure_queues(struct run *run)
{
	if (!load_config(run))
		return false;
	if (run->config.count == 0) {
		log_notice("%s: empty list, nothing to do", run->options->config_path);
		return true;
	}
	/* A dry run continues with the secrets it would have added. Else only the Ultravisor knows their indexes. */
	if (!(run->options->dry_run && run->secrets.list) &&
	    secrets_fetch(run->machine, run->deadline_ms, &run->secrets) < 0)
		return false;
	return provision(run);
}

/* Slow requests must leave time for the lock, and a lock that hangs for the queues: half of what is left. */
static int64_t half_until_ms(const struct run *run)
{
	int64_t now_ms = machine_now_ms(run->machine);

	return run->deadline_ms == MACHINE_FOREVER ? MACHINE_FOREVER : now_ms + (run->deadline_ms - now_ms) / 2;
}

/*
 * On the command line, nothing irrevocable is done if the configuration or a request is invalid: the administrator can
 * correct it and try again. Early boot cannot be repeated. There, an invalid input must not keep valid secrets out of
 * the store, or leave the store unlocked.
 */
static bool check_inputs(struct run *run, int64_t until_ms, const struct requests *requests)
{
	if (run->options->boot || (load_config(run) && requests_check(run->machine, until_ms, requests) == 0))
		return true;
	log_warning("Ultravisor: no secret added%s: the configuration and all requests must be valid first",
		    run->options->lock_secrets ? ", secret store not locked" : "");
	return false;
}

/* False if the queues cannot be configured. The store is locked even if the requests fail. */
static bool change_secrets(struct run *run, bool *locked)
{
	const struct requests requests = {
		.directory = run->options->secrets_path,
		.optional = run->options->secrets_optional,
		.dry_run = run->options->dry_run,
	};
	int64_t until_ms = half_until_ms(run);
	bool good;

	if (!check_inputs(run, until_ms, &requests))
		return false;
	good = secrets_check_uv(run->machine, until_ms) == 0;
	if (good)
		good = requests_submit(run->machine, until_ms, &requests, &run->secrets) == 0;
	*locked = !run->options->lock_secrets || requests_lock(run->machine, half_until_ms(run), requests.dry_run) == 0;
	return good;
}

/* Without Secure Execution there is no secret store. The run then fails as it does without these options. */
static bool has_secrets_to_change(const struct run *run)
{
	const struct options *options = run->options;
	bool has_directory =
		options->secrets_path && !(options->secrets_optional && access(options->secrets_path, F_OK) < 0);

	return (has_directory || options->lock_secrets) && !secrets_is_no_guest(run->machine, half_until_ms(run));
}

/*
 * Secrets come first and do not depend on the AP bus: other programs may need them, and a guest may have no AP bus. If
 * the store cannot be locked, the queues are still configured, but the run has failed.
 */
static bool configure(struct run *run)
{
	bool secrets = has_secrets_to_change(run), locked = true;

	if (secrets && !change_secrets(run, &locked))
		return false;
	if (inventory_check_bus(run->machine, run->deadline_ms, NULL) < 0)
		return false;
	if (!secrets && secrets_check_uv(run->machine, run->deadline_ms) < 0)
		return false;
	return configure_queues(run) && locked;
}

/* --- the list, which only reads ------------------------------------------------------------------- */

static bool any_associated(const struct inventory *inventory)
{
	for (size_t i = 0; i < inventory->count; i++) {
		if (inventory->apqns[i].association == APQN_ASSOCIATED)
			return true;
	}
	return false;
}

/* Why no identities are read (a warning, too), or NULL. */
static const char *why_not_read(const struct run *run)
{
	const char *lock_path = run->options->lock_path;
	char bindings[MACHINE_TEXT_SIZE];
	int r;

	if (lock_path && access(lock_path, F_OK) == 0) {
		log_warning("another pvapconfig may be running (%s): no master key is read", lock_path);
		return "another pvapconfig may be running";
	}
	r = machine_read_text(run->machine, run->deadline_ms, bindings, "bus/ap/bindings");
	if (r < 0) {
		log_warning("AP bus /sys/bus/ap/bindings: %s; the list may be incomplete", text_error(r));
		return "drivers may not be bound";
	}
	if (inventory_bindings_complete(bindings))
		return NULL;
	log_warning("AP bus: not all drivers are bound (%s): the list may be incomplete", bindings);
	return "not all drivers are bound";
}

static int gather_secure(struct run *run, const char **unread)
{
	struct inventory *inventory = &run->inventory;
	int r = inventory_gather(run->machine, run->deadline_ms, false, inventory);

	if (r == 0)
		*unread = why_not_read(run);
	if (r == 0 && !*unread)
		r = provision_identify_bound(run->machine, run->deadline_ms, inventory->apqns, inventory->count);
	return r;
}

static int gather_plain(struct run *run, const char **unread)
{
	int r = inventory_gather(run->machine, run->deadline_ms, true, &run->inventory);

	for (size_t i = 0; r == 0 && i < run->inventory.count; i++) {
		run->inventory.apqns[i].bind = APQN_BIND_UNSUPPORTED;
		run->inventory.apqns[i].association = APQN_ASSOCIATION_UNSUPPORTED;
	}
	log_warning("not a Secure Execution guest with AP pass-through (AP bus without APSB): no queue can be bound");
	*unread = "not a Secure Execution guest";
	return r;
}

/* True if there is a list, and it is complete. */
static bool list(struct run *run)
{
	bool complete = load_config(run), secure, listed;
	const char *unread = NULL;
	struct report report;
	int r = inventory_check_bus(run->machine, run->deadline_ms, &secure);

	if (r == 0)
		r = secure ? gather_secure(run, &unread) : gather_plain(run, &unread);
	if (r < 0)
		return false;
	if (run->config.count > 0 && any_associated(&run->inventory))
		complete = secrets_fetch(run->machine, run->deadline_ms, &run->secrets) == 0 && complete;
	report = report_of(run);
	listed = all_listed(run);
	if (!run->options->json && report.apqn_count > 0)
		complete = list_print(&report, unread) && complete;
	else if (!run->options->json && listed)
		log_output("there is no APQN");
	return complete && listed;
}

/* --- all ------------------------------------------------------------------------------------------ */

/* A run that was killed, stopped by a signal, or did not get so far could not do it. */
static bool lock_only(struct run *run)
{
	return secrets_is_no_guest(run->machine, run->deadline_ms) ||
	       requests_lock(run->machine, run->deadline_ms, false) == 0;
}

static bool act(struct run *run)
{
	if (run->options->lock_only)
		return lock_only(run);
	if (run->options->list)
		return list(run);
	if (!run->options->unbind)
		return configure(run);
	return inventory_check_bus(run->machine, run->deadline_ms, NULL) == 0 && provision(run);
}

/*
 * A signal and a failed poll end all calls, so they are reported once, here. Other failures were reported where they
 * happened. If no error was reported at all, a call returned -EINTR without a signal.
 */
static void report_stop(struct machine *machine)
{
	int r = machine_sleep_until(machine, machine_now_ms(machine));

	if (r == -EINTR)
		log_error("stopped by a signal; queues left in their current state");
	else if (r < 0)
		log_error("poll failed: %s; queues left in their current state", strerror(-r));
	else if (!log_last_error())
		log_error("kernel call interrupted");
}

bool run_pvapconfig(struct machine *machine, const struct options *options)
{
	int64_t now_ms = machine_now_ms(machine);
	cleanup_(run_release) struct run run = {
		.machine = machine,
		.options = options,
		.deadline_ms = options->timeout_ms > 0 ? now_ms + options->timeout_ms : MACHINE_FOREVER,
	};
	bool success = act(&run);
	struct report report = report_of(&run);

	if (!success)
		report_stop(machine);
	if (options->report_path || options->json)
		report_json_write(&report, machine_now_ms(machine) - now_ms, success);
	return success;
}
