/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/between.h"
#include "unit/log_capture.h"
#include "unit/sim_calls.h"
#include "unit/uv/secrets_directory.h"
#include "util/file.h"
#include "uv/secrets.h"

#define ID_11 "1111111111111111111111111111111111111111111111111111111111111111"
#define ID_22 "2222222222222222222222222222222222222222222222222222222222222222"
#define ID_33 "3333333333333333333333333333333333333333333333333333333333333333"
#define ID_EE "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee"
#define ONE_SECRET "secret 0 id=" ID_11 "\n"
#define LISTED(count) "info: Ultravisor: secrets listed: " #count "\n"
#define KILLED "the process that made the call was killed\n"
#define LOCKED "the secret store is locked until the guest is restarted (rc 0x0102, rrc 0x0000)"

struct fixture {
	struct temp_root root;
	struct sim *sim;
	struct requests requests;
	struct secrets secrets;
	struct log_capture log;
	uint16_t rc, rrc; /* unless 0: the return codes of all calls but list */
	bool stopped;     /* by a signal */
};

/* --- a machine with its own return codes -------------------------------------------------------------------------- */

static const struct machine_interface *sim_interface;
static struct fixture *current;

static int64_t own_now_ms(struct machine *machine)
{
	return sim_interface->now_ms(machine);
}

static int own_start(struct machine *machine, struct machine_call *call)
{
	return sim_interface->start(machine, call);
}

static int own_wait(struct machine *machine, int64_t until_ms, struct machine_call **done)
{
	int r = current->stopped ? -EINTR : sim_interface->wait(machine, until_ms, done);

	if (r == 0 && *done && (*done)->operation == MACHINE_UV && (*done)->uv_command != UV_LIST && current->rc) {
		(*done)->uv_rc = current->rc;
		(*done)->uv_rrc = current->rrc;
	}
	return r;
}

static const struct machine_interface own_interface = { own_now_ms, own_start, own_wait };

static void begin(struct fixture *fixture, const char *topology)
{
	sim_free(fixture->sim);
	fixture->sim = settled(topology);
	sim_interface = fixture->sim->machine.interface;
	fixture->sim->machine.interface = &own_interface;
	current = fixture;
	log_capture_begin(&fixture->log);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	temp_root_begin(&fixture->root);
	fixture->requests = (struct requests){ .directory = fixture->root.path };
	log_set_verbose(1);
	begin(fixture, "");
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	log_set_verbose(0);
	log_capture_end();
	secrets_release(&fixture->secrets);
	sim_free(fixture->sim);
	temp_root_end(&fixture->root);
	free(fixture);
	return 0;
}

static int submit(struct fixture *fixture)
{
	struct machine *machine = &fixture->sim->machine;

	secrets_release(&fixture->secrets);
	return requests_submit(machine, machine_now_ms(machine) + 60000, &fixture->requests, &fixture->secrets);
}

static int check(struct fixture *fixture)
{
	struct machine *machine = &fixture->sim->machine;

	return requests_check(machine, machine_now_ms(machine) + 60000, &fixture->requests);
}

static int lock(struct fixture *fixture)
{
	struct machine *machine = &fixture->sim->machine;

	return requests_lock(machine, machine_now_ms(machine) + 60000, fixture->requests.dry_run);
}

/* Compares the complete output, without the path of the directory. */
static void check_log(struct fixture *fixture, const char *expected)
{
	size_t length = strlen(fixture->root.path);
	char *place;

	while ((place = strstr(fixture->log.text, fixture->root.path))) {
		place += place[length] == '/' ? 0 : -1; /* and the blank before it */
		memmove(place, place + length + 1, strlen(place + length + 1) + 1);
	}
	assert_string_equal(fixture->log.text, expected);
}

static size_t count_calls(struct fixture *fixture, const char *command)
{
	const struct sim_record *records;
	size_t count, found = 0;

	records = sim_journal(fixture->sim, &count);
	for (size_t i = 0; i < count; i++)
		found += records[i].operation == MACHINE_UV && strcmp(records[i].text, command) == 0;
	return found;
}

/* --- which files -------------------------------------------------------------------------------------------------- */

