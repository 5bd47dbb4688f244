/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "arguments.h"
#include "util/log.h"
#include "util/text.h"
#include "util/wait.h"

#define STRINGIFY(value) #value
#define STRING(value) STRINGIFY(value)
#define TIMEOUT_NOT_GIVEN (-1)

enum option {
	OPTION_CONFIG,
	OPTION_HELP,
	OPTION_DRY_RUN,
	OPTION_STRICT,
	OPTION_VERBOSE,
	OPTION_VERSION,
	OPTION_UNBIND,
	OPTION_TIMEOUT,
	OPTION_PROBE,
	OPTION_CHECK_CONFIG,
	OPTION_BOOT,
	OPTION_ADD_SECRETS,
	OPTION_LOCK_SECRETS,
	OPTION_LIST,
	OPTION_STATUS,
	OPTION_JSON,
};

static const struct argument_option known_options[] = {
	[OPTION_CONFIG] = { "config", 'c', true },
	[OPTION_HELP] = { "help", 'h', false },
	[OPTION_DRY_RUN] = { "dry-run", 'n', false },
	[OPTION_STRICT] = { "strict", 's', false },
	[OPTION_VERBOSE] = { "verbose", 'v', false },
	[OPTION_VERSION] = { "version", 'V', false },
	[OPTION_UNBIND] = { "unbind", 0, false },
	[OPTION_TIMEOUT] = { "timeout", 0, true },
	[OPTION_PROBE] = { "probe", 0, false },
	[OPTION_CHECK_CONFIG] = { "check-config", 0, false },
	[OPTION_BOOT] = { "boot", 0, false },
	[OPTION_ADD_SECRETS] = { "add-secrets", 0, true },
	[OPTION_LOCK_SECRETS] = { "lock-secrets", 0, false },
	[OPTION_LIST] = { "list", 0, false },
	[OPTION_STATUS] = { "status", 0, false },
	[OPTION_JSON] = { "json", 0, false },
};

