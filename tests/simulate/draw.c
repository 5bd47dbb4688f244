/* SPDX-License-Identifier: MIT */
#include "draw.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/value.h"

#define CARDS_MAX 40
#define SECRETS_MAX 400
#define POOL_MAX 8

/* The values to choose from: few, so that values match, or nearly match. */
struct pool {
	uint64_t random;
	FILE *topology, *yaml;
	uint8_t mkvps[POOL_MAX][16];
	char serialnrs[POOL_MAX][17];
	size_t mkvp_count, serialnr_count;
	size_t secret_count; /* numbered from 0; not all of them are in the store */
	uint8_t cards[CARDS_MAX];
	uint16_t last_domain[CARDS_MAX];
	size_t card_count, longest; /* longest: the most queues of one card */
	size_t queue_count;
	uint64_t queue_us; /* more than one queue takes on an idle card */
};

/* 0 to limit - 1 */
static uint64_t below(struct pool *pool, uint64_t limit)
{
	return draw_below(&pool->random, limit);
}

static bool one_in(struct pool *pool, uint64_t n)
{
	return draw_one_in(&pool->random, n);
}

static void put_hex(FILE *stream, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fprintf(stream, "%02x", bytes[i]);
}

static void secret_name(size_t number, char name[DRAW_SECRET_NAME_SIZE])
{
	snprintf(name, DRAW_SECRET_NAME_SIZE, "secret %zu", number);
}

static void secret_id(size_t number, uint8_t id[32])
{
	char name[DRAW_SECRET_NAME_SIZE];

	secret_name(number, name);
	if (sha256_digest(name, strlen(name), id) < 0)
		abort();
}

static void fill_pool(struct pool *pool)
{
	pool->mkvp_count = 1 + below(pool, one_in(pool, 2) ? 3 : POOL_MAX);
	pool->serialnr_count = 1 + below(pool, POOL_MAX);
	for (size_t i = 0; i < pool->mkvp_count; i++) {
		for (size_t byte = 0; byte < 16; byte++)
			pool->mkvps[i][byte] = (uint8_t)below(pool, 256);
		if (i > 0 && one_in(pool, 2)) {
			memcpy(pool->mkvps[i], pool->mkvps[i - 1], 16);
			pool->mkvps[i][one_in(pool, 2) ? 0 : 15] ^= 1U << (i % 8);
		}
	}
	for (size_t i = 0; i < pool->serialnr_count; i++)
		snprintf(pool->serialnrs[i], sizeof(pool->serialnrs[i]), "93AADX1S0000%04" PRIX64, below(pool, 65536));
	pool->secret_count = one_in(pool, 50) ? SECRETS_MAX : below(pool, 21);
}

/* --- machine -------------------------------------------------------------------------------------- */

static void draw_delays(struct pool *pool, struct draw *draw)
{
	uint64_t scale = one_in(pool, 3) ? 50 : 1;
	uint64_t bind_us = scale * below(pool, 1000), reset_us = scale * below(pool, 20000);
	uint64_t associate_us = scale * below(pool, 50000), request_us = scale * below(pool, 3000);

	fprintf(pool->topology, "delay bind=%" PRIu64 "us reset=%" PRIu64 "us ", bind_us, reset_us);
	fprintf(pool->topology, "associate=%" PRIu64 "us request=%" PRIu64 "us\n", associate_us, request_us);
	draw->quick = scale == 1;
	pool->queue_us = bind_us + 2 * reset_us + associate_us + 3 * request_us + 200000;
}

static void put_secret(struct pool *pool, uint64_t index, const uint8_t id[32])
{
	fprintf(pool->topology, "secret %" PRIu64 " id=", index);
	put_hex(pool->topology, id, 32);
	fprintf(pool->topology, " type=%" PRIu64 "\n", one_in(pool, 10) ? 1 + 2 * below(pool, 3) : 2);
}

