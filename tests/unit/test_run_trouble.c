/* SPDX-License-Identifier: MIT */
/* Whole runs with queues and calls that get hung: they cost only themselves, and the run ends. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run_fixture.h"
#include "unit/between.h"

#define SECRETS "secret 5 id=" ID_A "\nsecret 6 id=" ID_B "\n"
/* Two EP11 cards with a queue each. */
#define CARDS                                                                                                          \
	"delay bind=1ms reset=20ms associate=30ms request=2ms\n" SECRETS                                               \
	"card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD "\ncard 12 CEX8P\nqueue 12.0001 mkvp=" MKVP_B PAD "\n"

#define HUNG "sysfs access to this card timed out"

#define assert_log(fixture, expected) assert_non_null(strstr((fixture)->log.text, expected))

static void fail_after(struct fixture *fixture, const char *path, int error, unsigned int after)
{
	sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_WRITE, path, SIM_FAIL, error, NULL, after, 0 });
}

/* A probe of a dry run cannot be undone on a card that hangs. */
static void test_probe_hangs(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, CARDS, ENTRY_A ENTRY_B);
	fixture->options.dry_run = fixture->options.probe = true;
	inject(fixture, MACHINE_READ, "*/11.0001/mkvps", SIM_HANG, 0);
	assert_true(run(fixture));
	assert_between(elapsed(fixture->sim), 5 * S, 6 * S);
	assert_int_equal(state_of(fixture, 0x12, 1), MODEL_BINDABLE);
	assert_log(fixture, "warning: entry #1: no usable APQN has the master key 0x" MKVP_A
			    "; the key of APQN 11.0001 is unknown: " HUNG " (11.0001/mkvps, 5000 ms)\n");
	assert_log(fixture, "info: entry #2: would be served by APQN 12.0001\n");
}

/* In a short run, a hung card is given up early, so that there is time to configure the other card. */
static void test_hung_in_a_short_time(void **state)
{
	static const char *const paths[] = { "*/11.0001/online", "*/11.0001/mkvps", "*/11.0001/se_bind" };
	static const int64_t timeouts_ms[] = { 5000, 2000, 1000 };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < COUNT(paths) * COUNT(timeouts_ms); i++) {
		begin(fixture, CARDS, ENTRY_A ENTRY_B);
		fixture->options.timeout_ms = timeouts_ms[i / COUNT(paths)];
		inject(fixture, MACHINE_READ, paths[i % COUNT(paths)], SIM_HANG, 0);
		assert_true(run(fixture));
		assert_int_equal(state_of(fixture, 0x12, 1), MODEL_USABLE);
		assert_log(fixture, "warning: entry #1: no usable APQN has the master key 0x" MKVP_A);
	}
}

/* An unbind that was written, but that nobody could see taking effect, is none that is known to be done. */
static void test_hung_after_an_unbind(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "card 11 CEX8P\nqueue 11.0001 state=bound\nfault 11.0001 unbind never\n", "[]\n");
	fixture->options.unbind = true;
	sim_inject(fixture->sim,
		   &(struct sim_injection){ MACHINE_READ, "*/11.0001/se_bind", SIM_HANG, 0, NULL, 1, 0 });
	assert_false(run(fixture));
	assert_log(fixture, "error: APQN 11.0001: may still be bound: " HUNG "\n");
}

/* Nor is one whose state never could be read. */
static void test_unbind_of_a_broken_queue(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "card 11 CEX8P configured=0\nqueue 11.0001 state=bound\n", "[]\n");
	fixture->options.unbind = true;
	inject(fixture, MACHINE_READ, "*/11.0001/se_bind", SIM_FAIL, -EIO);
	assert_false(run(fixture));
	assert_log(fixture, "error: APQN 11.0001: may still be bound: its state cannot be read\n");
}

/* Nor does anybody know of the queues of a card that does not even say what it is. */
static void test_unbind_of_an_unknown_card(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "card 11 CEX8P\nqueue 11.0001 state=bound\n", "[]\n");
	fixture->options.unbind = true;
	inject(fixture, MACHINE_READ, "*/card11/type", SIM_FAIL, -EIO);
	assert_false(run(fixture));
	assert_log(fixture, "error: APQN 11.0001: may still be bound: its state cannot be read\n");
}