static void print_help(void)
{
	static const char *const lines[] = {
		"Usage: pvapconfig [OPTION]...",
		"Bind and associate the crypto queues (APQNs) of a Secure Execution guest.",
		"",
		"What to do:",
		/* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one line, put together */
		"  -c, --config FILE      configuration file (default: " OPTIONS_CONFIG_PATH ")",
		"  -s, --strict           fail unless every entry of the file is satisfied",
		"      --add-secrets DIR  first submit the add-secret requests in DIR (*.asrcb)",
		"      --lock-secrets     then lock the secret store: nothing is added any more",
		"      --check-config     only check the configuration file; works on any machine",
		"      --boot             early boot: as the kernel command line has it",
		"                         (rd.pvapconfig...); not with any other option",
		"      --unbind           unbind all APQNs; not with --config or --strict",
		"",
		"What to see, instead:",
		"      --list             all APQNs: identity, state, association",
		"      --status           what early boot has come to; fails if that failed",
		"",
		"How to do it:",
		"  -n, --dry-run          change nothing, show what a real run would do",
		"      --probe            with --dry-run, bind queues to identify them",
		"      --timeout SECONDS  time for the whole run (default: " STRING(
			OPTIONS_TIMEOUT_DEFAULT) ", 0: no limit)",
		"      --json             the result as JSON, all messages on standard error",
		"  -v, --verbose          tell what is being done",
		"",
		"  -h, --help             print this text and exit",
		"  -V, --version          print the version and exit",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		log_output("%s", lines[i]);
}

static int parse_timeout(const char *text, int64_t *timeout_ms)
{
	uint64_t seconds;

	if (text_parse_decimal(text, OPTIONS_TIMEOUT_MAX, &seconds)) {
		log_error("option --timeout: '%s' is not a whole number of seconds from 0 to %d", text,
			  OPTIONS_TIMEOUT_MAX);
		return -EINVAL;
	}
	*timeout_ms = (int64_t)seconds * 1000;
	return 0;
}

static int parse_path(enum option option, const char *text, const char **path)
{
	if (!*text) {
		log_error("option --%s: the name is empty", known_options[option].name);
		return -EINVAL;
	}
	*path = text;
	return 0;
}

static enum options_action apply_option(enum option option, const char *value, struct options *options)
{
	int error = 0;

	switch (option) {
	case OPTION_CONFIG:
		error = parse_path(option, value, &options->config_path);
		break;
	case OPTION_HELP:
		print_help();
		return OPTIONS_EXIT_SUCCESS;
	case OPTION_DRY_RUN:
		options->dry_run = true;
		break;
	case OPTION_STRICT:
		options->strict = true;
		break;
	case OPTION_VERBOSE:
		options->verbose = true;
		break;
	case OPTION_VERSION:
		log_output("pvapconfig " PVAPCONFIG_VERSION);
		return OPTIONS_EXIT_SUCCESS;
	case OPTION_UNBIND:
		options->unbind = true;
		break;
	case OPTION_TIMEOUT:
		error = parse_timeout(value, &options->timeout_ms);
		break;
	case OPTION_PROBE:
		options->probe = true;
		break;
	case OPTION_CHECK_CONFIG:
		options->check_config = true;
		break;
	case OPTION_BOOT:
		options->boot = true;
		break;
	case OPTION_ADD_SECRETS:
		error = parse_path(option, value, &options->secrets_path);
		break;
	case OPTION_LOCK_SECRETS:
		options->lock_secrets = true;
		break;
	case OPTION_LIST:
		options->list = true;
		break;
	case OPTION_STATUS:
		options->status = true;
		break;
	case OPTION_JSON:
		options->json = true;
		break;
	}
	return error ? OPTIONS_EXIT_FAILURE : OPTIONS_RUN;
}

static bool has_timeout(const struct options *options)
{
	return options->timeout_ms != TIMEOUT_NOT_GIVEN;
}

static bool is_anything_set(const struct options *options)
{
	return options->config_path || options->dry_run || options->strict || options->verbose || options->unbind ||
	       options->probe || options->check_config || options->secrets_path || options->lock_secrets ||
	       options->list || options->status || options->json || has_timeout(options);
}

static bool does_something(const struct options *options)
{
	return options->dry_run || options->strict || options->unbind || options->probe || options->check_config ||
	       options->secrets_path || options->lock_secrets;
}

/* The first pair of options that contradict each other, if any. */
static int check_combination(const struct options *options)
{
	const struct {
		bool wrong;
		const char *message;
	} rules[] = {
		{ options->boot && is_anything_set(options),
		  "option --boot excludes all others: the kernel command line has their place (rd.pvapconfig...)" },
		{ options->unbind && options->config_path, "options --unbind and --config exclude each other" },
		{ options->unbind && options->strict, "options --unbind and --strict exclude each other" },
		{ options->unbind && options->check_config, "options --unbind and --check-config exclude each other" },
		{ options->unbind && options->probe, "options --unbind and --probe exclude each other" },
		{ (options->unbind || options->check_config) && (options->secrets_path || options->lock_secrets),
		  "options --add-secrets and --lock-secrets do not go with --unbind or --check-config" },
		{ options->list && (options->status || does_something(options)),
		  "option --list goes with --config, --json, --timeout and --verbose only" },
		{ options->status &&
			  (options->config_path || options->verbose || has_timeout(options) || does_something(options)),
		  "option --status goes with --json only" },
		{ options->check_config &&
			  (options->json || options->dry_run || options->strict || has_timeout(options)),
		  "option --check-config goes with --config and --verbose only" },
		{ options->probe && !options->dry_run, "option --probe works only together with --dry-run" },
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].wrong) {
			log_error("%s", rules[i].message);
			return -EINVAL;
		}
	}
	return 0;
}

/* `words` is argv without the name of the program. */
static enum options_action parse_all(char *const words[], struct options *options)
{
	struct arguments arguments = { .options = known_options,
				       .count = sizeof(known_options) / sizeof(known_options[0]),
				       .next = words };
	const char *value = NULL;
	int option;

	while ((option = arguments_next(&arguments, &value)) >= 0) {
		enum options_action action = apply_option((enum option)option, value, options);

		if (action != OPTIONS_RUN)
			return action;
	}
	if (option == ARGUMENTS_REFUSED)
		return OPTIONS_EXIT_FAILURE;
	return check_combination(options) ? OPTIONS_EXIT_FAILURE : OPTIONS_RUN;
}

static bool has_word(char *const words[], const char *word)
{
	while (*words && strcmp(*words, word) != 0)
		words++;
	return *words;
}

int64_t options_pipe_ms(const struct options *options)
{
	return options->timeout_ms > 0 ? options->timeout_ms : WAIT_FOREVER;
}

enum options_action options_parse(int argc, char *argv[], struct options *options)
{
	enum options_action action;

	*options = (struct options){ .timeout_ms = TIMEOUT_NOT_GIVEN };
	action = parse_all(argc > 0 ? argv + 1 : argv, options);
	if (!has_timeout(options))
		options->timeout_ms = OPTIONS_TIMEOUT_DEFAULT * INT64_C(1000);
	if (action == OPTIONS_EXIT_FAILURE) {
		/* Whoever reads JSON wants it of a command line, too, whose first word is wrong. */
		options->json = has_word(argv, "--json");
		/* No error: that of a report is what was wrong. */
		log_warning("try 'pvapconfig --help'");
	} else if (!options->config_path && !options->list && !options->unbind && !options->status) {
		options->config_path = OPTIONS_CONFIG_PATH;
	}
	return action;
}