static void test_no_directory(void **state)
{
	struct fixture *fixture = *state;

	fixture->requests.directory = NULL;
	assert_int_equal(submit(fixture), 0);
	fixture->requests = (struct requests){ .directory = "/nonexistent", .optional = true };
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, "");
	fixture->requests.optional = false;
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, "warning: cannot read directory of add-secret requests /nonexistent: "
			   "No such file or directory\n");
	log_capture_begin(&fixture->log);
	fixture->requests = (struct requests){ .directory = "/dev/null", .optional = true };
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, "warning: cannot read directory of add-secret requests /dev/null: Not a directory\n");
	assert_int_equal(sim_count(fixture->sim, MACHINE_UV, "*"), 0);
}

static void test_no_requests(void **state)
{
	struct fixture *fixture = *state;

	write_request(&fixture->root, ".hidden.asrcb", 1, REQUEST_SIZE);
	temp_root_text(&fixture->root, "/a.asrcb.old", "asrcb");
	temp_root_text(&fixture->root, "/README", "");
	temp_root_mkdir(&fixture->root, "/asrcbM");
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, "warning: no add-secret requests (*.asrcb) in\n");
	log_capture_begin(&fixture->log);
	fixture->requests.optional = true;
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, "");
	assert_int_equal(sim_count(fixture->sim, MACHINE_UV, "*"), 0);
}

/* The manual of pvsecret names its file addsecreq.bin. */
static void test_misnamed(void **state)
{
	struct fixture *fixture = *state;
	char path[256];

	write_request(&fixture->root, "addsecreq.bin", 0x11, REQUEST_SIZE);
	write_request(&fixture->root, "b.asrcb", 0x22, REQUEST_SIZE);
	write_request(&fixture->root, "c.asrcb~", 0x33, REQUEST_SIZE);
	write_request(&fixture->root, "asrcb", 0x44, REQUEST_SIZE);
	temp_root_path(&fixture->root, "/fifo", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, "warning: add-secret request addsecreq.bin: ignored, its name does not end in .asrcb\n"
			   "warning: add-secret request asrcb: ignored, its name does not end in .asrcb\n" LISTED(
				   0) "info: add-secret request b.asrcb: submitted\n"
			   "warning: add-secret request c.asrcb~: ignored, its name does not end in .asrcb\n");
	assert_int_equal(fixture->sim->model.secret_count, 1);
}

/* All errors are reported, and the Ultravisor is not called. */
static void test_check(void **state)
{
	struct fixture *fixture = *state;
	size_t calls;

	write_request(&fixture->root, "a.asrcb", 0x11, REQUEST_SIZE);
	write_request(&fixture->root, "b.bin", 0x22, REQUEST_SIZE);
	sim_journal(fixture->sim, &calls);
	assert_int_equal(check(fixture), 0);
	check_log(fixture, "");
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, LISTED(0) "info: add-secret request a.asrcb: submitted\n"
			   "warning: add-secret request b.bin: ignored, its name does not end in .asrcb\n");

	begin(fixture, "");
	temp_root_text(&fixture->root, "/c.asrcb", "asrcb");
	temp_root_text(&fixture->root, "/d.asrcb", "asrcbM 89012345678901234567890123456789012345678");
	assert_int_equal(check(fixture), -EBADMSG);
	check_log(fixture, "error: add-secret request c.asrcb: not an add-secret request (no \"asrcbM\" header)\n"
			   "error: add-secret request d.asrcb: truncated\n");
	log_capture_begin(&fixture->log);
	fixture->requests.directory = "/nonexistent";
	assert_int_equal(check(fixture), -ENOENT);
	check_log(fixture, "error: cannot read directory of add-secret requests /nonexistent: No such file or directory\n");
	fixture->requests.directory = NULL;
	assert_int_equal(check(fixture), 0);
	assert_int_equal(sim_count(fixture->sim, MACHINE_UV, "*"), 0);
}

static void test_in_order_of_names(void **state)
{
	struct fixture *fixture = *state;

	write_request(&fixture->root, "b.asrcb", 0x33, REQUEST_SIZE);
	write_request(&fixture->root, "2.asrcb", 0x22, REQUEST_SIZE);
	write_request(&fixture->root, "10.asrcb", 0x11, REQUESTS_SIZE_MAX);
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, LISTED(0) "info: add-secret request 10.asrcb: submitted\n"
				     "info: add-secret request 2.asrcb: submitted\n"
				     "info: add-secret request b.asrcb: submitted\n");
	assert_int_equal(fixture->sim->model.secret_count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(fixture->sim->model.secrets[i].id[31], 0x11 * (i + 1));
}

