/* SPDX-License-Identifier: MIT */
#include "boot/boot.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/cleanup.h"
#include "util/file.h"
#include "util/log.h"
#include "util/text.h"

#define PREFIX "rd.pvapconfig"
#define NAME_SIZE 32 /* longer than any name of ours */
#define KNOWN                                                                                                          \
	PREFIX ", " PREFIX ".config, " PREFIX ".strict, " PREFIX ".dry_run, " PREFIX ".verbose, " PREFIX               \
	       ".timeout, " PREFIX ".required, " PREFIX ".secrets, " PREFIX ".lock_secrets"

/* --- words ---------------------------------------------------------------------------------------- */

/* The kernel's isspace() includes 0xa0 (Latin-1), the second byte of a no-break space and of U+00E0 in UTF-8. */
static bool is_blank(char character)
{
	return character == ' ' || (character >= '\t' && character <= '\r') || (unsigned char)character == 0xa0;
}

/* The end of the parameter that begins here, and the first equals sign in it, or NULL. A name is never empty. */
static char *find_end(char *text, char **equals)
{
	size_t i, start = *text == '"';
	bool quoted = false;

	*equals = NULL;
	for (i = 0; text[i] && (quoted || !is_blank(text[i])); i++) {
		if (text[i] == '=' && !*equals && i > start)
			*equals = &text[i];
		if (text[i] == '"')
			quoted = !quoted;
	}
	return &text[i];
}

/* Takes away the quote at the start of a text, and one at `end`. */
static char *unquote(char *text, char *end)
{
	if (*text != '"')
		return text;
	text++;
	if (end > text && end[-1] == '"')
		end[-1] = '\0';
	return text;
}

bool cmdline_next(char **rest, struct cmdline_parameter *parameter)
{
	char *start = *rest, *end, *equals;

	while (is_blank(*start))
		start++;
	if (!*start)
		return false;
	end = find_end(start, &equals);
	*rest = *end ? end + 1 : end;
	*end = '\0';
	if (equals)
		*equals = '\0';
	parameter->name = unquote(start, end);
	parameter->value = equals ? unquote(equals + 1, end) : NULL;
	return true;
}

/* What visit_file needs: the function to call for each parameter. */
struct audience {
	cmdline_visitor *visit;
	void *context;
	bool is_needed; /* a missing file causes a warning */
};

/* It may have asked for them. */
static void visit_unread(const char *path, const struct audience *audience)
{
	static const char *const names[] = { PREFIX ".required", PREFIX ".lock_secrets" };

	log_warning("kernel command line %s: not read; %s and %s count as given there", path, names[0], names[1]);
	for (int i = 0; i < 2; i++)
		audience->visit(&(struct cmdline_parameter){ .name = names[i] }, audience->context);
}

static bool visit_file(const char *path, void *context)
{
	const struct audience *audience = context;
	const struct file_source source = {
		.what = "kernel command line",
		.path = path,
		.max = CMDLINE_SIZE_MAX,
		.optional = !audience->is_needed,
		.level = LOG_LEVEL_WARNING,
	};
	struct cmdline_parameter parameter;
	cleanup_free_ char *text = NULL;
	char *rest, *nul;
	size_t length;
	int r = file_read(&source, &text, &length);

	if (r == -ENOENT && !audience->is_needed)
		return true;
	if (r < 0) {
		visit_unread(path, audience);
		return true;
	}
	while ((nul = memchr(text, '\0', length)))
		*nul = ' ';
	rest = text;
	while (cmdline_next(&rest, &parameter))
		audience->visit(&parameter, audience->context);
	return true;
}

static bool visit_directory(const char *path, void *context)
{
	int r = file_visit(path, ".conf", visit_file, context);

	if (r < 0 && r != -ENOENT) {
		log_warning("cannot read kernel command line %s: %s", path, strerror(-r));
		visit_unread(path, context);
	}
	return true;
}

void cmdline_visit(const char *root, cmdline_visitor *visit, void *context)
{
	static const struct {
		const char *path;
		bool is_needed;
		file_visitor *visit;
	} places[] = {
		{ "/etc/cmdline.d", false, visit_directory },
		{ "/etc/cmdline", false, visit_file },
		{ "/proc/cmdline", true, visit_file },
		{ "/run/initramfs/cmdline.d", false, visit_directory },
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct audience audience = { .visit = visit, .context = context, .is_needed = places[i].is_needed };
		char path[PATH_MAX];

		if ((size_t)snprintf(path, sizeof(path), "%s%s", root, places[i].path) < sizeof(path))
			places[i].visit(path, &audience);
	}
}

/* --- meaning -------------------------------------------------------------------------------------- */

static void warn_value(const char *name, const char *value, const char *expected, const char *used)
{
	log_warning("kernel command line: %s=%.100s: expected %s, using %s", name, value, expected, used);
}

