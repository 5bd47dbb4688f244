/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "sim_kernel.h"

#define GRID_US 40000

static enum model_response test_queue(struct sim *sim, size_t place, struct model_test *test, int64_t *hang_us)
{
	const struct model_queue *queue = &sim->model.queues[place];

	return model_tapq(&sim->model, queue->card, queue->domain, sim->kernel->now_us, test, hang_us);
}

/* Runs all state machines at the next point of the grid. */
static void arm(struct sim *sim)
{
	struct sim_kernel *kernel = sim->kernel;
	int64_t steps = (kernel->now_us - sim->options.grid_us) / GRID_US + 1;

	if (kernel->tick_us == SIM_NEVER)
		kernel->tick_us = sim->options.grid_us + steps * GRID_US;
}

static void activate(struct sim_kernel *kernel, size_t place)
{
	if (kernel->queues[place].active)
		return;
	kernel->queues[place].active = true;
	kernel->active[kernel->active_count++] = (uint16_t)place;
}

static bool start_reset(struct sim *sim, size_t place, int64_t *hang_us)
{
	const struct model_queue *queue = &sim->model.queues[place];
	struct sim_queue *known = &sim->kernel->queues[place];
	enum model_response response;

	response = model_rapq(&sim->model, queue->card, queue->domain, known->unbind, sim->kernel->now_us, hang_us);
	if (response != MODEL_OK && response != MODEL_RESET_IN_PROGRESS) {
		known->broken = true;
		return false;
	}
	known->state = SIM_RESET_WAIT;
	known->unbind = false;
	return true;
}

static bool check_reset(struct sim *sim, size_t place)
{
	struct sim_queue *known = &sim->kernel->queues[place];
	struct model_test test;

	switch (test_queue(sim, place, &test, NULL)) {
	case MODEL_OK:
		known->bind_state = test.bind_state;
		known->state = known->sent ? SIM_WORKING : SIM_IDLE;
		return sim_request_write(sim, place);
	case MODEL_BUSY:
	case MODEL_RESET_IN_PROGRESS:
		return true;
	default:
		known->broken = true;
		return false;
	}
}

static bool check_association(struct sim *sim, size_t place)
{
	struct sim_queue *known = &sim->kernel->queues[place];
	struct model_test test;

	if (test_queue(sim, place, &test, NULL) > MODEL_BUSY) {
		known->broken = true;
		return false;
	}
	known->bind_state = test.bind_state;
	switch (test.bind_state) {
	case MODEL_USABLE:
		/* Requests queued meanwhile are not sent until another event runs the state machine. */
		known->state = SIM_IDLE;
		return false;
	case MODEL_NO_SECURE_KEY:
		return true;
	default:
		known->index = SIM_NO_INDEX;
		known->broken = true;
		return false;
	}
}

/* Runs a state machine once; true if it must run again. */
static bool look(struct sim *sim, size_t place, int64_t *hang_us)
{
	struct sim_queue *known = &sim->kernel->queues[place];

	if (!known->started || !known->configured || known->checkstopped)
		return false;
	switch (known->state) {
	case SIM_RESET_START:
		return start_reset(sim, place, hang_us);
	case SIM_RESET_WAIT:
		return check_reset(sim, place);
	case SIM_ASSOCIATE_WAIT:
		return check_association(sim, place);
	case SIM_IDLE:
	case SIM_WORKING:
		return sim_request_write(sim, place);
	}
	return false;
}

static void look_and_arm(struct sim *sim, size_t place, int64_t *hang_us)
{
	if (look(sim, place, hang_us))
		arm(sim);
	activate(sim->kernel, place);
}

void sim_driver_poke(struct sim *sim, size_t place)
{
	look_and_arm(sim, place, NULL);
}

/* Restarts the queue with a reset. The kernel forgets its association. */
static void restart(struct sim *sim, size_t place, int64_t *hang_us)
{
	struct sim_queue *known = &sim->kernel->queues[place];

	known->started = true;
	known->broken = false;
	known->state = SIM_RESET_START;
	known->index = SIM_NO_INDEX;
	look_and_arm(sim, place, hang_us);
}

