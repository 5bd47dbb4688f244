/* SPDX-License-Identifier: MIT */
#include "boot/cmdline.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/file.h"

/* The kernel's isspace() has Latin-1: 0xa0, the second byte of a no-break space and of an a with grave accent in UTF-8. */
static bool is_blank(char character)
{
	return character == ' ' || (character >= '\t' && character <= '\r') || (unsigned char)character == 0xa0;
}

/* The end of the parameter that begins here, and the first equals sign in it, or NULL. A name is never empty. */
static char *find_end(char *text, char **equals)
{
	const char *name = text + (*text == '"');
	bool quoted = false;

	*equals = NULL;
	for (; *text && (quoted || !is_blank(*text)); text++) {
		if (*text == '=' && !*equals && text > name)
			*equals = text;
		if (*text == '"')
			quoted = !quoted;
	}
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

	if (*start == '"') {
		start++;
		if (end > start && end[-1] == '"')
			end[-1] = '\0';
	}
	*parameter = (struct cmdline_parameter){ .name = start };
	if (equals) {
		*equals = '\0';
		parameter->value = equals + 1;
		if (*parameter->value == '"') {
			parameter->value++;
			if (end > parameter->value && end[-1] == '"')
				end[-1] = '\0';
		}
	}
	return true;
}

/* Who is to see the parameters. */
struct audience {
	cmdline_visitor *visit;
	void *context;
	bool is_needed; /* that a file is not there is worth a warning */
};

static bool visit_file(const char *path, void *context)
{
	const struct file_source source = {
		.what = "kernel command line", .path = path, .max = CMDLINE_SIZE_MAX, .level = LOG_LEVEL_WARNING
	};
	const struct audience *audience = context;
	struct cmdline_parameter parameter;
	cleanup_free_ char *text = NULL;
	char *rest, *nul;
	size_t length;
	int r = file_read(&source, &text, &length);

	if (r == -ENOENT && audience->is_needed)
		log_warning("kernel command line %s: not there, so no parameter is known; is /proc mounted?", path);
	if (r < 0)
		return true;
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

	if (r < 0 && r != -ENOENT)
		log_warning("cannot read kernel command line %s: %s", path, strerror(-r));
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
