/* SPDX-License-Identifier: MIT */
#pragma once

/* The real half of boot.h. */
#include "boot/boot.h"

struct boot_linux_apart {
	bool (*run)(const struct options *options);
	const char *lock_path; /* its lock file: removed here if the process could not do it itself */
	int64_t grace_ms;      /* how long it may take to end after options->timeout_ms, if that is not 0 */
};

/*
 * Calls `run` in a process of its own and returns what it returned. Whatever else happens to that process is an error,
 * which is reported, and written to options->report_path. Signals that ask us to stop are left to it.
 */
bool boot_linux_run_apart(const struct boot_linux_apart *apart, const struct options *options);

/*
 * Loads the kernel's modules for crypto queues and for the Ultravisor with `modprobe` (a path), which gets half of
 * the time at most; what it takes is subtracted from options->timeout_ms. They may be built in: nothing is an error.
 */
void boot_linux_load_modules(const char *modprobe, struct options *options);

void boot_linux_pause(unsigned int seconds);

/*
 * True only if it is certain: there is /etc/initrd-release (dracut, mkinitcpio), or the root directory is still the kernel's
 * own, into which it unpacked the image (initramfs-tools). A root in memory or an overlay proves nothing: live systems and
 * containers have such roots, and are not ours to stop. `root` stands in front of both paths: "" but for tests.
 */
bool boot_linux_in_initramfs(const char *root);

/* reboot(2), at once: nothing that could be lost is mounted in an initramfs. -errno if it returns, not reported. */
int boot_linux_stop(enum boot_end end);
