/* SPDX-License-Identifier: MIT */
#include "report/table.h"

#include <stdio.h>
#include <string.h>

#define GAP 2
#define LAST_WIDTH_MIN 12
#define CUT ".."

struct widths {
	size_t columns[TABLE_COLUMNS_MAX];
	size_t count;
	size_t start; /* of the last column */
};

static void clear_row(struct table_row *row)
{
	row->style = LOG_STYLE_PLAIN;
	for (size_t i = 0; i < TABLE_COLUMNS_MAX; i++)
		row->cells[i][0] = '\0';
}

static bool fill_row(const struct table *table, size_t index, struct table_row *row)
{
	clear_row(row);
	return table->fill(table->context, index, row);
}

static void fill_titles(const struct table *table, struct table_row *row)
{
	clear_row(row);
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

static size_t put(char *line, size_t length, const char *text, size_t count, size_t width)
{
	memcpy(line + length, text, count);
	if (count < width)
		memset(line + length + count, ' ', width - count);
	return length + (count > width ? count : width);
}

static size_t put_cell(char *line, size_t length, const char *text, size_t width)
{
	size_t count = strlen(text);

	if (count <= width)
		return put(line, length, text, count, width + GAP);
	length = put(line, length, text, width - strlen(CUT), 0);
	return put(line, length, CUT, strlen(CUT), strlen(CUT) + GAP);
}

static void print_row(const struct widths *widths, const struct table_row *row)
{
	size_t room = TABLE_WIDTH - widths->start;
	const char *rest = row->cells[widths->count - 1];
	char line[TABLE_COLUMNS_MAX * (TABLE_CELL_SIZE + GAP) + 1];
	bool first = true;

	do {
		size_t length = 0, piece = piece_length(rest, room);

		for (size_t i = 0; i + 1 < widths->count; i++)
			length = put_cell(line, length, first ? row->cells[i] : "", widths->columns[i]);
		length = put(line, length, rest, piece, piece);
		while (length > 0 && line[length - 1] == ' ')
			length--;
		line[length] = '\0';
		log_styled(row->style, line);
		rest += piece;
		rest += strspn(rest, " ");
		first = false;
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
