/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Attributes of sysfs, read and written in one go below a directory descriptor. Blocking: called in workers only, so
 * without errno and memory of the C library (raw_syscall.h).
 * All return 0 or a negative errno, that of the driver unchanged.
 */
#include <stddef.h>

/* Reads a whole file into text with a NUL behind; -E2BIG if it does not fit into size bytes. */
int attribute_read(int directory, const char *path, char *text, size_t size, size_t *length);

/* One write, without creating or truncating: its errno is the driver's answer. -EIO for a short write. */
int attribute_write(int directory, const char *path, const char *text, size_t length);

/* The names in a directory, each ended by a newline, without "." and ".."; order as the kernel gives it. */
int attribute_list(int directory, const char *path, char *names, size_t size, size_t *length);
