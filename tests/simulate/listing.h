/* SPDX-License-Identifier: MIT */
#pragma once

/* The list of APQNs of the simulated machine, read from the printed table. */
#include "options.h"
#include "sim/sim_machine.h"
#include "simulate/properties.h"

/*
 * Makes a list with the configuration file and the timeout of `options`; `shown`: prints it. If `options` has a report
 * path, the report of the list is PATH.list. Sets the log's sink.
 */
void listing_take(struct sim *sim, const struct options *options, bool shown, struct outcome_list *list);
