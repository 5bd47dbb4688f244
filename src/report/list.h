/* SPDX-License-Identifier: MIT */
#pragma once

/* The table of all APQNs: their state for --list, with the planned state for --dry-run. */
#include <stdbool.h>

#include "ap/inventory.h"
#include "config/config.h"
#include "kernel/machine.h"
#include "options.h"
#include "report/report.h"
#include "uv/secrets.h"

/*
 * `pvapconfig --list`: gathers and, unless options->json is set, prints the table. Only reads, takes no lock, and binds
 * no queue to identify it. `config` (for names), `secrets` and `inventory` are empty before; the caller releases them,
 * whatever the result is. False, reported, if there is no list or if it is not complete.
 */
bool list_run(struct machine *machine, const struct options *options, int64_t deadline_ms, struct config *config,
	      struct secrets *secrets, struct inventory *inventory);

/* Prints the table of a list. `unread`: why no identity was read at all, or NULL. False without memory, reported. */
bool list_print(const struct report *report, const char *unread);

/* After a dry run: the table with what a real run would change. */
void list_print_planned(const struct report *report);
