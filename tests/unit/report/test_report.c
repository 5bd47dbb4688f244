/* SPDX-License-Identifier: MIT */
/* The messages at the end of a run, and its result for programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "report/report.h"
#include "unit/log_capture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ENTRIES 3
#define APQNS 3

/* Three entries and three APQNs. The tests set what happened to them. */
struct scene {
	struct config_entry entries[ENTRIES];
	struct apqn apqns[APQNS];
	struct plan_entry plan_entries[ENTRIES];
	struct plan_apqn plan_apqns[APQNS];
	struct config config;
	struct options options;
	struct secrets secrets;
	struct plan plan;
	struct report report;
	struct log_capture log;
};

static char name[] = "disk keys";

static void scene_begin(struct scene *scene)
{
	memset(scene, 0, sizeof(*scene));
	for (size_t i = 0; i < ENTRIES; i++) {
		scene->entries[i].mode = APQN_MODE_EP11;
		memset(scene->entries[i].mkvp, 0xab, APQN_MKVP_SIZE);
		memset(scene->entries[i].secretid, 0xcd, CONFIG_SECRETID_SIZE);
		scene->plan_entries[i] = (struct plan_entry){ PLAN_NONE, PLAN_TAKEN, PLAN_NONE, 0 };
	}
	scene->entries[1].name = name;
	for (size_t i = 0; i < APQNS; i++) {
		scene->apqns[i] = (struct apqn){ .card = 0x11, .domain = (uint8_t)(8 + i), .online = true };
		scene->apqns[i].generation = 7;
		scene->apqns[i].mode = APQN_MODE_EP11;
		scene->plan_apqns[i] = (struct plan_apqn){ .goal = PLAN_LEAVE, .entry = PLAN_NONE };
	}
	scene->config = (struct config){ scene->entries, ENTRIES };
	scene->plan = (struct plan){ .entries = scene->plan_entries, .apqns = scene->plan_apqns };
	scene->report = (struct report){
		.options = &scene->options, .config = &scene->config, .apqns = scene->apqns, .apqn_count = APQNS, .plan = &scene->plan,
		.secrets = &scene->secrets,
	};
	log_set_verbose(1);
	log_capture_begin(&scene->log);
}

static void serve(struct scene *scene, size_t entry, size_t apqn)
{
	scene->plan_entries[entry] = (struct plan_entry){ apqn, PLAN_SATISFIED, PLAN_NONE, 1 };
	scene->plan_apqns[apqn] = (struct plan_apqn){ .goal = PLAN_KEEP, .entry = entry };
	scene->plan.satisfied++;
}

static int end_capture(void **state)
{
	(void)state;
	log_capture_end();
	log_set_verbose(0);
	return 0;
}

/* --- success or not --------------------------------------------------------------------------------- */

static void test_success(void **state)
{
	static const struct {
		size_t served, unknown;
		bool strict, dry_run, success;
	} cases[] = {
		{ 0, 0, false, false, false }, { 1, 0, false, false, true }, { 3, 0, false, false, true },
		{ 0, 0, true, false, false },  { 2, 0, true, false, false }, { 3, 0, true, false, true },
		/*
		 * An entry that depends on a bind does not fail a dry run, but a real run does not count it as served.
		 */
		{ 0, 1, false, true, true },   { 0, 1, false, false, false }, { 2, 1, true, true, true },
		{ 2, 1, true, false, false },  { 1, 1, true, true, false },   { 0, 0, false, true, false },
	};
	struct scene scene;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		print_message("case %zu\n", i);
		scene_begin(&scene);
		for (size_t n = 0; n < cases[i].served; n++)
			serve(&scene, n, n);
		for (size_t n = 0; n < cases[i].unknown; n++)
			scene.plan_entries[cases[i].served + n].reason = PLAN_UNKNOWN;
		scene.options.strict = cases[i].strict;
		scene.options.dry_run = cases[i].dry_run;
		assert_int_equal(report_is_success(&scene.report), cases[i].success);
	}
}

/* --- messages --------------------------------------------------------------------------------------- */

