/* SPDX-License-Identifier: MIT */
#pragma once

/* What every wait needs: a clock that only goes forward, and the signals that ask the program to end. */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define WAIT_FOREVER INT64_MAX /* ms */

/* CLOCK_MONOTONIC, ms. */
static inline int64_t wait_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* All that end a run in order: Ctrl-C, Ctrl-\, a closed terminal, kill(1), limits of time, and what a caller may choose. */
static const int wait_signals[] = { SIGINT,  SIGQUIT,   SIGHUP,  SIGTERM, SIGALRM,
				    SIGXCPU, SIGVTALRM, SIGPROF, SIGUSR1, SIGUSR2 };

#define WAIT_SIGNAL_COUNT (sizeof(wait_signals) / sizeof(wait_signals[0]))

/* True if one of them is pending: those that are not ignored are blocked while there is a machine (kernel/linux.c). */
static inline bool wait_is_stopped(void)
{
	sigset_t pending;
	bool stopped = false;

	if (sigpending(&pending) < 0)
		return false;
	for (unsigned int i = 0; i < WAIT_SIGNAL_COUNT; i++)
		stopped = stopped || sigismember(&pending, wait_signals[i]) > 0;
	return stopped;
}
