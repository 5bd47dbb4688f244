/* SPDX-License-Identifier: MIT */

/* The text functions of the static musl program (src/musl/format.c), compared with those of the C library. */
#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

int format_vsnprintf(char *restrict text, size_t size, const char *restrict format, va_list arguments)
	__attribute__((format(printf, 3, 0)));
int format_snprintf(char *restrict text, size_t size, const char *restrict format, ...)
	__attribute__((format(printf, 3, 4)));

#undef vsnprintf
#undef snprintf
#define vsnprintf format_vsnprintf
#define snprintf format_snprintf
#include "musl/format.c"
#undef vsnprintf
#undef snprintf

/* Both write the same text and return the same length, for every buffer size, and write nothing beyond the buffer. */
#define assert_same(...)                                                                                     \
	do {                                                                                                 \
		for (size_t size_ = 0; size_ <= 64; size_++) {                                               \
			char expected_[80], got_[80];                                                        \
			memset(expected_, '#', sizeof(expected_));                                           \
			memset(got_, '#', sizeof(got_));                                                     \
			assert_int_equal(format_snprintf(got_, size_, __VA_ARGS__),                          \
					 snprintf(expected_, size_, __VA_ARGS__));                           \
			assert_memory_equal(got_, expected_, sizeof(got_));                                  \
		}                                                                                            \
	} while (0)

static void plain_text_and_percent(void **state)
{
	(void)state;
	assert_same("plain");
	assert_same("100 %%, %c%c", 'a', 'b');
}

static void strings(void **state)
{
	static const char unterminated[3] = { 'a', 'b', 'c' };

	(void)state;
	assert_same("[%s]", "");
	assert_same("%s: %s; %s", "card10", "a longer text, cut in most buffers", "end");
	assert_same("'%.5s'", "0123456789");
	assert_same("'%.100s'", "short");
	assert_same("%.3s", unterminated);
	assert_same("%8s|", "abc");
}

static void signed_numbers(void **state)
{
	(void)state;
	assert_same("%d %d %d", 0, 1, -1);
	assert_same("%d %d", INT_MIN, INT_MAX);
	assert_same("%" PRId64 " %" PRId64, INT64_MIN, INT64_MAX);
}

static void unsigned_numbers(void **state)
{
	(void)state;
	assert_same("%u %zu", 0U, (size_t)0);
	assert_same("%u", UINT_MAX);
	assert_same("%zu %lu", SIZE_MAX, ULONG_MAX);
	assert_same("%" PRIu64 " %" PRIx64, UINT64_MAX, UINT64_MAX);
}

static void padded_numbers(void **state)
{
	(void)state;
	assert_same("%02x.%04x", 0x1U, 0x2aU);
	assert_same("%02x", 0x123U);
	assert_same("%5u|%20zu|", 42U, (size_t)7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_and_percent), cmocka_unit_test(strings),
		cmocka_unit_test(signed_numbers),         cmocka_unit_test(unsigned_numbers),
		cmocka_unit_test(padded_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
