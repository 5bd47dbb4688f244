/* SPDX-License-Identifier: MIT */
#include "config/config.h"

#include <errno.h>
#include <string.h>

#include "config/value.h"
#include "util/cleanup.h"
#include "util/file.h"

int config_load(const char *path, struct config *config)
{
	const struct file_source source = {
		.what = "configuration file", .path = path, .max = CONFIG_FILE_SIZE_MAX, .level = LOG_LEVEL_ERROR
	};
	cleanup_free_ char *text = NULL;
	size_t length;
	int r = file_read(&source, &text, &length);

	*config = (struct config){ 0 };
	if (r == -ENOENT)
		log_error("cannot open configuration file %s: %s", path, strerror(ENOENT));
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
