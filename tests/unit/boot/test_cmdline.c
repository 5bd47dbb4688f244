/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot/boot.h"
#include "unit/log_capture.h"
#include "unit/temp_root.h"
#include "util/file.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define UNREAD "[rd.pvapconfig.required][rd.pvapconfig.lock_secrets]"

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

/* As the kernel's next_arg parses them. */
static void quoting(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },
		{ " \t\n", "" },
		{ "quiet", "[quiet]" },
		{ "a b=c  d=", "[a][b=c][d=]" },
		{ "a=b=c", "[a=b=c]" },
		{ "=x", "[=x]" },
		{ "=x=y", "[=x=y]" },
		{ "a\xa0" "b\xc2\xa0" "c=\xc3\xa0", "[a][b\xc2][c=\xc3]" },
		{ "a=\"b\xc2\xa0" "c\"", "[a=b\xc2\xa0" "c]" },
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

/*
 * The kernel's rules as a table: the effect of each kind of byte in each state. Blanks are those of the kernel's _ctype
 * table (lib/ctype.c, _S): 0x09 to 0x0d, 0x20 and 0xa0.
 */
enum byte_kind { BYTE_BLANK, BYTE_QUOTE, BYTE_EQUALS, BYTE_OTHER };
enum state { BETWEEN, NAME, VALUE, NAME_QUOTED, VALUE_QUOTED };

static enum byte_kind kind_of(unsigned char byte)
{
	static const char blanks[] = "\x09\x0a\x0b\x0c\x0d\x20\xa0";

	return byte == '"' ? BYTE_QUOTE : byte == '=' ? BYTE_EQUALS : strchr(blanks, byte) ? BYTE_BLANK : BYTE_OTHER;
}

static enum state next_state(enum state state, enum byte_kind kind, bool has_name)
{
	static const enum state table[][4] = {
		/* blank, quote, equals, other */
		[BETWEEN] = { BETWEEN, NAME_QUOTED, NAME, NAME },
		[NAME] = { BETWEEN, NAME_QUOTED, VALUE, NAME },
		[VALUE] = { BETWEEN, VALUE_QUOTED, VALUE, VALUE },
		[NAME_QUOTED] = { NAME_QUOTED, NAME, VALUE_QUOTED, NAME_QUOTED },
		[VALUE_QUOTED] = { VALUE_QUOTED, VALUE, VALUE_QUOTED, VALUE_QUOTED },
	};

	/* An equals sign at the start of a name is part of it. */
	if (kind == BYTE_EQUALS && !has_name && (state == NAME || state == NAME_QUOTED))
		return state;
	return table[state][kind];
}

/* Removes a quote at the start of a parameter or value, and one at the end of the parameter. */
static void expect_parameter(char *expected, const char *start, const char *equals, const char *end)
{
	bool quoted = *start == '"';
	const char *name = start + quoted, *value = equals ? equals + 1 : NULL;
	bool value_quoted = value && value < end && *value == '"';
	size_t used = strlen(expected);

	value += value_quoted ? 1 : 0;
	if ((value_quoted && end > value && end[-1] == '"') || (quoted && !value_quoted && end > name && end[-1] == '"'))
		end--;
	if (!value)
		sprintf(expected + used, "[%.*s]", (int)(end - name), name);
	else
		sprintf(expected + used, "[%.*s=%.*s]", (int)(equals - name), name, (int)(end > value ? end - value : 0), value);
}

static void expect(char *expected, const char *line)
{
	enum state state = BETWEEN;
	const char *start = line, *equals = NULL;

	expected[0] = '\0';
	for (; *line; line++) {
		bool has_name = state != BETWEEN && line > start + (*start == '"');
		enum state next = next_state(state, kind_of((unsigned char)*line), has_name);

		if (state == BETWEEN && next != BETWEEN) {
			start = line;
			equals = NULL;
		}
		if ((next == VALUE || next == VALUE_QUOTED) && !equals)
			equals = line;
		if (state != BETWEEN && next == BETWEEN)
			expect_parameter(expected, start, equals, line);
		state = next;
	}
	if (state != BETWEEN)
		expect_parameter(expected, start, equals, line);
}

/* Random lines of the relevant bytes, the same in every run. */
static void as_the_kernel_parses_it(void **state)
{
	static const char *const pieces[] = { " ", "\t", "\n", "\x0b", "\xa0", "\xc2\xa0", "\x85", "\"", "\"", "=", "=",
					      "a", "rd.x", "\xc3\xa0", "-", "0", "\x1f", "\x7f", "\xff" };
	uint32_t random = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char line[256] = "", text[256], expected[1024];
		char *rest = text;
		struct cmdline_parameter parameter;

		for (int count = i % 24; count > 0; count--) {
			random = random * 1664525 + 1013904223;
			strcat(line, pieces[(random >> 16) % COUNT(pieces)]);
		}
		expect(expected, line);
		strcpy(text, line);
		seen[0] = '\0';
		while (cmdline_next(&rest, &parameter))
			show(&parameter, &root);
		assert_string_equal(seen, expected);
	}
}

static void all_files_in_order(void **state)
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

static void no_files(void **state)
{
	(void)state;
	assert_string_equal(visit(), UNREAD);
	assert_non_null(strstr(capture.text, "/proc/cmdline: No such file or directory\n"));
	assert_non_null(strstr(capture.text, "/proc/cmdline: not read; rd.pvapconfig.required and "
					     "rd.pvapconfig.lock_secrets count as given there\n"));
}

/* A file that cannot be read may contain the security parameters. The other files are still read. */
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
	assert_string_equal(visit(), UNREAD UNREAD UNREAD "[proc]");
	assert_non_null(strstr(capture.text, "a.conf is larger than 1048576 bytes\n"));
	assert_non_null(strstr(capture.text, "b.conf: not a regular file\n"));
	assert_non_null(strstr(capture.text, "/etc/cmdline: not a regular file\n"));
	assert_null(strstr(capture.text, "error: "));
}

/* A directory that cannot be read may contain the security parameters. A missing file does not. */
static void directory_not_readable(void **state)
{
	char link[256];

	(void)state;
	temp_root_text(&root, "/proc/cmdline", "proc");
	temp_root_text(&root, "/etc/cmdline.d/a.conf", "a");
	temp_root_path(&root, "/etc/cmdline.d/dangling.conf", link);
	assert_int_equal(symlink("nothing", link), 0);
	assert_string_equal(visit(), "[a][proc]");
	for (int i = 0; i < FILE_VISIT_MAX; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/etc/cmdline.d/%d", i);
		temp_root_text(&root, path, "");
	}
	assert_string_equal(visit(), UNREAD "[proc]");
	assert_non_null(strstr(capture.text, "/etc/cmdline.d: Argument list too long\n"));
	temp_root_text(&root, "/run/initramfs/cmdline.d", "no directory");
	assert_string_equal(visit(), UNREAD "[proc]" UNREAD);
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
		cmocka_unit_test_setup_teardown(as_the_kernel_parses_it, begin, end),
		cmocka_unit_test_setup_teardown(all_files_in_order, begin, end),
		cmocka_unit_test_setup_teardown(no_files, begin, end),
		cmocka_unit_test_setup_teardown(not_readable, begin, end),
		cmocka_unit_test_setup_teardown(directory_not_readable, begin, end),
		cmocka_unit_test_setup_teardown(largest_and_nul, begin, end),
	};

	return cmocka_run_group_tests_name("cmdline", tests, NULL, NULL);
}
