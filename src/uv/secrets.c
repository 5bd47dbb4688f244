/* SPDX-License-Identifier: MIT */
#include "uv/secrets.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/log.h"
#include "util/text.h"

#define GUEST_PATH "firmware/uv/prot_virt_guest"
#define FACILITIES_PATH "firmware/uv/query/facilities"
#define FACILITY_LIST_SECRETS 30 /* bit 0 is the most significant one */

#define COMMAND_LIST 3 /* number of the ioctl */
#define RC_EXECUTED 0x0001
#define RC_MORE_DATA 0x0100

/* Layout of the list. Numbers are big-endian. */
#define PAGE_BYTES 4096
#define HEADER_SIZE 16
#define HEADER_STORED 0 /* u16: entries in this buffer */
#define HEADER_TOTAL 2  /* u16: entries that the UV holds */
#define ENTRY_INDEX 0   /* u16 */
#define ENTRY_TYPE 2    /* u16 */
#define ENTRY_ID 16
#define ENTRIES_PER_PAGE ((PAGE_BYTES - HEADER_SIZE) / SECRETS_ENTRY_SIZE)

bool secrets_is_no_guest(struct machine *machine, int64_t until_ms)
{
	char text[MACHINE_TEXT_SIZE];
	int r = machine_read_text(machine, until_ms, text, GUEST_PATH);

	return r == -ENOENT || (r == 0 && strcmp(text, "1") != 0);
}

/* Only the first line is needed: facilities 0 to 63 as a hex number without leading zeros. */
static int parse_facilities(const char *text, uint8_t facilities[8])
{
	char padded[] = "0000000000000000";
	size_t digits = strcspn(text, "\n");

	if (digits == 0 || digits > 16)
		return -EBADMSG;
	memcpy(padded + 16 - digits, text, digits);
	return text_parse_hex(padded, 16, facilities, 8) < 0 ? -EBADMSG : 0;
}

static int read_attribute(struct machine *machine, int64_t until_ms, const char *path, char text[MACHINE_TEXT_SIZE])
{
	int r = machine_read_text(machine, until_ms, text, path);

	if (r == -ENOENT)
		log_error(
			"Ultravisor /sys/%s: not found; this kernel or machine does not support Secure Execution guests",
			path);
	else if (r < 0 && r != -EINTR)
		log_error("Ultravisor /sys/%s: %s", path, text_error(r));
	return r;
}

/* Whether the firmware can add secrets and lock the store is left to the return codes of these calls. */
int secrets_check_uv(struct machine *machine, int64_t until_ms)
{
	char text[MACHINE_TEXT_SIZE];
	uint8_t facilities[8];
	int r = read_attribute(machine, until_ms, GUEST_PATH, text);

	if (r < 0)
		return r;
	if (strcmp(text, "1") != 0) {
		log_error("Ultravisor /sys/" GUEST_PATH ": '%s'; this is not a Secure Execution guest, start it from a "
			  "Secure Execution image",
			  text);
		return -EOPNOTSUPP;
	}
	r = read_attribute(machine, until_ms, FACILITIES_PATH, text);
	if (r < 0)
		return r;
	r = parse_facilities(text, facilities);
	if (r < 0) {
		log_error("Ultravisor /sys/" FACILITIES_PATH ": '%s' is not a list of hex words", text);
		return r;
	}
	if (!(facilities[FACILITY_LIST_SECRETS / 8] & (0x80 >> FACILITY_LIST_SECRETS % 8))) {
		log_error("Ultravisor /sys/" FACILITIES_PATH ": bit %d is off: this firmware cannot list secrets; "
			  "the host needs a newer one",
			  FACILITY_LIST_SECRETS);
		return -EOPNOTSUPP;
	}
	return 0;
}

static uint16_t get_be16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* The number of entries in a buffer. The header is not trusted: never more than the buffer has room for. */
static size_t count_stored(const uint8_t *buffer, size_t size)
{
	size_t stored = get_be16(buffer + HEADER_STORED);
	size_t room = (size - HEADER_SIZE) / SECRETS_ENTRY_SIZE;

	return stored < room ? stored : room;
}

static int compare_secrets(const void *left, const void *right)
{
	const struct secret *one = left, *other = right;
	int order = memcmp(one->id, other->id, SECRETS_ID_SIZE);

	if (order == 0)
		order = (other->type == SECRETS_ASSOCIATION) - (one->type == SECRETS_ASSOCIATION);
	return order ? order : (one->index > other->index) - (one->index < other->index);
}

/* Smaller types are not secrets, or have no id. */
static bool has_id(const struct secret *secret)
{
	return secret->type >= SECRETS_ASSOCIATION;
}

struct secret secrets_decode_entry(const uint8_t entry[SECRETS_ENTRY_SIZE])
{
	struct secret secret = { .index = get_be16(entry + ENTRY_INDEX), .type = get_be16(entry + ENTRY_TYPE) };

	memcpy(secret.id, entry + ENTRY_ID, SECRETS_ID_SIZE);
	return secret;
}

