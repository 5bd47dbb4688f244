/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What crypto queues this guest has. Only reads. Errors are reported here; callers get the errno.
 * Texts and files: facts from drivers/s390/crypto/ap_bus.c, ap_card.c, ap_queue.c.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ap/apqn.h"
#include "kernel/machine.h"

struct inventory {
	struct apqn *apqns; /* sorted by apqn_compare; identity is not read */
	size_t count;
	size_t unlisted_cards; /* their queues could not be listed */
};

/*
 * 0 if there is an AP bus, and *passthrough tells whether it supports AP pass-through in SE guests (APSB). With NULL it
 * must support it: -EOPNOTSUPP.
 */
int inventory_check_bus(struct machine *machine, int64_t deadline_ms, bool *passthrough);

/*
 * Waits until the AP bus has scanned all cards and every APQN has its driver, and says so about every 5 seconds.
 * -ETIMEDOUT at the deadline.
 */
int inventory_wait_bindings(struct machine *machine, int64_t deadline_ms);

/* Of the text of bus/ap/bindings: the bus was scanned, and every APQN has its driver. */
bool inventory_bindings_complete(const char *text);

/*
 * Finds all APQNs and reads their states (type, online, se_bind, se_associate). A queue that cannot be read has a
 * failure set; the others go on. `plain`: queues cannot be bound here (no APSB), se_bind and se_associate are not read.
 * *inventory is empty before; release it after 0.
 */
int inventory_gather(struct machine *machine, int64_t deadline_ms, bool plain, struct inventory *inventory);

void inventory_release(struct inventory *inventory);
