/* SPDX-License-Identifier: MIT */
/* The list of secrets of the Ultravisor. Whatever its header claims, entries come only from the buffer, sorted. */
#include "fuzz.h"
#include "uv/secrets.h"

#define HEADER_SIZE 16
#define ENTRY_SIZE 48

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct secrets secrets = { 0 };
	size_t total = 0;
	int r = secrets_decode(data, size, &secrets, &total);

	holds((r < 0) == (size < HEADER_SIZE));
	holds(r < 0 || secrets.count <= (size - HEADER_SIZE) / ENTRY_SIZE);
	for (size_t i = 0; i < secrets.count; i++) {
		const struct secret *found = secrets_find_any(&secrets, secrets.list[i].id);

		holds(found && memcmp(found->id, secrets.list[i].id, SECRETS_ID_SIZE) == 0);
		holds(found->type == SECRETS_ASSOCIATION || !secrets_find(&secrets, found->id));
		holds(found->type != secrets.list[i].type || found->index <= secrets.list[i].index);
		holds(i == 0 || memcmp(secrets.list[i - 1].id, secrets.list[i].id, SECRETS_ID_SIZE) <= 0);
	}
	secrets_release(&secrets);
	return 0;
}
