/* SPDX-License-Identifier: MIT */
/*
 * The file as a whole: its bytes, its anchors, and its structure, a list of mappings of scalars, which is read as a
 * stream of events. Nothing deeper is ever followed, so nothing nests and nothing recurs; the first event that does not
 * belong is an error.
 */
#include "config/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "config/value.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/log.h"
#include "util/text.h"

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* What an anchor stands for. */
enum anchor_kind { ANCHOR_LIST, ANCHOR_ENTRY, ANCHOR_SCALAR };

struct anchor {
	char *name;
	enum anchor_kind kind;
	size_t entry; /* ENTRY: its index */
	char *text;   /* SCALAR */
};

struct parser {
	yaml_parser_t yaml;
	yaml_event_t event; /* the current one */
	const char *path;
	const char *text;
	size_t entry_number;    /* from 1; 0: not inside an entry */
	const char *entry_name; /* NULL: none, or not known yet */
	struct anchor *anchors; /* sorted by name, so that finding one takes logarithmic time */
	size_t anchor_count, anchor_definitions;
	size_t expanded; /* bytes that aliases have stood for so far */
	struct config *config;
};

/* The keys of an entry, as they stand in the file. */
struct fields {
	char *texts[CONFIG_KEY_COUNT]; /* owned; NULL: the key is not given */
	size_t key_lines[CONFIG_KEY_COUNT];
	yaml_mark_t places[CONFIG_KEY_COUNT]; /* of the values */
};

/* --- bytes, before YAML --------------------------------------------------------------------------- */

static bool starts_with(const char *text, size_t length, const char *start)
{
	return length >= strlen(start) && !memcmp(text, start, strlen(start));
}

/* Length of the blank or line break (in the sense of YAML 1.1) at the beginning of the text, or 0. */
static size_t blank_length(const char *text, size_t length)
{
	switch ((unsigned char)*text) {
	case ' ':
	case '\t':
	case '\n':
	case '\r':
		return 1;
	case 0xc2:
		return starts_with(text, length, "\xc2\x85") ? 2 : 0;
	case 0xe2:
		return starts_with(text, length, "\xe2\x80\xa8") || starts_with(text, length, "\xe2\x80\xa9") ? 3 : 0;
	default:
		return 0;
	}
}

static yaml_mark_t place_of_byte(const char *text, size_t offset)
{
	yaml_mark_t place = { 0 };

	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n' || (text[i] == '\r' && (i + 1 == offset || text[i + 1] != '\n'))) {
			place.line++;
			place.column = 0;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			place.column++;
		}
	}
	return place;
}

/*
 * What libyaml takes quadratic time for, up to 22 s for 1 MiB: a directive for each line, and long runs of blanks and
 * line breaks. Neither has a use here. NULL if the text may go to libyaml; otherwise what is wrong, and where.
 */
static const char *check_text(const char *text, size_t length, yaml_mark_t *place)
{
	bool starts_line = true;
	size_t run = 0, blank;

	for (size_t offset = 0; offset < length; offset += blank ? blank : 1) {
		char byte = text[offset];

		blank = blank_length(text + offset, length - offset);
		run = blank ? run + 1 : 0;
		if (run > CONFIG_BLANKS_MAX) {
			*place = place_of_byte(text, offset);
			return "more than " TEXT_OF(CONFIG_BLANKS_MAX) " blanks and line breaks in a row";
		}
		if (starts_line && byte == '%' && !starts_with(text + offset, length - offset, "%YAML")) {
			*place = place_of_byte(text, offset);
			return "a line must not begin with '%'; directives other than %YAML are not supported";
		}
		starts_line = blank && byte != ' ' && byte != '\t';
	}
	return NULL;
}

/* --- errors --------------------------------------------------------------------------------------- */

