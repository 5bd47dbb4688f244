/* SPDX-License-Identifier: MIT */
#include "boot/linux.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/child.h"
#include "report/report.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/lock.h"
#include "util/log.h"
#include "util/wait.h"

#define KILL_WAIT_MS 500
#define MOUNTS_MAX 1048576 /* bytes */

static void ignore_signals(void)
{
	for (size_t i = 0; i < WAIT_SIGNAL_COUNT; i++)
		signal(wait_signals[i], SIG_IGN);
}

/* A process that the kernel keeps outlives its SIGKILL; nobody waits for it. */
static void end_child(pid_t child)
{
	int status;

	kill(child, SIGKILL);
	child_wait(child, KILL_WAIT_MS, &status);
}

/* True if it has ended by itself. */
static bool wait_for_run(pid_t child, int64_t limit_ms, int *status)
{
	int r = child_wait(child, limit_ms, status);

	if (r == -ETIMEDOUT) {
		log_error("the run is stuck and given up; the APQNs are left as they are now");
		end_child(child);
	} else if (r < 0) {
		log_error("the end of the run cannot be seen: %s", strerror(-r));
	} else if (WIFSIGNALED(*status)) {
		log_error("the run was ended by signal %d; the APQNs are left as they are now", WTERMSIG(*status));
	}
	return r == 0 && WIFEXITED(*status);
}

bool boot_linux_run_apart(const struct boot_linux_apart *apart, const struct options *options)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(apart->run(options) ? EXIT_SUCCESS : EXIT_FAILURE);
	if (child < 0) {
		log_error("no process can be made: %s", strerror(errno));
	} else {
		ignore_signals();
		if (wait_for_run(child, options->timeout_ms > 0 ? options->timeout_ms + apart->grace_ms : 0, &status))
			return WEXITSTATUS(status) == EXIT_SUCCESS;
		lock_remove_of(apart->lock_path, child);
	}
	report_json_write_failure(options);
	return false;
}

void boot_linux_load_modules(const char *modprobe, struct options *options)
{
	const char *const arguments[] = { modprobe, "-q", "-a", "uvdevice", "zcrypt_cex4", NULL };
	int64_t start_ms = wait_now_ms(), limit_ms = (options->timeout_ms + 1) / 2;
	int status = 0, r = child_run(arguments, limit_ms, &status);

	if (r == -ETIMEDOUT)
		log_warning("loading uvdevice and zcrypt_cex4 takes too long (%s is not waited for any longer)",
			    modprobe);
	else if (r < 0 || status == CHILD_NOT_STARTED)
		log_warning("%s cannot be started: uvdevice and zcrypt_cex4 have to be there already", modprobe);
	if (options->timeout_ms > 0)
		options->timeout_ms -= wait_now_ms() - start_ms;
	/* 0 would be no limit at all. */
	if (limit_ms > 0 && options->timeout_ms < 1)
		options->timeout_ms = 1;
}

void boot_linux_pause(unsigned int seconds)
{
	while (seconds > 0)
		seconds = sleep(seconds);
}

/* Of several file systems at the same place the last is the one that is seen. */
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

bool boot_linux_in_initramfs(const char *root)
{
	char release[PATH_MAX], mounts[PATH_MAX];
	const struct file_source source = {
		.what = "list of mounts", .path = mounts, .max = MOUNTS_MAX, .level = LOG_LEVEL_WARNING
	};
	cleanup_free_ char *text = NULL;
	size_t length;

	snprintf(release, sizeof(release), "%s/etc/initrd-release", root);
	snprintf(mounts, sizeof(mounts), "%s/proc/mounts", root);
	return access(release, F_OK) == 0 || (file_read(&source, &text, &length) == 0 && is_root_of_kernel(text));
}

int boot_linux_stop(enum boot_end end)
{
	static const int commands[] = {
		[BOOT_POWER_OFF] = RB_POWER_OFF, [BOOT_REBOOT] = RB_AUTOBOOT, [BOOT_HALT] = RB_HALT_SYSTEM
	};

	return reboot(commands[end]) < 0 ? -errno : 0;
}
