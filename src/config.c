/* SPDX-License-Identifier: MIT */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "config_value.h"
#include "log.h"

static const char *file_type_text(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a FIFO";
	case S_IFCHR:
	case S_IFBLK:
		return "a device";
	default:
		return "a special file";
	}
}

static int report_errno(const char *action, const char *path)
{
	int error = errno;

	log_error("cannot %s configuration file %s: %s", action, path, strerror(error));
	return -error;
}

/* Nothing that is opened here may keep us waiting or become our terminal, whatever it is. */
static int open_file(const char *path)
{
	cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat status;

	if (fd < 0)
		return report_errno("open", path);
	if (fstat(fd, &status) < 0)
		return report_errno("open", path);
	if (!S_ISREG(status.st_mode)) {
		log_error("configuration file %s is %s, expected a regular file", path, file_type_text(status.st_mode));
		return -EINVAL;
	}
	return take_fd(&fd);
}

/* Reads to the end; the size that the file claims to have does not count. `text` has room for one byte too many. */
static int read_file(const char *path, int fd, char *text, size_t *length)
{
	*length = 0;
	while (*length <= CONFIG_FILE_SIZE_MAX) {
		ssize_t count = read(fd, text + *length, CONFIG_FILE_SIZE_MAX + 1 - *length);

		if (count == 0)
			return 0;
		if (count > 0)
			*length += (size_t)count;
		else if (errno != EINTR)
			return report_errno("read", path);
	}
	log_error("configuration file %s is larger than %d bytes", path, CONFIG_FILE_SIZE_MAX);
	return -EFBIG;
}

int config_load(const char *path, struct config *config)
{
	cleanup_close_ int fd = open_file(path);
	cleanup_free_ char *text = NULL;
	size_t length;
	int r;

	*config = (struct config){0};
	if (fd < 0)
		return fd;
	text = malloc(CONFIG_FILE_SIZE_MAX + 1);
	if (!text) {
		errno = ENOMEM;
		return report_errno("read", path);
	}
	r = read_file(path, fd, text, &length);
	if (r < 0)
		return r;
	return config_parse(path, text, length, config);
}

void config_release(struct config *config)
{
	for (size_t i = 0; i < config->count; i++)
		free(config->entries[i].name);
	free(config->entries);
	*config = (struct config){0};
}

void config_format_label(const struct config *config, size_t index, char label[CONFIG_LABEL_SIZE])
{
	config_value_format_label(index + 1, config->entries[index].name, label);
}
