/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Tables for people, on standard output: every column as wide as its widest cell, two blanks in between, in no more than 80
 * columns. The last column gets what is left of them and goes on in further lines; if that is too little, the widest of the
 * others is cut and ends in "..".
 */
#include <stddef.h>

#include "util/log.h"

#define TABLE_WIDTH 80
#define TABLE_COLUMNS_MAX 8
#define TABLE_CELL_SIZE 320

struct table_row {
	enum log_style style;
	char cells[TABLE_COLUMNS_MAX][TABLE_CELL_SIZE];
};

struct table {
	const char *const *titles; /* NULL behind the last */
	size_t rows;
	/* Fills in a row, which is empty. Called twice for each, with the same result. */
	void (*fill)(const void *context, size_t row, struct table_row *cells);
	const void *context;
};

/* Prints titles and rows; nothing if there are no rows. */
void table_print(const struct table *table);