void sim_driver_tick(struct sim *sim)
{
	struct sim_kernel *kernel = sim->kernel;
	size_t count = kernel->active_count;

	kernel->tick_us = SIM_NEVER;
	kernel->active_count = 0;
	for (size_t i = 0; i < count; i++) {
		size_t place = kernel->active[i];
		struct sim_queue *known = &kernel->queues[place];

		if (look(sim, place, NULL))
			arm(sim);
		known->active = known->queued || known->state == SIM_RESET_WAIT || known->state == SIM_ASSOCIATE_WAIT;
		if (known->active)
			kernel->active[kernel->active_count++] = (uint16_t)place;
	}
}

static void create(struct sim *sim, size_t place, enum model_response response, const struct model_test *test)
{
	struct sim_queue *known = &sim->kernel->queues[place];

	*known = (struct sim_queue){ .known = true, .active = known->active, .online = true };
	known->configured = response != MODEL_DECONFIGURED;
	known->checkstopped = response == MODEL_CHECKSTOPPED;
	known->bind_state = test->bind_state;
	known->index = SIM_NO_INDEX;
	sim->kernel->cards[sim->model.queues[place].card].known++;
}

void sim_driver_complete(struct sim *sim)
{
	struct sim_kernel *kernel = sim->kernel;

	kernel->complete_us = SIM_NEVER;
	kernel->completions++;
	for (size_t place = 0; place < sim->model.queue_count; place++) {
		struct sim_queue *known = &kernel->queues[place];

		if (!known->known || known->has_driver)
			continue;
		known->has_driver = true;
		restart(sim, place, NULL);
	}
}

/* As long after the boot: queues have drivers, resets are over, associations are known. */
static void settle(struct sim *sim)
{
	struct sim_kernel *kernel = sim->kernel;

	for (size_t place = 0; place < sim->model.queue_count; place++) {
		const struct model_queue *queue = &sim->model.queues[place];
		struct sim_queue *known = &kernel->queues[place];

		known->has_driver = known->known && kernel->complete_us != SIM_NEVER;
		known->started = known->has_driver;
		known->state = known->started ? SIM_IDLE : SIM_RESET_START;
		if (queue->state == MODEL_USABLE && sim->model.cards[queue->card].mode == MODEL_EP11)
			known->index = queue->association;
	}
	if (kernel->complete_us != SIM_NEVER)
		kernel->completions = 1;
	kernel->complete_us = SIM_NEVER;
}

void sim_driver_boot(struct sim *sim)
{
	struct sim_kernel *kernel = sim->kernel;

	kernel->booted = true;
	kernel->complete_us = sim->options.driver_missing ? SIM_NEVER : kernel->now_us + sim->options.bindings_us;
	kernel->scans = 1;
	kernel->scan_us = kernel->now_us + SIM_SCAN_PERIOD_US;
	for (size_t place = sim->model.queue_count; place-- > 0;) {
		struct sim_card *card = &kernel->cards[sim->model.queues[place].card];
		struct model_test test;
		enum model_response response = test_queue(sim, place, &test, NULL);

		card->first = place;
		card->count++;
		kernel->queues[place] = (struct sim_queue){ 0 };
		if (response != MODEL_NOT_PRESENT)
			create(sim, place, response, &test);
	}
	if (sim->options.settled)
		settle(sim);
	else if (kernel->complete_us == kernel->now_us)
		sim_driver_complete(sim);
}

static void follow_configuration(struct sim *sim, size_t place, enum model_response response)
{
	struct sim_queue *known = &sim->kernel->queues[place];
	bool configured = response != MODEL_DECONFIGURED;
	bool checkstopped = response == MODEL_CHECKSTOPPED;
	bool lost = (known->configured && !configured) || (!known->checkstopped && checkstopped);
	bool came_back = (!known->configured && configured) || (known->checkstopped && !checkstopped);

	known->configured = configured;
	known->checkstopped = checkstopped;
	if (!known->started)
		return;
	if (lost) {
		known->broken = true;
	} else if (came_back || (known->broken && configured && !checkstopped)) {
		sim_request_flush(sim, place);
		restart(sim, place, NULL);
	}
}

