/* SPDX-License-Identifier: MIT */
#include "report/table.h"

#include <stdio.h>
#include <string.h>

#define GAP 2
#define LAST_WIDTH_MIN 12
#define DOTS 2 /* at the end of a cell that was cut */

struct widths {
	size_t columns[TABLE_COLUMNS_MAX];
	size_t count;
	size_t start; /* of the last column */
};

static bool fill_row(const struct table *table, size_t index, struct table_row *row)
{
	row->style = LOG_STYLE_PLAIN;
	for (size_t i = 0; i < TABLE_COLUMNS_MAX; i++)
		row->cells[i][0] = '\0';
	return table->fill(table->context, index, row);
}

static void fill_titles(const struct table *table, struct table_row *row)
{
	row->style = LOG_STYLE_HEAD;
	for (size_t i = 0; table->titles[i]; i++)
		snprintf(row->cells[i], sizeof(row->cells[i]), "%s", table->titles[i]);
}

static void widen(struct widths *widths, const struct table_row *row)
{
	for (size_t i = 0; i < widths->count; i++) {
		size_t length = strlen(row->cells[i]);

		widths->columns[i] = length > widths->columns[i] ? length : widths->columns[i];
	}
}

/* Shrinks the widest column. */
static void narrow(struct widths *widths)
{
	while (widths->start + LAST_WIDTH_MIN > TABLE_WIDTH) {
		size_t widest = 0;

		for (size_t i = 1; i + 1 < widths->count; i++) {
			if (widths->columns[i] > widths->columns[widest])
				widest = i;
		}
		widths->columns[widest]--;
		widths->start--;
	}
}

/* Returns false if the table is empty. */
static bool measure(const struct table *table, struct table_row *row, struct widths *widths)
{
	bool any = false;

	while (table->titles[widths->count])
		widths->count++;
	fill_titles(table, row);
	widen(widths, row);
	for (size_t i = 0; i < table->rows; i++) {
		if (!fill_row(table, i, row))
			continue;
		widen(widths, row);
		any = true;
	}
	for (size_t i = 0; i + 1 < widths->count; i++)
		widths->start += widths->columns[i] + GAP;
	narrow(widths);
	return any;
}

/* Length of the text that goes into one line: whole words, unless the first is too long. */
static size_t piece_length(const char *text, size_t room)
{
	size_t length = strlen(text), end = room;

	if (length <= room)
		return length;
	while (end > 0 && text[end] != ' ')
		end--;
	return end > 0 ? end : room;
}

static size_t put_cell(char *line, size_t length, const char *text, size_t width)
{
	size_t count = strlen(text);

	memset(line + length, ' ', width + GAP);
	memcpy(line + length, text, count < width ? count : width);
	if (count > width)
		memset(line + length + width - DOTS, '.', DOTS);
	return length + width + GAP;
}

static void print_row(const struct widths *widths, const struct table_row *row)
{
	const char *rest = row->cells[widths->count - 1];
	char line[TABLE_COLUMNS_MAX * (TABLE_CELL_SIZE + GAP) + 1];
	size_t start = 0;

	for (size_t i = 0; i + 1 < widths->count; i++)
		start = put_cell(line, start, row->cells[i], widths->columns[i]);
	do {
		size_t piece = piece_length(rest, TABLE_WIDTH - start), length = start + piece;

		memcpy(line + start, rest, piece);
		while (length > 0 && line[length - 1] == ' ')
			length--;
		line[length] = '\0';
		log_styled(row->style, line);
		rest += piece;
		rest += strspn(rest, " ");
		memset(line, ' ', start);
	} while (*rest);
}

void table_print(const struct table *table)
{
	struct widths widths = { 0 };
	struct table_row row;

	if (!measure(table, &row, &widths))
		return;
	if (table->gap)
		log_output("%s", "");
	fill_titles(table, &row);
	print_row(&widths, &row);
	for (size_t i = 0; i < table->rows; i++) {
		if (fill_row(table, i, &row))
			print_row(&widths, &row);
	}
}
