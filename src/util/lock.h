/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The lock file (manual; design decision 16): whoever makes it may work on the APQNs. It holds the process id and a
 * newline. Everything is reported here.
 */
#include <stdbool.h>
#include <sys/types.h>

#define LOCK_PATH "/run/lock/pvapconfig.lock"

/*
 * Makes the lock file. 0; -EEXIST if it is there; other negative errno. With `takeover` (at boot, where nobody can
 * remove it by hand) a lock file is taken over with a warning, unless the process that it names may run pvapconfig.
 */
int lock_acquire(const char *path, bool takeover);

/* Removes the lock file that this process made. */
void lock_release(const char *path);

/* Removes the lock file if it was made by `pid`, whose end or whose being stuck was seen. Nothing is reported. */
void lock_remove_of(const char *path, pid_t pid);

/*
 * Makes the directory of the lock file if it is missing: early in the boot nobody else has, and newer versions of systemd
 * leave it to whoever wants it. 0 or negative errno.
 */
int lock_make_directory(const char *path);
