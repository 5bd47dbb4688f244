/* SPDX-License-Identifier: MIT */
#pragma once

/* Shared by the parts of the simulated machine; not for tests. */
#include "sim_machine.h"

#define SIM_CALLS_MAX 512
#define SIM_CHANNELS (MODEL_CARDS_MAX + 1) /* one for each card, and MACHINE_NO_CARD */
#define SIM_NEVER INT64_MAX
#define SIM_NO_INDEX (-1)
#define SIM_SCAN_PERIOD_US 30000000

/* States of the driver's state machine, in the order of the kernel: only from SIM_IDLE on a queue can be bound. */
enum sim_state { SIM_RESET_START, SIM_RESET_WAIT, SIM_IDLE, SIM_WORKING, SIM_ASSOCIATE_WAIT };

/* A queue as the kernel knows it; its place in the list is the same as in the model. */
struct sim_queue {
	bool known;      /* has a device */
	bool has_driver; /* zcrypt_cex4 */
	bool started;    /* the state machine has been started */
	bool broken;     /* the device is in error state */
	bool online;     /* as set by the administrator */
	bool configured, checkstopped;
	bool unbind;     /* the next reset unbinds */
	bool active;     /* in the list of queues that a tick runs */
	enum sim_state state;
	enum model_bind_state bind_state;
	int32_t index;       /* of the association, or SIM_NO_INDEX */
	unsigned int queued; /* requests that wait for the state machine */
	unsigned int sent;   /* requests without a reply so far */
};

enum sim_stage {
	SIM_FREE,
	SIM_STARTED,  /* reaches the kernel's function at at_us */
	SIM_QUEUED,   /* its request waits for the state machine of the queue */
	SIM_SENT,     /* the reply comes at at_us */
	SIM_SCANNING, /* waits for the bus scan that ends at at_us */
	SIM_FINISHED, /* completes at at_us with `error` */
	SIM_LOST,     /* never returns */
};

enum sim_node {
	SIM_NODE_BUS,     /* bus/ap */
	SIM_NODE_DEVICES, /* bus/ap/devices */
	SIM_NODE_ROOT,    /* devices/ap */
	SIM_NODE_CARD,    /* devices/ap/card11 */
	SIM_NODE_QUEUE,   /* devices/ap/card11/11.0008 */
	SIM_NODE_UV,      /* firmware/uv */
	SIM_NODE_QUERY,   /* firmware/uv/query */
	SIM_NODE_COUNT,
};

struct sim_attribute;

/* The object that a path names. */
struct sim_target {
	enum sim_node node;
	uint8_t card;
	size_t place; /* SIM_NODE_QUEUE: of the queue; SIM_NODE_CARD: of the first queue of the card */
	const struct sim_attribute *attribute; /* NULL: the directory */
};

struct sim_call {
	enum sim_stage stage;
	struct machine_call *call; /* NULL: the caller no longer waits for the reply */
	int64_t at_us;
	int64_t until_us;
	uint64_t number; /* order of the starts */
	size_t record;   /* its place in the journal; SIZE_MAX: none */
	const struct sim_injection *injection;
	struct sim_target target;
	size_t queue; /* SIM_QUEUED, SIM_SENT: place of the queue that has the request */
	bool scanned; /* no queue was usable, and a bus scan was made */
	int error;
};

/* The queues of a card are adjacent in the list. */
struct sim_card {
	size_t first, count;
	unsigned int known; /* number of its queues that have a device */
	bool offline;       /* as set by the administrator */
};

/* Calls of one channel are made one after the other. */
struct sim_channel {
	bool busy;
	struct machine_call *waiting; /* linked by next, in the order of their start */
};

