/* SPDX-License-Identifier: MIT */
/*
 * parity_sim RELEASE TOPOLOGY OPERATIONS drivers|no-drivers: carries the operations out on the simulated machine, with
 * the kernel of this release ("6.12.107"), with or without zcrypt_cex4 and uvdevice.
 */
#include <stdio.h>
#include <string.h>

#include "parity.h"
#include "sim/sim_machine.h"

#define TOPOLOGY_SIZE 65536
#define BINDINGS_US 100000

static int run(struct sim *sim, FILE *operations)
{
	unsigned int line = parity_run(&sim->machine, operations, stdout);

	if (line)
		fprintf(stderr, "parity_sim: operations:%u: invalid operation\n", line);
	return line != 0;
}

int main(int argc, char **argv)
{
	static char topology[TOPOLOGY_SIZE];
	bool no_drivers = argc == 5 && strcmp(argv[4], "no-drivers") == 0;
	bool valid = no_drivers || (argc == 5 && strcmp(argv[4], "drivers") == 0);
	FILE *file = valid ? fopen(argv[2], "r") : NULL, *operations = valid ? fopen(argv[3], "r") : NULL;
	int status = 1;

	if (!file || !operations) {
		fprintf(stderr, "usage: parity_sim RELEASE TOPOLOGY OPERATIONS drivers|no-drivers\n");
	} else if (fread(topology, 1, sizeof(topology) - 1, file) == sizeof(topology) - 1) {
		fprintf(stderr, "parity_sim: %s: too long\n", argv[2]);
	} else {
		struct sim *sim = sim_new(topology);

		sim->options.kernel = strncmp(argv[1], "6.12.", 5) == 0 ? SIM_KERNEL_6_12 : SIM_KERNEL_7;
		sim->options.bindings_us = BINDINGS_US;
		sim->options.driver_missing = no_drivers;
		sim->options.uv_device_missing = no_drivers;
		status = run(sim, operations);
		sim_free(sim);
	}
	if (file)
		fclose(file);
	if (operations)
		fclose(operations);
	return status;
}
