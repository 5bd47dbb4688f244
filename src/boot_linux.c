/* SPDX-License-Identifier: MIT */
#include "boot_linux.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "report_json.h"

/* f_type of statfs: linux/magic.h, which is not there when building with musl. */
#define RAMFS 0x858458f6U
#define TMPFS 0x01021994U

static void ignore_signals(void)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

/* For whoever reads the report later: that there was a run, and how it ended. */
static bool report_crash(const struct options *options)
{
	const struct config config = { 0 };
	const struct report report = { .config = &config };

	report_json_write(&report, options, 0, false);
	return false;
}

bool boot_linux_run_apart(bool (*run)(const struct options *options), const struct options *options)
{
	pid_t child = fork(), waited;
	int status = 0;

	if (child == 0)
		_exit(run(options) ? EXIT_SUCCESS : EXIT_FAILURE);
	if (child < 0) {
		log_error("no process can be made: %s", strerror(errno));
		return report_crash(options);
	}
	ignore_signals();
	do
		waited = waitpid(child, &status, 0);
	while (waited < 0 && errno == EINTR);
	if (waited == child && WIFEXITED(status))
		return WEXITSTATUS(status) == EXIT_SUCCESS;
	if (waited < 0)
		log_error("the end of the run cannot be seen: %s", strerror(errno));
	else
		log_error("the run was ended by signal %d; the APQNs are left as they are now", WTERMSIG(status));
	return report_crash(options);
}

void boot_linux_pause(unsigned int seconds)
{
	while (seconds > 0)
		seconds = sleep(seconds);
}

bool boot_linux_in_initramfs(void)
{
	struct statfs status;

	return statfs("/", &status) == 0 &&
	       ((unsigned int)status.f_type == RAMFS || (unsigned int)status.f_type == TMPFS);
}

int boot_linux_stop(enum boot_end end)
{
	static const int commands[] = {
		[BOOT_POWER_OFF] = RB_POWER_OFF, [BOOT_REBOOT] = RB_AUTOBOOT, [BOOT_HALT] = RB_HALT_SYSTEM
	};

	return reboot(commands[end]) < 0 ? -errno : 0;
}
