/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Add-secret requests: files that contain a secret for this guest. Only the Ultravisor (UV) of the right machine can
 * decrypt them, so they are submitted as they are. A rejected request does not end a run: what matters is whether the
 * queues find their secrets. Everything is reported here.
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
	bool checked;          /* by requests_check, which has reported wrong names */
	struct secrets_abilities abilities;
};

/*
 * Checks, without the UV, that the directory can be read and that the header of every request is valid. 0, or a
 * negative errno, which is reported as an error except for -EINTR. `machine` is used only as a clock, for until_ms, and
 * to notice a signal.
 */
int requests_check(struct machine *machine, int64_t until_ms, struct requests *requests);

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

/* Locks the secret store until the guest is restarted. 0 if it is locked now, also if it was before. */
int requests_lock(struct machine *machine, int64_t until_ms, const struct requests *requests);
