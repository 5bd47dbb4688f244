/* SPDX-License-Identifier: MIT */
/* All queues and their states, on simulated machines with and without errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/ap/inventory_fixture.h"
#include "unit/between.h"

static int gather(struct fixture *fixture)
{
	struct machine *machine = &fixture->sim->machine;

	inventory_release(&fixture->inventory);
	return inventory_gather(machine, machine_now_ms(machine) + 60000, false, &fixture->inventory);
}

static const char *const bind_names[] = { "unknown", "unsupported", "unbound", "bound" };
static const char *const association_names[] = { "unknown", "unsupported", "unassociated", "pending", "associated" };

static void append(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void append(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list arguments;

	va_start(arguments, format);
	used += (size_t)vsnprintf(text + used, size - used, format, arguments);
	va_end(arguments);
	assert_true(used < size);
}

/* One line per queue, such as "11.0008 EP11 8 online bound associated 5"; a failure follows after "!". */
static const char *inventory_text(const struct fixture *fixture)
{
	static char text[4096];

	text[0] = '\0';
	for (size_t i = 0; i < fixture->inventory.count; i++) {
		const struct apqn *apqn = &fixture->inventory.apqns[i];
		char name[APQN_NAME_SIZE];

		apqn_format_name(apqn, name);
		append(text, sizeof(text), "%s %s %u %s %s %s", name, apqn_mode_text(apqn->mode), apqn->generation,
		       apqn->online_unknown ? "unknown" : apqn->online ? "online" : "offline", bind_names[apqn->bind],
		       association_names[apqn->association]);
		if (apqn->association == APQN_ASSOCIATED)
			append(text, sizeof(text), " %u", apqn->association_index);
		if (apqn->failure != APQN_WORKING)
			append(text, sizeof(text), " ! %s: %s", apqn_failure_text(apqn->failure),
			       strerrorname_np(-apqn->failure_error));
		append(text, sizeof(text), "\n");
		/* The inventory reads no identities. */
		assert_int_equal(apqn->identity, APQN_IDENTITY_UNREAD);
		assert_string_equal(apqn->serialnr, "");
	}
	return text;
}

#define assert_inventory(fixture, expected) assert_string_equal(inventory_text(fixture), expected)

#define KINDS                                                                                                          \
	"card 03 CEX7A\nqueue 03.0001 state=bound\nqueue 03.0010\n"                                                    \
	"card 07 CEX6C\nqueue 07.0001\n"                                                                               \
	"card 11 CEX8P serialnr=0123456789ABCDEF\n"                                                                    \
	"queue 11.0001 state=bound\nqueue 11.0002\nqueue 11.0003 state=associated:5\nqueue 11.00ff state=foreign\n"

static void test_all_kinds(void **state)
{
	static const enum sim_kernel_version kernels[] = { SIM_KERNEL_6_12, SIM_KERNEL_7 };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < COUNT(kernels); i++) {
		new_machine(fixture, make(KINDS, kernels[i]));
		assert_int_equal(gather(fixture), 0);
		assert_inventory(fixture, "03.0001 Accel 7 online bound unknown\n"
					  "03.0010 Accel 7 online unbound unknown\n"
					  "07.0001 CCA 6 online unknown unknown\n"
					  "11.0001 EP11 8 online bound unassociated\n"
					  "11.0002 EP11 8 online unbound unknown\n"
					  "11.0003 EP11 8 online bound associated 5\n"
					  "11.00ff EP11 8 online unbound unknown\n");
		assert_log(fixture, "");
	}
}

