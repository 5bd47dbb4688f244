/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "unit/model/model_calls.h"

/* --- instructions --------------------------------------------------------------------------------- */

static void test_shows_states(void **state)
{
	static const struct {
		unsigned int apqn;
		enum model_response response;
		enum model_bind_state bind_state;
		uint8_t generation;
		enum model_mode mode;
	} cases[] = {
		{ 0x1108, MODEL_OK, MODEL_BINDABLE, 8, MODEL_EP11 },
		{ 0x1109, MODEL_OK, MODEL_NO_SECURE_KEY, 8, MODEL_EP11 },
		{ 0x110a, MODEL_OK, MODEL_USABLE, 8, MODEL_EP11 },
		{ 0x110b, MODEL_OK, MODEL_FOREIGN, 8, MODEL_EP11 },
		{ 0x1208, MODEL_OK, MODEL_BINDABLE, 7, MODEL_ACCEL },
		{ 0x1209, MODEL_OK, MODEL_USABLE, 7, MODEL_ACCEL },
		{ 0x1308, MODEL_OK, MODEL_BINDABLE, 6, MODEL_CCA },
		{ 0x1408, MODEL_DECONFIGURED, MODEL_BINDABLE, 5, MODEL_EP11 },
		{ 0x1508, MODEL_CHECKSTOPPED, MODEL_BINDABLE, 8, MODEL_EP11 },
	};
	int64_t hang_us = -1;
	struct model_test test;

	(void)state;
	load(MACHINE);
	for (size_t i = 0; i < COUNT(cases); i++) {
		test = tapq(cases[i].apqn, 0, cases[i].response);
		assert_int_equal(test.bind_state, cases[i].bind_state);
		assert_int_equal(test.generation, cases[i].generation);
		assert_int_equal(test.mode, cases[i].mode);
		assert_false(test.async_error);
	}
	assert_int_equal(model_tapq(&model, 0x11, 0x08, 0, &test, &hang_us), MODEL_OK);
	assert_int_equal(hang_us, 0);
	tapq(0x1107, 0, MODEL_NOT_PRESENT);
	tapq(0x1608, 0, MODEL_NOT_PRESENT);
	model.ap_present = false;
	tapq(0x1108, 0, MODEL_NOT_PRESENT);
}

static void bind_rules(void **state)
{
	static const struct {
		unsigned int apqn;
		enum model_response response;
		enum model_bind_state bind_state;
	} cases[] = {
		{ 0x1108, MODEL_OK, MODEL_NO_SECURE_KEY },          { 0x1109, MODEL_BIND_ERROR, MODEL_NO_SECURE_KEY },
		{ 0x110a, MODEL_BIND_ERROR, MODEL_USABLE },         { 0x110b, MODEL_BOUND_TO_ANOTHER, MODEL_FOREIGN },
		{ 0x1208, MODEL_OK, MODEL_USABLE },                 { 0x1209, MODEL_BIND_ERROR, MODEL_USABLE },
		{ 0x1308, MODEL_BIND_ERROR, MODEL_BINDABLE },       { 0x1408, MODEL_DECONFIGURED, MODEL_BINDABLE },
		{ 0x1508, MODEL_CHECKSTOPPED, MODEL_BINDABLE },
	};
	int64_t hang_us = -1;

	(void)state;
	load(MACHINE);
	assert_int_equal(model_bound_count(&model), 3);
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(bapq(cases[i].apqn, 0), cases[i].response);
		assert_int_equal(model_find(&model, (uint8_t)(cases[i].apqn >> 8), (uint8_t)cases[i].apqn)->state,
				 cases[i].bind_state);
	}
	assert_int_equal(bapq(0x1107, 0), MODEL_NOT_PRESENT);
	assert_int_equal(model_bound_count(&model), 5);

	load(MACHINE);
	assert_int_equal(model_bapq(&model, 0x11, 0x08, 0, &hang_us), MODEL_OK);
	assert_int_equal(hang_us, 3 * MS);
	assert_int_equal(model_bapq(&model, 0x11, 0x08, 0, &hang_us), MODEL_BIND_ERROR);
	assert_int_equal(hang_us, 0);
}

static void bind_limit(void **state)
{
	(void)state;
	load(MACHINE "limit 4\n");
	assert_int_equal(bapq(0x1108, 0), MODEL_OK);
	assert_int_equal(bapq(0x1208, 0), MODEL_BIND_LIMIT);
	assert_int_equal(rapq(0x1109, true, 0), MODEL_OK);
	/* A queue counts until its reset has ended, even if nothing tests it in between. */
	assert_int_equal(bapq(0x1208, 20 * MS - 1), MODEL_BIND_LIMIT);
	assert_int_equal(bapq(0x1208, 20 * MS), MODEL_OK);
}

