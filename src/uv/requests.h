/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Add-secret requests: files that give the Ultravisor (UV) a secret for this guest, and that only the UV of the right
 * machine can decrypt. They are submitted as they are. A request that is refused does not end a run: what counts is
 * whether the queues find their secrets. Everything is reported here.
 */
#include <stdbool.h>
#include <stdint.h>

#include "kernel/machine.h"
#include "uv/secrets.h"

#define REQUESTS_MAX 1024            /* files */
#define REQUESTS_SIZE_MAX 1048576    /* bytes of a file, as the kernel has it */
#define REQUESTS_CALL_LIMIT_MS 10000 /* how long the kernel may keep a call */

struct requests {
	const char *directory; /* its files *.asrcb are the requests, in the order of their names; NULL: none */
	bool optional;         /* the directory may be missing or empty */
	bool dry_run;          /* change nothing, but say what would be done */
	bool checked;          /* by requests_check, which said all that is wrong with names */
	struct secrets_abilities abilities;
};

/*
 * Checks, without the UV, that the directory can be read and that the header of every request is valid. 0, or a
 * negative errno, reported as an error but for -EINTR. The machine is asked for the time only, which ends at until_ms.
 */
int requests_check(struct machine *machine, int64_t until_ms, struct requests *requests);

/*
 * Submits all requests whose secret, of whatever type, the UV does not hold already: a second one with the same id
 * would make both useless. So if the UV's list is truncated, a request whose secret is not listed is not submitted.
 * *secrets (empty at first) is what is known of the UV's secrets afterwards, if there are requests; in a dry run it has
 * those that would be added, too. 0, or the negative errno of a UV that does not list its secrets, -ENOMEM, or -EINTR;
 * release *secrets in any case.
 */
int requests_submit(struct machine *machine, int64_t until_ms, const struct requests *requests,
		    struct secrets *secrets);

/* Locks the secret store until the guest is restarted. 0 if it is locked now, also if it was before. */
int requests_lock(struct machine *machine, int64_t until_ms, const struct requests *requests);
