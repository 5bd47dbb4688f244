/* SPDX-License-Identifier: MIT */
/* Whether there is an AP bus for this guest, and the wait for its drivers. */
#include "ap/inventory.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "util/log.h"
#include "util/wait.h"
#include "util/text.h"

#define READ_INTERVAL_MIN_MS 1
#define READ_INTERVAL_MAX_MS 20

static int read_features(struct machine *machine, int64_t deadline_ms, char features[MACHINE_TEXT_SIZE])
{
	int r = machine_read_text(machine, deadline_ms, features, "bus/ap/features");

	if (r == -ENOENT)
		log_error("AP bus /sys/bus/ap/features: not found; this kernel has no AP support (module ap), or "
			  "this machine has no crypto adapters passed through");
	else if (r < 0 && r != -EINTR)
		log_error("AP bus /sys/bus/ap/features: %s", text_error(r));
	return r;
}

int inventory_find_bus(struct machine *machine, int64_t deadline_ms, bool *passthrough)
{
	char features[MACHINE_TEXT_SIZE];
	int r = read_features(machine, deadline_ms, features);

	*passthrough = r == 0 && text_has_word(features, "APSB");
	return r;
}

int inventory_check_bus(struct machine *machine, int64_t deadline_ms)
{
	char features[MACHINE_TEXT_SIZE];
	int r = read_features(machine, deadline_ms, features);

	if (r < 0 || text_has_word(features, "APSB"))
		return r;
	log_error("AP bus /sys/bus/ap/features: no APSB among '%s'; only a KVM guest in Secure Execution mode with AP "
		  "pass-through has it",
		  features);
	return -EOPNOTSUPP;
}

/* "N/M" or "N/M (complete)". */
bool inventory_bindings_complete(const char *text)
{
	static const char suffix[] = " (complete)";
	size_t length = strlen(text);

	return length > strlen(suffix) && strcmp(text + length - strlen(suffix), suffix) == 0;
}

static void report_bindings_timeout(const char *text)
{
	log_error("AP bus /sys/bus/ap/bindings: still '%s', not complete at the timeout; are the modules "
		  "zcrypt and zcrypt_cex4 loaded? A longer wait: --timeout, at boot rd.pvapconfig.timeout",
		  text);
}

int inventory_wait_bindings(struct machine *machine, int64_t deadline_ms)
{
	int64_t start_ms = machine_now_ms(machine), next_progress_ms = 0;
	int64_t interval_ms = READ_INTERVAL_MIN_MS;
	char text[MACHINE_TEXT_SIZE], seen[MACHINE_TEXT_SIZE];

	/* Not an initializer: clang would store all 4,096 bytes of it in the program. */
	memcpy(seen, "not read", sizeof("not read"));
	for (;;) {
		int r = machine_read_text(machine, deadline_ms, text, "bus/ap/bindings");
		int64_t now_ms = machine_now_ms(machine), next_read_ms;

		if (r == -ETIMEDOUT) {
			report_bindings_timeout(seen);
			return r;
		}
		if (r < 0) {
			if (r != -EINTR)
				log_error("AP bus /sys/bus/ap/bindings: %s", text_error(r));
			return r;
		}
		memcpy(seen, text, strlen(text) + 1);
		if (inventory_bindings_complete(text)) {
			log_info("AP bus: all drivers are bound: %s", text);
			return 0;
		}
		if (now_ms >= deadline_ms) {
			report_bindings_timeout(text);
			return -ETIMEDOUT;
		}
		if (progress_is_due(now_ms, start_ms, &next_progress_ms))
			log_notice("waiting for the AP bus, %" PRId64 " s; drivers bound: %s",
				   (now_ms - start_ms) / 1000, text);
		next_read_ms = now_ms + interval_ms;
		r = machine_sleep_until(machine, next_read_ms < deadline_ms ? next_read_ms : deadline_ms);
		if (r < 0)
			return r;
		interval_ms = interval_ms * 2 < READ_INTERVAL_MAX_MS ? interval_ms * 2 : READ_INTERVAL_MAX_MS;
	}
}
