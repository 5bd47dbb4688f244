/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A simulated machine behind the interface of src/machine.h: the model of the queues (tests/model), what the kernel's
 * drivers make of it in sysfs and /dev/uv, and a virtual clock. Nothing sleeps; the same input gives the same run.
 *
 *	struct sim *sim = sim_new("card 11 CEX8P\nqueue 11.0008\n");
 *	sim->options.kernel = SIM_KERNEL_6_12;
 *	... machine_start(&sim->machine, &call) ...
 *	sim_free(sim);
 *
 * It boots when it is first used; options and model may be changed before that. Afterwards a test may change what the
 * model says of cards (present, configured, checkstopped), its faults and delays, but not its lists of queues.
 *
 * What a test cannot mean ends the program with a message: waiting for ever for nothing, asking a hundred thousand
 * times without letting time pass, starting a call that is under way, or more than 512, or in a channel above 256.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "kernel/machine.h"
#include "model/ap_model.h"

enum sim_kernel_version {
	SIM_KERNEL_6_1,  /* no se_bind, no se_associate */
	SIM_KERNEL_6_12, /* no bindings_complete_count; one page of secrets; "-" in se_associate of accelerators */
	SIM_KERNEL_7,
};

struct sim;

struct sim_options {
	enum sim_kernel_version kernel; /* default: SIM_KERNEL_7 */
	bool driver_missing;            /* no zcrypt_cex4: the bindings are never complete */
	bool uv_missing;                /* no /sys/firmware/uv */
	bool uv_device_missing;         /* no /dev/uv */
	/*
	 * Long after the boot: no reset is under way, and the driver knows the associations that the model begins with.
	 * Otherwise it resets all queues when the bindings become complete and knows no association (as after a kexec).
	 */
	bool settled;
	int64_t bindings_us;  /* from the boot to complete bindings */
	int64_t grid_us;      /* offset of the driver's 40 ms grid to the clock */
	int64_t read_us, write_us, list_us, uv_us; /* what a call costs beside what it waits for; default 100 each */
	uint64_t jump_call; /* when so many calls were started the clock jumps by jump_us; UINT64_MAX: never */
	int64_t jump_us;
	uint64_t event_call; /* when so many calls were started `event` happens; UINT64_MAX: never */
	void (*event)(struct sim *sim, const void *context);
	const void *event_context;
	int64_t scan_us, scan_card_us; /* cost of a forced bus scan, and for every card; default 2000 and 250 */
};

struct sim {
	struct machine machine; /* first: what the code under test gets */
	struct model model;
	struct sim_options options;
	struct sim_kernel *kernel; /* private */
};

/* A machine of this topology (model_parse); a mistake in it ends the program. Never NULL. */
struct sim *sim_new(const char *topology);
void sim_free(struct sim *sim);

int64_t sim_now_us(struct sim *sim);

/* The queue as it is now, or NULL. */
const struct model_queue *sim_queue(struct sim *sim, uint8_t card, uint8_t domain);

/* What an administrator wrote to the queue's attribute online. */
void sim_set_online(struct sim *sim, uint8_t card, uint8_t domain, bool online);

/* --- faults of the kernel and of people (those of the hardware are faults of the model) --------------------------- */

enum sim_injection_action {
	SIM_FAIL, /* completes with `error` and has no effect */
	SIM_TEXT, /* READ, LIST: completes with `text`, as it is */
	SIM_HANG, /* never comes back, and has no effect */
	SIM_KILL, /* completes with -EOWNERDEAD, as after the end of the process that made it, and has no effect */
	SIM_HANG_LATE, /* takes effect, and never comes back */
	SIM_KILL_LATE, /* takes effect, and completes with -EOWNERDEAD */
};

struct sim_injection {
	enum machine_operation operation;
	const char *path; /* pattern of fnmatch(3), in which '*' matches slashes too; "dev/uv" for MACHINE_UV */
	enum sim_injection_action action;
	int error; /* negative errno */
	const char *text;
	unsigned int after; /* lets so many such calls pass first */
	unsigned int times; /* then strikes so often; 0: for ever */
};

/* path and text must live as long as the machine. Of several that strike at once the first counts. */
void sim_inject(struct sim *sim, const struct sim_injection *injection);

/* Once so many more calls were started, every machine_wait returns -EINTR, and what is under way stays so for ever. */
void sim_stop_after(struct sim *sim, size_t calls);

/*
 * Whoever started the calls that are under way is dead: nobody waits for them, and somebody else may begin. Those that
 * had not come to the kernel's function are never made.
 */
void sim_forget(struct sim *sim);

/* --- what happened ------------------------------------------------------------------------------------------------ */

#define SIM_TEXT_SIZE 24

struct sim_record {
	int64_t start_us, end_us; /* end_us is 0 while the call is under way */
	enum machine_operation operation;
	char path[MACHINE_PATH_SIZE];   /* "dev/uv" for MACHINE_UV */
	char text[SIM_TEXT_SIZE];       /* WRITE: what was written, cut; UV: the number of the ioctl */
	int error;
};

/* All calls in the order in which they were started; valid until the next call. */
const struct sim_record *sim_journal(const struct sim *sim, size_t *count);
void sim_journal_clear(struct sim *sim);
void sim_journal_print(const struct sim *sim, FILE *stream);

/* How many calls of this operation were started on paths that match. */
size_t sim_count(const struct sim *sim, enum machine_operation operation, const char *pattern);
size_t sim_write_count(const struct sim *sim);
