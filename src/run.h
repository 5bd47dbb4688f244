/* SPDX-License-Identifier: MIT */
#pragma once

/* The stages of a run in their order (steps 1 to 9 in the manual page of s390-tools' pvapconfig), on any machine. */
#include <stdbool.h>

#include "kernel/machine.h"
#include "options.h"

/* Configures, unbinds or lists the APQNs, as the options say. True: successful. Everything was reported. */
bool run_pvapconfig(struct machine *machine, const struct options *options);
