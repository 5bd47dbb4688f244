/* SPDX-License-Identifier: MIT */
/* The configuration file: refused with one error, or read as entries that are valid as config.h defines. */
#include "config/config.h"
#include "fuzz.h"

static void check_entry(const struct config *config, size_t index)
{
	const struct config_entry *entry = &config->entries[index];
	char label[CONFIG_LABEL_SIZE];

	holds(entry->mode == APQN_MODE_EP11 || entry->mode == APQN_MODE_ACCEL);
	holds(memchr(entry->serialnr, '\0', sizeof(entry->serialnr)));
	holds(entry->min_generation == 0 || (entry->min_generation >= 4 && entry->min_generation <= 8));
	holds(!entry->name || entry->name[0]);
	config_format_label(config, index, label);
	holds(strlen(label) < sizeof(label));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config;
	size_t errors = 0;
	int r;

	log_set_sink(fuzz_sink, &errors);
	r = config_parse("file", (const char *)data, size, &config);
	holds(errors == (r < 0));
	holds(config.count <= CONFIG_ENTRIES_MAX && (r == 0 || config.count == 0));
	for (size_t i = 0; i < config.count; i++)
		check_entry(&config, i);
	config_release(&config);
	return 0;
}
