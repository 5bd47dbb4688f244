/* SPDX-License-Identifier: MIT */
#pragma once

/* Provisioning by itself on a simulated machine; include after cmocka.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ap/inventory.h"
#include "config/config.h"
#include "provision/provision.h"
#include "sim/sim_machine.h"
#include "unit/log_capture.h"

#define MKVP_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define MKVP_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define MKVP_C "cccccccccccccccccccccccccccccccc"
#define PAD "00000000000000000000000000000000"
#define KEY_A " mkvp=" MKVP_A PAD
#define KEY_B " mkvp=" MKVP_B PAD
#define KEY_C " mkvp=" MKVP_C PAD
#define ID_1 "1111111111111111111111111111111111111111111111111111111111111111"
#define ID_2 "2222222222222222222222222222222222222222222222222222222222222222"
#define ID_3 "3333333333333333333333333333333333333333333333333333333333333333"

#define SECRETS "secret 1 id=" ID_1 "\nsecret 2 id=" ID_2 "\n"
#define ENTRY_A "- mode: EP11\n  mkvp: " MKVP_A "\n  secretid: " ID_1 "\n"
#define ENTRY_B "- mode: EP11\n  mkvp: " MKVP_B "\n  secretid: " ID_2 "\n"
#define ENTRY_ACCEL "- mode: Accel\n"
#define DELAYS "delay bind=1ms reset=20ms associate=30ms request=2ms\n"
/* Two EP11 cards with two queues each, and an accelerator. */
#define MACHINE                                                                                                \
	DELAYS SECRETS "card 05 CEX8A\nqueue 05.0001\nqueue 05.0002\n"                                        \
		       "card 11 CEX8P serialnr=SERIAL1111111111\nqueue 11.0001" KEY_A "\nqueue 11.0002" KEY_C "\n" \
		       "card 12 CEX8P serialnr=SERIAL2222222222\nqueue 12.0001" KEY_B "\nqueue 12.0002 mkvp=none\n"

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

static inline int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	log_capture_begin(&fixture->log);
	log_set_verbose(1);
	fixture->request.timeout_ms = 60000;
	*state = fixture;
	return 0;
}

static inline int teardown(void **state)
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

static inline void new_machine(struct fixture *fixture, const char *topology)
{
	sim_free(fixture->sim);
	fixture->sim = sim_new(topology);
}

static inline void take_secrets(struct fixture *fixture)
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
static inline void run(struct fixture *fixture, const char *yaml)
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
static inline const char *truth(struct fixture *fixture, uint8_t card, uint8_t domain)
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

/* Calls of this operation on these paths never come back. */
static inline void hang(struct fixture *fixture, enum machine_operation operation, const char *path)
{
	sim_inject(fixture->sim, &(struct sim_injection){ .operation = operation, .path = path, .action = SIM_HANG });
}

/* Such calls fail and have no effect. */
static inline void refuse(struct fixture *fixture, enum machine_operation operation, const char *path, int error)
{
	sim_inject(fixture->sim, &(struct sim_injection){ operation, path, SIM_FAIL, error, NULL, 0, 0 });
}

#define assert_log(fixture, expected) assert_non_null(strstr((fixture)->log.text, expected))

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
