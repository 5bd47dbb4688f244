/* SPDX-License-Identifier: MIT */
#include "kernel/cpus.h"

#include <sched.h>

/* As the tie itself, this is the process' own, and its children inherit it. */
static struct {
	bool settled;
	int ours, last; /* last: picked last */
	cpu_set_t others;
} cpus;

/* More CPUs than a cpu_set_t holds, and whatever else the kernel refuses, leave everything as it is. */
void cpus_settle(void)
{
	cpu_set_t all;
	int ours = sched_getcpu();

	if (cpus.settled || ours < 0 || ours >= CPU_SETSIZE || sched_getaffinity(0, sizeof(all), &all) < 0 ||
	    CPU_COUNT(&all) < 2 || !cpus_move(0, ours))
		return;
	CPU_CLR(ours, &all);
	cpus.others = all;
	cpus.ours = cpus.last = ours;
	cpus.settled = true;
}

int cpus_pick(void)
{
	if (!cpus.settled)
		return -1;
	for (int step = 1; step <= CPU_SETSIZE; step++) {
		int cpu = (cpus.last + step) % CPU_SETSIZE;

		if (CPU_ISSET(cpu, &cpus.others)) {
			cpus.last = cpu;
			return cpu;
		}
	}
	return cpus.ours;
}

void cpus_lose(int cpu)
{
	CPU_CLR(cpu, &cpus.others);
}

bool cpus_is_lost(int cpu)
{
	return cpus.settled && cpu >= 0 && cpu != cpus.ours && !CPU_ISSET(cpu, &cpus.others);
}

bool cpus_move(pid_t pid, int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(pid, sizeof(one), &one) == 0;
}
