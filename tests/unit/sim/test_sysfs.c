/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "request/request.h"
#include "unit/sim_calls.h"

/* --- sysfs ---------------------------------------------------------------------------------------- */

#define ACCEL "devices/ap/card12/"
#define CCA "devices/ap/card13/"

static const struct {
	enum sim_kernel_version kernel;
	const char *folder, *name, *text;
} texts_of_kernels[] = {
	{ SIM_KERNEL_7, "bus/ap/", "features", "APSC APXA QACT APSB\n" },
	{ SIM_KERNEL_7, "bus/ap/", "bindings", "4/4 (complete)\n" },
	{ SIM_KERNEL_7, "bus/ap/", "bindings_complete_count", "1\n" },
	{ SIM_KERNEL_6_12, "bus/ap/", "bindings_complete_count", "ENOENT" },
	{ SIM_KERNEL_7, "bus/ap/", "scans", "1\n" },
	{ SIM_KERNEL_7, CARD, "type", "CEX8P\n" },
	{ SIM_KERNEL_7, ACCEL, "type", "CEX4A\n" },
	{ SIM_KERNEL_7, CCA, "type", "CEX6C\n" },
	{ SIM_KERNEL_7, CARD, "online", "1\n" },
	{ SIM_KERNEL_7, CARD, "config", "1\n" },
	{ SIM_KERNEL_7, CARD, "chkstop", "0\n" },
	{ SIM_KERNEL_7, CARD, "serialnr", "0123456789ABCDEF\n" },
	{ SIM_KERNEL_7, ACCEL, "serialnr", "ENOENT" },
	{ SIM_KERNEL_7, CCA, "serialnr", "\n" },
	{ SIM_KERNEL_7, QUEUE, "online", "1\n" },
	{ SIM_KERNEL_7, QUEUE, "config", "1\n" },
	{ SIM_KERNEL_7, QUEUE, "chkstop", "0\n" },
	{ SIM_KERNEL_7, QUEUE, "se_bind", "bound\n" },
	{ SIM_KERNEL_7, QUEUE, "se_associate", "unassociated\n" },
	{ SIM_KERNEL_7, QUEUE, "mkvps", "WK CUR: invalid -\nWK NEW: empty -\n" },
	{ SIM_KERNEL_7, CARD, "11.00ff/se_bind", "unbound\n" },
	{ SIM_KERNEL_7, ACCEL, "12.0008/se_bind", "unbound\n" },
	{ SIM_KERNEL_7, ACCEL, "12.0008/se_associate", "-\n" },
	{ SIM_KERNEL_6_12, ACCEL, "12.0008/se_associate", "-\n" },
	{ SIM_KERNEL_7, ACCEL, "12.0008/mkvps", "ENOENT" },
	{ SIM_KERNEL_7, CCA, "13.0008/se_bind", "ENOENT" },
	{ SIM_KERNEL_6_12, CCA, "13.0008/se_bind", "ENOENT" },
	{ SIM_KERNEL_6_12, CCA, "13.0008/se_associate", "ENOENT" },
	{ SIM_KERNEL_7, CCA, "13.0008/mkvps",
	  "AES NEW: - -\nAES CUR: - -\nAES OLD: - -\nAPKA NEW: - -\nAPKA CUR: - -\nAPKA OLD: - -\n"
	  "ASYM NEW: - -\nASYM CUR: - -\nASYM OLD: - -\n" },
	{ SIM_KERNEL_6_1, QUEUE, "se_bind", "ENOENT" },
	{ SIM_KERNEL_6_1, QUEUE, "se_associate", "ENOENT" },
	{ SIM_KERNEL_7, "firmware/uv/", "prot_virt_guest", "1\n" },
	{ SIM_KERNEL_7, "firmware/uv/query/", "facilities", "80c0080700000000\n0\n0\n0\n" },
	{ SIM_KERNEL_7, "firmware/uv/query/", "max_secrets", "4096\n" },
	{ SIM_KERNEL_7, "", "bus/ap", "EISDIR" },
	{ SIM_KERNEL_7, "", "devices/ap/card11/11.0008", "EISDIR" },
	{ SIM_KERNEL_7, "", "", "ENOENT" },
	{ SIM_KERNEL_7, "", "devices/apx", "ENOENT" },
	{ SIM_KERNEL_7, "", "devices/ap/card1/type", "ENOENT" },
	{ SIM_KERNEL_7, "", "devices/ap/card14/type", "ENOENT" },
	{ SIM_KERNEL_7, "", "devices/ap/card11/12.0008/online", "ENOENT" },
	{ SIM_KERNEL_7, "", "devices/ap/card11/11.0108/online", "ENOENT" },
	{ SIM_KERNEL_7, "", "devices/ap/card11/11.00FF/online", "ENOENT" },
	{ SIM_KERNEL_7, "", "devices/ap/card11/11.0008x/online", "ENOENT" },
	{ SIM_KERNEL_7, QUEUE, "type", "ENOENT" },
	{ SIM_KERNEL_7, CARD, "se_bind", "ENOENT" },
};

