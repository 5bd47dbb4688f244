/* SPDX-License-Identifier: MIT */
/* Whole runs with queues and calls that hang: other cards are still configured, and the run ends. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run_fixture.h"

#define SECRETS "secret 5 id=" ID_A "\nsecret 6 id=" ID_B "\n"
/* Two EP11 cards with a queue each. */
#define CARDS                                                                                                          \
	"delay bind=1ms reset=20ms associate=30ms request=2ms\n" SECRETS                                               \
	"card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD "\ncard 12 CEX8P\nqueue 12.0001 mkvp=" MKVP_B PAD "\n"

#define HUNG "sysfs access to this card timed out"

#define NO_SE_BIND                                                                                                     \
	"error: AP bus: the queues have no attribute se_bind; this machine is not a Secure Execution guest\n"
#define BOTH_UNBOUND "11.0001 bindable, 12.0001 bindable"
#define BOTH_SERVED "11.0001 associated 5, 12.0001 associated 6"
#define NO_KEY_A "warning: entry #1: no usable APQN has the master key 0x" MKVP_A
#define NOT_READY "not ready to be bound in time\n"
#define MAY_BE_BOUND "APQN 11.0001: may still be bound: "
#define BOUND_CARD "card 11 CEX8P\nqueue 11.0001 state=bound\n"
#define ALWAYS(operation, path, action, error) { operation, path, action, error, NULL, 0, 0 }

/* A short run gives up a hung card early, so that there is time to configure the other card. */
#define SHORT_RUN(ms, attribute, left)                                                                                 \
	{ .name = attribute " hangs in a run of " #ms " ms",                                                           \
	  .topology = CARDS, .yaml = ENTRY_A ENTRY_B, .options.timeout_ms = ms,                                        \
	  .injections = { ALWAYS(MACHINE_READ, "*/11.0001/" attribute, SIM_HANG, 0) }, .success = true,                \
	  .queues = "11.0001 " left ", 12.0001 associated 6", .log = { NO_KEY_A } }

/*
 * A bind that timed out, or whose worker was killed, may have taken effect. The state is read, or the run reports that
 * it is unknown.
 */
#define DOUBT(what, ms, action, times, truth, ...)                                                                     \
	{ .name = what, .topology = CARDS, .yaml = ENTRY_A ENTRY_B, .options.timeout_ms = ms,                          \
	  .injections = { { MACHINE_WRITE, "*/11.0001/se_bind", action, 0, NULL, 0, times } }, .success = true,        \
	  .queues = "11.0001 " truth ", 12.0001 associated 6", __VA_ARGS__ }
#define IS_SAID .log = { "warning: " MAY_BE_BOUND }
#define IS_NOT_SAID .not_log = { "warning: " MAY_BE_BOUND }

/*
 * Attributes that hang on all cards but one: that card is served as if it were alone. The inventory costs at most one
 * call limit, and so do the identities.
 */
#define MANY_HANG(attribute, left)                                                                                     \
	{ .name = attribute " hangs on seven of eight cards",                                                          \
	  .topology = SECRETS                                                                                          \
		  "card 00 CEX8P\nqueue 00.0001\ncard 01 CEX8P\nqueue 01.0001\ncard 02 CEX8P\nqueue 02.0001\n"         \
		  "card 03 CEX8P\nqueue 03.0001\ncard 04 CEX8P\nqueue 04.0001\ncard 05 CEX8P\nqueue 05.0001\n"         \
		  "card 06 CEX8P\nqueue 06.0001\ncard 07 CEX8P\nqueue 07.0001 mkvp=" MKVP_A PAD "\n",                  \
	  .yaml = ENTRY_A, .injections = { ALWAYS(MACHINE_READ, "*/card0[0-6]/" attribute, SIM_HANG, 0) },             \
	  .success = true, .most_us = 11 * S - 1,                                                                      \
	  .queues = "00.0001 " left ", 01.0001 " left ", 02.0001 " left ", 03.0001 " left ", 04.0001 " left ", 05.0001 " left \
		    ", 06.0001 " left ", 07.0001 associated 5" }

