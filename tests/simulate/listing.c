/* SPDX-License-Identifier: MIT */
#include "listing.h"

#include <stdio.h>
#include <string.h>

#include "run.h"
#include "util/log.h"

struct reader {
	const struct model *model;
	bool shown;
	struct outcome_list *list;
};

static enum outcome_listed listed_as(const char *state)
{
	if (!strcmp(state, "bound"))
		return LISTED_BOUND;
	return !strcmp(state, "unbound") ? LISTED_UNBOUND : LISTED_UNKNOWN;
}

/* "11.0008  EP11  CEX8  93AADX1S00000012  6e3e4fe4..  yes  bound  6 root volume" */
static void read_row(const struct reader *reader, const char *line)
{
	unsigned int card, domain;
	char state[16];

	if (sscanf(line, "%2x.%4x %*s %*s %*s %*s %*s %15s", &card, &domain, state) != 3)
		return;
	for (size_t i = 0; i < reader->model->queue_count; i++) {
		if (reader->model->queues[i].card == card && reader->model->queues[i].domain == domain)
			reader->list->queues[i] = listed_as(state);
	}
}

static void hear(enum log_level level, const char *line, void *context)
{
	struct reader *reader = context;

	if (reader->shown)
		printf("%s\n", line);
	if (level != LOG_LEVEL_OUTPUT)
		return;
	if (strlen(line) > reader->list->width)
		reader->list->width = strlen(line);
	read_row(reader, line);
}

void listing_take(struct sim *sim, const struct options *options, bool shown, struct outcome_list *list)
{
	struct reader reader = { .model = &sim->model, .shown = shown, .list = list };
	struct options looking = { .list = true,
				   .config_path = options->config_path,
				   .timeout_ms = options->timeout_ms };
	int64_t start_us = sim_now_us(sim);
	char report[4096];

	if (shown)
		puts("--- list");
	if (options->report_path) {
		snprintf(report, sizeof(report), "%s.list", options->report_path);
		looking.report_path = report;
	}
	*list = (struct outcome_list){ 0 };
	sim_journal_clear(sim);
	log_set_sink(hear, &reader);
	run_pvapconfig(&sim->machine, &looking);
	list->duration_us = sim_now_us(sim) - start_us;
	list->writes = sim_write_count(sim);
}