bool sim_driver_scan(struct sim *sim)
{
	struct sim_kernel *kernel = sim->kernel;
	bool changed = false;

	kernel->scans++;
	for (size_t place = 0; place < sim->model.queue_count; place++) {
		struct sim_queue *known = &kernel->queues[place];
		struct model_test test;
		enum model_response response = test_queue(sim, place, &test, NULL);

		if (response == MODEL_NOT_PRESENT) {
			if (!known->known)
				continue;
			/* The device cannot be removed while it has readers, and these wait for this scan. */
			kernel->scan_stuck = sim_request_is_inside(sim, place);
			if (kernel->scan_stuck)
				return changed;
			sim_request_flush(sim, place);
			known->known = false;
			kernel->cards[sim->model.queues[place].card].known--;
			changed = true;
		} else if (!known->known) {
			create(sim, place, response, &test);
			changed = true;
			if (!sim->options.driver_missing && kernel->complete_us == SIM_NEVER)
				sim_driver_complete(sim);
		} else {
			known->bind_state = test.bind_state;
			follow_configuration(sim, place, response);
		}
	}
	return changed;
}

int sim_driver_test(struct sim *sim, size_t place, struct model_test *test, int64_t *hang_us)
{
	/* The kernel accepts responses up to "busy" as valid, even "not present". */
	if (test_queue(sim, place, test, hang_us) > MODEL_BUSY)
		return -EIO;
	sim->kernel->queues[place].bind_state = test->bind_state;
	return 0;
}

int sim_driver_unbind(struct sim *sim, size_t place, int64_t *hang_us)
{
	sim_request_flush(sim, place);
	sim->kernel->queues[place].unbind = true;
	restart(sim, place, hang_us);
	return 0;
}

int sim_driver_bind(struct sim *sim, size_t place, int64_t *hang_us)
{
	const struct model_queue *queue = &sim->model.queues[place];
	struct sim_queue *known = &sim->kernel->queues[place];
	struct model_test test;
	int64_t test_us = 0;

	if (test_queue(sim, place, &test, &test_us) != MODEL_OK)
		return -EIO;
	known->bind_state = test.bind_state;
	if (test.bind_state != MODEL_BINDABLE)
		return -EINVAL;
	if (known->state < SIM_IDLE)
		return -EBUSY;
	if (model_bapq(&sim->model, queue->card, queue->domain, sim->kernel->now_us, hang_us) != MODEL_OK)
		return -EIO;
	known->index = SIM_NO_INDEX;
	if (test_queue(sim, place, &test, NULL) != MODEL_OK)
		return -EIO;
	known->bind_state = test.bind_state;
	*hang_us += test_us;
	return test.bind_state == MODEL_USABLE || test.bind_state == MODEL_NO_SECURE_KEY ? 0 : -EIO;
}

int sim_driver_associate(struct sim *sim, size_t place, uint16_t index, int64_t *hang_us)
{
	const struct model_queue *queue = &sim->model.queues[place];
	struct sim_queue *known = &sim->kernel->queues[place];
	struct model_test test;
	enum model_response response;

	if (test_queue(sim, place, &test, NULL) != MODEL_OK)
		return -EIO;
	known->bind_state = test.bind_state;
	if (test.bind_state != MODEL_NO_SECURE_KEY)
		return -EINVAL;
	if (known->state != SIM_IDLE)
		return -EBUSY;
	response = model_aapq(&sim->model, queue->card, queue->domain, index, sim->kernel->now_us, hang_us);
	if (response != MODEL_OK && response != MODEL_STATE_CHANGE)
		return -EIO;
	known->state = SIM_ASSOCIATE_WAIT;
	known->index = index;
	look_and_arm(sim, place, NULL);
	return 0;
}