static void texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(texts_of_kernels); i++) {
		struct sim *sim = make(ALL_KINDS, texts_of_kernels[i].kernel);
		char path[MACHINE_PATH_SIZE];

		snprintf(path, sizeof(path), "%s%s", texts_of_kernels[i].folder, texts_of_kernels[i].name);
		if (strcmp(perform_text(sim, MACHINE_READ, path), texts_of_kernels[i].text) != 0)
			fail_msg("%s: expected %s", path, texts_of_kernels[i].text);
		sim_free(sim);
	}
}

static void lists(void **state)
{
	struct sim *sim = make(ALL_KINDS, SIM_KERNEL_7);

	(void)state;
	assert_list(sim, "devices/ap", "uevent\npower\ncard11\ncard12\ncard13\n");
	assert_list(sim, "devices/ap/card11",
		    "uevent\npower\n11.0008\n11.00ff\ntype\nserialnr\nonline\nconfig\nchkstop\n");
	assert_list(sim, "devices/ap/card12", "uevent\npower\n12.0008\ntype\nonline\nconfig\nchkstop\n");
	assert_list(sim, "devices/ap/card13/13.0008", "uevent\npower\nonline\nmkvps\nreset\nconfig\nchkstop\n");
	assert_list(sim, "bus/ap", "uevent\npower\ndevices\nfeatures\nbindings\nbindings_complete_count\nscans\n");
	assert_list(sim, "bus/ap/devices", "card11\ncard12\ncard13\n11.0008\n11.00ff\n12.0008\n13.0008\n");
	assert_list(sim, "firmware/uv", "uevent\npower\nquery\nprot_virt_guest\n");
	assert_list(sim, "firmware/uv/query", "facilities\nmax_secrets\n");
	assert_list(sim, "bus/ap/features", "ENOTDIR");
	assert_list(sim, "devices/ap/card14", "ENOENT");
	sim_free(sim);
}

static void machines_without(void **state)
{
	struct sim *sim = make(ALL_KINDS "guest ap=0\n", SIM_KERNEL_7);

	(void)state;
	assert_text(sim, "bus/ap/features", "ENOENT");
	assert_list(sim, "devices/ap", "ENOENT");
	sim_free(sim);

	sim = make(ALL_KINDS "guest se=0\n", SIM_KERNEL_7);
	assert_text(sim, "bus/ap/features", "APSC APXA QACT\n");
	assert_text(sim, "firmware/uv/prot_virt_guest", "0\n");
	assert_text(sim, "firmware/uv/query/facilities", "8000000000000000\n0\n0\n0\n");
	assert_text(sim, QUEUE "se_bind", "ENOENT");
	assert_text(sim, CARD "11.00ff/mkvps", "WK CUR: invalid -\nWK NEW: empty -\n");
	sim_free(sim);

	sim = make("guest list=0 add=0 lock=0\n", SIM_KERNEL_7);
	sim->options.uv_missing = false;
	assert_text(sim, "firmware/uv/query/facilities", "80c0080000000000\n0\n0\n0\n");
	assert_text(sim, "bus/ap/bindings", "0/0 (complete)\n");
	assert_list(sim, "devices/ap", "uevent\npower\n");
	sim_free(sim);

	sim = make("", SIM_KERNEL_7);
	sim->options.uv_missing = true;
	assert_text(sim, "firmware/uv/prot_virt_guest", "ENOENT");
	assert_list(sim, "firmware/uv", "ENOENT");
	sim_free(sim);
}

