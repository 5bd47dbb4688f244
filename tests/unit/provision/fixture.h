/* SPDX-License-Identifier: MIT */
#pragma once

/* Provisioning alone on a simulated machine. Include after cmocka.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ap/inventory.h"
#include "config/config.h"
#include "provision/provision.h"
#include "sim/sim_machine.h"
#include "unit/log_capture.h"
#include "unit/run_rows.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define MKVP_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define MKVP_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define MKVP_C "cccccccccccccccccccccccccccccccc"
#define PAD "00000000000000000000000000000000"
#define KEY_A " mkvp=" MKVP_A PAD
#define KEY_B " mkvp=" MKVP_B PAD
#define KEY_C " mkvp=" MKVP_C PAD
#define ID_1 "1111111111111111111111111111111111111111111111111111111111111111"
#define ID_2 "2222222222222222222222222222222222222222222222222222222222222222"
#define ID_3 "3333333333333333333333333333333333333333333333333333333333333333"

#define SECRETS "secret 1 id=" ID_1 "\nsecret 2 id=" ID_2 "\n"
#define ENTRY_A "- mode: EP11\n  mkvp: " MKVP_A "\n  secretid: " ID_1 "\n"
#define ENTRY_B "- mode: EP11\n  mkvp: " MKVP_B "\n  secretid: " ID_2 "\n"
#define ENTRY_ACCEL "- mode: Accel\n"
#define DELAYS "delay bind=1ms reset=20ms associate=30ms request=2ms\n"
/* Two EP11 cards and an accelerator, with two queues each. */
#define MACHINE                                                                                                \
	DELAYS SECRETS "card 05 CEX8A\nqueue 05.0001\nqueue 05.0002\n"                                        \
		       "card 11 CEX8P serialnr=SERIAL1111111111\nqueue 11.0001" KEY_A "\nqueue 11.0002" KEY_C "\n" \
		       "card 12 CEX8P serialnr=SERIAL2222222222\nqueue 12.0001" KEY_B "\nqueue 12.0002 mkvp=none\n"

/*
 * A run on a new machine, and its expected result. Fields that are not set are not checked, except those marked
 * "always".
 */
struct row {
	const char *name;
	const char *topology; /* NULL: the machine of the previous run (see `then`) */
	const char *yaml;     /* NULL: no entries */
	bool settled, dry_run, probe;
	int64_t timeout_ms; /* 0: one minute */
	struct {
		const char *path, *text;
	} written; /* just before the run */
	struct sim_injection injections[3];
	/* expected result */
	size_t satisfied;   /* always */
	const char *queues; /* always: state of every queue in the model */
	bool doubted[6];    /* always: the program does not know whether this APQN is bound; for the others it does */
	enum apqn_failure failures[6]; /* always: of every APQN */
	enum plan_reason reasons[2];   /* PLAN_SATISFIED: not checked */
	size_t served_by[2];           /* APQN that serves the entry, counted from 1; 0: not checked */
	enum plan_goal goals[2];       /* PLAN_LEAVE: not checked */
	const char *log[4], *not_log[2];
	struct row_calls calls[4];
	int64_t least_ms, most_ms; /* 0: not checked */
	const struct row *then;    /* the next run, which has no topology */
};

struct fixture {
	const struct row *row; /* of a table */
	struct sim *sim;
	struct config config;
	struct secrets secrets;
	struct inventory inventory;
	struct plan plan;
	struct log_capture log;
	struct provision_request request;
	int64_t took_ms;
	int result;
};

static inline int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture->row = *state;
	log_capture_begin(&fixture->log);
	log_set_verbose(1);
	fixture->request.timeout_ms = 60000;
	*state = fixture;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *fixture = *state;

	plan_release(&fixture->plan);
	inventory_release(&fixture->inventory);
	config_release(&fixture->config);
	free(fixture->secrets.list);
	sim_free(fixture->sim);
	log_capture_end();
	free(fixture);
	return 0;
}

static inline void new_machine(struct fixture *fixture, const char *topology)
{
	sim_free(fixture->sim);
	fixture->sim = sim_new(topology);
}

static inline void take_secrets(struct fixture *fixture)
{
	const struct model *model = &fixture->sim->model;

	free(fixture->secrets.list);
	fixture->secrets.list = calloc(model->secret_count + 1, sizeof(*fixture->secrets.list));
	fixture->secrets.count = model->secret_count;
	for (size_t i = 0; i < model->secret_count; i++) {
		fixture->secrets.list[i].index = model->secrets[i].index;
		fixture->secrets.list[i].type = SECRETS_ASSOCIATION;
		memcpy(fixture->secrets.list[i].id, model->secrets[i].id, SECRETS_ID_SIZE);
	}
}

/*
 * Gathers and provisions with this configuration (NULL: no entries). Afterwards the journal has only the calls of
 * provisioning.
 */
