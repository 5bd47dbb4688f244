/* SPDX-License-Identifier: MIT */
#pragma once

/* Functions of the C library that CBMC's own does not have, as the C standard and POSIX describe them. */
#include <string.h>

size_t strnlen(const char *text, size_t size)
{
	size_t length = 0;

	while (length < size && text[length] != '\0')
		length++;
	return length;
}

static bool libc_is_one_of(char character, const char *set)
{
	for (; *set; set++)
		if (*set == character)
			return true;
	return false;
}

size_t strspn(const char *text, const char *accept)
{
	size_t length = 0;

	while (text[length] && libc_is_one_of(text[length], accept))
		length++;
	return length;
}

size_t strcspn(const char *text, const char *reject)
{
	size_t length = 0;

	while (text[length] && !libc_is_one_of(text[length], reject))
		length++;
	return length;
}

char *strtok_r(char *text, const char *separators, char **rest)
{
	char *word = text ? text : *rest;

	word += strspn(word, separators);
	*rest = word + strcspn(word, separators);
	if (*rest == word)
		return NULL;
	if (**rest)
		*(*rest)++ = '\0';
	return word;
}

void qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *))
{
	char *list = base;

	for (size_t i = 1; i < count; i++)
		for (size_t j = i; j > 0 && compare(list + (j - 1) * size, list + j * size) > 0; j--)
			for (size_t k = 0; k < size; k++) {
				char byte = list[(j - 1) * size + k];

				list[(j - 1) * size + k] = list[j * size + k];
				list[j * size + k] = byte;
			}
}
