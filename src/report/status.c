/* SPDX-License-Identifier: MIT */
#include "report/status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/near_miss.h"
#include "report/table.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/log.h"

#define SUCCEEDED " at early boot: succeeded after "
#define FAILED " at early boot: failed after "

/* --- the two tables ------------------------------------------------------------------------------- */

struct row {
	size_t index; /* of an entry, or of an APQN that failed */
	bool is_miss; /* a further row for the entry */
	struct miss miss;
};

struct rows {
	const struct report *report;
	struct row *list; /* owned */
	size_t count;
};

static void rows_release(struct rows *rows)
{
	free(rows->list);
}

static void fill_entry(const void *context, size_t index, struct table_row *row)
{
	const struct rows *rows = context;
	const struct row *shown = &rows->list[index];
	const struct plan *plan = rows->report->plan;
	size_t apqn = plan ? plan->entries[shown->index].apqn : PLAN_NONE;
	char *reason = row->cells[3];

	if (shown->is_miss) {
		miss_format(rows->report, shown->index, &shown->miss, reason);
		return;
	}
	config_format_label(rows->report->config, shown->index, row->cells[0]);
	row->style = apqn != PLAN_NONE ? LOG_STYLE_GOOD : LOG_STYLE_BAD;
	snprintf(row->cells[1], TABLE_CELL_SIZE, "%s", apqn != PLAN_NONE ? "yes" : "no");
	snprintf(row->cells[2], TABLE_CELL_SIZE, "-");
	if (apqn != PLAN_NONE)
		apqn_format_name(&rows->report->apqns[apqn], row->cells[2]);
	else if (plan)
		report_format_reason(rows->report, shown->index, reason);
}

static void fill_failure(const void *context, size_t index, struct table_row *row)
{
	const struct rows *rows = context;
	const struct apqn *apqn = &rows->report->apqns[rows->list[index].index];

	apqn_format_name(apqn, row->cells[0]);
	snprintf(row->cells[1], TABLE_CELL_SIZE, "%s", apqn_failure_text(apqn->failure));
}

static void add_entry(struct rows *rows, size_t entry)
{
	struct miss misses[MISS_MAX];
	size_t count = rows->report->plan ? miss_find(rows->report, entry, misses) : 0;

	rows->list[rows->count++] = (struct row){ .index = entry };
	for (size_t i = 0; i < count; i++)
		rows->list[rows->count++] = (struct row){ .index = entry, .is_miss = true, .miss = misses[i] };
}

static void print_table(const struct rows *rows, const char *const *titles,
			void (*fill)(const void *context, size_t row, struct table_row *cells))
{
	const struct table table = { .titles = titles, .rows = rows->count, .fill = fill, .context = rows };

	if (rows->count > 0)
		log_output("%s", "");
	table_print(&table);
}

static bool print_entries(const struct report *report)
{
	static const char *const titles[] = { "entry", "satisfied", "APQN", "why not", NULL };
	cleanup_(rows_release) struct rows rows = { .report = report };

	rows.list = calloc(report->config->count * (1 + MISS_MAX) + 1, sizeof(*rows.list));
	for (size_t i = 0; i < report->config->count && rows.list; i++)
		add_entry(&rows, i);
	print_table(&rows, titles, fill_entry);
	return rows.list;
}

static bool print_failures(const struct report *report)
{
	static const char *const titles[] = { "APQN", "left out because", NULL };
	cleanup_(rows_release) struct rows rows = { .report = report };

	rows.list = calloc(report->apqn_count + 1, sizeof(*rows.list));
	for (size_t i = 0; i < report->apqn_count && rows.list; i++) {
		if (report->apqns[i].failure != APQN_WORKING)
			rows.list[rows.count++].index = i;
	}
	print_table(&rows, titles, fill_failure);
	return rows.list;
}

/* --- writing -------------------------------------------------------------------------------------- */

static bool print(const struct report *report, const struct options *options, int64_t duration_ms, bool success)
{
	log_output("pvapconfig " PVAPCONFIG_VERSION "%s%" PRId64 " ms%s", success ? SUCCEEDED : FAILED, duration_ms,
		   options->dry_run ? " (a dry run: nothing was changed)" : "");
	log_output("configuration: %s%s", options->config_path ? options->config_path : "",
		   options->strict ? " (strict: all entries have to be satisfied)" : "");
	if (!success && log_last_error())
		log_output("error: %s", log_last_error());
	return print_entries(report) && print_failures(report);
}

struct lines {
	char *text; /* owned */
	size_t length;
	bool failed;
};

static void lines_release(struct lines *lines)
{
	free(lines->text);
}

static void add_line(enum log_level level, const char *line, void *context)
{
	struct lines *lines = context;
	size_t length = strlen(line);
	char *larger = lines->failed ? NULL : realloc(lines->text, lines->length + length + 1);

	(void)level;
	lines->failed = !larger;
	if (!larger)
		return;
	memcpy(larger + lines->length, line, length + 1);
	lines->length += length;
	larger[lines->length++] = '\n'; /* in the place of the end of the text */
	lines->text = larger;
}

int status_write(const struct report *report, const struct options *options, int64_t duration_ms, bool success)
{
	cleanup_(lines_release) struct lines lines = { 0 };
	struct log_target before = log_set_sink(add_line, &lines);
	bool printed = print(report, options, duration_ms, success);

	log_set_sink(before.sink, before.context);
	if (!printed || lines.failed)
		return -ENOMEM;
	return file_replace(options->status_path, lines.text, lines.length);
}

/* --- reading -------------------------------------------------------------------------------------- */

static int load(const char *path, char **text, size_t *length)
{
	const struct file_source source = {
		.what = "report", .path = path, .max = STATUS_FILE_SIZE_MAX, .level = LOG_LEVEL_ERROR
	};
	int r = file_read(&source, text, length);

	if (r == -ENOENT)
		log_error("report %s: not found; pvapconfig did not run at early boot: it is not in the initramfs, or "
			  "switched off (rd.pvapconfig=0)",
			  path);
	return r;
}

/* Prints a text, which it changes, line by line: the log passes no control character on. */
static void print_lines(char *text)
{
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n")) && rest)
		log_output("%s", line);
}

int status_show(const char *path, const char *json_path, bool *success)
{
	cleanup_free_ char *text = NULL, *json = NULL;
	const char *result;
	size_t length, json_length;
	int r = load(path, &text, &length);

	if (r == 0 && json_path)
		r = load(json_path, &json, &json_length);
	if (r < 0)
		return r;
	result = strstr(text, " at early boot: ");
	if (strncmp(text, "pvapconfig ", 11) != 0 || !result || strchr(text, '\n') < result) {
		log_error("report %s: not a report of pvapconfig", path);
		return -EBADMSG;
	}
	*success = strncmp(result, SUCCEEDED, strlen(SUCCEEDED)) == 0;
	if (json)
		log_raw(json, json_length);
	else
		print_lines(text);
	return 0;
}
