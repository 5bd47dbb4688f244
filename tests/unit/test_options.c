/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log_capture.h"
#include "options.h"
#include "unit/between.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WORDS_MAX 12
#define BOOT_ALONE "option --boot excludes all others; use the kernel command line instead (rd.pvapconfig...)"
#define UNBIND_ALONE "option --unbind goes with --dry-run, --json, --timeout and --verbose only"
#define LIST_ALONE "option --list goes with --config, --json, --timeout and --verbose only"
#define STATUS_ALONE "option --status goes with --json only"
#define CHECK_CONFIG_ALONE "option --check-config goes with --config and --verbose only"
#define HINT "warning: try 'pvapconfig --help'\n"

static struct log_capture capture;

/* Parses a command line of words separated by single blanks. '_' stands for an empty word. */
static enum options_action parse(const char *line, struct options *options)
{
	static char words[256];
	char *argv[WORDS_MAX] = {(char[]){"pvapconfig"}};
	int argc = 1;

	snprintf(words, sizeof(words), "%s", line);
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) {
		assert_between(argc, 0, WORDS_MAX - 2);
		argv[argc++] = strcmp(word, "_") ? word : word + 1;
	}
	log_capture_begin(&capture);
	return options_parse(argc, argv, options);
}

/* All options in one line, for comparison. */
static const char *describe(const struct options *options)
{
	static char text[256];

	assert_null(options->report_path);
	assert_false(options->secrets_optional);
	snprintf(text, sizeof(text), "%s%s%s%s%s%s%s%s%s%s%s%s%s%s %d",
		 options->config_path ? options->config_path : "none", options->dry_run ? " dry_run" : "",
		 options->strict ? " strict" : "", options->verbose ? " verbose" : "",
		 options->unbind ? " unbind" : "", options->probe ? " probe" : "",
		 options->check_config ? " check_config" : "", options->boot ? " boot" : "",
		 options->secrets_path ? " " : "", options->secrets_path ? options->secrets_path : "",
		 options->lock_secrets ? " lock" : "", options->list ? " list" : "",
		 options->status ? " status" : "", options->json ? " json" : "", (int)options->timeout_ms);
	return text;
}

static void good(void **state)
{
	static const char *const cases[][2] = {
		{"", "/etc/pvapconfig.yaml 60000"},
		{"-c a.yaml", "a.yaml 60000"},
		{"-ca.yaml", "a.yaml 60000"},
		{"--config a.yaml", "a.yaml 60000"},
		{"--config=a.yaml", "a.yaml 60000"},
		{"-c a.yaml -c b.yaml", "b.yaml 60000"},
		{"-c --help", "--help 60000"},
		{"-n", "/etc/pvapconfig.yaml dry_run 60000"},
		{"--dry-run", "/etc/pvapconfig.yaml dry_run 60000"},
		{"-s", "/etc/pvapconfig.yaml strict 60000"},
		{"--strict", "/etc/pvapconfig.yaml strict 60000"},
		{"-v", "/etc/pvapconfig.yaml verbose 60000"},
		{"--verbose", "/etc/pvapconfig.yaml verbose 60000"},
		{"-nsvc a.yaml", "a.yaml dry_run strict verbose 60000"},
		{"--unbind", "none unbind 60000"},
		{"--unbind -n -v --timeout 5", "none dry_run verbose unbind 5000"},
		{"--probe --dry-run", "/etc/pvapconfig.yaml dry_run probe 60000"},
		{"-n --probe", "/etc/pvapconfig.yaml dry_run probe 60000"},
		{"--check-config -c a.yaml", "a.yaml check_config 60000"},
		{"-v --check-config", "/etc/pvapconfig.yaml verbose check_config 60000"},
		{"--boot", "/etc/pvapconfig.yaml boot 60000"},
		{"--add-secrets a.d", "/etc/pvapconfig.yaml a.d 60000"},
		{"--add-secrets=a.d --add-secrets b.d", "/etc/pvapconfig.yaml b.d 60000"},
		{"--lock-secrets", "/etc/pvapconfig.yaml lock 60000"},
		{"--lock-secrets -n --add-secrets a.d", "/etc/pvapconfig.yaml dry_run a.d lock 60000"},
		{"--list", "none list 60000"},
		{"--list --json -v -c a.yaml --timeout 5", "a.yaml verbose list json 5000"},
		{"--status", "none status 60000"},
		{"--json --status", "none status json 60000"},
		{"--json -n", "/etc/pvapconfig.yaml dry_run json 60000"},
		{"--json --unbind", "none unbind json 60000"},
		{"--timeout 0", "/etc/pvapconfig.yaml 0"},
		{"--timeout=1", "/etc/pvapconfig.yaml 1000"},
		{"--timeout 86400", "/etc/pvapconfig.yaml 86400000"},
		{"--timeout 1 --timeout 2", "/etc/pvapconfig.yaml 2000"},
		{"-v --", "/etc/pvapconfig.yaml verbose 60000"},
	};
	struct options options;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(parse(cases[i][0], &options), OPTIONS_RUN);
		assert_string_equal(describe(&options), cases[i][1]);
		assert_string_equal(capture.text, "");
	}
}

