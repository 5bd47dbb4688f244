/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One AP queue (APQN): its identity and state, and the conversion between the texts of its sysfs attributes and
 * values. Every parser takes the text as read (with or without the final newline). It returns 0, or -EBADMSG for a
 * text that the kernel does not write; then nothing is changed. Texts: drivers/s390/crypto/ap_queue.c, zcrypt_card.c,
 * zcrypt_cex4.c.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define APQN_MKVP_SIZE 16       /* bytes of a master key verification pattern that count */
#define APQN_SERIALNR_LENGTH 16 /* characters */
#define APQN_NAME_SIZE 8        /* "11.0008" and NUL */
#define APQN_CARDS_MAX 256
#define APQN_DOMAINS_MAX 256
#define APQN_CALL_SIZE 56     /* "03.0006/se_associate, 5000 ms" */
#define APQN_FAILURE_SIZE 160 /* apqn_format_failure */

enum apqn_mode { APQN_MODE_UNKNOWN, APQN_MODE_ACCEL, APQN_MODE_CCA, APQN_MODE_EP11 };

enum apqn_bind {
	APQN_BIND_UNKNOWN,     /* not read, or the read fails (asynchronous error: EIO) */
	APQN_BIND_UNSUPPORTED, /* "-": this queue cannot be bound at all */
	APQN_UNBOUND,
	APQN_BOUND,
};

enum apqn_association {
	APQN_ASSOCIATION_UNKNOWN, /* not read, or the read fails: in a reset, or the kernel lost the index (kexec) */
	APQN_ASSOCIATION_UNSUPPORTED, /* "-": not an EP11 queue */
	APQN_UNASSOCIATED,
	APQN_ASSOCIATION_PENDING, /* association_index is valid only if this run wrote it */
	APQN_ASSOCIATED,          /* association_index is valid */
};

enum apqn_identity {
	APQN_IDENTITY_UNREAD,      /* not read yet */
	APQN_IDENTITY_VALID,       /* mkvp is valid */
	APQN_IDENTITY_NONE,        /* read while bound: the domain has no valid master key */
	APQN_IDENTITY_UNAVAILABLE, /* not available now: it needs a bind (dry run), or takes too long */
};

/* Why a queue is not used for the rest of this run. */
enum apqn_failure {
	APQN_WORKING = 0,
	APQN_BIND_REFUSED,        /* the firmware refuses the bind, for longer than any reset takes */
	APQN_BIND_ERROR,          /* an errno that does not come from the firmware */
	APQN_BIND_LIMIT,          /* refused while others are bound: most likely the limit of bound queues */
	APQN_BIND_TAKEN,          /* not available: bound by another guest, or no bind support */
	APQN_BIND_TIMEOUT,        /* still busy at the end of the time */
	APQN_ASSOCIATION_REFUSED, /* the firmware refuses the secret */
	APQN_SECRET_DOUBLED,      /* the firmware refuses the secret, whose id is not unique */
	APQN_ASSOCIATION_ERROR,   /* an errno that does not come from the firmware */
	APQN_ASSOCIATION_FAILED,  /* started, then failed */
	APQN_ASSOCIATION_TIMEOUT, /* did not end in time, or could not be started */
	APQN_STAYS_BOUND,         /* an unbind fails or has no effect; it is left as it is */
	APQN_UNREADABLE,          /* a required attribute cannot be read or has an unknown text */
	APQN_VANISHED,            /* the queue or its card is no longer there */
	APQN_DEADLINE,            /* the run ended before it was identified */
	APQN_CALL_LOST,           /* worker processes that made its calls were killed repeatedly */
	APQN_CARD_HUNG,           /* a call on this card hangs in the kernel */
};

struct apqn {
	uint8_t card;
	uint8_t domain;
	uint8_t generation; /* 4 for CEX4, … 8 for CEX8, and newer */
	bool online;
	bool online_unknown; /* could not be read; online is false then */
	enum apqn_mode mode;
	enum apqn_bind bind;
	enum apqn_association association;
	uint16_t association_index;
	enum apqn_identity identity;
	uint8_t mkvp[APQN_MKVP_SIZE];
	char serialnr[APQN_SERIALNR_LENGTH + 1]; /* empty: not known */
	enum apqn_failure failure;
	int failure_error;                 /* negative errno behind the failure, or 0 */
	char failure_call[APQN_CALL_SIZE]; /* the call that timed out, perhaps on another queue of the card; or empty */
};

/* Order of card, then domain; for qsort. */
int apqn_compare(const void *left, const void *right);

/* "11.0008" */
void apqn_format_name(const struct apqn *apqn, char name[APQN_NAME_SIZE]);

/* True if nothing more can be done with it in this run, not even an unbind. */
bool apqn_is_out_of_reach(const struct apqn *apqn);

/* What happened, for people: "bind refused by the firmware". */
const char *apqn_failure_text(enum apqn_failure failure);
/* The same with the call that timed out, if any. */
void apqn_format_failure(const struct apqn *apqn, char text[APQN_FAILURE_SIZE]);
/*
 * Sets failure_call from the path of a call below devices/ap; limit_ms: the limit of the call, 0: the rest of the
 * run.
 */
void apqn_note_call(struct apqn *apqn, const char *path, int64_t limit_ms);
const char *apqn_mode_text(enum apqn_mode mode); /* "EP11", "Accel", "CCA", "unknown" */

/* Names of directories: "card11", "11.0008" (lower-case hex). */
int apqn_parse_card_name(const char *name, uint8_t *card);
int apqn_parse_name(const char *name, uint8_t *card, uint8_t *domain);

/* Attributes. */
int apqn_parse_type(const char *text, uint8_t *generation, enum apqn_mode *mode);
int apqn_parse_online(const char *text, bool *online);
int apqn_parse_bind(const char *text, enum apqn_bind *bind);
int apqn_parse_association(const char *text, enum apqn_association *association, uint16_t *index);
/* identity becomes VALID (with mkvp), NONE ("invalid"), or UNREAD ("-": the kernel does not know now). */
int apqn_parse_mkvps(const char *text, enum apqn_identity *identity, uint8_t mkvp[APQN_MKVP_SIZE]);
/* An empty line gives an empty serialnr: the kernel does not know now. */
int apqn_parse_serialnr(const char *text, char serialnr[APQN_SERIALNR_LENGTH + 1]);
