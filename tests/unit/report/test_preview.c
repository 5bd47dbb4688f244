/* SPDX-License-Identifier: MIT */
/* What a dry run shows of every APQN: now, then, and for whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/preview.h"
#include "unit/log_capture.h"
#include "unit/plan/builders.h"

static struct log_capture capture;

static const char *preview(struct config_entry *entries, size_t count, const struct apqn *apqns, size_t apqn_count)
{
	const struct config config = { entries, count };
	struct plan plan = plan_for(entries, count, apqns, apqn_count);
	const struct report report = { .config = &config, .apqns = apqns, .apqn_count = apqn_count, .plan = &plan };

	log_capture_begin(&capture);
	preview_print(&report);
	log_capture_end();
	plan_release(&plan);
	return capture.text;
}

#define PREVIEW(entries, apqns) preview(entries, COUNT(entries), apqns, COUNT(apqns))

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
	assert_string_equal(PREVIEW(entries, apqns),
			    "output: APQN     now                 then            for entry\n"
			    "output: 01.0001  unbound         ->  bound           #1\n"
			    "output: 01.0002  unbound         =   unbound         -\n"
			    "output: 02.0001  associated 101  =   associated 101  #2 'root volume'\n"
			    "output: 02.0002  associated 103  ->  associated 102  #3\n"
			    "output: 02.0003  bound           ->  associated 103  #4\n"
			    "output: 02.0004  unbound         ->  associated 104  #5\n"
			    "output: 02.0005  associated 101  ->  unbound         -\n"
			    "output: 02.0006  unknown         =   unknown         -\n"
			    "output: 03.0000  -               =   -               -\n");
}

static void test_open(void **state)
{
	struct config_entry entries[] = { want_ep11('a', 1) };
	struct apqn apqns[] = {
		withheld(ep11(2, 1, APQN_UNBOUND, 0, 0)), failed(withheld(ep11(2, 2, APQN_UNBOUND, 0, 0)), APQN_CARD_STUCK)
	};

	(void)state;
	assert_string_equal(PREVIEW(entries, apqns),
			    "output: APQN     now          then     for entry\n"
			    "output: 02.0001  unbound  ->  ?        ?\n"
			    "output: 02.0002  unbound  =   unbound  -\n"
			    "output: ?  depends on its master key, which only a bind can tell (--probe)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind),
		cmocka_unit_test(test_open),
	};

	return cmocka_run_group_tests_name("preview", tests, make_secrets, NULL);
}