static void draw_request(struct pool *pool, struct draw *draw, const uint8_t id[32])
{
	struct draw_request *request = &draw->requests[draw->request_count++];

	request->type = one_in(pool, 10) ? 3 : 2;
	memcpy(request->id, id, sizeof(request->id));
}

/* Some secrets are in the store, some have a request. A few have both, or two requests, or neither. */
static void draw_secrets(struct pool *pool, struct draw *draw)
{
	bool requests = pool->secret_count <= DRAW_REQUESTS_MAX / 2 && one_in(pool, 3);
	uint64_t index = below(pool, 4);

	for (size_t i = 0; i < pool->secret_count; i++) {
		bool requested = requests && one_in(pool, 3);
		uint8_t id[32];

		secret_id(i, id);
		for (uint64_t copies = requested ? 1 + one_in(pool, 10) : 0; copies > 0; copies--)
			draw_request(pool, draw, id);
		if (one_in(pool, 10) || (requested && !one_in(pool, 4)))
			continue;
		put_secret(pool, index, id);
		index += one_in(pool, 2) ? 1 : 1 + below(pool, 3);
	}
}

static void draw_ep11_state(struct pool *pool)
{
	uint64_t kind = below(pool, 8);

	if (kind == 0)
		fputs(" state=foreign", pool->topology);
	else if (kind < 3)
		fputs(" state=bound", pool->topology);
	else if (kind < 5)
		fprintf(pool->topology, " state=associated:%" PRIu64, below(pool, 2 * pool->secret_count + 1));
}

/* Two queues of a card rarely have the same master key, because then little more is done. */
static void draw_ep11_queues(struct pool *pool, size_t card, size_t count)
{
	size_t first_mkvp = below(pool, pool->mkvp_count);

	for (size_t i = 0; i < count; i++) {
		size_t mkvp = (first_mkvp + i) % pool->mkvp_count;
		uint8_t rest[16];

		if (one_in(pool, 60))
			mkvp = below(pool, pool->mkvp_count);
		fprintf(pool->topology, "queue %02x.%04x", pool->cards[card], (unsigned int)pool->last_domain[card]++);
		for (size_t byte = 0; byte < sizeof(rest); byte++)
			rest[byte] = (uint8_t)below(pool, 256);
		if (i < pool->mkvp_count && !one_in(pool, 10)) {
			fputs(" mkvp=", pool->topology);
			put_hex(pool->topology, pool->mkvps[mkvp], 16);
			put_hex(pool->topology, rest, sizeof(rest));
		} else {
			fputs(" mkvp=none", pool->topology);
		}
		draw_ep11_state(pool);
		fputc('\n', pool->topology);
		pool->last_domain[card] += (uint16_t)below(pool, 3);
	}
}

static void draw_other_queues(struct pool *pool, size_t card, size_t count, char mode)
{
	for (size_t i = 0; i < count; i++) {
		fprintf(pool->topology, "queue %02x.%04x", pool->cards[card], (unsigned int)pool->last_domain[card]++);
		if (one_in(pool, 8))
			fputs(" state=foreign", pool->topology);
		else if (mode == 'A' && one_in(pool, 3))
			fputs(" state=bound", pool->topology);
		fputc('\n', pool->topology);
	}
}

static void draw_card(struct pool *pool, size_t card)
{
	static const char modes[] = "PPPPAAAC";
	char mode = modes[below(pool, sizeof(modes) - 1)];
	uint64_t generation = mode == 'P' && !one_in(pool, 5) ? 8 : 4 + below(pool, 6);
	size_t count = 1 + below(pool, one_in(pool, 4) ? 16 : 4);

	if (count > pool->longest)
		pool->longest = count;
	pool->queue_count += count;
	pool->cards[card] = (uint8_t)(6 * card + below(pool, 6));
	pool->last_domain[card] = (uint16_t)(1 + below(pool, 199));
	fprintf(pool->topology, "card %02x CEX%" PRIu64 "%c serialnr=%s", pool->cards[card], generation, mode,
		pool->serialnrs[below(pool, pool->serialnr_count)]);
	if (one_in(pool, 20))
		fputs(" configured=0", pool->topology);
	if (one_in(pool, 20))
		fputs(" checkstopped=1", pool->topology);
	fputc('\n', pool->topology);
	if (mode == 'P')
		draw_ep11_queues(pool, card, count);
	else
		draw_other_queues(pool, card, count, mode);
}

