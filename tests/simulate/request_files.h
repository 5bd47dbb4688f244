/* SPDX-License-Identifier: MIT */
#pragma once

/* The add-secret requests of a scenario as files in a directory of their own. */
#include "simulate/draw.h"

/* Creates the directory, which must not exist, and the files in it. */
void request_files_write(const struct draw *draw, const char *directory);

/* Removes the directory and the files. */
void request_files_remove(const struct draw *draw, const char *directory);
