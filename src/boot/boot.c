/* SPDX-License-Identifier: MIT */
#include "boot/boot.h"

#include <string.h>

#include "util/log.h"

static const char *end_text(enum boot_end end)
{
	static const char *const texts[] = {
		[BOOT_POWER_OFF] = "powered off", [BOOT_REBOOT] = "rebooted", [BOOT_HALT] = "halted"
	};

	return texts[end];
}

/* A machine that cannot be stopped still gets neither its volumes nor a shell. */
static void stop_machine(enum boot_end end, const struct boot_actions *actions)
{
	int r;

	do {
		log_error("no volume is opened: this machine is %s in %d seconds", end_text(end), BOOT_PAUSE_S);
		actions->pause(BOOT_PAUSE_S);
		r = actions->stop(end);
		if (r < 0)
			log_error("this machine cannot be %s: %s", end_text(end), strerror(-r));
	} while (r < 0);
}

static enum boot_result stop(const struct boot_options *options, const struct boot_actions *actions)
{
	log_error("the crypto queues are required (rd.pvapconfig.required) and not ready, so the boot must not go on");
	if (options->shell)
		log_error("a shell was asked for (rd.shell)");
	else if (actions->in_initramfs())
		stop_machine(options->end, actions);
	return BOOT_STOPS;
}

enum boot_result boot_run(const char *root, const struct boot_actions *actions)
{
	struct boot_options options;

	boot_options_read(root, &options);
	log_set_verbose(options.run.verbose);
	if (!options.enabled) {
		log_notice("switched off by rd.pvapconfig=0");
		return BOOT_GOES_ON;
	}
	if (actions->run(&options.run))
		return BOOT_GOES_ON;
	/* A run that failed may have ended before it came to that: killed, stopped by a signal, out of time. */
	if (options.run.lock_secrets && !options.run.dry_run)
		actions->lock_secrets();
	if (options.required)
		return stop(&options, actions);
	log_info("the boot goes on without (no rd.pvapconfig.required)");
	return BOOT_GOES_ON;
}
