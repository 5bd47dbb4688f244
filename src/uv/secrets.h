/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the Ultravisor (UV) can do for this guest and which secrets it holds. Errors are reported here.
 * Layouts: arch/s390/include/uapi/asm/uvdevice.h, asm/uv.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/machine.h"

#define SECRETS_ID_SIZE 32 /* bytes: SHA-256 of the secret's name */
#define SECRETS_ASSOCIATION 2

#define SECRETS_NO_INDEX UINT32_MAX /* known from an add-secret request, not from the UV's list */

struct secret {
	uint32_t index; /* 16 bits, what se_associate wants; or SECRETS_NO_INDEX */
	uint16_t type;
	uint8_t id[SECRETS_ID_SIZE];
};

struct secrets {
	/* NULL: never fetched. Sorted by id; of one id, association secrets come first, and lower indexes before higher. */
	struct secret *list;
	size_t count;
	bool truncated; /* the UV holds more than these */
};

/* True if this is certainly no SE guest: it has no secret store. Nothing is reported. */
bool secrets_is_no_guest(struct machine *machine, int64_t until_ms);

/* 0 if this is an SE guest whose UV can list secrets, else a negative errno. */
int secrets_check_uv(struct machine *machine, int64_t until_ms);

/*
 * Fetches the list of secrets, in the place of the one that was fetched before (or of an empty one). Kernels up to 6.12
 * show one page (85 secrets of any type); if the UV holds more than could be seen that is a warning, unless it was so
 * before. 0, or negative errno and nothing is changed; release the result.
 */
int secrets_fetch(struct machine *machine, int64_t until_ms, struct secrets *secrets);

/*
 * Decodes one list buffer (big-endian, on any machine). Fills secrets and sets *total to the number that the UV holds.
 * Nothing in the buffer is trusted: -EBADMSG if it is shorter than its header, entries beyond the buffer's end are not
 * looked at.
 */
int secrets_decode(const uint8_t *buffer, size_t size, struct secrets *secrets, size_t *total);

/* The association secret with this id (the lowest index, if several), or NULL. */
const struct secret *secrets_find(const struct secrets *secrets, const uint8_t id[SECRETS_ID_SIZE]);

/* The same, or else one of another type: the first one of the list. */
const struct secret *secrets_find_any(const struct secrets *secrets, const uint8_t id[SECRETS_ID_SIZE]);

/* Decodes an entry of the list. An add-secret request has the same of its secret, but for the index. */
#define SECRETS_ENTRY_SIZE 48
struct secret secrets_decode_entry(const uint8_t entry[SECRETS_ENTRY_SIZE]);

/* Adds a secret to what is known. 0 or -ENOMEM, not reported. */
int secrets_add(struct secrets *secrets, const struct secret *secret);

void secrets_release(struct secrets *secrets);

/* --- add-secret requests, and the lock of the store (requests.c) -------------------------------------- */

/*
 * Add-secret requests: files that contain a secret for this guest. Only the Ultravisor (UV) of the right machine can
 * decrypt them, so they are submitted as they are. A rejected request does not end a run: what matters is whether the
 * queues find their secrets. Everything is reported here.
 */

#define REQUESTS_SIZE_MAX 1048576    /* bytes of a file, as the kernel has it */
#define REQUESTS_CALL_LIMIT_MS 10000 /* how long the kernel may keep a call */

struct requests {
	const char *directory; /* its files *.asrcb are the requests, in the order of their names; NULL: none */
	bool optional;         /* the directory may be missing or empty */
	bool dry_run;          /* change nothing, but say what would be done */
};

/*
 * Checks, without the UV, that the directory can be read and that the header of every request is valid. 0, or a
 * negative errno, which is reported as an error except for -EINTR. `machine` is used only as a clock, for until_ms, and
 * to notice a signal.
 */
int requests_check(struct machine *machine, int64_t until_ms, const struct requests *requests);

/*
 * Submits all requests whose secret, of any type, the UV does not have yet. A second secret with the same id would make
 * both unusable; so if the UV's list is truncated, a request whose secret is not listed is skipped.
 *
 * *secrets is empty before. If there are requests, it contains the UV's secrets afterwards; in a dry run also those
 * that would be added. 0 or a negative errno: the UV does not list its secrets, -ENOMEM, or -EINTR. Release *secrets in
 * any case.
 */
int requests_submit(struct machine *machine, int64_t until_ms, const struct requests *requests,
		    struct secrets *secrets);

/* Locks the secret store until the guest is restarted. 0 if it is locked now (dry run: would be), or was before. */
int requests_lock(struct machine *machine, int64_t until_ms, bool dry_run);