static void writes_refused(void **state)
{
	struct sim *sim = make(ALL_KINDS, SIM_KERNEL_7);

	(void)state;
	assert_int_equal(write_text(sim, "bus/ap/features", "x"), -EACCES);
	assert_int_equal(write_text(sim, "bus/ap", "x"), -EISDIR);
	assert_int_equal(write_text(sim, QUEUE "nothing", "x"), -ENOENT);
	assert_int_equal(write_text(sim, QUEUE "se_bind", "00000000000000000000000000000000000000000000"), -EINVAL);
	sim_free(sim);
}

static void buffers_too_small(void **state)
{
	struct sim *sim = make(ALL_KINDS, SIM_KERNEL_7);
	struct machine_call call = { .operation = MACHINE_READ, .path = CARD "type", .until_ms = MACHINE_FOREVER };
	char text[21];

	(void)state;
	call.data = text;
	for (call.size = 0; call.size < 7; call.size++)
		assert_int_equal(machine_perform(&sim->machine, &call), -E2BIG);
	assert_int_equal(machine_perform(&sim->machine, &call), 0);
	assert_string_equal(text, "CEX8P\n");
	call.operation = MACHINE_LIST;
	strcpy(call.path, "devices/ap/card12");
	for (call.size = 0; call.size < sizeof(text); call.size++)
		assert_int_equal(machine_perform(&sim->machine, &call), -E2BIG);
	memset(call.path, 'x', sizeof(call.path));
	assert_int_equal(machine_perform(&sim->machine, &call), -ENAMETOOLONG);
	sim_free(sim);
}

/* --- Ultravisor ----------------------------------------------------------------------------------- */

static struct sim *make_secrets(unsigned int count, enum sim_kernel_version kernel)
{
	struct sim *sim = make("", kernel);

	for (unsigned int i = 0; i < count; i++)
		sim->model.secrets[i] = (struct model_secret){ .index = (uint16_t)i, .type = 2 };
	sim->model.secret_count = count;
	return sim;
}

static unsigned int get16(const uint8_t *from)
{
	return (unsigned int)from[0] << 8 | from[1];
}

static void uv_lists(void **state)
{
	static const struct {
		enum sim_kernel_version kernel;
		unsigned int secrets, pages;
		int error;
		uint16_t rc;
		unsigned int stored;
	} cases[] = {
		{ SIM_KERNEL_6_12, 0, 1, 0, 0x0001, 0 },       { SIM_KERNEL_6_12, 85, 1, 0, 0x0001, 85 },
		{ SIM_KERNEL_6_12, 86, 1, 0, 0x0100, 85 },     { SIM_KERNEL_6_12, 86, 2, -EINVAL, 0, 0 },
		{ SIM_KERNEL_7, 0, 1, 0, 0x0001, 0 },          { SIM_KERNEL_7, 86, 1, 0, 0x0100, 85 },
		{ SIM_KERNEL_7, 86, 2, 0, 0x0001, 86 },        { SIM_KERNEL_7, 170, 2, 0, 0x0001, 170 },
		{ SIM_KERNEL_7, 171, 2, 0, 0x0100, 170 },      { SIM_KERNEL_7, 171, 3, 0, 0x0001, 171 },
		{ SIM_KERNEL_7, 2000, 24, 0, 0x0001, 2000 },   { SIM_KERNEL_7, 4096, 24, 0, 0x0100, 2040 },
		{ SIM_KERNEL_7, 4096, 64, 0, 0x0001, 4096 },
	};
	static uint8_t buffer[64 * 4096];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sim *sim = make_secrets(cases[i].secrets, cases[i].kernel);
		uint16_t rc;

		assert_int_equal(perform_uv(sim, UV_LIST, buffer, cases[i].pages * 4096, &rc), cases[i].error);
		assert_int_equal(rc, cases[i].rc);
		for (unsigned int entry = 0; entry < cases[i].stored; entry++)
			assert_int_equal(get16(buffer + 16 + 48 * entry), entry);
		if (cases[i].error == 0) {
			assert_int_equal(get16(buffer), cases[i].stored);
			assert_int_equal(get16(buffer + 2), cases[i].secrets);
		}
		sim_free(sim);
	}
}

