/* SPDX-License-Identifier: MIT */
#include "uv/secrets.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/file.h"
#include "util/log.h"
#include "util/text.h"

#define SUFFIX ".asrcb"
#define MAGIC "asrcbM"
#define MAGIC_SIZE (sizeof(MAGIC) - 1)

/*
 * A request begins with a header and ends with a tag. It contains, in plain text, the entry that the list of secrets
 * will have for its secret: in version 1 directly before the encrypted part, which ends at the tag; in version 2 at a
 * fixed offset. Numbers are big-endian and have 32 bits.
 */
#define HEADER_VERSION 8
#define HEADER_LENGTH 12    /* of the request */
#define HEADER_ENCRYPTED 44 /* length of the encrypted part */
#define HEADER_SIZE 48
#define TAG_SIZE 16
#define VERSION_1 0x100
#define VERSION_2 0x200
#define VERSION_2_SECRET 280

/* Numbers of the ioctls. */
#define COMMAND_ADD 2
#define COMMAND_LOCK 4

#define RC_EXECUTED 0x0001
#define RC_LOCKED 0x0102

/* A request, as it is in memory. */
struct request {
	const char *path;
	char *data;
	size_t size;
	const uint8_t *entry; /* in data: what the list will have for its secret; NULL: it does not show that */
};

/* The state of one pass over all requests. */
struct round {
	struct machine *machine;
	int64_t until_ms;
	const struct requests *requests;
	struct secrets *secrets; /* in the UV; in a dry run also those that would be added */
	bool listed;             /* `secrets` is up to date */
	bool lost;               /* a process that submitted a request was killed; tolerated once */
	enum log_level level;    /* of messages about files */
	bool any;                /* there is a request */
	int error;               /* result of the pass: 0 or negative errno */
};

/* Return codes for add-secret and lock calls that the UV did not execute (arch/s390/include/uapi/asm/uvdevice.h). */
static const struct refusal {
	uint16_t rc;
	bool always; /* other requests would fail, too */
	const char *text;
} refusals[] = {
	{ 0x0002, true, "call not supported by this firmware" },
	{ 0x0005, false, "size not accepted" },
	{ 0x0101, true, "this guest may not change its secret store" },
	{ RC_LOCKED, true, "the secret store is locked until the guest is restarted" },
	{ 0x0104, false, "version not supported by this firmware" },
	{ 0x0105, false, "wrong size, the file is damaged" },
	{ 0x0106, false, "wrong number of host keys" },
	{ 0x0107, false, "flags not supported by this firmware" },
	{ 0x0108, false, "cannot be decrypted: made for another host, or damaged" },
	{ 0x0109, false, "type of secret not supported by this firmware" },
	{ 0x010a, false, "wrong length of the secret" },
	{ 0x010b, true, "the secret store is full" },
	{ 0x010c, false, "cannot be added: made for another image, or with another extension secret" },
	{ 0x010d, true, "a dump of this guest is in progress; try again later" },
	{ 0, false, "unknown response" },
};

static const struct refusal *find_refusal(uint16_t rc)
{
	const struct refusal *refusal = refusals;

	while (refusal->rc != rc && refusal->rc != 0)
		refusal++;
	return refusal;
}

static struct machine_call uv_call_of(unsigned int command, int64_t until_ms)
{
	return (struct machine_call){
		.operation = MACHINE_UV,
		.uv_command = command,
		.limit_ms = REQUESTS_CALL_LIMIT_MS,
		.until_ms = until_ms,
	};
}

