/* SPDX-License-Identifier: MIT */
#pragma once

/* The add-secret requests of a scenario as files in a directory of their own. */
#include "simulate/draw.h"

/* Makes the directory, which must not be there, and the files in it. */
void request_files_write(const struct draw *draw, const char *directory);

/* Removes both. */
void request_files_remove(const struct draw *draw, const char *directory);