/* Nothing is written and no identity is read. Of CCA queues only `online` is read. */
static void test_reads_only_states(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, settled(KINDS));
	assert_int_equal(gather(fixture), 0);
	assert_int_equal(sim_write_count(fixture->sim), 0);
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/serialnr"), 0);
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/mkvps"), 0);
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/07.0001/*"), 1);
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/07.0001/online"), 1);
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/se_associate"), 2);
}

static void test_no_queue(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, settled(""));
	assert_int_equal(gather(fixture), 0);
	assert_int_equal(fixture->inventory.count, 0);
	new_machine(fixture, settled("card 11 CEX8P\n"));
	assert_int_equal(gather(fixture), 0);
	assert_int_equal(fixture->inventory.count, 0);
	assert_log(fixture, "");
}

/* More queues than concurrent calls on a card: every result goes to its own queue. */
static void test_many_queues(void **state)
{
	struct fixture *fixture = *state;
	char topology[16384] = "card 11 CEX8P\n";

	for (unsigned int domain = 0; domain < 256; domain++) {
		append(topology, sizeof(topology), "queue 11.%04x state=", domain);
		if (domain % 3 == 2)
			append(topology, sizeof(topology), "associated:%u\n", domain);
		else
			append(topology, sizeof(topology), "%s\n", domain % 3 == 0 ? "unbound" : "bound");
	}
	new_machine(fixture, settled(topology));
	assert_int_equal(gather(fixture), 0);
	assert_int_equal(fixture->inventory.count, 256);
	for (unsigned int domain = 0; domain < 256; domain++) {
		const struct apqn *apqn = &fixture->inventory.apqns[domain];

		assert_int_equal(apqn->domain, domain);
		assert_int_equal(apqn->bind, domain % 3 == 0 ? APQN_UNBOUND : APQN_BOUND);
		assert_int_equal(apqn->association, domain % 3 == 0 ? APQN_ASSOCIATION_UNKNOWN :
						    domain % 3 == 1 ? APQN_UNASSOCIATED :
								      APQN_ASSOCIATED);
		assert_int_equal(apqn->association_index, domain % 3 == 2 ? domain : 0);
	}
}

static void test_offline(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, settled("card 05 CEX8A configured=0\nqueue 05.0001\n"
				     "card 06 CEX8A checkstopped=1\nqueue 06.0001\n"
				     "card 07 CEX8A\nqueue 07.0001\n"));
	sim_set_online(fixture->sim, 0x07, 1, false);
	assert_int_equal(gather(fixture), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_false(fixture->inventory.apqns[i].online);
		assert_int_equal(fixture->inventory.apqns[i].failure, APQN_WORKING);
	}
}

/* The directories also contain other names. */
static void test_odd_names(void **state)
{
	static const char cards[] = "uevent\ncard11\ncard\ncard1\ncard111\ncardzz\nCARD12\ncard1F\n11.0008\n\ncard05";
	static const char queues[] = "11.0008\n11.00\n11.00080\n11.0100\n12.0009\n11.00FF\ntype\n11_0008\n\n11.0007";
	struct fixture *fixture = *state;

	new_machine(fixture, settled("card 05 CEX8A\ncard 11 CEX8P\nqueue 11.0007\nqueue 11.0008\nqueue 11.0009\n"));
	list_gives(fixture, "devices/ap", cards);
	list_gives(fixture, "devices/ap/card11", queues);
	assert_int_equal(gather(fixture), 0);
	assert_inventory(fixture, "11.0007 EP11 8 online unbound unknown\n11.0008 EP11 8 online unbound unknown\n");
	assert_int_equal(sim_count(fixture->sim, MACHINE_LIST, "devices/ap/*"), 2);
}

static void test_listings_fail(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, settled(ONE_QUEUE));
	sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_LIST, "devices/ap", SIM_FAIL, -EACCES, NULL, 0, 0 });
	assert_int_equal(gather(fixture), -EACCES);
	assert_log(fixture, "error: AP bus /sys/devices/ap: Permission denied\n");
	new_machine(fixture, settled(ONE_QUEUE));
	sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_LIST, "*/card11", SIM_FAIL, -EACCES, NULL, 0, 0 });
	assert_int_equal(gather(fixture), -EACCES);
	assert_log(fixture, "error: card11: its queues cannot be listed: Permission denied\n");
}

/* --- queues that cannot be read; the others are not affected ---------------------------------------- */

/* Three bound queues of one card: if results were swapped between queues, the test would fail. */
#define THREE                                                                                                          \
	"card 11 CEX8P\nqueue 11.0001 state=associated:1\nqueue 11.0002 state=associated:2\n"                          \
	"queue 11.0003 state=associated:3\n"
