/* SPDX-License-Identifier: MIT */
#include "attribute.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "cleanup.h"

static ssize_t read_once(int fd, char *buffer, size_t size)
{
	ssize_t count;

	do
		count = read(fd, buffer, size);
	while (count < 0 && errno == EINTR);
	return count < 0 ? -errno : count;
}

int attribute_read(int directory, const char *path, char *text, size_t size, size_t *length)
{
	cleanup_close_ int fd = openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t count;

	if (fd < 0)
		return -errno;
	/* sysfs gives a text whole in the first read (fs/seq_file.c); a second one would only find the end. */
	count = read_once(fd, text, size);
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
	cleanup_close_ int fd = openat(directory, path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t count;

	if (fd < 0)
		return -errno;
	/* Not repeated after EINTR: the store may have been carried out. */
	count = write(fd, text, length);
	if (count < 0)
		return -errno;
	return (size_t)count == length ? 0 : -EIO;
}

static void close_directory(DIR **stream)
{
	if (*stream)
		closedir(*stream);
}

int attribute_list(int directory, const char *path, char *names, size_t size, size_t *length)
{
	cleanup_close_ int fd = openat(directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_(close_directory) DIR *stream = NULL;
	const struct dirent *item;
	size_t used = 0;

	if (fd < 0)
		return -errno;
	stream = fdopendir(fd);
	if (!stream)
		return -errno;
	take_fd(&fd);
	while (errno = 0, (item = readdir(stream)) != NULL) {
		size_t name_length = strlen(item->d_name);

		if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
			continue;
		if (size - used < name_length + 2)
			return -E2BIG;
		memcpy(names + used, item->d_name, name_length);
		used += name_length;
		names[used++] = '\n';
	}
	if (errno != 0)
		return -errno;
	names[used] = '\0';
	*length = used;
	return 0;
}