/* An invalid file affects only itself and does not block. */
static void test_invalid_files(void **state)
{
	struct fixture *fixture = *state;
	char path[256];

	temp_root_text(&fixture->root, "/a.asrcb", "");
	temp_root_text(&fixture->root, "/b.asrcb", "asrcb");
	temp_root_text(&fixture->root, "/c.asrcb", "- mode: EP11\n");
	temp_root_text(&fixture->root, "/c2.asrcb", "asrcbM 89012345678901234567890123456789012345678");
	temp_root_mkdir(&fixture->root, "/d.asrcb");
	temp_root_path(&fixture->root, "/e.asrcb", path);
	assert_int_equal(mkfifo(path, 0600), 0);
	temp_root_path(&fixture->root, "/f.asrcb", path);
	assert_int_equal(symlink("nowhere", path), 0);
	write_request(&fixture->root, "g.asrcb", 0x11, REQUESTS_SIZE_MAX + 1);
	write_request(&fixture->root, "h.asrcb", 0x11, REQUEST_SIZE);
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, "warning: add-secret request a.asrcb: not an add-secret request (no \"asrcbM\" header)\n"
			   "warning: add-secret request b.asrcb: not an add-secret request (no \"asrcbM\" header)\n"
			   "warning: add-secret request c.asrcb: not an add-secret request (no \"asrcbM\" header)\n"
			   "warning: add-secret request c2.asrcb: truncated\n"
			   "warning: add-secret request d.asrcb: not a regular file\n"
			   "warning: add-secret request e.asrcb: not a regular file\n"
			   "warning: cannot open add-secret request f.asrcb: No such file or directory\n"
			   "warning: add-secret request g.asrcb is larger than 1048576 bytes\n" LISTED(
				   0) "info: add-secret request h.asrcb: submitted\n");
	assert_int_equal(fixture->sim->model.secret_count, 1);
}

/* The files of an untrusted boot partition must not cost unlimited memory or time. */
static void test_too_many_names(void **state)
{
	static const char text[] = "cannot read directory of add-secret requests: more than 2048 files\n";
	struct fixture *fixture = *state;
	char expected[128], file[256];

	temp_root_text(&fixture->root, "/0", "");
	temp_root_path(&fixture->root, "/0", file);
	for (unsigned int i = 1; i <= FILE_VISIT_MAX; i++) {
		char name[32], path[256];

		snprintf(name, sizeof(name), "/%u", i);
		temp_root_path(&fixture->root, name, path);
		assert_int_equal(link(file, path), 0);
	}
	assert_int_equal(check(fixture), -E2BIG);
	snprintf(expected, sizeof(expected), "error: %s", text);
	check_log(fixture, expected);
	log_capture_begin(&fixture->log);
	assert_int_equal(submit(fixture), 0);
	snprintf(expected, sizeof(expected), "warning: %s", text);
	check_log(fixture, expected);
}

/* Reading files ends at the timeout of the run or at a signal. */
static void test_no_time(void **state)
{
	struct fixture *fixture = *state;
	struct machine *machine = &fixture->sim->machine;
	int64_t now_ms = machine_now_ms(machine);

	write_request(&fixture->root, "a.asrcb", 0x11, REQUEST_SIZE);
	assert_int_equal(requests_check(machine, now_ms, &fixture->requests), -ETIMEDOUT);
	check_log(fixture, "error: add-secret request a.asrcb: no time left for it and all later ones\n");
	log_capture_begin(&fixture->log);
	assert_int_equal(requests_submit(machine, now_ms, &fixture->requests, &fixture->secrets), 0);
	check_log(fixture, "warning: add-secret request a.asrcb: no time left for it and all later ones\n");

	fixture->stopped = true;
	log_capture_begin(&fixture->log);
	assert_int_equal(check(fixture), -EINTR);
	assert_int_equal(submit(fixture), -EINTR);
	check_log(fixture, "");
	assert_int_equal(fixture->sim->model.secret_count, 0);
}

static void put_number(char *request, size_t place, size_t value)
{
	for (unsigned int i = 0; i < 4; i++)
		request[place + i] = (char)(value >> (24 - 8 * i));
}

/* Writes a request of this version for the secret with this id. All other bytes are nonzero. */
static void write_real(struct fixture *fixture, const char *name, uint32_t version, uint8_t id)
{
	static const char entry[SECRETS_ENTRY_SIZE] = { [3] = MODEL_ASSOCIATION_SECRET, [7] = 32 };
	size_t size = version == 0x100 ? 48 + 1000 + 160 + 2 * 80 + 48 + 64 + 16 : 48 + 1000 + 160 + 1680 + 64 + 16;
	size_t at = version == 0x100 ? size - 16 - 64 - 48 : 280;
	char request[4096], path[32];

	memset(request, 0xa5, sizeof(request));
	memcpy(request, "asrcbM\0", 8);
	put_number(request, 8, version);
	put_number(request, 12, size);
	put_number(request, 44, 64);
	memcpy(request + at, entry, sizeof(entry));
	memset(request + at + 16, id, SECRETS_ID_SIZE);
	snprintf(path, sizeof(path), "/%s", name);
	temp_root_write(&fixture->root, path, request, size);
}

