/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A machine (kernel/machine.h) on a prepared directory. FIFOs stand for attributes that block. Include after cmocka.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel/machine.h"
#include "util/wait.h"

#define SHORT_MS 300 /* in real time: the timeout of a call that blocks */

struct fixture {
	char folder[32];
	struct machine *machine;
};

static inline void write_file(const struct fixture *fixture, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", fixture->folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* A shell may start programs with some signals ignored, for example in the background. */
static inline void obey_signals(void)
{
	for (size_t i = 0; i < WAIT_SIGNAL_COUNT; i++)
		signal(wait_signals[i], SIG_DFL);
}

static inline int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	char path[128];

	obey_signals();
	strcpy(fixture->folder, "/tmp/pvapconfig.XXXXXX");
	if (!mkdtemp(fixture->folder))
		return -1;
	write_file(fixture, "text", "unbound\n");
	write_file(fixture, "empty", "");
	snprintf(path, sizeof(path), "%s/blocks", fixture->folder);
	mkfifo(path, 0600);
	snprintf(path, sizeof(path), "%s/card11", fixture->folder);
	mkdir(path, 0700);
	write_file(fixture, "card11/type", "CEX8P\n");
	*state = fixture;
	return machine_linux_create(fixture->folder, "/nowhere/uv", &fixture->machine);
}

static inline int teardown(void **state)
{
	struct fixture *fixture = *state;
	char command[64];
	int r;

	machine_linux_destroy(fixture->machine);
	snprintf(command, sizeof(command), "rm -rf '%s'", fixture->folder);
	r = system(command);
	free(fixture);
	return r;
}

static inline int64_t soon(const struct fixture *fixture)
{
	return machine_now_ms(fixture->machine) + 10000;
}

static inline struct machine_call reading(const struct fixture *fixture, const char *path, char *data, size_t size)
{
	struct machine_call call = { .operation = MACHINE_READ, .data = data, .size = size, .until_ms = soon(fixture) };

	snprintf(call.path, sizeof(call.path), "%s", path);
	return call;
}
