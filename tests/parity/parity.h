/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Carries out a list of operations on a machine and prints the outcome of each. The same list runs on the simulated
 * machine (parity_sim) and in a guest (parity_guest), to compare the simulated kernel with the real one.
 *
 * A list has one operation a line; '#' begins a comment. WHERE is a path below /sys; "11.0008/…" is short for the
 * directory of a queue, "card11/…" for that of a card.
 *
 *   read WHERE         the outcome is the text, with '|' for a newline
 *   write WHERE TEXT   "ok"
 *   settle WHERE TEXT  writes again while the answer is EBUSY or EIO, for a second at most
 *   until WHERE TEXT   reads again until the text (or the error) begins so, for 5 seconds at most
 *   slow WHERE TEXT    the same, for what takes two seconds; "too early" if it took less since the last write
 *   begin WHERE TEXT   starts a write and continues without waiting for it
 *   end                waits for that write; the outcome is the write's
 *   list WHERE         the names of cards and queues in a directory
 *   uv list|lock|add|NUMBER BYTES   a call on /dev/uv with a buffer of this size
 *   request FILE       the request that later `uv add` calls pass
 *   rest MS            waits
 *
 * The outcome of a failed operation is the name of its error.
 */
#include <stdio.h>

#include "kernel/machine.h"

/* Prints "PARITY OPERATION -> OUTCOME" for each line. 0, or the number of the first invalid line. */
unsigned int parity_run(struct machine *machine, FILE *operations, FILE *outcomes);
