/* SPDX-License-Identifier: MIT */
#pragma once

/* The real half of boot.h. */
#include "boot.h"

/*
 * Calls `run` in a process of its own and returns what it returned. Whatever else happens to that process is an error,
 * which is reported (and written to options->report_path). Signals that ask us to stop are left to it.
 */
bool boot_linux_run_apart(bool (*run)(const struct options *options), const struct options *options);

void boot_linux_pause(unsigned int seconds);

/* True if the root directory is still the one that the kernel unpacked: a ramfs or tmpfs. */
bool boot_linux_in_initramfs(void);

/* reboot(2), at once: nothing that could be lost is mounted in an initramfs. -errno if it returns, not reported. */
int boot_linux_stop(enum boot_end end);
