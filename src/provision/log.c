/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "provision/internal.h"
#include "util/log.h"
#include "util/wait.h"
#include "util/text.h"

static void format_purpose(const struct provision *this, size_t apqn, char *text, size_t size)
{
	size_t entry = this->plan.apqns[apqn].entry;
	char label[CONFIG_LABEL_SIZE];

	if (entry == PLAN_NONE) {
		snprintf(text, size, "it serves no entry");
		return;
	}
	config_format_label(this->request->config, entry, label);
	if (this->request->config->entries[entry].mode != APQN_MODE_EP11)
		snprintf(text, size, "entry %s", label);
	else if (this->plan.entries[entry].secret_index == SECRETS_NO_INDEX)
		snprintf(text, size, "a secret to be added for entry %s", label);
	else
		snprintf(text, size, "secret index %u for entry %s", this->plan.entries[entry].secret_index, label);
}

static const char *association_text(const struct provision *this, size_t apqn)
{
	if (this->plan.apqns[apqn].goal == PLAN_REASSOCIATE)
		return "unbind, bind and associate with";
	return this->apqns[apqn].bind == APQN_BOUND ? "associate with" : "bind and associate with";
}

static const char *unbind_reason(const struct provision *this, size_t apqn, const char *purpose)
{
	if (this->plan.apqns[apqn].entry == PLAN_NONE)
		return purpose;
	if (this->tasks[apqn].call == CALL_WRITE_UNBIND)
		return "which has already begun";
	return "no time is left to associate it";
}

void provision_log_goal(const struct provision *this, size_t apqn, enum queue_goal goal)
{
	const char *dry = this->request->dry_run && goal != GOAL_IDENTIFY ? "dry run: " : "";
	bool bound = this->apqns[apqn].bind == APQN_BOUND;
	char name[APQN_NAME_SIZE], purpose[CONFIG_LABEL_SIZE + 48];

	apqn_format_name(&this->apqns[apqn], name);
	format_purpose(this, apqn, purpose, sizeof(purpose));
	if (goal == GOAL_IDENTIFY)
		log_info("%s: %s", name, bound ? "read its master key" : "bind to read its master key");
	else if (goal == GOAL_BIND)
		log_info("%s%s: bind for %s", dry, name, purpose);
	else if (goal == GOAL_ASSOCIATE)
		log_info("%s%s: %s %s", dry, name, association_text(this, apqn), purpose);
	else if (goal == GOAL_UNBIND)
		log_info("%s%s: unbind, %s", dry, name, unbind_reason(this, apqn, purpose));
}

static void log_failure(const struct apqn *apqn, const char *name)
{
	char failure[APQN_FAILURE_SIZE];

	apqn_format_failure(apqn, failure);
	if (apqn->failure_error != 0)
		log_warning("APQN %s: %s: %s", name, failure, text_error(apqn->failure_error));
	else
		log_warning("APQN %s: %s", name, failure);
}

void provision_log_result(const struct queue_task *task, const struct apqn *before, bool released, int64_t now_ms)
{
	const struct apqn *apqn = task->apqn;
	char name[APQN_NAME_SIZE], mkvp[2 * APQN_MKVP_SIZE + 1];

	apqn_format_name(apqn, name);
	if (apqn->failure != before->failure) {
		log_failure(apqn, name);
		return;
	}
	if (released)
		log_info("%s: unbound", name);
	if (apqn->bind == APQN_BOUND && (before->bind != APQN_BOUND || released))
		log_info("%s: bound", name);
	if (apqn->association == APQN_ASSOCIATED && before->association != APQN_ASSOCIATED)
		log_info("%s: associated with secret index %u after %" PRId64 " ms", name, apqn->association_index,
			 now_ms - task->since_ms);
	if (apqn->identity != before->identity && apqn->identity == APQN_IDENTITY_NONE)
		log_info("%s: has no valid master key", name);
	if (apqn->identity == APQN_IDENTITY_VALID && before->identity == APQN_IDENTITY_VALID &&
	    memcmp(apqn->mkvp, before->mkvp, sizeof(apqn->mkvp)) != 0)
		log_warning("APQN %s: its master key has changed", name);
	if (apqn->identity != before->identity && apqn->identity == APQN_IDENTITY_VALID) {
		text_format_hex(apqn->mkvp, sizeof(apqn->mkvp), mkvp);
		log_info("%s: master key 0x%s", name, mkvp);
	}
}

