/* SPDX-License-Identifier: MIT */
#pragma once

/* The bytes of a configuration file, before YAML. */
#include <stddef.h>

#include "config/value.h"

/*
 * What a file may not contain because libyaml takes quadratic time for it (8 and 22 seconds for 1 MiB): more blanks and
 * line breaks in a row than this, and %TAG directives, which mean nothing here.
 */
#define CONFIG_TEXT_BLANKS_MAX 1024

/* NULL if the text may go to libyaml; otherwise what is wrong, and where. */
const char *config_text_check(const char *text, size_t length, struct config_place *place);

/* Where a byte stands; columns are characters. */
struct config_place config_text_place(const char *text, size_t offset);
