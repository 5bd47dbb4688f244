/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim_kernel.h"

static const char *const operation_names[] = {
	[MACHINE_READ] = "read",
	[MACHINE_WRITE] = "write",
	[MACHINE_LIST] = "list",
	[MACHINE_UV] = "uv",
};

static void record_text(struct sim_record *record, const struct machine_call *call)
{
	if (call->operation == MACHINE_UV) {
		snprintf(record->text, sizeof(record->text), "%u", call->uv_command);
	} else if (call->operation == MACHINE_WRITE) {
		size_t length = call->length < sizeof(record->text) ? call->length : sizeof(record->text) - 1;

		memcpy(record->text, call->data, length);
		record->text[length] = '\0';
	} else {
		record->text[0] = '\0';
	}
}

/* Counts the call for every injection that matches. Returns the first one that is due. */
static const struct sim_injection *strike(struct sim_kernel *kernel, const struct sim_record *record)
{
	const struct sim_injection *due = NULL;

	for (size_t i = 0; i < kernel->injection_count; i++) {
		const struct sim_injection *injection = &kernel->injections[i];
		unsigned int seen;

		if (injection->operation != record->operation || fnmatch(injection->path, record->path, 0) != 0)
			continue;
		seen = ++kernel->injections_seen[i];
		if (!due && seen > injection->after &&
		    (injection->times == 0 || seen - injection->after <= injection->times))
			due = injection;
	}
	return due;
}

void sim_journal_start(struct sim *sim, struct sim_call *slot)
{
	struct sim_kernel *kernel = sim->kernel;
	const struct machine_call *call = slot->call;
	struct sim_record *record;

	if (kernel->journal_count == kernel->journal_size) {
		kernel->journal_size = kernel->journal_size ? 2 * kernel->journal_size : 64;
		kernel->journal = sim_resize(kernel->journal, kernel->journal_size, sizeof(*kernel->journal));
	}
	slot->record = kernel->journal_count++;
	record = &kernel->journal[slot->record];
	record->start_us = kernel->now_us;
	record->end_us = 0;
	record->error = 0;
	record->operation = call->operation;
	strcpy(record->path, call->operation == MACHINE_UV ? "dev/uv" : call->path);
	record_text(record, call);
	slot->injection = strike(kernel, record);
}

void sim_journal_end(struct sim *sim, const struct sim_call *slot)
{
	struct sim_record *record;

	if (slot->record == SIZE_MAX)
		return;
	record = &sim->kernel->journal[slot->record];
	record->end_us = sim->kernel->now_us;
	record->error = slot->error;
}

void sim_inject(struct sim *sim, const struct sim_injection *injection)
{
	struct sim_kernel *kernel = sim->kernel;
	size_t count = kernel->injection_count + 1;

	kernel->injections = sim_resize(kernel->injections, count, sizeof(*kernel->injections));
	kernel->injections_seen = sim_resize(kernel->injections_seen, count, sizeof(*kernel->injections_seen));
	kernel->injections[count - 1] = *injection;
	kernel->injections_seen[count - 1] = 0;
	kernel->injection_count = count;
}

const struct sim_record *sim_journal(const struct sim *sim, size_t *count)
{
	*count = sim->kernel->journal_count;
	return sim->kernel->journal;
}

void sim_journal_clear(struct sim *sim)
{
	sim->kernel->journal_count = 0;
	/* The records of calls under way are gone. */
	for (size_t i = 0; i < sim->kernel->call_limit; i++)
		sim->kernel->calls[i].record = SIZE_MAX;
}

void sim_journal_print(const struct sim *sim, FILE *stream)
{
	for (size_t i = 0; i < sim->kernel->journal_count; i++) {
		const struct sim_record *record = &sim->kernel->journal[i];

		fprintf(stream, "%" PRId64 " %" PRId64 " %s %s%s%s%s%s\n", record->start_us, record->end_us,
			operation_names[record->operation], record->path, record->text[0] ? " " : "", record->text,
			record->error ? ": " : "", record->error ? strerror(-record->error) : "");
	}
}

size_t sim_count(const struct sim *sim, enum machine_operation operation, const char *pattern)
{
	size_t count = 0;

	for (size_t i = 0; i < sim->kernel->journal_count; i++) {
		const struct sim_record *record = &sim->kernel->journal[i];

		count += record->operation == operation && fnmatch(pattern, record->path, 0) == 0;
	}
	return count;
}

size_t sim_write_count(const struct sim *sim)
{
	return sim_count(sim, MACHINE_WRITE, "*");
}
