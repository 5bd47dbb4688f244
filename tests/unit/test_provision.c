/* SPDX-License-Identifier: MIT */
/* Provisioning on the simulated machine: what state the queues are in afterwards, and what was done on the way. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config.h"
#include "inventory.h"
#include "log_capture.h"
#include "provision.h"
#include "sim/sim_machine.h"

#define MKVP_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define MKVP_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define MKVP_C "cccccccccccccccccccccccccccccccc"
#define PAD "00000000000000000000000000000000"
#define ID_1 "1111111111111111111111111111111111111111111111111111111111111111"
#define ID_2 "2222222222222222222222222222222222222222222222222222222222222222"
#define ID_3 "3333333333333333333333333333333333333333333333333333333333333333"

#define SECRETS "secret 1 id=" ID_1 "\nsecret 2 id=" ID_2 "\n"
#define ENTRY_A "- mode: EP11\n  mkvp: " MKVP_A "\n  secretid: " ID_1 "\n"
#define ENTRY_B "- mode: EP11\n  mkvp: " MKVP_B "\n  secretid: " ID_2 "\n"
#define ENTRY_ACCEL "- mode: Accel\n"
#define DELAYS "delay bind=1ms reset=20ms associate=30ms request=2ms\n"
/* Two EP11 cards with two queues each, and an accelerator. */
#define MACHINE                                                                                                            \
	DELAYS SECRETS "card 05 CEX8A\nqueue 05.0001\nqueue 05.0002\n"                                                     \
		       "card 11 CEX8P serialnr=SERIAL1111111111\nqueue 11.0001 mkvp=" MKVP_A PAD "\nqueue 11.0002 mkvp=" MKVP_C PAD "\n" \
		       "card 12 CEX8P serialnr=SERIAL2222222222\nqueue 12.0001 mkvp=" MKVP_B PAD "\nqueue 12.0002 mkvp=none\n"

struct fixture {
	struct sim *sim;
	struct config config;
	struct secrets secrets;
	struct inventory inventory;
	struct plan plan;
	struct log_capture log;
	struct provision_request request;
	int64_t took_ms;
	int result;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	log_capture_begin(&fixture->log);
	log_set_verbose(1);
	fixture->request.timeout_ms = 60000;
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	plan_release(&fixture->plan);
	inventory_release(&fixture->inventory);
	config_release(&fixture->config);
	free(fixture->secrets.list);
	sim_free(fixture->sim);
	log_capture_end();
	free(fixture);
	return 0;
}

static void new_machine(struct fixture *fixture, const char *topology)
{
	sim_free(fixture->sim);
	fixture->sim = sim_new(topology);
}

static void take_secrets(struct fixture *fixture)
{
	const struct model *model = &fixture->sim->model;

	free(fixture->secrets.list);
	fixture->secrets.list = calloc(model->secret_count + 1, sizeof(*fixture->secrets.list));
	fixture->secrets.count = model->secret_count;
	for (size_t i = 0; i < model->secret_count; i++) {
		fixture->secrets.list[i].index = model->secrets[i].index;
		memcpy(fixture->secrets.list[i].id, model->secrets[i].id, SECRETS_ID_SIZE);
	}
}

/* Gathers and provisions with this configuration (NULL: without entries); the journal then holds provisioning only. */
static void run(struct fixture *fixture, const char *yaml)
{
	struct machine *machine = &fixture->sim->machine;

	plan_release(&fixture->plan);
	inventory_release(&fixture->inventory);
	config_release(&fixture->config);
	take_secrets(fixture);
	if (yaml)
		assert_int_equal(config_parse("test.yaml", yaml, strlen(yaml), &fixture->config), 0);
	assert_int_equal(inventory_wait_bindings(machine, MACHINE_FOREVER), 0);
	assert_int_equal(inventory_gather(machine, MACHINE_FOREVER, &fixture->inventory), 0);
	sim_journal_clear(fixture->sim);
	fixture->log.text[0] = '\0';
	fixture->request.config = &fixture->config;
	fixture->request.secrets = &fixture->secrets;
	fixture->took_ms = machine_now_ms(machine);
	fixture->request.deadline_ms =
		fixture->request.timeout_ms > 0 ? fixture->took_ms + fixture->request.timeout_ms : MACHINE_FOREVER;
	fixture->result = provision_run(machine, &fixture->request, fixture->inventory.apqns, fixture->inventory.count,
					&fixture->plan);
	fixture->took_ms = machine_now_ms(machine) - fixture->took_ms;
}

