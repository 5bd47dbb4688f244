/* SPDX-License-Identifier: MIT */
#pragma once

/* A random scenario: machine, configuration file, options. The same seed and number give the same scenario. */
#include "options.h"
#include "sim/sim_machine.h"
#include "simulate/draw_trouble.h"

#define DRAW_ENTRIES_MAX 30
#define DRAW_SECRET_NAME_SIZE 32
#define DRAW_REQUESTS_MAX 50 /* two for each of 25 secrets */

/* An entry of the configuration file, so that the checks do not have to parse it. */
struct draw_entry {
	bool accelerator;
	unsigned int min_generation; /* 0: any */
	uint8_t mkvp[16];
	char serialnr[17]; /* empty: any */
	uint8_t secretid[32];
};

/* An add-secret request. */
struct draw_request {
	unsigned int type;
	uint8_t id[32];
};

struct draw {
	char *topology; /* model_parse */
	char *yaml;
	struct draw_entry entries[DRAW_ENTRIES_MAX];
	size_t entry_count;
	struct draw_request requests[DRAW_REQUESTS_MAX]; /* their secrets may be in the store already */
	size_t request_count;
	struct options options; /* without paths; the caller may add a report path */
	enum sim_kernel_version kernel;
	bool settled;
	int64_t bindings_us, grid_us;
	bool offline[MODEL_QUEUES_MAX]; /* by an administrator; in the order of the topology */
	struct draw_trouble trouble;
	bool faults; /* something may fail for reasons outside the configuration */
	bool quick;  /* no call takes so long that a plan is made without waiting for it */
	bool plenty; /* the timeout is long enough for all steps */
};

void draw_make(struct draw *draw, uint64_t seed, uint64_t number);
void draw_release(struct draw *draw);
