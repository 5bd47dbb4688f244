/* SPDX-License-Identifier: MIT */
/*
 * One table drives the parser, --help and the conflicts. The parser splits words as getopt_long(3) does, but without
 * abbreviations and without the environment; getopt_long itself would be a fiftieth of the program.
 */
#include "options.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "util/log.h"
#include "util/text.h"
#include "util/wait.h"

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
	const char *help = option->help, *end;
	char start[64];
	size_t length;

	_Static_assert(sizeof(blanks) == HELP_COLUMN + 1, "blanks up to the column");
	length = (size_t)snprintf(start, sizeof(start), option->letter ? "  -%c, " : "      ", option->letter);
	length += (size_t)snprintf(start + length, sizeof(start) - length, "--%s%s%s", option->name,
				   *option->value ? " " : "", option->value);
	while ((end = strchr(help, '\n'))) {
		char line[128];

		snprintf(line, sizeof(line), "%s", help);
		line[end - help] = '\0';
		log_output("%s%s%s", start, blanks + length, line);
		start[0] = '\0';
		length = 0;
		help = end + 1;
	}
	log_output("%s%s%s", start, blanks + length, help);
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

/* --- words ---------------------------------------------------------------------------------------- */

struct parser {
	char *const *next;   /* the next word; NULL after the last */
	const char *letters; /* the rest of a word of short options; NULL: none */
	unsigned int given;  /* bits of all options so far */
};

#define WORDS_END (-1)
#define WORDS_REFUSED (-2)

/* The value is the rest of this word, if there is one, or the next word. */
static int take_value(struct parser *parser, int id, const char *rest, const char **value)
{
	*value = rest ? rest : *parser->next;
	if (!*value) {
		log_error("option --%s needs a value", known[id].name);
		return WORDS_REFUSED;
	}
	if (!rest)
		parser->next++;
	return id;
}

static bool has_value(int id)
{
	return known[id].kind == PATH || known[id].kind == SECONDS;
}

static int next_letter(struct parser *parser, const char **value)
{
	char letter = *parser->letters++;
	const char *rest = *parser->letters ? parser->letters : NULL;

	for (int id = 0; id < OPTION_COUNT; id++) {
		if (known[id].letter != letter)
			continue;
		parser->letters = has_value(id) ? NULL : rest;
		return has_value(id) ? take_value(parser, id, rest, value) : id;
	}
	log_error("unknown option '-%c'", letter);
	return WORDS_REFUSED;
}

static int next_name(struct parser *parser, const char *word, const char **value)
{
	const char *name = word + 2;
	size_t length = strcspn(name, "=");
	const char *rest = name[length] ? name + length + 1 : NULL;

	for (int id = 0; id < OPTION_COUNT; id++) {
		if (strncmp(known[id].name, name, length) != 0 || known[id].name[length])
			continue;
		if (has_value(id))
			return take_value(parser, id, rest, value);
		if (!rest)
			return id;
		log_error("option --%s takes no value: '%s'", known[id].name, word);
		return WORDS_REFUSED;
	}
	log_error("unknown option '%s'", word);
	return WORDS_REFUSED;
}

/* The next option with its value, which is part of the command line; WORDS_END; or WORDS_REFUSED, reported. */
static int next_option(struct parser *parser, const char **value)
{
	const char *word = *parser->next;

	if (parser->letters)
		return next_letter(parser, value);
	if (word && strcmp(word, "--") == 0)
		word = *++parser->next;
	else if (word && word[0] == '-' && word[1]) {
		parser->next++;
		if (word[1] == '-')
			return next_name(parser, word, value);
		parser->letters = word + 1;
		return next_letter(parser, value);
	}
	if (!word)
		return WORDS_END;
	log_error("unexpected argument '%s'", word);
	return WORDS_REFUSED;
}

/* --- meaning -------------------------------------------------------------------------------------- */

static int set_path(const struct option *option, const char *value, struct options *options)
{
	if (!*value) {
		log_error("option --%s: the name is empty", option->name);
		return -EINVAL;
	}
	*(const char **)(void *)((char *)options + option->offset) = value;
	return 0;
}

static int set_seconds(const struct option *option, const char *value, struct options *options)
{
	uint64_t seconds;

	if (text_parse_decimal(value, OPTIONS_TIMEOUT_MAX, &seconds)) {
		log_error("option --%s: '%s' is not a whole number of seconds from 0 to %d", option->name, value,
			  OPTIONS_TIMEOUT_MAX);
		return -EINVAL;
	}
	*(int64_t *)(void *)((char *)options + option->offset) = (int64_t)seconds * 1000;
	return 0;
}

static enum options_action apply(int id, const char *value, struct options *options)
{
	const struct option *option = &known[id];
	int error = 0;

	switch (option->kind) {
	case FLAG:
		*(bool *)((char *)options + option->offset) = true;
		break;
	case PATH:
		error = set_path(option, value, options);
		break;
	case SECONDS:
		error = set_seconds(option, value, options);
		break;
	case EXIT:
		if (id == HELP)
			print_help();
		else
			log_output("pvapconfig " PVAPCONFIG_VERSION);
		return OPTIONS_EXIT_SUCCESS;
	}
	return error ? OPTIONS_EXIT_FAILURE : OPTIONS_RUN;
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

/* `words` is argv without the name of the program. */
static enum options_action parse_all(char *const words[], struct options *options)
{
	struct parser parser = { .next = words };
	const char *value = "";
	int id;

	while ((id = next_option(&parser, &value)) >= 0) {
		enum options_action action = apply(id, value, options);

		if (action != OPTIONS_RUN)
			return action;
		parser.given |= BIT(id);
	}
	return id == WORDS_REFUSED ? OPTIONS_EXIT_FAILURE : check_conflicts(parser.given);
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

	*options = (struct options){ .timeout_ms = OPTIONS_TIMEOUT_DEFAULT * INT64_C(1000) };
	action = parse_all(argc > 0 ? argv + 1 : argv, options);
	if (action == OPTIONS_EXIT_FAILURE) {
		/* A program that reads JSON wants it also if the first word is wrong. */
		options->json = has_word(argv, "--json");
		/* Not as an error: the report has the last error, which must be the reason. */
		log_warning("try 'pvapconfig --help'");
	} else if (!options->config_path && !options->list && !options->unbind && !options->status) {
		options->config_path = OPTIONS_CONFIG_PATH;
	}
	return action;
}
