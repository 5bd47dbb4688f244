/* SPDX-License-Identifier: MIT */
/* Provisioning on the simulated machine: the final states of the queues, and the calls made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "unit/provision/fixture.h"

#define ENTRY_A_2 "- mode: EP11\n  mkvp: " MKVP_A "\n  secretid: " ID_2 "\n"
#define CONFIGURED                                                                                                     \
	"05.0001 bound, 05.0002 bindable, 11.0001 associated 1, 11.0002 bindable, 12.0001 associated 2, "              \
	"12.0002 bindable"
#define CONFIGURED_EP11                                                                                                \
	"05.0001 bindable, 05.0002 bindable, 11.0001 associated 1, 11.0002 bindable, 12.0001 associated 2, "           \
	"12.0002 bindable"
#define ALL_BINDABLE                                                                                                   \
	"05.0001 bindable, 05.0002 bindable, 11.0001 bindable, 11.0002 bindable, 12.0001 bindable, 12.0002 bindable"

static const struct row rows[] = {
	{ .name = "a fresh machine",
	  .topology = MACHINE, .yaml = ENTRY_ACCEL ENTRY_A ENTRY_B, .satisfied = 3, .queues = CONFIGURED,
	  /* The driver's reset at boot, two requests, one association, one unbind: no wait of half a second. */
	  .most_ms = 249 },
	{ .name = "a second run writes nothing",
	  .topology = MACHINE, .yaml = ENTRY_ACCEL ENTRY_A ENTRY_B, .satisfied = 3, .queues = CONFIGURED,
	  .calls = { { MACHINE_WRITE, "*", 1, 99 } },
	  .then = &(const struct row){ .yaml = ENTRY_ACCEL ENTRY_A ENTRY_B, .satisfied = 3, .queues = CONFIGURED,
				       .calls = { NO_WRITE } } },
	{ .name = "queues are not bound if no entry needs their identity",
	  .topology = MACHINE, .yaml = ENTRY_ACCEL, .settled = true, .satisfied = 1,
	  .queues = "05.0001 bound, 05.0002 bindable, 11.0001 bindable, 11.0002 bindable, 12.0001 bindable, "
		    "12.0002 bindable",
	  .calls = { { MACHINE_WRITE, "*", 1, 1 }, { MACHINE_READ, "*/mkvps", 0, 0 } } },
	{ .name = "queues are not bound for an entry without a secret",
	  .topology = MACHINE, .yaml = "- mode: EP11\n  mkvp: " MKVP_A "\n  secretid: " ID_3 "\n",
	  .queues = ALL_BINDABLE, .reasons = { PLAN_NO_SECRET }, .calls = { NO_WRITE } },
	{ .name = "the serial number decides",
	  .topology = MACHINE,
	  .yaml = "- mode: EP11\n  mkvp: " MKVP_A "\n  serialnr: SERIAL1111111111\n  secretid: " ID_1 "\n"
		  "- mode: EP11\n  mkvp: " MKVP_B "\n  serialnr: SERIAL1111111111\n  secretid: " ID_2 "\n",
	  .satisfied = 1,
	  .queues = "05.0001 bindable, 05.0002 bindable, 11.0001 associated 1, 11.0002 bindable, 12.0001 bindable, "
		    "12.0002 bindable",
	  .reasons = { PLAN_SATISFIED, PLAN_SERIALNR },
	  /* One per card, not one per queue. */
	  .calls = { { MACHINE_READ, "*/serialnr", 0, 2 } } },
	{ .name = "a wrong association is corrected",
	  .topology = DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=associated:2\n", .yaml = ENTRY_A,
	  .settled = true, .satisfied = 1, .queues = "11.0001 associated 1",
	  .log = { "11.0001: unbind, bind and associate with secret index 1 for entry #1" } },
	{ .name = "a bound queue is associated without a reset",
	  .topology = DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=bound\n", .yaml = ENTRY_A,
	  .settled = true, .satisfied = 1, .queues = "11.0001 associated 1",
	  .calls = { { MACHINE_WRITE, "*/se_bind", 0, 0 }, { MACHINE_WRITE, "*/se_associate", 1, 1 } } },
	/* The kernel no longer knows the association: unbind, bind, associate. */
	{ .name = "after a kexec",
	  .topology = DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=associated:1\n", .yaml = ENTRY_A,
	  .satisfied = 1, .queues = "11.0001 associated 1" },
	{ .name = "queues without an entry are unbound",
	  .topology = DELAYS SECRETS "card 05 CEX8A\nqueue 05.0001 state=bound\nqueue 05.0002 state=bound\n"
				     "card 11 CEX8P\nqueue 11.0001" KEY_A " state=associated:1\n",
	  .yaml = ENTRY_ACCEL, .settled = true, .satisfied = 1,
	  .queues = "05.0001 bound, 05.0002 bindable, 11.0001 bindable" },
	{ .name = "without entries all are unbound",
	  .topology = DELAYS SECRETS "card 05 CEX8A\nqueue 05.0001 state=bound\nqueue 05.0002\n"
				     "card 11 CEX8P\nqueue 11.0001" KEY_A " state=associated:1\n",
	  .settled = true, .queues = "05.0001 bindable, 05.0002 bindable, 11.0001 bindable",
	  .calls = { { MACHINE_WRITE, "*", 2, 2 } } },
	{ .name = "CCA queues are listed and otherwise left alone",
	  .topology = DELAYS SECRETS "card 07 CEX8C\nqueue 07.0001\ncard 11 CEX8P\nqueue 11.0001" KEY_A "\n",
	  .yaml = ENTRY_A, .satisfied = 1, .queues = "07.0001 bindable, 11.0001 associated 1",
	  .calls = { { MACHINE_READ, "*/07.0001/*", 0, 0 }, { MACHINE_WRITE, "*/07.0001/*", 0, 0 } } },
	{ .name = "the master key is read once more after an association",
	  .topology = MACHINE, .yaml = ENTRY_A ENTRY_B, .satisfied = 2, .queues = CONFIGURED_EP11,
	  .calls = { { MACHINE_READ, "*/11.0001/mkvps", 2, 2 }, { MACHINE_READ, "*/12.0001/mkvps", 2, 2 } } },
	{ .name = "a card that hangs during this read is not used again, but its entry is served",
	  .topology = MACHINE, .yaml = ENTRY_A ENTRY_B,
	  .injections = { { MACHINE_READ, "*/11.0001/mkvps", SIM_HANG, 0, NULL, 1, 0 } },
	  .satisfied = 2, .queues = CONFIGURED_EP11,
	  .failures = { [3] = APQN_CARD_HUNG }, .log = { "warning: card11: " } },
	/* The association is unknown: unbind, bind, read. */
	{ .name = "a serial number is read as soon as the reset of an unbind is over",
	  .topology = DELAYS SECRETS "card 11 CEX8P serialnr=SERIAL1111111111\nqueue 11.0001" KEY_A
				     " state=associated:2\nqueue 11.0002" KEY_C "\n",
	  .yaml = ENTRY_A "  serialnr: SERIAL1111111111\n", .satisfied = 1,
	  .queues = "11.0001 associated 1, 11.0002 bindable", .most_ms = 499 },
	{ .name = "two queues of a card with the same master key may serve two entries",
	  .topology = DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A "\nqueue 11.0002" KEY_A "\n",
	  .yaml = ENTRY_A, .satisfied = 1, .queues = "11.0001 associated 1, 11.0002 bindable",
	  .log = { "warning: APQN 11.0001 and APQN 11.0002: same master key " },
	  .then = &(const struct row){ .yaml = ENTRY_A ENTRY_A_2, .satisfied = 2,
				       .queues = "11.0001 associated 1, 11.0002 associated 2" } },
	/* It is left alone, and no identity is read on its card until it ends. */
	{ .name = "an association is pending at the start",
	  .topology = "delay associate=2s\n" SECRETS "card 11 CEX8P\nqueue 11.0001" KEY_A " state=bound\n"
		      "queue 11.0002" KEY_B "\n",
	  .yaml = ENTRY_A ENTRY_B, .settled = true, .written = { "devices/ap/card11/11.0001/se_associate", "1" },
	  .satisfied = 2, .queues = "11.0001 associated 1, 11.0002 associated 2",
	  .calls = { { MACHINE_WRITE, "*/11.0001/*", 0, 0 } }, .most_ms = 4999 },
};

static void test_signal(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	sim_stop_after(fixture->sim, 25);
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->result, -EINTR);
}

/* Cards are handled concurrently: eight cards take at most 2 ms longer than one. */
static void test_cards_overlap(void **state)
{
	struct fixture *fixture = *state;
	char topology[8192] = DELAYS SECRETS;
	int64_t one_ms;

	strcat(topology, "card 20 CEX8P\nqueue 20.0000" KEY_A "\n");
	new_machine(fixture, topology);
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_A);
	one_ms = fixture->took_ms;
	for (unsigned int card = 0x21; card < 0x28; card++)
		snprintf(topology + strlen(topology), sizeof(topology) - strlen(topology),
			 "card %02x CEX8P\nqueue %02x.0000" KEY_A "\n", card, card);
	new_machine(fixture, topology);
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_A ENTRY_A ENTRY_A ENTRY_A ENTRY_A ENTRY_A ENTRY_A ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 8);
	assert_true(fixture->took_ms <= one_ms + 2);
}

int main(void)
{
	struct CMUnitTest tests[COUNT(rows) + 2] = { TEST(test_signal), TEST(test_cards_overlap) };

	ADD_ROWS(tests + 2, rows);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
