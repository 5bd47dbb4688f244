/* SPDX-License-Identifier: MIT */
#include "ap_words.h"

static bool is_blank(char character)
{
	return character == ' ' || character == '\t' || character == '\r';
}

bool words_next(struct piece *line, struct piece *word)
{
	while (line->length && is_blank(*line->start)) {
		line->start++;
		line->length--;
	}
	if (!line->length || *line->start == '#')
		return false;
	*word = (struct piece){ line->start, 0 };
	while (line->length && !is_blank(*line->start) && *line->start != '#') {
		line->start++;
		line->length--;
		word->length++;
	}
	return true;
}

bool words_is(struct piece piece, const char *text)
{
	size_t i = 0;

	while (i < piece.length && text[i] && piece.start[i] == text[i])
		i++;
	return i == piece.length && !text[i];
}

bool words_split(struct piece word, struct piece *key, struct piece *value)
{
	size_t i = 0;

	while (i < word.length && word.start[i] != '=')
		i++;
	if (i == word.length)
		return false;
	*key = (struct piece){ word.start, i };
	*value = (struct piece){ word.start + i + 1, word.length - i - 1 };
	return true;
}

bool words_cut_front(struct piece piece, const char *front, struct piece *rest)
{
	size_t i = 0;

	for (; front[i]; i++)
		if (i == piece.length || piece.start[i] != front[i])
			return false;
	*rest = (struct piece){ piece.start + i, piece.length - i };
	return true;
}

static int digit_of(char character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	if (character >= 'a' && character <= 'f')
		return character - 'a' + 10;
	if (character >= 'A' && character <= 'F')
		return character - 'A' + 10;
	return 16;
}

bool words_parse_number(struct piece piece, int base, int64_t max, int64_t *value)
{
	int64_t number = 0;

	if (!piece.length)
		return false;
	for (size_t i = 0; i < piece.length; i++) {
		int digit = digit_of(piece.start[i]);

		if (digit >= base || digit > max || number > (max - digit) / base)
			return false;
		number = number * base + digit;
	}
	*value = number;
	return true;
}

bool words_parse_flag(struct piece piece, bool *flag)
{
	int64_t value;

	if (!words_parse_number(piece, 10, 1, &value))
		return false;
	*flag = value;
	return true;
}

bool words_parse_duration(struct piece piece, int64_t *duration_us)
{
	static const struct {
		const char *unit;
		int64_t factor;
	} units[] = { { "us", 1 }, { "ms", 1000 }, { "s", 1000000 } };
	struct piece number = { piece.start, 0 };
	struct piece unit;
	int64_t count;

	while (number.length < piece.length && digit_of(piece.start[number.length]) < 10)
		number.length++;
	unit = (struct piece){ piece.start + number.length, piece.length - number.length };
	if (!words_parse_number(number, 10, INT32_MAX, &count))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!words_is(unit, units[i].unit))
			continue;
		*duration_us = count * units[i].factor;
		return true;
	}
	if (unit.length || count != 0)
		return false;
	*duration_us = 0;
	return true;
}

bool words_parse_bytes(struct piece piece, uint8_t *bytes, size_t count)
{
	if (piece.length != 2 * count)
		return false;
	for (size_t i = 0; i < count; i++) {
		int high = digit_of(piece.start[2 * i]);
		int low = digit_of(piece.start[2 * i + 1]);

		if (high > 15 || low > 15)
			return false;
		bytes[i] = (uint8_t)(high * 16 + low);
	}
	return true;
}
