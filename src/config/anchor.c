/* SPDX-License-Identifier: MIT */
#include "config/anchor.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *left, const void *right)
{
	const struct config_anchor *one = left, *other = right;

	return strcmp(one->name, other->name);
}

int config_anchor_define(struct config_anchors *anchors, const char *name, enum config_anchor_kind kind, size_t entry,
			 const char *text)
{
	size_t name_size = strlen(name) + 1;
	size_t text_size = text ? strlen(text) + 1 : 0;
	struct config_anchor *anchor, **slot;

	if (anchors->count == CONFIG_ANCHORS_MAX)
		return -E2BIG;
	anchor = malloc(sizeof(*anchor) + name_size + text_size);
	if (!anchor)
		return -ENOMEM;
	*anchor = (struct config_anchor){ .kind = kind, .entry = entry, .name = anchor->bytes };
	memcpy(anchor->bytes, name, name_size);
	if (text)
		anchor->text = memcpy(anchor->bytes + name_size, text, text_size);

	slot = tsearch(anchor, &anchors->tree, compare);
	if (!slot) {
		free(anchor);
		return -ENOMEM;
	}
	if (*slot != anchor) {
		free(*slot);
		*slot = anchor;
	}
	anchors->count++;
	return 0;
}

const struct config_anchor *config_anchor_find(const struct config_anchors *anchors, const char *name)
{
	struct config_anchor wanted = { .name = name };
	struct config_anchor *const *slot = tfind(&wanted, &anchors->tree, compare);

	return slot ? *slot : NULL;
}

void config_anchor_release(struct config_anchors *anchors)
{
	tdestroy(anchors->tree, free);
	anchors->tree = NULL;
}
