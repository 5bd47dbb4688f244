/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Cleanup by scope: a variable that starts as NULL or -1 and is marked with one of these releases its resource at the
 * end of its scope. To pass a resource on, take it out of the variable.
 */
#include <stdlib.h>
#include <unistd.h>

#define cleanup_(function) __attribute__((cleanup(function)))

static inline void cleanup_free_pointer(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_close_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define cleanup_free_ cleanup_(cleanup_free_pointer)
#define cleanup_close_ cleanup_(cleanup_close_fd)

/* Takes the pointer out of a variable marked with cleanup_free_. */
#define take_pointer(variable)                                                                                         \
	({                                                                                                             \
		__typeof__(variable) taken_ = (variable);                                                              \
		(variable) = NULL;                                                                                     \
		taken_;                                                                                                \
	})

/* The same for a file descriptor marked with cleanup_close_. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}
