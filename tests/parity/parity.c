/* SPDX-License-Identifier: MIT */
#include "parity.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SIZE 256
#define OUTCOME_SIZE MACHINE_TEXT_SIZE
#define DATA_SIZE (2u * 1024 * 1024) /* more than the kernel accepts for any call */
#define NAMES_MAX 64
#define REQUEST_SIZE 4096

#define CALL_MS 3000 /* a longer call hangs: the next bus scan may be minutes away */
#define SETTLE_MS 1000
#define UNTIL_MS 5000
#define SLOW_MS 1900
#define PAUSE_MS 5

/* Numbers of the calls on /dev/uv. */
enum { UV_ADD = 2, UV_LIST = 3, UV_LOCK = 4 };

struct parity {
	struct machine *machine;
	char outcome[OUTCOME_SIZE];
	char data[DATA_SIZE];
	char request[REQUEST_SIZE]; /* what the next `uv add` begins with */
	int64_t written_ms;         /* when the last write began */
	struct machine_call begun;  /* a write under way, if it has data */
	char begun_data[LINE_SIZE];
};

static void print_error(struct parity *this, int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {
		{ ENOENT, "ENOENT" }, { EIO, "EIO" },         { EACCES, "EACCES" }, { EBUSY, "EBUSY" },
		{ EINVAL, "EINVAL" }, { EISDIR, "EISDIR" },   { ENOTTY, "ENOTTY" }, { ENOTDIR, "ENOTDIR" },
		{ E2BIG, "E2BIG" },   { ENODEV, "ENODEV" },   { EAGAIN, "EAGAIN" }, { ETIMEDOUT, "ETIMEDOUT" },
	};

	snprintf(this->outcome, sizeof(this->outcome), "error %d", -error);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].error == -error)
			snprintf(this->outcome, sizeof(this->outcome), "%s", names[i].name);
}

static int print_result(struct parity *this, int r)
{
	if (r < 0)
		print_error(this, r);
	else
		strcpy(this->outcome, "ok");
	return r;
}

/* Waits for this call; another one may stay under way. */
static int wait_for(struct parity *this, struct machine_call *call)
{
	struct machine_call *done = NULL;

	while (call->data && done != call) {
		int r = machine_wait(this->machine, MACHINE_FOREVER, &done);

		if (r < 0)
			return r;
		if (done)
			done->data = NULL;
	}
	return call->error;
}

/* Carries out a call with our data; its outcome is its error or "ok". */
static int perform(struct parity *this, struct machine_call *call)
{
	int r;

	call->data = this->data;
	call->until_ms = machine_now_ms(this->machine) + CALL_MS;
	r = machine_start(this->machine, call);
	return print_result(this, r < 0 ? r : wait_for(this, call));
}

static void set_path(struct machine_call *call, const char *where)
{
	if (isxdigit((unsigned char)where[0]) && strlen(where) > 2 && where[2] == '.')
		snprintf(call->path, sizeof(call->path), "devices/ap/card%.2s/%s", where, where);
	else
		snprintf(call->path, sizeof(call->path), "%s%s", strncmp(where, "card", 4) == 0 ? "devices/ap/" : "", where);
}

static int perform_on(struct parity *this, enum machine_operation operation, const char *where, const char *text)
{
	struct machine_call call = { .operation = operation, .size = MACHINE_TEXT_SIZE, .length = strlen(text) };

	strcpy(this->data, text);
	set_path(&call, where);
	if (operation == MACHINE_WRITE)
		this->written_ms = machine_now_ms(this->machine);
	return perform(this, &call);
}

static bool run_read(struct parity *this, const char *where, const char *nothing)
{
	if (perform_on(this, MACHINE_READ, where, "") == 0) {
		memcpy(this->outcome, this->data, sizeof(this->outcome));
		for (char *at = strchr(this->outcome, '\n'); at; at = strchr(at, '\n'))
			*at = '|';
	}
	return *nothing == '\0';
}

static bool run_write(struct parity *this, const char *where, const char *text)
{
	perform_on(this, MACHINE_WRITE, where, text);
	return *text != '\0';
}

static bool run_settle(struct parity *this, const char *where, const char *text)
{
	int64_t until_ms = machine_now_ms(this->machine) + SETTLE_MS;
	int r = perform_on(this, MACHINE_WRITE, where, text);

	while ((r == -EBUSY || r == -EIO) && machine_now_ms(this->machine) < until_ms) {
		machine_sleep_until(this->machine, machine_now_ms(this->machine) + PAUSE_MS);
		r = perform_on(this, MACHINE_WRITE, where, text);
	}
	return *text != '\0';
}

static bool run_until(struct parity *this, const char *where, const char *text)
{
	int64_t until_ms = machine_now_ms(this->machine) + UNTIL_MS;

	run_read(this, where, "");
	while (strncmp(this->outcome, text, strlen(text)) != 0 && machine_now_ms(this->machine) < until_ms) {
		machine_sleep_until(this->machine, machine_now_ms(this->machine) + PAUSE_MS);
		run_read(this, where, "");
	}
	return *text != '\0';
}

static bool run_slow(struct parity *this, const char *where, const char *text)
{
	bool valid = run_until(this, where, text);

	if (machine_now_ms(this->machine) - this->written_ms < SLOW_MS)
		strcpy(this->outcome, "too early");
	return valid;
}

