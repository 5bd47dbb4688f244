/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A temporary directory that replaces the root directory in absolute paths. Its contents are removed at the end.
 * Include after cmocka.h.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/between.h"

struct temp_root {
	char path[32];
};

static inline void temp_root_begin(struct temp_root *root)
{
	strcpy(root->path, "/tmp/test_root.XXXXXX");
	assert_non_null(mkdtemp(root->path));
}

static inline int temp_root_remove(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

static inline void temp_root_end(struct temp_root *root)
{
	assert_int_equal(nftw(root->path, temp_root_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline void temp_root_path(const struct temp_root *root, const char *path, char full[256])
{
	assert_between(snprintf(full, 256, "%s%s", root->path, path), 1, 255);
}

/* Creates a directory and its parents. */
static inline void temp_root_mkdir(const struct temp_root *root, const char *path)
{
	char full[256];

	temp_root_path(root, path, full);
	for (char *slash = full + strlen(root->path); *slash && (slash = strchr(slash + 1, '/'));) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
	mkdir(full, 0755);
	assert_int_equal(access(full, W_OK), 0);
}

/* Creates a file with these bytes, and its parent directories. */
static inline void temp_root_write(const struct temp_root *root, const char *path, const char *bytes, size_t length)
{
	char full[256], folder[256];
	FILE *file;

	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	temp_root_mkdir(root, folder);
	temp_root_path(root, path, full);
	file = fopen(full, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static inline void temp_root_text(const struct temp_root *root, const char *path, const char *text)
{
	temp_root_write(root, path, text, strlen(text));
}
