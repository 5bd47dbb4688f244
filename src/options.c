/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>

#include "log.h"
#include "text.h"

#define STRINGIFY(value) #value
#define STRING(value) STRINGIFY(value)

/* Options without a short form. */
enum { OPTION_UNBIND = 256, OPTION_TIMEOUT, OPTION_PROBE, OPTION_CHECK_CONFIG, OPTION_BOOT };

/*
 * With the plus sign getopt stops at the first operand, which is an error anyway, and does not ask the environment
 * (POSIXLY_CORRECT) whether to do so. With the colon it leaves the messages to us.
 */
static const char short_options[] = "+:c:hnsvV";

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"help", no_argument, NULL, 'h'},
	{"dry-run", no_argument, NULL, 'n'},
	{"strict", no_argument, NULL, 's'},
	{"verbose", no_argument, NULL, 'v'},
	{"version", no_argument, NULL, 'V'},
	{"unbind", no_argument, NULL, OPTION_UNBIND},
	{"timeout", required_argument, NULL, OPTION_TIMEOUT},
	{"probe", no_argument, NULL, OPTION_PROBE},
	{"check-config", no_argument, NULL, OPTION_CHECK_CONFIG},
	{"boot", no_argument, NULL, OPTION_BOOT},
	{NULL, 0, NULL, 0},
};

static void print_help(void)
{
	static const char *const lines[] = {
		"Usage: pvapconfig [OPTION]...",
		"Bind and associate the crypto queues (APQNs) of a Secure Execution guest.",
		"",
		"What to do:",
		"  -c, --config FILE      configuration file (default: " OPTIONS_CONFIG_PATH ")",
		"  -s, --strict           fail unless every entry of the file is satisfied",
		"      --check-config     only check the configuration file; works on any machine",
		"      --boot             early boot: as the kernel command line has it",
		"                         (rd.pvapconfig...); not with any other option",
		"      --unbind           unbind all APQNs; not with --config or --strict",
		"",
		"How to do it:",
		"  -n, --dry-run          change nothing; with --verbose, tell what would be done",
		"      --probe            with --dry-run, bind queues to identify them",
		"      --timeout SECONDS  time for the whole run (default: " STRING(OPTIONS_TIMEOUT_DEFAULT)
		", 0: no limit)",
		"  -v, --verbose          tell what is being done",
		"",
		"  -h, --help             print this text and exit",
		"  -V, --version          print the version and exit",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		log_output("%s", lines[i]);
}

static const char *long_name(int value)
{
	for (const struct option *option = long_options; option->name; option++)
		if (option->val == value)
			return option->name;
	return NULL;
}

/* What getopt could not take: optopt and the argument before optind tell which. */
static void report_refused(int result, const char *argument)
{
	const char *name = long_name(optopt);

	if (result == ':')
		log_error("option --%s needs a value", name);
	else if (name)
		log_error("option --%s takes no value: '%s'", name, argument);
	else if (optopt)
		log_error("unknown option '-%c'", optopt);
	else
		log_error("unknown or ambiguous option '%s'", argument);
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

static int parse_config_path(const char *text, const char **path)
{
	if (!*text) {
		log_error("option --config: the name of the file is empty");
		return -EINVAL;
	}
	*path = text;
	return 0;
}

static enum options_action apply_option(int option, const char *argument, struct options *options)
{
	int error = 0;

	switch (option) {
	case 'c':
		error = parse_config_path(optarg, &options->config_path);
		break;
	case 'h':
		print_help();
		return OPTIONS_EXIT_SUCCESS;
	case 'n':
		options->dry_run = true;
		break;
	case 's':
		options->strict = true;
		break;
	case 'v':
		options->verbose = true;
		break;
	case 'V':
		log_output("pvapconfig " PVAPCONFIG_VERSION);
		return OPTIONS_EXIT_SUCCESS;
	case OPTION_UNBIND:
		options->unbind = true;
		break;
	case OPTION_TIMEOUT:
		error = parse_timeout(optarg, &options->timeout_ms);
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
	default:
		report_refused(option, argument);
		error = -EINVAL;
		break;
	}
	return error ? OPTIONS_EXIT_FAILURE : OPTIONS_RUN;
}

static bool is_anything_set(const struct options *options)
{
	return options->config_path || options->dry_run || options->strict || options->verbose || options->unbind ||
	       options->probe || options->check_config ||
	       options->timeout_ms != OPTIONS_TIMEOUT_DEFAULT * INT64_C(1000);
}

/* The first pair of options that contradict each other, if any. */
static int check_combination(const struct options *options)
{
	const struct {
		bool wrong;
		const char *message;
	} rules[] = {
		{options->boot && is_anything_set(options),
		 "option --boot excludes all others: the kernel command line has their place (rd.pvapconfig...)"},
		{options->unbind && options->config_path, "options --unbind and --config exclude each other"},
		{options->unbind && options->strict, "options --unbind and --strict exclude each other"},
		{options->unbind && options->check_config, "options --unbind and --check-config exclude each other"},
		{options->unbind && options->probe, "options --unbind and --probe exclude each other"},
		{options->probe && !options->dry_run, "option --probe works only together with --dry-run"},
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].wrong) {
			log_error("%s", rules[i].message);
			return -EINVAL;
		}
	}
	return 0;
}

static enum options_action parse_all(int argc, char *argv[], struct options *options)
{
	int option;

	optind = 0; /* start anew, whatever was parsed before: understood by glibc and musl */
	while ((option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		enum options_action action = apply_option(option, argv[optind - 1], options);

		if (action != OPTIONS_RUN)
			return action;
	}
	if (optind < argc) {
		log_error("unexpected argument '%s'", argv[optind]);
		return OPTIONS_EXIT_FAILURE;
	}
	return check_combination(options) ? OPTIONS_EXIT_FAILURE : OPTIONS_RUN;
}

enum options_action options_parse(int argc, char *argv[], struct options *options)
{
	enum options_action action;

	*options = (struct options){.timeout_ms = OPTIONS_TIMEOUT_DEFAULT * INT64_C(1000)};
	action = parse_all(argc, argv, options);
	if (action == OPTIONS_EXIT_FAILURE)
		log_error("try 'pvapconfig --help'");
	else if (!options->config_path)
		options->config_path = OPTIONS_CONFIG_PATH;
	return action;
}
