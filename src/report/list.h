/* SPDX-License-Identifier: MIT */
#pragma once

/* `pvapconfig --list`: all APQNs as they are. Only reads, takes no lock, and never binds a queue to learn who it is. */
#include <stdbool.h>

#include "ap/inventory.h"
#include "config/config.h"
#include "kernel/machine.h"
#include "options.h"
#include "uv/secrets.h"

/* What the list is made of, as far as it can be had; starts empty. The caller releases all of it, whatever the result is. */
struct list {
	struct config config;
	struct secrets secrets;
	struct inventory inventory;
};

/*
 * Gathers, and prints the table unless options->json says otherwise. False if there is no list, or if what was asked for
 * is missing in it (names, when there is a configuration); reported.
 */
bool list_run(struct machine *machine, const struct options *options, int64_t deadline_ms, struct list *list);
