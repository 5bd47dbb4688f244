/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * `pvapconfig --boot`: one run in the initramfs, before the first volume is opened, and what becomes of the boot after
 * it. All hooks call this and nothing else; the policy is here.
 *
 *   switched off (rd.pvapconfig=0), or the run succeeds, or it fails and is not required   the boot goes on
 *   it fails and is required                     the cause stays readable for BOOT_PAUSE_S, then the machine is stopped
 *   the same with rd.shell on the command line   BOOT_STOPS: the hooks know how to start a shell
 */
#include <stdbool.h>

#include "boot/parameters.h"

#define BOOT_PAUSE_S 10

enum boot_result {
	BOOT_GOES_ON,
	BOOT_STOPS, /* the volumes stay shut; in an initramfs only if a shell was asked for */
};

/* What early boot asks of the machine. boot/linux.h has the real one. */
struct boot_actions {
	/* One run in a process of its own, so that no crash of it decides on the boot. True: it has succeeded. */
	bool (*run)(const struct options *options);
	/* Locks the secret store, in a process of its own, too. What goes wrong is reported there. */
	void (*lock_secrets)(void);
	void (*pause)(unsigned int seconds);
	/* False in a running system, which is not ours to stop. */
	bool (*in_initramfs)(void);
	/* Stops the machine. -errno if that is not possible, not reported. */
	int (*stop)(enum boot_end end);
};

/* `root` stands in front of the paths of the kernel command line: "" but for tests. */
enum boot_result boot_run(const char *root, const struct boot_actions *actions);
