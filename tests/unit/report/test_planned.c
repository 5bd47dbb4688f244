/* SPDX-License-Identifier: MIT */
/* The table of a dry run: the state of every APQN, what a real run would do with it, and for which entry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/report.h"
#include "unit/log_capture.h"
#include "unit/plan/builders.h"

static struct log_capture capture;

static const char *planned(struct config_entry *entries, size_t count, const struct apqn *apqns, size_t apqn_count,
			   bool probe)
{
	const struct config config = { entries, count };
	struct plan plan = plan_for(entries, count, apqns, apqn_count);
	const struct options options = { .dry_run = true, .probe = probe };
	const struct report report = { .options = &options, .config = &config, .apqns = apqns,
				       .apqn_count = apqn_count, .plan = &plan };

	log_capture_begin(&capture);
	list_print_planned(&report);
	log_capture_end();
	plan_release(&plan);
	return capture.text;
}

#define PLANNED(entries, apqns, probe) planned(entries, COUNT(entries), apqns, COUNT(apqns), probe)

static void test_every_kind(void **state)
{
	struct config_entry entries[] = {
		want_accel(0), want_ep11('a', 1), want_ep11('b', 2), want_ep11('c', 3), want_ep11('d', 4),
	};
	struct apqn apqns[] = {
		accel(1, 1, 8, APQN_UNBOUND),           accel(1, 2, 7, APQN_UNBOUND),
		ep11(2, 1, APQN_BOUND, 'a', 1),         ep11(2, 2, APQN_BOUND, 'b', 3),
		ep11(2, 3, APQN_BOUND, 'c', 0),         ep11(2, 4, APQN_UNBOUND, 'd', 0),
		ep11(2, 5, APQN_BOUND, 'e', 1),         failed(ep11(2, 6, APQN_BIND_UNKNOWN, 0, 0), APQN_UNREADABLE),
		{ .card = 3, .mode = APQN_MODE_CCA, .online = true },
	};

	(void)state;
	entries[1].name = (char[]){ "root volume" };
	assert_string_equal(PLANNED(entries, apqns, false),
			    "output: APQN     mode   type  on   state    secret  planned\n"
			    "output: 01.0001  Accel  CEX8  yes  unbound  -       bound, for #1\n"
			    "output: 01.0002  Accel  CEX7  yes  unbound  -       unchanged\n"
			    "output: 02.0001  EP11   CEX8  yes  bound    101     unchanged, for #2 'root volume'\n"
			    "output: 02.0002  EP11   CEX8  yes  bound    103     associated 102, for #3\n"
			    "output: 02.0003  EP11   CEX8  yes  bound    none    associated 103, for #4\n"
			    "output: 02.0004  EP11   CEX8  yes  unbound  -       associated 104, for #5\n"
			    "output: 02.0005  EP11   CEX8  yes  bound    101     unbound\n"
			    "output: 02.0006  EP11   CEX8  yes  ?        -       unchanged\n"
			    "output: 03.0000  CCA    ?     yes  -        -       -\n");
}

/* A dry run with --probe does not recommend --probe. */
static void test_open(void **state)
{
	struct config_entry entries[] = { want_ep11('a', 1) };
	struct apqn apqns[] = {
		unavailable(ep11(2, 1, APQN_UNBOUND, 0, 0)), failed(unavailable(ep11(2, 2, APQN_UNBOUND, 0, 0)), APQN_CARD_HUNG)
	};

	(void)state;
	assert_string_equal(PLANNED(entries, apqns, false),
			    "output: APQN     mode  type  on   state    secret  planned\n"
			    "output: 02.0001  EP11  CEX8  yes  unbound  -       ?\n"
			    "output: 02.0002  EP11  CEX8  yes  unbound  -       unchanged\n"
			    "output: ?  depends on the master key, which only a bound queue reveals; see --probe\n");
	PLANNED(entries, apqns, true);
	assert_non_null(strstr(capture.text, "output: ?  depends on the master key, which could not be read\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind),
		cmocka_unit_test(test_open),
	};

	return cmocka_run_group_tests_name("planned", tests, make_secrets, NULL);
}
