/* SPDX-License-Identifier: MIT */
#include "kernel/uv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kernel/raw_syscall.h"

/* struct uvio_ioctl_cb: native byte order; the kernel refuses non-zero flags and reserved bytes. */
struct control_block {
	uint32_t flags;
	uint16_t uv_rc;
	uint16_t uv_rrc;
	uint64_t argument_addr;
	uint32_t argument_len;
	uint8_t reserved[44];
};

_Static_assert(sizeof(struct control_block) == 64, "layout of struct uvio_ioctl_cb");

int uv_call(const char *device, unsigned int command, void *data, size_t size, uint16_t *rc, uint16_t *rrc)
{
	struct control_block block;
	int fd, r;

	if (size > UINT32_MAX)
		return -E2BIG;
	fd = (int)raw_syscall(SYS_openat, AT_FDCWD, (long)device, O_RDWR | O_CLOEXEC | O_NOCTTY, 0);
	if (fd < 0)
		return fd;
	memset(&block, 0, sizeof(block));
	block.argument_addr = size > 0 ? (uint64_t)(uintptr_t)data : 0;
	block.argument_len = (uint32_t)size;
	r = (int)raw_syscall(SYS_ioctl, fd, (long)_IOWR('u', command, struct control_block), (long)&block, 0);
	raw_syscall(SYS_close, fd, 0, 0, 0);
	if (r < 0)
		return r;
	*rc = block.uv_rc;
	*rrc = block.uv_rrc;
	return 0;
}
