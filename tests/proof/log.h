/* SPDX-License-Identifier: MIT */
#pragma once

/* Messages, where they are not what is proved. The real ones: output.c. */
#include "util/log.h"

void log_line(enum log_level level, const char *format, ...)
{
	(void)level;
	__CPROVER_assert(format != NULL, "a message has a format");
}