#define FIRST "11.0001 EP11 8 online bound associated 1\n"
#define THIRD "11.0003 EP11 8 online bound associated 3\n"
#define UNREADABLE "its state cannot be read: "
#define ONLINE "11.0002 EP11 8 online "
#define UNKNOWN "11.0002 EP11 8 unknown bound associated 2 ! "
#define WARNING(what) "warning: APQN 11.0002: " what "; it is not used\n"

static void test_odd_texts(void **state)
{
	static char too_long[600];
	static const struct {
		const char *path, *text; /* no text: fails with `error` */
		int error;
		const char *queue, *log;
	} cases[] = {
		{ "*/11.0002/online", "", 0, UNKNOWN UNREADABLE "EBADMSG\n",
		  WARNING(UNREADABLE "unknown text") },
		{ "*/11.0002/online", too_long, 0, UNKNOWN UNREADABLE "E2BIG\n",
		  WARNING(UNREADABLE "too long") },
		{ "*/11.0002/online", NULL, -EIO, UNKNOWN UNREADABLE "EIO\n",
		  WARNING(UNREADABLE "Input/output error") },
		{ "*/11.0002/se_bind", "half\n", 0, ONLINE "unknown unknown ! " UNREADABLE "EBADMSG\n",
		  WARNING(UNREADABLE "unknown text") },
		{ "*/11.0002/se_bind", "-\n", 0, ONLINE "unsupported unknown\n", "" },
		{ "*/11.0002/se_bind", NULL, -EACCES,
		  ONLINE "unknown unknown ! " UNREADABLE "EACCES\n",
		  WARNING(UNREADABLE "Permission denied") },
		/* An asynchronous error; an unbind clears it. */
		{ "*/11.0002/se_bind", NULL, -EIO, ONLINE "unknown unknown\n", "" },
		{ "*/11.0002/se_associate", "associated 65536\n", 0,
		  ONLINE "bound unknown ! " UNREADABLE "EBADMSG\n",
		  WARNING(UNREADABLE "unknown text") },
		{ "*/11.0002/se_associate", "association pending\n", 0, ONLINE "bound pending\n", "" },
		{ "*/11.0002/se_associate", NULL, -ENODEV, ONLINE "bound unknown ! the queue is gone: ENODEV\n",
		  WARNING("the queue is gone: No such device") },
		/* The kernel lost the index (kexec), or a reset is running. */
		{ "*/11.0002/se_associate", NULL, -EIO, ONLINE "bound unknown\n", "" },
	};
	struct fixture *fixture = *state;
	char expected[512];

	memset(too_long, '1', sizeof(too_long) - 1);
	for (size_t i = 0; i < COUNT(cases); i++) {
		new_machine(fixture, settled(THREE));
		if (cases[i].text)
			read_gives(fixture, cases[i].path, cases[i].text);
		else
			read_fails(fixture, cases[i].path, cases[i].error);
		assert_int_equal(gather(fixture), 0);
		snprintf(expected, sizeof(expected), FIRST "%s" THIRD, cases[i].queue);
		assert_inventory(fixture, expected);
		assert_log(fixture, cases[i].log);
	}
}

/* The simulated machine, but one attribute has bytes that the simulation cannot produce. */
struct odd_machine {
	struct machine machine;
	struct machine *real;
	const char *path, *bytes;
	size_t length;
};

static int64_t odd_now_ms(struct machine *machine)
{
	return machine_now_ms(((struct odd_machine *)machine)->real);
}

static int odd_start(struct machine *machine, struct machine_call *call)
{
	return machine_start(((struct odd_machine *)machine)->real, call);
}

static int odd_wait(struct machine *machine, int64_t until_ms, struct machine_call **done)
{
	struct odd_machine *this = (struct odd_machine *)machine;
	int r = machine_wait(this->real, until_ms, done);

	if (r == 0 && *done && strcmp((*done)->path, this->path) == 0) {
		memcpy((*done)->data, this->bytes, this->length + 1);
		(*done)->length = this->length;
	}
	return r;
}

