/* SPDX-License-Identifier: MIT */
/*
 * The structure of the file: a list of mappings of scalars, read as a stream of events. Nothing deeper is ever
 * followed, so nothing nests and nothing recurs; the first event that does not belong is an error.
 */
#include "config/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "config/anchor.h"
#include "config/text.h"
#include "config/value.h"
#include "util/cleanup.h"
#include "util/log.h"

struct parser {
	yaml_parser_t yaml;
	yaml_event_t event; /* the present one */
	const char *path;
	const char *text;
	size_t entry_number; /* from 1; 0: not inside an entry */
	struct config_anchors anchors;
	size_t expanded; /* bytes that aliases have stood for so far */
	struct config *config;
	size_t capacity;
};

static struct config_place place_of(yaml_mark_t mark)
{
	return (struct config_place){ .line = mark.line + 1, .column = mark.column + 1 };
}

static int refuse(const struct parser *parser, struct config_place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Reports an error at a place; with the entry if it is inside of one. */
static int refuse(const struct parser *parser, struct config_place place, const char *format, ...)
{
	char entry[32] = "", message[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (parser->entry_number)
		snprintf(entry, sizeof(entry), "entry #%zu: ", parser->entry_number);
	log_error("%s:%zu:%zu: %s%s", parser->path, place.line, place.column, entry, message);
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
	if (yaml->error == YAML_READER_ERROR) {
		struct config_place place = config_text_place(parser->text, yaml->problem_offset);

		return refuse(parser, place, "not a text in UTF-8: %s", yaml->problem);
	}
	if (yaml->context)
		return refuse(parser, place_of(yaml->problem_mark), "not valid YAML: %s %s (which begins in line %zu)",
			      yaml->problem, yaml->context, yaml->context_mark.line + 1);
	return refuse(parser, place_of(yaml->problem_mark), "not valid YAML: %s", yaml->problem);
}

static int next_event(struct parser *parser)
{
	yaml_event_delete(&parser->event);
	return yaml_parser_parse(&parser->yaml, &parser->event) ? 0 : report_yaml_error(parser);
}

static const char *anchor_text(const struct config_anchor *anchor)
{
	if (!anchor)
		return "nothing";
	switch (anchor->kind) {
	case CONFIG_ANCHOR_LIST:
		return "the list itself";
	case CONFIG_ANCHOR_ENTRY:
		return "an entry";
	case CONFIG_ANCHOR_SCALAR:
		break;
	}
	return "a text";
}

/* Refuses the present event: "expected this, found that". */
static int refuse_event(const struct parser *parser, const char *expected)
{
	const yaml_event_t *event = &parser->event;
	struct config_place place = place_of(event->start_mark);

	switch (event->type) {
	case YAML_SCALAR_EVENT:
		if (event->data.scalar.length == 0)
			return refuse(parser, place, "expected %s, found an empty value", expected);
		return refuse(parser, place, "expected %s, found '%.100s'", expected, event->data.scalar.value);
	case YAML_ALIAS_EVENT:
		return refuse(
			parser, place, "expected %s, found alias *%.100s, which stands for %s", expected,
			event->data.alias.anchor,
			anchor_text(config_anchor_find(&parser->anchors, (const char *)event->data.alias.anchor)));
	case YAML_SEQUENCE_START_EVENT:
		return refuse(parser, place, "expected %s, found a list", expected);
	default:
		return refuse(parser, place, "expected %s, found a mapping", expected);
	}
}

static int define_anchor(struct parser *parser, const yaml_char_t *name, enum config_anchor_kind kind, const char *text)
{
	int r;

	if (!name)
		return 0;
	r = config_anchor_define(&parser->anchors, (const char *)name, kind, parser->config->count, text);
	if (r == -E2BIG)
		return refuse(parser, place_of(parser->event.start_mark), "more than %d anchors", CONFIG_ANCHORS_MAX);
	return r < 0 ? out_of_memory(parser) : 0;
}

/* What the alias of the present event stands for. */
static int find_anchor(const struct parser *parser, const struct config_anchor **anchor)
{
	const char *name = (const char *)parser->event.data.alias.anchor;

	*anchor = config_anchor_find(&parser->anchors, name);
	if (!*anchor)
		return refuse(parser, place_of(parser->event.start_mark),
			      "alias *%.100s stands for nothing: there is no anchor &%.100s before it", name, name);
	return 0;
}

/* Aliases can make a small file stand for a very large one; what they may add is limited. */
static int count_expansion(struct parser *parser, size_t length)
{
	parser->expanded += length;
	if (parser->expanded > CONFIG_FILE_SIZE_MAX)
		return refuse(parser, place_of(parser->event.start_mark),
			      "aliases stand for more than %d bytes of text", CONFIG_FILE_SIZE_MAX);
	return 0;
}

static int copy_text(const struct parser *parser, const char *text, char **copy)
{
	*copy = strdup(text);
	return *copy ? 0 : out_of_memory(parser);
}

/* Makes the present event, which must be a scalar or the alias of one, into a text that the caller frees. */
static int take_scalar(struct parser *parser, const char *expected, char **text)
{
	const yaml_event_t *event = &parser->event;
	const struct config_anchor *anchor;
	int r;

	if (event->type == YAML_SCALAR_EVENT) {
		const char *value = (const char *)event->data.scalar.value;

		if (strlen(value) != event->data.scalar.length)
			return refuse(parser, place_of(event->start_mark),
				      "expected %s, found a text with a NUL character", expected);
		r = define_anchor(parser, event->data.scalar.anchor, CONFIG_ANCHOR_SCALAR, value);
		return r < 0 ? r : copy_text(parser, value, text);
	}
	if (event->type != YAML_ALIAS_EVENT)
		return refuse_event(parser, expected);

	r = find_anchor(parser, &anchor);
	if (r < 0)
		return r;
	if (anchor->kind != CONFIG_ANCHOR_SCALAR)
		return refuse_event(parser, expected);
	r = count_expansion(parser, strlen(anchor->text));
	return r < 0 ? r : copy_text(parser, anchor->text, text);
}

/* Reads a key and its value. The present event is the key. */
static int parse_field(struct parser *parser, struct config_fields *fields)
{
	struct config_place place = place_of(parser->event.start_mark);
	cleanup_free_ char *name = NULL;
	struct config_field *field;
	enum config_key key;
	char expected[64];
	int r;

	r = take_scalar(parser, "a key", &name);
	if (r < 0)
		return r;
	if (!strcmp(name, "<<"))
		return refuse(parser, place,
			      "the merge key << is not supported; repeat the keys, or use an alias of the whole entry");
	key = config_value_find_key(name);
	if (key == CONFIG_KEY_COUNT)
		return refuse(parser, place, "unknown key '%.100s', expected one of " CONFIG_VALUE_KEYS, name);
	field = &fields->list[key];
	if (field->text)
		return refuse(parser, place, "key %s is given twice, first in line %zu", name, field->key_place.line);

	r = next_event(parser);
	if (r < 0)
		return r;
	field->key_place = place;
	field->place = place_of(parser->event.start_mark);
	snprintf(expected, sizeof(expected), "a text for key %s", config_value_key_name(key));
	return take_scalar(parser, expected, &field->text);
}

static void release_fields(struct config_fields *fields)
{
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
		free(fields->list[i].text);
}

/* Makes room for one entry more, and an empty one there. */
static int grow(struct parser *parser)
{
	struct config *config = parser->config;
	size_t capacity = parser->capacity ? 2 * parser->capacity : 16;
	struct config_entry *entries;

	if (config->count >= CONFIG_ENTRIES_MAX)
		return refuse(parser, place_of(parser->event.start_mark), "more than %d entries", CONFIG_ENTRIES_MAX);
	if (config->count < parser->capacity)
		return 0;
	entries = realloc(config->entries, capacity * sizeof(*entries));
	if (!entries)
		return out_of_memory(parser);
	config->entries = entries;
	parser->capacity = capacity;
	return 0;
}

/* Reads the keys of an entry. The present event is the beginning of its mapping. */
static int parse_entry(struct parser *parser)
{
	cleanup_(release_fields) struct config_fields fields = {
		.path = parser->path,
		.number = parser->entry_number,
		.place = place_of(parser->event.start_mark),
	};
	int r;

	r = define_anchor(parser, parser->event.data.mapping_start.anchor, CONFIG_ANCHOR_ENTRY, NULL);
	if (r < 0)
		return r;
	while ((r = next_event(parser)) == 0 && parser->event.type != YAML_MAPPING_END_EVENT) {
		r = parse_field(parser, &fields);
		if (r < 0)
			return r;
	}
	if (r == 0)
		r = config_value_make_entry(&fields, &parser->config->entries[parser->config->count]);
	if (r == 0)
		parser->config->count++;
	return r;
}

/* Repeats an entry. The present event is an alias. */
static int repeat_entry(struct parser *parser, const char *expected)
{
	struct config *config = parser->config;
	const struct config_anchor *anchor;
	struct config_entry entry;
	int r;

	r = find_anchor(parser, &anchor);
	if (r < 0)
		return r;
	if (anchor->kind != CONFIG_ANCHOR_ENTRY)
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

/* Reads the entries. The present event is the beginning of the list. */
static int parse_list(struct parser *parser)
{
	static const char expected[] = "an entry (a mapping with the keys " CONFIG_VALUE_KEYS ")";
	int r;

	r = define_anchor(parser, parser->event.data.sequence_start.anchor, CONFIG_ANCHOR_LIST, NULL);
	if (r < 0)
		return r;
	while ((r = next_event(parser)) == 0 && parser->event.type != YAML_SEQUENCE_END_EVENT) {
		parser->entry_number = parser->config->count + 1;
		r = grow(parser);
		if (r < 0)
			return r;
		if (parser->event.type == YAML_MAPPING_START_EVENT)
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

/* Reads on to the first event of the document. */
static int start_document(struct parser *parser)
{
	int r;

	r = next_event(parser); /* beginning of the stream */
	if (r == 0)
		r = next_event(parser);
	if (r < 0)
		return r;
	if (parser->event.type == YAML_STREAM_END_EVENT)
		return refuse(parser, (struct config_place){ 1, 1 },
			      "the file is empty, expected a list of entries; [] stands for an empty list");
	return next_event(parser);
}

static int parse_stream(struct parser *parser)
{
	int r;

	r = start_document(parser);
	if (r < 0)
		return r;
	if (parser->event.type != YAML_SEQUENCE_START_EVENT)
		return refuse_event(parser, "a list of entries");
	r = parse_list(parser);
	if (r == 0)
		r = next_event(parser); /* end of the document */
	if (r == 0)
		r = next_event(parser);
	if (r < 0)
		return r;
	if (parser->event.type != YAML_STREAM_END_EVENT)
		return refuse(parser, place_of(parser->event.start_mark),
			      "a second document begins, expected the end of the file");
	return 0;
}

int config_parse(const char *path, const char *text, size_t length, struct config *config)
{
	struct parser parser = { .path = path, .text = text, .config = config };
	struct config_place place;
	const char *problem;
	int r;

	*config = (struct config){ 0 };
	problem = config_text_check(text, length, &place);
	if (problem)
		return refuse(&parser, place, "%s", problem);
	if (!yaml_parser_initialize(&parser.yaml))
		return out_of_memory(&parser);
	yaml_parser_set_encoding(&parser.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser.yaml, (const unsigned char *)text, length);

	r = parse_stream(&parser);
	yaml_event_delete(&parser.event);
	yaml_parser_delete(&parser.yaml);
	config_anchor_release(&parser.anchors);
	if (r < 0)
		config_release(config);
	return r;
}
