/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/boot.h"
#include "config/config.h"
#include "kernel/machine.h"
#include "options.h"
#include "report/report.h"
#include "run.h"
#include "util/cleanup.h"
#include "util/lock.h"
#include "util/log.h"
#include "util/text.h"

#define STUCK_GRACE_MS 4000 /* beyond its timeout, for a run that hangs */

static bool check_config(const struct options *options)
{
	const char *path = options->config_path;
	cleanup_(config_release) struct config config = { 0 };

	if (config_load(path, options->timeout_ms, &config) < 0)
		return false;
	log_info("%s: %zu valid %s", path, config.count, text_plural(config.count, "entry", "entries"));
	return true;
}

static bool run(const struct options *options)
{
	struct machine *machine = NULL;
	bool locked = false, success = false;
	int r = machine_linux_create("/sys", "/dev/uv", &machine);

	if (r < 0) {
		log_error("/sys: %s", strerror(-r));
	} else if (!options->list && !options->lock_only) { /* which change no APQN */
		/* With a machine, signals no longer kill the process, so the lock is always removed. */
		r = lock_acquire(LOCK_PATH, options->boot);
		locked = r == 0;
		/* In early boot only another run is a reason to stop, not a /run that is full or read-only. */
		if (r < 0 && r != -EEXIST && options->boot) {
			log_warning("continuing without a lock file");
			r = 0;
		}
	}
	if (r == 0)
		success = run_pvapconfig(machine, options);
	else
		report_json_write_failure(options);
	if (locked)
		lock_release(LOCK_PATH);
	machine_linux_destroy(machine);
	return success;
}

static bool run_in_initramfs(const struct options *options)
{
	struct options left = *options;

	/* The run before has done it, or modprobe hangs. */
	if (!options->lock_only)
		boot_load_modules("/sbin/modprobe", &left);
	return run(&left);
}

/* A report of an earlier run is removed: it must not be taken for that of this run. */
static bool run_supervised(const struct options *options)
{
	if (mkdir(BOOT_REPORT_DIRECTORY, 0755) < 0 && errno != EEXIST)
		log_warning("cannot create %s: %s", BOOT_REPORT_DIRECTORY, strerror(errno));
	if (options->report_path)
		unlink(options->report_path);
	if (options->status_path)
		unlink(options->status_path);
	return boot_run_supervised(run_in_initramfs, options, LOCK_PATH, STUCK_GRACE_MS);
}

static bool boot(void)
{
	static const struct boot_actions actions = { .run = run_supervised, .stop = boot_stop };

	log_begin_boot("/dev/kmsg");
	return boot_run("", &actions);
}

/* Nothing else is taken from the environment. NO_COLOR: see no-color.org. */
static bool wants_color(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (!no_color || !*no_color) && term && *term && strcmp(term, "dumb") != 0;
}

static bool status(const struct options *options)
{
	bool success = false;

	if (status_show(BOOT_STATUS_PATH, options->json ? BOOT_REPORT_PATH : NULL, &success) < 0 && options->json)
		report_json_write_failure(options);
	return success;
}

static bool act(const struct options *options)
{
	if (options->boot)
		return boot();
	if (options->status)
		return status(options);
	return options->check_config ? check_config(options) : run(options);
}

/* Lost output is a failure if output was the only task, and a warning if queues were configured. */
static int exit_status(bool success, bool only_shows)
{
	int lost = log_output_error();

	log_report_lost();

	/* A reader that closes a pipe has seen enough. */
	if (lost == 0 || lost == -EPIPE)
		return success ? EXIT_SUCCESS : EXIT_FAILURE;
	log_line(only_shows ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "cannot write to standard output: %s",
		 lost == -ETIMEDOUT ? "the reader is too slow" : strerror(-lost));
	return success && !only_shows ? EXIT_SUCCESS : EXIT_FAILURE;
}

/*
 * If the program is started without standard streams, the first files that it opens must not get their numbers, and
 * then its messages. Not /dev/null, which may not exist yet.
 */
static void occupy_standard_streams(void)
{
	int fd;

	do
		fd = open("/", O_PATH);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char *argv[])
{
	struct options options;

	occupy_standard_streams();
	/* If it was inherited as ignored, the status of children would be lost. */
	signal(SIGCHLD, SIG_DFL);
	switch (options_parse(argc, argv, &options)) {
	case OPTIONS_RUN:
		break;
	case OPTIONS_EXIT_SUCCESS:
		return exit_status(true, true);
	case OPTIONS_EXIT_FAILURE:
		if (options.json)
			report_json_write_failure(&options);
		return EXIT_FAILURE;
	}
	/* A core dump would wait for all processes that share our memory, and one of them may hang in the kernel. */
	prctl(PR_SET_DUMPABLE, 0);
	/* Neither a closed pipe nor a limit for files must kill the process while it holds the lock. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	log_set_verbose(options.verbose);
	log_set_color(wants_color());
	options.lock_path = LOCK_PATH;
	if (options.json)
		log_leave_output();
	return exit_status(act(&options), options.list || options.status);
}
