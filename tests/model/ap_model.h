/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How crypto cards, their queues and the Ultravisor behave, at the level of the machine instructions: states, response
 * codes, delays, faults. Used by the simulated machine (tests/sim, virtual time) and by the processor of QEMU (qemu/,
 * real time). So it is plain C without libc (only the freestanding headers) and does not allocate. It has no sysfs.
 *
 * The caller passes the time, in microseconds of any monotonic clock.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_CARDS_MAX 256
#define MODEL_DOMAINS_MAX 256
#define MODEL_QUEUES_MAX 1024
#define MODEL_SECRETS_MAX 4096
#define MODEL_FAULTS_MAX 128
#define MODEL_ASSOCIATION_SECRET 2 /* type of the secrets that queues can be associated with */
#define MODEL_SECRET_LENGTH 32     /* of the value of an association secret */
#define MODEL_HOST_KEY_LENGTH 66
#define MODEL_IMAGE_LENGTH 208

/* Response codes of AP instructions (arch/s390/include/asm/ap.h). */
enum model_response {
	MODEL_OK = 0x00,
	MODEL_NOT_PRESENT = 0x01,
	MODEL_RESET_IN_PROGRESS = 0x02,
	MODEL_DECONFIGURED = 0x03,
	MODEL_CHECKSTOPPED = 0x04,
	MODEL_BUSY = 0x05,
	MODEL_BOUND_TO_ANOTHER = 0x09,
	MODEL_STATE_CHANGE = 0x0A,
	MODEL_NOT_BOUND = 0x0B,
	MODEL_NO_REPLY = 0x10,
	MODEL_BIND_ERROR = 0x30,
	MODEL_NOT_AVAILABLE = 0x31,
	MODEL_NOT_EMPTY = 0x32,
	MODEL_BIND_LIMIT = 0x33,
	MODEL_INVALID_SECRET = 0x34,
	MODEL_SECRET_NOT_UNIQUE = 0x35,
	MODEL_ASSOCIATION_FAILED = 0x36,
};

/* The two bits of bind state in TAPQ's answer. */
enum model_bind_state {
	MODEL_USABLE = 0,        /* accelerator: bound; EP11: bound and associated */
	MODEL_NO_SECURE_KEY = 1, /* EP11: bound, not associated */
	MODEL_BINDABLE = 2,      /* available for binding */
	MODEL_FOREIGN = 3,       /* belongs to another guest */
};

enum model_mode { MODEL_ACCEL = 'A', MODEL_CCA = 'C', MODEL_EP11 = 'P' };

struct model_card {
	bool present;
	bool configured;   /* false: response 0x03 */
	bool checkstopped; /* true: response 0x04 */
	uint8_t generation; /* 4 … 8 and newer */
	enum model_mode mode;
	char serialnr[17]; /* 16 characters, or empty */
};

/* How an association under way ends. */
enum model_ending { MODEL_END_ASSOCIATED, MODEL_END_ERROR, MODEL_END_UNBOUND };

struct model_queue {
	uint8_t card, domain;
	bool present;
	enum model_bind_state state;
	uint16_t association; /* index of the secret, if MODEL_USABLE and EP11 */
	bool mkvp_valid;
	uint8_t mkvp[32];
	/* transient */
	int64_t reset_until_us;     /* a reset runs until then; 0: none */
	int64_t associate_until_us; /* an association is pending until then; 0: none */
	uint16_t pending;           /* its index */
	bool unbinding;             /* binding and association end with the reset */
	enum model_ending ending;   /* how the pending association ends */
	bool async_error;           /* an association failed after its start; a reset clears it */
};

struct model_secret {
	uint16_t index, type; /* type 2: association secret */
	uint32_t length;
	uint8_t id[32];
	uint8_t value[MODEL_SECRET_LENGTH]; /* confidential: no instruction returns it */
};

/* The operation that a fault affects. Operations that the state of the queue refuses are not counted. */
enum model_operation { MODEL_OP_BIND, MODEL_OP_ASSOCIATE, MODEL_OP_UNBIND, MODEL_OP_REQUEST, MODEL_OP_TEST };

enum model_fault_action {
	MODEL_FAULT_RESPONSE,  /* answers with response code `amount` and does nothing */
	MODEL_FAULT_LATE,      /* ASSOCIATE: starts, then ends in an asynchronous error */
	MODEL_FAULT_NEVER,     /* ASSOCIATE: stays pending; REQUEST: gets no reply; UNBIND: the reset never ends */
	MODEL_FAULT_FALL_BACK, /* ASSOCIATE: starts, then the queue is unbound again, without an error */
	MODEL_FAULT_HANG,      /* not REQUEST: the instruction itself takes `amount` microseconds */
	MODEL_FAULT_VANISH,    /* the card disappears; this operation fails, too */
	MODEL_FAULT_DECONFIGURE, /* the same, but the card is deconfigured */
	MODEL_FAULT_CHECKSTOP,   /* the same, but the card is check-stopped */
	MODEL_FAULT_SLOW,      /* not TEST: takes `amount` microseconds instead of the general delay */
};

struct model_fault {
	uint8_t card, domain;
	bool any_domain;
	enum model_operation operation;
	enum model_fault_action action;
	int64_t amount;   /* response code, or microseconds */
	uint32_t after;   /* number of matching operations before the first fault */
	uint32_t times;   /* number of faults; 0: no limit */
	uint32_t seen;    /* operations counted so far */
};

