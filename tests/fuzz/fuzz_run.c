/* SPDX-License-Identifier: MIT */
/*
 * A whole run on the simulated machine, with contents of sysfs files from the input. The first byte selects options.
 * Then follow texts that end with NUL, one for each file of the table; an empty text leaves the file unchanged.
 */
#include <unistd.h>

#include "fuzz.h"
#include "run.h"
#include "sim/sim_machine.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KEY "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define TIMEOUT_MS 2000
#define POLL_MS 20

#define TOPOLOGY                                                                                                       \
	"delay bind=1ms reset=20ms associate=30ms request=2ms\nsecret 5 id=" ID "\ncard 05 CEX8A\nqueue 05.0001\n"     \
	"card 11 CEX8P serialnr=0123456789ABCDEF\nqueue 11.0001 mkvp=" KEY KEY "\nqueue 11.0002 state=bound\n"

static const char config[] = "- mode: Accel\n- mode: EP11\n  mkvp: " KEY "\n  secretid: " ID "\n";

static const char *const files[] = {
	"bus/ap/features",
	"bus/ap/bindings",
	"firmware/uv/prot_virt_guest",
	"firmware/uv/query/facilities",
	"*/type",
	"*/online",
	"*/se_bind",
	"*/se_associate",
	"*/mkvps",
	"*/serialnr",
	"devices/ap",
	"devices/ap/card11",
};

static char config_path[] = "/dev/shm/fuzz_run.XXXXXX";

static void remove_config(void)
{
	unlink(config_path);
}

static void write_config(void)
{
	static bool written;
	int fd;

	if (written)
		return;
	fd = mkstemp(config_path);
	holds(fd >= 0 && write(fd, config, sizeof(config) - 1) == sizeof(config) - 1);
	close(fd);
	atexit(remove_config);
	written = true;
}

/* Injects every text that is not empty. Truncates a text that is too long for a read. */
static void inject(struct sim *sim, char *text, const char *end)
{
	for (size_t i = 0; i < COUNT(files) && text < end; i++) {
		size_t length = strlen(text);
		struct sim_injection injection = { .path = files[i], .action = SIM_TEXT, .text = text };

		injection.operation = strncmp(files[i], "devices/", 8) == 0 ? MACHINE_LIST : MACHINE_READ;
		if (length > 0)
			sim_inject(sim, &injection);
		text += length + 1;
		if (length >= MACHINE_TEXT_SIZE)
			text[MACHINE_TEXT_SIZE - length - 2] = '\0';
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t flags = size > 0 ? data[0] : 0;
	struct options options = {
		.config_path = config_path,
		.timeout_ms = TIMEOUT_MS,
		.dry_run = flags & 1,
		.probe = (flags & 3) == 3,
		.strict = flags & 4,
		.unbind = flags & 8,
		.verbose = true,
	};
	size_t errors = 0;
	char *text = fuzz_text(data + (size > 0), size - (size > 0));
	struct sim *sim = sim_new(TOPOLOGY);
	int64_t start_us;
	bool success;

	write_config();
	log_set_verbose(1);
	log_set_sink(fuzz_sink, &errors);
	sim->options.settled = true;
	inject(sim, text, text + size);
	start_us = sim_now_us(sim);
	success = run_pvapconfig(&sim->machine, &options);
	holds(success || errors > 0);
	holds(sim_now_us(sim) - start_us <= (TIMEOUT_MS + POLL_MS) * INT64_C(1000));
	holds(!options.dry_run || options.probe || sim_write_count(sim) == 0);
	sim_free(sim);
	free(text);
	return 0;
}
