/* SPDX-License-Identifier: MIT */
#pragma once

/* A whole run with its configuration file on a simulated machine. Include after cmocka.h. */
#include <unistd.h>

#include "log_capture.h"
#include "run.h"
#include "sim_calls.h"
#include "unit/run_rows.h"

#define MKVP_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define MKVP_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define PAD "00000000000000000000000000000000"

#define ENTRY_ACCEL "- mode: Accel\n  name: fast\n"
#define ENTRY_A "- mode: EP11\n  mkvp: " MKVP_A "\n  secretid: " ID_A "\n"
#define ENTRY_B "- mode: EP11\n  mkvp: " MKVP_B "\n  secretid: " ID_B "\n"

#define SMALL                                                                                                          \
	"delay bind=1ms reset=20ms associate=30ms request=2ms\nsecret 5 id=" ID_A "\nsecret 6 id=" ID_B "\n"           \
	"card 05 CEX8A\nqueue 05.0001\nqueue 05.0002 state=bound\n"                                                    \
	"card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD "\n"

#define STOPPED "error: stopped by a signal; queues left in their current state\n"

/*
 * A run on a new machine, and its expected result. Fields that are not set are not checked, except those marked
 * "always".
 */
struct row {
	const char *name;
	const char *topology;   /* NULL: the machine of the previous run (see `then`) */
	const char *yaml;       /* NULL: the file does not exist */
	struct options options; /* without the configuration's path; timeout_ms 0: one minute, negative: none */
	bool quiet;             /* not verbose */
	bool booting;           /* drivers bind after bindings_us (0: the default) and know no association */
	int64_t bindings_us;
	bool driver_missing, uv_missing, uv_device_missing;
	bool old_kernel; /* 6.1 */
	struct sim_injection injections[3];
	/* expected result */
	bool success;       /* always */
	const char *queues; /* always: state of every queue in the model; NULL: as before the run */
	const char *dialogue; /* the complete output, as in check_log */
	const char *log[6], *not_log[2];
	struct row_calls calls[3];
	size_t call_count;         /* unless 0 */
	int64_t least_us, most_us; /* since the boot, unless 0 */
	const struct row *then;    /* the next run, which has no topology */
};

struct fixture {
	const struct row *row; /* of a table */
	struct sim *sim;
	struct options options;
	struct log_capture log;
	char path[32];
};

static inline int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int fd;

	fixture->row = *state;
	strcpy(fixture->path, "/tmp/test_run.XXXXXX");
	fd = mkstemp(fixture->path);
	assert_true(fd >= 0);
	close(fd);
	fixture->options = (struct options){ .config_path = fixture->path, .timeout_ms = 60000 };
	log_set_verbose(1);
	*state = fixture;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *fixture = *state;

	unlink(fixture->path);
	sim_free(fixture->sim);
	log_capture_end();
	log_set_verbose(0);
	free(fixture);
	return 0;
}

/* A machine long after its boot, and the configuration. */
static inline void begin(struct fixture *fixture, const char *topology, const char *yaml)
{
	FILE *file = fopen(fixture->path, "w");

	assert_non_null(file);
	assert_true(fputs(yaml, file) >= 0);
	assert_int_equal(fclose(file), 0);
	sim_free(fixture->sim);
	fixture->sim = settled(topology);
	log_capture_begin(&fixture->log);
}

static inline bool run(struct fixture *fixture)
{
	return run_pvapconfig(&fixture->sim->machine, &fixture->options);
}

/* Replaces `length` bytes at `place` with a word that is not longer. */
static inline void replace(char *place, size_t length, const char *word)
{
	memcpy(place, word, strlen(word));
	memmove(place + strlen(word), place + length, strlen(place + length) + 1);
}

/* Compares the complete output. In `expected` the path of the configuration file is FILE, and times are N ms. */
static inline void check_log(struct fixture *fixture, const char *expected)
{
	static const char after[] = " after ";
	char *place;

	while ((place = strstr(fixture->log.text, fixture->path)))
		replace(place, strlen(fixture->path), "FILE");
	for (place = fixture->log.text; (place = strstr(place, after)); place++)
		replace(place + strlen(after), strspn(place + strlen(after), "0123456789"), "N");
	assert_string_equal(fixture->log.text, expected);
}

static inline void inject(struct fixture *fixture, enum machine_operation operation, const char *path,
			  enum sim_injection_action action, int error)
{
	sim_inject(fixture->sim, &(struct sim_injection){ operation, path, action, error, NULL, 0, 0 });
}

static inline size_t call_count(struct fixture *fixture)
{
	size_t count;

	sim_journal(fixture->sim, &count);
	return count;
}

static inline enum model_bind_state state_of(struct fixture *fixture, uint8_t card, uint8_t domain)
{
	return sim_queue(fixture->sim, card, domain)->state;
}

static inline void begin_row(struct fixture *fixture, const struct row *row)
{
	const char *path = fixture->path;

	if (row->topology) {
		begin(fixture, row->topology, row->yaml ? row->yaml : "");
		if (!row->yaml)
			assert_int_equal(unlink(path), 0);
		fixture->sim->options.settled = !row->booting;
		if (row->bindings_us)
			fixture->sim->options.bindings_us = row->bindings_us;
		if (row->old_kernel)
			fixture->sim->options.kernel = SIM_KERNEL_6_1;
		fixture->sim->options.driver_missing = row->driver_missing;
		fixture->sim->options.uv_missing = row->uv_missing;
		fixture->sim->options.uv_device_missing = row->uv_device_missing;
	} else {
		sim_journal_clear(fixture->sim);
		log_capture_begin(&fixture->log);
	}
	log_set_verbose(!row->quiet);
	inject_all(fixture->sim, row->injections, COUNT(row->injections));
	fixture->options = row->options;
	fixture->options.config_path = path;
	if (row->options.timeout_ms <= 0)
		fixture->options.timeout_ms = row->options.timeout_ms < 0 ? 0 : 60000;
}

static inline void finish_row(struct fixture *fixture, const struct row *row)
{
	char before[ROWS_QUEUES_SIZE];

	format_queues(fixture->sim, before);
	if (run(fixture) != row->success)
		fail_msg("the run %s:\n%s", row->success ? "failed" : "succeeded", fixture->log.text);
	check_queues(fixture->sim, row->queues ? row->queues : before);
	if (row->dialogue)
		check_log(fixture, row->dialogue);
	check_texts(fixture->log.text, row->log, COUNT(row->log), true);
	check_texts(fixture->log.text, row->not_log, COUNT(row->not_log), false);
	check_calls(fixture->sim, row->calls, COUNT(row->calls));
	if (row->call_count)
		assert_int_equal(call_count(fixture), row->call_count);
	if (row->most_us)
		assert_between(elapsed(fixture->sim), row->least_us, row->most_us);
}

static inline void check_row(void **state)
{
	struct fixture *fixture = *state;

	for (const struct row *row = fixture->row; row; row = row->then) {
		begin_row(fixture, row);
		finish_row(fixture, row);
	}
}

#define ADD_ROWS(tests, rows) add_rows(tests, rows, COUNT(rows), sizeof((rows)[0]), check_row, setup, teardown)
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
