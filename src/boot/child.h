/* SPDX-License-Identifier: MIT */
#pragma once

/* Processes that are waited for only so long: what the kernel keeps cannot be ended by anybody. */
#include <stdint.h>
#include <sys/types.h>

/*
 * Waits for the end of `child`, at most for `limit_ms` (0: without a limit). 0 with its status as of waitpid(2);
 * -ETIMEDOUT: it goes on and is still ours; other negative errno: it cannot be waited for.
 */
int child_wait(pid_t child, int64_t limit_ms, int *status);

#define CHILD_NOT_STARTED (127 << 8) /* exit status 127, as the shell has it */

/*
 * Runs a program (`arguments[0]` is its path), too; status CHILD_NOT_STARTED if that is not possible. It inherits
 * nothing of the environment, which in an initramfs comes from the kernel command line.
 */
int child_run(const char *const arguments[], int64_t limit_ms, int *status);
