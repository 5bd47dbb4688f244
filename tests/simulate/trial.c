/* SPDX-License-Identifier: MIT */
#include "trial.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"
#include "simulate/listing.h"
#include "simulate/match.h"
#include "simulate/properties.h"
#include "simulate/request_files.h"
#include "util/log.h"

#define COMMAND_ADD "2" /* the number of the ioctl, uapi/asm/uvdevice.h */

struct said {
	bool shown; /* print each line */
	long claimed;
	enum outcome_reason reasons[DRAW_ENTRIES_MAX];
	char served[DRAW_ENTRIES_MAX][8];
	const struct model *model;
	bool told[MODEL_QUEUES_MAX];
};

static enum outcome_reason reason_of(const char *text)
{
	static const struct {
		const char *part;
		enum outcome_reason reason;
	} parts[] = {
		{ "has no association secret with the id", REASON_NO_SECRET },
		{ "and cannot be used for an association", REASON_SECRET_TYPE },
		{ "is online", REASON_NO_APQN },
		{ "best candidate ", REASON_GENERATION },
		{ "has the master key, but the serial number", REASON_SERIALNR },
		{ "no usable APQN ", REASON_NO_MKVP },
		{ " fits, but ", REASON_FAILED },
		{ "serve other entries", REASON_TAKEN },
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (strstr(text, parts[i].part))
			return parts[i].reason;
	}
	return REASON_OTHER;
}

/* The first line about an entry has the reason; later lines have near misses. */
static void hear_reason(struct said *said, const char *line)
{
	size_t number;

	if (sscanf(line, "entry #%zu", &number) == 1 && number >= 1 && number <= DRAW_ENTRIES_MAX &&
	    said->reasons[number - 1] == REASON_NONE)
		said->reasons[number - 1] = reason_of(line);
}

static void hear_served(struct said *said, const char *line)
{
	const char *apqn = strstr(line, "served by APQN ");
	size_t number;

	if (apqn && sscanf(line, "entry #%zu", &number) == 1 && number >= 1 && number <= DRAW_ENTRIES_MAX)
		sscanf(apqn, "served by APQN %7s", said->served[number - 1]);
}

static void hear_names(struct said *said, const char *line)
{
	for (size_t i = 0; i < said->model->queue_count; i++) {
		const struct model_queue *queue = &said->model->queues[i];
		char name[8], card[8];

		snprintf(name, sizeof(name), "%02x.%04x", queue->card, queue->domain);
		snprintf(card, sizeof(card), "card%02x", queue->card);
		said->told[i] = said->told[i] || strstr(line, name) || strstr(line, card);
	}
}

static void hear(enum log_level level, const char *line, void *context)
{
	static const char *const names[] = { "error", "warning", "output", "notice", "info" };
	struct said *said = context;
	size_t satisfied, count;

	if (sscanf(line, "%zu of %zu entr", &satisfied, &count) == 2)
		said->claimed = (long)satisfied;
	if (level == LOG_LEVEL_ERROR || level == LOG_LEVEL_WARNING)
		hear_reason(said, line);
	if (level == LOG_LEVEL_ERROR || level == LOG_LEVEL_WARNING || strstr(line, "is served by"))
		hear_names(said, line);
	hear_served(said, line);
	if (said->shown)
		printf("%s: %s\n", names[level], line);
}

static void write_config(const char *path, const char *yaml)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(yaml, file) < 0 || fclose(file) != 0) {
		perror(path);
		exit(2);
	}
}

static void note_states(struct sim *sim, struct outcome_queue *queues)
{
	model_settle(&sim->model, sim_now_us(sim));
	for (size_t i = 0; i < sim->model.queue_count; i++) {
		queues[i].state = sim->model.queues[i].state;
		queues[i].association = sim->model.queues[i].association;
	}
}

/* Whether an entry names the secret that was written to se_associate for this queue. */
static bool is_named(const struct sim_record *record, const struct outcome *outcome)
{
	unsigned int card, domain, index;

	if (sscanf(record->path, "devices/ap/card%*x/%x.%x/", &card, &domain) != 2 ||
	    sscanf(record->text, "%u", &index) != 1)
		return false;
	for (size_t i = 0; i < outcome->model->queue_count; i++) {
		if (outcome->model->queues[i].card == card && outcome->model->queues[i].domain == domain)
			return fit_is_named(outcome, i, (uint16_t)index);
	}
	return false;
}