void provision_show_progress(struct provision *this, int64_t now_ms)
{
	static const char *const goals[] = {
		[GOAL_REST] = "",
		[GOAL_SETTLE] = "the association",
		[GOAL_IDENTIFY] = "the master key",
		[GOAL_BIND] = "the bind",
		[GOAL_ASSOCIATE] = "the association",
		[GOAL_UNBIND] = "the unbind",
		[GOAL_CONFIRM] = "the master key",
	};
	const struct queue_task *first = NULL;
	char name[APQN_NAME_SIZE], more[32] = "";
	size_t others = 0;

	for (size_t i = 0; i < this->count; i++) {
		const struct queue_task *task = &this->tasks[i];

		if (task->goal == GOAL_REST)
			continue;
		others += first != NULL;
		if (!first || task->since_ms < first->since_ms)
			first = task;
	}
	if (!first || !progress_is_due(now_ms, first->since_ms, &this->next_progress_ms))
		return;
	apqn_format_name(first->apqn, name);
	if (others > 0)
		snprintf(more, sizeof(more), " and %zu more", others);
	log_notice("waiting for %s of %s%s, %" PRId64 " s", goals[first->goal], name, more,
		   (now_ms - first->since_ms) / 1000);
}

static void log_dry_run(const struct provision *this, size_t i, const char *name)
{
	enum plan_goal goal = this->plan.apqns[i].goal;

	if (this->apqns[i].identity == APQN_IDENTITY_UNAVAILABLE)
		log_info("dry run: %s: bind to read its master key; what follows depends on it%s", name,
			 this->request->probe ? "" : " (--probe tells)");
	else if (goal != PLAN_IDENTIFY)
		provision_log_goal(this, i, provision_goal(goal));
}

/* Left associated because it is unknown whether it serves an entry. */
static void warn_of_unverified(const struct provision *this, size_t i, const char *name)
{
	const struct apqn *apqn = &this->apqns[i];

	if (this->plan.apqns[i].goal == PLAN_UNVERIFIED)
		log_warning("APQN %s: left associated with secret index %u: it may serve an entry, but %s is unknown",
			    name, apqn->association_index,
			    apqn->identity == APQN_IDENTITY_VALID ? "the serial number of its card" : "its master key");
}

/* May still be bound. In a dry run only probes are bound and unbound. */
static void warn_of_unknown(const struct provision *this, size_t i, const char *name)
{
	const struct apqn *apqn = &this->apqns[i];
	bool is_probe = this->request->dry_run && apqn->bind == APQN_BOUND &&
			(this->tasks[i].bound_here || apqn->failure == APQN_STAYS_BOUND);
	const char *text = is_probe ? "no time was left to unbind it" : apqn_failure_text(APQN_UNREADABLE);

	if ((apqn->bind == APQN_BIND_UNKNOWN || is_probe) && apqn->mode != APQN_MODE_CCA &&
	    apqn->failure != APQN_VANISHED)
		log_warning("APQN %s: may still be bound: %s", name,
			    apqn->failure ? apqn_failure_text(apqn->failure) : text);
}

/* The next queue of the card after this one with the same master key, or the count of all. */
static size_t next_alike(const struct provision *this, size_t i)
{
	const struct apqn *one = &this->apqns[i];

	for (size_t j = i + 1; j < this->count && this->apqns[j].card == one->card; j++) {
		if (this->apqns[j].identity == APQN_IDENTITY_VALID &&
		    memcmp(this->apqns[j].mkvp, one->mkvp, sizeof(one->mkvp)) == 0)
			return j;
	}
	return this->count;
}

/* Another queue of the card has the same master key, and one of the two serves an entry. */
static void warn_of_duplicate(const struct provision *this, size_t i, const char *name)
{
	const struct apqn *apqn = &this->apqns[i];
	size_t other = apqn->identity == APQN_IDENTITY_VALID ? next_alike(this, i) : this->count;
	char other_name[APQN_NAME_SIZE], mkvp[2 * APQN_MKVP_SIZE + 1];

	if (other == this->count ||
	    (this->plan.apqns[i].entry == PLAN_NONE && this->plan.apqns[other].entry == PLAN_NONE))
		return;
	apqn_format_name(&this->apqns[other], other_name);
	text_format_hex(apqn->mkvp, sizeof(apqn->mkvp), mkvp);
	log_warning("APQN %s and APQN %s: same master key 0x%s on one card; either can serve an entry", name,
		    other_name, mkvp);
}

void provision_log_outcome(const struct provision *this)
{
	const struct provision_request *request = this->request;
	char name[APQN_NAME_SIZE];

	for (size_t i = 0; i < this->count; i++) {
		apqn_format_name(&this->apqns[i], name);
		if (request->dry_run)
			log_dry_run(this, i, name);
		warn_of_duplicate(this, i, name);
		warn_of_unverified(this, i, name);
		/* --unbind reports these as its error. */
		if (request->config->count > 0 && (!request->dry_run || request->probe))
			warn_of_unknown(this, i, name);
	}
}
