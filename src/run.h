/* SPDX-License-Identifier: MIT */
#pragma once

/* The stages of a run in their order (manual, steps 1 to 9), on any machine. */
#include <stdbool.h>

#include "kernel/machine.h"
#include "options.h"

/* Configures the APQNs, or unbinds or lists all of them, as the options say. True: successful. Everything was reported. */
bool run_pvapconfig(struct machine *machine, const struct options *options);
