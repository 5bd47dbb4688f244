/* SPDX-License-Identifier: MIT */
#pragma once

/* Functions of the C library that CBMC does not provide, as the C standard and POSIX define them. */
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
