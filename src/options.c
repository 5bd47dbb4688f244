/* SPDX-License-Identifier: MIT */
/*
 * One table drives the parser, --help and the conflicts. The parser splits words as getopt_long(3) does, but without
 * abbreviations and without the environment; getopt_long itself would be a fiftieth of the program.
 */
#include "options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "util/log.h"
#include "util/text.h"

#define HELP_COLUMN 25 /* where the explanations begin */

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

struct option {
	const char *name;
	char letter; /* 0: none */
	enum option_kind kind;
	size_t offset;     /* in struct options */
	const char *value; /* what --help calls it */
	const char *help;  /* a newline continues it in the next line */
	const char *group; /* heading in front of it; NULL: none */
};

#define OFFSET(member) offsetof(struct options, member)

static const struct option known[OPTION_COUNT] = {
	[CONFIG] = { "config", 'c', PATH, OFFSET(config_path), "FILE",
		     "configuration file (default: " OPTIONS_CONFIG_PATH ")", "What to do:" },
	[STRICT] = { "strict", 's', FLAG, OFFSET(strict), "", "fail unless every entry of the file is satisfied",
		     NULL },
	[ADD_SECRETS] = { "add-secrets", 0, PATH, OFFSET(secrets_path), "DIR",
			  "submit the add-secret requests in DIR (*.asrcb) first", NULL },
	[LOCK_SECRETS] = { "lock-secrets", 0, FLAG, OFFSET(lock_secrets), "",
			   "then lock the secret store until the guest restarts", NULL },
	[CHECK_CONFIG] = { "check-config", 0, FLAG, OFFSET(check_config), "",
			   "only check the configuration file; works on any machine", NULL },
	[BOOT] = { "boot", 0, FLAG, OFFSET(boot), "",
		   "early boot: options from the kernel command line\n(rd.pvapconfig...); not with other options",
		   NULL },
	[UNBIND] = { "unbind", 0, FLAG, OFFSET(unbind), "", "unbind all APQNs; not with --config or --strict", NULL },
	[LIST] = { "list", 0, FLAG, OFFSET(list), "", "list all APQNs: identity, state, association",
		   "What to show instead:" },
	[STATUS] = { "status", 0, FLAG, OFFSET(status), "", "show the result of early boot; fails if that failed",
		     NULL },
	[DRY_RUN] = { "dry-run", 'n', FLAG, OFFSET(dry_run), "", "change nothing, show what a real run would do",
		      "How to do it:" },
	[PROBE] = { "probe", 0, FLAG, OFFSET(probe), "", "with --dry-run, bind queues to identify them", NULL },
	[TIMEOUT] = { "timeout", 0, SECONDS, OFFSET(timeout_ms), "SECONDS",
		      "timeout of the whole run (default: " TEXT_OF(OPTIONS_TIMEOUT_DEFAULT) ", 0: no limit)", NULL },
	[JSON] = { "json", 0, FLAG, OFFSET(json), "", "print the result as JSON, messages on standard error", NULL },
	[VERBOSE] = { "verbose", 'v', FLAG, OFFSET(verbose), "", "print every step", NULL },
	[HELP] = { "help", 'h', EXIT, 0, "", "print this text and exit", "" },
	[VERSION] = { "version", 'V', EXIT, 0, "", "print the version and exit", NULL },
};

/* Options that do not go together: one of the first set and one of the second. The first rule that is broken counts. */
static const struct {
	unsigned int ones, others;
	const char *message;
} conflicts[] = {
	{ BIT(BOOT), ~BIT(BOOT),
	  "option --boot excludes all others; use the kernel command line instead (rd.pvapconfig...)" },
	{ BIT(UNBIND), BIT(CONFIG), "options --unbind and --config exclude each other" },
	{ BIT(UNBIND), BIT(STRICT), "options --unbind and --strict exclude each other" },
	{ BIT(UNBIND), BIT(CHECK_CONFIG), "options --unbind and --check-config exclude each other" },
	{ BIT(UNBIND), BIT(PROBE), "options --unbind and --probe exclude each other" },
	{ BIT(UNBIND) | BIT(CHECK_CONFIG), BIT(ADD_SECRETS) | BIT(LOCK_SECRETS),
	  "options --add-secrets and --lock-secrets do not go with --unbind or --check-config" },
	{ BIT(LIST), ~(BIT(LIST) | BIT(CONFIG) | BIT(JSON) | BIT(TIMEOUT) | BIT(VERBOSE)),
	  "option --list goes with --config, --json, --timeout and --verbose only" },
	{ BIT(STATUS), ~(BIT(STATUS) | BIT(JSON)), "option --status goes with --json only" },
	{ BIT(CHECK_CONFIG), ~(BIT(CHECK_CONFIG) | BIT(CONFIG) | BIT(VERBOSE)),
	  "option --check-config goes with --config and --verbose only" },
};