static void test_all_served(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene);
	serve(&scene, 0, 2);
	serve(&scene, 1, 0);
	serve(&scene, 2, 1);
	report_print(&scene.report);
	assert_string_equal(scene.log.text, "info: entry #1: is served by APQN 11.000a\n"
					    "info: entry #2 'disk keys': is served by APQN 11.0008\n"
					    "info: entry #3: is served by APQN 11.0009\n"
					    "info: 3 of 3 entries are satisfied\n");
}

static void test_quiet_success(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene);
	log_set_verbose(0);
	for (size_t i = 0; i < ENTRIES; i++)
		serve(&scene, i, i);
	report_print(&scene.report);
	assert_string_equal(scene.log.text, "");
}

/* One served entry is enough, and the others cause warnings. With --strict they cause errors. */
static void test_some_served(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene);
	serve(&scene, 1, 0);
	report_print(&scene.report);
	assert_string_equal(scene.log.text, "warning: entry #1: all APQNs that fit serve other entries\n"
					    "info: entry #2 'disk keys': is served by APQN 11.0008\n"
					    "warning: entry #3: all APQNs that fit serve other entries\n"
					    "info: 1 of 3 entries is satisfied\n");
	log_capture_begin(&scene.log);
	scene.options.strict = true;
	report_print(&scene.report);
	assert_string_equal(scene.log.text, "error: entry #1: all APQNs that fit serve other entries\n"
					    "info: entry #2 'disk keys': is served by APQN 11.0008\n"
					    "error: entry #3: all APQNs that fit serve other entries\n"
					    "error: 1 of 3 entries satisfied, --strict requires all\n");
}

static void test_none_served(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene);
	scene.config.count = 1;
	report_print(&scene.report);
	assert_string_equal(scene.log.text, "error: entry #1: all APQNs that fit serve other entries\n"
					    "error: 0 of 1 entry satisfied, at least one is required\n");
}

static void test_dry_run(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene);
	scene.options.dry_run = true;
	scene.config.count = 2;
	serve(&scene, 0, 1);
	scene.plan_apqns[1].goal = PLAN_ASSOCIATE;
	scene.plan_apqns[2].goal = PLAN_UNBIND; /* would be unbound: no warning */
	scene.plan_entries[1].reason = PLAN_UNKNOWN;
	report_print(&scene.report);
	assert_string_equal(scene.log.text,
			    "info: entry #1: would be served by APQN 11.0009\n"
			    "warning: entry #2 'disk keys': depends on the master keys of "
			    "unbound queues; see --probe\n"
			    "info: 1 of 2 entries would be satisfied\n");
}

/* --- every reason ----------------------------------------------------------------------------------- */

#define AB "abababababababababababababababab"
#define CD "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"

static void test_reasons(void **state)
{
	static const struct {
		enum plan_reason reason;
		size_t detail;
		const char *expected;
	} cases[] = {
		{ PLAN_NO_SECRET, PLAN_NONE,
		  "the Ultravisor has no association secret with the id 0x" CD
		  "; add it first (pvsecret add)" },
		{ PLAN_NO_APQN, PLAN_NONE, "no APQN with mode EP11 is online" },
		{ PLAN_GENERATION, 0,
		  "best candidate 11.0008 is a CEX7; the entry needs CEX8 or newer" },
		{ PLAN_NO_MKVP, PLAN_NONE, "no usable APQN of a card with the serial number 'WANTED0000000000' has the master key 0x" AB },
		{ PLAN_NO_MKVP, 2,
		  "no usable APQN of a card with the serial number 'WANTED0000000000' has the master key 0x" AB
		  "; the key of APQN 11.000a is unknown: the firmware refuses the bind" },
		{ PLAN_SERIALNR, 0,
		  "APQN 11.0008 has the master key, but the serial number of its card is OTHER00000000000; the entry "
		  "needs WANTED0000000000" },
		{ PLAN_SERIALNR, 1,
		  "APQN 11.0009 has the master key, but the serial number of its card is unknown; the entry "
		  "needs WANTED0000000000" },
		{ PLAN_FAILED, 2, "APQN 11.000a fits, but the firmware refuses the bind" },
		{ PLAN_TAKEN, PLAN_NONE, "all APQNs that fit serve other entries" },
		{ PLAN_UNKNOWN, 0, "APQN 11.0008 may fit, but could not be identified in time" },
		{ PLAN_UNDECIDED, 1, "APQN 11.0009 may fit, but could not be identified in time" },
		{ PLAN_NO_TIME, 1, "APQN 11.0009 fits, but was not ready before the timeout" },
	};
	struct scene scene;
	char expected[512];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		scene_begin(&scene);
		scene.config.count = 1;
		scene.entries[0].min_generation = 8;
		strcpy(scene.entries[0].serialnr, "WANTED0000000000");
		strcpy(scene.apqns[0].serialnr, "OTHER00000000000");
		scene.apqns[2].failure = APQN_BIND_REFUSED;
		scene.plan_entries[0].reason = cases[i].reason;
		scene.plan_entries[0].detail = cases[i].detail;
		report_print(&scene.report);
		snprintf(expected, sizeof(expected),
			 "error: entry #1: %s\n"
			 "error: 0 of 1 entry satisfied, at least one is required\n",
			 cases[i].expected);
		assert_string_equal(scene.log.text, expected);
	}
}

