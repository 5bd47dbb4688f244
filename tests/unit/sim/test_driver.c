/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/between.h"
#include "unit/sim_calls.h"

/* --- se_bind -------------------------------------------------------------------------------------- */

static void first_bind_after_complete(void **state)
{
	struct sim *sim = sim_new(ONE_QUEUE);
	unsigned int refused, busy;

	(void)state;
	assert_text(sim, "bus/ap/bindings", "1/1 (complete)\n");
	assert_text(sim, QUEUE "se_bind", "unbound\n");
	bind_retrying(sim, QUEUE "se_bind", &refused, &busy);
	assert_true(refused >= 10 && busy >= 10);
	assert_between(elapsed(sim), 40 * MS, 42 * MS);
	assert_text(sim, QUEUE "se_bind", "bound\n");
	assert_text(sim, QUEUE "se_associate", "unassociated\n");
	sim_free(sim);
}

/* From an unbind to the next bind it takes the reset plus 0 to 40 ms, depending on the grid. */
static void rebind_waits_for_grid(void **state)
{
	int64_t shortest = INT64_MAX, longest = 0;

	(void)state;
	for (int64_t grid_us = 0; grid_us < 40 * MS; grid_us += 500) {
		struct sim *sim = settled("delay reset=20ms\ncard 11 CEX8A\nqueue 11.0008 state=bound\n");
		unsigned int refused, busy;
		int64_t begin_us;

		sim->options.grid_us = grid_us;
		assert_int_equal(write_text(sim, QUEUE "se_bind", "0\n"), 0);
		begin_us = sim_now_us(sim);
		assert_text(sim, QUEUE "se_bind", "bound\n");
		bind_retrying(sim, QUEUE "se_bind", &refused, &busy);
		assert_true(refused > 0);
		begin_us = sim_now_us(sim) - begin_us;
		shortest = begin_us < shortest ? begin_us : shortest;
		longest = begin_us > longest ? begin_us : longest;
		sim_free(sim);
	}
	assert_between(shortest, 20 * MS, 22 * MS);
	assert_between(longest, 58 * MS, 62 * MS);
}

static void bind_errors(void **state)
{
	struct sim *sim = settled("card 11 CEX8P\ncard 12 CEX8P configured=0\ncard 13 CEX8P checkstopped=1\n"
				  "card 14 CEX8C\ncard 15 CEX8A\nlimit 2\nfault 11.000a bind rc=30\n"
				  "queue 11.0008 state=bound\nqueue 11.0009 state=foreign\nqueue 11.000a\n"
				  "queue 12.0008\nqueue 13.0008\nqueue 14.0008\nqueue 15.0008\nqueue 15.0009\n");

	(void)state;
	sim->options.kernel = SIM_KERNEL_6_12;
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), -EINVAL);
	assert_text(sim, CARD "11.0009/se_bind", "unbound\n");
	assert_int_equal(write_text(sim, CARD "11.0009/se_bind", "1"), -EINVAL);
	assert_int_equal(write_text(sim, CARD "11.000a/se_bind", "1"), -EIO);
	assert_int_equal(write_text(sim, "devices/ap/card12/12.0008/se_bind", "1"), -EIO);
	assert_int_equal(write_text(sim, "devices/ap/card12/12.0008/se_bind", "0"), 0);
	assert_int_equal(write_text(sim, "devices/ap/card13/13.0008/se_bind", "1"), -EIO);
	assert_int_equal(write_text(sim, "devices/ap/card13/13.0008/se_bind", "0"), 0);
	assert_int_equal(write_text(sim, "devices/ap/card14/14.0008/se_bind", "1"), -ENOENT);
	assert_int_equal(write_text(sim, "devices/ap/card15/15.0008/se_bind", "1"), 0);
	assert_text(sim, "devices/ap/card15/15.0008/se_associate", "-\n");
	assert_int_equal(write_text(sim, "devices/ap/card15/15.0008/se_associate", "5"), -EINVAL);
	/* The limit of bound queues is reached. */
	assert_int_equal(write_text(sim, "devices/ap/card15/15.0009/se_bind", "1"), -EIO);
	assert_int_equal(write_text(sim, QUEUE "se_bind", "x"), -EINVAL);
	assert_int_equal(write_text(sim, QUEUE "se_bind", ""), -EINVAL);
	sim_free(sim);
}