/* --- results ------------------------------------------------------------------------------------------------------ */

/* A second secret with the same id would make both unusable. */
static void test_already_present(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, ONE_SECRET);
	write_request(&fixture->root, "a.asrcb", 0x11, REQUEST_SIZE + 3);
	write_request(&fixture->root, "b.asrcb", 0x22, REQUEST_SIZE);
	write_request(&fixture->root, "c.asrcb", 0x22, REQUEST_SIZE);
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, LISTED(1) "info: add-secret request a.asrcb: skipped, its secret is already present\n"
				     "info: add-secret request b.asrcb: submitted\n"
				     "info: add-secret request c.asrcb: skipped, an earlier request has the same secret\n");
	assert_int_equal(fixture->sim->model.secret_count, 2);
	assert_int_equal(count_calls(fixture, "2"), 1);
}

/* This number of secrets. Their ids end with their number. Old kernels list 85. */
static void begin_with_many(struct fixture *fixture, size_t count)
{
	static char topology[200 * 100];
	size_t used = 0;

	topology[0] = '\0';
	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(topology + used, sizeof(topology) - used, "secret %zu id=%.60s%04zx\n", i, ID_EE, i);
	begin(fixture, topology);
	fixture->sim->options.kernel = SIM_KERNEL_6_12;
	log_set_verbose(0);
}

#define CUT(count) "warning: Ultravisor: only 85 secrets are listed, " #count \
		   " are stored; kernels up to 6.12 list at most 85\n"
#define UNCERTAIN(name) "warning: add-secret request " name ": skipped: the kernel lists only some of the secrets, so its " \
			"secret may already be present; a kernel newer than 6.12 lists all\n"

/* A secret that the truncated list may lack is not added again. */
static void test_truncated_list(void **state)
{
	struct fixture *fixture = *state;

	begin_with_many(fixture, 86);
	memset(fixture->sim->model.secrets[84].id, 0x11, SECRETS_ID_SIZE);
	memset(fixture->sim->model.secrets[85].id, 0x22, SECRETS_ID_SIZE);
	write_request(&fixture->root, "a.asrcb", 0x11, REQUEST_SIZE);
	write_request(&fixture->root, "b.asrcb", 0x22, REQUEST_SIZE);
	write_request(&fixture->root, "c.asrcb", 0x33, REQUEST_SIZE);
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, CUT(86) UNCERTAIN("b.asrcb") UNCERTAIN("c.asrcb"));
	assert_int_equal(count_calls(fixture, "2"), 0);
	/* A newer kernel lists all. */
	fixture->sim->options.kernel = SIM_KERNEL_7;
	log_capture_begin(&fixture->log);
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, "");
	assert_int_equal(fixture->sim->model.secret_count, 87);
}

/* The list was complete, and the secrets added since are known. */
static void test_list_truncated_later(void **state)
{
	struct fixture *fixture = *state;
	const struct model *model;

	begin_with_many(fixture, 85);
	model = &fixture->sim->model;
	write_request(&fixture->root, "a.asrcb", 0x11, REQUEST_SIZE);
	write_request(&fixture->root, "b.asrcb", 0x22, REQUESTS_SIZE_MAX);
	write_request_of(&fixture->root, "c.asrcb", 17, 0x33, REQUEST_SIZE);
	write_request(&fixture->root, "d.asrcb", 0x22, REQUEST_SIZE);
	write_request_of(&fixture->root, "e.asrcb", 17, 0x33, REQUEST_SIZE);
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, "");
	assert_int_equal(model->secret_count, 88);
	assert_int_equal(count_calls(fixture, "3"), 1);
	/* The next run gets a truncated list. */
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, CUT(88) UNCERTAIN("a.asrcb") UNCERTAIN("b.asrcb") UNCERTAIN("c.asrcb") UNCERTAIN("d.asrcb")
				   UNCERTAIN("e.asrcb"));
	assert_int_equal(model->secret_count, 88);
}

