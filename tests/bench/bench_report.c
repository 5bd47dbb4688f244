/* SPDX-License-Identifier: MIT */

/* The time for the end of a run, after its deadline: messages, tables and the JSON report, for the largest machines. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "report/report.h"

#define ENTRIES_MAX 4096
#define APQNS_MAX 65536
#define NULL_DEVICE "/dev/null"

static struct config_entry entries[ENTRIES_MAX];
static struct apqn apqns[APQNS_MAX];
static struct secret known_secrets[ENTRIES_MAX];
static struct plan_entry plan_entries[ENTRIES_MAX];
static struct plan_apqn plan_apqns[APQNS_MAX];
static char report_path[] = "/tmp/bench_report.XXXXXX";

/* Every queue has its own key and secret, and no entry wants one of these keys; the last queues serve the entries. */
static void make(size_t entry_count, size_t apqn_count, bool served)
{
	for (size_t i = 0; i < entry_count; i++) {
		entries[i] = (struct config_entry){ .mode = APQN_MODE_EP11, .name = (char[]){ "name" } };
		memcpy(entries[i].mkvp, &(size_t){ i }, sizeof(size_t));
		entries[i].mkvp[APQN_MKVP_SIZE - 1] = 1;
		memcpy(entries[i].secretid, &(size_t){ i }, sizeof(size_t));
		known_secrets[i].index = (uint32_t)i;
		known_secrets[i].type = SECRETS_ASSOCIATION;
		memcpy(known_secrets[i].id, entries[i].secretid, SECRETS_ID_SIZE);
		plan_entries[i] = (struct plan_entry){ PLAN_NONE, PLAN_NO_MKVP, PLAN_NONE, (uint32_t)i };
	}
	for (size_t i = 0; i < apqn_count; i++) {
		apqns[i] = (struct apqn){
			.card = (uint8_t)(i / (apqn_count / APQN_CARDS_MAX)),
			.domain = (uint8_t)(i % (apqn_count / APQN_CARDS_MAX)),
			.generation = 8,
			.online = true,
			.mode = APQN_MODE_EP11,
			.bind = APQN_BOUND,
			.association = APQN_ASSOCIATED,
			.association_index = (uint16_t)i,
			.identity = APQN_IDENTITY_VALID,
			.serialnr = "BENCHMARK0000000",
		};
		memcpy(apqns[i].mkvp, &(size_t){ i }, sizeof(size_t));
		plan_apqns[i] = (struct plan_apqn){ PLAN_LEAVE, PLAN_NONE };
	}
	for (size_t i = 0; served && i < entry_count; i++) {
		plan_entries[i] = (struct plan_entry){ apqn_count - 1 - i % apqn_count, PLAN_SATISFIED, PLAN_NONE, 0 };
		plan_apqns[plan_entries[i].apqn] = (struct plan_apqn){ PLAN_KEEP, i };
	}
}

static void write_json(const struct report *report)
{
	const struct options options = { .report_path = report_path };
	struct report written = *report;

	written.options = &options;
	report_json_write(&written, 0, true);
}

static void write_status(const struct report *report)
{
	const struct options options = { .status_path = report_path };
	struct report written = *report;

	written.options = &options;
	status_write(&written, 0, true);
}

static void print_list(const struct report *report)
{
	struct report list = *report;

	list.plan = NULL;
	list_print(&list, NULL);
}

static double time_of(void (*step)(const struct report *report), const struct report *report)
{
	struct timespec begin, end;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	step(report);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return (double)(end.tv_sec - begin.tv_sec) * 1e3 + (double)(end.tv_nsec - begin.tv_nsec) / 1e6;
}

static void bench(FILE *out, size_t entry_count, size_t apqn_count, bool served)
{
	static void (*const steps[])(const struct report *report) = { report_print, write_status, write_json,
								      list_print_planned, print_list };
	static const struct options options;
	const struct config config = { entries, entry_count };
	const struct secrets secrets = { .list = known_secrets, .count = entry_count };
	const struct plan plan = { .entries = plan_entries,
				   .apqns = plan_apqns,
				   .satisfied = served ? entry_count : 0 };
	const struct report report = {
		.options = &options, .config = &config, .apqns = apqns, .apqn_count = apqn_count, .plan = &plan, .secrets = &secrets
	};

	make(entry_count, apqn_count, served);
	fprintf(out, "%8zu %8zu %-6s", entry_count, apqn_count, served ? "all" : "none");
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		fprintf(out, " %9.1f", time_of(steps[i], &report));
	fprintf(out, "\n");
	fflush(out);
}

int main(void)
{
	static const size_t machines[][2] = { { 64, 1024 }, { 512, 5120 }, { 4096, 5120 }, { 4096, 65536 } };
	FILE *out = fdopen(dup(STDOUT_FILENO), "w");
	int null = open(NULL_DEVICE, O_WRONLY), file = mkstemp(report_path);

	if (!out || null < 0 || file < 0) {
		perror("bench_report");
		return EXIT_FAILURE;
	}
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	fprintf(out, "time of each part of a report in ms\n%8s %8s %-6s %9s %9s %9s %9s %9s\n", "entries", "APQNs", "served",
		"messages", "status", "JSON", "dry run", "list");
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		for (int served = 0; served < 2; served++)
			bench(out, machines[i][0], machines[i][1], served);
	}
	unlink(report_path);
	return EXIT_SUCCESS;
}
