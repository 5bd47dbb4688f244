/* SPDX-License-Identifier: MIT */
#include "kernel/attribute.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "kernel/raw_syscall.h"

/* What getdents64 writes (linux/dirent.h). */
struct directory_item {
	uint64_t inode;
	int64_t offset;
	uint16_t length; /* of this item */
	uint8_t type;
	char name[];
};

static int open_below(int directory, const char *path, int flags)
{
	return (int)raw_syscall(SYS_openat, directory, (long)path, flags | O_CLOEXEC | O_NOCTTY, 0);
}

static void close_again(int fd)
{
	raw_syscall(SYS_close, fd, 0, 0, 0);
}

int attribute_read(int directory, const char *path, char *text, size_t size, size_t *length)
{
	int fd = open_below(directory, path, O_RDONLY);
	ssize_t count;

	if (fd < 0)
		return fd;
	/* sysfs gives a text whole in the first read (fs/seq_file.c); a second one would only find the end. */
	do
		count = raw_syscall(SYS_read, fd, (long)text, (long)size, 0);
	while (count == -EINTR);
	close_again(fd);
	if (count < 0)
		return (int)count;
	if ((size_t)count == size)
		return -E2BIG;
	text[count] = '\0';
	*length = (size_t)count;
	return 0;
}

int attribute_write(int directory, const char *path, const char *text, size_t length)
{
	int fd = open_below(directory, path, O_WRONLY);
	ssize_t count;

	if (fd < 0)
		return fd;
	/* Not repeated after EINTR: the store may have been carried out. */
	count = raw_syscall(SYS_write, fd, (long)text, (long)length, 0);
	close_again(fd);
	if (count < 0)
		return (int)count;
	return (size_t)count == length ? 0 : -EIO;
}

/* Appends the names of one buffer of items, each with a newline; -E2BIG if they do not fit with a NUL. */
static int append_names(const char *items, size_t items_size, char *names, size_t size, size_t *used)
{
	for (size_t at = 0; at < items_size;) {
		const struct directory_item *item = (const struct directory_item *)(const void *)(items + at);
		size_t length = strlen(item->name);

		/* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): written by the kernel */
		at += item->length;
		if (strcmp(item->name, ".") == 0 || strcmp(item->name, "..") == 0)
			continue;
		if (size - *used < length + 2)
			return -E2BIG;
		memcpy(names + *used, item->name, length);
		*used += length;
		names[(*used)++] = '\n';
	}
	return 0;
}

static int list_open(int fd, char *names, size_t size, size_t *length)
{
	_Alignas(struct directory_item) char items[2048];
	size_t used = 0;

	for (;;) {
		long count = raw_syscall(SYS_getdents64, fd, (long)items, sizeof(items), 0);
		int r;

		if (count < 0)
			return (int)count;
		if (count == 0)
			break;
		r = append_names(items, (size_t)count, names, size, &used);
		if (r < 0)
			return r;
	}
	names[used] = '\0';
	*length = used;
	return 0;
}

int attribute_list(int directory, const char *path, char *names, size_t size, size_t *length)
{
	int fd = open_below(directory, path, O_RDONLY | O_DIRECTORY);
	int r;

	if (fd < 0)
		return fd;
	r = list_open(fd, names, size, length);
	close_again(fd);
	return r;
}