static void associate_rules(void **state)
{
	static const struct {
		unsigned int apqn;
		uint16_t index;
		enum model_response response;
	} cases[] = {
		{ 0x1108, 5, MODEL_NOT_BOUND },      { 0x1109, 4, MODEL_INVALID_SECRET },
		{ 0x1109, 8, MODEL_INVALID_SECRET }, { 0x1109, 6, MODEL_SECRET_NOT_UNIQUE },
		{ 0x110a, 5, MODEL_NOT_AVAILABLE },  { 0x110b, 5, MODEL_BOUND_TO_ANOTHER },
		{ 0x1208, 5, MODEL_NOT_BOUND },      { 0x1209, 5, MODEL_NOT_AVAILABLE },
		{ 0x1408, 5, MODEL_DECONFIGURED },   { 0x1508, 5, MODEL_CHECKSTOPPED },
		{ 0x1107, 5, MODEL_NOT_PRESENT },    { 0x1109, 5, MODEL_OK },
		{ 0x1109, 5, MODEL_STATE_CHANGE },
	};

	(void)state;
	load(MACHINE);
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(aapq(cases[i].apqn, cases[i].index, 0), cases[i].response);
	assert_int_equal(tapq(0x1109, 30 * MS - 1, MODEL_OK).bind_state, MODEL_NO_SECURE_KEY);
	assert_int_equal(tapq(0x1109, 30 * MS, MODEL_OK).bind_state, MODEL_USABLE);
	assert_int_equal(model_find(&model, 0x11, 0x09)->association, 5);
}

static void reset_keeps_or_drops(void **state)
{
	(void)state;
	load(MACHINE);
	assert_int_equal(rapq(0x110a, false, 0), MODEL_OK);
	assert_int_equal(tapq(0x110a, 20 * MS - 1, MODEL_RESET_IN_PROGRESS).bind_state, MODEL_USABLE);
	assert_int_equal(tapq(0x110a, 20 * MS, MODEL_OK).bind_state, MODEL_USABLE);

	assert_int_equal(rapq(0x110a, true, 100 * MS), MODEL_OK);
	assert_int_equal(tapq(0x110a, 120 * MS - 1, MODEL_RESET_IN_PROGRESS).bind_state, MODEL_USABLE);
	assert_int_equal(bapq(0x110a, 110 * MS), MODEL_RESET_IN_PROGRESS);
	assert_int_equal(aapq(0x110a, 5, 110 * MS), MODEL_RESET_IN_PROGRESS);
	assert_int_equal(tapq(0x110a, 120 * MS, MODEL_OK).bind_state, MODEL_BINDABLE);
	assert_int_equal(bapq(0x110a, 120 * MS), MODEL_OK);

	/* A second reset does not prolong the first one, but it may add the unbind. */
	assert_int_equal(rapq(0x110a, false, 200 * MS), MODEL_OK);
	assert_int_equal(rapq(0x110a, true, 210 * MS), MODEL_RESET_IN_PROGRESS);
	assert_int_equal(rapq(0x110a, false, 215 * MS), MODEL_RESET_IN_PROGRESS);
	assert_int_equal(tapq(0x110a, 220 * MS, MODEL_OK).bind_state, MODEL_BINDABLE);

	assert_int_equal(rapq(0x110b, true, 0), MODEL_BOUND_TO_ANOTHER);
	assert_int_equal(rapq(0x110b, false, 0), MODEL_OK);
	assert_int_equal(tapq(0x110b, 20 * MS, MODEL_OK).bind_state, MODEL_FOREIGN);
	assert_int_equal(rapq(0x1408, true, 0), MODEL_DECONFIGURED);
	assert_int_equal(rapq(0x1508, true, 0), MODEL_CHECKSTOPPED);
	assert_int_equal(rapq(0x1107, true, 0), MODEL_NOT_PRESENT);
}

static void reset_forgets_association_under_way(void **state)
{
	(void)state;
	load(MACHINE);
	assert_int_equal(aapq(0x1109, 5, 0), MODEL_OK);
	assert_int_equal(rapq(0x1109, false, 1 * MS), MODEL_OK);
	assert_int_equal(tapq(0x1109, 1000 * MS, MODEL_OK).bind_state, MODEL_NO_SECURE_KEY);
}

