/* SPDX-License-Identifier: MIT */
#pragma once

/* Properties of every run, checked against the state of the model, without any of the planner's code. */
#include "simulate/draw.h"

/* The state of a queue in the model. */
struct outcome_queue {
	enum model_bind_state state;
	uint16_t association;
};

/* The reported reason why an entry is not satisfied. */
enum outcome_reason {
	REASON_NONE, /* not reported */
	REASON_NO_SECRET,
	REASON_SECRET_TYPE,
	REASON_NO_APQN,
	REASON_GENERATION,
	REASON_NO_MKVP,
	REASON_SERIALNR,
	REASON_FAILED,
	REASON_TAKEN,
	REASON_OTHER,
};

/* The state of a queue in a list. */
enum outcome_listed { LISTED_NOT, LISTED_BOUND, LISTED_UNBOUND, LISTED_UNKNOWN };

/* `pvapconfig --list` after all runs. */
struct outcome_list {
	enum outcome_listed queues[MODEL_QUEUES_MAX];
	size_t width; /* of the widest line */
	size_t writes;
	int64_t duration_us;
};

struct outcome {
	const struct draw *draw;
	const struct model *model; /* for what never changes */
	struct outcome_queue before[MODEL_QUEUES_MAX], after[MODEL_QUEUES_MAX], again[MODEL_QUEUES_MAX];
	bool success, success_again;
	bool error_said;
	long claimed; /* number of satisfied entries as reported; -1: not reported */
	enum outcome_reason reasons[DRAW_ENTRIES_MAX];
	char served[DRAW_ENTRIES_MAX][8];   /* by which APQN, as reported; or empty */
	char foretold[DRAW_ENTRIES_MAX][8]; /* the same, by a dry run before */
	bool foretold_known;
	bool told[MODEL_QUEUES_MAX]; /* a message names it or its card as faulty, or as serving an entry */
	int64_t duration_us;
	size_t binds, unbinds, associations; /* numbers of writes */
	size_t unnamed; /* associations with a secret that no entry names for the queue */
	size_t adds;                         /* to the secret store */
	size_t writes_again, adds_again;     /* by a second run right after the first */
	struct outcome_list list;
	struct outcome_queue listed[MODEL_QUEUES_MAX]; /* states at the time of the list */
};

/* The property that does not hold, or NULL. */
const char *properties_check(const struct outcome *outcome);

/* From this many runs on, properties_print checks how often each property applied. */
#define PROPERTIES_RUNS_MIN 5000

/* Prints the number of outcomes that each property applied to; false if one is too small. */
bool properties_print(uint64_t runs);