/* Bytes after a NUL are ignored. */
static void test_nul_in_a_text(void **state)
{
	static const struct machine_interface interface = { odd_now_ms, odd_start, odd_wait };
	struct fixture *fixture = *state;
	struct odd_machine odd = { .machine = { &interface }, .path = "devices/ap/card11/11.0002/online" };

	odd.bytes = "\0001\n";
	odd.length = 3;
	new_machine(fixture, settled(THREE));
	odd.real = &fixture->sim->machine;
	assert_int_equal(inventory_gather(&odd.machine, MACHINE_FOREVER, false, &fixture->inventory), 0);
	assert_inventory(fixture, FIRST UNKNOWN UNREADABLE "EBADMSG\n" THIRD);

	inventory_release(&fixture->inventory);
	odd.path = "devices/ap/card11/11.0002/se_bind";
	odd.bytes = "unbound\0bound\n";
	odd.length = 14;
	new_machine(fixture, settled(THREE));
	odd.real = &fixture->sim->machine;
	assert_int_equal(inventory_gather(&odd.machine, MACHINE_FOREVER, false, &fixture->inventory), 0);
	assert_inventory(fixture, FIRST ONLINE "unbound unknown\n" THIRD);
}

static void test_vanished_queue(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, settled(THREE));
	read_fails(fixture, "*/11.0002/*", -ENOENT);
	assert_int_equal(gather(fixture), 0);
	assert_inventory(fixture, FIRST "11.0002 EP11 8 unknown unknown unknown ! the queue is gone: ENOENT\n" THIRD);
	assert_log(fixture, WARNING("the queue is gone: No such file or directory"));
	/* The queue vanishes after `online` was read. */
	new_machine(fixture, settled(THREE));
	read_fails(fixture, "*/11.0002/se_bind", -ENOENT);
	assert_int_equal(gather(fixture), 0);
	assert_inventory(fixture, FIRST ONLINE "unknown unknown ! the queue is gone: ENOENT\n" THIRD);
	/* If the only queue has vanished, its missing attributes do not mean that the kernel is too old. */
	new_machine(fixture, settled("card 11 CEX8P\nqueue 11.0002\n"));
	read_fails(fixture, "*/11.0002/*", -ENOENT);
	assert_int_equal(gather(fixture), 0);
	assert_inventory(fixture, "11.0002 EP11 8 unknown unknown unknown ! the queue is gone: ENOENT\n");
	/* The same if it vanishes while it is being read. */
	new_machine(fixture, settled("card 11 CEX8P\nqueue 11.0002\n"));
	sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_READ, "*/11.0002/*", SIM_FAIL, -ENOENT, NULL, 1, 0 });
	assert_int_equal(gather(fixture), 0);
	assert_int_equal(fixture->inventory.apqns[0].failure, APQN_VANISHED);
	assert_log(fixture, WARNING("the queue is gone: No such file or directory"));
}

/* A card vanishes between listing cards and listing queues, or its attributes vanish. */
static void test_vanished_card(void **state)
{
	static const char names[] = "card05\ncard11\ncard12\n";
	struct fixture *fixture = *state;

	new_machine(fixture, settled(THREE "card 05 CEX8A\nqueue 05.0001\n"));
	list_gives(fixture, "devices/ap", names);
	assert_int_equal(gather(fixture), 0);
	assert_int_equal(fixture->inventory.count, 4);
	assert_log(fixture, "");

	new_machine(fixture, settled(THREE "card 05 CEX8A\nqueue 05.0001\n"));
	read_fails(fixture, "*/card11/*", -ENOENT);
	assert_int_equal(gather(fixture), 0);
	assert_int_equal(fixture->inventory.count, 4);
	assert_int_equal(fixture->inventory.apqns[0].bind, APQN_UNBOUND);
	assert_int_equal(fixture->inventory.apqns[0].failure, APQN_WORKING);
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(fixture->inventory.apqns[i].mode, APQN_MODE_UNKNOWN);
	assert_log(fixture, "warning: card11: its type cannot be read: No such file or directory; its queues are not "
			    "used\n");
}