/* Added secrets are remembered for every known version of requests. Otherwise the secrets are listed again. */
static void test_versions(void **state)
{
	struct fixture *fixture = *state;

	fixture->rc = 0x0001;
	write_real(fixture, "a.asrcb", 0x100, 0x11);
	write_real(fixture, "b.asrcb", 0x200, 0x22);
	write_real(fixture, "c.asrcb", 0x200, 0x11);
	write_real(fixture, "d.asrcb", 0x100, 0x22);
	write_real(fixture, "e.asrcb", 0x300, 0x33);
	write_real(fixture, "f.asrcb", 0x100, 0x44);
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, LISTED(0) "info: add-secret request a.asrcb: submitted\n"
				     "info: add-secret request b.asrcb: submitted\n"
				     "info: add-secret request c.asrcb: skipped, an earlier request has the same secret\n"
				     "info: add-secret request d.asrcb: skipped, an earlier request has the same secret\n"
				     "info: add-secret request e.asrcb: submitted\n" LISTED(0)
					     "info: add-secret request f.asrcb: submitted\n");
	assert_int_equal(fixture->secrets.count, 1);
	assert_int_equal(fixture->secrets.list[0].index, SECRETS_NO_INDEX);
	assert_int_equal(fixture->secrets.list[0].id[31], 0x44);
}

/* An id counts only at its place. The same bytes elsewhere have no meaning, and a search would take time. */
static void test_id_elsewhere(void **state)
{
	struct fixture *fixture = *state;
	struct request_secret secret = { .type = REQUEST_TYPE_ASSOCIATION }, none = { .type = REQUEST_TYPE_NONE };
	char request[REQUEST_SIZE + 4096] = { 0 };
	size_t length;

	begin(fixture, ONE_SECRET);
	memset(secret.id, 0x22, sizeof(secret.id));
	memset(secret.value, 0x11, sizeof(secret.value));
	length = request_write(&secret, 1, (uint8_t *)request);
	memset(request + length, 0x11, sizeof(request) - length);
	temp_root_write(&fixture->root, "/a.asrcb", request, sizeof(request));
	/* A future version. */
	put_number(request, 8, 0x300);
	temp_root_write(&fixture->root, "/c.asrcb", request, length);
	/* No secret, so no id, although there is one where an entry would have it. */
	length = request_write(&none, 1, (uint8_t *)request);
	memset(request + length - 16 - 32 - SECRETS_ID_SIZE, 0x11, SECRETS_ID_SIZE);
	request[length - 16 - 32 - SECRETS_ENTRY_SIZE + 8] = 1;
	temp_root_write(&fixture->root, "/b.asrcb", request, length);
	fixture->rc = 0x0001;
	assert_int_equal(submit(fixture), 0);
	assert_int_equal(count_calls(fixture, "2"), 3);
}

/* Impossible lengths are ignored, and the id is unknown. A truncated request is not submitted. */
static void test_lengths(void **state)
{
	static const struct {
		size_t place, value;
		bool submitted, known;
	} cases[] = {
		{ 12, REQUEST_SIZE, true, true },      { 12, REQUEST_SIZE - 1, true, false },
		{ 12, REQUEST_SIZE + 1, false, false }, { 12, UINT32_MAX, false, false },
		{ 12, 0, true, false },                { 44, 1, true, false },
		{ 44, UINT32_MAX, true, false },       { 8, 0x200, true, false },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct request_secret secret = { .type = REQUEST_TYPE_ASSOCIATION, .id = { 0x11 } };
		char request[REQUEST_SIZE];

		begin(fixture, "");
		fixture->rc = 0x0001;
		request_write(&secret, 1, (uint8_t *)request);
		put_number(request, cases[i].place, cases[i].value);
		temp_root_write(&fixture->root, "/a.asrcb", request, sizeof(request));
		assert_int_equal(submit(fixture), 0);
		assert_int_equal(count_calls(fixture, "2"), cases[i].submitted);
		assert_int_equal(fixture->secrets.count, cases[i].known);
	}
}

/* Secrets of other types are listed as well, sorted by type, not by id. A secret of type 1 has no id, but counts. */
static void test_other_types(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "secret 0 type=17 id=" ID_33 "\nsecret 1 id=" ID_22 "\nsecret 2 type=3 id=" ID_11 "\n"
		       "secret 3 type=1 id=" ID_33 "\n");
	write_request_of(&fixture->root, "a.asrcb", 3, 0x11, REQUEST_SIZE);
	write_request_of(&fixture->root, "b.asrcb", 2, 0x22, REQUEST_SIZE);
	write_request_of(&fixture->root, "c.asrcb", 17, 0x33, REQUEST_SIZE);
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, "info: Ultravisor: secrets listed: 4\n"
			   "info: add-secret request a.asrcb: skipped, its secret is already present\n"
			   "info: add-secret request b.asrcb: skipped, its secret is already present\n"
			   "info: add-secret request c.asrcb: skipped, its secret is already present\n");
	assert_int_equal(count_calls(fixture, "2"), 0);
}

