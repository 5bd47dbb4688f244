/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The only access to the machine's state. Two implementations: Linux (linux.c) and the simulated machine of the
 * tests. Calls may block in the kernel for long or for ever. So a call is started here and completed later, many at a
 * time, and no function blocks longer than its caller allows.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MACHINE_PATH_SIZE 80
#define MACHINE_TEXT_SIZE 4096 /* a sysfs attribute is at most a page */
#define MACHINE_FOREVER INT64_MAX
#define MACHINE_NO_CARD 0    /* channel of the calls that are on no card */
#define MACHINE_CHANNELS 257 /* one for each card, and MACHINE_NO_CARD */

enum machine_operation {
	MACHINE_READ,  /* a whole attribute into data; -E2BIG if it does not fit with its NUL */
	MACHINE_WRITE, /* length bytes of data in one write without creating anything; the driver's errno */
	MACHINE_LIST,  /* names in a directory, without "." and "..", each ended by a newline; -E2BIG as above */
	MACHINE_UV,    /* an ioctl on /dev/uv with data as argument, size bytes, in and out */
};

struct machine_call {
	enum machine_operation operation;
	char path[MACHINE_PATH_SIZE]; /* below /sys, no slash in front; not used by MACHINE_UV */
	char *data;                   /* the caller's; must live until the call is completed */
	size_t size;                  /* of data, bytes */
	size_t length;                /* WRITE: bytes to write; READ, LIST: bytes read, a NUL follows them */
	unsigned int uv_command;      /* UV: number of the ioctl (uapi/asm/uvdevice.h) */
	uint16_t uv_rc, uv_rrc;       /* UV: the firmware's answer, valid if error is 0 */
	unsigned int channel;         /* calls of one channel are made one after the other */
	int64_t limit_ms;             /* time limit of this call in the kernel; 0: until until_ms */
	int64_t until_ms;             /* completed with an error at this time at the latest */
	int error;                    /* result: 0 or a negative errno */
	void *context;                /* the caller's */
	bool repeated;                /* the machine's: the process that was to make the call has died */
	struct machine_call *next;    /* the machine's, while the call is under way */
};

struct machine;

struct machine_interface {
	int64_t (*now_ms)(struct machine *machine);
	int (*start)(struct machine *machine, struct machine_call *call);
	int (*wait)(struct machine *machine, int64_t until_ms, struct machine_call **done);
};

/* First member of every implementation. */
struct machine {
	const struct machine_interface *interface;
};

/* Milliseconds of a monotonic clock. */
int64_t machine_now_ms(struct machine *machine);

/*
 * Starts a call. 0: it is under way, and machine_wait returns it exactly once; until then, do not touch it or its data.
 * Negative errno, nothing was started: -E2BIG: too much data (on a card more than 16 KiB, else 4 MiB), -EINVAL: no such
 * channel, or the error that ended all work.
 *
 * The calls of a channel are made one at a time, in the order of their start. If one of them hangs until its time ends,
 * those behind it are not made and complete with -ECANCELED; so their until_ms must not be earlier. A call never delays
 * calls of other channels.
 */
int machine_start(struct machine *machine, struct machine_call *call);

/*
 * Waits for the next call to complete. 0 with the call in *done (its result is call->error), or 0 with NULL in *done
 * at until_ms. A negative errno ends all work: calls under way are not touched any more, and every later machine_wait
 * returns the same error. -EINTR: a signal asked the program to stop; it is reported once, at the end of the run.
 *
 * A call completed with -ETIMEDOUT may have waited behind others only; if it was begun, it stays in the kernel, cannot
 * touch the caller's data any more, but may still take effect. -EOWNERDEAD: the process that made the call was killed,
 * and the call may have taken effect or not; reads, and calls that were not begun, are repeated once before.
 */
int machine_wait(struct machine *machine, int64_t until_ms, struct machine_call **done);

/* Starts one call and waits for it, with nothing else under way. Returns its error, or -errno of start or wait. */
int machine_perform(struct machine *machine, struct machine_call *call);

/* The same for a call that does no harm if it is made twice: once more if the process that made it was killed. */
int machine_perform_again(struct machine *machine, struct machine_call *call);

/*
 * Reads an attribute with machine_perform; path as in a call. Newlines and blanks at its end are cut off. After
 * -ETIMEDOUT, text is as before.
 */
int machine_read_text(struct machine *machine, int64_t until_ms, char text[MACHINE_TEXT_SIZE], const char *path);

/* Waits (with nothing under way) until until_ms. 0 or -EINTR. */
int machine_sleep_until(struct machine *machine, int64_t until_ms);

/* --- this machine (linux.c) ----------------------------------------------------------------------- */

/*
 * The machine that this program runs on. Every call is made by a child process (worker.h). While the machine exists,
 * the signals of wait.h do not end the program but make machine_wait return -EINTR. sysfs is usually "/sys", uv_device
 * "/dev/uv"; tests name prepared folders. `uv_device` must live as long as the machine. 0 or negative errno.
 */
int machine_linux_create(const char *sysfs, const char *uv_device, struct machine **machine);

/*
 * Ends and reaps all children of this process; one that the kernel keeps is left behind after 50 ms. Signals are as
 * before. NULL is fine.
 */
void machine_linux_destroy(struct machine *machine);
