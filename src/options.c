/* SPDX-License-Identifier: MIT */
/*
 * The parser splits words as getopt_long(3) does, but without abbreviations and without the environment; getopt_long
 * itself would be a fiftieth of the program. tests/check-docs compares help, manual page and README.
 */
#include "options.h"

#include <stddef.h>
#include <string.h>

#include "util/log.h"
#include "util/text.h"

enum option_id {
	CONFIG,
	STRICT,
	ADD_SECRETS,
	LOCK_SECRETS,
	CHECK_CONFIG,
	BOOT,
	UNBIND,
	LIST,
	STATUS,
	DRY_RUN,
	PROBE,
	TIMEOUT,
	JSON,
	VERBOSE,
	HELP,
	VERSION,
	OPTION_COUNT,
};

#define BIT(id) (1u << (id))

enum option_kind { FLAG, PATH, SECONDS, EXIT };

#define OFFSET(member) offsetof(struct options, member)

static const struct {
	const char *name;
	char letter; /* 0: none */
	enum option_kind kind;
	size_t offset; /* in struct options */
} known[OPTION_COUNT] = {
	[CONFIG] = { "config", 'c', PATH, OFFSET(config_path) },
	[STRICT] = { "strict", 's', FLAG, OFFSET(strict) },
	[ADD_SECRETS] = { "add-secrets", 0, PATH, OFFSET(secrets_path) },
	[LOCK_SECRETS] = { "lock-secrets", 0, FLAG, OFFSET(lock_secrets) },
	[CHECK_CONFIG] = { "check-config", 0, FLAG, OFFSET(check_config) },
	[BOOT] = { "boot", 0, FLAG, OFFSET(boot) },
	[UNBIND] = { "unbind", 0, FLAG, OFFSET(unbind) },
	[LIST] = { "list", 0, FLAG, OFFSET(list) },
	[STATUS] = { "status", 0, FLAG, OFFSET(status) },
	[DRY_RUN] = { "dry-run", 'n', FLAG, OFFSET(dry_run) },
	[PROBE] = { "probe", 0, FLAG, OFFSET(probe) },
	[TIMEOUT] = { "timeout", 0, SECONDS, OFFSET(timeout_ms) },
	[JSON] = { "json", 0, FLAG, OFFSET(json) },
	[VERBOSE] = { "verbose", 'v', FLAG, OFFSET(verbose) },
	[HELP] = { "help", 'h', EXIT, 0 },
	[VERSION] = { "version", 'V', EXIT, 0 },
};

static const char help[] =
	"Usage: pvapconfig [OPTION]...\n"
	"Bind and associate the crypto queues (APQNs) of a Secure Execution guest.\n"
	"\n"
	"What to do:\n"
	"  -c, --config FILE      configuration file (default: " OPTIONS_CONFIG_PATH ")\n"
	"  -s, --strict           fail unless every entry of the file is satisfied\n"
	"      --add-secrets DIR  submit the add-secret requests in DIR (*.asrcb) first\n"
	"      --lock-secrets     then lock the secret store until the guest restarts\n"
	"      --check-config     only check the configuration file; works on any machine\n"
	"      --boot             early boot: options from the kernel command line\n"
	"                         (rd.pvapconfig...); not with other options\n"
	"      --unbind           unbind all APQNs; not with --config or --strict\n"
	"\n"
	"What to show instead:\n"
	"      --list             list all APQNs: identity, state, association\n"
	"      --status           show the result of early boot; fails if that failed\n"
	"\n"
	"How to do it:\n"
	"  -n, --dry-run          change nothing, show what a real run would do\n"
	"      --probe            with --dry-run, bind queues to identify them\n"
	"      --timeout SECONDS  timeout of the whole run (default: " TEXT_OF(
		OPTIONS_TIMEOUT_DEFAULT) ", 0: no limit)\n"
					 "      --json             print the result as JSON, messages on standard error\n"
					 "  -v, --verbose          print every step\n"
					 "\n"
					 "  -h, --help             print this text and exit\n"
					 "  -V, --version          print the version and exit\n";

/* What an option goes with. The first rule that is broken counts. */
static const struct {
	enum option_id id;
	unsigned int others;
	const char *message;
} rules[] = {
	{ BOOT, 0, "option --boot excludes all others; use the kernel command line instead (rd.pvapconfig...)" },
	{ LIST, BIT(CONFIG) | BIT(JSON) | BIT(TIMEOUT) | BIT(VERBOSE),
	  "option --list goes with --config, --json, --timeout and --verbose only" },
	{ STATUS, BIT(JSON), "option --status goes with --json only" },
	{ CHECK_CONFIG, BIT(CONFIG) | BIT(VERBOSE), "option --check-config goes with --config and --verbose only" },
	{ UNBIND, BIT(DRY_RUN) | BIT(JSON) | BIT(TIMEOUT) | BIT(VERBOSE),
	  "option --unbind goes with --dry-run, --json, --timeout and --verbose only" },
};

struct parser {
	char *const *next;  /* the next word; NULL after the last */
	unsigned int given; /* bits of all options so far */
	struct options *options;
};

static bool has_value(int id)
{
	return known[id].kind == PATH || known[id].kind == SECONDS;
}

