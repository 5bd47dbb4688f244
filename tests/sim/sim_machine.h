/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A simulated machine behind the interface of src/kernel/machine.h: the model of the queues (tests/model), sysfs and
 * /dev/uv as the kernel's drivers show them, and a virtual clock. Nothing sleeps; the same input gives the same run.
 *
 *	struct sim *sim = sim_new("card 11 CEX8P\nqueue 11.0008\n");
 *	sim->options.kernel = SIM_KERNEL_6_12;
 *	... machine_start(&sim->machine, &call) ...
 *	sim_free(sim);
 *
 * It boots at its first use; options and model may be changed before that. Afterwards a test may change the model's
 * cards (present, configured, checkstopped), faults and delays, but not its lists of queues.
 *
 * Misuse aborts the program with a message: waiting for more than a day; a hundred thousand waits without a completed
 * call and without time passing; starting a call that is under way, more than 512 calls, or one in a channel above 256.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "kernel/machine.h"
#include "model/ap_model.h"

enum sim_kernel_version {
	SIM_KERNEL_6_1,  /* no se_bind, no se_associate */
	SIM_KERNEL_6_12, /* no bindings_complete_count; one page of secrets */
	SIM_KERNEL_7,
};

struct sim;

struct sim_options {
	enum sim_kernel_version kernel; /* default: SIM_KERNEL_7 */
	bool driver_missing;            /* no zcrypt_cex4: the bindings are never complete */
	bool uv_missing;                /* no /sys/firmware/uv */
	bool uv_device_missing;         /* no /dev/uv */
	/*
	 * Long after the boot: no reset is under way, and the driver knows the associations of the model.
	 * Otherwise it resets all queues when the bindings become complete and knows no association (as after a kexec).
	 */
	bool settled;
	int64_t bindings_us;  /* from the boot to complete bindings */
	int64_t grid_us;      /* offset of the driver's 40 ms grid to the clock */
	int64_t read_us, write_us, list_us, uv_us; /* duration of a call without waiting; default 100 each */
	uint64_t jump_call; /* the clock jumps by jump_us after this many calls; UINT64_MAX: never */
	int64_t jump_us;
	uint64_t event_call; /* `event` is called after this many calls; UINT64_MAX: never */
	void (*event)(struct sim *sim, const void *context);
	const void *event_context;
	int64_t scan_us, scan_card_us; /* duration of a forced bus scan, and more for each card; default 2000 and 250 */
};

struct sim {
	struct machine machine; /* first: passed to the code under test */
	struct model model;
	struct sim_options options;
	struct sim_kernel *kernel; /* private */
};

/* A machine with this topology (model_parse); an error in it aborts the program. Never NULL. */
struct sim *sim_new(const char *topology);
void sim_free(struct sim *sim);

int64_t sim_now_us(struct sim *sim);

/* The queue as it is now, or NULL. */
const struct model_queue *sim_queue(struct sim *sim, uint8_t card, uint8_t domain);

/* Sets the queue's attribute online, as an administrator does. */
void sim_set_online(struct sim *sim, uint8_t card, uint8_t domain, bool online);

/* --- faults of the kernel and of users (hardware faults belong to the model) -------------------------------------- */

enum sim_injection_action {
	SIM_FAIL, /* completes with `error` and has no effect */
	SIM_TEXT, /* READ, LIST: completes with `text`, as it is */
	SIM_HANG, /* never returns, and has no effect */
	SIM_KILL, /* completes with -EOWNERDEAD, as if its process was killed, and has no effect */
	SIM_HANG_LATE, /* takes effect, and never returns */
	SIM_KILL_LATE, /* takes effect, and completes with -EOWNERDEAD */
};

struct sim_injection {
	enum machine_operation operation;
	const char *path; /* pattern of fnmatch(3), in which '*' matches slashes too; "dev/uv" for MACHINE_UV */
	enum sim_injection_action action;
	int error; /* negative errno */
	const char *text;
	unsigned int after; /* number of matching calls before the first injection */
	unsigned int times; /* number of injections; 0: no limit */
};

/* path and text must live as long as the machine. If several are due, the first one is used. */
void sim_inject(struct sim *sim, const struct sim_injection *injection);

/* After this many more calls, every machine_wait returns -EINTR, and calls under way never complete. */
void sim_stop_after(struct sim *sim, size_t calls);

/*
 * The process that started the calls under way is dead: they have no caller any more, and another process may start.
 * Calls that have not reached the kernel's function are never made.
 */
void sim_forget(struct sim *sim);

/* --- what happened ------------------------------------------------------------------------------------------------ */

#define SIM_TEXT_SIZE 24

struct sim_record {
	int64_t start_us, end_us; /* end_us is 0 while the call is under way */
	enum machine_operation operation;
	char path[MACHINE_PATH_SIZE];   /* "dev/uv" for MACHINE_UV */
	char text[SIM_TEXT_SIZE];       /* WRITE: the text, truncated; UV: the number of the ioctl */
	int error;
};

/* All calls in the order in which they were started; valid until the next call. */
const struct sim_record *sim_journal(const struct sim *sim, size_t *count);
void sim_journal_clear(struct sim *sim);
void sim_journal_print(const struct sim *sim, FILE *stream);

/* The number of calls of this operation that were started on matching paths. */
size_t sim_count(const struct sim *sim, enum machine_operation operation, const char *pattern);
size_t sim_write_count(const struct sim *sim);