static void bind_duration(void **state)
{
	struct sim *sim = settled("delay bind=7ms\ncard 11 CEX8P\nqueue 11.0008\nfault 11.* test hang=9ms after=4\n");

	(void)state;
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), 0);
	assert_int_equal(elapsed(sim), 7100);
	assert_text(sim, QUEUE "se_bind", "bound\n");
	assert_int_equal(elapsed(sim), 7200);
	assert_text(sim, QUEUE "se_bind", "bound\n");
	assert_int_equal(elapsed(sim), 7300 + 9 * MS);
	sim_free(sim);
}

static void unbind_without_effect_when_deconfigured(void **state)
{
	struct sim *sim = settled("card 11 CEX8A\nqueue 11.0008 state=bound\n");

	(void)state;
	assert_text(sim, QUEUE "online", "1\n");
	sim->model.cards[0x11].configured = false;
	assert_int_equal(write_text(sim, "bus/ap/scans", "1"), 0);
	assert_text(sim, QUEUE "online", "0\n");
	assert_text(sim, QUEUE "config", "0\n");
	assert_int_equal(write_text(sim, QUEUE "se_bind", "0"), 0);
	sleep_us(sim, 1 * S);
	assert_text(sim, QUEUE "se_bind", "bound\n");
	/* The unbind is remembered: the reset after the card is back unbinds the queue. */
	sim->model.cards[0x11].configured = true;
	sleep_us(sim, 30 * S);
	assert_text(sim, QUEUE "se_bind", "unbound\n");
	assert_text(sim, QUEUE "online", "1\n");
	sim_free(sim);
}

static void checkstop_ends(void **state)
{
	struct sim *sim = settled("card 11 CEX8A checkstopped=1\nqueue 11.0008 state=bound\n");

	(void)state;
	assert_text(sim, QUEUE "online", "0\n");
	assert_text(sim, QUEUE "chkstop", "1\n");
	assert_int_equal(write_text(sim, QUEUE "se_bind", "0"), 0);
	sim->model.cards[0x11].checkstopped = false;
	assert_int_equal(write_text(sim, "bus/ap/scans", "1"), 0);
	assert_text(sim, QUEUE "online", "1\n");
	assert_text(sim, QUEUE "se_bind", "unbound\n");
	sim_free(sim);
}

/* The bind took effect, but the driver cannot verify it and returns EIO. */
static void bind_not_verified(void **state)
{
	struct sim *sim = settled("card 11 CEX8A\nqueue 11.0008\nfault 11.* test rc=5 after=2 times=1\n");

	(void)state;
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), -EIO);
	assert_text(sim, QUEUE "se_bind", "bound\n");
	sim_free(sim);
}

static void unbind_of_vanished(void **state)
{
	struct sim *sim = settled(ONE_QUEUE);

	(void)state;
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), 0);
	sim->model.cards[0x11].present = false;
	assert_int_equal(write_text(sim, QUEUE "se_bind", "0"), 0);
	sleep_us(sim, 1 * S);
	assert_text(sim, QUEUE "se_bind", "bound\n");
	assert_text(sim, QUEUE "se_associate", "EIO");
	sleep_us(sim, 60 * S);
	assert_text(sim, QUEUE "se_bind", "ENOENT");
	assert_text(sim, "bus/ap/scans", "3\n");
	sim_free(sim);
}

static void vanished_during_reset(void **state)
{
	struct sim *sim = settled(ONE_QUEUE);

	(void)state;
	assert_int_equal(write_text(sim, QUEUE "se_bind", "0"), 0);
	sim->model.cards[0x11].present = false;
	sleep_us(sim, 100 * MS);
	/* The driver has given up on the queue. A scan resets it if the card is back before that. */
	sim->model.cards[0x11].present = true;
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), -EBUSY);
	assert_int_equal(write_text(sim, "bus/ap/scans", "1"), 0);
	sleep_us(sim, 100 * MS);
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), 0);
	sim_free(sim);
}

/* --- se_associate --------------------------------------------------------------------------------- */

static void associate(void **state)
{
	struct sim *sim = settled(ONE_QUEUE);

	(void)state;
	assert_int_equal(write_text(sim, QUEUE "se_associate", "5"), -EINVAL);
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), 0);
	assert_int_equal(write_text(sim, QUEUE "se_associate", "65536"), -EINVAL);
	assert_int_equal(write_text(sim, QUEUE "se_associate", "-1"), -EINVAL);
	assert_int_equal(write_text(sim, QUEUE "se_associate", "five"), -EINVAL);
	assert_int_equal(write_text(sim, QUEUE "se_associate", "4"), -EIO);
	assert_text(sim, QUEUE "se_bind", "bound\n");
	assert_text(sim, QUEUE "se_associate", "unassociated\n");
	assert_int_equal(write_text(sim, QUEUE "se_associate", "5\n"), 0);
	assert_text(sim, QUEUE "se_associate", "association pending\n");
	assert_int_equal(write_text(sim, QUEUE "se_associate", "5"), -EBUSY);
	sleep_us(sim, 30 * MS);
	assert_text(sim, QUEUE "se_associate", "associated 5\n");
	assert_int_equal(write_text(sim, QUEUE "se_associate", "5"), -EINVAL);
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), -EINVAL);
	sim_free(sim);
}

