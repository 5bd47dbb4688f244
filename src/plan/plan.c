/* SPDX-License-Identifier: MIT */
#include "plan/plan.h"

#include <errno.h>
#include <stdlib.h>

#include "plan/internal.h"
#include "util/cleanup.h"

static void prepare_entries(struct plan_context *context, const struct secrets *secrets)
{
	for (size_t i = 0; i < context->config->count; i++) {
		const struct config_entry *wish = &context->config->entries[i];
		struct plan_entry *entry = &context->plan->entries[i];
		const struct secret *secret;

		*entry = (struct plan_entry){ .apqn = PLAN_NONE, .reason = PLAN_NO_APQN, .detail = PLAN_NONE };
		if (wish->mode != APQN_MODE_EP11)
			continue;
		context->serialnr_wanted = context->serialnr_wanted || wish->serialnr[0] != '\0';
		secret = secrets_find(secrets, wish->secretid);
		if (secret)
			entry->secret_index = secret->index;
		else
			entry->reason = PLAN_NO_SECRET;
	}
}

/* True if the known part of its identity fits the entry, but a part is unknown. */
static bool may_serve(const struct plan_context *context, const struct apqn *apqn, size_t entry)
{
	const struct config_entry *wish = &context->config->entries[entry];

	if (apqn->association_index != context->plan->entries[entry].secret_index || !plan_card_suits(apqn, wish))
		return false;
	if (apqn->identity != APQN_IDENTITY_VALID)
		return apqn->identity != APQN_IDENTITY_NONE;
	return memcmp(apqn->mkvp, wish->mkvp, sizeof(wish->mkvp)) == 0 && !plan_serialnr_fits(apqn->serialnr, wish);
}

bool plan_unverified(const struct plan_context *context, const struct apqn *apqn)
{
	if (apqn->mode != APQN_MODE_EP11 || !plan_online(apqn) || apqn->bind != APQN_BOUND ||
	    apqn->association != APQN_ASSOCIATED)
		return false;
	if (apqn->identity == APQN_IDENTITY_VALID && (apqn->serialnr[0] != '\0' || !context->serialnr_wanted))
		return false;
	for (size_t i = 0; i < context->config->count; i++) {
		if (plan_wanted(context, i) && may_serve(context, apqn, i))
			return true;
	}
	return false;
}

/* The goal of an APQN that takes no part. The others get theirs later. */
static enum plan_goal idle_goal(const struct plan_context *context, const struct apqn *apqn)
{
	if (apqn->mode != APQN_MODE_ACCEL && apqn->mode != APQN_MODE_EP11)
		return PLAN_LEAVE;
	if (apqn_is_out_of_reach(apqn))
		return PLAN_LEAVE;
	if (apqn->failure != APQN_WORKING && plan_unverified(context, apqn))
		return PLAN_UNVERIFIED;
	return apqn->bind == APQN_BOUND ? PLAN_UNBIND : PLAN_LEAVE;
}

static void prepare_apqns(const struct plan_context *context)
{
	for (size_t i = 0; i < context->apqn_count; i++) {
		context->plan->apqns[i].goal = idle_goal(context, &context->apqns[i]);
		context->plan->apqns[i].entry = PLAN_NONE;
	}
}

int plan_make(const struct config *config, const struct apqn *apqns, size_t apqn_count, const struct secrets *secrets,
	      struct plan *plan)
{
	/* One more than needed, because calloc may return NULL for nothing. */
	cleanup_(plan_release) struct plan made = {
		.entries = calloc(config->count + 1, sizeof(*made.entries)),
		.apqns = calloc(apqn_count + 1, sizeof(*made.apqns)),
	};
	cleanup_free_ uint8_t *marks = calloc(config->count + 1, sizeof(*marks));
	struct plan_context context = { .config = config, .apqns = apqns, .apqn_count = apqn_count, .plan = &made };

	if (!marks || !made.entries || !made.apqns)
		return -ENOMEM;
	prepare_entries(&context, secrets);
	prepare_apqns(&context);
	plan_accel_make(&context, marks);
	if (plan_ep11_make(&context, marks) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < config->count; i++)
		made.satisfied += made.entries[i].apqn != PLAN_NONE;
	for (size_t i = 0; i < apqn_count; i++)
		made.identify += made.apqns[i].goal == PLAN_IDENTIFY;
	*plan = made;
	made = (struct plan){ 0 };
	return 0;
}

void plan_release(struct plan *plan)
{
	free(plan->entries);
	free(plan->apqns);
	*plan = (struct plan){ 0 };
}
