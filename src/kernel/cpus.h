/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Which CPU does what: none that may be kept in an instruction is one that we need.
 *
 * A bind may not come back from the firmware for as long as it likes. The CPU that made it then fires no timer and runs
 * nothing that waits in its queue, and the kernel's balancing may leave both there. So this process, and whoever waits
 * for it, stay on one CPU, and writes are made on others.
 */
#include <stdbool.h>
#include <sys/types.h>

/*
 * Ties this process, and those that it makes from now on, to the CPU that it runs on, and remembers the others. Without
 * effect if there are no others, if that is not allowed, and the second time.
 */
void cpus_settle(void);

/*
 * A CPU to write on, those that there are in turn; ours if all others are lost; -1 if nothing was settled, and so
 * nothing needs to be moved.
 */
int cpus_pick(void);

/* Who was to write on this CPU did not come back, be it kept by the CPU or by the kernel: it is picked no more. */
void cpus_lose(int cpu);

/* -1, no CPU, is not lost. */
bool cpus_is_lost(int cpu);

/*
 * Moves a process; false if that is refused, and it runs where it is. It must not have been on a lost CPU: the kernel
 * would have us wait for that.
 */
bool cpus_move(pid_t pid, int cpu);