static void test_accelerator_reasons(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene);
	scene.config.count = 2;
	for (size_t i = 0; i < 2; i++)
		scene.entries[i] = (struct config_entry){ .mode = APQN_MODE_ACCEL, .min_generation = 6 };
	scene.apqns[0].mode = APQN_MODE_ACCEL;
	scene.apqns[0].generation = 5;
	scene.plan_entries[0].reason = PLAN_NO_APQN;
	scene.plan_entries[1].reason = PLAN_GENERATION;
	scene.plan_entries[1].detail = 0;
	report_print(&scene.report);
	assert_string_equal(scene.log.text,
			    "error: entry #1: no APQN with mode Accel is online\n"
			    "error: entry #1: APQN 11.0008 would fit, but it is only a CEX5\n"
			    "error: entry #2: best candidate 11.0008 is a CEX5; the entry needs CEX6 or newer\n"
			    "error: 0 of 2 entries satisfied, at least one is required\n");
}

/* --- queues that should not be bound ---------------------------------------------------------------- */

static void test_still_bound(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene);
	scene.config.count = 1;
	serve(&scene, 0, 0);
	scene.plan_apqns[1].goal = PLAN_UNBIND;
	scene.apqns[2].failure = APQN_STAYS_BOUND;
	report_print(&scene.report);
	assert_string_equal(scene.log.text, "info: entry #1: is served by APQN 11.0008\n"
					    "warning: APQN 11.0009: still bound, though it serves no entry\n"
					    "warning: APQN 11.000a: still bound, though it serves no entry\n"
					    "info: 1 of 1 entry is satisfied\n");
}

static void test_unbind(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene);
	scene.config.count = 0;
	for (size_t i = 0; i < scene.report.apqn_count; i++)
		scene.apqns[i].bind = APQN_UNBOUND;
	assert_true(report_unbind(&scene.report));
	assert_string_equal(scene.log.text, "");
	scene.plan_apqns[1].goal = PLAN_UNBIND;
	assert_false(report_unbind(&scene.report));
	assert_string_equal(scene.log.text, "error: APQN 11.0009: still bound, though it serves no entry\n");
	/* A dry run has bound nothing, and it unbinds nothing. */
	log_capture_begin(&scene.log);
	scene.options.dry_run = true;
	assert_true(report_unbind(&scene.report));
	assert_string_equal(scene.log.text, "");
}

#define TEST(function) cmocka_unit_test_teardown(function, end_capture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_success),
		TEST(test_all_served),
		TEST(test_quiet_success),
		TEST(test_some_served),
		TEST(test_none_served),
		TEST(test_dry_run),
		TEST(test_reasons),
		TEST(test_accelerator_reasons),
		TEST(test_still_bound),
		TEST(test_unbind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
