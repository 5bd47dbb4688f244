/* SPDX-License-Identifier: MIT */
#pragma once

/* The stages of a run in their order (steps 1 to 9 in the manual page of s390-tools' pvapconfig), on any machine. */
#include <stdbool.h>

#include "kernel/machine.h"
#include "options.h"

#define RUN_LOCK_TIME_MS 2000 /* for locking the secret store after a run that failed */

/* Configures, unbinds or lists the APQNs, as the options say. True: successful. Everything was reported. */
bool run_pvapconfig(struct machine *machine, const struct options *options);

/*
 * Locks the secret store and does nothing else. For early boot, after a run that could not do it: it was killed,
 * stopped by a signal, or did not get so far. True: locked, or this is no Secure Execution guest, which has no store.
 */
bool run_lock_secrets(struct machine *machine);
