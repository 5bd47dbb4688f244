/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "model/ap_words.h"
#include "request/request.h"

/* Parameters of the requests in tests/unit/uv/asrcb. */
#define HOST_KEY \
	"016e976208995e5d11f7cf26eb5e380ad6700756a21ada538a0a72f8cde656f5f7" \
	"4edb988f1bbbb657d22dc22930f07f041e7e298b605c4547ec9cfea7726a1e05bf"
#define SECRET "bbce1bb2fd2d68ff2c6edff68477796f0cf4377c125fe10602e8e77ccde31a57"
#define EXTENSION "0aa95ad8dfe7c9270be6bdcfc4acaecdd49c084f9bae59fc4d5b09fce3d0e08f"
#define NONE "0000000000000000000000000000000000000000000000000000000000000000"
#define ROOT_VOLUME "5313153e" /* first bytes of the ids */
#define BACKUP_KEY "08c08059"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint8_t request[4096], host_key[REQUEST_HOST_KEY_SIZE];
static size_t length;
static struct request_secret secret;

static void load(const char *name)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "tests/unit/uv/asrcb/%s.asrcb", name);
	file = fopen(path, "re");
	assert_non_null(file);
	length = fread(request, 1, sizeof(request), file);
	fclose(file);
	assert_int_equal(request_length(request), length);
}

static uint16_t open_request(void)
{
	return request_open(request, length, host_key, &secret);
}

static void check_bytes(const uint8_t *bytes, const char *hex)
{
	uint8_t expected[REQUEST_VALUE_SIZE];
	size_t size = strlen(hex) / 2;

	assert_true(words_parse_bytes((struct piece){ hex, 2 * size }, expected, size));
	assert_memory_equal(bytes, expected, size);
}

static void check_nothing(void)
{
	static const struct request_secret nothing;

	assert_memory_equal(&secret, &nothing, sizeof(secret));
}

static void requests_of_pvsecret(void **state)
{
	static const struct {
		const char *name;
		uint16_t type;
		const char *id, *value, *extension;
	} cases[] = {
		{ "association-one-host", 2, ROOT_VOLUME, SECRET, NONE },
		{ "association-extension-secret", 2, ROOT_VOLUME, SECRET, EXTENSION },
		{ "meta", 1, "00000000", NONE, NONE },
		{ "retrievable", 3, BACKUP_KEY, NONE, NONE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		load(cases[i].name);
		assert_int_equal(open_request(), REQUEST_GOOD);
		assert_int_equal(secret.type, cases[i].type);
		check_bytes(secret.id, cases[i].id);
		check_bytes(secret.value, cases[i].value);
		check_bytes(secret.extension, cases[i].extension);
	}
}

static void for_another_host(void **state)
{
	(void)state;
	load("association-foreign-host");
	assert_int_equal(open_request(), REQUEST_NOT_DECRYPTED);
	check_nothing();
	load("association-one-host");
	host_key[REQUEST_HOST_KEY_SIZE - 1] ^= 1;
	assert_int_equal(open_request(), REQUEST_NOT_DECRYPTED);
	memset(host_key, 0, sizeof(host_key));
	assert_int_equal(open_request(), REQUEST_NOT_DECRYPTED);
}

/*
 * Fields that are needed to find the key have return codes of their own. A change of anything else invalidates the tag.
 */
static void changed_bytes(void **state)
{
	static const struct {
		size_t from, to;
		uint16_t rc;
	} fields[] = {
		{ 0x00, 0x06, REQUEST_BAD_VERSION }, { 0x08, 0x0c, REQUEST_BAD_VERSION }, { 0x0c, 0x10, REQUEST_BAD_SIZE },
		{ 0x30, 0x38, REQUEST_BAD_FLAGS },
	};

	(void)state;
	load("association-one-host");
	/* After these fields, not every byte is tested, because the elliptic curve is slow. */
	for (size_t at = 0; at < length; at += at < 0x38 ? 1 : 13) {
		uint16_t expected = REQUEST_NOT_DECRYPTED;

		if (at == 0x27 || (at >= 0x2c && at < 0x30))
			continue; /* see wrong_counts_and_sizes() */
		for (size_t i = 0; i < COUNT(fields); i++)
			if (at >= fields[i].from && at < fields[i].to)
				expected = fields[i].rc;
		request[at] ^= 1;
		assert_int_equal(open_request(), expected);
		check_nothing();
		request[at] ^= 1;
	}
	assert_int_equal(open_request(), REQUEST_GOOD);
}

static void wrong_counts_and_sizes(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		uint16_t rc;
	} cases[] = {
		{ 0x27, 0, REQUEST_BAD_HOST_COUNT },  { 0x27, 2, REQUEST_BAD_HOST_COUNT },
		{ 0x27, 255, REQUEST_BAD_HOST_COUNT }, { 0x2c, 0xff, REQUEST_BAD_SIZE },
		{ 0x2f, 0, REQUEST_NOT_DECRYPTED },   { 0x2f, 63, REQUEST_NOT_DECRYPTED },
		{ 0x2e, 1, REQUEST_BAD_SIZE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		load("association-one-host");
		request[cases[i].at] = cases[i].value;
		assert_int_equal(open_request(), cases[i].rc);
		check_nothing();
	}
	load("association-one-host");
	for (size_t whole = length; length-- > whole - 80;)
		assert_int_equal(open_request(), REQUEST_BAD_SIZE);
	for (length = 0; length < 64; length++)
		assert_int_equal(open_request(), REQUEST_BAD_SIZE);
}

/* Clears the random parts of a request and everything derived from them. The rest is deterministic. */
static void clear_lot(uint8_t *bytes, size_t size)
{
	static const struct {
		size_t from, to; /* the last one: the slot without the hash of the host */
	} drawn[] = { { 0x10, 0x1c }, { 0x418, 0x4b8 }, { 0x4d8, 0x508 } };

	for (size_t i = 0; i < COUNT(drawn); i++)
		memset(bytes + drawn[i].from, 0, drawn[i].to - drawn[i].from);
	memset(bytes + size - 80, 0, 80);
}

/* Our requests have the same bytes as those of pvsecret, and decrypt to the same contents. */
static void own_requests(void **state)
{
	static const char *const names[] = { "association-one-host", "association-extension-secret" };
	uint8_t own[sizeof(request)];
	struct request_secret opened;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		load(names[i]);
		assert_int_equal(open_request(), REQUEST_GOOD);
		assert_int_equal(request_write(&secret, 1, own), length);
		memcpy(own + REQUEST_IMAGE, request + REQUEST_IMAGE, REQUEST_IMAGE_SIZE);
		memcpy(own + 0x108, request + 0x108, 16); /* id of the configuration */
		assert_true(request_seal(own, length, host_key));
		assert_int_equal(request_open(own, length, host_key, &opened), REQUEST_GOOD);
		assert_memory_equal(&opened, &secret, sizeof(secret));
		assert_memory_not_equal(own, request, length);
		clear_lot(own, length);
		clear_lot(request, length);
		assert_memory_equal(own, request, length);
	}
}

