/* SPDX-License-Identifier: MIT */
#pragma once

/* For every wait: a monotonic clock, the signals that end the program, and progress messages. */
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

/* Signals that end a run cleanly: Ctrl-C, Ctrl-\, a closed terminal, kill(1), time limits, a signal of the caller. */
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

/* A long wait is reported: one line every 5 seconds. */
#define PROGRESS_INTERVAL_MS 5000

/* When to wake up in order to report: `until_ms`, or earlier. */
static inline int64_t progress_until(int64_t now_ms, int64_t until_ms)
{
	return until_ms - now_ms > PROGRESS_INTERVAL_MS ? now_ms + PROGRESS_INTERVAL_MS : until_ms;
}

/* True if a wait that began at `since_ms` is to be reported now. *next_ms belongs to the caller, 0 at the start. */
static inline bool progress_is_due(int64_t now_ms, int64_t since_ms, int64_t *next_ms)
{
	if (now_ms - since_ms < PROGRESS_INTERVAL_MS || now_ms < *next_ms)
		return false;
	*next_ms = now_ms + PROGRESS_INTERVAL_MS;
	return true;
}
