/* SPDX-License-Identifier: MIT */
#pragma once

/* A simulated machine, its inventory and its log. Include after cmocka.h. */
#include "ap/inventory.h"
#include "unit/log_capture.h"
#include "unit/sim_calls.h"

struct fixture {
	struct sim *sim;
	struct inventory inventory;
	struct log_capture log;
};

static inline int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	log_capture_begin(&fixture->log);
	*state = fixture;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *fixture = *state;

	inventory_release(&fixture->inventory);
	sim_free(fixture->sim);
	log_capture_end();
	log_set_verbose(0);
	free(fixture);
	return 0;
}

static inline void new_machine(struct fixture *fixture, struct sim *sim)
{
	sim_free(fixture->sim);
	fixture->sim = sim;
	log_capture_begin(&fixture->log);
}

static inline void read_gives(struct fixture *fixture, const char *path, const char *text)
{
	sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_READ, path, SIM_TEXT, 0, text, 0, 0 });
}

static inline void read_fails(struct fixture *fixture, const char *path, int error)
{
	sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_READ, path, SIM_FAIL, error, NULL, 0, 0 });
}

static inline void list_gives(struct fixture *fixture, const char *path, const char *names)
{
	sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_LIST, path, SIM_TEXT, 0, names, 0, 0 });
}

static inline void hang(struct fixture *fixture, enum machine_operation operation, const char *path)
{
	sim_inject(fixture->sim, &(struct sim_injection){ operation, path, SIM_HANG, 0, NULL, 0, 0 });
}

#define assert_log(fixture, expected) assert_string_equal((fixture)->log.text, expected)

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