static void several_hosts(void **state)
{
	uint8_t keys[3][REQUEST_HOST_KEY_SIZE];
	static const struct request_secret plan = { .type = 2, .length = 32, .id = "id", .value = "value", .extension = "extension" };

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++) {
		memcpy(keys[i], host_key, sizeof(host_key));
		keys[i][2] ^= (uint8_t)(i + 1);
	}
	length = request_write(&plan, COUNT(keys), request);
	assert_int_equal(length, REQUEST_LENGTH(COUNT(keys)));
	assert_int_equal(request_read(request, length, &secret), REQUEST_GOOD);
	assert_string_equal((const char *)secret.id, "id");
	assert_string_equal((const char *)secret.value, "");
	assert_true(request_seal(request, length, keys[0]));
	for (size_t i = 0; i < COUNT(keys); i++) {
		assert_int_equal(request_open(request, length, keys[i], &secret), REQUEST_GOOD);
		assert_memory_equal(&secret, &plan, sizeof(plan));
	}
	assert_int_equal(open_request(), REQUEST_NOT_DECRYPTED);
	check_nothing();
	memset(keys[1], 0, sizeof(keys[1]));
	length = request_write(&plan, COUNT(keys), request);
	assert_false(request_seal(request, length, keys[0]));
	assert_false(request_seal(request, length - 1, keys[0]));
}

/* Invalid contents, correctly encrypted for this host. */
static void sealed_invalid_contents(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		uint16_t rc;
	} cases[] = {
		{ 0x30, 0x80, REQUEST_GOOD },          { 0x50b, 0, REQUEST_BAD_TYPE },
		{ 0x50b, 11, REQUEST_BAD_TYPE },       { 0x50a, 1, REQUEST_BAD_TYPE },
		{ 0x50b, 16, REQUEST_BAD_TYPE },       { 0x50b, 21, REQUEST_BAD_TYPE },
		{ 0x50b, 17, REQUEST_GOOD },           { 0x50b, REQUEST_TYPE_NONE, REQUEST_BAD_SIZE },
		{ 0x50f, 31, REQUEST_BAD_SECRET_LENGTH }, { 0x50c, 1, REQUEST_BAD_SECRET_LENGTH },
		{ 0x2f, 65, REQUEST_BAD_SIZE },        { 0x2f, 48, REQUEST_BAD_SIZE },
		{ 0x2f, 0, REQUEST_BAD_SIZE },
	};
	const struct request_secret plan = { .type = 2, .length = 32 }, none = { .type = REQUEST_TYPE_NONE };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		length = request_write(&plan, 1, request);
		request[cases[i].at] = cases[i].value;
		assert_true(request_seal(request, length, host_key));
		assert_int_equal(request_read(request, length, &secret), cases[i].rc);
		assert_int_equal(open_request(), cases[i].rc);
		if (cases[i].rc != REQUEST_GOOD)
			check_nothing();
	}
	length = request_write(&none, 1, request);
	assert_int_equal(length, 1352); /* as meta.asrcb */
	request[0x2f] = 31; /* extension secret too short */
	request[0x0f] -= 1;
	length--;
	assert_true(request_seal(request, length, host_key));
	assert_int_equal(open_request(), REQUEST_BAD_SECRET_LENGTH);
}

static int setup(void **state)
{
	(void)state;
	return words_parse_bytes((struct piece){ HOST_KEY, strlen(HOST_KEY) }, host_key, sizeof(host_key)) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(requests_of_pvsecret, setup),
		cmocka_unit_test_setup(for_another_host, setup),
		cmocka_unit_test_setup(changed_bytes, setup),
		cmocka_unit_test_setup(wrong_counts_and_sizes, setup),
		cmocka_unit_test_setup(own_requests, setup),
		cmocka_unit_test_setup(several_hosts, setup),
		cmocka_unit_test_setup(sealed_invalid_contents, setup),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