/* "bindable", "bound", "associated N": the truth of the model. */
static const char *truth(struct fixture *fixture, uint8_t card, uint8_t domain)
{
	static char text[32];
	const struct model_queue *queue = sim_queue(fixture->sim, card, domain);

	switch (queue->state) {
	case MODEL_USABLE:
		if (fixture->sim->model.cards[card].mode == MODEL_ACCEL)
			return "bound";
		snprintf(text, sizeof(text), "associated %u", queue->association);
		return text;
	case MODEL_NO_SECURE_KEY:
		return "bound";
	case MODEL_BINDABLE:
		return "bindable";
	case MODEL_FOREIGN:
		break;
	}
	return "foreign";
}

#define assert_log(fixture, expected) assert_non_null(strstr((fixture)->log.text, expected))

static void test_fresh_machine(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	run(fixture, ENTRY_ACCEL ENTRY_A ENTRY_B);
	assert_int_equal(fixture->result, 0);
	assert_int_equal(fixture->plan.satisfied, 3);
	assert_string_equal(truth(fixture, 0x05, 1), "bound");
	assert_string_equal(truth(fixture, 0x05, 2), "bindable");
	assert_string_equal(truth(fixture, 0x11, 1), "associated 1");
	assert_string_equal(truth(fixture, 0x11, 2), "bindable");
	assert_string_equal(truth(fixture, 0x12, 1), "associated 2");
	assert_string_equal(truth(fixture, 0x12, 2), "bindable");
	/* Reset by the driver at boot, two requests, one association, one release: nothing that sleeps half a second. */
	assert_true(fixture->took_ms < 250);
}

static void test_second_run_writes_nothing(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	run(fixture, ENTRY_ACCEL ENTRY_A ENTRY_B);
	assert_int_not_equal(sim_write_count(fixture->sim), 0);
	run(fixture, ENTRY_ACCEL ENTRY_A ENTRY_B);
	assert_int_equal(fixture->plan.satisfied, 3);
	assert_int_equal(sim_write_count(fixture->sim), 0);
}

/* Queues whose identity nobody needs are not bound to learn it. */
static void test_no_needless_probe(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_ACCEL);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_int_equal(sim_count(fixture->sim, MACHINE_WRITE, "*"), 1);
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/mkvps"), 0);
}

static void test_no_secret_no_probe(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	run(fixture, "- mode: EP11\n  mkvp: " MKVP_A "\n  secretid: " ID_3 "\n");
	assert_int_equal(fixture->plan.satisfied, 0);
	assert_int_equal(fixture->plan.entries[0].reason, PLAN_NO_SECRET);
	assert_int_equal(sim_write_count(fixture->sim), 0);
}

static void test_serialnr(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	run(fixture, "- mode: EP11\n  mkvp: " MKVP_A "\n  serialnr: SERIAL1111111111\n  secretid: " ID_1 "\n"
		     "- mode: EP11\n  mkvp: " MKVP_B "\n  serialnr: SERIAL1111111111\n  secretid: " ID_2 "\n");
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x11, 1), "associated 1");
	assert_string_equal(truth(fixture, 0x12, 1), "bindable");
	assert_int_equal(fixture->plan.entries[1].reason, PLAN_SERIALNR);
	/* One serial number a card, not one a queue. */
	assert_true(sim_count(fixture->sim, MACHINE_READ, "*/serialnr") <= 2);
}

static void test_wrong_association_is_corrected(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD " state=associated:2\n");
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x11, 1), "associated 1");
	assert_log(fixture, "11.0001: unbind, bind and associate with secret index 1 for entry #1");
}

/* Bound and fitting, but not associated: no reset. */
static void test_bound_is_associated_as_it_is(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD " state=bound\n");
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_int_equal(sim_count(fixture->sim, MACHINE_WRITE, "*/se_bind"), 0);
	assert_int_equal(sim_count(fixture->sim, MACHINE_WRITE, "*/se_associate"), 1);
}

/* After a kexec the kernel does not know the association any more: unbind, bind, associate. */
static void test_after_kexec(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD " state=associated:1\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x11, 1), "associated 1");
}

static void test_unneeded_is_unbound(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 05 CEX8A\nqueue 05.0001 state=bound\nqueue 05.0002 state=bound\n"
					    "card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD " state=associated:1\n");
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_ACCEL);
	assert_string_equal(truth(fixture, 0x05, 1), "bound");
	assert_string_equal(truth(fixture, 0x05, 2), "bindable");
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
}

