/* SPDX-License-Identifier: MIT */
/*
 * Add-secret requests, which come from a disk that anyone may write to. The input is a file in a directory, checked and
 * then submitted to an Ultravisor with one secret. A valid file is submitted at most once, a damaged one never.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "sim/sim_machine.h"
#include "uv/secrets.h"

#define TOPOLOGY "secret 0 id=5313153e00000000000000000000000000000000000000000000000000000000\n"
#define COMMAND_ADD "2"

static char directory[] = "/dev/shm/fuzz_requests.XXXXXX", path[sizeof(directory) + sizeof("/a.asrcb")];

static void write_input(const uint8_t *data, size_t size)
{
	int fd;

	if (!*path) {
		holds(mkdtemp(directory));
		snprintf(path, sizeof(path), "%s/a.asrcb", directory);
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	holds(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
}

static size_t count_submitted(struct sim *sim)
{
	const struct sim_record *records;
	size_t count, found = 0;

	records = sim_journal(sim, &count);
	for (size_t i = 0; i < count; i++)
		found += records[i].operation == MACHINE_UV && strcmp(records[i].text, COMMAND_ADD) == 0;
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sim *sim = sim_new(TOPOLOGY);
	struct requests requests = { .directory = directory };
	struct secrets secrets = { 0 };
	size_t errors = 0;
	bool good;

	write_input(data, size);
	log_set_sink(fuzz_sink, &errors);
	good = requests_check(&sim->machine, MACHINE_FOREVER, &requests) == 0;
	holds(good == (errors == 0));
	holds(requests_submit(&sim->machine, MACHINE_FOREVER, &requests, &secrets) == 0);
	holds(count_submitted(sim) <= (good ? 1 : 0));
	holds(secrets.count <= 2);
	for (size_t i = 0; i + 1 < secrets.count; i++)
		holds(memcmp(secrets.list[i].id, secrets.list[i + 1].id, SECRETS_ID_SIZE) <= 0);
	secrets_release(&secrets);
	sim_free(sim);
	return 0;
}