static void associate_not_unique(void **state)
{
	struct sim *sim = settled("card 11 CEX8P\nqueue 11.0008 state=bound\n"
				  "secret 1 id=" ID_A "\nsecret 2 id=" ID_A "\nsecret 3 id=" ID_B " type=4\n");

	(void)state;
	assert_int_equal(write_text(sim, QUEUE "se_associate", "1"), -EIO);
	assert_int_equal(write_text(sim, QUEUE "se_associate", "3"), -EIO);
	assert_text(sim, QUEUE "se_associate", "unassociated\n");
	sim_free(sim);
}

static void associate_busy_while_request_runs(void **state)
{
	struct sim *sim = settled(ONE_QUEUE "delay request=50ms\n");
	struct machine_call call, *done;

	(void)state;
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), 0);
	start(sim, &call, MACHINE_READ, QUEUE "mkvps", 10);
	assert_int_equal(machine_wait(&sim->machine, MACHINE_FOREVER, &done), 0);
	assert_int_equal(done->error, -ETIMEDOUT);
	/* The reader has timed out, but the queue still waits for the reply. */
	assert_int_equal(write_text(sim, QUEUE "se_associate", "5"), -EBUSY);
	sleep_us(sim, 50 * MS);
	assert_int_equal(write_text(sim, QUEUE "se_associate", "5"), 0);
	sim_free(sim);
}

static void unbind_of_associated(void **state)
{
	struct sim *sim = settled(ONE_QUEUE "queue 11.0009 state=associated:5\n");

	(void)state;
	assert_text(sim, CARD "11.0009/se_associate", "associated 5\n");
	assert_int_equal(write_text(sim, CARD "11.0009/se_bind", "0"), 0);
	assert_text(sim, CARD "11.0009/se_associate", "EIO");
	assert_text(sim, CARD "11.0009/se_bind", "bound\n");
	sleep_us(sim, 20 * MS);
	assert_text(sim, CARD "11.0009/se_associate", "unassociated\n");
	assert_text(sim, CARD "11.0009/se_bind", "unbound\n");
	sim_free(sim);
}

/* The driver of a new kernel does not know the associations made by the old one. */
static void index_lost(void **state)
{
	struct sim *sim = sim_new(ONE_QUEUE "queue 11.0009 state=associated:5\n");
	unsigned int refused, busy;

	(void)state;
	sleep_us(sim, 100 * MS);
	assert_text(sim, CARD "11.0009/se_associate", "EIO");
	assert_text(sim, CARD "11.0009/se_bind", "bound\n");
	assert_int_equal(write_text(sim, CARD "11.0009/se_bind", "1"), -EINVAL);
	assert_int_equal(write_text(sim, CARD "11.0009/se_associate", "5"), -EINVAL);
	assert_int_equal(write_text(sim, CARD "11.0009/se_bind", "0"), 0);
	bind_retrying(sim, CARD "11.0009/se_bind", &refused, &busy);
	assert_int_equal(write_text(sim, CARD "11.0009/se_associate", "5"), 0);
	sleep_us(sim, 30 * MS);
	assert_text(sim, CARD "11.0009/se_associate", "associated 5\n");
	sim_free(sim);
}

static struct sim *associate_with_fault(const char *fault)
{
	char topology[512];
	struct sim *sim;

	snprintf(topology, sizeof(topology), "%sfault 11.0008 associate %s times=1\n", ONE_QUEUE, fault);
	sim = settled(topology);
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), 0);
	assert_int_equal(write_text(sim, QUEUE "se_associate", "5"), 0);
	assert_text(sim, QUEUE "se_associate", "association pending\n");
	sleep_us(sim, 100 * MS);
	return sim;
}