static void test_no_entries_unbinds_all(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 05 CEX8A\nqueue 05.0001 state=bound\nqueue 05.0002\n"
					    "card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD " state=associated:1\n");
	fixture->sim->options.settled = true;
	run(fixture, NULL);
	assert_int_equal(fixture->result, 0);
	assert_string_equal(truth(fixture, 0x05, 1), "bindable");
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
	assert_int_equal(sim_write_count(fixture->sim), 2);
}

/* CCA queues are listed and otherwise left alone. */
static void test_cca_is_left_alone(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 07 CEX8C\nqueue 07.0001\ncard 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD "\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_int_equal(sim_count(fixture->sim, MACHINE_READ, "*/07.0001/*"), 0);
	assert_int_equal(sim_count(fixture->sim, MACHINE_WRITE, "*/07.0001/*"), 0);
}

static void test_refused_bind_takes_the_second(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD "\n"
					    "card 12 CEX8P\nqueue 12.0001 mkvp=" MKVP_A PAD "\n"
					    "fault 11.0001 bind rc=30\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x12, 1), "associated 1");
	/* The other one did not wait for the verdict on the first. */
	assert_true(fixture->took_ms < 900);
}

static void test_refused_bind_is_a_failure(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD "\nfault 11.0001 bind rc=30\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 0);
	assert_int_equal(fixture->inventory.apqns[0].failure, APQN_BIND_REFUSED);
	assert_true(fixture->took_ms >= 1000 && fixture->took_ms < 1200);
	assert_log(fixture, "warning: APQN 11.0001: the firmware refuses the bind: Input/output error");
}

static void test_refused_association_takes_the_second(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD "\n"
					    "card 12 CEX8P\nqueue 12.0001 mkvp=" MKVP_A PAD "\n"
					    "fault 11.0001 associate rc=35\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
	assert_string_equal(truth(fixture, 0x12, 1), "associated 1");
	assert_log(fixture, "warning: APQN 11.0001: the firmware refuses the association with this secret");
}

static void test_association_fails_late(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD "\n"
					    "card 12 CEX8P\nqueue 12.0001 mkvp=" MKVP_A PAD "\n"
					    "fault 11.0001 associate late\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
	assert_string_equal(truth(fixture, 0x12, 1), "associated 1");
	assert_log(fixture, "warning: APQN 11.0001: the association was started and failed");
}

static void test_association_falls_back(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD "\nfault 11.0001 associate fall_back\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 0);
	assert_int_equal(fixture->inventory.apqns[0].failure, APQN_ASSOCIATION_FAILED);
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
}

/* An association that never ends is given up at half time when another queue can take its place. */
static void test_association_never_ends(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD "\n"
					    "card 12 CEX8P\nqueue 12.0001 mkvp=" MKVP_A PAD "\n"
					    "fault 11.0001 associate never\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x12, 1), "associated 1");
	assert_true(fixture->took_ms < 31000);
}

static void test_association_never_ends_alone(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD "\nfault 11.0001 associate never\n");
	fixture->request.timeout_ms = 10000;
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 0);
	assert_int_equal(fixture->inventory.apqns[0].failure, APQN_ASSOCIATION_TIMEOUT);
	/* Tidied up before the deadline. */
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
	assert_true(fixture->took_ms <= 10000);
}

/* Slow but the only one: it is waited for longer than half of the time. */
static void test_slow_association_alone(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, "delay reset=5s associate=40s\n" SECRETS "card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD "\n");
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_true(fixture->took_ms >= 40000 && fixture->took_ms < 41000);
}

/* A reset of ours that takes long is no refusal. */
static void test_slow_reset_of_ours(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, "delay reset=5s\n" SECRETS "card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD " state=associated:2\n");
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x11, 1), "associated 1");
}

static void test_limit_of_bound_queues(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "limit 1\ncard 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_C PAD "\nqueue 11.0002 mkvp=none\n"
					    "card 12 CEX8P\nqueue 12.0001 mkvp=" MKVP_C PAD "\nqueue 12.0002 mkvp=" MKVP_A PAD "\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x12, 2), "associated 1");
	assert_true(fixture->took_ms < 5000);
}

static void test_limit_is_reported(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE "limit 1\n");
	run(fixture, ENTRY_A ENTRY_B);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_log(fixture, "the bind is refused while other queues are bound");
}