static void test_dry_run(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, ONE_SECRET);
	fixture->requests.dry_run = true;
	write_request(&fixture->root, "a.asrcb", 0x11, REQUEST_SIZE);
	write_request(&fixture->root, "b.asrcb", 0x22, REQUEST_SIZE);
	write_real(fixture, "c.asrcb", 0x300, 0x33);
	write_request(&fixture->root, "d.asrcb", 0x22, REQUEST_SIZE);
	assert_int_equal(submit(fixture), 0);
	assert_int_equal(lock(fixture), 0);
	check_log(fixture, LISTED(1) "info: add-secret request a.asrcb: skipped, its secret is already present\n"
				     "notice: add-secret request b.asrcb: would be submitted\n"
				     "notice: add-secret request c.asrcb: would be submitted\n"
				     "info: add-secret request d.asrcb: skipped, an earlier request has the same secret\n"
				     "notice: Ultravisor: would lock the secret store\n");
	assert_int_equal(count_calls(fixture, "2") + count_calls(fixture, "4"), 0);
	assert_int_equal(fixture->secrets.count, 2);
	assert_int_equal(fixture->secrets.list[1].index, SECRETS_NO_INDEX);
}

/* Requests made by pvsecret: the id is found at its place. A request without a secret has none. */
static void test_requests_of_pvsecret(void **state)
{
	static const uint8_t root_volume[] = { 0x53, 0x13, 0x15, 0x3e }, backup_key[] = { 0x08, 0xc0, 0x80, 0x59 };
	struct fixture *fixture = *state;

	fixture->requests.dry_run = true;
	fixture->requests.directory = "tests/unit/uv/asrcb";
	assert_int_equal(submit(fixture), 0);
	assert_non_null(strstr(fixture->log.text, "/association-extension-secret.asrcb: would be submitted\n"));
	assert_non_null(strstr(fixture->log.text, "/association-one-host.asrcb: skipped, an earlier request has the same secret\n"));
	assert_non_null(strstr(fixture->log.text, "/meta.asrcb: would be submitted\n"));
	assert_int_equal(fixture->secrets.count, 2);
	assert_memory_equal(fixture->secrets.list[0].id, backup_key, sizeof(backup_key));
	assert_int_equal(fixture->secrets.list[0].type, 3);
	assert_memory_equal(fixture->secrets.list[1].id, root_volume, sizeof(root_volume));
	assert_int_equal(fixture->secrets.list[1].type, 2);
}

/* The texts of the return codes, and whether the next request is tried. */
static void test_refused(void **state)
{
	static const struct {
		uint16_t rc;
		const char *text; /* of the first request */
		bool ends;
	} cases[] = {
		{ 0x0002, "call not supported by this firmware", true },
		{ 0x0005, "size not accepted", false },
		{ 0x0101, "this guest may not change its secret store", true },
		{ 0x0102, "the secret store is locked until the guest is restarted", true },
		{ 0x0103, "unknown response", false },
		{ 0x0104, "version not supported by this firmware", false },
		{ 0x0105, "wrong size, the file is damaged", false },
		{ 0x0106, "wrong number of host keys", false },
		{ 0x0107, "flags not supported by this firmware", false },
		{ 0x0108, "cannot be decrypted: made for another host, or damaged", false },
		{ 0x0109, "type of secret not supported by this firmware", false },
		{ 0x010a, "wrong length of the secret", false },
		{ 0x010b, "the secret store is full", true },
		{ 0x010c, "cannot be added: made for another image, or with another extension secret", false },
		{ 0x010d, "a dump of this guest is in progress; try again later", true },
		{ 0xffff, "unknown response", false },
	};
	struct fixture *fixture = *state;

	write_request(&fixture->root, "a.asrcb", 0x11, REQUEST_SIZE);
	write_request(&fixture->root, "b.asrcb", 0x22, REQUEST_SIZE);
	log_set_verbose(0);
	fixture->rrc = 0x0042;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char expected[512], codes[64];

		begin(fixture, "");
		fixture->rc = cases[i].rc;
		snprintf(codes, sizeof(codes), "(rc 0x%04x, rrc 0x0042)", cases[i].rc);
		if (cases[i].ends)
			snprintf(expected, sizeof(expected), "warning: add-secret request a.asrcb: %s %s; later requests are skipped\n",
				 cases[i].text, codes);
		else
			snprintf(expected, sizeof(expected),
				 "warning: add-secret request a.asrcb: %s %s\n"
				 "warning: add-secret request b.asrcb: %s %s\n",
				 cases[i].text, codes, cases[i].text, codes);
		assert_int_equal(submit(fixture), 0);
		check_log(fixture, expected);
	}
}

