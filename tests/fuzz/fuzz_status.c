/* SPDX-License-Identifier: MIT */
/* The report of early boot: refused with one error and nothing else, or shown in lines that fit. */
#include "fuzz.h"
#include "report/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct status status;
	size_t errors = 0;
	int r;

	log_set_sink(fuzz_sink, &errors);
	r = status_parse("file", (const char *)data, size, &status);
	holds(errors == (r < 0));
	if (r < 0)
		return 0;
	holds(status.entries.count <= STATUS_LINES_MAX && status.failures.count <= STATUS_LINES_MAX);
	status_print(&status);
	holds(errors == 0);
	status_release(&status);
	return 0;
}