static void draw_fault(struct pool *pool)
{
	static const char *const faults[] = {
		"bind rc=30",          "bind rc=31",         "bind rc=33",           "bind rc=05",
		"bind hang=3s",        "bind hang=100s",     "bind slow=400ms",      "bind vanish",
		"associate rc=34",     "associate rc=36",    "associate late",       "associate never",
		"associate fall_back", "associate hang=40s", "associate slow=700ms", "associate vanish",
		"unbind rc=05",        "unbind never",       "unbind hang=2s",       "unbind slow=900ms",
		"unbind vanish",       "request rc=05",      "request never",        "request slow=300ms",
		"request slow=20s",    "request vanish",     "test rc=10",           "test hang=1s",
		"test vanish",
	};
	const char *fault = faults[below(pool, sizeof(faults) / sizeof(faults[0]))];
	size_t card = below(pool, pool->card_count);
	uint64_t after = one_in(pool, 2) ? below(pool, 6) : 0, times = below(pool, 4);

	fprintf(pool->topology, "fault %02x.", pool->cards[card]);
	if (one_in(pool, 2))
		fputc('*', pool->topology);
	else
		fprintf(pool->topology, "%04" PRIx64, pool->last_domain[card] - 1 - below(pool, 2));
	fprintf(pool->topology, " %s after=%" PRIu64 " times=%" PRIu64 "\n", fault, after, times);
}

static void draw_machine(struct pool *pool, struct draw *draw)
{
	uint64_t kernel = below(pool, 60);

	draw->kernel = SIM_KERNEL_7;
	if (kernel == 0)
		draw->kernel = SIM_KERNEL_6_1;
	else if (kernel < 25 && pool->secret_count < 50) /* it lists no more than a page of secrets */
		draw->kernel = SIM_KERNEL_6_12;
	draw->settled = !one_in(pool, 3);
	draw->bindings_us = draw->settled ? 0 : (int64_t)below(pool, 400000);
	draw->grid_us = (int64_t)below(pool, 40000);
	draw_delays(pool, draw);
	draw_secrets(pool, draw);
	pool->card_count = below(pool, one_in(pool, 3) ? 13 : 5);
	if (one_in(pool, 20))
		pool->card_count = below(pool, CARDS_MAX + 1);
	for (size_t card = 0; card < pool->card_count; card++)
		draw_card(pool, card);
	/* The program waits for the unbind of an offline queue, but not as long as the slowest resets take. */
	for (size_t i = 0; i < pool->queue_count; i++)
		draw->offline[i] = draw->settled && draw->quick && one_in(pool, 30);
	draw->faults = one_in(pool, 2) && pool->card_count > 0;
	if (!draw->faults)
		return;
	if (one_in(pool, 3))
		draw_trouble(&pool->random, pool->cards, pool->card_count, &draw->trouble);
	for (size_t i = (draw->trouble.injection_count > 0 ? 0 : 1) + below(pool, 4); i > 0; i--)
		draw_fault(pool);
	if (one_in(pool, 8))
		fprintf(pool->topology, "limit %" PRIu64 "\n", 1 + below(pool, 8));
}

/* --- configuration -------------------------------------------------------------------------------- */

static void draw_secret_of(struct pool *pool, struct draw_entry *entry)
{
	size_t number = below(pool, pool->secret_count + 1);
	uint64_t how = below(pool, 3);
	char name[DRAW_SECRET_NAME_SIZE];

	secret_name(number, name);
	secret_id(number, entry->secretid);
	if (how != 1)
		fprintf(pool->yaml, "  name: %s\n", name);
	if (how == 0)
		return;
	fputs("  secretid: ", pool->yaml);
	put_hex(pool->yaml, entry->secretid, sizeof(entry->secretid));
	fputc('\n', pool->yaml);
}

