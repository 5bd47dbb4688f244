/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "provision/internal.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/wait.h"

#define LIMIT_MS 4000 /* of all reads; one call may take a quarter of it */

/* No reset and no association is under way. */
static bool is_settled(const struct apqn *apqn)
{
	if (apqn->failure != APQN_WORKING || apqn->bind == APQN_BIND_UNKNOWN)
		return false;
	return apqn->bind != APQN_BOUND || apqn->association == APQN_UNASSOCIATED ||
	       apqn->association == APQN_ASSOCIATED;
}

static bool is_readable(const struct apqn *apqn)
{
	return apqn->mode == APQN_MODE_EP11 && apqn->bind == APQN_BOUND && apqn->online;
}

static void begin(struct provision *this, int64_t now_ms)
{
	for (size_t c = 0; c < this->card_count; c++) {
		struct card *card = &this->cards[c];
		const struct apqn *apqns = &this->apqns[card->first];
		bool settled = apqns->mode == APQN_MODE_EP11;

		card->serialnr.wanted = true;
		for (size_t i = 0; i < card->count; i++)
			settled = settled && is_settled(&apqns[i]);
		for (size_t i = 0; i < card->count; i++) {
			if (settled && is_readable(&apqns[i]))
				queue_task_begin(&this->tasks[card->first + i], GOAL_IDENTIFY, now_ms);
		}
	}
}

static int read_identities(struct provision *this)
{
	struct card_calls *calls = &this->calls;

	for (;;) {
		int64_t now_ms = machine_now_ms(calls->machine);
		int r;

		provision_give_up_writers(this);
		if (!card_calls_busy(calls) && !provision_any_task(this))
			return 0;
		if (now_ms >= calls->deadline_ms)
			return card_calls_finish(calls);
		provision_show_progress(this, now_ms);
		r = card_calls_turn(calls, progress_until(now_ms, calls->deadline_ms));
		if (r < 0)
			return r;
	}
}

int provision_identify_bound(struct machine *machine, int64_t deadline_ms, struct apqn *apqns, size_t apqn_count)
{
	static const struct config config;
	int64_t now_ms = machine_now_ms(machine);
	int64_t until_ms = deadline_ms - now_ms < LIMIT_MS ? deadline_ms : now_ms + LIMIT_MS;
	const struct provision_request request = { .config = &config, .dry_run = true, .deadline_ms = until_ms };
	cleanup_(provision_release) struct provision this = {
		.request = &request,
		.apqns = apqns,
		.count = apqn_count,
		.calls = {
			.machine = machine,
			.deadline_ms = until_ms,
			.next = provision_next,
			.done = provision_done,
		},
		.work_until_ms = until_ms,
	};
	int r;

	this.calls.context = &this;
	r = provision_init(&this);
	if (r < 0) {
		log_error("cannot read master keys: %s", strerror(-r));
		return r;
	}
	begin(&this, now_ms);
	return read_identities(&this);
}