/* The kernel does not come back from a read: the other card is served, the deadline holds. */
static void test_stuck_card_costs_only_itself(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	sim_inject(fixture->sim, &(struct sim_injection){ .operation = MACHINE_READ, .path = "*/11.0001/mkvps", .action = SIM_HANG });
	run(fixture, ENTRY_A ENTRY_B);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x12, 1), "associated 2");
	assert_log(fixture, "card11: the kernel did not come back from a call on this card");
	assert_true(fixture->took_ms < 6000);
}

static void test_stuck_bind(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	sim_inject(fixture->sim, &(struct sim_injection){ .operation = MACHINE_WRITE, .path = "*/11.0001/se_bind", .action = SIM_HANG });
	fixture->request.timeout_ms = 3000;
	run(fixture, ENTRY_A ENTRY_B);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x12, 1), "associated 2");
	assert_true(fixture->took_ms <= 3000);
}

static void test_vanished_card(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE "fault 11.* request vanish\n");
	fixture->request.timeout_ms = 20000;
	run(fixture, ENTRY_A ENTRY_B);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_string_equal(truth(fixture, 0x12, 1), "associated 2");
	assert_true(fixture->took_ms <= 20000);
}

static void test_queue_of_another_guest(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD " state=foreign\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 0);
	assert_int_equal(fixture->inventory.apqns[0].failure, APQN_BIND_TAKEN);
}

/* An unbind that has no effect is reported and does not go on for ever. */
static void test_unbind_without_effect(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 05 CEX8A\nqueue 05.0001 state=bound\ncard 06 CEX8A configured=0\nqueue 06.0001 state=bound\n");
	fixture->sim->options.settled = true;
	run(fixture, NULL);
	assert_string_equal(truth(fixture, 0x05, 1), "bindable");
	assert_int_equal(fixture->inventory.apqns[1].failure, APQN_STAYS_BOUND);
	assert_true(fixture->took_ms < 1000);
}

static void test_duplicate_mkvp_is_refused(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, DELAYS SECRETS "card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD "\nqueue 11.0002 mkvp=" MKVP_A PAD "\n");
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->result, -EEXIST);
	assert_int_equal(sim_count(fixture->sim, MACHINE_WRITE, "*/se_associate"), 0);
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
	assert_string_equal(truth(fixture, 0x11, 2), "bindable");
	assert_log(fixture, "error: APQN 11.0001 and APQN 11.0002: ");
}

static void test_association_pending_from_before(void **state)
{
	struct fixture *fixture = *state;
	char index[] = "1";
	struct machine_call call = { .operation = MACHINE_WRITE, .data = index, .size = 2, .length = 1, .until_ms = MACHINE_FOREVER };

	new_machine(fixture, "delay associate=2s\n" SECRETS "card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD " state=bound\n"
			     "queue 11.0002 mkvp=" MKVP_B PAD "\n");
	fixture->sim->options.settled = true;
	strcpy(call.path, "devices/ap/card11/11.0001/se_associate");
	assert_int_equal(machine_perform(&fixture->sim->machine, &call), 0);
	run(fixture, ENTRY_A ENTRY_B);
	assert_int_equal(fixture->plan.satisfied, 2);
	assert_string_equal(truth(fixture, 0x11, 1), "associated 1");
	assert_string_equal(truth(fixture, 0x11, 2), "associated 2");
	/* The first was left as it is, and nothing was read of the card while its association was pending. */
	assert_int_equal(sim_count(fixture->sim, MACHINE_WRITE, "*/11.0001/*"), 0);
	assert_true(fixture->took_ms < 5000);
}

static void test_signal(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	sim_stop_after(fixture->sim, 25);
	run(fixture, ENTRY_A);
	assert_int_equal(fixture->result, -EINTR);
}

static void test_dry_run_writes_nothing(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	fixture->request.dry_run = true;
	run(fixture, ENTRY_ACCEL ENTRY_A);
	assert_int_equal(sim_write_count(fixture->sim), 0);
	assert_int_equal(fixture->plan.satisfied, 1);
	assert_int_equal(fixture->plan.entries[1].reason, PLAN_UNKNOWN);
	assert_log(fixture, "dry run: 05.0001: bind for entry #1");
	assert_log(fixture, "dry run: 11.0001: bind to read its master key");
}

static void test_dry_run_with_probe(void **state)
{
	struct fixture *fixture = *state;

	new_machine(fixture, MACHINE);
	fixture->request.dry_run = true;
	fixture->request.probe = true;
	run(fixture, ENTRY_ACCEL ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 2);
	assert_int_equal(sim_count(fixture->sim, MACHINE_WRITE, "*/se_associate"), 0);
	assert_string_equal(truth(fixture, 0x05, 1), "bindable");
	assert_string_equal(truth(fixture, 0x11, 1), "bindable");
	assert_log(fixture, "dry run: 11.0001: bind and associate with secret index 1 for entry #2");
}