static bool run_begin(struct parity *this, const char *where, const char *text)
{
	this->begun = (struct machine_call){
		.operation = MACHINE_WRITE,
		.data = this->begun_data,
		.size = sizeof(this->begun_data),
		.length = strlen(text),
		.channel = MACHINE_NO_CARD + 1, /* concurrent with the others */
		.until_ms = machine_now_ms(this->machine) + CALL_MS,
	};
	strcpy(this->begun_data, text);
	set_path(&this->begun, where);
	print_result(this, machine_start(this->machine, &this->begun));
	return *text != '\0';
}

static bool run_end(struct parity *this, const char *where, const char *nothing)
{
	print_result(this, wait_for(this, &this->begun));
	return *where == '\0' && *nothing == '\0';
}

static bool is_device(const char *name)
{
	return strncmp(name, "card", 4) == 0 || (strlen(name) == 7 && name[2] == '.');
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Sorted by name, because the order differs between machines. */
static bool run_list(struct parity *this, const char *where, const char *nothing)
{
	char *names[NAMES_MAX], *rest = this->data, *name;
	size_t count = 0, used = 0;

	if (perform_on(this, MACHINE_LIST, where, "") < 0)
		return *nothing == '\0';
	while ((name = strsep(&rest, "\n")) != NULL)
		if (is_device(name) && count < NAMES_MAX)
			names[count++] = name;
	qsort(names, count, sizeof(names[0]), compare_names);
	this->outcome[0] = '\0';
	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(this->outcome + used, sizeof(this->outcome) - used, "%s%s", i ? " " : "", names[i]);
	return *nothing == '\0';
}

static bool run_rest(struct parity *this, const char *ms, const char *nothing)
{
	machine_sleep_until(this->machine, machine_now_ms(this->machine) + strtol(ms, NULL, 10));
	strcpy(this->outcome, "ok");
	return *nothing == '\0';
}

static bool find_uv_command(const char *name, unsigned int *command)
{
	static const char *const names[] = { [UV_ADD] = "add", [UV_LIST] = "list", [UV_LOCK] = "lock" };
	char *end;

	for (*command = UV_ADD; *command <= UV_LOCK; (*command)++)
		if (strcmp(names[*command], name) == 0)
			return true;
	*command = (unsigned int)strtoul(name, &end, 10);
	return end != name && *end == '\0';
}

static bool run_request(struct parity *this, const char *path, const char *nothing)
{
	FILE *file = fopen(path, "re");

	if (!file || fread(this->request, 1, sizeof(this->request), file) == 0)
		print_error(this, file ? -EIO : -errno);
	else
		strcpy(this->outcome, "ok");
	if (file)
		fclose(file);
	return *nothing == '\0';
}

/*
 * Prints a checksum of the buffer, and the header of a list. The checksum is 0 if the firmware refuses: the contents
 * then depend on the kernel (7.2 copies an uninitialized buffer).
 */
static bool run_uv(struct parity *this, const char *name, const char *bytes)
{
	struct machine_call call = { .operation = MACHINE_UV, .size = strtoul(bytes, NULL, 10) };
	const uint8_t *data = (const uint8_t *)this->data;
	uint32_t sum = 0;
	int used;

	if (!find_uv_command(name, &call.uv_command) || call.size > sizeof(this->data))
		return false;
	memset(this->data, 0, sizeof(this->data));
	memcpy(this->data, this->request, sizeof(this->request));
	if (perform(this, &call) < 0)
		return *bytes != '\0';
	for (size_t i = 0; i < call.size && (call.uv_rc == 0x0001 || call.uv_rc == 0x0100); i++)
		sum = sum * 31 + data[i];
	used = snprintf(this->outcome, sizeof(this->outcome), "rc=%04x rrc=%04x sum=%08x", call.uv_rc, call.uv_rrc, sum);
	if (call.uv_command == UV_LIST)
		snprintf(this->outcome + used, sizeof(this->outcome) - (size_t)used, " stored=%u total=%u next=%u",
			 data[0] << 8 | data[1], data[2] << 8 | data[3], data[4] << 8 | data[5]);
	return *bytes != '\0';
}

static bool run_operation(struct parity *this, char *line)
{
	static const struct {
		const char *name;
		bool (*run)(struct parity *this, const char *where, const char *text);
	} verbs[] = {
		{ "read", run_read }, { "write", run_write }, { "settle", run_settle }, { "until", run_until },
		{ "slow", run_slow }, { "begin", run_begin }, { "end", run_end },       { "list", run_list },
		{ "rest", run_rest }, { "uv", run_uv },       { "request", run_request },
	};
	const char *verb = strsep(&line, " "), *where = strsep(&line, " ");

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, verb) == 0)
			return verbs[i].run(this, where ? where : "", line ? line : "");
	return false;
}

unsigned int parity_run(struct machine *machine, FILE *operations, FILE *outcomes)
{
	static struct parity this;
	char line[LINE_SIZE], words[LINE_SIZE];

	this.machine = machine;
	for (unsigned int number = 1; fgets(line, sizeof(line), operations); number++) {
		line[strcspn(line, "#\n")] = '\0';
		for (size_t end = strlen(line); end > 0 && line[end - 1] == ' '; end--)
			line[end - 1] = '\0';
		if (line[0] == '\0')
			continue;
		strcpy(words, line);
		if (!run_operation(&this, words))
			return number;
		fprintf(outcomes, "PARITY %s -> %s\n", line, this.outcome);
		fflush(outcomes);
	}
	return 0;
}
