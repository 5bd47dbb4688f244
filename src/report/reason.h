/* SPDX-License-Identifier: MIT */
#pragma once

/* Why an entry is not satisfied: the reason, and near misses, the APQNs that come closest to it. */
#include <stddef.h>

#include "report/report.h"

#define REASON_SIZE 320
void reason_format(const struct report *report, size_t entry, char reason[REASON_SIZE]);

#define NEAR_MISS_MAX 2 /* for an entry */
#define NEAR_MISS_SIZE 320
#define NEAR_MISS_PAIRS_MAX (1 << 22) /* of an entry and an APQN; the time of a report has a limit, too */

struct near_miss {
	size_t apqn;
	unsigned int faults; /* a set of bits; a smaller number is nearer */
};

/*
 * Fills in the nearest ones, best first, equal ones in their order, and returns how many there are. The APQN that the
 * reason names is not among them. None for an entry that is satisfied, that no APQN could satisfy, or for which that is
 * not known; nor for the entries after the first NEAR_MISS_PAIRS_MAX pairs.
 */
size_t near_miss_find(const struct report *report, size_t entry, struct near_miss misses[NEAR_MISS_MAX]);

/* "APQN 11.0009 has the master key, but it is offline" */
void near_miss_format(const struct report *report, size_t entry, const struct near_miss *miss,
		      char text[NEAR_MISS_SIZE]);
