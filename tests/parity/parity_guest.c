/* SPDX-License-Identifier: MIT */
/* parity_guest OPERATIONS: carries them out on this machine. */
#include <stdio.h>
#include <string.h>

#include "kernel/machine.h"
#include "parity.h"

int main(int argc, char **argv)
{
	FILE *operations = argc == 2 ? fopen(argv[1], "r") : NULL;
	struct machine *machine;
	unsigned int line;
	int r;

	if (!operations) {
		fprintf(stderr, "usage: parity_guest OPERATIONS\n");
		return 1;
	}
	r = machine_linux_create("/sys", "/dev/uv", &machine);
	if (r < 0) {
		fprintf(stderr, "parity_guest: no machine: %s\n", strerror(-r));
		return 1;
	}
	line = parity_run(machine, operations, stdout);
	if (line)
		fprintf(stderr, "parity_guest: %s:%u: invalid operation\n", argv[1], line);
	machine_linux_destroy(machine);
	fclose(operations);
	return line != 0;
}