int secrets_decode(const uint8_t *buffer, size_t size, struct secrets *secrets, size_t *total)
{
	struct secret *list;
	size_t stored;

	if (size < HEADER_SIZE)
		return -EBADMSG;
	stored = count_stored(buffer, size);
	list = calloc(stored ? stored : 1, sizeof(*list));
	if (!list)
		return -ENOMEM;

	*secrets = (struct secrets){ .list = list };
	for (size_t i = 0; i < stored; i++) {
		list[secrets->count] = secrets_decode_entry(buffer + HEADER_SIZE + i * SECRETS_ENTRY_SIZE);
		secrets->count += has_id(&list[secrets->count]);
	}
	qsort(list, secrets->count, sizeof(*list), compare_secrets);
	*total = get_be16(buffer + HEADER_TOTAL);
	secrets->truncated = stored < *total;
	return 0;
}

static void report_call_error(int error)
{
	switch (error) {
	case -EINTR:
		break;
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		log_error("Ultravisor /dev/uv: not found; load the kernel module uvdevice");
		break;
	case -ENOTTY:
		log_error("Ultravisor /dev/uv: this kernel cannot list secrets, use a newer one");
		break;
	default:
		log_error("Ultravisor /dev/uv: cannot list the secrets: %s", text_error(error));
	}
}

/*
 * Lists the secrets by a buffer of this size, in the place of those that were listed before. *seen: how many of *total
 * that is. -EINVAL is not reported: the kernel may reject a large buffer.
 */
static int call_list(struct machine *machine, int64_t until_ms, size_t size, struct secrets *secrets, size_t *seen,
		     size_t *total)
{
	cleanup_free_ uint8_t *data = calloc(1, size);
	struct machine_call call = {
		.operation = MACHINE_UV,
		.uv_command = COMMAND_LIST,
		.data = (char *)data,
		.size = size,
		.until_ms = until_ms,
	};
	struct secrets listed = { 0 };
	int r = data ? machine_perform_again(machine, &call) : -ENOMEM;

	if (r == 0 && call.uv_rc != RC_EXECUTED && call.uv_rc != RC_MORE_DATA) {
		log_error("Ultravisor: cannot list the secrets: rc 0x%04x, rrc 0x%04x", call.uv_rc, call.uv_rrc);
		return -EIO;
	}
	if (r == 0)
		r = secrets_decode(data, size, &listed, total);
	if (r < 0) {
		if (r != -EINVAL)
			report_call_error(r);
		return r;
	}
	*seen = count_stored(data, size);
	listed.truncated = listed.truncated || call.uv_rc == RC_MORE_DATA;
	secrets_release(secrets);
	*secrets = listed;
	return 0;
}

/*
 * The kernel stores the entries of all pages behind one header. It fetches another page while the buffer has room for a
 * whole page. The size includes a spare page for secrets that are added in the meantime.
 */
static size_t size_for(size_t total)
{
	return (total / ENTRIES_PER_PAGE + 2) * PAGE_BYTES;
}

/* Older kernels accept only a buffer of one page. So a larger one is used only if secrets are missing in the first. */
int secrets_fetch(struct machine *machine, int64_t until_ms, struct secrets *secrets)
{
	cleanup_(secrets_release) struct secrets fetched = { 0 };
	size_t seen = 0, total = 0;
	int r = call_list(machine, until_ms, PAGE_BYTES, &fetched, &seen, &total);

	if (r == -EINVAL)
		report_call_error(r);
	if (r < 0)
		return r;
	if (fetched.truncated) {
		r = call_list(machine, until_ms, size_for(total), &fetched, &seen, &total);
		if (r < 0 && r != -EINVAL)
			return r;
	}
	if (fetched.truncated && !secrets->truncated)
		log_warning(
			"Ultravisor: only %zu secrets are listed, %zu are stored; kernels up to 6.12 list at most %d",
			seen, total, ENTRIES_PER_PAGE);
	log_info("Ultravisor: secrets listed: %zu", seen);
	secrets_release(secrets);
	*secrets = fetched;
	fetched = (struct secrets){ 0 };
	return 0;
}

const struct secret *secrets_find_any(const struct secrets *secrets, const uint8_t id[SECRETS_ID_SIZE])
{
	const struct secret *list = secrets->list;
	size_t low = 0, high = secrets->count;

	/* Find the first id that is not less. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(list[middle].id, id, SECRETS_ID_SIZE) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < secrets->count && memcmp(list[low].id, id, SECRETS_ID_SIZE) == 0 ? &list[low] : NULL;
}

const struct secret *secrets_find(const struct secrets *secrets, const uint8_t id[SECRETS_ID_SIZE])
{
	const struct secret *secret = secrets_find_any(secrets, id);

	return secret && secret->type == SECRETS_ASSOCIATION ? secret : NULL;
}

int secrets_add(struct secrets *secrets, const struct secret *secret)
{
	struct secret *list = reallocarray(secrets->list, secrets->count + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	list[secrets->count] = *secret;
	secrets->count += has_id(secret);
	secrets->list = list;
	qsort(list, secrets->count, sizeof(*list), compare_secrets);
	return 0;
}

void secrets_release(struct secrets *secrets)
{
	free(secrets->list);
	*secrets = (struct secrets){ 0 };
}
