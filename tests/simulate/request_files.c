/* SPDX-License-Identifier: MIT */
#include "request_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "request/request.h"

#define PATH_SIZE 4096

static void format_path(const char *directory, size_t number, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s/%02zu.asrcb", directory, number);
}

static void give_up(const char *path)
{
	perror(path);
	exit(2);
}

static void write_request(const char *path, const struct draw_request *request)
{
	struct request_secret secret = { .type = (uint16_t)request->type };
	uint8_t bytes[REQUEST_LENGTH(1)];
	FILE *file = fopen(path, "w");
	size_t length;

	memcpy(secret.id, request->id, sizeof(secret.id));
	length = request_write(&secret, 1, bytes);
	if (!file || fwrite(bytes, length, 1, file) != 1 || fclose(file) != 0)
		give_up(path);
}

void request_files_write(const struct draw *draw, const char *directory)
{
	char path[PATH_SIZE];

	if (mkdir(directory, 0700) < 0)
		give_up(directory);
	for (size_t i = 0; i < draw->request_count; i++) {
		format_path(directory, i, path);
		write_request(path, &draw->requests[i]);
	}
}

void request_files_remove(const struct draw *draw, const char *directory)
{
	char path[PATH_SIZE];

	for (size_t i = 0; i < draw->request_count; i++) {
		format_path(directory, i, path);
		unlink(path);
	}
	if (rmdir(directory) < 0)
		give_up(directory);
}
