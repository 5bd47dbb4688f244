/* SPDX-License-Identifier: MIT */
#include "report/table.h"

#include <stdio.h>
#include <string.h>

#define GAP 2

struct widths {
	size_t columns[TABLE_COLUMNS_MAX];
	size_t count;
	size_t start; /* of the last column */
};

/* Row 0 has the titles. */
static bool fill_row(const struct table *table, size_t index, struct table_row *row)
{
	row->style = index > 0 ? LOG_STYLE_PLAIN : LOG_STYLE_HEAD;
	for (size_t i = 0; i < TABLE_COLUMNS_MAX; i++)
		row->cells[i][0] = '\0';
	if (index > 0)
		return table->fill(table->context, index - 1, row);
	for (size_t i = 0; table->titles[i]; i++)
		snprintf(row->cells[i], sizeof(row->cells[i]), "%s", table->titles[i]);
	return true;
}

static void widen(struct widths *widths, const struct table_row *row)
{
	for (size_t i = 0; i < widths->count; i++) {
		size_t length = strlen(row->cells[i]);

		widths->columns[i] = length > widths->columns[i] ? length : widths->columns[i];
	}
}

/* Returns false if the table is empty. */
static bool measure(const struct table *table, struct table_row *row, struct widths *widths)
{
	bool any = false;

	while (table->titles[widths->count])
		widths->count++;
	for (size_t i = 0; i <= table->rows; i++) {
		if (!fill_row(table, i, row))
			continue;
		widen(widths, row);
		any = i > 0;
	}
	for (size_t i = 0; i + 1 < widths->count; i++)
		widths->start += widths->columns[i] + GAP;
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

static void print_row(const struct widths *widths, const struct table_row *row)
{
	const char *rest = row->cells[widths->count - 1];
	char line[TABLE_COLUMNS_MAX * (TABLE_CELL_SIZE + GAP) + 1], *cell = line;

	memset(line, ' ', widths->start);
	for (size_t i = 0; i + 1 < widths->count; i++) {
		memcpy(cell, row->cells[i], strlen(row->cells[i]));
		cell += widths->columns[i] + GAP;
	}
	do {
		size_t piece = piece_length(rest, TABLE_WIDTH - widths->start), length = widths->start + piece;

		memcpy(line + widths->start, rest, piece);
		while (length > 0 && line[length - 1] == ' ')
			length--;
		line[length] = '\0';
		log_styled(row->style, line);
		rest += piece;
		rest += strspn(rest, " ");
		memset(line, ' ', widths->start);
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
	for (size_t i = 0; i <= table->rows; i++) {
		if (fill_row(table, i, &row))
			print_row(&widths, &row);
	}
}
