/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Add-secret requests: files that give the Ultravisor (UV) a secret for this guest, and that only the UV of the right
 * machine can read. They are submitted as they are. Nothing that is wrong with one of them ends a run: what counts is
 * whether the secrets are there that the queues need. Everything is reported here.
 */
#include <stdbool.h>
#include <stdint.h>

#include "kernel/machine.h"
#include "uv/secrets.h"

#define REQUESTS_MAX 1024            /* files */
#define REQUESTS_SIZE_MAX 1048576    /* bytes of a file, as the kernel has it */
#define REQUESTS_CALL_LIMIT_MS 10000 /* how long the kernel may keep a call */

struct requests {
	const char
		*directory; /* its files *.asrcb are the requests, in the order of their names; NULL: there are none */
	bool optional;      /* nobody expects the directory to be there, or requests in it */
	bool dry_run;       /* change nothing, but say what would be done */
	struct secrets_abilities abilities;
};

/*
 * Submits all requests whose secret, of whatever type, the UV does not hold already: a second one with the same id would
 * make both of no use. So if not all secrets can be seen, one that is not seen is not submitted. *secrets (empty at first)
 * is what was found out about the UV's secrets, if there are requests, and those that were (dry run: would be) added to
 * them. 0, or the negative errno of a UV that does not list
 * its secrets, -ENOMEM, or -EINTR; release *secrets in any case.
 */
int requests_submit(struct machine *machine, int64_t until_ms, const struct requests *requests,
		    struct secrets *secrets);

/* Locks the secret store, until the guest is started anew. 0 if it is locked now, also if it was before. */
int requests_lock(struct machine *machine, int64_t until_ms, const struct requests *requests);
