/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/config.h"
#include "unit/config/asserts.h"
#include "unit/log_capture.h"
#include "util/wait.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define NO_DIRECTIVE "a line must not begin with '%'; directives other than %YAML are not supported"
#define AN_ENTRY "an entry (a mapping with the keys " CONFIG_ASSERT_KEYS ")"

static void empty_list(void **state)
{
	(void)state;
	assert_good("[]", "");
	assert_good("# nothing to do\n---\n[ ] # really\n", "");
}

static void bad_structure(void **state)
{
	static const char *const cases[][2] = {
		{"", "1:1: the file is empty, expected a list of entries; [] stands for an empty list"},
		{"\n\n", "1:1: the file is empty, expected a list of entries; [] stands for an empty list"},
		{"# comment\n", "1:1: the file is empty, expected a list of entries; [] stands for an empty list"},
		{"\xef\xbb\xbf", "1:1: the file is empty, expected a list of entries; [] stands for an empty list"},
		{"---\n", "2:1: expected a list of entries, found an empty value"},
		{"text", "1:1: expected a list of entries, found 'text'"},
		{"mode: Accel", "1:1: expected a list of entries, found a mapping"},
		{"{}", "1:1: expected a list of entries, found a mapping"},
		{"*a", "1:1: expected a list of entries, found alias *a, which stands for nothing"},
		{"- a", "1:3: entry #1: expected " AN_ENTRY ", found 'a'"},
		{"-", "1:2: entry #1: expected " AN_ENTRY ", found an empty value"},
		{"- mode: Accel\n- - mode: Accel", "2:3: entry #2: expected " AN_ENTRY ", found a list"},
		{"- Mode: Accel", "1:3: entry #1: unknown key 'Mode', expected one of " CONFIG_ASSERT_KEYS},
		{"- mode: Accel\n  colour: red",
		 "2:3: entry #1: unknown key 'colour', expected one of " CONFIG_ASSERT_KEYS},
		{"- '': Accel", "1:3: entry #1: unknown key '', expected one of " CONFIG_ASSERT_KEYS},
		{"- mode: Accel\n- mode: Accel\n  name: a\n  mode: Accel",
		 "4:3: entry #2: key mode is given twice, first in line 2"},
		{"- description:\n  description: a", "2:3: entry #1: key description is given twice, first in line 1"},
		{"- [mode]: Accel", "1:3: entry #1: expected a key, found a list"},
		{"- {mode: Accel}: Accel", "1:3: entry #1: expected a key, found a mapping"},
		{"- mode: [Accel]", "1:9: entry #1: expected a text for key mode, found a list"},
		{"- mode: Accel\n  description: {a: b}",
		 "2:16: entry #1: expected a text for key description, found a mapping"},
		{"- mode: \"Acc\\0el\"",
		 "1:9: entry #1: expected a text for key mode, found a text with a NUL character"},
		{"- \"mode\\0\": Accel", "1:3: entry #1: expected a key, found a text with a NUL character"},
		{"- &a {mode: Accel}\n- <<: *a\n", "2:3: entry #2: the merge key << is not supported; repeat the keys, "
						   "or use an alias of the whole entry"},
		{"- mode: Accel\n---\n- mode: Accel", "2:1: a second document begins, expected the end of the file"},
		{"- mode: Accel\n...\n---\n", "3:1: a second document begins, expected the end of the file"},
		{"- mode: Accel\n...\n- mode: Accel", "3:1: not valid YAML: did not find expected <document start>"},
		{"- mode: Accel\n mingen: CEX5",
		 "2:2: not valid YAML: did not find expected '-' indicator while parsing a block collection "
		 "(which begins in line 1)"},
		{"[{mode: Accel",
		 "2:1: entry #1: not valid YAML: did not find expected ',' or '}' while parsing a flow "
		 "mapping (which begins in line 1)"},
		{"- mode: Accel\n  name: 'a", "2:11: entry #1: not valid YAML: found unexpected end of stream while "
					      "scanning a quoted scalar (which begins in line 2)"},
		{"- mode: Accel\n\tname: a", "2:1: entry #1: not valid YAML: found a tab character that violates "
					     "indentation while scanning a plain scalar (which begins in line 1)"},
		{"- !x!y {mode: Accel}", "1:3: not valid YAML: found undefined tag handle while parsing a node "
					 "(which begins in line 1)"},
		{"%TAG ! x\n---\n[]", "1:1: " NO_DIRECTIVE},
		{"# c\n%TAG ! x\n---\n[]", "2:1: " NO_DIRECTIVE},
		/* Also after line breaks that only YAML knows, and after a byte order mark. */
		{"\xef\xbb\xbf%TAG ! x\n---\n[]", "1:1: " NO_DIRECTIVE},
		{"# c\r%TAG ! x\n---\n[]", "2:1: " NO_DIRECTIVE},
		{"# c\xc2\x85%TAG ! x\n---\n[]", "1:5: " NO_DIRECTIVE},
		{"# c\xe2\x80\xa8%TAG ! x\n---\n[]", "1:5: " NO_DIRECTIVE},
		{"# c\xe2\x80\xa9%TAG ! x\n---\n[]", "1:5: " NO_DIRECTIVE},
		{"%FOO\n---\n[]", "1:1: " NO_DIRECTIVE},
		{"[\n%a]", "2:1: " NO_DIRECTIVE},
		{"%YAML 3.0\n---\n[]", "1:1: not valid YAML: found incompatible YAML document"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_bad(cases[i][0], cases[i][1]);
}

static void aliases(void **state)
{
	static const char *const good[][2] = {
		{"- &a {mode: Accel, name: n, mingen: CEX6}\n- *a\n- *a\n", "Accel 6 n\nAccel 6 n\nAccel 6 n\n"},
		{"- {mode: &m Accel}\n- {mode: *m}\n", "Accel 0 -\nAccel 0 -\n"},
		{"- {&k mode : Accel}\n- {*k : Accel}\n", "Accel 0 -\nAccel 0 -\n"},
		{"- {mode: Accel, description: &d CEX5}\n- {mode: Accel, mingen: *d}\n", "Accel 0 -\nAccel 5 -\n"},
		/* redefined: the last definition counts */
		{"- {mode: Accel, name: &a x}\n- {mode: Accel, name: &a y}\n- {mode: Accel, name: *a}\n",
		 "Accel 0 x\nAccel 0 y\nAccel 0 y\n"},
		{"- &a {mode: Accel, name: &a x}\n- {mode: Accel, name: *a}\n", "Accel 0 x\nAccel 0 x\n"},
		{"- {mode: Accel, name: &a x}\n- &a {mode: Accel}\n- *a\n", "Accel 0 x\nAccel 0 -\nAccel 0 -\n"},
		{"&list [{mode: Accel, description: &e }, {mode: Accel, description: *e }]", "Accel 0 -\nAccel 0 -\n"},
	};
	static const char *const bad[][2] = {
		{"- *a", "1:3: entry #1: alias *a stands for nothing: there is no anchor &a before it"},
		{"- mode: *a", "1:9: entry #1: alias *a stands for nothing: there is no anchor &a before it"},
		{"- {*a : Accel}", "1:4: entry #1: alias *a stands for nothing: there is no anchor &a before it"},
		{"- *a\n- &a {mode: Accel}",
		 "1:3: entry #1: alias *a stands for nothing: there is no anchor &a before it"},
		{"&a [*a]", "1:5: entry #1: expected " AN_ENTRY ", found alias *a, which stands for the list itself"},
		{"&a [{mode: *a}]",
		 "1:12: entry #1: expected a text for key mode, found alias *a, which stands for the list itself"},
		{"- &a {mode: *a}",
		 "1:13: entry #1: expected a text for key mode, found alias *a, which stands for an entry"},
		{"- &a {mode: Accel}\n- {mode: Accel, name: *a}",
		 "2:23: entry #2: expected a text for key name, found alias *a, which stands for an entry"},
		{"- &a {mode: Accel}\n- {*a : Accel}",
		 "2:4: entry #2: expected a key, found alias *a, which stands for an entry"},
		{"- {mode: &a Accel}\n- *a",
		 "2:3: entry #2: expected " AN_ENTRY ", found alias *a, which stands for a text"},
		/* An alias of a text is a value like any other: an error is reported where the alias is used. */
		{"- {mode: Accel, name: &n x}\n- {mode: *n}",
		 "2:10: entry #2: key mode: expected EP11 or Accel, found 'x'"},
		{"- {mode: Accel, name: x}\n- &a {mode: Accel, <<: *a}",
		 "2:20: entry #2: the merge key << is not supported; repeat the keys, or use an alias of the whole "
		 "entry"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_good(good[i][0], good[i][1]);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_bad(bad[i][0], bad[i][1]);
}

static void bytes(void **state)
{
	static const struct {
		const char *text;
		size_t length;
		const char *message;
	} cases[] = {
		{"- mode: Ac\0el", 13, "1:11: expected a text in UTF-8 without control characters: control characters are not allowed"},
		{"\0", 1, "1:1: expected a text in UTF-8 without control characters: control characters are not allowed"},
		{"[]\n\0", 4, "2:1: expected a text in UTF-8 without control characters: control characters are not allowed"},
		{"[] # \x01", 6, "1:6: expected a text in UTF-8 without control characters: control characters are not allowed"},
		{"[] # \x1b[31m", 10, "1:6: expected a text in UTF-8 without control characters: control characters are not allowed"},
		{"[] # \xc3\xa4\xff", 8, "1:7: expected a text in UTF-8 without control characters: invalid leading UTF-8 octet"},
		{"[] # \xc3", 6, "1:6: expected a text in UTF-8 without control characters: incomplete UTF-8 octet sequence"},
		{"[]\r\n\r# \xc3 ", 9, "3:4: expected a text in UTF-8 without control characters: invalid trailing UTF-8 octet"},
		{"[]\n# \xc0\xaf", 7, "2:3: expected a text in UTF-8 without control characters: invalid length of a UTF-8 sequence"},
		{"[]\n# \xed\xa0\x80", 8, "2:3: expected a text in UTF-8 without control characters: invalid Unicode character"},
		{"[]\n# \xf4\x90\x80\x80", 9, "2:3: expected a text in UTF-8 without control characters: invalid Unicode character"},
		{"\xff\xfe[\0]\0", 6, "1:1: expected a text in UTF-8 without control characters: invalid leading UTF-8 octet"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		/* On the heap, so that the sanitizer detects a read beyond the end. */
		char *copy = malloc(cases[i].length);
		char expected[256];
		struct config config;

		assert_non_null(copy);
		memcpy(copy, cases[i].text, cases[i].length);
		log_capture_begin(&capture);
		assert_int_equal(config_parse("f", copy, cases[i].length, &config), -EINVAL);
		snprintf(expected, sizeof(expected), "error: f:%s\n", cases[i].message);
		assert_string_equal(capture.text, expected);
		free(copy);
	}
}

/* Returns a text: `start`, then `part` repeated, then `end`. */
static char *repeated(const char *start, const char *part, size_t times, const char *end)
{
	size_t length = strlen(part);
	char *text = malloc(strlen(start) + times * length + strlen(end) + 1), *next;

	assert_non_null(text);
	next = stpcpy(text, start);
	for (size_t i = 0; i < times; i++)
		next = stpcpy(next, part);
	strcpy(next, end);
	return text;
}

static void assert_bad_repeated(const char *start, const char *part, const char *message)
{
	char *text = repeated(start, part, (CONFIG_FILE_SIZE_MAX - strlen(start)) / strlen(part), "");

	assert_bad(text, message);
	free(text);
}

/* One megabyte of each: an error at once, without recursion and in linear time. */
static void huge_files(void **state)
{
	(void)state;
	assert_bad_repeated("", "[", "1:2: entry #1: expected " AN_ENTRY ", found a list");
	assert_bad_repeated("", "{", "1:1: expected a list of entries, found a mapping");
	assert_bad_repeated("", "- ", "1:3: entry #1: expected " AN_ENTRY ", found a list");
	assert_bad_repeated("", "? ", "1:1: expected a list of entries, found a mapping");
	assert_bad_repeated("- ", "? ", "1:5: entry #1: expected a key, found a mapping");
	assert_bad_repeated("- mode: ", "[", "1:9: entry #1: expected a text for key mode, found a list");
	assert_bad_repeated("- &a {mode: Accel}\n", "- *a\n", "8193:3: entry #8193: more than 8192 entries");
	assert_bad_repeated("- mode: Accel\n", "- mode: Accel\n",
			    "8193:3: entry #8193: more than 8192 entries");
	assert_bad_repeated("", "- &a {mode: Accel}\n", "1025:3: entry #1025: more than 1024 anchors");
	assert_bad_repeated("", "%TAG !a! x\n", "1:1: " NO_DIRECTIVE);
	assert_bad_repeated("", "\xe2\x80\xa8%TAG !a! x", "1:2: " NO_DIRECTIVE);
	assert_bad_repeated("[]", " ", "1:1027: more than 1024 blanks and line breaks in a row");
	assert_bad_repeated("[]", "\n", "1025:1: more than 1024 blanks and line breaks in a row");
	assert_bad_repeated("[]", "\r\n", "513:1: more than 1024 blanks and line breaks in a row");
	assert_bad_repeated("[]", "\xc2\x85", "1:1027: more than 1024 blanks and line breaks in a row");
	assert_bad_repeated("[]", "\xe2\x80\xa8\xe2\x80\xa9", "1:1027: more than 1024 blanks and line breaks in a row");
}

static void large_but_good(void **state)
{
	struct config config;
	char *text;

	(void)state;
	text = repeated("- mode: Accel\n  description: ", "x", CONFIG_FILE_SIZE_MAX - 30, "\n");
	assert_good(text, "Accel 0 -\n");
	free(text);

	text = repeated("- mode: Accel\n  description: \"", "a ", (CONFIG_FILE_SIZE_MAX - 40) / 2, "\"\n");
	assert_good(text, "Accel 0 -\n");
	free(text);

	text = repeated("[]", " ", CONFIG_BLANKS_MAX, "");
	assert_good(text, "");
	free(text);

	text = repeated("", "- mode: Accel\n", CONFIG_ENTRIES_MAX, "");
	assert_int_equal(parse(text, &config), 0);
	assert_int_equal(config.count, CONFIG_ENTRIES_MAX);
	config_release(&config);
	free(text);

	text = repeated("- &a {mode: Accel, name: 0123456789}\n", "- *a\n", CONFIG_ENTRIES_MAX - 1, "");
	assert_int_equal(parse(text, &config), 0);
	assert_int_equal(config.count, CONFIG_ENTRIES_MAX);
	assert_string_equal(config.entries[CONFIG_ENTRIES_MAX - 1].name, "0123456789");
	config_release(&config);
	free(text);
}

/* A small file that expands to a large one. */
static void expansion(void **state)
{
	char *start, *text;

	(void)state;
	start = repeated("- &a {mode: Accel, name: &n ", "x", CONFIG_FILE_SIZE_MAX / 4, "}\n");

	text = repeated(start, "- *a\n", 5, "");
	assert_bad(text, "6:3: entry #6: aliases stand for more than 1048576 bytes of text");
	free(text);

	text = repeated(start, "- {mode: Accel, description: *n }\n", 5, "");
	assert_bad(text, "6:30: entry #6: aliases stand for more than 1048576 bytes of text");
	free(text);
	free(start);
}

static void labels(void **state)
{
	struct config_entry entries[] = {
		{.name = NULL},
		{.name = (char[]){"first"}},
		{.name = (char[]){"12345678901234567890123456789012345678901234567890123456789"}},
	};
	struct config config = {.entries = entries, .count = COUNT(entries)};
	char label[CONFIG_LABEL_SIZE];

	(void)state;
	config_format_label(&config, 0, label);
	assert_string_equal(label, "#1");
	config_format_label(&config, 1, label);
	assert_string_equal(label, "#2 'first'");
	config_format_label(&config, 2, label);
	assert_string_equal(label, "#3 '1234567890123456789012345678901234567...'");
	assert_int_equal(strlen(label), CONFIG_LABEL_SIZE - 1);
}

/* Files, each in a separate directory. */
struct folder {
	char path[64];
	char file[80];
};

static int make_folder(void **state)
{
	static struct folder folder;

	strcpy(folder.path, "/tmp/test_config.XXXXXX");
	if (!mkdtemp(folder.path))
		return -1;
	snprintf(folder.file, sizeof(folder.file), "%s/c.yaml", folder.path);
	*state = &folder;
	log_capture_begin(&capture);
	return 0;
}

static int remove_folder(void **state)
{
	struct folder *folder = *state;

	unlink(folder->file);
	return rmdir(folder->path);
}

static void write_file(const char *path, const char *text, size_t length)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void assert_load_fails(const char *path, int error, const char *format, ...)
{
	char message[256];
	struct config config;
	va_list arguments;

	log_capture_begin(&capture);
	assert_int_equal(config_load(path, 0, &config), error);
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	assert_string_equal(capture.text, message);
}

static void load(void **state)
{
	struct folder *folder = *state;
	struct config config;
	char *text;

	write_file(folder->file, "- mode: Accel\n", 14);
	assert_int_equal(config_load(folder->file, 0, &config), 0);
	assert_int_equal(config.count, 1);
	config_release(&config);

	write_file(folder->file, "- mode: Axel\n", 13);
	assert_load_fails(folder->file, -EINVAL,
			  "error: %s:1:9: entry #1: key mode: expected EP11 or Accel, found 'Axel'\n", folder->file);

	write_file(folder->file, "", 0);
	assert_load_fails(folder->file, -EINVAL,
			  "error: %s:1:1: the file is empty, expected a list of entries; [] stands for an empty list\n",
			  folder->file);

	text = repeated("- mode: Accel\n# ", "x", CONFIG_FILE_SIZE_MAX - 16, "");
	write_file(folder->file, text, CONFIG_FILE_SIZE_MAX);
	assert_int_equal(config_load(folder->file, 0, &config), 0);
	config_release(&config);
	free(text);

	text = repeated("- mode: Accel\n# ", "x", CONFIG_FILE_SIZE_MAX - 15, "");
	write_file(folder->file, text, CONFIG_FILE_SIZE_MAX + 1);
	assert_load_fails(folder->file, -EFBIG, "error: configuration file %s is larger than 1048576 bytes\n",
			  folder->file);
	free(text);
}

static void load_no_file(void **state)
{
	struct folder *folder = *state;

	assert_load_fails(folder->file, -ENOENT,
			  "error: cannot open configuration file %s: No such file or directory\n", folder->file);
	assert_load_fails(folder->path, -EINVAL,
			  "error: configuration file %s: not a regular file\n", folder->path);
	assert_load_fails("/dev/null", -EINVAL,
			  "error: configuration file /dev/null: not a regular file\n");

	/* no writer: must not wait */
	assert_int_equal(mkfifo(folder->file, 0600), 0);
	assert_load_fails(folder->file, -EINVAL, "error: configuration file %s: not a regular file\n",
			  folder->file);
	unlink(folder->file);

	assert_int_equal(symlink("c.yaml", folder->file), 0);
	assert_load_fails(folder->file, -ELOOP,
			  "error: cannot open configuration file %s: Too many levels of symbolic links\n",
			  folder->file);
}

/* --config <(...): the data is written in pieces, and the writer may open the pipe late. */
static void load_pipe(void **state)
{
	struct folder *folder = *state;
	struct config config;
	int ends[2];
	char path[32];

	assert_int_equal(pipe(ends), 0);
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
	assert_int_equal(write(ends[1], "- mode: ", 8), 8);
	assert_int_equal(write(ends[1], "Accel\n", 6), 6);
	close(ends[1]);
	assert_load_fails(path, -EINVAL, "error: configuration file %s: not a regular file\n", path);
	assert_int_equal(config_load(path, 60000, &config), 0);
	assert_int_equal(config.count, 1);
	config_release(&config);
	close(ends[0]);

	assert_int_equal(mkfifo(folder->file, 0600), 0);
	if (fork() == 0) {
		int writer = open(folder->file, O_WRONLY | O_CLOEXEC);

		_exit(write(writer, "[]", 2) == 2 ? 0 : 1);
	}
	assert_int_equal(config_load(folder->file, WAIT_FOREVER, &config), 0);
	assert_true(wait(NULL) > 0);
	config_release(&config);
	assert_string_equal(capture.text + strlen(capture.text) - strlen("not a regular file\n"), "not a regular file\n");
}

/* A pipe that never ends: the timeout and the size limit apply, and a signal ends the wait. */
static void load_endless_pipe(void **state)
{
	static const struct timespec now = { 0, 0 };
	struct folder *folder = *state;
	struct config config;
	sigset_t signals;
	int ends[2];
	char path[32];

	(void)folder;
	assert_int_equal(pipe(ends), 0);
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
	assert_int_equal(write(ends[1], "[]", 2), 2);
	log_capture_begin(&capture);
	assert_int_equal(config_load(path, 1, &config), -ETIMEDOUT);
	assert_non_null(strstr(capture.text, "timed out waiting for the end of the pipe\n"));

	for (size_t i = 0; i < WAIT_SIGNAL_COUNT; i++) {
		sigemptyset(&signals);
		sigaddset(&signals, wait_signals[i]);
		assert_int_equal(sigprocmask(SIG_BLOCK, &signals, NULL), 0);
		assert_int_equal(raise(wait_signals[i]), 0);
		log_capture_begin(&capture);
		/* With a timeout: if the signal has no effect, the test fails instead of hanging. */
		assert_int_equal(config_load(path, 1000, &config), -EINTR);
		assert_string_equal(capture.text, "");
		assert_int_equal(sigtimedwait(&signals, NULL, &now), wait_signals[i]);
		assert_int_equal(sigprocmask(SIG_UNBLOCK, &signals, NULL), 0);
	}
	close(ends[1]);
	close(ends[0]);

	assert_int_equal(pipe(ends), 0);
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
	if (fork() == 0) {
		static const char zeros[65536];

		close(ends[0]);
		signal(SIGPIPE, SIG_DFL);
		while (write(ends[1], zeros, sizeof(zeros)) > 0)
			;
		_exit(0);
	}
	close(ends[1]);
	log_capture_begin(&capture);
	assert_int_equal(config_load(path, WAIT_FOREVER, &config), -EFBIG);
	close(ends[0]);
	assert_true(wait(NULL) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_list),
		cmocka_unit_test(bad_structure),
		cmocka_unit_test(aliases),
		cmocka_unit_test(bytes),
		cmocka_unit_test(huge_files),
		cmocka_unit_test(large_but_good),
		cmocka_unit_test(expansion),
		cmocka_unit_test(labels),
		cmocka_unit_test_setup_teardown(load, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(load_pipe, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(load_endless_pipe, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(load_no_file, make_folder, remove_folder),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
