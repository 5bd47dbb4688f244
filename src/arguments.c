/* SPDX-License-Identifier: MIT */
#include "arguments.h"

#include <string.h>

#include "util/log.h"

/* The value is the rest of this word, if there is one, or the next word. */
static int take_value(struct arguments *arguments, size_t option, const char *rest, const char **value)
{
	*value = rest ? rest : *arguments->next;
	if (!*value) {
		log_error("option --%s needs a value", arguments->options[option].name);
		return ARGUMENTS_REFUSED;
	}
	if (!rest)
		arguments->next++;
	return (int)option;
}

static int next_letter(struct arguments *arguments, const char **value)
{
	char letter = *arguments->letters++;
	const char *rest = *arguments->letters ? arguments->letters : NULL;

	for (size_t i = 0; i < arguments->count; i++) {
		if (arguments->options[i].letter != letter)
			continue;
		if (!arguments->options[i].has_value) {
			arguments->letters = rest;
			return (int)i;
		}
		arguments->letters = NULL;
		return take_value(arguments, i, rest, value);
	}
	log_error("unknown option '-%c'", letter);
	return ARGUMENTS_REFUSED;
}

static int next_name(struct arguments *arguments, const char *word, const char **value)
{
	const char *name = word + 2;
	size_t length = strcspn(name, "=");
	const char *rest = name[length] ? name + length + 1 : NULL;

	for (size_t i = 0; i < arguments->count; i++) {
		if (strncmp(arguments->options[i].name, name, length) != 0 || arguments->options[i].name[length])
			continue;
		if (arguments->options[i].has_value)
			return take_value(arguments, i, rest, value);
		if (!rest)
			return (int)i;
		log_error("option --%s takes no value: '%s'", arguments->options[i].name, word);
		return ARGUMENTS_REFUSED;
	}
	log_error("unknown option '%s'", word);
	return ARGUMENTS_REFUSED;
}

int arguments_next(struct arguments *arguments, const char **value)
{
	const char *word;

	if (arguments->letters)
		return next_letter(arguments, value);
	word = *arguments->next;
	if (word && strcmp(word, "--") == 0)
		word = *++arguments->next;
	else if (word && word[0] == '-' && word[1]) {
		arguments->next++;
		if (word[1] == '-')
			return next_name(arguments, word, value);
		arguments->letters = word + 1;
		return next_letter(arguments, value);
	}
	if (!word)
		return ARGUMENTS_END;
	log_error("unexpected argument '%s'", word);
	return ARGUMENTS_REFUSED;
}