/* --- help ----------------------------------------------------------------------------------------- */

static void print_option(const struct option *option)
{
	static const char blanks[] = "                         ";
	const char *help = option->help;
	char start[64];
	size_t length;

	_Static_assert(sizeof(blanks) == HELP_COLUMN + 1, "blanks up to the column");
	length = (size_t)snprintf(start, sizeof(start), option->letter ? "  -%c, " : "      ", option->letter);
	length += (size_t)snprintf(start + length, sizeof(start) - length, "--%s%s%s", option->name,
				   *option->value ? " " : "", option->value);
	do {
		char line[128];
		size_t end = strcspn(help, "\n");

		snprintf(line, sizeof(line), "%s", help);
		line[end] = '\0';
		log_output("%s%s%s", start, blanks + length, line);
		start[0] = '\0';
		length = 0;
		help += end;
	} while (*help++);
}

static void print_help(void)
{
	log_output("Usage: pvapconfig [OPTION]...");
	log_output("Bind and associate the crypto queues (APQNs) of a Secure Execution guest.");
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (known[i].group)
			log_output("%s", "");
		if (known[i].group && *known[i].group)
			log_output("%s", known[i].group);
		print_option(&known[i]);
	}
}

/* --- meaning -------------------------------------------------------------------------------------- */

struct parser {
	char *const *next;  /* the next word; NULL after the last */
	unsigned int given; /* bits of all options so far */
	struct options *options;
};

static enum options_action set_path(const struct option *option, const char *value, void *path)
{
	if (!*value) {
		log_error("option --%s: the name is empty", option->name);
		return OPTIONS_EXIT_FAILURE;
	}
	*(const char **)path = value;
	return OPTIONS_RUN;
}

static enum options_action set_seconds(const struct option *option, const char *value, void *ms)
{
	uint64_t seconds;

	if (text_parse_decimal(value, OPTIONS_TIMEOUT_MAX, &seconds)) {
		log_error("option --%s: '%s' is not a whole number of seconds from 0 to %d", option->name, value,
			  OPTIONS_TIMEOUT_MAX);
		return OPTIONS_EXIT_FAILURE;
	}
	*(int64_t *)ms = (int64_t)seconds * 1000;
	return OPTIONS_RUN;
}

static bool has_value(int id)
{
	return known[id].kind == PATH || known[id].kind == SECONDS;
}

/* `value` is the rest of the option's word, or NULL: the next word. */
static enum options_action apply(struct parser *parser, int id, const char *value)
{
	const struct option *option = &known[id];
	void *member = (char *)parser->options + option->offset;

	parser->given |= BIT(id);
	switch (option->kind) {
	case FLAG:
		*(bool *)member = true;
		return OPTIONS_RUN;
	case PATH:
	case SECONDS:
		if (!value && *parser->next)
			value = *parser->next++;
		if (value)
			return option->kind == PATH ? set_path(option, value, member) :
						      set_seconds(option, value, member);
		log_error("option --%s needs a value", option->name);
		return OPTIONS_EXIT_FAILURE;
	case EXIT:
		break;
	}
	if (id == HELP)
		print_help();
	else
		log_output("pvapconfig " PVAPCONFIG_VERSION);
	return OPTIONS_EXIT_SUCCESS;
}

static enum options_action check_conflicts(unsigned int given)
{
	const char *message = NULL;

	for (size_t i = 0; !message && i < sizeof(conflicts) / sizeof(conflicts[0]); i++) {
		if ((given & conflicts[i].ones) && (given & conflicts[i].others))
			message = conflicts[i].message;
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
	return check_conflicts(parser.given);
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
