/* SPDX-License-Identifier: MIT */
#include "boot/boot.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report/report.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/lock.h"
#include "util/log.h"
#include "util/wait.h"

#define POLL_INTERVAL_MS 10 /* without a pidfd */
#define KILL_WAIT_MS 500
#define MOUNTS_MAX 1048576 /* bytes */

/* --- child processes ------------------------------------------------------------------------------ */

/*
 * Waits for the end of `child`, at most for `limit_ms` (0: no limit). 0 with its status as of waitpid(2); -ETIMEDOUT:
 * it still runs and is still ours. A pidfd tells the end at once; before Linux 5.3 there is none, and it is polled for.
 */
static int wait_for_child(pid_t child, int64_t limit_ms, int *status)
{
	cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, child, 0);
	struct pollfd wanted = { .fd = fd, .events = POLLIN };
	int64_t until_ms = limit_ms > 0 ? wait_now_ms() + limit_ms : WAIT_FOREVER;

	for (;;) {
		pid_t waited = waitpid(child, status, WNOHANG);
		int64_t left_ms;

		if (waited > 0)
			return 0;
		if (waited < 0 && errno != EINTR)
			return -errno;
		left_ms = until_ms - wait_now_ms();
		if (left_ms <= 0)
			return -ETIMEDOUT;
		if (fd < 0 && left_ms > POLL_INTERVAL_MS)
			left_ms = POLL_INTERVAL_MS;
		poll(&wanted, 1, left_ms > INT_MAX ? INT_MAX : (int)left_ms);
	}
}

int boot_run_program(const char *const arguments[], int64_t limit_ms, int *status)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	static char *const environment[] = { path, NULL };
	pid_t child = fork();

	if (child == 0) {
		execve(arguments[0], (char *const *)(uintptr_t)arguments, environment);
		_exit(WEXITSTATUS(BOOT_NOT_STARTED));
	}
	return child < 0 ? -errno : wait_for_child(child, limit_ms, status);
}

/* --- a run under supervision ---------------------------------------------------------------------- */

/* True if it has ended by itself. */
static bool wait_for_run(pid_t child, int64_t limit_ms, int *status)
{
	int r = wait_for_child(child, limit_ms, status);

	if (r == -ETIMEDOUT) {
		log_error("timed out: provisioning process killed; queues left in their current state");
		/* A process that hangs in the kernel outlives its SIGKILL; it is not waited for. */
		kill(child, SIGKILL);
		wait_for_child(child, KILL_WAIT_MS, status);
	} else if (r < 0) {
		log_error("cannot wait for the provisioning process: %s", strerror(-r));
	} else if (WIFSIGNALED(*status)) {
		log_error("provisioning process killed by signal %d; queues left in their current state",
			  WTERMSIG(*status));
	}
	return r == 0 && WIFEXITED(*status);
}

bool boot_run_supervised(bool (*run)(const struct options *options), const struct options *options,
			 const char *lock_path, int64_t grace_ms)
{
	int64_t limit_ms = options->timeout_ms > 0 ? options->timeout_ms + grace_ms : 0;
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(run(options) ? EXIT_SUCCESS : EXIT_FAILURE);
	if (child < 0) {
		log_error("cannot fork: %s", strerror(errno));
	} else {
		for (size_t i = 0; i < WAIT_SIGNAL_COUNT; i++)
			signal(wait_signals[i], SIG_IGN);
		if (wait_for_run(child, limit_ms, &status))
			return WEXITSTATUS(status) == EXIT_SUCCESS;
		lock_remove_of(lock_path, child);
	}
	report_json_write_failure(options);
	return false;
}

