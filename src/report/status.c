/* SPDX-License-Identifier: MIT */
#include "report/status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"
#include "report/json_reader.h"
#include "report/report_json.h"
#include "report/table.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/log.h"
#include "util/text.h"

enum status_part { STATUS_PART_OTHER, STATUS_PART_ENTRIES, STATUS_PART_APQNS };

struct status_reader {
	struct json_reader json;
	struct status *status;
	enum status_part part; /* that is open at depth 2 */
	bool in_misses;        /* at depth 4 */
	size_t entry;          /* its place among the lines */
	uint64_t number;       /* of the entry */
	char name[64];
	bool has_success;
	struct status_line failure; /* the APQN that is being read */
};

/* --- values --------------------------------------------------------------------------------------- */

/* A value of another kind than it should be is as good as none. */
static void take_text(const struct status_reader *reader, enum json_token token, char *text, size_t size)
{
	size_t length = token == JSON_TOKEN_STRING ? strnlen(reader->json.value, size - 1) : 0;

	memcpy(text, reader->json.value, length);
	text[length] = '\0';
}

static uint64_t take_number(const struct status_reader *reader, enum json_token token)
{
	uint64_t value = 0;

	if (token != JSON_TOKEN_NUMBER || text_parse_decimal(reader->json.value, INT64_MAX, &value) < 0)
		return 0;
	return value;
}

static struct status_line *add_line(struct status_lines *lines)
{
	size_t size = lines->size > 0 ? 2 * lines->size : 16;

	if (lines->count == STATUS_LINES_MAX)
		return NULL;
	if (lines->count == lines->size) {
		struct status_line *larger = realloc(lines->list, size * sizeof(*larger));

		if (!larger)
			return NULL;
		lines->list = larger;
		lines->size = size;
	}
	memset(&lines->list[lines->count], 0, sizeof(*lines->list));
	return &lines->list[lines->count++];
}

/* --- the parts of the report ---------------------------------------------------------------------- */

static void take_run(struct status_reader *reader, enum json_token token)
{
	struct status *status = reader->status;
	const char *name = reader->json.name;

	if (!strcmp(name, "version"))
		status->version = take_number(reader, token);
	else if (!strcmp(name, "program"))
		take_text(reader, token, status->program, sizeof(status->program));
	else if (!strcmp(name, "error"))
		take_text(reader, token, status->error, sizeof(status->error));
	else if (!strcmp(name, "config"))
		take_text(reader, token, status->config, sizeof(status->config));
	else if (!strcmp(name, "duration_ms"))
		status->duration_ms = take_number(reader, token);
	else if (!strcmp(name, "strict"))
		status->strict = token == JSON_TOKEN_TRUE;
	else if (!strcmp(name, "dry_run"))
		status->dry_run = token == JSON_TOKEN_TRUE;
	else if (!strcmp(name, "success")) {
		status->success = token == JSON_TOKEN_TRUE;
		reader->has_success = token == JSON_TOKEN_TRUE || token == JSON_TOKEN_FALSE;
	}
}

static void take_entry(struct status_reader *reader, enum json_token token)
{
	struct status_line *line = &reader->status->entries.list[reader->entry];
	const char *name = reader->json.name;

	if (!strcmp(name, "number"))
		reader->number = take_number(reader, token);
	else if (!strcmp(name, "name"))
		take_text(reader, token, reader->name, sizeof(reader->name));
	else if (!strcmp(name, "satisfied"))
		line->satisfied = token == JSON_TOKEN_TRUE;
	else if (!strcmp(name, "apqn"))
		take_text(reader, token, line->apqn, sizeof(line->apqn));
	else if (!strcmp(name, "reason"))
		take_text(reader, token, line->text, sizeof(line->text));
}

static void take_apqn(struct status_reader *reader, enum json_token token)
{
	const char *name = reader->json.name;

	if (!strcmp(name, "apqn"))
		take_text(reader, token, reader->failure.apqn, sizeof(reader->failure.apqn));
	else if (!strcmp(name, "failure"))
		take_text(reader, token, reader->failure.text, sizeof(reader->failure.text));
}

/* --- walking through it --------------------------------------------------------------------------- */

static enum status_part part_named(const char *name)
{
	if (!strcmp(name, "entries"))
		return STATUS_PART_ENTRIES;
	return !strcmp(name, "apqns") ? STATUS_PART_APQNS : STATUS_PART_OTHER;
}

static int open_part(struct status_reader *reader)
{
	size_t depth = reader->json.depth; /* of what is open now */
	const char *name = reader->json.name;

	if (depth == 1 && reader->json.stack[0] != '{')
		return -EBADMSG;
	if (depth == 2)
		reader->part = part_named(name);
	if (depth == 4)
		reader->in_misses = !strcmp(name, "misses");
	if (depth != 3)
		return 0;
	if (reader->part == STATUS_PART_ENTRIES) {
		reader->entry = reader->status->entries.count;
		reader->number = 0;
		reader->name[0] = '\0';
		return add_line(&reader->status->entries) ? 0 : -E2BIG;
	}
	memset(&reader->failure, 0, sizeof(reader->failure));
	return 0;
}

static int close_part(struct status_reader *reader)
{
	size_t depth = reader->json.depth; /* what was open is no longer counted */
	struct status_line *line;

	if (depth == 2 && reader->part == STATUS_PART_ENTRIES) {
		line = &reader->status->entries.list[reader->entry];
		config_value_format_label((size_t)reader->number, reader->name[0] ? reader->name : NULL, line->label);
	} else if (depth == 2 && reader->part == STATUS_PART_APQNS && reader->failure.text[0]) {
		line = add_line(&reader->status->failures);
		if (!line)
			return -E2BIG;
		*line = reader->failure;
	}
	return 0;
}