static void late_failure(void **state)
{
	static const char *const cures[] = { QUEUE "se_bind", "bus/ap/scans", NULL };

	(void)state;
	for (size_t i = 0; i < COUNT(cures); i++) {
		struct sim *sim = associate_with_fault("late");

		assert_text(sim, QUEUE "se_bind", "EIO");
		assert_text(sim, QUEUE "se_associate", "EIO");
		assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), -EIO);
		assert_int_equal(write_text(sim, QUEUE "se_associate", "5"), -EIO);
		if (cures[i])
			assert_int_equal(write_text(sim, cures[i], "0"), 0);
		else
			sleep_us(sim, 30 * S);
		sleep_us(sim, 100 * MS);
		/* Only the write to se_bind unbinds the queue. */
		assert_text(sim, QUEUE "se_bind", i == 0 ? "unbound\n" : "bound\n");
		assert_text(sim, QUEUE "se_associate", "unassociated\n");
		sim_free(sim);
	}
}

static void pending_forever(void **state)
{
	struct sim *sim = associate_with_fault("never");

	(void)state;
	sleep_us(sim, 600 * S);
	assert_text(sim, QUEUE "se_associate", "association pending\n");
	assert_text(sim, QUEUE "se_bind", "bound\n");
	assert_int_equal(write_text(sim, QUEUE "se_bind", "0"), 0);
	sleep_us(sim, 100 * MS);
	assert_text(sim, QUEUE "se_bind", "unbound\n");
	sim_free(sim);
}

static void association_lost(void **state)
{
	struct sim *sim = associate_with_fault("fall_back");

	(void)state;
	assert_text(sim, QUEUE "se_associate", "unassociated\n");
	assert_text(sim, QUEUE "se_bind", "unbound\n");
	/* It can be bound again, but the driver does not use it until a scan resets it. */
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), 0);
	assert_int_equal(write_text(sim, QUEUE "se_associate", "5"), -EBUSY);
	sleep_us(sim, 31 * S);
	assert_int_equal(write_text(sim, QUEUE "se_associate", "5"), 0);
	sleep_us(sim, 31 * S);
	assert_text(sim, QUEUE "se_associate", "associated 5\n");
	sim_free(sim);
}

/* --- boot ----------------------------------------------------------------------------------------- */

static void bindings_come_late(void **state)
{
	struct sim *sim = sim_new(ONE_QUEUE);

	(void)state;
	sim->options.bindings_us = 300 * MS;
	assert_text(sim, "bus/ap/bindings", "0/1\n");
	assert_text(sim, "bus/ap/bindings_complete_count", "0\n");
	assert_text(sim, CARD "type", "ENOENT");
	assert_text(sim, QUEUE "mkvps", "ENOENT");
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), -EBUSY);
	sleep_us(sim, 300 * MS);
	assert_text(sim, "bus/ap/bindings", "1/1 (complete)\n");
	assert_text(sim, "bus/ap/bindings_complete_count", "1\n");
	assert_text(sim, CARD "type", "CEX8P\n");
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), -EIO);
	sleep_us(sim, 100 * MS);
	assert_int_equal(write_text(sim, QUEUE "se_bind", "1"), 0);
	sim_free(sim);
}

static void driver_missing(void **state)
{
	static const bool settled_too[] = { false, true };

	(void)state;
	for (size_t i = 0; i < COUNT(settled_too); i++) {
		struct sim *sim = sim_new(ONE_QUEUE);

		sim->options.driver_missing = true;
		sim->options.settled = settled_too[i];
		sleep_us(sim, 100 * S);
		assert_text(sim, "bus/ap/bindings", "0/1\n");
		assert_text(sim, CARD "type", "ENOENT");
		assert_text(sim, QUEUE "online", "ENOENT");
		assert_text(sim, QUEUE "se_bind", "unbound\n");
		sim_free(sim);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_bind_after_complete),
		cmocka_unit_test(rebind_waits_for_grid),
		cmocka_unit_test(bind_errors),
		cmocka_unit_test(bind_duration),
		cmocka_unit_test(unbind_without_effect_when_deconfigured),
		cmocka_unit_test(checkstop_ends),
		cmocka_unit_test(bind_not_verified),
		cmocka_unit_test(unbind_of_vanished),
		cmocka_unit_test(vanished_during_reset),
		cmocka_unit_test(associate),
		cmocka_unit_test(associate_not_unique),
		cmocka_unit_test(associate_busy_while_request_runs),
		cmocka_unit_test(unbind_of_associated),
		cmocka_unit_test(index_lost),
		cmocka_unit_test(late_failure),
		cmocka_unit_test(pending_forever),
		cmocka_unit_test(association_lost),
		cmocka_unit_test(bindings_come_late),
		cmocka_unit_test(driver_missing),
	};

	return cmocka_run_group_tests_name("sim_driver", tests, NULL, NULL);
}
