/* SPDX-License-Identifier: MIT */
#pragma once

/* A list of the APQNs of the simulated machine, taken as a person sees it. */
#include "options.h"
#include "sim/sim_machine.h"
#include "simulate/properties.h"

/*
 * Makes a list with the configuration file and the timeout of `options`; with `shown` it is printed. If these want a report,
 * that of the list is beside it (PATH.list). Sets the log's sink.
 */
void listing_take(struct sim *sim, const struct options *options, bool shown, struct outcome_list *list);
