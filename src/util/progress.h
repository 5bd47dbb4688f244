/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * On a terminal: what is being waited for and for how long, in one line that is written anew every second (log_transient).
 * Nothing is shown of what takes less than a second, and nothing at all before progress_enable.
 */
#include <stdbool.h>
#include <stdint.h>

#define PROGRESS_SHOW_MS 1000

void progress_enable(bool enable);

/* When to wake up in order to show progress: `until_ms`, or earlier. */
int64_t progress_until(int64_t now_ms, int64_t until_ms);

/* True if it is time to show what has been waited for since then. */
bool progress_is_due(int64_t now_ms, int64_t since_ms);

/* "waiting for WHAT, 12 s" */
void progress_show(int64_t now_ms, int64_t since_ms, const char *what);