static void test_locked_store(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "guest locked=1\n");
	write_request(&fixture->root, "a.asrcb", 0x11, REQUEST_SIZE);
	write_request(&fixture->root, "b.asrcb", 0x22, REQUEST_SIZE);
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, LISTED(0) "warning: add-secret request a.asrcb: " LOCKED "; later requests are skipped\n");
	assert_int_equal(count_calls(fixture, "2"), 1);
}

static void test_no_list(void **state)
{
	struct fixture *fixture = *state;

	begin(fixture, "guest list_rc=0005\n");
	write_request(&fixture->root, "a.asrcb", 0x11, REQUEST_SIZE);
	write_request(&fixture->root, "b.asrcb", 0x22, REQUEST_SIZE);
	assert_int_equal(submit(fixture), -EIO);
	check_log(fixture, "error: Ultravisor: cannot list the secrets: rc 0x0005, rrc 0x0000\n");
	assert_int_equal(sim_count(fixture->sim, MACHINE_UV, "*"), 1);
}

static void strike(struct fixture *fixture, enum sim_injection_action action, int error, unsigned int after)
{
	sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_UV, "*", action, error, NULL, after, 0 });
}

static void test_call_fails(void **state)
{
	struct fixture *fixture = *state;

	write_request(&fixture->root, "a.asrcb", 0x11, REQUEST_SIZE);
	write_request(&fixture->root, "b.asrcb", 0x22, REQUEST_SIZE);
	log_set_verbose(0);
	strike(fixture, SIM_FAIL, -ENOTTY, 1);
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, "warning: add-secret request a.asrcb: Inappropriate ioctl for device; later requests are skipped\n");
	/* A large request may need more memory than available. The next may be smaller. */
	begin(fixture, "");
	sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_UV, "*", SIM_FAIL, -ENOMEM, NULL, 1, 1 });
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, "warning: add-secret request a.asrcb: Cannot allocate memory\n");
	assert_int_equal(fixture->sim->model.secret_count, 1);
	begin(fixture, "");
	strike(fixture, SIM_HANG, 0, 1);
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, "warning: add-secret request a.asrcb: no answer in time; later requests are skipped\n");
	assert_between(elapsed(fixture->sim), 10 * S, 11 * S);
	for (size_t calls = 0; calls < 4; calls++) {
		begin(fixture, "");
		sim_stop_after(fixture->sim, calls);
		assert_int_equal(submit(fixture), -EINTR);
		check_log(fixture, "");
	}
}

/* A call whose worker is killed is repeated. Whether the secret was added is read from the list. */
static void test_killed(void **state)
{
	static const char submitted[] = "/a.asrcb: submitted\n";
	static const struct {
		enum sim_injection_action action;
		unsigned int after; /* 0: the list, 1: the request */
	} cases[] = {
		{ SIM_KILL, 0 }, { SIM_KILL_LATE, 0 },
		{ SIM_KILL, 1 }, { SIM_KILL_LATE, 1 },
	};
	struct fixture *fixture = *state;

	write_request(&fixture->root, "a.asrcb", 0x11, REQUEST_SIZE);
	for (size_t i = 0; i < COUNT(cases); i++) {
		begin(fixture, "");
		sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_UV, "*", cases[i].action, 0, NULL,
								  cases[i].after, 1 });
		assert_int_equal(submit(fixture), 0);
		assert_int_equal(fixture->sim->model.secret_count, 1);
		/* Added by this run, even if the result was lost. */
		assert_non_null(strstr(fixture->log.text, submitted));
		assert_null(strstr(fixture->log.text, "skipped"));
		assert_null(strstr(fixture->log.text, "warning: "));

		begin(fixture, "");
		sim_inject(fixture->sim,
			   &(struct sim_injection){ MACHINE_UV, "*", cases[i].action, 0, NULL, 0, 1 });
		assert_int_equal(lock(fixture), 0);
		assert_true(fixture->sim->model.store_locked);
	}
	/* Killed every time: the message is our own text. */
	log_set_verbose(0);
	begin(fixture, "");
	strike(fixture, SIM_KILL, 0, 0);
	assert_int_equal(lock(fixture), -EOWNERDEAD);
	assert_int_equal(submit(fixture), -EOWNERDEAD);
	check_log(fixture, "error: Ultravisor: cannot lock the secret store: " KILLED
			   "error: Ultravisor /dev/uv: cannot list the secrets: " KILLED);
}

