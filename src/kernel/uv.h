/* SPDX-License-Identifier: MIT */
#pragma once

/* The Ultravisor device (arch/s390/include/uapi/asm/uvdevice.h). Blocking: called in workers only, see attribute.h. */
#include <stddef.h>
#include <stdint.h>

/*
 * One ioctl with `data` of `size` bytes as argument (none if size is 0), in and out. 0: the call reached the
 * firmware, whose answer is in rc and rrc. Else a negative errno: -ENOENT without the device, -EINVAL for a size that
 * this kernel does not take.
 */
int uv_call(const char *device, unsigned int command, void *data, size_t size, uint16_t *rc, uint16_t *rrc);
