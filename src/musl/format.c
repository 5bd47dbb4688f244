/* SPDX-License-Identifier: MIT */

/*
 * snprintf and vsnprintf of the static musl program. musl's own bring along floating point, wide characters and
 * streams: 12 KiB for %s and %u. These know what this program prints, and no more:
 *
 *   %[0][width][.precision](d|u|x|c|s|%) with l, ll or z in front of d, u and x; precision only of s
 *
 * tests/unit/test_format.c compares them with the C library's own, and tests/check-binary looks for any other in the
 * sources.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(long) == sizeof(long long) && sizeof(long) == sizeof(size_t), "one kind of long numbers");

#define NUMBER_SIZE 20 /* digits of UINT64_MAX */

struct output {
	char *text;
	size_t size;
	size_t length; /* of the whole text, also of what did not fit */
};

struct conversion {
	bool zero; /* pad with zeros */
	unsigned int width;
	size_t precision; /* of a string, bytes at most */
	bool is_long;     /* long, long long or size_t */
	char letter;
};

static void put(struct output *output, char character)
{
	if (output->length + 1 < output->size)
		output->text[output->length] = character;
	output->length++;
}

static void put_padded(struct output *output, const struct conversion *conversion, const char *text, size_t length)
{
	for (size_t i = length; i < conversion->width; i++)
		put(output, conversion->zero ? '0' : ' ');
	for (size_t i = 0; i < length; i++)
		put(output, text[i]);
}

static void put_number(struct output *output, const struct conversion *conversion, uint64_t value, unsigned int base)
{
	char digits[NUMBER_SIZE];
	size_t start = NUMBER_SIZE;

	do {
		digits[--start] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value > 0);
	put_padded(output, conversion, digits + start, NUMBER_SIZE - start);
}

static const char *parse_conversion(const char *format, struct conversion *conversion)
{
	*conversion = (struct conversion){ .zero = *format == '0', .precision = SIZE_MAX };
	while (*format >= '0' && *format <= '9')
		conversion->width = conversion->width * 10 + (unsigned int)(*format++ - '0');
	if (*format == '.') {
		conversion->precision = 0;
		for (format++; *format >= '0' && *format <= '9'; format++)
			conversion->precision = conversion->precision * 10 + (size_t)(*format - '0');
	}
	for (; *format == 'l' || *format == 'z'; format++)
		conversion->is_long = true;
	conversion->letter = *format;
	return format;
}

static void put_conversion(struct output *output, const struct conversion *conversion, va_list *arguments)
{
	const char *text;
	int64_t number;
	uint64_t value;

	switch (conversion->letter) {
	case 'd':
		number = conversion->is_long ? va_arg(*arguments, long) : va_arg(*arguments, int);
		/* Not padded beyond this: nothing here prints a negative number in a column. */
		if (number < 0)
			put(output, '-');
		put_number(output, conversion, number < 0 ? -(uint64_t)number : (uint64_t)number, 10);
		break;
	case 'u':
	case 'x':
		value = conversion->is_long ? va_arg(*arguments, unsigned long) : va_arg(*arguments, unsigned int);
		put_number(output, conversion, value, conversion->letter == 'x' ? 16 : 10);
		break;
	case 'c':
		put(output, (char)va_arg(*arguments, int));
		break;
	case 's':
		text = va_arg(*arguments, const char *);
		put_padded(output, conversion, text, strnlen(text, conversion->precision));
		break;
	case '%':
		put(output, '%');
		break;
	default:
		abort();
	}
}

int vsnprintf(char *restrict text, size_t size, const char *restrict format, va_list arguments)
{
	struct output output = { .text = text, .size = size };
	struct conversion conversion;
	va_list rest;

	va_copy(rest, arguments);
	for (; *format; format++) {
		if (*format != '%') {
			put(&output, *format);
			continue;
		}
		format = parse_conversion(format + 1, &conversion);
		put_conversion(&output, &conversion, &rest);
	}
	va_end(rest);
	if (size > 0)
		text[output.length < size ? output.length : size - 1] = '\0';
	return (int)output.length;
}

int snprintf(char *restrict text, size_t size, const char *restrict format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(text, size, format, arguments);
	va_end(arguments);
	return length;
}