/* --- lock --------------------------------------------------------------------------------------------------------- */

static void test_lock(void **state)
{
	struct fixture *fixture = *state;

	write_request(&fixture->root, "a.asrcb", 0x11, REQUEST_SIZE);
	assert_int_equal(lock(fixture), 0);
	assert_true(fixture->sim->model.store_locked);
	assert_int_equal(lock(fixture), 0);
	assert_int_equal(submit(fixture), 0);
	check_log(fixture, "info: Ultravisor: secret store locked\n"
			   "info: Ultravisor: secret store locked\n" LISTED(
				   0) "warning: add-secret request a.asrcb: " LOCKED "; later requests are skipped\n");
}

static void test_lock_fails(void **state)
{
	static const struct {
		uint16_t rc;
		const char *text;
	} cases[] = {
		{ 0x0101, "this guest may not change its secret store (rc 0x0101, rrc 0x0042)" },
		{ 0x0002, "call not supported by this firmware (rc 0x0002, rrc 0x0042)" },
		{ 0x0777, "unknown response (rc 0x0777, rrc 0x0042)" },
	};
	struct fixture *fixture = *state;

	fixture->rrc = 0x0042;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char expected[256];

		begin(fixture, "");
		fixture->rc = cases[i].rc;
		snprintf(expected, sizeof(expected), "error: Ultravisor: secret store not locked: %s\n", cases[i].text);
		assert_int_equal(lock(fixture), -EIO);
		check_log(fixture, expected);
	}
	begin(fixture, "");
	strike(fixture, SIM_FAIL, -ENOENT, 0);
	assert_int_equal(lock(fixture), -ENOENT);
	check_log(fixture, "error: Ultravisor: cannot lock the secret store: No such file or directory\n");
	begin(fixture, "");
	strike(fixture, SIM_HANG, 0, 0);
	assert_int_equal(lock(fixture), -ETIMEDOUT);
	check_log(fixture, "error: Ultravisor: cannot lock the secret store: no answer in time\n");
	assert_between(elapsed(fixture->sim), 10 * S, 11 * S);
	begin(fixture, "");
	sim_stop_after(fixture->sim, 0);
	assert_int_equal(lock(fixture), -EINTR);
	check_log(fixture, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/*
 * The list cannot show whether a request without an id took effect. Submitting it again might make both secrets
 * unusable.
 */
static void test_killed_without_an_id(void **state)
{
	struct fixture *fixture = *state;

	write_real(fixture, "a.asrcb", 0x300, 0x11);
	write_request(&fixture->root, "b.asrcb", 0x22, REQUEST_SIZE);
	begin(fixture, "");
	sim_inject(fixture->sim, &(struct sim_injection){ MACHINE_UV, "*", SIM_KILL, 0, NULL, 1, 1 });
	assert_int_equal(submit(fixture), 0);
	assert_int_equal(count_calls(fixture, "2"), 1);
	check_log(fixture, LISTED(0) "warning: add-secret request a.asrcb: the process that made the call was killed; "
				     "later requests are skipped\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_directory),  TEST(test_no_requests), TEST(test_in_order_of_names), TEST(test_misnamed), TEST(test_check), TEST(test_id_elsewhere), TEST(test_invalid_files),
		TEST(test_too_many_names),
		TEST(test_no_time),      TEST(test_already_present), TEST(test_dry_run),
		TEST(test_requests_of_pvsecret),
		TEST(test_other_types),   TEST(test_truncated_list),      TEST(test_list_truncated_later),
		TEST(test_versions),      TEST(test_lengths),
		TEST(test_refused),       TEST(test_locked_store),  TEST(test_no_list),         TEST(test_call_fails),
		TEST(test_killed), TEST(test_killed_without_an_id),
		TEST(test_lock),          TEST(test_lock_fails),
	};

	return cmocka_run_group_tests_name("requests", tests, NULL, NULL);
}