static const struct row rows[] = {
	/* The probe of a dry run cannot be undone on a card that hangs. */
	{ .name = "a probe hangs",
	  .topology = CARDS, .yaml = ENTRY_A ENTRY_B, .options = { .dry_run = true, .probe = true },
	  .injections = { ALWAYS(MACHINE_READ, "*/11.0001/mkvps", SIM_HANG, 0) }, .success = true,
	  .queues = "11.0001 bound, 12.0001 bindable", .least_us = 5 * S, .most_us = 6 * S,
	  .log = { NO_KEY_A "; the key of APQN 11.0001 is unknown: " HUNG " (11.0001/mkvps, 5000 ms)\n",
		   "info: entry #2: would be served by APQN 12.0001\n" } },
	SHORT_RUN(5000, "online", "bindable"),
	SHORT_RUN(5000, "mkvps", "bound"),
	SHORT_RUN(5000, "se_bind", "bindable"),
	SHORT_RUN(2000, "online", "bindable"),
	SHORT_RUN(2000, "mkvps", "bound"),
	SHORT_RUN(2000, "se_bind", "bindable"),
	SHORT_RUN(1000, "online", "bindable"),
	SHORT_RUN(1000, "mkvps", "bound"),
	SHORT_RUN(1000, "se_bind", "bindable"),
	/* --- unbinding --------------------------------------------------------------------------------------- */
	/* An unbind whose effect could not be read does not count as done. */
	{ .name = "reading the effect of an unbind hangs",
	  .topology = BOUND_CARD "fault 11.0001 unbind never\n", .yaml = "[]\n", .options.unbind = true,
	  .injections = { { MACHINE_READ, "*/11.0001/se_bind", SIM_HANG, 0, NULL, 1, 0 } },
	  .log = { "error: " MAY_BE_BOUND HUNG "\n" } },
	{ .name = "unbind of a queue whose state cannot be read",
	  .topology = "card 11 CEX8P configured=0\nqueue 11.0001 state=bound\n", .yaml = "[]\n", .options.unbind = true,
	  .injections = { ALWAYS(MACHINE_READ, "*/11.0001/se_bind", SIM_FAIL, -EIO) },
	  .log = { "error: " MAY_BE_BOUND "its state cannot be read\n" } },
	{ .name = "unbind of a queue on a card of unknown type",
	  .topology = BOUND_CARD, .yaml = "[]\n", .options.unbind = true,
	  .injections = { ALWAYS(MACHINE_READ, "*/card11/type", SIM_FAIL, -EIO) },
	  .log = { "error: " MAY_BE_BOUND "its state cannot be read\n" } },
	{ .name = "unbind with a card that cannot be listed",
	  .topology = BOUND_CARD "card 12 CEX8A\nqueue 12.0001\n", .yaml = "[]\n", .options.unbind = true,
	  .injections = { ALWAYS(MACHINE_LIST, "*/card11", SIM_HANG, 0) },
	  .log = { "error: AP bus: 1 card could not be listed; the state of their APQNs is unknown\n" } },
	{ .name = "dry run: a card that cannot be listed",
	  .topology = BOUND_CARD "card 12 CEX8A\nqueue 12.0001\n", .yaml = "[]\n",
	  .options = { .unbind = true, .dry_run = true }, .injections = { ALWAYS(MACHINE_LIST, "*/card11", SIM_HANG, 0) },
	  .log = { "error: AP bus: 1 card could not be listed; the state of their APQNs is unknown\n" } },
	{ .name = "no card can be listed",
	  .topology = SMALL, .yaml = ENTRY_A, .injections = { ALWAYS(MACHINE_LIST, "*/card*", SIM_HANG, 0) },
	  .log = { "error: AP bus: 2 cards could not be listed; the state of their APQNs is unknown\n" } },
	/* The run does not report success for queues that it could not access. */
	{ .name = "an unbind hangs",
	  .topology = SMALL, .yaml = ENTRY_A, .options.unbind = true,
	  .injections = { ALWAYS(MACHINE_WRITE, "*/05.0002/se_bind", SIM_HANG, 0) },
	  .log = { "error: APQN 05.0002: may still be bound: " HUNG "\n" } },
	{ .name = "unbind on a card that hangs",
	  .topology = SMALL, .yaml = ENTRY_A, .options.unbind = true,
	  .injections = { ALWAYS(MACHINE_READ, "*/05.0001/online", SIM_HANG, 0) },
	  .log = { "error: APQN 05.0002: may still be bound: " HUNG "\n" } },
	/* An unneeded queue that cannot be unbound is reported, even if it was never identified. */
	{ .name = "an unbind is busy",
	  .topology = CARDS "queue 12.0002 mkvp=" MKVP_A PAD " state=associated:5\n", .yaml = ENTRY_A ENTRY_B,
	  .options.timeout_ms = 10000, .booting = true, /* the driver does not know the association */
	  .injections = { ALWAYS(MACHINE_WRITE, "*/12.0002/se_bind", SIM_FAIL, -EBUSY) }, .success = true,
	  .queues = BOTH_SERVED ", 12.0002 associated 5",
	  .log = { "warning: APQN 12.0002: still bound, though it serves no entry\n" } },
	/* --- binding ----------------------------------------------------------------------------------------- */
	DOUBT("a bind that takes effect hangs", 60000, SIM_HANG_LATE, 0, "bound", IS_SAID),
	DOUBT("a bind that takes effect hangs in a short run", 1000, SIM_HANG_LATE, 0, "bound", IS_SAID),
	DOUBT("a bind without effect hangs", 60000, SIM_HANG, 0, "bindable", IS_SAID),
	DOUBT("the worker of a bind without effect is always killed", 60000, SIM_KILL, 0, "bindable", IS_SAID),
	DOUBT("the worker of a bind without effect is killed once", 60000, SIM_KILL, 1, "associated 5", IS_NOT_SAID),
	DOUBT("the worker of a bind that takes effect is killed", 60000, SIM_KILL_LATE, 0, "associated 5", IS_NOT_SAID),
	MANY_HANG("*/online", "bindable"),
	MANY_HANG("*/se_bind", "bindable"),
	MANY_HANG("*/mkvps", "bound"),
	MANY_HANG("type", "bindable"),
	/* A short run, and a call that takes longer: the reason must not claim that no EP11 card exists. */
	{ .name = "the reason names the APQN and the call",
	  .topology = SECRETS "card 03 CEX8P\nqueue 03.0006 mkvp=" MKVP_A PAD "\n", .yaml = ENTRY_A,
	  .options.timeout_ms = 1000, .injections = { ALWAYS(MACHINE_READ, "*/03.0006/online", SIM_HANG, 0) },
	  .log = { "warning: card03: " HUNG " (03.0006/online, 250 ms); it is not used\n",
		   "error: entry #1: no APQN with mode EP11 is known to be online; APQN 03.0006: " HUNG
		   " (03.0006/online, 250 ms)\n" } },
	/* The bind stays busy. Meanwhile an association is pending on another queue of the card. */
	{ .name = "the reason names what delayed an identity until the timeout",
	  .topology = SECRETS "card 03 CEX8P\nqueue 03.0006 mkvp=" MKVP_A PAD " state=bound\n"
			      "queue 03.0007 mkvp=none state=bound\nqueue 03.0008 mkvp=" MKVP_B PAD "\n"
			      "fault 03.0006 associate never\n",
	  .yaml = ENTRY_A ENTRY_B, .options.timeout_ms = 3000,
	  .injections = { ALWAYS(MACHINE_WRITE, "*/03.0008/se_bind", SIM_FAIL, -EBUSY) },
	  .queues = "03.0006 bindable, 03.0007 bindable, 03.0008 bindable",
	  .log = { "APQN 03.0006: the association did not end in time\n",
		   "error: entry #2: no usable APQN has the master key 0x" MKVP_B
		   "; the key of APQN 03.0008 is unknown: " NOT_READY } },
	/* The firmware accepts neither. */
	{ .name = "two secrets with one id",
	  .topology = "secret 0 id=" ID_A "\nsecret 5 id=" ID_A "\ncard 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD "\n",
	  .yaml = ENTRY_A,
	  .log = { "error: entry #1: APQN 11.0001 fits, but the firmware refuses the association: the secret store "
		   "has the secret's id more than once\n" } },
	{ .name = "a probed queue vanishes",
	  .topology = CARDS, .yaml = ENTRY_A ENTRY_B, .options = { .dry_run = true, .probe = true },
	  .injections = { ALWAYS(MACHINE_READ, "*/11.0001/mkvps", SIM_FAIL, -ENOENT),
			  { MACHINE_WRITE, "*/11.0001/se_bind", SIM_FAIL, -ENOENT, NULL, 1, 0 } },
	  .success = true, .queues = "11.0001 bound, 12.0001 bindable", .most_us = 1 * S - 1 },
	{ .name = "the driver of a queue stays busy: the other card is configured",
	  .topology = CARDS, .yaml = ENTRY_A ENTRY_B, .options.timeout_ms = 10000,
	  .injections = { ALWAYS(MACHINE_WRITE, "*/11.0001/se_bind", SIM_FAIL, -EBUSY) }, .success = true,
	  .queues = "11.0001 bindable, 12.0001 associated 6",
	  .log = { "warning: APQN 11.0001: " NOT_READY,
		   NO_KEY_A "; the key of APQN 11.0001 is unknown: " NOT_READY } },
	/* Queues found bound are identified first. */
	{ .name = "the reset of a queue found bound never ends: the other queues are configured",
	  .topology = CARDS "queue 12.0002 mkvp=" MKVP_A PAD " state=bound\n", .yaml = ENTRY_A ENTRY_B,
	  .injections = { { MACHINE_READ, "*/12.0002/reset", SIM_TEXT, 0, "Reset in progress.\n", 0, 0 } },
	  .success = true, .queues = BOTH_SERVED ", 12.0002 bindable", .most_us = 1 * S - 1 },
	{ .name = "identified too late to be associated: unbound again",
	  .topology = CARDS "fault 11.0001 request slow=150ms\n", .yaml = ENTRY_A ENTRY_B, .options.timeout_ms = 2000,
	  .booting = true, .bindings_us = 1700 * MS, .queues = BOTH_UNBOUND,
	  .log = { "info: 12.0001: unbind, no time is left to associate it\n",
		   "error: entry #2: APQN 12.0001 fits, but was not ready before the timeout\n" } },
	/* The bus is usable, but has none of the attributes: a kernel in an ordinary guest. */
	{ .name = "list outside of a Secure Execution guest",
	  .topology = "guest se=0\ncard 11 CEX8P\nqueue 11.0001\n", .yaml = ENTRY_A, .options.list = true,
	  .old_kernel = true,
	  .injections = { { MACHINE_READ, "bus/ap/features", SIM_TEXT, 0, "APSC APXA QACT RC8A APSB\n", 0, 0 } },
	  .log = { NO_SE_BIND } },
	{ .name = "unbind outside of a Secure Execution guest",
	  .topology = "guest se=0\ncard 11 CEX8P\nqueue 11.0001\n", .yaml = ENTRY_A, .options.unbind = true,
	  .old_kernel = true,
	  .injections = { { MACHINE_READ, "bus/ap/features", SIM_TEXT, 0, "APSC APXA QACT RC8A APSB\n", 0, 0 } },
	  .log = { NO_SE_BIND } },
};

/* No known kernel returns EINTR without a signal. Even then a run must not fail without a message. */
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
	struct CMUnitTest tests[COUNT(rows) + 1] = { TEST(test_interrupted_call) };

	ADD_ROWS(tests + 1, rows);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