static int refuse(const struct parser *parser, yaml_mark_t place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Reports an error at a place; with the entry if it is inside of one. */
static int refuse(const struct parser *parser, yaml_mark_t place, const char *format, ...)
{
	char label[CONFIG_LABEL_SIZE], message[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	config_value_format_label(parser->entry_number, parser->entry_name, label);
	if (parser->entry_number)
		log_error("%s:%zu:%zu: entry %s: %s", parser->path, place.line + 1, place.column + 1, label, message);
	else
		log_error("%s:%zu:%zu: %s", parser->path, place.line + 1, place.column + 1, message);
	return -EINVAL;
}

static int out_of_memory(const struct parser *parser)
{
	log_error("cannot read configuration file %s: out of memory", parser->path);
	return -ENOMEM;
}

static int report_yaml_error(const struct parser *parser)
{
	const yaml_parser_t *yaml = &parser->yaml;

	if (yaml->error == YAML_MEMORY_ERROR)
		return out_of_memory(parser);
	if (yaml->error == YAML_READER_ERROR)
		return refuse(parser, place_of_byte(parser->text, yaml->problem_offset),
			      "expected a text in UTF-8 without control characters: %s", yaml->problem);
	if (yaml->context)
		return refuse(parser, yaml->problem_mark, "not valid YAML: %s %s (which begins in line %zu)",
			      yaml->problem, yaml->context, yaml->context_mark.line + 1);
	return refuse(parser, yaml->problem_mark, "not valid YAML: %s", yaml->problem);
}

static int next_event(struct parser *parser)
{
	yaml_event_delete(&parser->event);
	return yaml_parser_parse(&parser->yaml, &parser->event) ? 0 : report_yaml_error(parser);
}

/* --- anchors -------------------------------------------------------------------------------------- */

/* The place where an anchor of this name is, or belongs. True: it is there. */
static bool find_place(const struct parser *parser, const char *name, size_t *place)
{
	size_t low = 0, high = parser->anchor_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(parser->anchors[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*place = low;
	return low < parser->anchor_count && strcmp(parser->anchors[low].name, name) == 0;
}

static const struct anchor *lookup_anchor(const struct parser *parser, const char *name)
{
	size_t place;

	return find_place(parser, name, &place) ? &parser->anchors[place] : NULL;
}

static void release_anchor(struct anchor *anchor)
{
	free(anchor->name);
	free(anchor->text);
}

/* --- events --------------------------------------------------------------------------------------- */

static const char *anchor_text(const struct anchor *anchor)
{
	static const char *const texts[] = {
		[ANCHOR_LIST] = "the list itself", [ANCHOR_ENTRY] = "an entry", [ANCHOR_SCALAR] = "a text"
	};

	return anchor ? texts[anchor->kind] : "nothing";
}

/* Refuses the current event: "expected this, found that". */
static int refuse_event(const struct parser *parser, const char *expected)
{
	const yaml_event_t *event = &parser->event;
	yaml_mark_t place = event->start_mark;

	switch (event->type) {
	case YAML_SCALAR_EVENT:
		if (event->data.scalar.length == 0)
			return refuse(parser, place, "expected %s, found an empty value", expected);
		return refuse(parser, place, "expected %s, found '%.100s'", expected, event->data.scalar.value);
	case YAML_ALIAS_EVENT:
		return refuse(parser, place, "expected %s, found alias *%.100s, which stands for %s", expected,
			      event->data.alias.anchor,
			      anchor_text(lookup_anchor(parser, (const char *)event->data.alias.anchor)));
	case YAML_SEQUENCE_START_EVENT:
		return refuse(parser, place, "expected %s, found a list", expected);
	default:
		return refuse(parser, place, "expected %s, found a mapping", expected);
	}
}

/* A name may be defined anew, which counts from there on. `text` is NULL unless it is a scalar. */
static int define_anchor(struct parser *parser, const yaml_char_t *name, enum anchor_kind kind, const char *text)
{
	struct anchor anchor = { .kind = kind, .entry = parser->config->count };
	size_t place;

	if (!name)
		return 0;
	if (parser->anchor_definitions++ == CONFIG_ANCHORS_MAX)
		return refuse(parser, parser->event.start_mark, "more than %d anchors", CONFIG_ANCHORS_MAX);
	anchor.name = strdup((const char *)name);
	anchor.text = text ? strdup(text) : NULL;
	if (!anchor.name || (text && !anchor.text)) {
		release_anchor(&anchor);
		return out_of_memory(parser);
	}
	if (find_place(parser, anchor.name, &place))
		release_anchor(&parser->anchors[place]);
	else
		memmove(&parser->anchors[place + 1], &parser->anchors[place],
			(parser->anchor_count++ - place) * sizeof(anchor));
	parser->anchors[place] = anchor;
	return 0;
}

/* What the alias of the current event stands for. */
static int find_anchor(const struct parser *parser, const struct anchor **anchor)
{
	const char *name = (const char *)parser->event.data.alias.anchor;

	*anchor = lookup_anchor(parser, name);
	if (!*anchor)
		return refuse(parser, parser->event.start_mark,
			      "alias *%.100s stands for nothing: there is no anchor &%.100s before it", name, name);
	return 0;
}

/* Aliases can make a small file stand for a very large one; what they may add is limited. */
static int count_expansion(struct parser *parser, size_t length)
{
	parser->expanded += length;
	if (parser->expanded > CONFIG_FILE_SIZE_MAX)
		return refuse(parser, parser->event.start_mark, "aliases stand for more than %d bytes of text",
			      CONFIG_FILE_SIZE_MAX);
	return 0;
}

static int copy_text(const struct parser *parser, const char *text, char **copy)
{
	*copy = strdup(text);
	return *copy ? 0 : out_of_memory(parser);
}

/* In YAML's core schema. Quoted, or with a tag, it is a text. */
static bool is_null(const yaml_event_t *event)
{
	static const char *const words[] = { "~", "null", "Null", "NULL" };

	if (event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE || event->data.scalar.tag)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp((const char *)event->data.scalar.value, words[i]) == 0)
			return true;
	}
	return false;
}

/*
 * Makes the current event, which must be a scalar or the alias of one, into a text that the caller frees. A null is an
 * empty text.
 */
static int take_scalar(struct parser *parser, const char *expected, char **text)
{
	const yaml_event_t *event = &parser->event;
	const struct anchor *anchor;
	int r;

	if (event->type == YAML_SCALAR_EVENT) {
		const char *value = (const char *)event->data.scalar.value;

		if (strlen(value) != event->data.scalar.length)
			return refuse(parser, event->start_mark, "expected %s, found a text with a NUL character",
				      expected);
		if (is_null(event))
			value = "";
		r = define_anchor(parser, event->data.scalar.anchor, ANCHOR_SCALAR, value);
		return r < 0 ? r : copy_text(parser, value, text);
	}
	if (event->type != YAML_ALIAS_EVENT)
		return refuse_event(parser, expected);

	r = find_anchor(parser, &anchor);
	if (r < 0)
		return r;
	if (anchor->kind != ANCHOR_SCALAR)
		return refuse_event(parser, expected);
	r = count_expansion(parser, strlen(anchor->text));
	return r < 0 ? r : copy_text(parser, anchor->text, text);
}

/* Reads a key and its value. The current event is the key. */
static int parse_field(struct parser *parser, struct fields *fields)
{
	yaml_mark_t place = parser->event.start_mark;
	cleanup_free_ char *name = NULL;
	enum config_key key;
	char expected[64];
	int r;

	r = take_scalar(parser, "a key", &name);
	if (!name)
		return r;
	if (!strcmp(name, "<<"))
		return refuse(parser, place,
			      "the merge key << is not supported; repeat the keys, or use an alias of the whole entry");
	key = config_value_find_key(name);
	if (key == CONFIG_KEY_COUNT)
		return refuse(parser, place, "unknown key '%.100s', expected one of " CONFIG_VALUE_KEYS, name);
	if (fields->texts[key])
		return refuse(parser, place, "key %s is given twice, first in line %zu", name, fields->key_lines[key]);

	r = next_event(parser);
	if (r < 0)
		return r;
	fields->key_lines[key] = place.line + 1;
	fields->places[key] = parser->event.start_mark;
	snprintf(expected, sizeof(expected), "a text for key %s", name);
	return take_scalar(parser, expected, &fields->texts[key]);
}

static void release_fields(struct fields *fields)
{
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
		free(fields->texts[i]);
}

/* Reads the keys of an entry. The current event is the beginning of its mapping. */
static int parse_entry(struct parser *parser)
{
	yaml_mark_t place = parser->event.start_mark;
	struct config *config = parser->config;
	cleanup_(release_fields) struct fields fields = { 0 };
	struct config_problem problem;
	int r = define_anchor(parser, parser->event.data.mapping_start.anchor, ANCHOR_ENTRY, NULL);

	while (r == 0 && (r = next_event(parser)) == 0 && parser->event.type != YAML_MAPPING_END_EVENT)
		r = parse_field(parser, &fields);
	if (r < 0)
		return r;
	r = config_value_make_entry(fields.texts, &config->entries[config->count], &problem);
	if (r == 0) {
		config->count++;
		return 0;
	}
	parser->entry_name = fields.texts[CONFIG_KEY_NAME];
	if (problem.key == CONFIG_KEY_COUNT)
		refuse(parser, place, "%s", problem.text);
	else
		refuse(parser, fields.places[problem.key], "%s%s, found '%.100s'%s", problem.text, problem.digest,
		       fields.texts[problem.key], strlen(fields.texts[problem.key]) > 100 ? "..." : "");
	return r;
}

/* Repeats an entry. The current event is an alias. */
static int repeat_entry(struct parser *parser, const char *expected)
{
	struct config *config = parser->config;
	const struct anchor *anchor;
	struct config_entry entry;
	int r;

	r = find_anchor(parser, &anchor);
	if (r < 0)
		return r;
	if (anchor->kind != ANCHOR_ENTRY)
		return refuse_event(parser, expected);
	entry = config->entries[anchor->entry];
	if (entry.name) {
		r = count_expansion(parser, strlen(entry.name));
		if (r == 0)
			r = copy_text(parser, entry.name, &entry.name);
		if (r < 0)
			return r;
	}
	config->entries[config->count++] = entry;
	return 0;
}

/* Reads the entries. The current event is the beginning of the list. */
static int parse_list(struct parser *parser)
{
	static const char expected[] = "an entry (a mapping with the keys " CONFIG_VALUE_KEYS ")";
	int r;

	r = define_anchor(parser, parser->event.data.sequence_start.anchor, ANCHOR_LIST, NULL);
	if (r < 0)
		return r;
	while ((r = next_event(parser)) == 0 && parser->event.type != YAML_SEQUENCE_END_EVENT) {
		parser->entry_number = parser->config->count + 1;
		if (parser->entry_number > CONFIG_ENTRIES_MAX)
			r = refuse(parser, parser->event.start_mark, "more than %d entries", CONFIG_ENTRIES_MAX);
		else if (parser->event.type == YAML_MAPPING_START_EVENT)
			r = parse_entry(parser);
		else if (parser->event.type == YAML_ALIAS_EVENT)
			r = repeat_entry(parser, expected);
		else
			r = refuse_event(parser, expected);
		if (r < 0)
			return r;
		parser->entry_number = 0;
	}
	return r;
}

static int parse_stream(struct parser *parser)
{
	int r;

	r = next_event(parser); /* beginning of the stream */
	if (r == 0)
		r = next_event(parser);
	if (r == 0 && parser->event.type == YAML_STREAM_END_EVENT)
		return refuse(parser, (yaml_mark_t){ 0 },
			      "the file is empty, expected a list of entries; [] stands for an empty list");
	if (r == 0)
		r = next_event(parser); /* beginning of the document */
	if (r == 0 && parser->event.type != YAML_SEQUENCE_START_EVENT)
		return refuse_event(parser, "a list of entries");
	if (r == 0)
		r = parse_list(parser);
	if (r == 0)
		r = next_event(parser); /* end of the document */
	if (r == 0)
		r = next_event(parser);
	if (r == 0 && parser->event.type != YAML_STREAM_END_EVENT)
		return refuse(parser, parser->event.start_mark,
			      "a second document begins, expected the end of the file");
	return r;
}

static int parse(struct parser *parser, size_t length)
{
	int r;

	if (!yaml_parser_initialize(&parser->yaml))
		return out_of_memory(parser);
	yaml_parser_set_encoding(&parser->yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser->yaml, (const unsigned char *)parser->text, length);
	r = parse_stream(parser);
	yaml_event_delete(&parser->event);
	yaml_parser_delete(&parser->yaml);
	return r;
}

/* --- files ---------------------------------------------------------------------------------------- */

int config_parse(const char *path, const char *text, size_t length, struct config *config)
{
	struct parser parser = { .path = path, .text = text, .config = config };
	yaml_mark_t place;
	const char *problem;
	int r;

	*config = (struct config){ 0 };
	if (starts_with(text, length, BYTE_ORDER_MARK)) {
		parser.text += strlen(BYTE_ORDER_MARK);
		length -= strlen(BYTE_ORDER_MARK);
	}
	problem = check_text(parser.text, length, &place);
	if (problem)
		return refuse(&parser, place, "%s", problem);

	config->entries = calloc(CONFIG_ENTRIES_MAX, sizeof(*config->entries));
	if (!config->entries)
		return out_of_memory(&parser);
	parser.anchors = calloc(CONFIG_ANCHORS_MAX, sizeof(*parser.anchors));
	r = parser.anchors ? parse(&parser, length) : out_of_memory(&parser);
	for (size_t i = 0; i < parser.anchor_count; i++)
		release_anchor(&parser.anchors[i]);
	free(parser.anchors);
	if (r < 0)
		config_release(config);
	return r;
}

int config_load(const char *path, int64_t pipe_ms, struct config *config)
{
	const struct file_source source = {
		.what = "configuration file",
		.path = path,
		.max = CONFIG_FILE_SIZE_MAX,
		.level = LOG_LEVEL_ERROR,
		.wait_ms = pipe_ms,
	};
	cleanup_free_ char *text = NULL;
	size_t length;
	int r = file_read(&source, &text, &length);

	*config = (struct config){ 0 };
	return r < 0 ? r : config_parse(path, text, length, config);
}

void config_release(struct config *config)
{
	for (size_t i = 0; i < config->count; i++)
		free(config->entries[i].name);
	free(config->entries);
	*config = (struct config){ 0 };
}

void config_format_label(const struct config *config, size_t index, char label[CONFIG_LABEL_SIZE])
{
	config_value_format_label(index + 1, config->entries[index].name, label);
}