/* Nor of those of a card that cannot be listed. */
static void test_unbind_of_an_unlisted_card(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "card 11 CEX8P\nqueue 11.0001 state=bound\ncard 12 CEX8A\nqueue 12.0001\n", "[]\n");
	fixture->options.unbind = true;
	inject(fixture, MACHINE_LIST, "*/card11", SIM_HANG, 0);
	assert_false(run(fixture));
	assert_log(fixture, "error: 1 card could not be listed; APQNs there may still be bound\n");

	begin(fixture, "card 11 CEX8P\nqueue 11.0001 state=bound\ncard 12 CEX8A\nqueue 12.0001\n", "[]\n");
	fixture->options.dry_run = true;
	inject(fixture, MACHINE_LIST, "*/card11", SIM_HANG, 0);
	assert_false(run(fixture));
	assert_log(fixture, "error: 1 card could not be listed; APQNs there would stay as they are\n");

	begin(fixture, SMALL, ENTRY_A);
	fixture->options.unbind = fixture->options.dry_run = false;
	inject(fixture, MACHINE_LIST, "*/card*", SIM_HANG, 0);
	assert_false(run(fixture));
	assert_log(fixture, "error: AP bus: no APQN found; 2 cards could not be listed\n");
}

/* A bind that was given up, or whose helper was killed, may have taken effect: it is looked at, or that is said. */
static void test_bind_in_doubt(void **state)
{
	static const struct {
		enum sim_injection_action action;
		unsigned int times;
		int64_t timeout_ms;
		enum model_bind_state state;
	} cases[] = {
		{ SIM_HANG_LATE, 0, 60000, MODEL_NO_SECURE_KEY },
		{ SIM_HANG_LATE, 0, 1000, MODEL_NO_SECURE_KEY },
		{ SIM_HANG, 0, 60000, MODEL_BINDABLE },
		{ SIM_KILL, 0, 60000, MODEL_BINDABLE },
		{ SIM_KILL, 1, 60000, MODEL_USABLE },
		{ SIM_KILL_LATE, 0, 60000, MODEL_USABLE },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		begin(fixture, CARDS, ENTRY_A ENTRY_B);
		fixture->options.timeout_ms = cases[i].timeout_ms;
		sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_WRITE, "*/11.0001/se_bind", cases[i].action,
								  0, NULL, 0, cases[i].times });
		assert_true(run(fixture));
		assert_int_equal(state_of(fixture, 0x11, 1), cases[i].state);
		assert_int_equal(state_of(fixture, 0x12, 1), MODEL_USABLE);
		assert_int_equal(strstr(fixture->log.text, "warning: APQN 11.0001: may still be bound: ") != NULL,
				 cases[i].state != MODEL_USABLE);
	}
}

/* Attributes that hang on all cards but one: that one is served as if it were alone, whatever hangs. */
static void test_many_cards_hang(void **state)
{
	static const char *const paths[] = { "*/card0[0-6]/*/online", "*/card0[0-6]/*/se_bind", "*/card0[0-6]/*/mkvps",
					     "*/card0[0-6]/type" };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < COUNT(paths); i++) {
		begin(fixture,
		      SECRETS "card 00 CEX8P\nqueue 00.0001\ncard 01 CEX8P\nqueue 01.0001\ncard 02 CEX8P\nqueue 02.0001\n"
			      "card 03 CEX8P\nqueue 03.0001\ncard 04 CEX8P\nqueue 04.0001\ncard 05 CEX8P\nqueue 05.0001\n"
			      "card 06 CEX8P\nqueue 06.0001\ncard 07 CEX8P\nqueue 07.0001 mkvp=" MKVP_A PAD "\n",
		      ENTRY_A);
		inject(fixture, MACHINE_READ, paths[i], SIM_HANG, 0);
		assert_true(run(fixture));
		assert_int_equal(state_of(fixture, 0x07, 1), MODEL_USABLE);
		/* One limit for the inventory at most, and one for the identities. */
		assert_true(elapsed(fixture->sim) < 11 * S);
	}
}

