/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Carries out a list of operations on a machine and prints what came of each. The same list run on the simulated
 * machine (parity_sim) and in a guest (parity_guest) tells whether the simulated kernel does what the real one does.
 *
 * A list is a text of lines; '#' begins a comment. WHERE is a path below /sys, in short "11.0008/…" for what a queue
 * has and "card11/…" for what a card has.
 *
 *   read WHERE         the outcome is the text, with '|' for a newline
 *   write WHERE TEXT   "ok"
 *   settle WHERE TEXT  writes again while the answer is EBUSY or EIO, for a second at most
 *   until WHERE TEXT   reads again until the text (or the error) begins so, for 5 seconds at most
 *   slow WHERE TEXT    the same for what takes two seconds: says so if it was there in less time after the last write
 *   begin WHERE TEXT   writes, while what follows goes on
 *   end                waits for that; its outcome is the write's
 *   list WHERE         the names of cards and queues in a directory
 *   uv list|lock|add|NUMBER BYTES   a call on /dev/uv with so large a buffer
 *   request FILE       what `uv add` hands over from now on
 *   rest MS            lets time pass
 *
 * An operation that fails has the name of its error for an outcome.
 */
#include <stdio.h>

#include "kernel/machine.h"

/* Prints "PARITY OPERATION -> OUTCOME" for each line. 0, or the number of the first line that cannot be understood. */
unsigned int parity_run(struct machine *machine, FILE *operations, FILE *outcomes);
