/* SPDX-License-Identifier: MIT */
#include "run.h"

#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "config.h"
#include "inventory.h"
#include "log.h"
#include "plan.h"
#include "provision.h"
#include "report.h"
#include "secrets.h"

static int gather(struct machine *machine, int64_t deadline_ms, struct inventory *inventory)
{
	int r = inventory_wait_bindings(machine, deadline_ms);

	if (r < 0)
		return r;
	r = inventory_gather(machine, deadline_ms, inventory);
	if (r == 0)
		log_info("AP bus: %zu APQNs", inventory->count);
	return r;
}

static bool provision(struct machine *machine, const struct options *options, const struct provision_request *request)
{
	cleanup_(inventory_release) struct inventory inventory = { 0 };
	cleanup_(plan_release) struct plan plan = { 0 };
	struct report report = {
		.config = request->config, .plan = &plan, .strict = options->strict, .dry_run = options->dry_run
	};

	if (gather(machine, request->deadline_ms, &inventory) < 0)
		return false;
	if (inventory.count == 0 && !options->unbind) {
		log_error("AP bus: there is no APQN; the host passes no crypto queue through to this guest");
		return false;
	}
	if (provision_run(machine, request, inventory.apqns, inventory.count, &plan) < 0)
		return false;
	report.apqns = inventory.apqns;
	report.apqn_count = inventory.count;
	if (options->unbind)
		return report_unbind(&report);
	report_print(&report);
	return report_is_success(&report);
}

static bool configure(struct machine *machine, const struct options *options, struct provision_request *request)
{
	cleanup_(config_release) struct config config = { 0 };
	cleanup_(secrets_release) struct secrets secrets = { 0 };

	if (secrets_check_uv(machine, request->deadline_ms) < 0 || config_load(options->config_path, &config) < 0)
		return false;
	if (config.count == 0) {
		log_notice("%s: an empty list: nothing to do", options->config_path);
		return true;
	}
	if (secrets_fetch(machine, request->deadline_ms, &secrets) < 0)
		return false;
	request->config = &config;
	request->secrets = &secrets;
	return provision(machine, options, request);
}

/* Only the machine knows that a signal came; what failed for it has told its own part. */
static void report_stop(struct machine *machine)
{
	if (machine_sleep_until(machine, machine_now_ms(machine)) == -EINTR)
		log_error("stopped by a signal; the APQNs are left as they are now");
}

bool run_pvapconfig(struct machine *machine, const struct options *options)
{
	struct config no_config = { 0 };
	struct secrets no_secrets = { 0 };
	struct provision_request request = {
		.config = &no_config,
		.secrets = &no_secrets,
		.dry_run = options->dry_run,
		.probe = options->probe,
		.timeout_ms = options->timeout_ms,
		.deadline_ms = options->timeout_ms > 0 ? machine_now_ms(machine) + options->timeout_ms : MACHINE_FOREVER,
	};

	bool success = inventory_check_bus(machine, request.deadline_ms) == 0 &&
		       (options->unbind ? provision(machine, options, &request) : configure(machine, options, &request));

	if (!success)
		report_stop(machine);
	return success;
}
