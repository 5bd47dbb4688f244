/* SPDX-License-Identifier: MIT */
/* parity_sim RELEASE TOPOLOGY OPERATIONS: on the simulated machine, with the kernel of this release ("6.12.107"). */
#include <stdio.h>
#include <string.h>

#include "parity.h"
#include "sim/sim_machine.h"

#define TOPOLOGY_SIZE 65536
#define BINDINGS_US 100000

static int run(const char *release, const char *topology, const char *name, FILE *operations)
{
	struct sim *sim = sim_new(topology);
	unsigned int line;

	sim->options.kernel = strncmp(release, "6.12.", 5) == 0 ? SIM_KERNEL_6_12 : SIM_KERNEL_7;
	sim->options.bindings_us = BINDINGS_US;
	line = parity_run(&sim->machine, operations, stdout);
	if (line)
		fprintf(stderr, "parity_sim: %s:%u: cannot be understood\n", name, line);
	sim_free(sim);
	return line != 0;
}

int main(int argc, char **argv)
{
	static char topology[TOPOLOGY_SIZE];
	FILE *file = argc == 4 ? fopen(argv[2], "r") : NULL, *operations = argc == 4 ? fopen(argv[3], "r") : NULL;
	int status = 1;

	if (!file || !operations)
		fprintf(stderr, "usage: parity_sim RELEASE TOPOLOGY OPERATIONS\n");
	else if (fread(topology, 1, sizeof(topology) - 1, file) == sizeof(topology) - 1)
		fprintf(stderr, "parity_sim: %s: too long\n", argv[2]);
	else
		status = run(argv[1], topology, argv[3], operations);
	if (file)
		fclose(file);
	if (operations)
		fclose(operations);
	return status;
}
