/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * `pvapconfig --boot`: one run in the initramfs, before the first volume is opened, and what becomes of the boot after
 * it. All hooks call this and nothing else.
 *
 *   disabled (rd.pvapconfig=0), or the run succeeds, or it fails and is not required   the boot goes on
 *   it fails and is required                     the cause stays readable for BOOT_PAUSE_S, then the machine is stopped
 *   the same with rd.shell on the command line   the program fails, and the hooks start a shell
 *
 * In all functions, `root` stands in front of the paths: "" but for tests.
 */
#include <limits.h>
#include <stdbool.h>

#include "options.h"

/* --- kernel command line parameters (parameters.c): rd.pvapconfig… and two of dracut that say how to stop a boot */

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

/*
 * In our own names '-' and '_' are equivalent. An invalid name or value causes a warning, and the default is used, but
 * `required` and `lock_secrets` are on then.
 */
void boot_options_read(const char *root, struct boot_options *options);

#define CMDLINE_SIZE_MAX 1048576 /* bytes of one file; a kernel for s390x can be built for so many, 4096 are usual */

struct cmdline_parameter {
	const char *name;
	const char *value; /* NULL: there is no '=' */
};

/*
 * Takes the next parameter out of a text, which it changes. False at the end. Blanks (newlines, too) separate
 * parameters, except within double quotes; these may enclose a value or the whole parameter and are taken away
 * (next_arg in lib/cmdline.c).
 */
bool cmdline_next(char **rest, struct cmdline_parameter *parameter);

typedef void cmdline_visitor(const struct cmdline_parameter *parameter, void *context);

/*
 * Shows every parameter to `visit`, from all places that dracut's getarg knows, in its order: the files of
 * /etc/cmdline.d (*.conf, by name), /etc/cmdline, /proc/cmdline, the files of /run/initramfs/cmdline.d. The last
 * occurrence wins. A place that cannot be read causes a warning and counts as one that contains `required` and
 * `lock_secrets`.
 */
void cmdline_visit(const char *root, cmdline_visitor *visit, void *context);

/* --- policy ------------------------------------------------------------------------------------------- */

#define BOOT_PAUSE_S 10
#define BOOT_LOCK_TIME_MS 2000 /* for locking the secret store after a run that failed */

/* What early boot asks of the machine; the real functions are below. */
struct boot_actions {
	/* One run in a child process, so that a crash does not decide the boot. True: success. */
	bool (*run)(const struct options *options);
	/* Stops the machine after a pause. -errno if that is not possible, not reported. */
	int (*stop)(enum boot_end end, unsigned int seconds);
};

/* True: the boot goes on. False: no volume is opened. A running system is not stopped. */
bool boot_run(const char *root, const struct boot_actions *actions);

/*
 * Calls `run` in a child process and returns its result. Any other end of that process is an error, which is reported,
 * and written to options->report_path; its lock file is removed then. options->timeout_ms, if that is not 0, and
 * `grace_ms` limit its time. Signals that stop a run are left to the child.
 */
bool boot_run_supervised(bool (*run)(const struct options *options), const struct options *options,
			 const char *lock_path, int64_t grace_ms);

/*
 * Loads the kernel's modules for crypto queues and for the Ultravisor with `modprobe` (a path), which gets half of
 * the time at most; what it takes is subtracted from options->timeout_ms. They may be built in: nothing is an error.
 */
void boot_load_modules(const char *modprobe, struct options *options);

/*
 * True only if it is certain: there is /etc/initrd-release (dracut, mkinitcpio), or the root directory is still the
 * kernel's own, into which it unpacked the image (initramfs-tools). A root in memory or an overlay proves nothing: live
 * systems and containers have such roots, and are not ours to stop.
 */
bool boot_in_initramfs(const char *root);

/* reboot(2) without a shutdown: nothing that could be lost is mounted in an initramfs. -errno if it returns. */
int boot_stop(enum boot_end end, unsigned int seconds);

/*
 * Runs a program (`arguments[0]` is its path), at most for `limit_ms` (0: no limit). 0 with its status as of
 * waitpid(2), which is BOOT_NOT_STARTED if there is no such program; -ETIMEDOUT: it still runs; or another negative
 * errno. It inherits nothing of the environment, which in an initramfs comes from the kernel command line.
 */
#define BOOT_NOT_STARTED (127 << 8) /* as the shell has it */
int boot_run_program(const char *const arguments[], int64_t limit_ms, int *status);