/* `value` is the rest of the option's word, or NULL: the next word. */
static enum options_action apply_value(struct parser *parser, int id, const char *value)
{
	void *member = (char *)parser->options + known[id].offset;
	uint64_t seconds;

	if (!value && *parser->next)
		value = *parser->next++;
	if (!value || !*value) {
		log_error("option --%s needs a value", known[id].name);
		return OPTIONS_EXIT_FAILURE;
	}
	if (known[id].kind == PATH) {
		*(const char **)member = value;
		return OPTIONS_RUN;
	}
	if (text_parse_decimal(value, OPTIONS_TIMEOUT_MAX, &seconds) < 0) {
		log_error("option --%s: '%s' is not a whole number of seconds from 0 to %d", known[id].name, value,
			  OPTIONS_TIMEOUT_MAX);
		return OPTIONS_EXIT_FAILURE;
	}
	*(int64_t *)member = (int64_t)seconds * 1000;
	return OPTIONS_RUN;
}

static enum options_action apply(struct parser *parser, int id, const char *value)
{
	parser->given |= BIT(id);
	if (has_value(id))
		return apply_value(parser, id, value);
	if (known[id].kind == FLAG) {
		*(bool *)((char *)parser->options + known[id].offset) = true;
		return OPTIONS_RUN;
	}
	if (id == HELP)
		log_lines(help);
	else
		log_output("pvapconfig " PVAPCONFIG_VERSION);
	return OPTIONS_EXIT_SUCCESS;
}

static enum options_action check_rules(unsigned int given)
{
	const char *message = NULL;

	for (size_t i = 0; !message && i < sizeof(rules) / sizeof(rules[0]); i++) {
		if ((given & BIT(rules[i].id)) && (given & ~(BIT(rules[i].id) | rules[i].others)))
			message = rules[i].message;
	}
	if (!message && (given & BIT(PROBE)) && !(given & BIT(DRY_RUN)))
		message = "option --probe works only together with --dry-run";
	if (message)
		log_error("%s", message);
	return message ? OPTIONS_EXIT_FAILURE : OPTIONS_RUN;
}

/* --- words ---------------------------------------------------------------------------------------- */

static enum options_action apply_letters(struct parser *parser, const char *letters)
{
	enum options_action action = OPTIONS_RUN;

	for (; *letters && action == OPTIONS_RUN; letters++) {
		int id = 0;

		while (id < OPTION_COUNT && known[id].letter != *letters)
			id++;
		if (id == OPTION_COUNT) {
			log_error("unknown option '-%c'", *letters);
			return OPTIONS_EXIT_FAILURE;
		}
		if (has_value(id))
			return apply(parser, id, letters[1] ? letters + 1 : NULL);
		action = apply(parser, id, NULL);
	}
	return action;
}

static enum options_action apply_name(struct parser *parser, const char *word)
{
	const char *name = word + 2;
	size_t length = strcspn(name, "=");
	const char *value = name[length] ? name + length + 1 : NULL;

	for (int id = 0; id < OPTION_COUNT; id++) {
		if (strncmp(known[id].name, name, length) != 0 || known[id].name[length])
			continue;
		if (!value || has_value(id))
			return apply(parser, id, value);
		log_error("option --%s takes no value: '%s'", known[id].name, word);
		return OPTIONS_EXIT_FAILURE;
	}
	log_error("unknown option '%s'", word);
	return OPTIONS_EXIT_FAILURE;
}

static bool is_option(const char *word)
{
	return word && word[0] == '-' && word[1] && strcmp(word, "--") != 0;
}

/* `words` is argv without the name of the program. */
static enum options_action parse_all(char *const words[], struct options *options)
{
	struct parser parser = { .next = words, .options = options };
	enum options_action action = OPTIONS_RUN;

	while (action == OPTIONS_RUN && is_option(*parser.next)) {
		const char *word = *parser.next++;

		action = word[1] == '-' ? apply_name(&parser, word) : apply_letters(&parser, word + 1);
	}
	if (action != OPTIONS_RUN)
		return action;
	if (*parser.next && strcmp(*parser.next, "--") == 0)
		parser.next++;
	if (*parser.next) {
		log_error("unexpected argument '%s'", *parser.next);
		return OPTIONS_EXIT_FAILURE;
	}
	return check_rules(parser.given);
}

enum options_action options_parse(int argc, char *argv[], struct options *options)
{
	enum options_action action;

	*options = (struct options){ .timeout_ms = OPTIONS_TIMEOUT_DEFAULT * INT64_C(1000) };
	action = parse_all(argc > 0 ? argv + 1 : argv, options);
	if (action == OPTIONS_EXIT_FAILURE) {
		/* A program that reads JSON wants it also if the first word is wrong. */
		for (char **word = argv; *word; word++)
			options->json = options->json || strcmp(*word, "--json") == 0;
		/* Not as an error: the report has the last error, which must be the reason. */
		log_warning("try 'pvapconfig --help'");
	} else if (!options->config_path && !options->list && !options->unbind && !options->status) {
		options->config_path = OPTIONS_CONFIG_PATH;
	}
	return action;
}
