/* SPDX-License-Identifier: MIT */
#pragma once

/* A wait that lasts is reported: one line after 5 seconds, and every 5 seconds from then on. */
#include <stdbool.h>
#include <stdint.h>

#define PROGRESS_INTERVAL_MS 5000

/* When to wake up in order to report: `until_ms`, or earlier. */
static inline int64_t progress_until(int64_t now_ms, int64_t until_ms)
{
	return until_ms - now_ms > PROGRESS_INTERVAL_MS ? now_ms + PROGRESS_INTERVAL_MS : until_ms;
}

/* Whether to report now what is waited for since `since_ms`. *next_ms is the caller's, 0 at the start. */
static inline bool progress_is_due(int64_t now_ms, int64_t since_ms, int64_t *next_ms)
{
	if (now_ms - since_ms < PROGRESS_INTERVAL_MS || now_ms < *next_ms)
		return false;
	*next_ms = now_ms + PROGRESS_INTERVAL_MS;
	return true;
}