void boot_load_modules(const char *modprobe, struct options *options)
{
	const char *const arguments[] = { modprobe, "-q", "-a", "uvdevice", "zcrypt_cex4", NULL };
	int64_t start_ms = wait_now_ms(), limit_ms = (options->timeout_ms + 1) / 2;
	int status = 0, r = boot_run_program(arguments, limit_ms, &status);

	if (r == -ETIMEDOUT)
		log_warning("loading uvdevice and zcrypt_cex4 timed out; %s still runs", modprobe);
	else if (r < 0 || status == BOOT_NOT_STARTED)
		log_warning("cannot run %s; uvdevice and zcrypt_cex4 must be built in or loaded already", modprobe);
	if (options->timeout_ms > 0)
		options->timeout_ms -= wait_now_ms() - start_ms;
	/* 0 would be no limit at all. */
	if (limit_ms > 0 && options->timeout_ms < 1)
		options->timeout_ms = 1;
}

/* --- the machine ---------------------------------------------------------------------------------- */

/* Of several file systems mounted at "/", the last one is visible. */
static bool is_root_of_kernel(const char *mounts)
{
	const char *type = "";

	for (const char *line = mounts; line; line = strchr(line, '\n')) {
		const char *place;

		line += *line == '\n';
		place = line + strcspn(line, " \n");
		if (strncmp(place, " / ", 3) == 0)
			type = place + 3;
	}
	return strncmp(type, "rootfs ", 7) == 0;
}

bool boot_in_initramfs(const char *root)
{
	char release[PATH_MAX], mounts[PATH_MAX];
	const struct file_source source = { .what = "list of mounts",
					    .path = mounts,
					    .max = MOUNTS_MAX,
					    .optional = true,
					    .level = LOG_LEVEL_WARNING };
	cleanup_free_ char *text = NULL;
	size_t length;

	snprintf(release, sizeof(release), "%s/etc/initrd-release", root);
	snprintf(mounts, sizeof(mounts), "%s/proc/mounts", root);
	return access(release, F_OK) == 0 || (file_read(&source, &text, &length) == 0 && is_root_of_kernel(text));
}

static const struct {
	int command;
	const char *doing, *verb;
} ends[] = {
	[BOOT_POWER_OFF] = { RB_POWER_OFF, "powering off", "power off" },
	[BOOT_REBOOT] = { RB_AUTOBOOT, "rebooting", "reboot" },
	[BOOT_HALT] = { RB_HALT_SYSTEM, "halting", "halt" },
};

int boot_stop(enum boot_end end, unsigned int seconds)
{
	while (seconds > 0)
		seconds = sleep(seconds);
	return reboot(ends[end].command) < 0 ? -errno : 0;
}

/* --- policy --------------------------------------------------------------------------------------- */

#define NOT_READY "required crypto queues are not ready (rd.pvapconfig.required)"

/* A machine that cannot be stopped still gets neither its volumes nor a shell. */
static void stop_machine(enum boot_end end, const struct boot_actions *actions)
{
	int r;

	do {
		log_error(NOT_READY ": %s in %d seconds", ends[end].doing, BOOT_PAUSE_S);
		r = actions->stop(end, BOOT_PAUSE_S);
		if (r < 0)
			log_error("cannot %s: %s", ends[end].verb, strerror(-r));
	} while (r < 0);
}

static void stop(const char *root, const struct boot_options *options, const struct boot_actions *actions)
{
	if (options->shell)
		log_error(NOT_READY ": no volume is opened; a shell was requested (rd.shell)");
	else if (boot_in_initramfs(root))
		stop_machine(options->end, actions);
	else
		log_error(NOT_READY "; not in an initramfs, the system is left running");
}

bool boot_run(const char *root, const struct boot_actions *actions)
{
	static const struct options lock = { .lock_only = true, .timeout_ms = BOOT_LOCK_TIME_MS };
	struct boot_options options;

	boot_options_read(root, &options);
	log_set_verbose(options.run.verbose);
	if (!options.enabled) {
		log_notice("disabled by rd.pvapconfig=0");
		return true;
	}
	if (actions->run(&options.run))
		return true;
	/* A failed run may not have done it: killed, stopped by a signal, timed out. */
	if (options.run.lock_secrets && !options.run.dry_run && !actions->run(&lock))
		log_error("Ultravisor: the secret store may be unlocked");
	if (options.required)
		stop(root, &options, actions);
	else
		log_info("continuing boot (rd.pvapconfig.required is not set)");
	return !options.required;
}
