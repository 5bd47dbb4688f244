/* SPDX-License-Identifier: MIT */
/* The kernel command line: its words, and the options that result from the file. */
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/boot.h"
#include "fuzz.h"

static char root[] = "/dev/shm/fuzz_cmdline.XXXXXX";
static char path[sizeof(root) + sizeof("/proc/cmdline")];

static void remove_root(void)
{
	unlink(path);
	*strrchr(path, '/') = '\0';
	rmdir(path);
	rmdir(root);
}

/* In memory: a file on disk would take a thousand times longer than the code under test. */
static void write_file(const uint8_t *data, size_t size)
{
	static int fd = -1;
	char memory[32];

	if (fd < 0) {
		fd = memfd_create("cmdline", MFD_CLOEXEC);
		holds(fd >= 0 && mkdtemp(root));
		snprintf(path, sizeof(path), "%s/proc", root);
		holds(mkdir(path, 0700) == 0);
		strcat(path, "/cmdline");
		snprintf(memory, sizeof(memory), "/proc/self/fd/%d", fd);
		holds(symlink(memory, path) == 0);
		atexit(remove_root);
	}
	holds(ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
}

static void check_words(char *text)
{
	struct cmdline_parameter parameter;
	const char *start = text;

	while (cmdline_next(&text, &parameter)) {
		holds(parameter.name >= start && parameter.name + strlen(parameter.name) <= text);
		holds(!parameter.value || parameter.value > parameter.name);
		start = parameter.name + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct boot_options options;
	size_t errors = 0;

	check_words(text);
	free(text);

	log_set_sink(fuzz_sink, &errors);
	write_file(data, size);
	boot_options_read(root, &options);
	holds(errors == 0); /* bad parameters only cause warnings */
	holds(options.run.boot && !options.run.unbind && !options.run.probe && !options.run.check_config);
	holds(options.run.timeout_ms >= 0 && options.run.timeout_ms <= OPTIONS_TIMEOUT_MAX * INT64_C(1000));
	holds(memchr(options.config_path, '\0', sizeof(options.config_path)));
	holds(options.run.config_path == options.config_path);
	return 0;
}