struct sim_kernel {
	int64_t now_us;
	bool booted;
	int64_t complete_us; /* when the queues get their drivers; SIM_NEVER: done, or never */
	int64_t tick_us;     /* next run of the state machines; SIM_NEVER: none is needed */
	int64_t scan_us;     /* next periodic bus scan */
	int64_t scan_end_us; /* end of the forced scan under way; SIM_NEVER: none */
	bool scan_stuck;     /* a scan waits for a reader that waits for the scan */
	unsigned int scans, completions;
	unsigned int idle_waits; /* consecutive waits without a call and without time passing */
	uint64_t call_number;
	uint64_t stop_number; /* stop after this many calls */
	struct sim_injection *injections;
	unsigned int *injections_seen;
	size_t injection_count;
	struct sim_record *journal;
	size_t journal_count, journal_size;
	struct sim_card cards[MODEL_CARDS_MAX];
	struct sim_channel channels[SIM_CHANNELS];
	size_t active_count;
	size_t call_limit; /* no call is at or above this place */
	/* Not zeroed: elements are set at their first use. */
	struct sim_queue queues[MODEL_QUEUES_MAX];
	uint16_t active[MODEL_QUEUES_MAX];
	struct sim_call calls[SIM_CALLS_MAX];
};

/* sim_machine.c */
__attribute__((noreturn, format(printf, 1, 2))) void sim_die(const char *format, ...);
void *sim_resize(void *list, size_t count, size_t size);
/* The call completes at at_us. */
void sim_finish(struct sim_call *slot, int error, int64_t at_us);
/* The call completes now with this text, or with -E2BIG if it does not fit with its NUL. */
void sim_finish_text(struct sim *sim, struct sim_call *slot, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* sim_journal.c */
void sim_journal_start(struct sim *sim, struct sim_call *slot); /* also decides on injection */
void sim_journal_end(struct sim *sim, const struct sim_call *slot);

/* sim_driver.c: the state machine that the ap bus has for every queue. 0 or negative errno; *hang_us: duration. */
void sim_driver_boot(struct sim *sim);
void sim_driver_complete(struct sim *sim); /* every queue gets its driver */
void sim_driver_tick(struct sim *sim);
bool sim_driver_scan(struct sim *sim); /* true if queues appeared or disappeared; may set scan_stuck */
void sim_driver_poke(struct sim *sim, size_t place); /* there is a request */
int sim_driver_unbind(struct sim *sim, size_t place, int64_t *hang_us);
int sim_driver_bind(struct sim *sim, size_t place, int64_t *hang_us);
int sim_driver_associate(struct sim *sim, size_t place, uint16_t index, int64_t *hang_us);
/* Tests the queue as a read of its attributes does: 0 or -EIO. */
int sim_driver_test(struct sim *sim, size_t place, struct model_test *test, int64_t *hang_us);

/* sim_request.c: the requests to cards that read serial numbers and MKVPs. */
void sim_request_begin(struct sim *sim, struct sim_call *slot);
void sim_request_reply(struct sim *sim, struct sim_call *slot);   /* the reply arrives */
bool sim_request_write(struct sim *sim, size_t place);            /* sends waiting requests; true: run again */
void sim_request_flush(struct sim *sim, size_t place);            /* restarts all requests of the queue */
void sim_request_abandon(struct sim *sim, struct sim_call *slot); /* the caller no longer waits */
void sim_request_scan(struct sim *sim, struct sim_call *slot);    /* waits for a bus scan */
void sim_request_scanned(struct sim *sim);                        /* a forced scan is over */
/* A read of this queue is blocked, or a read of its card if the card disappears with the queue. */
bool sim_request_is_inside(const struct sim *sim, size_t place);

/* sim_sysfs.c, sim_attributes.c, sim_uv.c */
void sim_sysfs_perform(struct sim *sim, struct sim_call *slot);

struct sim_attribute {
	enum sim_node node;
	const char *name;
	bool (*exists)(const struct sim *sim, const struct sim_target *target); /* NULL: always */
	void (*read)(struct sim *sim, struct sim_call *slot);
	void (*write)(struct sim *sim, struct sim_call *slot, const char *text); /* NULL: cannot be written */
};

extern const struct sim_attribute sim_attributes[];
extern const size_t sim_attributes_count;

void sim_uv_perform(struct sim *sim, struct sim_call *slot);
void sim_uv_read_guest(struct sim *sim, struct sim_call *slot);
void sim_uv_read_facilities(struct sim *sim, struct sim_call *slot);
void sim_uv_read_max_secrets(struct sim *sim, struct sim_call *slot);