/* A short time, and a call that takes longer: the reason names the APQN and the call, not a card without EP11. */
static void test_reason_names_the_call(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SECRETS "card 03 CEX8P\nqueue 03.0006 mkvp=" MKVP_A PAD "\n", ENTRY_A);
	fixture->options.timeout_ms = 1000;
	inject(fixture, MACHINE_READ, "*/03.0006/online", SIM_HANG, 0);
	assert_false(run(fixture));
	assert_log(fixture, "warning: card03: " HUNG " (03.0006/online, 250 ms); it is not used\n");
	assert_log(fixture, "error: entry #1: no APQN with mode EP11 is known to be online; APQN 03.0006: " HUNG
			    " (03.0006/online, 250 ms)\n");
}

/* What holds up an identity until the end of the run is named, too: here an association on another queue of the card. */
static void test_reason_names_the_culprit(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture,
	      SECRETS "card 03 CEX8P\nqueue 03.0006 mkvp=" MKVP_A PAD " state=bound\n"
		      "queue 03.0007 mkvp=none state=bound\nqueue 03.0008 mkvp=" MKVP_B PAD "\n"
		      "fault 03.0006 associate never\n",
	      ENTRY_A ENTRY_B);
	fixture->options.timeout_ms = 3000;
	inject(fixture, MACHINE_WRITE, "*/03.0008/se_bind", SIM_FAIL, -EBUSY);
	assert_false(run(fixture));
	assert_log(fixture, "APQN 03.0006: the association did not end in time\n");
	assert_log(fixture, "error: entry #2: no usable APQN has the master key 0x" MKVP_B
			    "; the key of APQN 03.0008 is unknown: not ready to be bound in time\n");
}

/* Two secrets with one id are of no use: the firmware takes neither. */
static void test_secret_id_is_not_unique(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "secret 0 id=" ID_A "\nsecret 5 id=" ID_A "\ncard 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD "\n",
	      ENTRY_A);
	assert_false(run(fixture));
	assert_log(fixture, "error: entry #1: APQN 11.0001 fits, but the firmware refuses the association: the secret store "
			    "has the secret's id more than once\n");
}

/* With the bus in order, but without the attributes for it: a kernel of an ordinary guest. */
static void test_list_and_unbind_outside_of_se(void **state)
{
	struct fixture *fixture = *state;

	for (int i = 0; i < 2; i++) {
		begin(fixture, "guest se=0\ncard 11 CEX8P\nqueue 11.0001\n", ENTRY_A);
		fixture->sim->options.kernel = SIM_KERNEL_6_1; /* has no se_bind either */
		sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_READ, "bus/ap/features", SIM_TEXT, 0,
								  "APSC APXA QACT RC8A APSB\n", 0, 0 });
		fixture->options.list = i == 0;
		fixture->options.unbind = i == 1;
		assert_false(run(fixture));
		assert_log(fixture, "error: AP bus: the queues have no attribute se_bind; this machine is not a Secure "
				    "Execution guest\n");
	}
}

static void test_probed_queue_vanishes(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, CARDS, ENTRY_A ENTRY_B);
	fixture->options.dry_run = fixture->options.probe = true;
	inject(fixture, MACHINE_READ, "*/11.0001/mkvps", SIM_FAIL, -ENOENT);
	fail_after(fixture, "*/11.0001/se_bind", -ENOENT, 1);
	assert_true(run(fixture));
	assert_true(elapsed(fixture->sim) < 1 * S);
	assert_int_equal(state_of(fixture, 0x12, 1), MODEL_BINDABLE);
}

/* A queue whose driver is busy for ever does not keep the other card from being configured. */
static void test_busy_queue(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, CARDS, ENTRY_A ENTRY_B);
	inject(fixture, MACHINE_WRITE, "*/11.0001/se_bind", SIM_FAIL, -EBUSY);
	fixture->options.timeout_ms = 10000;
	assert_true(run(fixture));
	assert_int_equal(state_of(fixture, 0x12, 1), MODEL_USABLE);
	assert_log(fixture, "warning: APQN 11.0001: not ready to be bound in time\n");
	assert_log(fixture, "warning: entry #1: no usable APQN has the master key 0x" MKVP_A
			    "; the key of APQN 11.0001 is unknown: not ready to be bound in time\n");
}

