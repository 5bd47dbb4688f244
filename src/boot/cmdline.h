/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The kernel command line, from all places that dracut's getarg knows, in its order: the files of /etc/cmdline.d
 * (*.conf, by name), /etc/cmdline, /proc/cmdline, the files of /run/initramfs/cmdline.d. What comes later wins.
 */
#include <stdbool.h>

#define CMDLINE_SIZE_MAX 65536 /* bytes of one file; the kernel's own has at most 4096 on s390x */

struct cmdline_parameter {
	char *name;
	char *value; /* NULL: there is no '=' */
};

/*
 * Takes the next parameter out of a text, which it changes. False at the end. Blanks (newlines, too) separate
 * parameters, except within double quotes; these may enclose a value or the whole parameter and are taken away
 * (next_arg in lib/cmdline.c).
 */
bool cmdline_next(char **rest, struct cmdline_parameter *parameter);

typedef void cmdline_visitor(const struct cmdline_parameter *parameter, void *context);

/*
 * Shows every parameter to `visit`. `root` stands in front of all paths: "" but for tests. What cannot be read is a
 * warning.
 */
void cmdline_visit(const char *root, cmdline_visitor *visit, void *context);