static void bad(void **state)
{
	static const char *const cases[][2] = {
		{"-x", "unknown option '-x'"},
		{"-nx", "unknown option '-x'"},
		{"-?", "unknown option '-?'"},
		{"-:", "unknown option '-:'"},
		{"--nonsense", "unknown option '--nonsense'"},
		{"--ver", "unknown option '--ver'"},
		{"--verb", "unknown option '--verb'"},
		{"--=x", "unknown option '--=x'"},
		{"---", "unknown option '---'"},
		{"-n-", "unknown option '--'"},
		{"-c", "option --config needs a value"},
		{"-nc", "option --config needs a value"},
		{"--config", "option --config needs a value"},
		{"--timeout", "option --timeout needs a value"},
		{"--strict=yes", "option --strict takes no value: '--strict=yes'"},
		{"--unbind=1", "option --unbind takes no value: '--unbind=1'"},
		{"-c _", "option --config needs a value"},
		{"--config=", "option --config needs a value"},
		{"file", "unexpected argument 'file'"},
		{"_", "unexpected argument ''"},
		{"-", "unexpected argument '-'"},
		{"-n file -s", "unexpected argument 'file'"},
		{"file --help", "unexpected argument 'file'"},
		{"-- --help", "unexpected argument '--help'"},
		{"--timeout=", "option --timeout needs a value"},
		{"--timeout x", "option --timeout: 'x' is not a whole number of seconds from 0 to 86400"},
		{"--timeout -1", "option --timeout: '-1' is not a whole number of seconds from 0 to 86400"},
		{"--timeout 1.5", "option --timeout: '1.5' is not a whole number of seconds from 0 to 86400"},
		{"--timeout 5s", "option --timeout: '5s' is not a whole number of seconds from 0 to 86400"},
		{"--timeout 86401", "option --timeout: '86401' is not a whole number of seconds from 0 to 86400"},
		{"--timeout 99999999999999999999",
		 "option --timeout: '99999999999999999999' is not a whole number of seconds from 0 to 86400"},
		{"--unbind -c a.yaml", UNBIND_ALONE},
		{"-c /etc/pvapconfig.yaml --unbind", UNBIND_ALONE},
		{"--unbind -s", UNBIND_ALONE},
		{"--unbind --check-config", CHECK_CONFIG_ALONE},
		{"--unbind -n --probe", UNBIND_ALONE},
		{"--boot -v", BOOT_ALONE},
		{"-n --boot", BOOT_ALONE},
		{"--boot -c a.yaml", BOOT_ALONE},
		{"--boot --timeout 5", BOOT_ALONE},
		{"--boot --timeout 60", BOOT_ALONE},
		{"--boot --unbind", BOOT_ALONE},
		{"--boot --check-config", BOOT_ALONE},
		{"--boot --add-secrets a.d", BOOT_ALONE},
		{"--lock-secrets --boot", BOOT_ALONE},
		{"--unbind --add-secrets a.d", UNBIND_ALONE},
		{"--unbind --lock-secrets", UNBIND_ALONE},
		{"--check-config --add-secrets a.d", CHECK_CONFIG_ALONE},
		{"--check-config --lock-secrets", CHECK_CONFIG_ALONE},
		{"--add-secrets", "option --add-secrets needs a value"},
		{"--add-secrets=", "option --add-secrets needs a value"},
		{"--lock-secrets=1", "option --lock-secrets takes no value: '--lock-secrets=1'"},
		{"--boot --list", BOOT_ALONE},
		{"--boot --status", BOOT_ALONE},
		{"--boot --json", BOOT_ALONE},
		{"--list -n", LIST_ALONE},
		{"--list -s", LIST_ALONE},
		{"--list --unbind", LIST_ALONE},
		{"--list --check-config", LIST_ALONE},
		{"--list --status", LIST_ALONE},
		{"--status -n", STATUS_ALONE},
		{"--status -c a.yaml", STATUS_ALONE},
		{"--status -v", STATUS_ALONE},
		{"--status --timeout 5", STATUS_ALONE},
		{"--timeout=60 --status", STATUS_ALONE},
		{"--json --check-config", CHECK_CONFIG_ALONE},
		{"--check-config --strict", CHECK_CONFIG_ALONE},
		{"--check-config -n", CHECK_CONFIG_ALONE},
		{"--check-config --timeout 60", CHECK_CONFIG_ALONE},
		{"--json=1", "option --json takes no value: '--json=1'"},
		{"--boot=1", "option --boot takes no value: '--boot=1'"},
		{"--probe", "option --probe works only together with --dry-run"},
	};
	struct options options;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char expected[256];

		snprintf(expected, sizeof(expected), "error: %s\n" HINT, cases[i][1]);
		assert_int_equal(parse(cases[i][0], &options), OPTIONS_EXIT_FAILURE);
		assert_string_equal(capture.text, expected);
	}
}

