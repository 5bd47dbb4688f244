/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The machine that this program runs on. Every call is made by a child process (worker.h); calls under way at the
 * same time are made by different children. While it exists, the signals of wait.h do not end the program but
 * make machine_wait return -EINTR.
 */
#include "kernel/machine.h"

/*
 * sysfs is usually "/sys", uv_device "/dev/uv"; tests name prepared folders. `uv_device` must live as long as the
 * machine. 0 or negative errno.
 */
int machine_linux_create(const char *sysfs, const char *uv_device, struct machine **machine);

/*
 * Ends and reaps all children of this process; one that the kernel keeps is left behind after 50 ms. Signals are as
 * before. NULL is fine.
 */
void machine_linux_destroy(struct machine *machine);