static void test_unknown_type(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, settled(THREE "card 05 CEX8A\nqueue 05.0001\n"));
	read_gives(fixture, "*/card11/type", "CEX9Z\n");
	assert_int_equal(gather(fixture), 0);
	assert_inventory(fixture, "05.0001 Accel 8 online unbound unknown\n"
				  "11.0001 unknown 0 unknown unknown unknown ! its state cannot be read: EBADMSG\n"
				  "11.0002 unknown 0 unknown unknown unknown ! its state cannot be read: EBADMSG\n"
				  "11.0003 unknown 0 unknown unknown unknown ! its state cannot be read: EBADMSG\n");
	assert_log(fixture, "warning: card11: its type cannot be read: unknown text; its queues are not used\n");
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/card11/11.*"), 0);
}

/* --- a card that hangs, a kernel that is too old -------------------------------------- */

static void test_hung_card(void **state)
{
	static const struct {
		enum machine_operation operation;
		const char *path;
		const char *call;
		size_t queues; /* known queues of the hung card */
	} cases[] = {
		{ MACHINE_LIST, "devices/ap/card11", "card11", 0 },
		{ MACHINE_READ, "*/card11/type", "card11/type", 3 },
		{ MACHINE_READ, "*/11.0001/online", "11.0001/online", 3 },
		{ MACHINE_READ, "*/11.0003/se_associate", "11.0003/se_associate", 3 },
	};
	struct fixture *fixture = *state;
	char log[256];

	for (size_t i = 0; i < COUNT(cases); i++) {
		new_machine(fixture, settled(THREE "card 05 CEX8A\nqueue 05.0001 state=bound\n"));
		hang(fixture, cases[i].operation, cases[i].path);
		assert_int_equal(gather(fixture), 0);
		assert_int_equal(fixture->inventory.count, 1 + cases[i].queues);
		assert_int_equal(fixture->inventory.apqns[0].bind, APQN_BOUND);
		assert_int_equal(fixture->inventory.apqns[0].failure, APQN_WORKING);
		for (size_t n = 1; n < fixture->inventory.count; n++)
			assert_int_equal(fixture->inventory.apqns[n].failure, APQN_CARD_HUNG);
		snprintf(log, sizeof(log), "notice: waiting for the states of the APQNs, 5 s\nwarning: card11: sysfs "
			 "access to this card timed out (%s, 5000 ms); it is not used\n", cases[i].call);
		assert_log(fixture, log);
		if (cases[i].queues > 0)
			assert_int_equal(fixture->inventory.apqns[1].online_unknown, i < 3);
		assert_between(elapsed(fixture->sim), 5 * S, 5 * S + 100 * MS);
	}
}

static void test_kernel_without_bind_support(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, make(ALL_KINDS, SIM_KERNEL_6_1));
	assert_int_equal(gather(fixture), -EOPNOTSUPP);
	assert_log(fixture, "error: AP bus: the queues have no attribute se_bind; Linux 6.7 or newer is needed\n");
	assert_int_equal(fixture->inventory.count, 0);
	/* One existing queue is enough to detect this; another may have vanished. */
	new_machine(fixture, make(THREE, SIM_KERNEL_6_1));
	read_fails(fixture, "*/11.0003/*", -ENOENT);
	assert_int_equal(gather(fixture), -EOPNOTSUPP);
}

static void test_signal(void **state)
{
	struct fixture *fixture = *state;

	for (size_t calls = 0; calls < 20; calls++) {
		new_machine(fixture, settled(KINDS));
		sim_stop_after(fixture->sim, calls);
		assert_int_equal(gather(fixture), -EINTR);
		assert_log(fixture, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_kinds),
		TEST(test_reads_only_states),
		TEST(test_no_queue),
		TEST(test_many_queues),
		TEST(test_offline),
		TEST(test_odd_names),
		TEST(test_listings_fail),
		TEST(test_odd_texts),
		TEST(test_nul_in_a_text),
		TEST(test_vanished_queue),
		TEST(test_vanished_card),
		TEST(test_unknown_type),
		TEST(test_hung_card),
		TEST(test_kernel_without_bind_support),
		TEST(test_signal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