/* With --json every failure is reported as JSON, in whatever order the options are given. */
static void bad_json(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse("--nonsense --json", &options), OPTIONS_EXIT_FAILURE);
	assert_true(options.json);
	assert_string_equal(log_last_error(), "unknown option '--nonsense'"); /* the error for JSON, without the hint */
	assert_int_equal(parse("--json --nonsense", &options), OPTIONS_EXIT_FAILURE);
	assert_true(options.json);
	assert_int_equal(parse("--nonsense", &options), OPTIONS_EXIT_FAILURE);
	assert_false(options.json);
}

static void help(void **state)
{
	static const char *const names[] = {
		"-c, --config FILE", "-h, --help",  "-n, --dry-run",      "-s, --strict", "-v, --verbose",
		"-V, --version",     " --unbind",   " --timeout SECONDS", " --probe",     " --check-config",
		" --boot ", " --add-secrets DIR", " --lock-secrets ",
		" --boot ",          " --list ",    " --status ",         " --json ",
		"/etc/pvapconfig.yaml", "default: 60, 0: no limit",
	};
	struct options options;

	(void)state;
	assert_int_equal(parse("--help", &options), OPTIONS_EXIT_SUCCESS);
	for (size_t i = 0; i < COUNT(names); i++)
		assert_non_null(strstr(capture.text, names[i]));
	assert_null(strstr(capture.text, "error: "));

	/* Fits the width of a console. */
	for (const char *line = capture.text; *line; line = strchr(line, '\n') + 1)
		assert_between(strcspn(line, "\n"), 0, strlen("output: ") + 80);

	assert_int_equal(parse("-vh --nonsense", &options), OPTIONS_EXIT_SUCCESS);
}

static void version(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(parse("-V", &options), OPTIONS_EXIT_SUCCESS);
	assert_string_equal(capture.text, "output: pvapconfig " PVAPCONFIG_VERSION "\n");
	assert_int_equal(parse("--version", &options), OPTIONS_EXIT_SUCCESS);
	assert_string_equal(capture.text, "output: pvapconfig " PVAPCONFIG_VERSION "\n");
}

/* The result does not depend on the variables that getopt would read. */
static void environment(void **state)
{
	struct options options;

	(void)state;
	assert_int_equal(setenv("POSIXLY_CORRECT", "1", 1), 0);
	good(state);
	bad(state);
	assert_int_equal(unsetenv("POSIXLY_CORRECT"), 0);
	assert_int_equal(parse("-n", &options), OPTIONS_RUN);
}

static void no_program_name(void **state)
{
	char *argv[] = {NULL};
	struct options options;

	(void)state;
	log_capture_begin(&capture);
	assert_int_equal(options_parse(0, argv, &options), OPTIONS_RUN);
	assert_string_equal(describe(&options), "/etc/pvapconfig.yaml 60000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),    cmocka_unit_test(bad),         cmocka_unit_test(help),
		cmocka_unit_test(bad_json),
		cmocka_unit_test(version), cmocka_unit_test(environment), cmocka_unit_test(no_program_name),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
