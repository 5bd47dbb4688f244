/* SPDX-License-Identifier: MIT */

/* Random runs on the simulated machine: simulate SEED FIRST RUNS. Ends with 1 at the first one that is not right. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "run.h"
#include "simulate/properties.h"

struct said {
	bool shown; /* lines are printed as they come */
	bool refused;
	long claimed;
};

static void hear(enum log_level level, const char *line, void *context)
{
	static const char *const names[] = { "error", "warning", "output", "notice", "info" };
	struct said *said = context;
	size_t satisfied, count;

	if (sscanf(line, "%zu of %zu entries", &satisfied, &count) == 2)
		said->claimed = (long)satisfied;
	if (level == LOG_LEVEL_ERROR && strstr(line, "with the same master key"))
		said->refused = true;
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

static void count_writes(const struct sim *sim, struct outcome *outcome)
{
	size_t count;
	const struct sim_record *journal = sim_journal(sim, &count);

	for (size_t i = 0; i < count; i++) {
		if (journal[i].operation != MACHINE_WRITE)
			continue;
		if (strstr(journal[i].path, "/se_associate"))
			outcome->associations++;
		else if (journal[i].text[0] == '0')
			outcome->unbinds++;
		else
			outcome->binds++;
	}
}

/* All but the many looks at how far a queue is. */
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
	return sim;
}

/* Returns the sentence that does not hold, or NULL. */
static const char *simulate(const struct draw *draw, const char *path, bool shown)
{
	static struct outcome outcome;
	struct sim *sim = make_machine(draw);
	struct said said = { .shown = shown, .claimed = -1 };
	struct options options = draw->options;
	const char *sentence;
	int64_t start_us = sim_now_us(sim);

	write_config(path, draw->yaml);
	options.config_path = path;
	log_set_sink(hear, &said);
	log_set_verbose(1); /* what was served is told only then */
	outcome = (struct outcome){ .draw = draw, .model = &sim->model };
	note_states(sim, outcome.before);
	outcome.success = run_pvapconfig(&sim->machine, &options);
	outcome.duration_us = sim_now_us(sim) - start_us;
	outcome.refused = said.refused;
	outcome.claimed = said.claimed;
	note_states(sim, outcome.after);
	count_writes(sim, &outcome);
	if (shown)
		print_calls(sim);
	if (!draw->faults) {
		if (shown)
			puts("--- second run");
		sim_journal_clear(sim);
		outcome.success_again = run_pvapconfig(&sim->machine, &options);
		outcome.writes_again = sim_write_count(sim);
		note_states(sim, outcome.again);
	}
	sentence = properties_check(&outcome);
	sim_free(sim);
	return sentence;
}

static void explain(const struct draw *draw, const char *path, const char *sentence, uint64_t seed, uint64_t number)
{
	static const char *const kernels[] = { "6.1", "6.12", "7" };

	printf("seed %" PRIu64 ", run %" PRIu64 ": this does not hold: %s\n", seed, number, sentence);
	printf("--- machine, kernel %s, %s, complete after %" PRId64 " us, grid %" PRId64 " us\n%s",
	       kernels[draw->kernel], draw->settled ? "settled" : "booting", draw->bindings_us, draw->grid_us,
	       draw->topology);
	printf("--- configuration\n%s--- options%s%s%s%s --timeout %" PRId64 "\n--- run\n", draw->yaml,
	       draw->options.strict ? " --strict" : "", draw->options.dry_run ? " --dry-run" : "",
	       draw->options.probe ? " --probe" : "", draw->options.unbind ? " --unbind" : "",
	       draw->options.timeout_ms / 1000);
	simulate(draw, path, true);
	printf("--- again: make simulate SEED=%" PRIu64 " FIRST=%" PRIu64 " RUNS=1\n", seed, number);
}

static uint64_t parse(const char *text)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end) {
		fprintf(stderr, "simulate: '%s' is no number\n", text);
		exit(2);
	}
	return value;
}

int main(int argc, char *argv[])
{
	char path[] = "/tmp/simulate.XXXXXX";
	const char *sentence = NULL;
	uint64_t seed, first, runs;
	int fd;

	if (argc != 4) {
		fputs("usage: simulate SEED FIRST RUNS\n", stderr);
		return 2;
	}
	seed = parse(argv[1]);
	first = parse(argv[2]);
	runs = parse(argv[3]);
	fd = mkstemp(path);
	if (fd < 0) {
		perror(path);
		return 2;
	}
	close(fd);
	for (uint64_t number = first; number - first < runs && !sentence; number++) {
		struct draw draw;

		draw_make(&draw, seed, number);
		sentence = simulate(&draw, path, false);
		if (sentence)
			explain(&draw, path, sentence, seed, number);
		draw_release(&draw);
	}
	unlink(path);
	if (!sentence)
		printf("simulate: seed %" PRIu64 ", %" PRIu64 " runs from %" PRIu64 " on: all is well\n", seed, runs,
		       first);
	return sentence ? 1 : 0;
}