static int take_value(struct status_reader *reader, enum json_token token)
{
	size_t depth = reader->json.depth;
	struct status_line *line;

	if (depth == 1) {
		take_run(reader, token);
	} else if (depth == 3 && reader->part == STATUS_PART_ENTRIES) {
		take_entry(reader, token);
	} else if (depth == 3 && reader->part == STATUS_PART_APQNS) {
		take_apqn(reader, token);
	} else if (depth == 4 && reader->part == STATUS_PART_ENTRIES && reader->in_misses) {
		line = add_line(&reader->status->entries);
		if (!line)
			return -E2BIG;
		take_text(reader, token, line->text, sizeof(line->text));
	}
	return 0;
}

static int walk(struct status_reader *reader)
{
	int r = 0;

	while (r == 0) {
		enum json_token token = json_reader_next(&reader->json);

		if (token == JSON_TOKEN_END)
			return 0;
		if (token == JSON_TOKEN_BAD || reader->json.depth == 0)
			r = token == JSON_TOKEN_CLOSE ? 0 : -EBADMSG;
		else if (token == JSON_TOKEN_OPEN)
			r = open_part(reader);
		else if (token == JSON_TOKEN_CLOSE)
			r = close_part(reader);
		else
			r = take_value(reader, token);
	}
	return r;
}

static int refuse(const char *path, const struct status_reader *reader, int error)
{
	if (error == -E2BIG)
		log_error("report %s: it has too many entries or APQNs, or memory is short", path);
	else if (error == -EBADMSG)
		log_error("report %s: not one of pvapconfig: not understood at byte %zu", path, reader->json.offset);
	else
		log_error("report %s: its version is %" PRIu64 ", this program reads %d", path, reader->status->version,
			  REPORT_JSON_VERSION);
	return error;
}

int status_parse(const char *path, const char *text, size_t length, struct status *status)
{
	struct status_reader reader = { .json = { .text = text, .length = length }, .status = status };
	int r;

	memset(status, 0, sizeof(*status));
	r = walk(&reader);
	if (r == 0 && status->version != REPORT_JSON_VERSION)
		r = -EPROTONOSUPPORT;
	else if (r == 0 && !reader.has_success)
		r = -EBADMSG;
	if (r < 0) {
		refuse(path, &reader, r);
		status_release(status);
	}
	return r;
}

void status_release(struct status *status)
{
	free(status->entries.list);
	free(status->failures.list);
	memset(status, 0, sizeof(*status));
}

/* --- for people ----------------------------------------------------------------------------------- */

static void fill_entry(const void *context, size_t index, struct table_row *row)
{
	const struct status_line *line = &((const struct status_lines *)context)->list[index];

	snprintf(row->cells[0], TABLE_CELL_SIZE, "%s", line->label);
	if (line->label[0]) {
		row->style = line->satisfied ? LOG_STYLE_GOOD : LOG_STYLE_BAD;
		snprintf(row->cells[1], TABLE_CELL_SIZE, "%s", line->satisfied ? "yes" : "no");
		snprintf(row->cells[2], TABLE_CELL_SIZE, "%s", line->apqn[0] ? line->apqn : "-");
	}
	snprintf(row->cells[3], TABLE_CELL_SIZE, "%s", line->text);
}

static void fill_failure(const void *context, size_t index, struct table_row *row)
{
	const struct status_line *line = &((const struct status_lines *)context)->list[index];

	snprintf(row->cells[0], TABLE_CELL_SIZE, "%s", line->apqn);
	snprintf(row->cells[1], TABLE_CELL_SIZE, "%s", line->text);
}

void status_print(const struct status *status)
{
	static const char *const entry_titles[] = { "entry", "satisfied", "APQN", "why not", NULL };
	static const char *const failure_titles[] = { "APQN", "left out because", NULL };
	const struct table entries = {
		.titles = entry_titles,
		.rows = status->entries.count,
		.fill = fill_entry,
		.context = &status->entries,
	};
	const struct table failures = {
		.titles = failure_titles,
		.rows = status->failures.count,
		.fill = fill_failure,
		.context = &status->failures,
	};

	log_output("%s at early boot: %s after %" PRIu64 " ms%s", status->program,
		   status->success ? "succeeded" : "failed", status->duration_ms,
		   status->dry_run ? " (a dry run: nothing was changed)" : "");
	log_output("configuration: %s%s", status->config,
		   status->strict ? " (strict: all entries have to be satisfied)" : "");
	if (status->error[0])
		log_output("error: %s", status->error);
	if (entries.rows > 0)
		log_output("%s", "");
	table_print(&entries);
	if (failures.rows > 0)
		log_output("%s", "");
	table_print(&failures);
}

int status_show(const char *path, bool json, bool *success)
{
	const struct file_source source = {
		.what = "report", .path = path, .max = STATUS_FILE_SIZE_MAX, .level = LOG_LEVEL_ERROR
	};
	cleanup_(status_release) struct status status = { 0 };
	cleanup_free_ char *text = NULL;
	size_t length;
	int r = file_read(&source, &text, &length);

	if (r == -ENOENT)
		log_error(
			"there is no report %s: pvapconfig did not run at early boot; is it in the initramfs, and not "
			"switched off (rd.pvapconfig=0)?",
			path);
	if (r == 0)
		r = status_parse(path, text, length, &status);
	if (r < 0)
		return r;
	*success = status.success;
	if (json)
		log_raw(text, length);
	else
		status_print(&status);
	return 0;
}
