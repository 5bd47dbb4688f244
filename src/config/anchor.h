/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the anchors of a configuration file stand for. Finding one takes logarithmic time, whatever the names are. A
 * name may be defined anew, which counts from there on, as in YAML.
 */
#include <stddef.h>

enum config_anchor_kind { CONFIG_ANCHOR_LIST, CONFIG_ANCHOR_ENTRY, CONFIG_ANCHOR_SCALAR };

struct config_anchor {
	enum config_anchor_kind kind;
	size_t entry;     /* ENTRY: its index */
	const char *text; /* SCALAR */
	const char *name;
	char bytes[]; /* of name and text */
};

/* Definitions in a file, those of the same name included: many times what anybody writes by hand. */
#define CONFIG_ANCHORS_MAX 1024

struct config_anchors {
	void *tree;   /* of tsearch; starts as NULL */
	size_t count; /* of definitions */
};

/* `text` is NULL unless kind is SCALAR; both texts are copied. 0, -E2BIG for one too many, or -ENOMEM. */
int config_anchor_define(struct config_anchors *anchors, const char *name, enum config_anchor_kind kind, size_t entry,
			 const char *text);

/* NULL if the name is not defined. Valid until the next definition. */
const struct config_anchor *config_anchor_find(const struct config_anchors *anchors, const char *name);

void config_anchor_release(struct config_anchors *anchors);