static void no_delay_and_time_zero(void **state)
{
	(void)state;
	load("card 11 CEX8P\nqueue 11.0008\nsecret 5 id=" ID_A "\n");
	assert_int_equal(bapq(0x1108, 0), MODEL_OK);
	assert_int_equal(aapq(0x1108, 5, 0), MODEL_OK);
	assert_int_equal(tapq(0x1108, 1, MODEL_OK).bind_state, MODEL_USABLE);
	assert_int_equal(rapq(0x1108, true, 5), MODEL_OK);
	assert_int_equal(tapq(0x1108, 5, MODEL_OK).bind_state, MODEL_BINDABLE);
}

static void requests(void **state)
{
	static const struct {
		unsigned int apqn;
		enum model_response response;
	} cases[] = {
		{ 0x1108, MODEL_NOT_BOUND }, { 0x1109, MODEL_OK },        { 0x110a, MODEL_OK },
		{ 0x110b, MODEL_NOT_BOUND }, { 0x1208, MODEL_NOT_BOUND }, { 0x1209, MODEL_OK },
		{ 0x1308, MODEL_NOT_BOUND }, { 0x1408, MODEL_DECONFIGURED }, { 0x1508, MODEL_CHECKSTOPPED },
		{ 0x1107, MODEL_NOT_PRESENT },
	};
	int64_t ready_us;

	(void)state;
	load(MACHINE);
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(request(cases[i].apqn, 7 * MS, &ready_us), cases[i].response);
		if (cases[i].response == MODEL_OK)
			assert_int_equal(ready_us, 9 * MS);
	}
	assert_int_equal(rapq(0x1109, false, 10 * MS), MODEL_OK);
	assert_int_equal(request(0x1109, 10 * MS, &ready_us), MODEL_RESET_IN_PROGRESS);
}

static void no_secure_execution(void **state)
{
	int64_t ready_us;

	(void)state;
	load(MACHINE "guest se=0\n");
	assert_int_equal(tapq(0x1108, 0, MODEL_OK).bind_state, MODEL_USABLE);
	assert_int_equal(bapq(0x1108, 0), MODEL_BIND_ERROR);
	assert_int_equal(aapq(0x1109, 5, 0), MODEL_NOT_AVAILABLE);
	assert_int_equal(request(0x1308, 0, &ready_us), MODEL_OK);
}

/* --- Ultravisor ----------------------------------------------------------------------------------- */

static void load_secrets(unsigned int count)
{
	model_init(&model);
	for (unsigned int i = 0; i < count; i++) {
		model.secrets[i] = (struct model_secret){ .index = (uint16_t)(i + 0x100), .type = 2, .length = 32 };
		model.secrets[i].id[0] = (uint8_t)(i >> 8);
		model.secrets[i].id[31] = (uint8_t)i;
	}
	model.secret_count = count;
}

static unsigned int get16(const uint8_t *from)
{
	return (unsigned int)from[0] << 8 | from[1];
}

static void list_pages(void **state)
{
	static const unsigned int counts[] = { 0, 1, 84, 85, 86, 170, 171, 2000, MODEL_SECRETS_MAX };

	(void)state;
	for (size_t i = 0; i < COUNT(counts); i++) {
		unsigned int start = 0;
		uint16_t rc;

		load_secrets(counts[i]);
		do {
			uint8_t page[4096];
			unsigned int stored;

			memset(page, 0xa5, sizeof(page));
			rc = model_uv_list(&model, (uint16_t)start, page);
			stored = get16(page);
			assert_int_equal(stored, counts[i] - start < 85 ? counts[i] - start : 85);
			assert_int_equal(get16(page + 2), counts[i]);
			assert_int_equal(get16(page + 4), start + stored);
			for (unsigned int entry = 0; entry < stored; entry++) {
				const uint8_t *at = page + 16 + 48 * entry;
				static const uint8_t middle[] = { 0, 2, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0 };

				assert_int_equal(get16(at), start + entry + 0x100);
				assert_memory_equal(at + 2, middle, sizeof(middle));
				assert_int_equal(at[16], (start + entry) >> 8);
				assert_int_equal(at[47], (start + entry) & 0xff);
			}
			for (unsigned int byte = 16 + 48 * stored; byte < sizeof(page); byte++)
				assert_int_equal(page[byte], 0);
			start += stored;
			assert_int_equal(rc, start < counts[i] ? 0x0100 : 0x0001);
		} while (rc == 0x0100);
	}
}

