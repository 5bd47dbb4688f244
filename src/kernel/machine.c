/* SPDX-License-Identifier: MIT */
#include "kernel/machine.h"

#include <errno.h>
#include <stdio.h>

#include "util/text.h"

int64_t machine_now_ms(struct machine *machine)
{
	return machine->interface->now_ms(machine);
}

int machine_start(struct machine *machine, struct machine_call *call)
{
	return machine->interface->start(machine, call);
}

int machine_wait(struct machine *machine, int64_t until_ms, struct machine_call **done)
{
	*done = NULL;
	return machine->interface->wait(machine, until_ms, done);
}

int machine_perform(struct machine *machine, struct machine_call *call)
{
	struct machine_call *done;
	int r = machine_start(machine, call);

	if (r == 0)
		r = machine_wait(machine, MACHINE_FOREVER, &done);
	return r < 0 ? r : call->error;
}

int machine_perform_again(struct machine *machine, struct machine_call *call)
{
	int r = machine_perform(machine, call);

	return r == -EOWNERDEAD ? machine_perform(machine, call) : r;
}

int machine_read_text(struct machine *machine, int64_t until_ms, char text[MACHINE_TEXT_SIZE], const char *path)
{
	struct machine_call call = {
		.operation = MACHINE_READ,
		.data = text,
		.size = MACHINE_TEXT_SIZE,
		.until_ms = until_ms,
	};
	int r;

	/* A path that was cut would be another one. */
	if ((size_t)snprintf(call.path, sizeof(call.path), "%s", path) >= sizeof(call.path))
		return -ENAMETOOLONG;
	r = machine_perform(machine, &call);
	if (r == 0)
		text_trim_end(text);
	return r;
}

int machine_sleep_until(struct machine *machine, int64_t until_ms)
{
	struct machine_call *done;

	return machine_wait(machine, until_ms, &done);
}
