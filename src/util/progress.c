/* SPDX-License-Identifier: MIT */
#include "util/progress.h"

#include <inttypes.h>
#include <stdio.h>

#include "util/log.h"

static bool enabled;
static int64_t shown_ms;
static bool shown;

void progress_enable(bool enable)
{
	enabled = enable;
	shown = false;
}

int64_t progress_until(int64_t now_ms, int64_t until_ms)
{
	return enabled && until_ms - now_ms > PROGRESS_SHOW_MS ? now_ms + PROGRESS_SHOW_MS : until_ms;
}

bool progress_is_due(int64_t now_ms, int64_t since_ms)
{
	return enabled && now_ms - since_ms >= PROGRESS_SHOW_MS && (!shown || now_ms - shown_ms >= PROGRESS_SHOW_MS);
}

void progress_show(int64_t now_ms, int64_t since_ms, const char *what)
{
	char text[LOG_TRANSIENT_SIZE];

	snprintf(text, sizeof(text), "waiting for %s, %" PRId64 " s", what, (now_ms - since_ms) / 1000);
	log_transient(text);
	shown = true;
	shown_ms = now_ms;
}
