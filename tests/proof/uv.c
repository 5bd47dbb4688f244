/* SPDX-License-Identifier: MIT */
/*
 * Input from the Ultravisor and from add-secret requests: src/uv.
 *
 * Bounds: a list of secrets of 15, 63 and 111 bytes: no header, nearly one entry, nearly two. The header may claim any
 * number of entries. A request of up to 336 bytes: the entry of version 2 and 8 bytes more. A line of facilities
 * of 16 digits, one more, and a second line.
 * Assumed: qsort does not change a list; its order is not proved. file_read gives any bytes and a NUL; calloc may fail.
 *
 * prove: prove_decode --unwind 5
 * mutant: prove_decode src/uv/secrets.c s/return stored < room ? stored : room;/return stored;/
 * prove: prove_find --unwind 37
 * slow: prove_find
 * mutant: prove_find src/uv/secrets.c s/low = middle + 1/low = middle + 2/
 * prove: prove_facilities --unwind 22
 * mutant: prove_facilities src/uv/secrets.c s/ || digits > 16//
 * prove: prove_request --unwind 10
 * mutant: prove_request src/uv/requests.c s/encrypted > length - least/encrypted > length/
 */
#include "proof.h"

#include "libc.h"
#include "log.h"

#include "util/text.c"
#include "uv/secrets.c"

#undef HEADER_SIZE
#define refuse refuse_request
#define submit submit_request
#include "uv/requests.c"

/* Does not sort: the C library is not proved here. Checks only that the memory is valid. */
void qsort(void *base, size_t count, size_t size, int (*compare)(const void *, const void *))
{
	(void)compare;
	CLAIM(count == 0 || __CPROVER_rw_ok(base, count * size), "the sorted memory is valid");
}

/* May fail. One secret at most: the buffers here have no more, whatever their header claims. */
void *calloc(size_t count, size_t size)
{
	static struct secret zero;
	struct secret *memory;

	CLAIM(count == 1 && size == sizeof(zero), "room for one secret");
	memory = malloc(sizeof(zero));
	*memory = zero;
	return nondet_bool() ? NULL : memory;
}

static void decode_buffer_of(size_t size)
{
	size_t total = SIZE_MAX;
	struct secrets secrets = { 0 };
	uint8_t *buffer = malloc(size);
	int r;

	r = secrets_decode(buffer, size, &secrets, &total);
	CLAIM((r == -EBADMSG) == (size < 16), "refused if and only if it has no header");
	CLAIM(r == 0 || r == -EBADMSG || r == -ENOMEM, "a defined result");
	CLAIM(r == 0 || (secrets.list == NULL && total == SIZE_MAX), "a refused input changes nothing");
	if (r != 0)
		return;
	CLAIM(total <= UINT16_MAX, "the total is a number of 16 bits");
	CLAIM(secrets.count <= (size - 16) / SECRETS_ENTRY_SIZE, "no more secrets than the buffer has");
	for (size_t i = 0; i < secrets.count; i++) {
		CLAIM(secrets.list[i].type >= SECRETS_ASSOCIATION, "only types that have an id");
		CLAIM(secrets.list[i].index <= UINT16_MAX, "an index has 16 bits");
	}
}

void prove_decode(void)
{
	static const size_t sizes[] = { 15, 63, 111 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		decode_buffer_of(sizes[i]);
}

/* A list of three association secrets, sorted, with ids that differ in their last byte. */
void prove_find(void)
{
	struct secret list[3] = { 0 };
	struct secrets secrets = { .list = list, .count = nondet_size() };
	uint8_t id[SECRETS_ID_SIZE] = { 0 };
	const struct secret *found;
	size_t expected;

	ASSUME(secrets.count <= 3);
	id[SECRETS_ID_SIZE - 1] = nondet_uint8();
	for (size_t i = 0; i < 3; i++) {
		list[i].type = SECRETS_ASSOCIATION;
		list[i].id[SECRETS_ID_SIZE - 1] = nondet_uint8();
		list[i].index = nondet_uint8();
	}
	for (size_t i = 1; i < secrets.count; i++)
		ASSUME(compare_secrets(&list[i - 1], &list[i]) <= 0);
	for (expected = 0; expected < secrets.count; expected++)
		if (list[expected].id[SECRETS_ID_SIZE - 1] == id[SECRETS_ID_SIZE - 1])
			break;
	found = secrets_find(&secrets, id);
	CLAIM(found == (expected < secrets.count ? &list[expected] : NULL), "the first one with the id, if there is one");
}

void prove_facilities(void)
{
	char *text = any_text(19);
	uint8_t facilities[8];
	int r = parse_facilities(text, facilities);
	size_t digits = strcspn(text, "\n");
	bool good = digits > 0 && digits <= 16;

	for (size_t i = 0; i < digits; i++)
		good = good && hex_digit(text[i]) >= 0;
	CLAIM(r == (good ? 0 : -EBADMSG), "accepted if and only if the first line is a 64-bit word in hex");
	CLAIM(r != 0 || (facilities[7] & 15) == hex_digit(text[digits - 1]), "the last digit is the lowest");
}

int file_read(const struct file_source *source, char **text, size_t *length)
{
	size_t size = nondet_size();

	ASSUME(size <= VERSION_2_SECRET + SECRETS_ENTRY_SIZE + 8);
	if (nondet_bool())
		return nondet_bool() ? -ENOENT : -EIO;
	*text = malloc(size + 1);
	(*text)[size] = '\0';
	*length = size;
	return 0;
}

void prove_request(void)
{
	struct requests requests = { 0 };
	struct round round = { .requests = &requests };
	struct request request = { .path = "path" };

	if (read_request(&round, &request) == 0) {
		const uint8_t *entry = request.entry;

		CLAIM(request.size >= 48, "a request has a header");
		if (entry) {
			size_t offset = (size_t)(entry - (const uint8_t *)request.data);

			CLAIM(offset >= 48 && offset + SECRETS_ENTRY_SIZE <= request.size, "the entry lies after the header, in the request");
			secrets_decode_entry(entry);
		}
	}
}