static inline void run(struct fixture *fixture, const char *yaml)
{
	struct machine *machine = &fixture->sim->machine;

	plan_release(&fixture->plan);
	inventory_release(&fixture->inventory);
	config_release(&fixture->config);
	take_secrets(fixture);
	if (yaml)
		assert_int_equal(config_parse("test.yaml", yaml, strlen(yaml), &fixture->config), 0);
	assert_int_equal(inventory_wait_bindings(machine, MACHINE_FOREVER), 0);
	assert_int_equal(inventory_gather(machine, MACHINE_FOREVER, false, &fixture->inventory), 0);
	sim_journal_clear(fixture->sim);
	fixture->log.text[0] = '\0';
	fixture->request.config = &fixture->config;
	fixture->request.secrets = &fixture->secrets;
	fixture->took_ms = machine_now_ms(machine);
	fixture->request.deadline_ms =
		fixture->request.timeout_ms > 0 ? fixture->took_ms + fixture->request.timeout_ms : MACHINE_FOREVER;
	fixture->result = provision_run(machine, &fixture->request, fixture->inventory.apqns, fixture->inventory.count,
					&fixture->plan);
	fixture->took_ms = machine_now_ms(machine) - fixture->took_ms;
}

static inline const char *truth(struct fixture *fixture, uint8_t card, uint8_t domain)
{
	return truth_of(fixture->sim, sim_queue(fixture->sim, card, domain));
}

/* Calls that hang, calls that fail without effect, and reads with a different result. */
#define HANG(operation, path) { operation, path, SIM_HANG, 0, NULL, 0, 0 }
#define REFUSE(operation, path, error) { operation, path, SIM_FAIL, error, NULL, 0, 0 }
#define ANSWER(path, text) { MACHINE_READ, path, SIM_TEXT, 0, text, 0, 0 }

/* Checks the bind states and failures that the program has for the queues. */
static inline void check_apqns(struct fixture *fixture, const struct row *row)
{
	assert_true(fixture->inventory.count <= COUNT(row->failures));
	for (size_t i = 0; i < fixture->inventory.count; i++) {
		const struct apqn *apqn = &fixture->inventory.apqns[i];
		enum apqn_failure failure = row->failures[i];
		enum model_bind_state now = sim_queue(fixture->sim, apqn->card, apqn->domain)->state;
		enum apqn_bind bind = now == MODEL_BINDABLE || now == MODEL_FOREIGN ? APQN_UNBOUND : APQN_BOUND;

		if (row->doubted[i])
			bind = APQN_BIND_UNKNOWN;
		if (apqn->mode != APQN_MODE_CCA && apqn->bind != bind)
			fail_msg("APQN number %zu: bind state is %d, not %d", i, apqn->bind, bind);
		if (apqn->failure != failure)
			fail_msg("APQN number %zu: failure is '%s', not '%s'", i, apqn_failure_text(apqn->failure),
				 apqn_failure_text(failure));
	}
}

static inline void check_plan(const struct fixture *fixture, const struct row *row)
{
	const struct plan *plan = &fixture->plan;

	assert_int_equal(plan->satisfied, row->satisfied);
	for (size_t i = 0; i < COUNT(row->reasons); i++) {
		if (row->reasons[i])
			assert_int_equal(plan->entries[i].reason, row->reasons[i]);
		if (row->served_by[i])
			assert_int_equal(plan->entries[i].apqn, row->served_by[i] - 1);
		if (row->goals[i])
			assert_int_equal(plan->apqns[i].goal, row->goals[i]);
	}
}

static inline void write_before(struct sim *sim, const char *path, const char *text)
{
	struct machine_call call = { .operation = MACHINE_WRITE, .length = strlen(text), .until_ms = MACHINE_FOREVER };
	char data[8];

	snprintf(call.path, sizeof(call.path), "%s", path);
	snprintf(data, sizeof(data), "%s", text);
	call.data = data;
	call.size = sizeof(data);
	assert_int_equal(machine_perform(&sim->machine, &call), 0);
}

static inline void run_row(struct fixture *fixture, const struct row *row)
{
	if (row->topology) {
		new_machine(fixture, row->topology);
		fixture->sim->options.settled = row->settled;
	}
	if (row->written.path)
		write_before(fixture->sim, row->written.path, row->written.text);
	inject_all(fixture->sim, row->injections, COUNT(row->injections));
	fixture->request.dry_run = row->dry_run;
	fixture->request.probe = row->probe;
	fixture->request.timeout_ms = row->timeout_ms ? row->timeout_ms : 60000;
	run(fixture, row->yaml);
	assert_int_equal(fixture->result, 0);
	check_plan(fixture, row);
	check_queues(fixture->sim, row->queues);
	check_apqns(fixture, row);
	check_texts(fixture->log.text, row->log, COUNT(row->log), true);
	check_texts(fixture->log.text, row->not_log, COUNT(row->not_log), false);
	check_calls(fixture->sim, row->calls, COUNT(row->calls));
	if (row->most_ms)
		assert_between(fixture->took_ms, row->least_ms, row->most_ms);
}

static inline void check_row(void **state)
{
	struct fixture *fixture = *state;

	for (const struct row *row = fixture->row; row; row = row->then)
		run_row(fixture, row);
}

#define assert_log(fixture, expected) assert_non_null(strstr((fixture)->log.text, expected))

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define ADD_ROWS(tests, rows) add_rows(tests, rows, COUNT(rows), sizeof((rows)[0]), check_row, setup, teardown)
