/* SPDX-License-Identifier: MIT */
#include "report/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/table.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/log.h"
#include "util/text.h"

/* The first line: program, version, and one of these. */
#define PROGRAM "pvapconfig "
#define SUCCEEDED " at early boot: succeeded after "
#define FAILED " at early boot: failed after "

/* --- the two tables ------------------------------------------------------------------------------- */

static bool fill_entry(void *context, size_t index, struct table_row *row)
{
	const struct report *report = context;
	size_t apqn = report->plan ? report->plan->entries[index].apqn : PLAN_NONE;
	char reasons[REASONS_MAX][REASON_SIZE];
	size_t count = reason_find(report, index, reasons), length = 0;

	config_format_label(report->config, index, row->cells[0]);
	row->style = apqn != PLAN_NONE ? LOG_STYLE_GOOD : LOG_STYLE_BAD;
	snprintf(row->cells[1], TABLE_CELL_SIZE, "%s", apqn != PLAN_NONE ? "yes" : "no");
	snprintf(row->cells[2], TABLE_CELL_SIZE, "-");
	if (apqn != PLAN_NONE)
		apqn_format_name(&report->apqns[apqn], row->cells[2]);
	for (size_t i = 0; i < count; i++) {
		snprintf(row->cells[3] + length, TABLE_CELL_SIZE - length, "%s%s", i > 0 ? "; " : "", reasons[i]);
		length = strlen(row->cells[3]);
	}
	return true;
}

static bool fill_failure(void *context, size_t index, struct table_row *row)
{
	const struct report *report = context;
	const struct apqn *apqn = &report->apqns[index];

	if (apqn->failure == APQN_WORKING)
		return false;
	apqn_format_name(apqn, row->cells[0]);
	apqn_format_failure(apqn, row->cells[1]);
	return true;
}

/* --- writing -------------------------------------------------------------------------------------- */

static void print(const struct report *report, int64_t duration_ms, bool success)
{
	static const char *const entry_titles[] = { "entry", "satisfied", "APQN", "why not", NULL };
	static const char *const failure_titles[] = { "APQN", "not used because", NULL };
	const struct options *options = report->options;
	struct table table = { .titles = entry_titles,
			       .gap = true,
			       .rows = report->config->count,
			       .fill = fill_entry,
			       .context = (void *)(uintptr_t)report };

	log_output(PROGRAM PVAPCONFIG_VERSION "%s%" PRId64 " ms%s", success ? SUCCEEDED : FAILED, duration_ms,
		   options->dry_run ? " (dry run: nothing was changed)" : "");
	log_output("configuration: %s%s", options->config_path ? options->config_path : "",
		   options->strict ? " (strict: all entries must be satisfied)" : "");
	if (!success && log_last_error())
		log_output("error: %s", log_last_error());
	table_print(&table);
	table.titles = failure_titles;
	table.rows = report->apqn_count;
	table.fill = fill_failure;
	table_print(&table);
}

static void add_line(enum log_level level, const char *line, void *context)
{
	(void)level;
	text_append(context, line, strlen(line));
	text_append(context, "\n", 1);
}

int status_write(const struct report *report, int64_t duration_ms, bool success)
{
	struct text_buffer lines = { 0 };
	struct log_target before = log_set_sink(add_line, &lines);
	int r;

	print(report, duration_ms, success);
	log_set_sink(before.sink, before.context);
	r = lines.failed ? -ENOMEM : file_replace(report->options->status_path, lines.text, lines.length);
	free(lines.text);
	return r;
}

/* --- reading -------------------------------------------------------------------------------------- */

/* `why_missing`: what it means if there is no such file. */
static int load(const char *path, const char *why_missing, char **text, size_t *length)
{
	const struct file_source source = {
		.what = "report", .path = path, .max = STATUS_FILE_SIZE_MAX, .optional = true, .level = LOG_LEVEL_ERROR
	};
	int r = file_read(&source, text, length);

	if (r == -ENOENT)
		log_error("report %s: not found; %s", path, why_missing);
	return r;
}

int status_show(const char *path, const char *json_path, bool *success)
{
	cleanup_free_ char *text = NULL, *json = NULL;
	const char *result;
	size_t length, json_length;
	int r = load(path,
		     "pvapconfig did not run at early boot: it is not in the initramfs, or switched off "
		     "(rd.pvapconfig=0)",
		     &text, &length);

	if (r == 0 && json_path)
		r = load(json_path, "early boot could not write it", &json, &json_length);
	if (r < 0)
		return r;
	result = text;
	if (strncmp(text, PROGRAM, strlen(PROGRAM)) == 0)
		result += strlen(PROGRAM) + strcspn(text + strlen(PROGRAM), " \n");
	*success = strncmp(result, SUCCEEDED, strlen(SUCCEEDED)) == 0;
	if (!*success && strncmp(result, FAILED, strlen(FAILED)) != 0) {
		log_error("report %s: not a report of pvapconfig", path);
		return -EBADMSG;
	}
	if (json)
		log_raw(json, json_length);
	else
		log_lines(text);
	return 0;
}