/* The actions that a dry run prints are those that a real run then prints. */
static void test_dry_run_tells_the_truth(void **state)
{
	static const char topology[] =
		DELAYS SECRETS "card 05 CEX8A\nqueue 05.0001 state=bound\nqueue 05.0002\ncard 06 CEX7A\nqueue 06.0001 state=bound\n"
			       "card 11 CEX8P\nqueue 11.0001 mkvp=" MKVP_A PAD " state=associated:2\nqueue 11.0002 mkvp=" MKVP_B PAD
			       " state=bound\n";
	static const char *const actions[] = {
		"06.0001: unbind, it serves no entry\n",
		"11.0001: unbind, bind and associate with secret index 1 for entry #2\n",
		"11.0002: associate with secret index 2 for entry #3\n",
	};
	struct fixture *fixture = *state;
	char line[128];

	new_machine(fixture, topology);
	fixture->sim->options.settled = true;
	fixture->request.dry_run = true;
	run(fixture, ENTRY_ACCEL ENTRY_A ENTRY_B);
	for (size_t i = 0; i < 3; i++) {
		snprintf(line, sizeof(line), "info: dry run: %s", actions[i]);
		assert_log(fixture, line);
	}
	assert_int_equal(fixture->plan.satisfied, 3);
	fixture->request.dry_run = false;
	run(fixture, ENTRY_ACCEL ENTRY_A ENTRY_B);
	for (size_t i = 0; i < 3; i++) {
		snprintf(line, sizeof(line), "info: %s", actions[i]);
		assert_log(fixture, line);
	}
	assert_int_equal(fixture->plan.satisfied, 3);
}

/* Cards overlap: eight cards take no longer than one, give or take. */
static void test_cards_overlap(void **state)
{
	struct fixture *fixture = *state;
	char topology[8192] = DELAYS SECRETS;
	int64_t one_ms;

	strcat(topology, "card 20 CEX8P\nqueue 20.0000 mkvp=" MKVP_A PAD "\n");
	new_machine(fixture, topology);
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_A);
	one_ms = fixture->took_ms;
	for (unsigned int card = 0x21; card < 0x28; card++)
		snprintf(topology + strlen(topology), sizeof(topology) - strlen(topology),
			 "card %02x CEX8P\nqueue %02x.0000 mkvp=" MKVP_A PAD "\n", card, card);
	new_machine(fixture, topology);
	fixture->sim->options.settled = true;
	run(fixture, ENTRY_A ENTRY_A ENTRY_A ENTRY_A ENTRY_A ENTRY_A ENTRY_A ENTRY_A);
	assert_int_equal(fixture->plan.satisfied, 8);
	assert_true(fixture->took_ms <= one_ms + 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_fresh_machine),
		TEST(test_second_run_writes_nothing),
		TEST(test_no_needless_probe),
		TEST(test_no_secret_no_probe),
		TEST(test_serialnr),
		TEST(test_wrong_association_is_corrected),
		TEST(test_bound_is_associated_as_it_is),
		TEST(test_after_kexec),
		TEST(test_unneeded_is_unbound),
		TEST(test_no_entries_unbinds_all),
		TEST(test_cca_is_left_alone),
		TEST(test_refused_bind_takes_the_second),
		TEST(test_refused_bind_is_a_failure),
		TEST(test_refused_association_takes_the_second),
		TEST(test_association_fails_late),
		TEST(test_association_falls_back),
		TEST(test_association_never_ends),
		TEST(test_association_never_ends_alone),
		TEST(test_slow_association_alone),
		TEST(test_slow_reset_of_ours),
		TEST(test_limit_of_bound_queues),
		TEST(test_limit_is_reported),
		TEST(test_stuck_card_costs_only_itself),
		TEST(test_stuck_bind),
		TEST(test_vanished_card),
		TEST(test_queue_of_another_guest),
		TEST(test_unbind_without_effect),
		TEST(test_duplicate_mkvp_is_refused),
		TEST(test_association_pending_from_before),
		TEST(test_signal),
		TEST(test_dry_run_writes_nothing),
		TEST(test_dry_run_with_probe),
		TEST(test_dry_run_tells_the_truth),
		TEST(test_cards_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