/* As dracut's getargbool, but in any case: a bare name is on. False: not understood. */
static bool parse_boolean(const char *value, bool *result)
{
	static const char *const words[] = { "0", "no", "off", "false", "", "1", "yes", "on", "true" };
	const size_t count = sizeof(words) / sizeof(words[0]), first_on = 4;
	size_t i = 0;

	while (i < count && strcasecmp(value ? value : "", words[i]) != 0)
		i++;
	*result = i >= first_on;
	return i < count;
}

/* True if it is the value that is used. */
static bool set_path(const char *name, const char *value, const char *usual, char path[PATH_MAX])
{
	bool good = value && *value == '/' && strlen(value) < PATH_MAX;

	if (!good)
		warn_value(name, value ? value : "", "an absolute path", usual);
	snprintf(path, PATH_MAX, "%s", good ? value : usual);
	return good;
}

static void set_timeout(const char *name, const char *value, struct boot_options *options)
{
	uint64_t seconds = OPTIONS_TIMEOUT_DEFAULT;

	if (!value || text_parse_decimal(value, OPTIONS_TIMEOUT_MAX, &seconds) < 0)
		warn_value(name, value ? value : "", "a whole number of seconds from 0 to 86400", "60");
	options->run.timeout_ms = (int64_t)seconds * 1000;
}

static void set_boolean(const char *name, const char *value, bool usual, bool *result)
{
	if (!parse_boolean(value, result)) {
		warn_value(name, value, "0 or 1 (no, yes, off, on, false, true)", usual ? "1" : "0");
		*result = usual;
	}
}

static void apply_own(const char *name, const struct cmdline_parameter *parameter, struct boot_options *options)
{
	/* An invalid value turns a security switch on, even if an earlier parameter turned it off: on is safe. */
	const struct {
		const char *name;
		bool *result;
		bool if_misspelt;
	} booleans[] = {
		{ PREFIX, &options->enabled, true },
		{ PREFIX ".strict", &options->run.strict, false },
		{ PREFIX ".dry_run", &options->run.dry_run, false },
		{ PREFIX ".verbose", &options->run.verbose, false },
		{ PREFIX ".required", &options->required, true },
		{ PREFIX ".lock_secrets", &options->run.lock_secrets, true },
	};

	for (size_t i = 0; i < sizeof(booleans) / sizeof(booleans[0]); i++) {
		if (strcmp(name, booleans[i].name) == 0) {
			set_boolean(name, parameter->value, booleans[i].if_misspelt, booleans[i].result);
			return;
		}
	}
	if (strcmp(name, PREFIX ".config") == 0)
		set_path(name, parameter->value, OPTIONS_CONFIG_PATH, options->config_path);
	else if (strcmp(name, PREFIX ".secrets") == 0)
		options->run.secrets_optional =
			!set_path(name, parameter->value, BOOT_SECRETS_PATH, options->secrets_path);
	else if (strcmp(name, PREFIX ".timeout") == 0)
		set_timeout(name, parameter->value, options);
	else
		log_warning("kernel command line: %.100s: unknown parameter, ignored; known: " KNOWN, parameter->name);
}

static void set_end(const char *value, struct boot_options *options)
{
	options->end = BOOT_POWER_OFF;
	if (value && strcasecmp(value, "reboot") == 0)
		options->end = BOOT_REBOOT;
	else if (value && strcasecmp(value, "halt") == 0)
		options->end = BOOT_HALT;
}

static void apply(const struct cmdline_parameter *parameter, void *context)
{
	struct boot_options *options = context;
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "%s", parameter->name);
	for (char *dash = name; (dash = strchr(dash, '-'));)
		*dash = '_';
	if (strncmp(name, PREFIX, strlen(PREFIX)) == 0)
		apply_own(name, parameter, options);
	else if (strcmp(parameter->name, "rd.shell") == 0)
		options->shell = parse_boolean(parameter->value, &options->shell) && options->shell;
	else if (strcmp(parameter->name, "rd.emergency") == 0)
		set_end(parameter->value, options);
}

void boot_options_read(const char *root, struct boot_options *options)
{
	*options = (struct boot_options){
		.run = { .boot = true,
			 .timeout_ms = OPTIONS_TIMEOUT_DEFAULT * INT64_C(1000),
			 .secrets_optional = true,
			 .report_path = BOOT_REPORT_PATH,
			 .status_path = BOOT_STATUS_PATH },
		.enabled = true,
	};
	/* Not in the initializer: clang would store all PATH_MAX bytes of each in the program. */
	memcpy(options->config_path, OPTIONS_CONFIG_PATH, sizeof(OPTIONS_CONFIG_PATH));
	memcpy(options->secrets_path, BOOT_SECRETS_PATH, sizeof(BOOT_SECRETS_PATH));
	options->run.config_path = options->config_path;
	options->run.secrets_path = options->secrets_path;
	cmdline_visit(root, apply, options);
}
