/* SPDX-License-Identifier: MIT */
#include "sim_machine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_kernel.h"

#define BOOT_US 1000000
#define IDLE_WAITS_MAX 100000
#define DAY_US INT64_C(86400000000)

void sim_die(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("simulated machine: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	abort();
}

void *sim_resize(void *list, size_t count, size_t size)
{
	void *resized = reallocarray(list, count, size);

	if (!resized)
		sim_die("out of memory");
	return resized;
}

void sim_finish(struct sim_call *slot, int error, int64_t at_us)
{
	slot->stage = SIM_FINISHED;
	slot->error = error;
	slot->at_us = at_us;
}

void sim_finish_text(struct sim *sim, struct sim_call *slot, const char *format, ...)
{
	struct machine_call *call = slot->call;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(call->data, call->size, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= call->size) {
		sim_finish(slot, -E2BIG, sim->kernel->now_us);
		return;
	}
	call->length = (size_t)length;
	sim_finish(slot, 0, sim->kernel->now_us);
}

static struct sim *sim_of(struct machine *machine)
{
	return (struct sim *)machine;
}

static void boot(struct sim *sim)
{
	if (!sim->kernel->booted)
		sim_driver_boot(sim);
}

static int64_t to_us(int64_t ms)
{
	if (ms < 0)
		return 0;
	return ms > INT64_MAX / 1000 ? SIM_NEVER : ms * 1000;
}

static int64_t later(int64_t now_us, int64_t by_us)
{
	return now_us > INT64_MAX - by_us ? SIM_NEVER : now_us + by_us;
}

static int64_t earlier(int64_t left, int64_t right)
{
	return left < right ? left : right;
}

static int64_t sim_now_ms(struct machine *machine)
{
	return sim_of(machine)->kernel->now_us / 1000;
}

static int64_t cost_of(const struct sim *sim, enum machine_operation operation)
{
	switch (operation) {
	case MACHINE_READ:
		return sim->options.read_us;
	case MACHINE_WRITE:
		return sim->options.write_us;
	case MACHINE_LIST:
		return sim->options.list_us;
	case MACHINE_UV:
		return sim->options.uv_us;
	}
	sim_die("unknown operation %d", (int)operation);
}

static bool is_stopped(const struct sim_kernel *kernel)
{
	return kernel->call_number >= kernel->stop_number;
}

static struct sim_call *find_free(struct sim_kernel *kernel, const struct machine_call *call)
{
	struct sim_call *unused = NULL;

	for (size_t i = 0; i < kernel->call_limit; i++) {
		struct sim_call *slot = &kernel->calls[i];

		if (slot->stage == SIM_FREE)
			unused = slot;
		else if (slot->call == call && !is_stopped(kernel))
			sim_die("call on %s is under way", call->path);
	}
	if (!unused && kernel->call_limit < SIM_CALLS_MAX)
		unused = &kernel->calls[kernel->call_limit++];
	return unused;
}

static struct sim_call *enter(struct sim_kernel *kernel, struct machine_call *call)
{
	struct sim_call *slot = find_free(kernel, call);

	if (!slot)
		sim_die("more than %d calls under way", SIM_CALLS_MAX);
	*slot = (struct sim_call){ .call = call, .number = ++kernel->call_number };
	return slot;
}

static void begin(struct sim *sim, struct machine_call *call)
{
	struct sim_kernel *kernel = sim->kernel;
	struct sim_call *slot = enter(kernel, call);
	int64_t limit_us = call->limit_ms > 0 ? later(kernel->now_us, to_us(call->limit_ms)) : SIM_NEVER;

	slot->stage = SIM_STARTED;
	slot->at_us = later(kernel->now_us, cost_of(sim, call->operation));
	slot->until_us = earlier(to_us(call->until_ms), limit_us);
	sim_journal_start(sim, slot);
}

/* The call is never made, so it is not in the journal. */
static void give_up(struct sim *sim, struct machine_call *call)
{
	struct sim_call *slot = enter(sim->kernel, call);

	sim_finish(slot, -ECANCELED, sim->kernel->now_us);
	slot->until_us = SIM_NEVER;
	slot->record = SIZE_MAX;
}

/* Appends the call to those that wait in its channel. */
static void queue_up(struct sim_channel *channel, struct machine_call *call)
{
	struct machine_call **end = &channel->waiting;

	for (; *end; end = &(*end)->next)
		if (*end == call)
			sim_die("call on %s is under way", call->path);
	call->next = NULL;
	*end = call;
}

static int sim_start(struct machine *machine, struct machine_call *call)
{
	struct sim *sim = sim_of(machine);
	struct sim_kernel *kernel = sim->kernel;
	struct sim_channel *channel;

	boot(sim);
	if (call->operation != MACHINE_UV && !memchr(call->path, '\0', sizeof(call->path)))
		return -ENAMETOOLONG;
	if (call->channel >= SIM_CHANNELS)
		sim_die("no channel %u", call->channel);
	channel = &kernel->channels[call->channel];
	kernel->idle_waits = 0;
	if (kernel->call_number == sim->options.jump_call) {
		sim->options.jump_call = UINT64_MAX;
		kernel->now_us += sim->options.jump_us;
	}
	if (kernel->call_number == sim->options.event_call) {
		sim->options.event_call = UINT64_MAX;
		sim->options.event(sim, sim->options.event_context);
	}
	/* Calls on no card do not wait for each other: tests start some that overlap. The program never does. */
	if (call->channel != MACHINE_NO_CARD && channel->busy && !is_stopped(kernel)) {
		queue_up(channel, call);
		return 0;
	}
	channel->busy = true;
	begin(sim, call);
	return 0;
}

/* A call of the channel has ended: starts the next one, or cancels all after a timeout. */
static void go_on(struct sim *sim, unsigned int number, bool overdue)
{
	struct sim_channel *channel = &sim->kernel->channels[number];
	struct machine_call *call = channel->waiting;

	if (!call) {
		channel->busy = false;
	} else if (!overdue) {
		channel->waiting = call->next;
		begin(sim, call);
	} else {
		channel->waiting = NULL;
		for (struct machine_call *next; call; call = next) {
			next = call->next;
			give_up(sim, call);
		}
	}
}

/* The call reaches the kernel's function. */
static void perform(struct sim *sim, struct sim_call *slot)
{
	const struct sim_injection *injection = slot->injection;

	if (injection && injection->action == SIM_FAIL)
		sim_finish(slot, injection->error, sim->kernel->now_us);
	else if (injection && injection->action == SIM_TEXT)
		sim_finish_text(sim, slot, "%s", injection->text);
	else if (injection && injection->action == SIM_KILL)
		sim_finish(slot, -EOWNERDEAD, sim->kernel->now_us);
	else if (injection && injection->action == SIM_HANG)
		slot->stage = SIM_LOST;
	else if (slot->call->operation == MACHINE_UV)
		sim_uv_perform(sim, slot);
	else
		sim_sysfs_perform(sim, slot);
}

/* The time of the next event of a call; *overdue if that is its timeout. */
static int64_t time_of(const struct sim_call *slot, bool *overdue)
{
	int64_t at_us = SIM_NEVER;

	if (slot->stage == SIM_STARTED || slot->stage == SIM_SENT || slot->stage == SIM_FINISHED)
		at_us = slot->at_us;
	*overdue = slot->call && slot->until_us < at_us;
	return *overdue ? slot->until_us : at_us;
}

static struct sim_call *next_call(struct sim_kernel *kernel, int64_t *at_us, bool *overdue)
{
	struct sim_call *next = NULL;

	*at_us = SIM_NEVER;
	for (size_t i = 0; i < kernel->call_limit; i++) {
		struct sim_call *slot = &kernel->calls[i];
		bool slot_overdue;
		int64_t slot_us;

		if (slot->stage == SIM_FREE)
			continue;
		slot_us = time_of(slot, &slot_overdue);
		if (slot_us > *at_us || (slot_us == *at_us && next && slot->number > next->number))
			continue;
		next = slot;
		*at_us = slot_us;
		*overdue = slot_overdue;
	}
	return *at_us == SIM_NEVER ? NULL : next;
}

static int64_t next_event(const struct sim_kernel *kernel)
{
	return earlier(earlier(kernel->complete_us, kernel->tick_us), earlier(kernel->scan_end_us, kernel->scan_us));
}

/* Runs the kernel's own event that is due now. */
static void run_event(struct sim *sim)
{
	struct sim_kernel *kernel = sim->kernel;

	if (kernel->complete_us <= kernel->now_us) {
		sim_driver_complete(sim);
	} else if (kernel->tick_us <= kernel->now_us) {
		sim_driver_tick(sim);
	} else if (kernel->scan_end_us <= kernel->now_us) {
		sim_request_scanned(sim);
	} else {
		kernel->scan_us += SIM_SCAN_PERIOD_US;
		/* One scan at a time; a hung one never releases the lock. */
		if (kernel->scan_end_us == SIM_NEVER && !kernel->scan_stuck)
			sim_driver_scan(sim);
	}
}

/* Continues a call; returns it if it is complete. */
static struct machine_call *run_call(struct sim *sim, struct sim_call *slot, bool overdue)
{
	struct machine_call *call = slot->call;

	if (overdue) {
		slot->error = -ETIMEDOUT;
	} else if (slot->stage == SIM_STARTED) {
		perform(sim, slot);
		return NULL;
	} else if (slot->stage == SIM_SENT) {
		sim_request_reply(sim, slot);
		return NULL;
	}
	if (!overdue && slot->injection && slot->injection->action == SIM_HANG_LATE) {
		slot->stage = SIM_LOST;
		return NULL;
	}
	if (!overdue && slot->injection && slot->injection->action == SIM_KILL_LATE)
		slot->error = -EOWNERDEAD;
	call->error = slot->error;
	sim_journal_end(sim, slot);
	sim_request_abandon(sim, slot);
	go_on(sim, call->channel, overdue);
	return call;
}

/* Advances the clock to limit_us: no event is due before. */
static void pass_time(struct sim_kernel *kernel, int64_t limit_us)
{
	if (limit_us > kernel->now_us) {
		kernel->now_us = limit_us;
		kernel->idle_waits = 0;
	} else if (++kernel->idle_waits > IDLE_WAITS_MAX) {
		sim_die("nothing under way, and no time passes");
	}
}

static int sim_wait(struct machine *machine, int64_t until_ms, struct machine_call **done)
{
	struct sim *sim = sim_of(machine);
	struct sim_kernel *kernel = sim->kernel;
	int64_t limit_us = to_us(until_ms);
	int64_t start_us = kernel->now_us;

	boot(sim);
	*done = NULL;
	for (;;) {
		bool overdue = false;
		int64_t call_us;
		struct sim_call *slot = next_call(kernel, &call_us, &overdue);
		int64_t event_us = next_event(kernel);

		if (is_stopped(kernel))
			return -EINTR;
		/* A completed call is returned even if the limit has passed. */
		if (earlier(call_us, event_us) > limit_us && earlier(call_us, event_us) > kernel->now_us) {
			pass_time(kernel, limit_us);
			return 0;
		}
		if (limit_us == SIM_NEVER && event_us - start_us > DAY_US && call_us - start_us > DAY_US)
			sim_die("waits for more than a day");
		if (earlier(call_us, event_us) > kernel->now_us)
			kernel->now_us = earlier(call_us, event_us);
		if (event_us <= call_us)
			run_event(sim);
		else
			*done = run_call(sim, slot, overdue);
		if (*done) {
			kernel->idle_waits = 0;
			return 0;
		}
	}
}

static const struct machine_interface sim_interface = {
	.now_ms = sim_now_ms,
	.start = sim_start,
	.wait = sim_wait,
};

struct sim *sim_new(const char *topology)
{
	struct sim *sim = sim_resize(NULL, 1, sizeof(*sim));
	struct sim_kernel *kernel = sim_resize(NULL, 1, sizeof(*kernel));
	size_t line;

	model_init(&sim->model);
	line = model_parse(&sim->model, topology, strlen(topology));
	if (line)
		sim_die("topology: line %zu is invalid", line);
	sim->machine.interface = &sim_interface;
	sim->options = (struct sim_options){
		.kernel = SIM_KERNEL_7,
		.read_us = 100, .write_us = 100, .list_us = 100, .uv_us = 100,
		.scan_us = 2000, .scan_card_us = 250,
		.jump_call = UINT64_MAX, .event_call = UINT64_MAX,
	};
	/* The lists of queues and calls are not zeroed: they are large, and most machines are small. */
	memset(kernel, 0, offsetof(struct sim_kernel, queues));
	kernel->now_us = BOOT_US;
	kernel->complete_us = SIM_NEVER;
	kernel->tick_us = SIM_NEVER;
	kernel->scan_us = SIM_NEVER;
	kernel->scan_end_us = SIM_NEVER;
	kernel->stop_number = UINT64_MAX;
	sim->kernel = kernel;
	return sim;
}

void sim_free(struct sim *sim)
{
	if (!sim)
		return;
	free(sim->kernel->injections);
	free(sim->kernel->injections_seen);
	free(sim->kernel->journal);
	free(sim->kernel);
	free(sim);
}

int64_t sim_now_us(struct sim *sim)
{
	return sim->kernel->now_us;
}

const struct model_queue *sim_queue(struct sim *sim, uint8_t card, uint8_t domain)
{
	boot(sim);
	model_settle(&sim->model, sim->kernel->now_us);
	return model_find(&sim->model, card, domain);
}

void sim_set_online(struct sim *sim, uint8_t card, uint8_t domain, bool online)
{
	struct model_queue *queue = model_find(&sim->model, card, domain);

	boot(sim);
	if (!queue)
		sim_die("no queue %02x.%04x", card, domain);
	sim->kernel->queues[queue - sim->model.queues].online = online;
}

void sim_stop_after(struct sim *sim, size_t calls)
{
	sim->kernel->stop_number = sim->kernel->call_number + calls;
}

void sim_forget(struct sim *sim)
{
	struct sim_kernel *kernel = sim->kernel;

	kernel->stop_number = UINT64_MAX;
	kernel->idle_waits = 0;
	memset(kernel->channels, 0, sizeof(kernel->channels));
	for (size_t i = 0; i < kernel->call_limit; i++) {
		if (kernel->calls[i].call)
			sim_request_abandon(sim, &kernel->calls[i]);
	}
}
