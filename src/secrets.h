/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the Ultravisor (UV) can do for this guest and which secrets it holds (manual steps 2 and 4).
 * Errors are reported here. Layouts: arch/s390/include/uapi/asm/uvdevice.h, asm/uv.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine.h"

#define SECRETS_ID_SIZE 32 /* bytes: SHA-256 of the secret's name */
#define SECRETS_ASSOCIATION 2

struct secret {
	uint16_t index; /* what se_associate wants */
	uint16_t type;
	uint8_t id[SECRETS_ID_SIZE];
};

struct secrets {
	struct secret *list; /* association secrets, then those of other types; both sorted by id, then index */
	size_t count;        /* association secrets */
	size_t others;
};

/* Calls that not every firmware has. */
struct secrets_abilities {
	bool add, lock;
};

/* 0 with what it can do if this is an SE guest whose UV can list secrets; else a negative errno. */
int secrets_check_uv(struct machine *machine, int64_t until_ms, struct secrets_abilities *abilities);

/*
 * Fetches the list of secrets. Kernels up to 6.12 show one page (85 secrets of any type); if the UV holds
 * more than could be seen that is a warning. 0 or negative errno; release the result after 0.
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

/* The same, or else one of another type. */
const struct secret *secrets_find_any(const struct secrets *secrets, const uint8_t id[SECRETS_ID_SIZE]);

void secrets_release(struct secrets *secrets);
