/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/between.h"
#include "unit/sim_calls.h"

#define KNOWN "WK CUR: valid 0x" MKVP "\nWK NEW: empty -\n"
#define UNKNOWN "WK CUR: - -\nWK NEW: - -\n"

static void identity_needs_bind(void **state)
{
	struct sim *sim = settled(ONE_QUEUE "queue 11.0009\n");
	int64_t begin_us;

	(void)state;
	/* No usable queue: the read causes a bus scan. */
	assert_text(sim, QUEUE "mkvps", UNKNOWN);
	assert_int_equal(elapsed(sim), 100 + 2250);
	assert_text(sim, CARD "serialnr", "\n");
	assert_text(sim, "bus/ap/scans", "3\n");
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), 0);
	begin_us = sim_now_us(sim);
	assert_text(sim, QUEUE "mkvps", KNOWN);
	assert_int_equal(sim_now_us(sim) - begin_us, 2100);
	assert_text(sim, CARD "serialnr", "0123456789ABCDEF\n");
	assert_int_equal(write_text(sim, CARD "11.0009/se_bind", "1"), 0);
	assert_text(sim, CARD "11.0009/mkvps", "WK CUR: invalid -\nWK NEW: empty -\n");
	sim_set_online(sim, 0x11, 9, false);
	assert_text(sim, CARD "11.0009/mkvps", UNKNOWN);
	assert_text(sim, CARD "11.0009/online", "0\n");
	sim_free(sim);
}

static void scans_are_shared(void **state)
{
	struct sim *sim = settled(ONE_QUEUE "card 12 CEX8P\nqueue 12.0008\nqueue 12.0009 state=bound\n"
					    "fault 12.* request slow=7ms\n");
	struct machine_call first, second, other, *done;

	(void)state;
	start(sim, &other, MACHINE_READ, "devices/ap/card12/12.0009/mkvps", 1000);
	start(sim, &first, MACHINE_READ, QUEUE "mkvps", 1000);
	sleep_us(sim, 1 * MS);
	start(sim, &second, MACHINE_READ, "devices/ap/card12/12.0008/mkvps", 1000);
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_ptr_equal(done, &first);
	assert_int_equal(elapsed(sim), 2600);
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_ptr_equal(done, &second);
	assert_int_equal(elapsed(sim), 2600);
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_ptr_equal(done, &other);
	assert_int_equal(elapsed(sim), 7100);
	sim_free(sim);
}

/* A read during a reset returns only after the next bus scan. */
static void identity_during_reset(void **state)
{
	static const char *const paths[] = { QUEUE "mkvps", CARD "serialnr" };

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct sim *sim = settled(ONE_QUEUE "queue 11.0009 state=bound\n");

		assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), 0);
		assert_int_equal(write_text(sim, QUEUE "se_bind", "0"), 0);
		perform_text(sim, MACHINE_READ, paths[i]);
		assert_between(elapsed(sim), 30 * S, 30 * S + 10 * MS);
		sim_free(sim);
	}
}

/* After such a read, the queue can be bound and associated again, until the scan resets it. */
static void scan_drops_association_of_broken_queue(void **state)
{
	struct sim *sim = settled(ONE_QUEUE "delay associate=60s\n");
	struct machine_call call, *done;
	unsigned int refused, busy;

	(void)state;
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), 0);
	assert_int_equal(write_text(sim, QUEUE "se_bind", "0"), 0);
	start(sim, &call, MACHINE_READ, QUEUE "mkvps", 500);
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_int_equal(done->error, -ETIMEDOUT);
	bind_retrying(sim, QUEUE "se_bind", &refused, &busy);
	assert_int_equal(refused + busy, 0);
	assert_int_equal(write_text(sim, QUEUE "se_associate", "5"), 0);
	assert_text(sim, QUEUE "se_associate", "association pending\n");
	sleep_us(sim, 31 * S);
	assert_text(sim, QUEUE "se_associate", "unassociated\n");
	assert_text(sim, QUEUE "se_bind", "bound\n");
	sim_free(sim);
}

static void identity_during_association(void **state)
{
	static const char *const paths[] = { QUEUE "mkvps", CARD "serialnr" };

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct sim *sim = settled(ONE_QUEUE "queue 11.0009 state=bound\n");
		struct machine_call call, *done;

		assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), 0);
		assert_int_equal(write_text(sim, QUEUE "se_associate", "5"), 0);
		start(sim, &call, MACHINE_READ, paths[i], 200000);
		assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
		assert_int_equal(done->error, -ETIMEDOUT);
		assert_between(elapsed(sim), 200 * S, 201 * S);
		assert_text(sim, QUEUE "mkvps", KNOWN);
		sim_free(sim);
	}
}

/* A read is safe once "associated" was read, although the driver may have to poll the queue once more. */
static void identity_after_association(void **state)
{
	struct sim *sim = settled(ONE_QUEUE);

	(void)state;
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), 0);
	assert_int_equal(write_text(sim, QUEUE "se_associate", "5"), 0);
	sleep_us(sim, 30 * MS);
	assert_text(sim, QUEUE "se_associate", "associated 5\n");
	assert_text(sim, QUEUE "mkvps", KNOWN);
	assert_between(elapsed(sim), 31 * MS, 45 * MS);
	sim_free(sim);
}