static void draw_ep11_entry(struct pool *pool, struct draw_entry *entry)
{
	memcpy(entry->mkvp, pool->mkvps[below(pool, pool->mkvp_count)], sizeof(entry->mkvp));
	if (one_in(pool, 20))
		entry->mkvp[below(pool, 16)] ^= 1;
	fputs("- mode: EP11\n  mkvp: 0x", pool->yaml);
	put_hex(pool->yaml, entry->mkvp, sizeof(entry->mkvp));
	if (one_in(pool, 2))
		fputs("00000000000000000000000000000000", pool->yaml);
	fputc('\n', pool->yaml);
	draw_secret_of(pool, entry);
	if (one_in(pool, 3)) {
		memcpy(entry->serialnr, pool->serialnrs[below(pool, pool->serialnr_count)], sizeof(entry->serialnr));
		if (one_in(pool, 10))
			entry->serialnr[4] = 'd';
		fprintf(pool->yaml, "  serialnr: %s\n", entry->serialnr);
	}
	if (one_in(pool, 3)) {
		entry->min_generation = 8;
		fputs("  mingen: CEX8\n", pool->yaml);
	}
}

static void draw_entry(struct pool *pool, struct draw_entry *entry)
{
	entry->accelerator = one_in(pool, 3);
	if (!entry->accelerator) {
		draw_ep11_entry(pool, entry);
		return;
	}
	fputs("- mode: Accel\n", pool->yaml);
	if (one_in(pool, 2)) {
		entry->min_generation = 4 + (unsigned int)below(pool, 5);
		fprintf(pool->yaml, "  mingen: CEX%u\n", entry->min_generation);
	}
}

static void draw_options(struct pool *pool, struct options *options)
{
	options->strict = one_in(pool, 3);
	options->dry_run = one_in(pool, 10);
	options->probe = options->dry_run && one_in(pool, 2);
	options->timeout_ms = 1000 * (int64_t)(one_in(pool, 2) ? 60 : 5 + below(pool, 56));
	if (one_in(pool, 12)) {
		options->unbind = true;
		options->strict = options->probe = false;
	}
	options->lock_secrets = !options->unbind && one_in(pool, 6);
}

void draw_make(struct draw *draw, uint64_t seed, uint64_t number)
{
	size_t topology_size, yaml_size;
	uint64_t start = seed;
	struct pool pool = { 0 };

	*draw = (struct draw){ .trouble = { .jump_call = UINT64_MAX, .event_call = UINT64_MAX } };
	pool.random = draw_below(&start, UINT64_MAX) + number;
	pool.random = draw_below(&pool.random, UINT64_MAX);
	pool.topology = open_memstream(&draw->topology, &topology_size);
	pool.yaml = open_memstream(&draw->yaml, &yaml_size);
	if (!pool.topology || !pool.yaml)
		abort();
	fill_pool(&pool);
	draw_machine(&pool, draw);
	draw->entry_count = below(&pool, one_in(&pool, 3) ? DRAW_ENTRIES_MAX + 1 : 7);
	for (size_t i = 0; i < draw->entry_count; i++)
		draw_entry(&pool, &draw->entries[i]);
	if (draw->entry_count == 0)
		fputs("[]\n", pool.yaml);
	draw_options(&pool, &draw->options);
	if (draw->options.unbind)
		draw->request_count = 0;
	draw->plenty = 2 * (pool.longest + 1) * pool.queue_us < 1000 * (uint64_t)draw->options.timeout_ms;
	if (fclose(pool.topology) != 0 || fclose(pool.yaml) != 0)
		abort();
}

void draw_release(struct draw *draw)
{
	free(draw->topology);
	free(draw->yaml);
}
