/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot/cmdline.h"
#include "unit/log_capture.h"
#include "unit/temp_root.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct temp_root root;
static struct log_capture capture;
static char seen[4096];

static void show(const struct cmdline_parameter *parameter, void *context)
{
	size_t used = strlen(seen);

	assert_ptr_equal(context, &root);
	snprintf(seen + used, sizeof(seen) - used, "[%s%s%s]", parameter->name, parameter->value ? "=" : "",
		 parameter->value ? parameter->value : "");
}

static const char *visit(void)
{
	seen[0] = '\0';
	log_capture_begin(&capture);
	cmdline_visit(root.path, show, &root);
	return seen;
}

static int begin(void **state)
{
	(void)state;
	temp_root_begin(&root);
	return 0;
}

static int end(void **state)
{
	(void)state;
	log_capture_end();
	temp_root_end(&root);
	return 0;
}

/* What the kernel's next_arg makes of them. */
static void quoting(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ " \t\n", "" },
		{ "quiet", "[quiet]" },
		{ "a b=c  d=", "[a][b=c][d=]" },
		{ "a=b=c", "[a=b=c]" },
		{ "=x", "[=x]" },
		{ "a=\"b c\" d", "[a=b c][d]" },
		{ "\"a=b c\" d", "[a=b c][d]" },
		{ "\"a b\"", "[a b]" },
		{ "a=b\"c d\"e", "[a=b\"c d\"e]" },
		{ "a=\"\" b", "[a=][b]" },
		{ "a=\"open b", "[a=open b]" },
		{ "\"", "[]" },
		{ "\"\" a", "[][a]" },
		{ "a=\"", "[a=]" },
		{ "a\nb\r\nc\n", "[a][b][c]" },
		{ "a=\xc3\xa4\x1b[0m", "[a=\xc3\xa4\x1b[0m]" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		temp_root_text(&root, "/proc/cmdline", cases[i][0]);
		assert_string_equal(visit(), cases[i][1]);
	}
}

static void all_places_in_order(void **state)
{
	(void)state;
	temp_root_text(&root, "/run/initramfs/cmdline.d/a.conf", "run\n");
	temp_root_text(&root, "/proc/cmdline", "proc\n");
	temp_root_text(&root, "/etc/cmdline", "etc\n");
	temp_root_text(&root, "/etc/cmdline.d/20-b.conf", "twenty\nand more\n");
	temp_root_text(&root, "/etc/cmdline.d/10-a.conf", "ten");
	temp_root_text(&root, "/etc/cmdline.d/15-not.bak", "bak");
	temp_root_text(&root, "/etc/cmdline.d/.conf", "hidden");
	assert_string_equal(visit(), "[ten][twenty][and][more][etc][proc][run]");
	assert_string_equal(capture.text, "");
}

static void nothing_there(void **state)
{
	(void)state;
	assert_string_equal(visit(), "");
	assert_non_null(strstr(capture.text, "/proc/cmdline: not there, so no parameter is known; is /proc mounted?\n"));
}

/* Each costs only itself. */
static void not_readable(void **state)
{
	static char large[CMDLINE_SIZE_MAX + 1];
	char full[256];

	(void)state;
	memset(large, 'x', sizeof(large));
	temp_root_mkdir(&root, "/etc/cmdline");
	temp_root_text(&root, "/proc/cmdline", "proc");
	temp_root_write(&root, "/etc/cmdline.d/a.conf", large, sizeof(large));
	temp_root_path(&root, "/etc/cmdline.d/b.conf", full);
	assert_int_equal(mkfifo(full, 0600), 0);
	assert_string_equal(visit(), "[proc]");
	assert_non_null(strstr(capture.text, "a.conf is larger than 65536 bytes\n"));
	assert_non_null(strstr(capture.text, "b.conf is a FIFO, expected a regular file\n"));
	assert_non_null(strstr(capture.text, "/etc/cmdline is a directory, expected a regular file\n"));
	assert_null(strstr(capture.text, "error: "));
}

static void largest_and_nul(void **state)
{
	static char large[CMDLINE_SIZE_MAX];

	(void)state;
	memset(large, ' ', sizeof(large));
	memcpy(large, "a\0b", 3);
	large[sizeof(large) - 1] = 'z';
	temp_root_write(&root, "/proc/cmdline", large, sizeof(large));
	assert_string_equal(visit(), "[a][b][z]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(quoting, begin, end),
		cmocka_unit_test_setup_teardown(all_places_in_order, begin, end),
		cmocka_unit_test_setup_teardown(nothing_there, begin, end),
		cmocka_unit_test_setup_teardown(not_readable, begin, end),
		cmocka_unit_test_setup_teardown(largest_and_nul, begin, end),
	};

	return cmocka_run_group_tests_name("cmdline", tests, NULL, NULL);
}