static void count_writes(const struct sim *sim, struct outcome *outcome)
{
	size_t count;
	const struct sim_record *journal = sim_journal(sim, &count);

	for (size_t i = 0; i < count; i++) {
		if (journal[i].operation != MACHINE_WRITE)
			continue;
		if (strstr(journal[i].path, "/se_associate")) {
			outcome->associations++;
			outcome->unnamed += !is_named(&journal[i], outcome);
		} else if (journal[i].text[0] == '0') {
			outcome->unbinds++;
		} else {
			outcome->binds++;
		}
	}
}

static size_t count_adds(const struct sim *sim)
{
	size_t count, adds = 0;
	const struct sim_record *journal = sim_journal(sim, &count);

	for (size_t i = 0; i < count; i++)
		adds += journal[i].operation == MACHINE_UV && strcmp(journal[i].text, COMMAND_ADD) == 0;
	return adds;
}

/* Prints all calls except the many short reads. */
static void print_calls(const struct sim *sim)
{
	size_t count;
	const struct sim_record *journal = sim_journal(sim, &count);

	puts("--- calls that change something or take long");
	for (size_t i = 0; i < count; i++) {
		const struct sim_record *record = &journal[i];

		if (record->operation == MACHINE_WRITE || record->end_us - record->start_us > 1000 ||
		    record->end_us == 0)
			printf("%" PRId64 " %" PRId64 " %s %s: %s\n", record->start_us, record->end_us, record->path,
			       record->text, record->error < 0 ? strerror(-record->error) : "done");
	}
}

static struct sim *make_machine(const struct draw *draw)
{
	struct sim *sim = sim_new(draw->topology);

	sim->options.kernel = draw->kernel;
	sim->options.settled = draw->settled;
	sim->options.bindings_us = draw->bindings_us;
	sim->options.grid_us = draw->grid_us;
	for (size_t i = 0; i < sim->model.queue_count; i++) {
		if (draw->offline[i])
			sim_set_online(sim, sim->model.queues[i].card, sim->model.queues[i].domain, false);
	}
	draw_trouble_apply(&draw->trouble, sim);
	return sim;
}

struct trial {
	const struct draw *draw;
	char requests[64]; /* directory of the add-secret requests, if there are any */
	struct options options;
	struct sim *sim;
	struct said said;
	struct outcome outcome;
};

/* Creates the machine and the files. */
static void begin(struct trial *trial, const struct draw *draw, const char *path, bool shown)
{
	*trial = (struct trial){ .draw = draw, .options = draw->options, .said = { .shown = shown, .claimed = -1 } };
	trial->options.config_path = path;
	trial->sim = make_machine(draw);
	trial->said.model = &trial->sim->model;
	write_config(path, draw->yaml);
	if (draw->request_count > 0) {
		snprintf(trial->requests, sizeof(trial->requests), "%s.d", path);
		request_files_write(draw, trial->requests);
		trial->options.secrets_path = trial->requests;
	}
	log_forget_error();
	log_set_sink(hear, &trial->said);
	log_set_verbose(1); /* reports which entries are served */
}

static void end(struct trial *trial)
{
	if (trial->options.secrets_path)
		request_files_remove(trial->draw, trial->options.secrets_path);
	sim_free(trial->sim);
}

static void run(struct trial *trial)
{
	struct outcome *outcome = &trial->outcome;
	int64_t start_us = sim_now_us(trial->sim);

	outcome->draw = trial->draw;
	outcome->model = &trial->sim->model;
	note_states(trial->sim, outcome->before);
	outcome->success = run_pvapconfig(&trial->sim->machine, &trial->options);
	outcome->duration_us = sim_now_us(trial->sim) - start_us;
	outcome->error_said = log_last_error();
	outcome->claimed = trial->said.claimed;
	memcpy(outcome->reasons, trial->said.reasons, sizeof(outcome->reasons));
	memcpy(outcome->served, trial->said.served, sizeof(outcome->served));
	memcpy(outcome->told, trial->said.told, sizeof(outcome->told));
	note_states(trial->sim, outcome->after);
	count_writes(trial->sim, outcome);
	outcome->adds = count_adds(trial->sim);
	if (trial->said.shown)
		print_calls(trial->sim);
}

