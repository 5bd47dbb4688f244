/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The lock file, shared with s390-tools' pvapconfig: the process that created it may change APQNs. It holds the process
 * id and a newline. Everything is reported here.
 */
#include <stdbool.h>
#include <sys/types.h>

#define LOCK_PATH "/run/lock/pvapconfig.lock"

/*
 * Creates the lock file, with its directory. 0; -EEXIST if it exists; other negative errno. With `takeover` (at boot,
 * where it cannot be removed by hand) a lock file is taken over with a warning, unless the process that it names may
 * run pvapconfig.
 */
int lock_acquire(const char *path, bool takeover);

/* Removes the lock file of this process. */
void lock_release(const char *path);

/* Removes the lock file if it names `pid`, a process that ended or hangs. Nothing is reported. */
void lock_remove_of(const char *path, pid_t pid);
