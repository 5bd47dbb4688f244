/* SPDX-License-Identifier: MIT */
#include "request_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/secret_request.h"

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
	uint8_t bytes[MODEL_REQUEST_SIZE];
	FILE *file = fopen(path, "w");

	secret_request_make(request->type, request->id, bytes, sizeof(bytes));
	if (!file || fwrite(bytes, sizeof(bytes), 1, file) != 1 || fclose(file) != 0)
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
