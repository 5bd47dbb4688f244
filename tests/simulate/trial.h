/* SPDX-License-Identifier: MIT */
#pragma once

/* Whole runs of pvapconfig in a random scenario, with all checks (properties.h). */
#include <stdbool.h>

#include "simulate/draw.h"

/*
 * One run, and a second one after it if nothing can fail. The configuration file is written to `path`. `shown`: prints
 * messages and calls. Returns the property that does not hold, or NULL.
 */
const char *trial_run(const struct draw *draw, const char *path, bool shown);

/*
 * Runs that are killed after their first call, their second, and so on to the last. After each, another run must have
 * all properties, and the same result as an undisturbed run. Skips scenarios in which something may fail. Returns the
 * property that does not hold, or NULL. *calls is the call after which that run was killed, or the number of killed
 * runs.
 */
const char *trial_sweep(const struct draw *draw, const char *path, size_t *calls);

/* Repeats one run of trial_sweep and prints its messages and calls. */
const char *trial_show_killed(const struct draw *draw, const char *path, size_t calls);
