/* SPDX-License-Identifier: MIT */
#pragma once

/* The table of --list. */
#include "report/report.h"

/*
 * Of report: config, secrets, apqns. '?' stands for what is not known, '-' for what does not apply. `unread` tells why
 * nothing was asked who it is, or is NULL.
 */
void list_view_print(const struct report *report, const char *unread);
