/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/reboot.h>
#include <sys/wait.h>

#include "boot/boot.h"
#include "unit/between.h"
#include "unit/log_capture.h"
#include "unit/temp_root.h"
#include "util/lock.h"

static struct temp_root root;
static struct log_capture capture;
static struct options options;
static char report_path[256], lock_path[256];

static int begin(void **state)
{
	(void)state;
	temp_root_begin(&root);
	temp_root_path(&root, "/report.json", report_path);
	temp_root_path(&root, "/x.lock", lock_path);
	options = (struct options){ .config_path = "/etc/pvapconfig.yaml", .report_path = report_path, .timeout_ms = 60000 };
	log_capture_begin(&capture);
	return 0;
}

static int end(void **state)
{
	(void)state;
	log_capture_end();
	temp_root_end(&root);
	return 0;
}

static bool run_supervised(bool (*run)(const struct options *options))
{
	return boot_run_supervised(run, &options, lock_path, 50);
}

static bool do_succeed(const struct options *given)
{
	return given == &options;
}

static bool do_fail(const struct options *given)
{
	(void)given;
	return false;
}

static bool do_crash(const struct options *given)
{
	(void)given;
	return lock_acquire(lock_path, false) == 0 && raise(SIGKILL) == 0;
}

static bool do_get_stuck(const struct options *given)
{
	(void)given;
	if (lock_acquire(lock_path, false) == 0)
		for (;;)
			pause();
	return true;
}

static void ends_by_itself(void **state)
{
	(void)state;
	assert_true(run_supervised(do_succeed));
	options.timeout_ms = 0;
	assert_false(run_supervised(do_fail));
	assert_string_equal(capture.text, "");
	assert_int_equal(access(report_path, F_OK), -1);
}

/* The report has the error, and no lock is left. */
static void assert_given_up(const char *error)
{
	char line[256], report[1024];
	FILE *file;

	snprintf(line, sizeof(line), "error: %s\n", error);
	assert_string_equal(capture.text, line);
	file = fopen(report_path, "r");
	assert_non_null(file);
	report[fread(report, 1, sizeof(report) - 1, file)] = '\0';
	fclose(file);
	snprintf(line, sizeof(line), "\"error\": \"%s\"", error);
	assert_non_null(strstr(report, line));
	assert_int_equal(access(lock_path, F_OK), -1);
}

static void is_killed(void **state)
{
	(void)state;
	assert_false(run_supervised(do_crash));
	assert_given_up("provisioning process killed by signal 9; queues left in their current state");
}

