/* SPDX-License-Identifier: MIT */
#pragma once

/* Tables: every row is a separate test, so a failure names its row and does not hide others. Include after cmocka.h. */
#include <stddef.h>

/* Rows begin with their name. `setup`, or the test if there is no setup, finds the row in *state. */
static inline void add_rows(struct CMUnitTest *tests, const void *rows, size_t count, size_t size,
			    CMUnitTestFunction test, CMFixtureFunction setup, CMFixtureFunction teardown)
{
	for (size_t i = 0; i < count; i++) {
		const char *const *row = (const void *)((const char *)rows + i * size);

		tests[i] = (struct CMUnitTest){ *row, test, setup, teardown, (void *)row };
	}
}
