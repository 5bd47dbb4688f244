/* SPDX-License-Identifier: MIT */
/* Queues found associated whose identity is unavailable: they may serve an entry, so they are left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/provision/fixture.h"

/* Configured by an earlier run. Nothing else is known of it. */
#define CONFIGURED DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=associated:1\n"
#define SPARE "card 12 CEX8P\nqueue 12.0001" KEY_A "\n"
#define ENTRY_CARD "- mode: EP11\n  mkvp: " MKVP_A "\n  serialnr: SERIAL1111111111\n  secretid: " ID_1 "\n"
#define WARNING_MKVP                                                                                                   \
	"warning: APQN 11.0001: left associated with secret index 1: it may serve an entry, but its master "          \
	"key is unknown\n"
#define WARNING_SERIALNR                                                                                               \
	"warning: APQN 11.0001: left associated with secret index 1: it may serve an entry, but the serial "           \
	"number of its card is unknown\n"

#define UNTOUCHED { MACHINE_WRITE, "*/11.0001/*", 0, 0 }
/* A queue whose reset never ends keeps the serial number of its card from being read. */
#define IN_RESET CONFIGURED "queue 11.0002" KEY_B " state=bound\n"
#define STAYS_IN_RESET                                                                                                 \
	{ REFUSE(MACHINE_READ, "*/11.0002/se_associate", -EIO), REFUSE(MACHINE_WRITE, "*/11.0002/se_bind", -EBUSY) }

static const struct row rows[] = {
	{ .name = "the master key cannot be read",
	  .topology = CONFIGURED, .yaml = ENTRY_A, .settled = true,
	  .injections = { REFUSE(MACHINE_READ, "*/mkvps", -EIO) },
	  .reasons = { PLAN_NO_MKVP }, .goals = { PLAN_UNVERIFIED },
	  .failures = { APQN_UNREADABLE }, .queues = "11.0001 associated 1", .calls = { UNTOUCHED },
	  .log = { WARNING_MKVP } },
	{ .name = "the kernel never knows the master key",
	  .topology = CONFIGURED, .yaml = ENTRY_A, .settled = true,
	  .injections = { ANSWER("*/mkvps", "WK CUR: - -\nWK NEW: - -\n") },
	  .failures = { APQN_UNREADABLE }, .queues = "11.0001 associated 1", .calls = { UNTOUCHED },
	  .log = { WARNING_MKVP } },
	/* The queue that may serve the entry is still left alone. */
	{ .name = "the entry is served by another queue",
	  .topology = CONFIGURED SPARE, .yaml = ENTRY_A, .settled = true,
	  .injections = { REFUSE(MACHINE_READ, "*/11.0001/mkvps", -EIO) },
	  .satisfied = 1, .failures = { APQN_UNREADABLE }, .queues = "11.0001 associated 1, 12.0001 associated 1",
	  .calls = { UNTOUCHED },
	  .log = { WARNING_MKVP } },
	/* An association by another process never ends, so no identity can be read on this card. */
	{ .name = "timeout",
	  .topology = CONFIGURED "queue 11.0002" KEY_B " state=bound\nfault 11.0002 associate never\n",
	  .yaml = ENTRY_A,
	  .settled = true, .timeout_ms = 5000, .written = { "devices/ap/card11/11.0002/se_associate", "2" },
	  .failures = { APQN_DEADLINE, APQN_ASSOCIATION_TIMEOUT },
	  .queues = "11.0001 associated 1, 11.0002 bindable", .calls = { UNTOUCHED },
	  .log = { "warning: APQN 11.0001: not identified before the end of the run (11.0002/se_associate)\n",
		   WARNING_MKVP },
	  .most_ms = 5000 },
	/*
	 * It takes so long that another queue is configured meanwhile. Then the identity is known, and the other queue
	 * is not needed.
	 */
	{ .name = "identified late",
	  .topology = CONFIGURED "fault 11.0001 request slow=500ms\n" SPARE, .yaml = ENTRY_A, .settled = true,
	  .satisfied = 1, .queues = "11.0001 associated 1, 12.0001 bindable", .calls = { UNTOUCHED },
	  .not_log = { "warning" } },
	{ .name = "no serial number",
	  .topology = CONFIGURED, .yaml = ENTRY_CARD, .settled = true,
	  .injections = { ANSWER("*/card11/serialnr", "\n") },
	  .reasons = { PLAN_SERIALNR }, .queues = "11.0001 associated 1", .calls = { UNTOUCHED },
	  .log = { WARNING_SERIALNR },
	  /* While the queue may serve this entry, it is not given to an entry that accepts any card. */
	  .then = &(const struct row){
		  .yaml = ENTRY_CARD "- mode: EP11\n  mkvp: " MKVP_A "\n  secretid: " ID_2 "\n",
		  .queues = "11.0001 associated 1", .calls = { UNTOUCHED },
		  /* It serves an entry without a serial number as it is. */
		  .then = &(const struct row){ .yaml = ENTRY_CARD ENTRY_A, .satisfied = 1, .served_by = { 0, 1 },
					       .queues = "11.0001 associated 1", .not_log = { "left associated" } } } },
	{ .name = "no serial number before the timeout",
	  .topology = IN_RESET, .yaml = ENTRY_CARD, .settled = true, .injections = STAYS_IN_RESET, .timeout_ms = 5000,
	  .failures = { [1] = APQN_DEADLINE }, .queues = "11.0001 associated 1, 11.0002 bound",
	  .calls = { UNTOUCHED }, .log = { WARNING_SERIALNR } },
	{ .name = "no serial number before the timeout, and an entry that needs none",
	  .topology = IN_RESET, .yaml = ENTRY_CARD ENTRY_A, .settled = true, .injections = STAYS_IN_RESET,
	  .timeout_ms = 5000,
	  .satisfied = 1, .served_by = { 0, 1 }, .failures = { [1] = APQN_DEADLINE },
	  .queues = "11.0001 associated 1, 11.0002 bound", .calls = { UNTOUCHED } },
	{ .name = "associated with a secret of no entry: it is unbound, whatever its master key is",
	  .topology = DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=associated:2\n", .yaml = ENTRY_A,
	  .settled = true, .injections = { REFUSE(MACHINE_READ, "*/mkvps", -EIO) },
	  .failures = { APQN_UNREADABLE }, .queues = "11.0001 bindable", .not_log = { "left associated" } },
	{ .name = "without entries it is unbound",
	  .topology = CONFIGURED, .settled = true, .injections = { REFUSE(MACHINE_READ, "*/mkvps", -EIO) },
	  .queues = "11.0001 bindable" },
	{ .name = "dry run",
	  .topology = CONFIGURED, .yaml = ENTRY_A, .settled = true, .dry_run = true,
	  .injections = { REFUSE(MACHINE_READ, "*/mkvps", -EIO) },
	  .failures = { APQN_UNREADABLE }, .queues = "11.0001 associated 1", .calls = { UNTOUCHED },
	  .log = { WARNING_MKVP }, .not_log = { "unbind" } },
};

int main(void)
{
	struct CMUnitTest tests[COUNT(rows)];

	ADD_ROWS(tests, rows);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
