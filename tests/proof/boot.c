/* SPDX-License-Identifier: MIT */
/*
 * The kernel command line: src/boot/parameters.c.
 *
 * Bounds: any text of up to 5 bytes: a="b" and shorter, with blanks and quotes anywhere. Values of up to 7 bytes for
 * booleans (two more than "false") and 6 for others, with each kind of name; arbitrary names are too much work for the
 * solver. PATH_MAX is 32 here.
 * Assumed: CBMC's strcasecmp, strncmp, strcmp, strchr do what POSIX says; paths are formatted by src/musl/format.c.
 *
 * prove: prove_words --unwind 7
 * mutant: prove_words src/boot/parameters.c s/= .end ? end + 1 : end;/= end + 1;/
 * prove: prove_boolean --unwind 10
 * mutant: prove_boolean src/boot/parameters.c s/"false", ""/"", "false"/
 * prove: prove_value --unwind 30
 * mutant: prove_value src/boot/parameters.c s/".required", .options->required, true/".required", \&options->required, false/
 */
#include <limits.h>
#undef PATH_MAX
#define PATH_MAX 32

#include "proof.h"

#include "libc.h"
#include "log.h"

#include "boot/parameters.c"
#include "musl/format.c"
#include "util/text.c"

void prove_words(void)
{
	char *text = any_text(5), *rest = text;
	size_t length = strlen(text), calls = 0, at = 0;
	struct cmdline_parameter parameter;

	while (cmdline_next(&rest, &parameter)) {
		CLAIM(rest > text + at && rest <= text + length, "each call advances, and stays in the text");
		CLAIM(parameter.name >= text + at && parameter.name < rest + 1, "the name lies in the consumed part");
		CLAIM(parameter.name + strlen(parameter.name) <= rest, "the name is terminated there");
		if (parameter.value) {
			CLAIM(parameter.value > parameter.name && parameter.value < rest + 1, "the value lies after the name");
			CLAIM(parameter.value + strlen(parameter.value) <= rest, "the value is terminated there");
		}
		at = (size_t)(rest - text);
		calls++;
	}
	CLAIM(calls <= length, "the loop ends");
}

static bool is_word(const char *value, const char *word)
{
	size_t i = 0;

	for (; word[i]; i++)
		if (value[i] != word[i] && value[i] != word[i] - 32)
			return false;
	return value[i] == '\0';
}

void prove_boolean(void)
{
	char *value = nondet_bool() ? NULL : any_text(7);
	bool result;
	bool understood = parse_boolean(value, &result);
	bool on = !value || !*value || (value[0] == '1' && !value[1]) || is_word(value, "yes") || is_word(value, "on") ||
		  is_word(value, "true");
	bool off = value && ((value[0] == '0' && !value[1]) || is_word(value, "no") || is_word(value, "off") || is_word(value, "false"));

	CLAIM(understood == (on || off), "accepted if and only if it is one of the words");
	CLAIM(!understood || result == on, "the meaning is that of the word");
}

static void check_options(const struct boot_options *options)
{
	CLAIM(options->end >= BOOT_POWER_OFF && options->end <= BOOT_HALT, "a defined end");
	CLAIM(options->run.timeout_ms >= 0 && options->run.timeout_ms <= OPTIONS_TIMEOUT_MAX * INT64_C(1000), "a timeout within its limit");
	CLAIM(strnlen(options->config_path, PATH_MAX) < PATH_MAX && options->config_path[0] == '/', "an absolute path, terminated");
	CLAIM(strnlen(options->secrets_path, PATH_MAX) < PATH_MAX && options->secrets_path[0] == '/', "an absolute path, terminated");
}

/* Any value of a parameter that takes one. */
void prove_value(void)
{
	static const char *const names[] = { "rd.pvapconfig.required", "rd.pvapconfig.lock-secrets", "rd.pvapconfig.timeout",
					     "rd.pvapconfig.config", "rd.pvapconfig.secrets", "rd.shell", "rd.emergency" };
	char *value = nondet_bool() ? NULL : any_text(6);
	bool on, understood = parse_boolean(value, &on);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct boot_options options = { .config_path = "/before", .secrets_path = "/before", .required = true,
						.run.lock_secrets = true };
		struct cmdline_parameter parameter = { .name = (char *)names[i], .value = value };

		apply(&parameter, &options);
		check_options(&options);
		CLAIM(options.required == (i != 0 || !understood || on), "only its own value turns required off");
		CLAIM(options.run.lock_secrets == (i != 1 || !understood || on), "only its own value turns lock_secrets off");
		CLAIM(!options.shell || (i == 5 && understood && on), "only its own value allows a shell");
	}
}