/* The timeout applies wherever the run hangs. */
static void is_stuck(void **state)
{
	(void)state;
	options.timeout_ms = 50;
	assert_false(run_supervised(do_get_stuck));
	assert_given_up("timed out: provisioning process killed; queues left in their current state");
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static bool asks_parent_to_stop(const struct options *given)
{
	(void)given;
	/*
	 * The parent ignores the signal only from some moment on. Before that the signal would kill it, so wait for
	 * that.
	 */
	for (;;) {
		char path[64], text[4096], *line;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%d/status", (int)getppid());
		file = fopen(path, "r");
		if (!file)
			return false;
		text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
		fclose(file);
		line = strstr(text, "SigIgn:");
		if (line && strtoull(line + 7, NULL, 16) & (1ULL << (SIGTERM - 1)))
			break;
	}
	return kill(getppid(), SIGTERM) == 0;
}

static void leaves_signals_to_the_run(void **state)
{
	(void)state;
	assert_true(run_supervised(asks_parent_to_stop));
}

/* A program that records its arguments. */
static void make_loader(const char *path, const char *script)
{
	char full[256];

	temp_root_text(&root, path, script);
	temp_root_path(&root, path, full);
	assert_int_equal(chmod(full, 0755), 0);
}

static void loads_modules(void **state)
{
	char loader[256], asked[256], script[600], line[100] = "";
	FILE *file;

	(void)state;
	temp_root_path(&root, "/modprobe", loader);
	temp_root_path(&root, "/asked", asked);
	snprintf(script, sizeof(script), "#!/bin/sh\necho \"$@\" >%s\nexit 1\n", asked);
	make_loader("/modprobe", script);
	options.timeout_ms = 0;
	boot_load_modules(loader, &options);
	assert_int_equal(options.timeout_ms, 0);
	file = fopen(asked, "r");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	fclose(file);
	assert_string_equal(line, "-q -a uvdevice zcrypt_cex4\n");
	assert_string_equal(capture.text, "");

	options.timeout_ms = 60000;
	boot_load_modules("/there/is/none", &options);
	assert_between(options.timeout_ms, 1, 60000);
	assert_string_equal(capture.text,
			    "warning: cannot run /there/is/none; uvdevice and zcrypt_cex4 must be built in or loaded already\n");
}

/* A program that waits forever. */
static void loader_is_stuck(void **state)
{
	char loader[256], fifo[256], script[600];

	(void)state;
	temp_root_path(&root, "/modprobe", loader);
	temp_root_path(&root, "/fifo", fifo);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	snprintf(script, sizeof(script), "#!/bin/sh\nread -r line <%s\n", fifo);
	make_loader("/modprobe", script);
	options.timeout_ms = 200;
	boot_load_modules(loader, &options);
	assert_between(options.timeout_ms, 1, 150);
	assert_non_null(strstr(capture.text, "warning: loading uvdevice and zcrypt_cex4 timed out; "));
	assert_int_equal(close(open(fifo, O_WRONLY | O_CLOEXEC)), 0);
	assert_true(waitpid(-1, NULL, 0) > 0);
}

/* Even if loading took all the time, the remaining timeout must not become 0, because 0 means no limit. */
static void loading_takes_all_the_time(void **state)
{
	char loader[256];

	(void)state;
	temp_root_path(&root, "/modprobe", loader);
	make_loader("/modprobe", "#!/bin/sh\nexit 0\n");
	options.timeout_ms = 1;
	boot_load_modules(loader, &options);
	assert_int_equal(options.timeout_ms, 1);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static void initramfs(void **state)
{
	static const struct {
		const char *release, *mounts;
		bool is_initramfs;
	} cases[] = {
		{ NULL, NULL, false },
		{ "ID=x\n", NULL, true },
		{ NULL, "", false },
		{ NULL, "rootfs / rootfs rw 0 0\n", true },
		{ NULL, "none / rootfs rw,size=1k 0 0\nproc /proc proc rw 0 0\n", true },
		{ NULL, "rootfs / rootfs rw 0 0\n/dev/vda1 / ext4 rw 0 0\n", false },
		/* Live systems, containers, diskless systems. */
		{ NULL, "tmpfs / tmpfs rw 0 0\n/dev/vda1 /mnt ext4 rw 0 0\n", false },
		{ NULL, "overlay / overlay rw 0 0\n", false },
		{ NULL, "rootfs / rootfs rw 0 0\noverlay / overlay rw 0 0\n", false },
		{ NULL, "none / ramfs rw 0 0\n", false },
		{ NULL, "server:/ / nfs rw 0 0\n", false },
		{ NULL, "rootfs / rootfs rw 0 0\n/dev/vda1 / btrfs rw 0 0\nrootfs /mnt rootfs rw 0 0\n", false },
		{ NULL, "/dev/vda1 / ext4 rw 0 0\nx / rootfsx rw 0 0\n", false },
		{ NULL, "rootfs", false },
		{ NULL, "/dev/vda1 / ", false },
		{ NULL, "/dev/vda1 / averyveryverylongtype rw\n", false },
		{ "", "/dev/vda1 / ext4 rw 0 0\n", true },
		{ "", "overlay / overlay rw 0 0\n", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct temp_root machine;

		temp_root_begin(&machine);
		if (cases[i].release)
			temp_root_text(&machine, "/etc/initrd-release", cases[i].release);
		if (cases[i].mounts)
			temp_root_text(&machine, "/proc/mounts", cases[i].mounts);
		if (boot_in_initramfs(machine.path) != cases[i].is_initramfs)
			fail_msg("case %zu", i);
		temp_root_end(&machine);
	}
}

static int reboot_command;
int __wrap_reboot(int command);

/* Replaces the function of the C library, which would stop this machine. */
int __wrap_reboot(int command)
{
	reboot_command = command;
	errno = EPERM;
	return -1;
}

static void stops(void **state)
{
	(void)state;
	assert_int_equal(boot_stop(BOOT_POWER_OFF, 0), -EPERM);
	assert_true(reboot_command == (int)RB_POWER_OFF);
	assert_int_equal(boot_stop(BOOT_REBOOT, 0), -EPERM);
	assert_true(reboot_command == (int)RB_AUTOBOOT);
	assert_int_equal(boot_stop(BOOT_HALT, 0), -EPERM);
	assert_true(reboot_command == (int)RB_HALT_SYSTEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ends_by_itself, begin, end),
		cmocka_unit_test_setup_teardown(is_killed, begin, end),
		cmocka_unit_test_setup_teardown(is_stuck, begin, end),
		cmocka_unit_test_setup_teardown(leaves_signals_to_the_run, begin, end),
		cmocka_unit_test_setup_teardown(loads_modules, begin, end),
		cmocka_unit_test_setup_teardown(loader_is_stuck, begin, end),
		cmocka_unit_test_setup_teardown(loading_takes_all_the_time, begin, end),
		cmocka_unit_test_setup_teardown(initramfs, begin, end),
		cmocka_unit_test(stops),
	};

	return cmocka_run_group_tests_name("boot_linux", tests, NULL, NULL);
}