/* Nor does one that was found bound and never gets through its reset: the others are not even looked at before. */
static void test_endless_reset(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, CARDS "queue 12.0002 mkvp=" MKVP_A PAD " state=bound\n", ENTRY_A ENTRY_B);
	sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_READ, "*/12.0002/reset", SIM_TEXT, 0,
							  "Reset in progress.\n", 0, 0 });
	assert_true(run(fixture));
	assert_true(elapsed(fixture->sim) < 1 * S);
	assert_int_equal(state_of(fixture, 0x11, 1), MODEL_USABLE);
	assert_int_equal(state_of(fixture, 0x12, 1), MODEL_USABLE);
	assert_int_equal(state_of(fixture, 0x12, 2), MODEL_BINDABLE);
}

/* Identified too late to be associated: what this run has bound it releases. */
static void test_no_time_left(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, CARDS "fault 11.0001 request slow=150ms\n", ENTRY_A ENTRY_B);
	fixture->sim->options.settled = false;
	fixture->sim->options.bindings_us = 1700 * MS;
	fixture->options.timeout_ms = 2000;
	assert_false(run(fixture));
	assert_log(fixture, "info: 12.0001: unbind, no time is left to associate it\n");
	assert_log(fixture, "error: entry #2: APQN 12.0001 fits, but was not ready before the timeout\n");
	assert_int_equal(state_of(fixture, 0x11, 1), MODEL_BINDABLE);
	assert_int_equal(state_of(fixture, 0x12, 1), MODEL_BINDABLE);
}

/* A queue that is not wanted any more and cannot be unbound is told of, also when it was never identified. */
static void test_busy_unbind(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, CARDS "queue 12.0002 mkvp=" MKVP_A PAD " state=associated:5\n", ENTRY_A ENTRY_B);
	fixture->sim->options.settled = false; /* the driver does not know the association */
	inject(fixture, MACHINE_WRITE, "*/12.0002/se_bind", SIM_FAIL, -EBUSY);
	fixture->options.timeout_ms = 10000;
	assert_true(run(fixture));
	assert_int_equal(state_of(fixture, 0x11, 1), MODEL_USABLE);
	assert_int_equal(state_of(fixture, 0x12, 1), MODEL_USABLE);
	assert_log(fixture, "warning: APQN 12.0002: still bound, though it serves no entry\n");
}

/* --unbind cannot claim success for queues that it could not touch. */
static void test_unbind_hangs(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL, ENTRY_A);
	fixture->options.unbind = true;
	inject(fixture, MACHINE_WRITE, "*/05.0002/se_bind", SIM_HANG, 0);
	assert_false(run(fixture));
	assert_log(fixture, "error: APQN 05.0002: may still be bound: " HUNG "\n");
	begin(fixture, SMALL, ENTRY_A);
	inject(fixture, MACHINE_READ, "*/05.0001/online", SIM_HANG, 0);
	assert_false(run(fixture));
	assert_log(fixture, "error: APQN 05.0002: may still be bound: " HUNG "\n");
}

/* No kernel is known to say so without a signal; still, no run may fail without a word. */
static void test_interrupted_call(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, SMALL, ENTRY_A);
	log_forget_error();
	inject(fixture, MACHINE_READ, "bus/ap/features", SIM_FAIL, -EINTR);
	assert_false(run(fixture));
	assert_string_equal(fixture->log.text, "error: kernel call interrupted\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_probe_hangs),
		TEST(test_hung_in_a_short_time),
		TEST(test_hung_after_an_unbind),
		TEST(test_unbind_of_a_broken_queue),
		TEST(test_unbind_of_an_unknown_card),
		TEST(test_unbind_of_an_unlisted_card),
		TEST(test_bind_in_doubt),
		TEST(test_many_cards_hang),
		TEST(test_reason_names_the_call),
		TEST(test_reason_names_the_culprit),
		TEST(test_secret_id_is_not_unique),
		TEST(test_list_and_unbind_outside_of_se),
		TEST(test_probed_queue_vanishes),
		TEST(test_busy_queue),
		TEST(test_endless_reset),
		TEST(test_no_time_left),
		TEST(test_busy_unbind),
		TEST(test_unbind_hangs),
		TEST(test_interrupted_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
