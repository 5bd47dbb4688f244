/* SPDX-License-Identifier: MIT */
#pragma once

/* A whole run with its configuration file on a simulated machine; include after cmocka.h. */
#include <unistd.h>

#include "log_capture.h"
#include "run.h"
#include "sim_calls.h"

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

struct fixture {
	struct sim *sim;
	struct options options;
	struct log_capture log;
	char path[32];
};

static inline int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	int fd;

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

/* Replaces `length` bytes at `place` by a word that is not longer. */
static inline void replace(char *place, size_t length, const char *word)
{
	memcpy(place, word, strlen(word));
	memmove(place + strlen(word), place + length, strlen(place + length) + 1);
}

/* Compares all that was said; the path of the configuration file is FILE in `expected`, and times are N ms. */
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

/* The state of a queue in the model. */
static inline enum model_bind_state state_of(struct fixture *fixture, uint8_t card, uint8_t domain)
{
	return sim_queue(fixture->sim, card, domain)->state;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
