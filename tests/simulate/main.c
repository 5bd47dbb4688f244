/* SPDX-License-Identifier: MIT */

/*
 * Random runs on the simulated machine: simulate SEED FIRST RUNS [kill | reports DIRECTORY]. With "kill", each run is
 * killed after every call in turn. With "reports", the reports of the run and of the list after it stay in a directory,
 * as NUMBER.json and NUMBER.json.list. Exits with 1 at the first property that does not hold.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "simulate/properties.h"
#include "simulate/trial.h"

struct arguments {
	uint64_t seed, first, runs;
	bool kill;
	const char *reports; /* directory; NULL: no reports */
};

static uint64_t tries;

static void explain_scenario(const struct draw *draw)
{
	static const char *const kernels[] = { "6.1", "6.12", "7" };

	printf("--- machine, kernel %s, %s, complete after %" PRId64 " us, grid %" PRId64 " us\n%s",
	       kernels[draw->kernel], draw->settled ? "settled" : "booting", draw->bindings_us, draw->grid_us,
	       draw->topology);
	for (size_t i = 0; i < MODEL_QUEUES_MAX; i++) {
		if (draw->offline[i])
			printf("queue %zu, counted from 0, is offline\n", i);
	}
	draw_trouble_print(&draw->trouble);
	for (size_t i = 0; i < draw->request_count; i++)
		printf("request %zu for a secret of type %u, id %02x%02x...\n", i, draw->requests[i].type,
		       draw->requests[i].id[0], draw->requests[i].id[1]);
	printf("--- configuration\n%s--- options%s%s%s%s%s --timeout %" PRId64 "\n--- run\n", draw->yaml,
	       draw->options.strict ? " --strict" : "", draw->options.dry_run ? " --dry-run" : "",
	       draw->options.probe ? " --probe" : "", draw->options.unbind ? " --unbind" : "",
	       draw->options.lock_secrets ? " --lock-secrets" : "", draw->options.timeout_ms / 1000);
}

/* Returns NULL, or the property that does not hold, after printing the scenario and the run. */
static const char *try(const struct draw *draw, const char *path, const struct arguments *arguments, uint64_t number)
{
	size_t calls = 0;
	const char *sentence = arguments->kill ? trial_sweep(draw, path, &calls) : trial_run(draw, path, false);

	if (!sentence) {
		tries += arguments->kill ? calls : 1;
		return NULL;
	}
	printf("seed %" PRIu64 ", run %" PRIu64 ", killed after call %zu (0: not): this does not hold: %s\n",
	       arguments->seed, number, calls, sentence);
	explain_scenario(draw);
	if (calls > 0)
		trial_show_killed(draw, path, calls);
	else
		trial_run(draw, path, true);
	printf("--- to repeat: make simulate SEED=%" PRIu64 " FIRST=%" PRIu64 " RUNS=1%s\n", arguments->seed, number,
	       arguments->kill ? " KILL=kill" : "");
	return sentence;
}

static uint64_t parse(const char *text)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end) {
		fprintf(stderr, "simulate: '%s' is not a number\n", text);
		exit(2);
	}
	return value;
}

static const char *try_all(const char *path, const struct arguments *arguments)
{
	const char *sentence = NULL;
	char report[4096];

	for (uint64_t i = 0; i < arguments->runs && !sentence; i++) {
		struct draw draw;

		draw_make(&draw, arguments->seed, arguments->first + i);
		if (arguments->reports) {
			snprintf(report, sizeof(report), "%s/%" PRIu64 ".json", arguments->reports,
				 arguments->first + i);
			draw.options.report_path = report;
		}
		sentence = try(&draw, path, arguments, arguments->first + i);
		draw_release(&draw);
	}
	return sentence;
}

static struct arguments parse_arguments(int argc, char *argv[])
{
	bool kill = argc == 5 && strcmp(argv[4], "kill") == 0;
	bool reports = argc == 6 && strcmp(argv[4], "reports") == 0;

	if (argc != 4 && !kill && !reports) {
		fputs("usage: simulate SEED FIRST RUNS [kill | reports DIRECTORY]\n", stderr);
		exit(2);
	}
	return (struct arguments){ parse(argv[1]), parse(argv[2]), parse(argv[3]), kill, reports ? argv[5] : NULL };
}

int main(int argc, char *argv[])
{
	struct arguments arguments = parse_arguments(argc, argv);
	char path[] = "/dev/shm/simulate.XXXXXX";
	const char *sentence;
	int fd;

	fd = mkstemp(path);
	if (fd < 0) {
		perror(path);
		return 2;
	}
	close(fd);
	sentence = try_all(path, &arguments);
	unlink(path);
	if (sentence)
		return 1;
	printf("simulate: seed %" PRIu64 ", %" PRIu64 " scenarios from %" PRIu64 " on%s, %" PRIu64
	       " runs: all properties hold\n",
	       arguments.seed, arguments.runs, arguments.first, arguments.kill ? ", killed after every call" : "",
	       tries);
	puts("number of outcomes that each property applies to:");
	/* The minimum numbers do not apply to killed runs. */
	return properties_print(arguments.kill ? 0 : tries) ? 0 : 1;
}