static void list_refused(void **state)
{
	uint8_t page[4096];

	(void)state;
	load_secrets(3);
	assert_int_equal(model_uv_list(&model, 7, page), 0x0001);
	assert_int_equal(get16(page), 0);
	model.list_rc = 0x0123;
	assert_int_equal(model_uv_list(&model, 0, page), 0x0123);
	model.list_secrets = false;
	assert_int_equal(model_uv_list(&model, 0, page), 0x0002);
	model_init(&model);
	model.se_guest = false;
	assert_int_equal(model_uv_list(&model, 0, page), 0x0002);
}

static void add_and_lock(void **state)
{
	static const struct model_secret secret = { .type = 2, .length = 32, .id = "0123456789abcdef0123456789ABCDE", .value = "value" };

	(void)state;
	model_init(&model);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(model_uv_may_add(&model), 0x0001);
		assert_int_equal(model_uv_add(&model, &secret, NULL, NULL), 0x0001);
		assert_int_equal(model.secret_count, i + 1);
		assert_int_equal(model.secrets[i].index, i);
		assert_int_equal(model.secrets[i].type, 2);
		assert_int_equal(model.secrets[i].length, 32);
		assert_string_equal((const char *)model.secrets[i].id, "0123456789abcdef0123456789ABCDE");
		assert_string_equal((const char *)model.secrets[i].value, "value");
	}
	assert_int_equal(model_uv_add(&model, NULL, NULL, NULL), 0x0001);
	assert_int_equal(model.secret_count, 2);
	model.secrets[model.secret_count - 1].index = 65535;
	assert_int_equal(model_uv_add(&model, &secret, NULL, NULL), 0x010b);
	load_secrets(MODEL_SECRETS_MAX);
	assert_int_equal(model_uv_add(&model, &secret, NULL, NULL), 0x010b);

	assert_int_equal(model_uv_lock(&model), 0x0001);
	assert_int_equal(model_uv_lock(&model), 0x0102);
	assert_int_equal(model_uv_may_add(&model), 0x0102);
	model_init(&model);
	model.add_secret = false;
	model.lock_secrets = false;
	assert_int_equal(model_uv_may_add(&model), 0x0002);
	assert_int_equal(model_uv_lock(&model), 0x0002);
	model_init(&model);
	model.se_guest = false;
	assert_int_equal(model_uv_may_add(&model), 0x0002);
}

/* Values that are known only after a request was decrypted. */
static void image_and_extension(void **state)
{
	static const struct model_secret secret = { .type = 2, .length = 32 };
	uint8_t image[MODEL_IMAGE_LENGTH] = { 1 }, extension[MODEL_SECRET_LENGTH] = { 0 };

	(void)state;
	model_init(&model);
	assert_int_equal(model_uv_add(&model, &secret, image, extension), 0x0001);
	model.has_image = true;
	memcpy(model.image, image, sizeof(image));
	assert_int_equal(model_uv_add(&model, &secret, image, extension), 0x0001);
	image[MODEL_IMAGE_LENGTH - 1] = 1;
	assert_int_equal(model_uv_add(&model, &secret, image, extension), 0x010c);
	image[MODEL_IMAGE_LENGTH - 1] = 0;
	extension[MODEL_SECRET_LENGTH - 1] = 1;
	assert_int_equal(model_uv_add(&model, &secret, image, extension), 0x010c);
	assert_int_equal(model_uv_add(&model, NULL, image, extension), 0x010c);
	assert_int_equal(model.secret_count, 2);
	/* A refused request sets no extension secret. A request without a secret does. */
	load_secrets(MODEL_SECRETS_MAX);
	assert_int_equal(model_uv_add(&model, &secret, image, extension), 0x010b);
	extension[0] = 1;
	assert_int_equal(model_uv_add(&model, NULL, image, extension), 0x0001);
	extension[0] = 2;
	assert_int_equal(model_uv_add(&model, NULL, image, extension), 0x010c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shows_states),
		cmocka_unit_test(bind_rules),
		cmocka_unit_test(bind_limit),
		cmocka_unit_test(associate_rules),
		cmocka_unit_test(reset_keeps_or_drops),
		cmocka_unit_test(reset_forgets_association_under_way),
		cmocka_unit_test(no_delay_and_time_zero),
		cmocka_unit_test(requests),
		cmocka_unit_test(no_secure_execution),
		cmocka_unit_test(list_pages),
		cmocka_unit_test(list_refused),
		cmocka_unit_test(add_and_lock),
		cmocka_unit_test(image_and_extension),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