static uint32_t get_number(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* A "meta" request adds no secret and has no entry but part of a host key there. Only an entry has these zeros. */
static bool is_entry(const uint8_t *bytes)
{
	static const uint8_t zero[8];

	return memcmp(bytes, zero, 2) == 0 && memcmp(bytes + 8, zero, 8) == 0;
}

/* The list entry in a request of this size. NULL if there is none or if the version is unknown. */
static const uint8_t *find_entry(const uint8_t *data, size_t size)
{
	const size_t least = HEADER_SIZE + SECRETS_ENTRY_SIZE + TAG_SIZE;
	const uint8_t *entry;
	size_t length, encrypted;

	if (size < least)
		return NULL;
	length = get_number(data + HEADER_LENGTH);
	encrypted = get_number(data + HEADER_ENCRYPTED);
	switch (get_number(data + HEADER_VERSION)) {
	case VERSION_1:
		if (length < least || encrypted > length - least)
			return NULL;
		entry = data + length - TAG_SIZE - encrypted - SECRETS_ENTRY_SIZE;
		return is_entry(entry) ? entry : NULL;
	case VERSION_2:
		return size < VERSION_2_SECRET + SECRETS_ENTRY_SIZE ? NULL : data + VERSION_2_SECRET;
	default:
		return NULL;
	}
}

/*
 * Adds the secret of this request to the known ones. If the request does not show its id, the secrets are listed again,
 * except in a dry run, which changes nothing.
 */
static bool remember(struct round *round, const struct request *request)
{
	struct secret secret;

	round->listed = request->entry || round->requests->dry_run;
	if (!request->entry)
		return true;
	secret = secrets_decode_entry(request->entry);
	secret.index = SECRETS_NO_INDEX;
	round->error = secrets_add(round->secrets, &secret);
	if (round->error < 0)
		log_error("add-secret requests: %s", strerror(-round->error));
	return round->error == 0;
}

/* The request did not reach the firmware, or its answer was lost. False if later requests are to be skipped. */
static bool submit_failed(struct round *round, const struct request *request)
{
	int r = round->error;
	bool costs_itself = r == -ENOMEM; /* a later request may be smaller */

	if (r == -EINTR)
		return false;
	round->error = 0;
	if (r == -EOWNERDEAD && !round->lost && request->entry) {
		/* A new list shows whether it was added. */
		round->lost = true;
		round->listed = false;
		return true;
	}
	log_warning("add-secret request %s: %s%s", request->path, text_error(r),
		    costs_itself ? "" : "; later requests are skipped");
	return costs_itself;
}

/* Submits a request. False if later requests are to be skipped. */
static bool submit(struct round *round, const struct request *request)
{
	struct machine_call call = uv_call_of(COMMAND_ADD, round->until_ms);
	const struct refusal *refusal;

	call.data = request->data;
	call.size = request->size;
	round->error = machine_perform(round->machine, &call);
	if (round->error < 0)
		return submit_failed(round, request);
	if (call.uv_rc == RC_EXECUTED) {
		log_info("add-secret request %s: submitted", request->path);
		return remember(round, request); /* a later request may have the same secret */
	}
	refusal = find_refusal(call.uv_rc);
	log_warning("add-secret request %s: %s (rc 0x%04x, rrc 0x%04x)%s", request->path, refusal->text, call.uv_rc,
		    call.uv_rrc, refusal->always ? "; later requests are skipped" : "");
	return !refusal->always;
}

static int refuse(const struct round *round, const char *path, const char *reason)
{
	log_line(round->level, "add-secret request %s: %s", path, reason);
	return -EBADMSG;
}

static int read_request(const struct round *round, struct request *request)
{
	const struct file_source source = {
		.what = "add-secret request", .path = request->path, .max = REQUESTS_SIZE_MAX, .level = round->level
	};
	int r = file_read(&source, &request->data, &request->size);

	if (r < 0)
		return r;
	if (request->size < MAGIC_SIZE || memcmp(request->data, MAGIC, MAGIC_SIZE) != 0)
		return refuse(round, request->path, "not an add-secret request (no \"" MAGIC "\" header)");
	if (request->size < HEADER_SIZE || get_number((const uint8_t *)request->data + HEADER_LENGTH) > request->size)
		return refuse(round, request->path, "truncated");
	request->entry = find_entry((const uint8_t *)request->data, request->size);
	return 0;
}

/* Submits a request, or reports why it is skipped. False if later requests are to be skipped. */
static bool handle_once(struct round *round, const struct request *request, bool again)
{
	const struct secret *known = NULL;

	if (!round->listed)
		round->error = secrets_fetch(round->machine, round->until_ms, round->secrets);
	round->listed = true;
	if (round->error < 0)
		return false;
	/* If a request does not show its id, the firmware must decide whether the secret is already present. */
	if (request->entry)
		known = secrets_find_any(round->secrets, secrets_decode_entry(request->entry).id);
	if (known && again) {
		/* It was not there before: the lost call took effect. */
		log_info("add-secret request %s: submitted", request->path);
	} else if (known) {
		log_info("add-secret request %s: skipped, %s", request->path,
			 known->index == SECRETS_NO_INDEX ? "an earlier request has the same secret" :
							    "its secret is already present");
	} else if (round->secrets->truncated) {
		log_warning(
			"add-secret request %s: skipped: the kernel lists only some of the secrets, so its secret may "
			"already be present; a kernel newer than 6.12 lists all",
			request->path);
	} else if (round->requests->dry_run) {
		log_notice("add-secret request %s: would be submitted", request->path);
		return remember(round, request);
	} else {
		return submit(round, request);
	}
	return true;
}

/* The same. Tries once more if the process that submitted the request was killed. */
static bool handle(struct round *round, const struct request *request)
{
	bool lost_before = round->lost, more = handle_once(round, request, false);

	return round->lost == lost_before ? more : handle_once(round, request, true);
}

/* True if there is time left: reading files takes time. Else the remaining requests are skipped. */
static bool has_time(struct round *round, const char *path)
{
	int64_t now_ms = machine_now_ms(round->machine);
	int r = machine_sleep_until(round->machine, now_ms); /* notices a signal */
	bool late = r == 0 && now_ms >= round->until_ms;

	if (late)
		log_line(round->level, "add-secret request %s: no time left for it and all later ones", path);
	if (late && !round->secrets)
		r = -ETIMEDOUT;
	if (r < 0)
		round->error = r;
	return r == 0 && !late;
}

static void release_request(struct request *request)
{
	free(request->data);
}

/* Without `secrets`, all files are only checked, so that every error is reported. One file at a time is in memory. */
static bool visit(const char *path, void *context)
{
	struct round *round = context;
	cleanup_(release_request) struct request request = { .path = path };
	bool has_suffix = text_has_end(path, SUFFIX);

	round->any |= has_suffix;
	if (!has_time(round, path))
		return false;
	if (!has_suffix) {
		/* The manual of pvsecret has requests whose names do not end in .asrcb. */
		if (round->secrets && file_begins_with(path, MAGIC))
			log_warning("add-secret request %s: ignored, its name does not end in " SUFFIX, path);
		return true;
	}
	if (read_request(round, &request) == 0)
		return !round->secrets || handle(round, &request);
	if (!round->secrets)
		round->error = -EBADMSG;
	return true;
}

static int visit_all(struct round *round)
{
	const struct requests *requests = round->requests;
	int r = file_visit(requests->directory, "", visit, round);

	if (r < 0 && !(r == -ENOENT && requests->optional))
		log_line(round->level, "cannot read directory of add-secret requests %s: %s", requests->directory,
			 r == -E2BIG ? "more than " TEXT_OF(FILE_VISIT_MAX) " files" : strerror(-r));
	else if (r == 0 && !round->any && !requests->optional && round->secrets)
		log_warning("no add-secret requests (*" SUFFIX ") in %s", requests->directory);
	return r;
}

int requests_check(struct machine *machine, int64_t until_ms, const struct requests *requests)
{
	struct round round = {
		.machine = machine, .until_ms = until_ms, .requests = requests, .level = LOG_LEVEL_ERROR
	};
	int r = requests->directory ? visit_all(&round) : 0;

	return r < 0 ? r : round.error;
}

int requests_submit(struct machine *machine, int64_t until_ms, const struct requests *requests, struct secrets *secrets)
{
	struct round round = {
		.machine = machine,
		.until_ms = until_ms,
		.requests = requests,
		.secrets = secrets,
		.level = LOG_LEVEL_WARNING,
	};

	if (requests->directory)
		visit_all(&round);
	return round.error;
}

int requests_lock(struct machine *machine, int64_t until_ms, bool dry_run)
{
	struct machine_call call = uv_call_of(COMMAND_LOCK, until_ms);
	int r;

	if (dry_run) {
		log_notice("Ultravisor: would lock the secret store");
		return 0;
	}
	r = machine_perform_again(machine, &call);
	if (r < 0) {
		if (r != -EINTR)
			log_error("Ultravisor: cannot lock the secret store: %s", text_error(r));
		return r;
	}
	if (call.uv_rc != RC_EXECUTED && call.uv_rc != RC_LOCKED) {
		log_error("Ultravisor: secret store not locked: %s (rc 0x%04x, rrc 0x%04x)",
			  find_refusal(call.uv_rc)->text, call.uv_rc, call.uv_rrc);
		return -EIO;
	}
	log_info("Ultravisor: secret store locked");
	return 0;
}
