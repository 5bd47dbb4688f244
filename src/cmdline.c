/* SPDX-License-Identifier: MIT */
#include "cmdline.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "file.h"

static bool is_blank(char character)
{
	return character == ' ' || (character >= '\t' && character <= '\r');
}

/* The end of the parameter that begins here, and the first equals sign in it, or NULL. */
static char *find_end(char *text, char **equals)
{
	bool quoted = false;

	*equals = NULL;
	for (; *text && (quoted || !is_blank(*text)); text++) {
		if (*text == '=' && !*equals)
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

static void visit_file(const char *path, bool is_needed, cmdline_visitor *visit, void *context)
{
	const struct file_source source = {
		.what = "kernel command line", .path = path, .max = CMDLINE_SIZE_MAX, .level = LOG_LEVEL_WARNING
	};
	struct cmdline_parameter parameter;
	cleanup_free_ char *text = NULL;
	char *rest, *nul;
	size_t length;

	int r = file_read(&source, &text, &length);

	if (r == -ENOENT && is_needed)
		log_warning("kernel command line %s: not there, so no parameter is known; is /proc mounted?", path);
	if (r < 0)
		return;
	while ((nul = memchr(text, '\0', length)))
		*nul = ' ';
	rest = text;
	while (cmdline_next(&rest, &parameter))
		visit(&parameter, context);
}

static int is_conf(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && dot != entry->d_name && strcmp(dot, ".conf") == 0;
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
	return strcmp((*left)->d_name, (*right)->d_name);
}

static void visit_directory(const char *path, bool is_needed, cmdline_visitor *visit, void *context)
{
	struct dirent **entries;
	int count = scandir(path, &entries, is_conf, by_name);

	if (count < 0) {
		if (errno != ENOENT)
			log_warning("cannot read kernel command line %s: %s", path, strerror(errno));
		return;
	}
	for (int i = 0; i < count; i++) {
		char file[PATH_MAX];

		if ((size_t)snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name) < sizeof(file))
			visit_file(file, is_needed, visit, context);
		free(entries[i]);
	}
	free(entries);
}

void cmdline_visit(const char *root, cmdline_visitor *visit, void *context)
{
	static const struct {
		const char *path;
		bool is_needed;
		void (*visit)(const char *path, bool is_needed, cmdline_visitor *visit, void *context);
	} places[] = {
		{ "/etc/cmdline.d", false, visit_directory },
		{ "/etc/cmdline", false, visit_file },
		{ "/proc/cmdline", true, visit_file },
		{ "/run/initramfs/cmdline.d", false, visit_directory },
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char path[PATH_MAX];

		if ((size_t)snprintf(path, sizeof(path), "%s%s", root, places[i].path) < sizeof(path))
			places[i].visit(path, places[i].is_needed, visit, context);
	}
}
