/* SPDX-License-Identifier: MIT */
#include "kernel/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- system calls without the C library; on failure, the result is a negative errno --------------- */

#if defined(__s390x__)

static long raw_syscall(long number, long first, long second, long third, long fourth)
{
	register long r1 __asm__("1") = number;
	register long r2 __asm__("2") = first;
	register long r3 __asm__("3") = second;
	register long r4 __asm__("4") = third;
	register long r5 __asm__("5") = fourth;

	__asm__ volatile("svc 0" : "+d"(r2) : "d"(r1), "d"(r3), "d"(r4), "d"(r5) : "memory");
	return r2;
}

#elif defined(__x86_64__)

static long raw_syscall(long number, long first, long second, long third, long fourth)
{
	register long rax __asm__("rax") = number;
	register long r10 __asm__("r10") = fourth;

	__asm__ volatile("syscall"
			 : "+r"(rax)
			 : "D"(first), "S"(second), "d"(third), "r"(r10)
			 : "rcx", "r11", "memory");
	return rax;
}

#else

static long raw_syscall(long number, long first, long second, long third, long fourth)
{
	long result = syscall(number, first, second, third, fourth);

	return result < 0 ? -errno : result;
}

#endif

/* --- attributes of sysfs -------------------------------------------------------------------------- */

/* What getdents64 writes (linux/dirent.h). */
struct directory_item {
	uint64_t inode;
	int64_t offset;
	uint16_t length; /* of this item */
	uint8_t type;
	char name[];
};

static int open_at(int directory, const char *path, int flags)
{
	return (int)raw_syscall(SYS_openat, directory, (long)path, flags | O_CLOEXEC | O_NOCTTY, 0);
}

static void close_again(int fd)
{
	raw_syscall(SYS_close, fd, 0, 0, 0);
}

/* Reads a whole attribute with a NUL behind; -E2BIG if it does not fit. */
static int read_attribute(int sysfs_fd, struct machine_call *call)
{
	int fd = open_at(sysfs_fd, call->path, O_RDONLY);
	ssize_t count;

	if (fd < 0)
		return fd;
	/* sysfs returns the whole text in the first read (fs/seq_file.c). */
	do
		count = raw_syscall(SYS_read, fd, (long)call->data, (long)call->size, 0);
	while (count == -EINTR);
	close_again(fd);
	if (count < 0)
		return (int)count;
	if ((size_t)count == call->size)
		return -E2BIG;
	call->data[count] = '\0';
	call->length = (size_t)count;
	return 0;
}

/* One write, without creating or truncating: its errno is the driver's answer. -EIO for a short write. */
static int write_attribute(int sysfs_fd, const struct machine_call *call)
{
	int fd = open_at(sysfs_fd, call->path, O_WRONLY);
	ssize_t count;

	if (fd < 0)
		return fd;
	/* Not repeated after EINTR: the store may have been carried out. */
	count = raw_syscall(SYS_write, fd, (long)call->data, (long)call->length, 0);
	close_again(fd);
	if (count < 0)
		return (int)count;
	return (size_t)count == call->length ? 0 : -EIO;
}

/* Appends the names of one buffer of items, each with a newline; -E2BIG if they do not fit with a NUL. */
static int append_names(const char *items, size_t items_size, struct machine_call *call)
{
	for (size_t at = 0; at < items_size;) {
		const struct directory_item *item = (const struct directory_item *)(const void *)(items + at);
		size_t length = strlen(item->name);

		/* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): written by the kernel */
		at += item->length;
		if (strcmp(item->name, ".") == 0 || strcmp(item->name, "..") == 0)
			continue;
		if (call->size - call->length < length + 2)
			return -E2BIG;
		memcpy(call->data + call->length, item->name, length);
		call->length += length;
		call->data[call->length++] = '\n';
	}
	return 0;
}

/* The names in a directory, each ended by a newline, without "." and "..". */
static int list_directory(int sysfs_fd, struct machine_call *call)
{
	_Alignas(struct directory_item) char items[2048];
	int fd = open_at(sysfs_fd, call->path, O_RDONLY | O_DIRECTORY);
	long count;

	if (fd < 0)
		return fd;
	call->length = 0;
	do {
		count = raw_syscall(SYS_getdents64, fd, (long)items, sizeof(items), 0);
		if (count > 0 && append_names(items, (size_t)count, call) < 0)
			count = -E2BIG;
	} while (count > 0);
	close_again(fd);
	call->data[call->length] = '\0';
	return (int)count;
}

/* --- the Ultravisor device (arch/s390/include/uapi/asm/uvdevice.h) -------------------------------- */

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

/* One ioctl with the data, if any. 0: the call reached the firmware, whose answer is in uv_rc and uv_rrc. */
static int call_uv(const char *device, struct machine_call *call)
{
	struct control_block block;
	int fd = open_at(AT_FDCWD, device, O_RDWR), r;

	if (fd < 0)
		return fd;
	memset(&block, 0, sizeof(block));
	block.argument_addr = call->size > 0 ? (uint64_t)(uintptr_t)call->data : 0;
	block.argument_len = (uint32_t)call->size;
	r = (int)raw_syscall(SYS_ioctl, fd, (long)_IOWR('u', call->uv_command, struct control_block), (long)&block, 0);
	close_again(fd);
	if (r < 0)
		return r;
	call->uv_rc = block.uv_rc;
	call->uv_rrc = block.uv_rrc;
	return 0;
}

/* --- the process ---------------------------------------------------------------------------------- */

static int make_call(const struct worker_batch *batch, struct machine_call *call)
{
	switch (call->operation) {
	case MACHINE_READ:
		return read_attribute(batch->sysfs_fd, call);
	case MACHINE_WRITE:
		return write_attribute(batch->sysfs_fd, call);
	case MACHINE_LIST:
		return list_directory(batch->sysfs_fd, call);
	case MACHINE_UV:
		return call_uv(batch->uv_path, call);
	}
	return -ENOSYS;
}

static void make_calls(struct worker_batch *batch)
{
	unsigned int i;

	while ((i = atomic_fetch_add(&batch->next, 1)) < batch->count) {
		batch->calls[i].error = make_call(batch, &batch->calls[i]);
		atomic_store(&batch->done, i + 1);
	}
}

/* Closes everything from `first` to `last`; a kernel with se_bind has this call. */
static void close_from_to(int first, int last)
{
	if (first <= last)
		raw_syscall(SYS_close_range, first, last, 0, 0);
}

/* Closes all but the sysfs directory and our socket: a hung child must not keep a console open. */
static void drop_other_descriptors(int fd, int sysfs_fd)
{
	int lower = fd < sysfs_fd ? fd : sysfs_fd, upper = fd < sysfs_fd ? sysfs_fd : fd;

	close_from_to(0, lower - 1);
	close_from_to(lower + 1, upper - 1);
	close_from_to(upper + 1, INT_MAX);
}

/* The signals that stop the parent stay blocked here: the parent ends this process itself. */
int worker_child_run(void *argument)
{
	struct worker_batch *batch = argument;
	char byte;

	raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
	if (raw_syscall(SYS_getppid, 0, 0, 0, 0) == batch->parent) {
		drop_other_descriptors(batch->fd, batch->sysfs_fd);
		while (raw_syscall(SYS_read, batch->fd, (long)&byte, 1, 0) == 1) {
			make_calls(batch);
			if (raw_syscall(SYS_write, batch->fd, (long)&byte, 1, 0) != 1)
				break;
		}
	}
	raw_syscall(SYS_exit_group, 0, 0, 0, 0);
	return 0;
}
