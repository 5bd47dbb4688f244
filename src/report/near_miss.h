/* SPDX-License-Identifier: MIT */
#pragma once

/* Near misses: the APQNs that come nearest to an entry that is not satisfied, and what keeps each of them from it. */
#include <stddef.h>

#include "report/report.h"

#define MISS_MAX 2 /* for an entry */

#define MISS_TEXT_SIZE 320

struct miss {
	size_t apqn;
	unsigned int faults; /* a set; a smaller number is nearer */
};

/*
 * Fills in the nearest ones, best first, equal ones in their order, and returns how many there are. Not among them is
 * the APQN that the entry's reason speaks of. None for an entry that is satisfied, that cannot be whatever the APQNs are, or
 * of which that is not known.
 */
size_t miss_find(const struct report *report, size_t entry, struct miss misses[MISS_MAX]);

/* "APQN 11.0009 has the master key, but it is offline" */
void miss_format(const struct report *report, size_t entry, const struct miss *miss, char text[MISS_TEXT_SIZE]);
