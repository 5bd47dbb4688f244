/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Prints tables on standard output, at most 80 columns wide. Each column is as wide as its widest cell, with two blanks
 * in between. The last column gets the rest of the line and continues in further lines; the others must leave room.
 */
#include <stdbool.h>
#include <stddef.h>

#include "util/log.h"

#define TABLE_WIDTH 80
#define TABLE_COLUMNS_MAX 8
#define TABLE_CELL_SIZE 1024 /* the reasons of an entry */

struct table_row {
	enum log_style style;
	char cells[TABLE_COLUMNS_MAX][TABLE_CELL_SIZE];
};

struct table {
	const char *const *titles; /* NULL after the last */
	bool gap;                  /* an empty line first */
	size_t rows;
	/*
	 * Fills in a row, which is empty, or returns false to leave it out. Called for all rows in their order, twice,
	 * with the same result.
	 */
	bool (*fill)(void *context, size_t row, struct table_row *cells);
	void *context;
};

/* Prints titles and rows; nothing if no row is filled in. */
void table_print(const struct table *table);
