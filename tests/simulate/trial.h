/* SPDX-License-Identifier: MIT */
#pragma once

/* Whole runs of pvapconfig in a drawn scenario, judged (properties.h). */
#include <stdbool.h>

#include "simulate/draw.h"

/*
 * One run, and a second one after it if nothing can fail. `path` is where the configuration file goes; with `shown` all
 * that is said and done is printed. Returns the sentence that does not hold, or NULL.
 */
const char *trial_run(const struct draw *draw, const char *path, bool shown);

/*
 * Runs that are killed after their first call, after their second, and so on to the last; each is followed by a run that
 * has to be as right as one that nobody was killed before, and to come to the same. Scenarios in which something may fail
 * are left out. Returns the sentence that does not hold, or NULL; *calls is after which call, or how many runs there were.
 */
const char *trial_sweep(const struct draw *draw, const char *path, size_t *calls);

/* One run of trial_sweep, with all that is said and done. */
const char *trial_show_killed(const struct draw *draw, const char *path, size_t calls);
