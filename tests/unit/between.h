/* SPDX-License-Identifier: MIT */
#pragma once

/* A range check for every version of cmocka: 2 deprecates assert_in_range(), and 1 has no other. Include after cmocka.h. */
#include <stdint.h>

#define assert_between(value, low, high)                                                                              \
	do {                                                                                                           \
		intmax_t between_value = (intmax_t)(value), between_low = (intmax_t)(low), between_high = (intmax_t)(high); \
                                                                                                                       \
		if (between_value < between_low || between_value > between_high)                                       \
			fail_msg("%jd is not between %jd and %jd", between_value, between_low, between_high);          \
	} while (0)