struct model {
	bool ap_present;  /* false: no AP instructions */
	bool se_guest;    /* false: the Ultravisor offers neither share nor unshare, and APSB is missing */
	bool list_secrets, add_secret, lock_secrets; /* calls that the Ultravisor offers */
	bool store_locked;
	uint8_t host_key[MODEL_HOST_KEY_LENGTH]; /* private key, P-521; without one no request can be opened */
	bool has_image;                          /* requests must be for `image` */
	uint8_t image[MODEL_IMAGE_LENGTH];       /* tags of the image, as in requests */
	bool has_extension;                      /* a request was added: later ones must have the same `extension` */
	uint8_t extension[MODEL_SECRET_LENGTH];  /* all zero: no extension secret */
	uint16_t list_rc;      /* non-zero: the answer to every list call */
	uint32_t bound_limit;  /* how many queues may be bound at a time; 0: no limit */
	int64_t bind_us, reset_us, associate_us, request_us; /* general delays */
	struct model_card cards[MODEL_CARDS_MAX];
	struct model_queue queues[MODEL_QUEUES_MAX]; /* sorted by card, then domain */
	size_t queue_count;
	struct model_secret secrets[MODEL_SECRETS_MAX]; /* in the order of their indexes */
	size_t secret_count;
	struct model_fault faults[MODEL_FAULTS_MAX];
	size_t fault_count;
};

/* An SE guest with AP and all Ultravisor calls, no cards, no delays. Lists become empty but are not zeroed. */
void model_init(struct model *model);

/*
 * Topology text (the files of qemu/scenarios and of the tests). Lines of words; '#' starts a comment. Durations are
 * a number and us, ms or s ("0" needs no unit); cards and domains are hex as in "11.0008"; all else is decimal.
 *
 *   guest se=0|1 ap=0|1 list=0|1 add=0|1 lock=0|1 list_rc=HEX locked=0|1
 *   limit N
 *   delay bind=D reset=D associate=D request=D
 *   card 11 CEX8P [serialnr=16CHARACTERS] [configured=0|1] [checkstopped=0|1]
 *   queue 11.0008 [mkvp=64HEX | mkvp=none] [state=unbound|bound|foreign|associated:INDEX]
 *   secret INDEX id=64HEX [type=N] [value=64HEX]
 *   hostkey 132HEX
 *   image 416HEX
 *   fault 11.0008|11.* bind|associate|unbind|request|test ACTION [after=N] [times=N]
 *       ACTION: rc=HEX | late | never | fall_back | hang=D | vanish | deconfigure | checkstop | slow=D
 *
 * The line of a card must precede those of its queues. Defaults: cards are configured; queues are unbound and have no
 * valid master key; secrets have type 2, and their id as value. It is an error if an action does not apply to the
 * operation. Returns 0, or the number of the first invalid line (from 1).
 */
size_t model_parse(struct model *model, const char *text, size_t length);

/* Finds a queue, or NULL. */
struct model_queue *model_find(struct model *model, uint8_t card, uint8_t domain);

/*
 * What TAPQ returns besides the response code; not valid with MODEL_NOT_PRESENT. During a reset the bind state is the
 * old one. After a failed association the response is MODEL_ASSOCIATION_FAILED, and async_error is set.
 */
struct model_test {
	enum model_bind_state bind_state;
	uint8_t generation;
	enum model_mode mode;
	bool async_error; /* goes into the status word */
};

/*
 * The instructions. Each first completes the resets and associations that are due, then acts. *hang_us, if not
 * NULL, is how long the instruction blocks the processor before it answers: the delay of a bind, or a fault.
 */
enum model_response model_tapq(struct model *model, uint8_t card, uint8_t domain, int64_t now_us,
			       struct model_test *test, int64_t *hang_us);
/*
 * RAPQ and ZAPQ: start a reset. This ends an association under way and clears a failed one, at once. With `unbind` (the
 * F bit), binding and association end with the reset; without it they stay.
 */
enum model_response model_rapq(struct model *model, uint8_t card, uint8_t domain, bool unbind, int64_t now_us,
			       int64_t *hang_us);
enum model_response model_bapq(struct model *model, uint8_t card, uint8_t domain, int64_t now_us, int64_t *hang_us);
enum model_response model_aapq(struct model *model, uint8_t card, uint8_t domain, uint16_t index, int64_t now_us,
			       int64_t *hang_us);
/*
 * A request to the card through this queue (NQAP): MODEL_OK and the time at which the reply is ready (INT64_MAX:
 * never), or the reason for the refusal.
 */
enum model_response model_request(struct model *model, uint8_t card, uint8_t domain, int64_t now_us, int64_t *ready_us);

/* The secret that this queue is associated with, or NULL. Secure keys depend on it and on the master key. */
const struct model_secret *model_associated_secret(const struct model *model, const struct model_queue *queue);

/* Completes the resets and associations that are due, for all queues. Needed before the structures are read. */
void model_settle(struct model *model, int64_t now_us);

/* The number of queues bound to this guest, as of the last instruction on each or the last model_settle. */
uint32_t model_bound_count(const struct model *model);

/*
 * The Ultravisor's list secrets call: fills one page, big-endian, from entry `start` on (the first is 0). Returns rc:
 * 1, or 0x0100 if more entries follow, or an error code.
 */
uint16_t model_uv_list(const struct model *model, uint16_t start, uint8_t page[4096]);
/*
 * Add secret, in two steps; both return rc. model_uv_may_add checks whether the store accepts secrets. model_uv_add
 * adds the secret of a request (tests/request) with a new index; NULL: the request has no secret. `image` (the image
 * tags of the request) and `extension` (its extension secret) are NULL if requests are not opened. The real rc for a
 * wrong one is not public; here it is 0x010c.
 */
uint16_t model_uv_may_add(const struct model *model);
uint16_t model_uv_add(struct model *model, const struct model_secret *secret, const uint8_t *image, const uint8_t *extension);
uint16_t model_uv_lock(struct model *model);
