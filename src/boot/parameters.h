/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Kernel command line parameters of early boot (--boot): rd.pvapconfig… and two of dracut that say how to stop a boot.
 * In our own names '-' and '_' are equivalent. Nothing here fails: an invalid name or value causes a warning, and the
 * default is used, but `required` and `lock_secrets` are on then.
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
	bool shell;                  /* rd.shell was given and not off: a shell on the console is allowed */
	enum boot_end end;           /* rd.emergency */
};

/* Reads them from all places. `root` stands in front of their paths: "" but for tests. */
void boot_options_read(const char *root, struct boot_options *options);

/*
 * The kernel command line itself, from all places that dracut's getarg knows, in its order: the files of /etc/cmdline.d
 * (*.conf, by name), /etc/cmdline, /proc/cmdline, the files of /run/initramfs/cmdline.d. The last occurrence wins.
 */
#define CMDLINE_SIZE_MAX 1048576 /* bytes of one file; a kernel for s390x can be built for so many, 4096 are usual */

struct cmdline_parameter {
	char *name;
	char *value; /* NULL: there is no '=' */
};

/*
 * Takes the next parameter out of a text, which it changes. False at the end. Blanks (newlines, too) separate
 * parameters, except within double quotes; these may enclose a value or the whole parameter and are taken away
 * (next_arg in lib/cmdline.c).
 */
bool cmdline_next(char **rest, struct cmdline_parameter *parameter);

typedef void cmdline_visitor(const struct cmdline_parameter *parameter, void *context);

/*
 * Shows every parameter to `visit`. `root` stands in front of all paths: "" but for tests. A place that cannot be read
 * causes a warning and counts as one that contains `required` and `lock_secrets`.
 */
void cmdline_visit(const char *root, cmdline_visitor *visit, void *context);