static void run_again(struct trial *trial)
{
	struct outcome *outcome = &trial->outcome;
	struct options again = trial->options;

	if (trial->said.shown)
		puts("--- second run");
	sim_journal_clear(trial->sim);
	again.report_path = NULL; /* the report is about the first run */
	outcome->success_again = run_pvapconfig(&trial->sim->machine, &again);
	outcome->writes_again = sim_write_count(trial->sim);
	outcome->adds_again = count_adds(trial->sim);
	note_states(trial->sim, outcome->again);
}

static void list(struct trial *trial)
{
	listing_take(trial->sim, &trial->options, trial->said.shown, &trial->outcome.list);
	note_states(trial->sim, trial->outcome.listed);
}

static void run_killed(struct trial *trial, size_t calls)
{
	if (trial->said.shown)
		puts("--- killed run");
	sim_stop_after(trial->sim, calls);
	run_pvapconfig(&trial->sim->machine, &trial->options);
	sim_forget(trial->sim);
	if (trial->said.shown) {
		print_calls(trial->sim);
		puts("--- next run");
	}
	sim_journal_clear(trial->sim);
	trial->said = (struct said){ .shown = trial->said.shown, .claimed = -1, .model = &trial->sim->model };
}

/* A trial is too large for the stack. */
static struct trial trial;

/* The result of a dry run, if nothing can fail. */
static bool foretell(const struct draw *draw, const char *path, char foretold[DRAW_ENTRIES_MAX][8])
{
	if (draw->faults || draw->options.dry_run || draw->options.unbind || !draw->settled || !draw->quick)
		return false;
	begin(&trial, draw, path, false);
	trial.options.dry_run = trial.options.probe = true;
	trial.options.report_path = NULL;
	run_pvapconfig(&trial.sim->machine, &trial.options);
	memcpy(foretold, trial.said.served, sizeof(trial.said.served));
	end(&trial);
	return true;
}

const char *trial_run(const struct draw *draw, const char *path, bool shown)
{
	static char foretold[DRAW_ENTRIES_MAX][8];
	bool foretold_known = foretell(draw, path, foretold);
	const char *sentence;

	begin(&trial, draw, path, shown);
	run(&trial);
	trial.outcome.foretold_known = foretold_known;
	memcpy(trial.outcome.foretold, foretold, sizeof(foretold));
	if (!draw->faults)
		run_again(&trial);
	list(&trial);
	sentence = properties_check(&trial.outcome);
	end(&trial);
	return sentence;
}

/* The result of a run, and its number of calls. */
struct result {
	bool success;
	long claimed;
	size_t calls;
};

static bool is_same(const struct result *left, const struct result *right)
{
	return left->success == right->success && left->claimed == right->claimed;
}

static const char *try_killed(const struct draw *draw, const char *path, size_t calls, bool shown,
			      struct result *result)
{
	const char *sentence;

	begin(&trial, draw, path, shown);
	if (calls > 0)
		run_killed(&trial, calls);
	run(&trial);
	*result = (struct result){ .success = trial.outcome.success, .claimed = trial.outcome.claimed };
	sim_journal(trial.sim, &result->calls);
	run_again(&trial);
	list(&trial);
	sentence = properties_check(&trial.outcome);
	end(&trial);
	return sentence;
}

const char *trial_sweep(const struct draw *draw, const char *path, size_t *calls)
{
	struct result undisturbed, result;
	const char *sentence;

	*calls = 0;
	if (draw->faults || draw->options.dry_run)
		return NULL;
	sentence = try_killed(draw, path, 0, false, &undisturbed);
	for (size_t i = 1; i <= undisturbed.calls && !sentence; i++) {
		*calls = i;
		sentence = try_killed(draw, path, i, false, &result);
		/* The run must first complete or undo what the killed one began; there may be no time left. */
		if (!sentence && draw->plenty && !is_same(&undisturbed, &result))
			sentence = "a run after a killed one has the same result";
	}
	return sentence;
}

const char *trial_show_killed(const struct draw *draw, const char *path, size_t calls)
{
	struct result result;

	return try_killed(draw, path, calls, true, &result);
}
