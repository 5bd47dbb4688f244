/* SPDX-License-Identifier: MIT */

/*
 * fork of the static musl program. musl's own takes the locks of threads and runs handlers; this program has neither.
 * The locks would be 2 KiB.
 */
#include <unistd.h>

pid_t fork(void)
{
	return _Fork();
}