static void vanished_card(void **state)
{
	struct sim *sim = settled(ONE_QUEUE "card 12 CEX8P\nqueue 12.0008\n");
	struct machine_call call, *done;

	(void)state;
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), 0);
	sim->model.cards[0x11].present = false;
	/*
	 * The kernel has not noticed that the card vanished: it takes "not present" for the response of a bound queue.
	 */
	assert_text(sim, QUEUE "se_bind", "bound\n");
	assert_int_equal(write_text(sim, QUEUE "se_associate", "5"), -EIO);
	start(sim, &call, MACHINE_READ, QUEUE "mkvps", 1000);
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_int_equal(done->error, -ETIMEDOUT);
	/* The second read scans the bus, which removes the attribute that it reads. */
	start(sim, &call, MACHINE_READ, QUEUE "mkvps", 100000);
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_int_equal(done->error, -ETIMEDOUT);
	/* From now on every access that needs a scan blocks, even on other cards. */
	start(sim, &call, MACHINE_READ, "devices/ap/card12/12.0008/mkvps", 100000);
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_int_equal(done->error, -ETIMEDOUT);
	start(sim, &call, MACHINE_WRITE, "bus/ap/scans", 100000);
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_int_equal(done->error, -ETIMEDOUT);
	assert_text(sim, "devices/ap/card12/12.0008/se_bind", "unbound\n");
	sim_free(sim);
}

/* With the last queue the card is removed, and its removal blocks the read of its attribute. */
static void vanished_card_keeps_reader_of_serialnr(void **state)
{
	struct sim *sim = settled(ONE_QUEUE "queue 11.0009 state=bound\n");
	struct machine_call call, *done;

	(void)state;
	assert_text(sim, CARD "serialnr", "0123456789ABCDEF\n");
	sim->model.cards[0x11].present = false;
	start(sim, &call, MACHINE_READ, CARD "serialnr", 60000);
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_int_equal(done->error, -ETIMEDOUT);
	assert_text(sim, "bus/ap/scans", "2\n");
	sim_free(sim);
}

static void vanished_while_request_runs(void **state)
{
	struct sim *sim = settled(ONE_QUEUE "queue 11.0009 state=bound\n");
	struct machine_call call, *done;

	(void)state;
	start(sim, &call, MACHINE_READ, CARD "11.0009/mkvps", 1000);
	sleep_us(sim, 1 * MS);
	sim->model.cards[0x11].present = false;
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_int_equal(done->error, -ETIMEDOUT);
	sim_free(sim);
}

/* The driver takes the queue for ready, but it is in a reset. */
static void reset_from_outside(void **state)
{
	struct sim *sim = settled(ONE_QUEUE "fault 11.* request rc=2 times=1\n");

	(void)state;
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), 0);
	assert_text(sim, QUEUE "mkvps", KNOWN);
	assert_between(elapsed(sim), 40 * MS, 43 * MS);
	sim_free(sim);
}

/* After a forced scan that changes something, the driver repeats the request. */
static void scan_brings_queue_back(void **state)
{
	static const bool another_vanishes[] = { false, true };

	(void)state;
	for (size_t i = 0; i < COUNT(another_vanishes); i++) {
		struct sim *sim = settled(ONE_QUEUE "card 12 CEX8P\nqueue 12.0008\nguest se=0\n");

		sim->model.cards[0x11].configured = false;
		assert_int_equal(write_text(sim, "bus/ap/scans", "1"), 0);
		assert_text(sim, QUEUE "online", "0\n");
		sim->model.cards[0x11].configured = true;
		sim->model.cards[0x12].present = !another_vanishes[i];
		assert_text(sim, QUEUE "mkvps", another_vanishes[i] ? KNOWN : UNKNOWN);
		assert_text(sim, QUEUE "online", "1\n");
		sim_free(sim);
	}
}

static void vanished_card_is_removed(void **state)
{
	struct sim *sim = settled(ONE_QUEUE "card 12 CEX8P\nqueue 12.0008\n");

	(void)state;
	assert_text(sim, "bus/ap/bindings", "2/2 (complete)\n");
	sim->model.cards[0x11].present = false;
	sleep_us(sim, 30 * S);
	assert_text(sim, QUEUE "se_bind", "ENOENT");
	assert_text(sim, CARD "type", "ENOENT");
	assert_list(sim, CARD, "ENOENT");
	assert_list(sim, "devices/ap", "uevent\npower\ncard12\n");
	assert_text(sim, "bus/ap/bindings", "1/1 (complete)\n");
	/* When the card is back, its queues are reset like all new queues. */
	sim->model.cards[0x11].present = true;
	assert_int_equal(write_text(sim, "bus/ap/scans", "1"), 0);
	assert_text(sim, "bus/ap/bindings", "2/2 (complete)\n");
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), -EIO);
	sleep_us(sim, 100 * MS);
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), 0);
	sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identity_needs_bind),
		cmocka_unit_test(scans_are_shared),
		cmocka_unit_test(identity_during_reset),
		cmocka_unit_test(scan_drops_association_of_broken_queue),
		cmocka_unit_test(identity_during_association),
		cmocka_unit_test(identity_after_association),
		cmocka_unit_test(vanished_card),
		cmocka_unit_test(vanished_card_keeps_reader_of_serialnr),
		cmocka_unit_test(vanished_while_request_runs),
		cmocka_unit_test(reset_from_outside),
		cmocka_unit_test(scan_brings_queue_back),
		cmocka_unit_test(vanished_card_is_removed),
	};

	return cmocka_run_group_tests_name("sim_identity", tests, NULL, NULL);
}