static void uv_refusals(void **state)
{
	struct sim *sim = make_secrets(3, SIM_KERNEL_7);
	static const struct request_secret secret = { .type = REQUEST_TYPE_ASSOCIATION };
	static uint8_t buffer[8192];
	size_t size = request_write(&secret, 1, buffer);
	uint16_t rc;

	(void)state;
	assert_int_equal(perform_uv(sim, UV_LIST, buffer, 0, &rc), -EINVAL);
	assert_int_equal(perform_uv(sim, UV_LIST, buffer, 4095, &rc), -EINVAL);
	assert_int_equal(perform_uv(sim, UV_LIST, buffer, 4097, &rc), -EINVAL);
	assert_int_equal(perform_uv(sim, 7, buffer, 4096, &rc), -ENOTTY);
	assert_int_equal(perform_uv(sim, UV_ADD, buffer, 0, &rc), -EINVAL);
	assert_int_equal(perform_uv(sim, UV_ADD, buffer, 1024 * 1024 + 1, &rc), -EINVAL);
	assert_int_equal(perform_uv(sim, UV_ADD, buffer, size - 1, &rc), 0);
	assert_int_equal(rc, 0x0105);
	assert_int_equal(perform_uv(sim, UV_ADD, buffer, 20, &rc), 0);
	assert_int_equal(rc, 0x0105);
	assert_int_equal(sim->model.secret_count, 3);
	assert_int_equal(perform_uv(sim, UV_ADD, buffer, size + 1, &rc), 0);
	assert_int_equal(rc, 0x0001);
	assert_int_equal(sim->model.secret_count, 4);
	assert_int_equal(perform_uv(sim, UV_LOCK, buffer, 1, &rc), -EINVAL);
	assert_int_equal(perform_uv(sim, UV_LOCK, NULL, 0, &rc), 0);
	assert_int_equal(rc, 0x0001);
	assert_int_equal(perform_uv(sim, UV_ADD, buffer, size, &rc), 0);
	assert_int_equal(rc, 0x0102);
	sim->model.list_rc = 0x0123;
	assert_int_equal(perform_uv(sim, UV_LIST, buffer, 8192, &rc), 0);
	assert_int_equal(rc, 0x0123);
	/* A kernel that uses a page of its own returns that page, empty. */
	sim->options.kernel = SIM_KERNEL_6_12;
	buffer[4095] = 1;
	assert_int_equal(perform_uv(sim, UV_LIST, buffer, 4096, &rc), 0);
	assert_int_equal(rc, 0x0123);
	assert_int_equal(buffer[0] | buffer[4095], 0);
	sim->options.uv_device_missing = true;
	assert_int_equal(perform_uv(sim, UV_LIST, buffer, 4096, &rc), -ENOENT);
	sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(lists),
		cmocka_unit_test(machines_without),
		cmocka_unit_test(writes_refused),
		cmocka_unit_test(buffers_too_small),
		cmocka_unit_test(uv_lists),
		cmocka_unit_test(uv_refusals),
	};

	return cmocka_run_group_tests_name("sim_sysfs", tests, NULL, NULL);
}
