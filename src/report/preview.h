/* SPDX-License-Identifier: MIT */
#pragma once

/* What a real run would make of the APQNs, after a dry run: a table of every APQN, now and then. */
#include "report/report.h"

void preview_print(const struct report *report);
