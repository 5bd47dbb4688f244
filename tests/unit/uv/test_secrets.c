/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit/log_capture.h"
#include "uv/secrets.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PAGE 4096
#define UNTIL 1234

static struct log_capture capture;

/* A machine that has only what is read here. Every call completes at once. */
struct fake {
	struct machine machine;
	const char *guest;      /* NULL: -ENOENT */
	const char *facilities; /* NULL: -ENOENT */
	int read_error;
	size_t secrets; /* in the UV, numbered from 0; index: 1000 + number; id: begins with the number */
	int total_lie;    /* added to the total in the header */
	bool one_page;    /* a kernel up to 6.12 */
	bool no_more_rc;  /* the UV returns 0x0001 even if more follow */
	int uv_error;     /* of the ioctl */
	int large_error;  /* of the ioctl with more than a page */
	uint16_t uv_rc, uv_rrc; /* unless 0: the return codes of all calls */
	int stop_at;            /* number of the wait that a signal ends; 0: none */
	int waits;
	size_t calls, largest;
	struct machine_call *done;
};

static void put16(uint8_t *bytes, size_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

static void put_entry(uint8_t *entry, size_t index, unsigned int type, unsigned int id)
{
	memset(entry, 0, 48);
	put16(entry, index);
	put16(entry + 2, type);
	put16(entry + 6, 64); /* length of the secret, not of the id */
	put16(entry + 16, id);
	memset(entry + 18, 0xa5, 30);
}

/* As the kernel does it: page by page while a page is left, all entries after one header. */
static uint16_t fill(const struct fake *fake, uint8_t *buffer, size_t size)
{
	size_t stored = 0, used = 16;

	do {
		for (size_t i = 0; i < 85 && stored < fake->secrets; i++) {
			put_entry(buffer + used, 1000 + stored, 2, (unsigned int)stored);
			stored++;
			used += 48;
		}
	} while (stored < fake->secrets && used + PAGE <= size);
	put16(buffer, stored);
	put16(buffer + 2, (size_t)((int)fake->secrets + fake->total_lie));
	return stored < fake->secrets && !fake->no_more_rc ? 0x0100 : 0x0001;
}

static int perform_uv(struct fake *fake, struct machine_call *call)
{
	assert_int_equal(call->uv_command, 3);
	assert_true(call->size > 0 && call->size % PAGE == 0);
	fake->calls++;
	if (call->size > fake->largest)
		fake->largest = call->size;
	if (fake->uv_error)
		return fake->uv_error;
	if (call->size > PAGE && fake->large_error)
		return fake->large_error;
	if (call->size > PAGE && fake->one_page)
		return -EINVAL;
	call->uv_rrc = fake->uv_rrc;
	call->uv_rc = fake->uv_rc ? fake->uv_rc : fill(fake, (uint8_t *)call->data, call->size);
	return 0;
}

static int perform_read(struct fake *fake, struct machine_call *call)
{
	const char *text = NULL;

	if (fake->read_error)
		return fake->read_error;
	if (!strcmp(call->path, "firmware/uv/prot_virt_guest"))
		text = fake->guest;
	else if (!strcmp(call->path, "firmware/uv/query/facilities"))
		text = fake->facilities;
	if (!text)
		return -ENOENT;
	assert_true(strlen(text) < call->size);
	strcpy(call->data, text);
	call->length = strlen(text);
	return 0;
}

static int64_t fake_now_ms(struct machine *machine)
{
	(void)machine;
	return 0;
}

static int fake_start(struct machine *machine, struct machine_call *call)
{
	struct fake *fake = (struct fake *)machine;

	assert_int_equal(call->until_ms, UNTIL);
	call->error = call->operation == MACHINE_UV ? perform_uv(fake, call) : perform_read(fake, call);
	fake->done = call;
	return 0;
}

static int fake_wait(struct machine *machine, int64_t until_ms, struct machine_call **done)
{
	struct fake *fake = (struct fake *)machine;

	(void)until_ms;
	if (++fake->waits == fake->stop_at)
		return -EINTR;
	*done = fake->done;
	fake->done = NULL;
	return 0;
}

static const struct machine_interface fake_interface = {.now_ms = fake_now_ms, .start = fake_start, .wait = fake_wait};

static void check_uv(void **state)
{
#define GUEST "Ultravisor /sys/firmware/uv/prot_virt_guest: "
#define FACILITIES "Ultravisor /sys/firmware/uv/query/facilities: "
#define OFF FACILITIES "bit 30 is off: this firmware cannot list secrets; the host needs a newer one"
	static const struct {
		const char *guest, *facilities;
		int error;
		const char *message; /* NULL: none */
	} cases[] = {
		{"1\n", "200000000\n0\n0\n0\n", 0, NULL},
		{"1\n", "8000000700000000\n0\n0\n0\n", 0, NULL},
		{"1\n", "ffffffffffffffff\nffffffffffffffff\n0\n0\n", 0, NULL},
		{"1\n", "FFFFFFFFFFFFFFFF\n", 0, NULL},
		{"1\n", "200000000", 0, NULL},
		{"1\n", "0\n200000000\n0\n0\n", -EOPNOTSUPP, OFF},
		{"1\n", "fffffffdffffffff\n0\n0\n0\n", -EOPNOTSUPP, OFF},
		{"1\n", "20000000\n0\n0\n0\n", -EOPNOTSUPP, OFF},
		{"1\n", "2000000000\n0\n0\n0\n", -EOPNOTSUPP, OFF},
		{"1\n", "", -EBADMSG, FACILITIES "'' is not a list of hex words"},
		{"1\n", "\n200000000\n", -EBADMSG, FACILITIES "'?200000000' is not a list of hex words"},
		{"1\n", "0x200000000\n", -EBADMSG, FACILITIES "'0x200000000' is not a list of hex words"},
		{"1\n", "10000000200000000\n", -EBADMSG, FACILITIES "'10000000200000000' is not a list of hex words"},
		{"1\n", "200000000 0\n", -EBADMSG, FACILITIES "'200000000 0' is not a list of hex words"},
		{"1\n", "-1\n", -EBADMSG, FACILITIES "'-1' is not a list of hex words"},
		{"1\n", NULL, -ENOENT,
		 FACILITIES "not found; this kernel or machine does not support Secure Execution guests"},
		{"0\n", "200000000\n", -EOPNOTSUPP,
		 GUEST "'0'; this is not a Secure Execution guest, start it from a Secure Execution image"},
		{"\n", "200000000\n", -EOPNOTSUPP,
		 GUEST "''; this is not a Secure Execution guest, start it from a Secure Execution image"},
		{"11\n", "200000000\n", -EOPNOTSUPP,
		 GUEST "'11'; this is not a Secure Execution guest, start it from a Secure Execution image"},
		{NULL, NULL, -ENOENT,
		 GUEST "not found; this kernel or machine does not support Secure Execution guests"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fake fake = {
			.machine.interface = &fake_interface,
			.guest = cases[i].guest,
			.facilities = cases[i].facilities,
		};
		char expected[256] = "";
		int r;

		if (cases[i].message)
			snprintf(expected, sizeof(expected), "error: %s\n", cases[i].message);
		log_capture_begin(&capture);
		r = secrets_check_uv(&fake.machine, UNTIL);
		assert_int_equal(r, cases[i].error);
		assert_string_equal(capture.text, expected);
	}
}

static void check_uv_unreadable(void **state)
{
	struct fake fake = {.machine.interface = &fake_interface, .read_error = -ETIMEDOUT};

	(void)state;
	log_capture_begin(&capture);
	assert_int_equal(secrets_check_uv(&fake.machine, UNTIL), -ETIMEDOUT);
	assert_string_equal(capture.text, "error: " GUEST "no answer in time\n");
}

/* A heap buffer of exactly this size, so that the sanitizer detects a read beyond its end. */
static uint8_t *make_buffer(size_t size, size_t stored, size_t total)
{
	uint8_t *buffer = calloc(1, size ? size : 1);

	assert_non_null(buffer);
	if (size >= 16) {
		put16(buffer, stored);
		put16(buffer + 2, total);
		memset(buffer + 4, 0xff, 12);
	}
	for (size_t i = 0; 16 + (i + 1) * 48 <= size; i++)
		put_entry(buffer + 16 + i * 48, i, 2, (unsigned int)i);
	return buffer;
}

static void decode_counts(void **state)
{
	static const struct {
		size_t size, stored, total, expected;
	} cases[] = {
		{16, 0, 0, 0},
		{16, 65535, 65535, 0},
		{63, 1, 1, 0},
		{64, 1, 1, 1},
		{64, 65535, 0, 1},
		{111, 2, 2, 1},
		{4096, 0, 0, 0},
		{4096, 1, 1, 1},
		{4096, 85, 85, 85},
		{4096, 86, 86, 85},
		{4096, 65535, 65535, 85},
		{4096, 3, 0, 3}, /* a total below the count is ignored */
		{8192, 86, 86, 86},
		{24 * 4096, 2000, 2000, 2000},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t *buffer = make_buffer(cases[i].size, cases[i].stored, cases[i].total);
		struct secrets secrets;
		size_t total;

		assert_int_equal(secrets_decode(buffer, cases[i].size, &secrets, &total), 0);
		assert_int_equal(secrets.count, cases[i].expected);
		assert_int_equal(total, cases[i].total);
		for (size_t n = 0; n < secrets.count; n++)
			assert_int_equal(secrets.list[n].index, n);
		secrets_release(&secrets);
		assert_null(secrets.list);
		free(buffer);
	}
}

static void decode_short(void **state)
{
	(void)state;
	for (size_t size = 0; size < 16; size++) {
		uint8_t *buffer = make_buffer(size, 0, 0);
		struct secrets secrets;
		size_t total;

		assert_int_equal(secrets_decode(buffer, size, &secrets, &total), -EBADMSG);
		free(buffer);
	}
}

/* The bytes that the firmware writes. The result is sorted by id, then association secrets first, then by index. */
static void decode_layout(void **state)
{
	static const uint8_t buffer[16 + 7 * 48] = {
		[0] = 0x00, [1] = 0x07, [2] = 0x01, [3] = 0x02, [4] = 0xff, [5] = 0xff,
		/* association secret, index 0x0102 */
		[16] = 0x01, [17] = 0x02, [18] = 0x00, [19] = 0x02, [20] = 0, [21] = 0, [22] = 0, [23] = 64,
		[32] = 0xb0, [63] = 0x0b,
		/* plain text */
		[64] = 0x00, [65] = 0x01, [66] = 0x00, [67] = 0x03, [80] = 0xa0,
		/* type 0x0200, the same id as the first, an even lower index */
		[112] = 0x00, [113] = 0x02, [114] = 0x02, [115] = 0x00, [128] = 0xb0, [159] = 0x0b,
		/* the same id as the first, lower index */
		[160] = 0x00, [161] = 0xff, [162] = 0x00, [163] = 0x02, [176] = 0xb0, [207] = 0x0b,
		/* a lower id, the highest index */
		[208] = 0xff, [209] = 0xff, [210] = 0x00, [211] = 0x02, [224] = 0xa0, [255] = 0x0a,
		/* type 0, and type 1, which has no id */
		[256] = 0x00, [257] = 0x04, [272] = 0xa1,
		[304] = 0x00, [305] = 0x05, [306] = 0x00, [307] = 0x01, [320] = 0xa1,
	};
	static const uint8_t plain_text[SECRETS_ID_SIZE] = {[0] = 0xa0}, none[SECRETS_ID_SIZE] = {[0] = 0xa1};
	uint8_t id[SECRETS_ID_SIZE] = {[0] = 0xb0, [31] = 0x0b};
	struct secrets secrets;
	size_t total;

	(void)state;
	assert_int_equal(secrets_decode(buffer, sizeof(buffer), &secrets, &total), 0);
	assert_int_equal(total, 0x0102);
	assert_int_equal(secrets.count, 5);
	assert_int_equal(secrets.list[0].index, 1);
	assert_int_equal(secrets.list[0].type, 3);
	assert_int_equal(secrets.list[1].index, 0xffff);
	assert_int_equal(secrets.list[1].id[31], 0x0a);
	assert_int_equal(secrets.list[2].index, 0x00ff);
	assert_int_equal(secrets.list[3].index, 0x0102);
	assert_memory_equal(secrets.list[3].id, id, SECRETS_ID_SIZE);
	assert_int_equal(secrets.list[4].index, 2);
	assert_int_equal(secrets.list[4].type, 0x0200);

	assert_ptr_equal(secrets_find(&secrets, id), &secrets.list[2]);
	assert_ptr_equal(secrets_find_any(&secrets, id), &secrets.list[2]);
	assert_null(secrets_find(&secrets, plain_text));
	assert_ptr_equal(secrets_find_any(&secrets, plain_text), &secrets.list[0]);
	assert_null(secrets_find_any(&secrets, none));
	assert_ptr_equal(secrets_find(&secrets, secrets.list[1].id), &secrets.list[1]);
	id[31] = 0x0c;
	assert_null(secrets_find(&secrets, id));
	id[0] = 0x00;
	assert_null(secrets_find(&secrets, id));
	id[0] = 0xff;
	assert_null(secrets_find(&secrets, id));
	secrets_release(&secrets);
	assert_null(secrets_find(&secrets, id));
	assert_null(secrets_find_any(&secrets, id));
}

static void fetch(void **state)
{
	static const struct {
		size_t secrets;
		bool one_page, no_more_rc;
		int total_lie;
		size_t calls, largest, count;
		const char *message;
	} cases[] = {
		{0, false, false, 0, 1, PAGE, 0, ""},
		{1, false, false, 0, 1, PAGE, 1, ""},
		{84, false, false, 0, 1, PAGE, 84, ""},
		{85, false, false, 0, 1, PAGE, 85, ""},
		{86, false, false, 0, 2, 3 * PAGE, 86, ""},
		{86, false, true, 0, 2, 3 * PAGE, 86, ""},
		{170, false, false, 0, 2, 4 * PAGE, 170, ""},
		{2000, false, false, 0, 2, 25 * PAGE, 2000, ""},
		{85, true, false, 0, 1, PAGE, 85, ""},
		{86, true, false, 0, 2, 3 * PAGE, 85,
		 "warning: Ultravisor: only 85 secrets are listed, 86 are stored; kernels up to 6.12 list "
		 "at most 85\n"},
		{2000, true, true, 0, 2, 25 * PAGE, 85,
		 "warning: Ultravisor: only 85 secrets are listed, 2000 are stored; kernels up to 6.12 list "
		 "at most 85\n"},
		/* a total that is too large costs one more call; the difference is reported */
		{3, false, false, 65532, 2, 773 * PAGE, 3,
		 "warning: Ultravisor: only 3 secrets are listed, 65535 are stored; kernels up to 6.12 list "
		 "at most 85\n"},
		/* a total that is too small: 0x0100 still counts */
		{100, false, false, -100, 2, 2 * PAGE, 85 + 15, ""},
		{100, true, false, -100, 2, 2 * PAGE, 85,
		 "warning: Ultravisor: only 85 secrets are listed, 0 are stored; kernels up to 6.12 list "
		 "at most 85\n"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fake fake = {
			.machine.interface = &fake_interface,
			.secrets = cases[i].secrets,
			.one_page = cases[i].one_page,
			.no_more_rc = cases[i].no_more_rc,
			.total_lie = cases[i].total_lie,
		};
		struct secrets secrets = { 0 };

		log_capture_begin(&capture);
		assert_int_equal(secrets_fetch(&fake.machine, UNTIL, &secrets), 0);
		assert_string_equal(capture.text, cases[i].message);
		assert_int_equal(secrets.count, cases[i].count);
		assert_int_equal(fake.calls, cases[i].calls);
		assert_int_equal(fake.largest, cases[i].largest);
		for (size_t n = 0; n < secrets.count; n++)
			assert_int_equal(secrets.list[n].index, 1000 + n);
		secrets_release(&secrets);
	}
}

static void fetch_errors(void **state)
{
	static const struct {
		int uv_error, large_error;
		uint16_t uv_rc, uv_rrc;
		int result;
		const char *message;
	} cases[] = {
		{-ENOENT, 0, 0, 0, -ENOENT, "/dev/uv: not found; load the kernel module uvdevice"},
		{-ENODEV, 0, 0, 0, -ENODEV, "/dev/uv: not found; load the kernel module uvdevice"},
		{-ENXIO, 0, 0, 0, -ENXIO, "/dev/uv: not found; load the kernel module uvdevice"},
		{-ENOTTY, 0, 0, 0, -ENOTTY,
		 "/dev/uv: this kernel cannot list secrets, use a newer one"},
		{-EACCES, 0, 0, 0, -EACCES, "/dev/uv: cannot list the secrets: Permission denied"},
		{-EINVAL, 0, 0, 0, -EINVAL, "/dev/uv: cannot list the secrets: Invalid argument"},
		{-ETIMEDOUT, 0, 0, 0, -ETIMEDOUT, "/dev/uv: cannot list the secrets: no answer in time"},
		{0, -ETIMEDOUT, 0, 0, -ETIMEDOUT, "/dev/uv: cannot list the secrets: no answer in time"},
		{0, 0, 0x0002, 0x0000, -EIO, "cannot list the secrets: rc 0x0002, rrc 0x0000"},
		{0, 0, 0x0005, 0xabcd, -EIO, "cannot list the secrets: rc 0x0005, rrc 0xabcd"},
		{0, 0, 0x0101, 0x0001, -EIO, "cannot list the secrets: rc 0x0101, rrc 0x0001"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fake fake = {
			.machine.interface = &fake_interface, .secrets = 100, .uv_error = cases[i].uv_error,
			.large_error = cases[i].large_error, .uv_rc = cases[i].uv_rc, .uv_rrc = cases[i].uv_rrc,
		};
		struct secrets secrets = { 0 };
		char expected[256];

		snprintf(expected, sizeof(expected), "error: Ultravisor%s%s\n", cases[i].uv_rc ? ": " : " ",
			 cases[i].message);
		log_capture_begin(&capture);
		assert_int_equal(secrets_fetch(&fake.machine, UNTIL, &secrets), cases[i].result);
		assert_string_equal(capture.text, expected);
	}
}

/* The caller reports the signal, once. */
static void stopped(void **state)
{
	(void)state;
	for (int wait = 1; wait <= 2; wait++) {
		struct fake fake = {
			.machine.interface = &fake_interface, .guest = "1\n", .facilities = "200000000\n",
			.secrets = 100, .stop_at = wait,
		};
		struct secrets secrets = { 0 };

		log_capture_begin(&capture);
		assert_int_equal(secrets_check_uv(&fake.machine, UNTIL), -EINTR);
		fake.waits = 0;
		assert_int_equal(secrets_fetch(&fake.machine, UNTIL, &secrets), -EINTR);
		assert_string_equal(capture.text, "");
	}
}

static void fetch_verbose(void **state)
{
	struct fake fake = {.machine.interface = &fake_interface, .secrets = 7};
	struct secrets secrets = { 0 };

	(void)state;
	log_set_verbose(1);
	log_capture_begin(&capture);
	assert_int_equal(secrets_fetch(&fake.machine, UNTIL, &secrets), 0);
	log_set_verbose(0);
	assert_string_equal(capture.text, "info: Ultravisor: secrets listed: 7\n");
	secrets_release(&secrets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_uv),      cmocka_unit_test(check_uv_unreadable), cmocka_unit_test(decode_counts),
		cmocka_unit_test(decode_short),  cmocka_unit_test(decode_layout),       cmocka_unit_test(fetch),
		cmocka_unit_test(fetch_errors),  cmocka_unit_test(fetch_verbose),       cmocka_unit_test(stopped),
	};

	return cmocka_run_group_tests_name("secrets", tests, NULL, NULL);
}
