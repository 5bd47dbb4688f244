/* SPDX-License-Identifier: MIT */
#pragma once

/* What every run has to come up to, judged by the state of the model and without any of the planner's code. */
#include "simulate/draw.h"

/* How a queue stands in the model. */
struct outcome_queue {
	enum model_bind_state state;
	uint16_t association;
};

/* Why an entry is not satisfied, as it was said. */
enum outcome_reason {
	REASON_NONE, /* nothing was said */
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

/* What a list says of a queue. */
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
	const struct model *model; /* what never changes is looked up here */
	struct outcome_queue before[MODEL_QUEUES_MAX], after[MODEL_QUEUES_MAX], again[MODEL_QUEUES_MAX];
	bool success, success_again;
	bool error_said;
	long claimed; /* entries that the run says are satisfied; -1: it says nothing */
	enum outcome_reason reasons[DRAW_ENTRIES_MAX];
	char served[DRAW_ENTRIES_MAX][8];   /* by which APQN, as it was said; or empty */
	char foretold[DRAW_ENTRIES_MAX][8]; /* by a dry run before */
	bool foretold_known;
	bool told[MODEL_QUEUES_MAX]; /* an error or a warning names it or its card, or it is said to serve an entry */
	int64_t duration_us;
	size_t binds, unbinds, associations; /* what was written */
	size_t unnamed; /* associations with a secret that no entry names for the queue */
	size_t adds;                         /* to the secret store */
	size_t writes_again, adds_again;     /* by a second run right after the first */
	struct outcome_list list;
	struct outcome_queue listed[MODEL_QUEUES_MAX]; /* how things stood then */
};

/* The sentence that does not hold, or NULL. */
const char *properties_check(const struct outcome *outcome);

/* Of so many runs on, the floors of properties_print count. */
#define PROPERTIES_RUNS_MIN 5000

/* Prints of how many outcomes each property said something; false if of too few. */
bool properties_print(uint64_t runs);
