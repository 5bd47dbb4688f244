/* SPDX-License-Identifier: MIT */
/* Tables: widths, the last column on several lines, and at most 80 columns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/table.h"
#include "unit/between.h"
#include "unit/log_capture.h"

static struct log_capture capture;

static bool fill(void *context, size_t index, struct table_row *row)
{
	const char *const(*rows)[3] = context;

	if (!rows[index][0])
		return false;
	for (size_t i = 0; i < 3; i++)
		snprintf(row->cells[i], sizeof(row->cells[i]), "%s", rows[index][i]);
	return true;
}

static const char *print(const char *const (*rows)[3], size_t count)
{
	static const char *const titles[] = { "APQN", "m", "text", NULL };
	const struct table table = { .titles = titles, .rows = count, .fill = fill,
				     .context = (void *)(uintptr_t)rows };

	log_capture_begin(&capture);
	table_print(&table);
	log_capture_end();
	return capture.text;
}

static void test_widths(void **state)
{
	static const char *const rows[][3] = { { "11.0008", "", "x" }, { NULL, "left out", "" }, { "1", "EP11", "" } };
	static const char *const left_out[][3] = { { NULL, "", "" } };

	(void)state;
	assert_string_equal(print(rows, 0), "");
	assert_string_equal(print(left_out, 1), "");
	assert_string_equal(print(rows, 3), "output: APQN     m     text\n"
					    "output: 11.0008        x\n"
					    "output: 1        EP11\n");
}

#define TEN "123456789 "
#define FILLED "1234567890"

static void test_last_column(void **state)
{
	/* The last column is 69 columns wide. */
	static const char *const words[][3] = { { "11.0008", "a", TEN TEN TEN TEN TEN TEN TEN "12 3" } };
	static const char *const fits[][3] = { { "11.0008", "a", TEN TEN TEN TEN TEN TEN "12345678" } };
	static const char *const one[][3] = { { "11.0008", "a", FILLED FILLED FILLED FILLED FILLED FILLED FILLED } };

	(void)state;
	assert_string_equal(print(words, 1), "output: APQN     m  text\n"
					     "output: 11.0008  a  " TEN TEN TEN TEN TEN "123456789\n"
					     "output:             " TEN "12 3\n");
	assert_string_equal(print(fits, 1), "output: APQN     m  text\n"
					    "output: 11.0008  a  " TEN TEN TEN TEN TEN TEN "12345678\n");
	assert_string_equal(print(one, 1), "output: APQN     m  text\n"
					   "output: 11.0008  a  " FILLED FILLED FILLED FILLED FILLED FILLED "12345678\n"
					   "output:             90\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_last_column),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
