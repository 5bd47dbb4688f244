/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the kernel command line asks for at boot (--boot): rd.pvapconfig… and the two parameters of dracut's that say
 * how a boot ends which must not go on. In our own names '-' and '_' are the same. Nothing here can fail: what cannot
 * be understood is a warning, and the default is used.
 */
#include <limits.h>
#include <stdbool.h>

#include "options.h"

#define BOOT_SECRETS_PATH "/etc/pvapconfig/secrets.d"
#define BOOT_REPORT_DIRECTORY "/run/pvapconfig"
#define BOOT_REPORT_PATH BOOT_REPORT_DIRECTORY "/report.json"
#define BOOT_STATUS_PATH BOOT_REPORT_DIRECTORY "/report.txt"

enum boot_end { BOOT_POWER_OFF, BOOT_REBOOT, BOOT_HALT };

struct boot_options {
	struct options run;
	char config_path[PATH_MAX];  /* what run.config_path points to */
	char secrets_path[PATH_MAX]; /* what run.secrets_path points to */
	bool enabled;                /* rd.pvapconfig */
	bool required;               /* rd.pvapconfig.required: a failure ends the boot */
	bool shell;                  /* rd.shell was given, and not as off: whoever has the console may have a shell */
	enum boot_end end;           /* rd.emergency */
};

/* Reads them from all places (cmdline.h). `root` stands in front of their paths: "" but for tests. */
void boot_options_read(const char *root, struct boot_options *options);
