/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "unit/model/model_calls.h"

static void parse_everything(void **state)
{
	static const char text[] =
		"# a comment\r\n"
		"\n"
		"   \t\n"
		"guest se=0 ap=0 list=0 add=0 lock=0 list_rc=01fF locked=1 # and another\n"
		"limit 7\n"
		"delay bind=1us reset=20ms associate=3s request=0\n"
		"\tcard fE CEX4A\r\n"
		"card 11 CEX8P serialnr=0123456789ABCDEF configured=0 checkstopped=1\n"
		"queue fe.0001 state=bound\n"
		"queue fe.0002 state=unbound\n"
		"queue 11.00fF mkvp=" ID_A " state=associated:65535\n"
		"queue 11.0002 mkvp=none state=foreign\n"
		"hostkey 01fe" ID_A ID_B "\n"
		"image " ID_A ID_B ID_A ID_B ID_A ID_B "00112233445566778899aabbccddee77\n"
		"secret 9 id=" ID_B " type=65535\n"
		"secret 0 id=" ID_A " value=" ID_B "\n"
		"fault 11.* bind rc=33 times=2 after=1\n"
		"fault fe.0001 unbind never#no blank before this";
	const struct model_fault *fault = model.faults;

	(void)state;
	load(text);
	assert_false(model.se_guest || model.ap_present);
	assert_false(model.list_secrets || model.add_secret || model.lock_secrets);
	assert_true(model.store_locked);
	assert_int_equal(model.list_rc, 0x1ff);
	assert_int_equal(model.bound_limit, 7);
	assert_int_equal(model.bind_us, 1);
	assert_int_equal(model.reset_us, 20 * MS);
	assert_int_equal(model.associate_us, 3000 * MS);
	assert_int_equal(model.request_us, 0);
	assert_true(model.cards[0xfe].present && model.cards[0xfe].configured && !model.cards[0xfe].checkstopped);
	assert_int_equal(model.cards[0xfe].mode, MODEL_ACCEL);
	assert_int_equal(model.cards[0xfe].generation, 4);
	assert_string_equal(model.cards[0xfe].serialnr, "");
	assert_false(model.cards[0x11].configured);
	assert_true(model.cards[0x11].checkstopped);
	assert_string_equal(model.cards[0x11].serialnr, "0123456789ABCDEF");
	assert_int_equal(model.queue_count, 4);
	assert_int_equal(model.queues[3].state, MODEL_BINDABLE);
	assert_int_equal(model.queues[0].domain, 2);
	assert_int_equal(model.queues[0].state, MODEL_FOREIGN);
	assert_false(model.queues[0].mkvp_valid);
	assert_int_equal(model.queues[1].domain, 0xff);
	assert_int_equal(model.queues[1].state, MODEL_USABLE);
	assert_int_equal(model.queues[1].association, 65535);
	assert_true(model.queues[1].mkvp_valid && model.queues[1].mkvp[31] == 0xff);
	assert_int_equal(model.queues[2].card, 0xfe);
	assert_int_equal(model.queues[2].state, MODEL_USABLE);
	assert_true(model.has_image && model.image[0] == 0x00 && model.image[207] == 0x77);
	assert_true(model.host_key[0] == 0x01 && model.host_key[65] == 0xff);
	assert_int_equal(model.secret_count, 2);
	assert_int_equal(model.secrets[0].index, 0);
	assert_int_equal(model.secrets[0].type, 2);
	assert_memory_equal(model.secrets[0].value, model.secrets[1].id, sizeof(model.secrets[0].value));
	assert_memory_equal(model.secrets[1].value, model.secrets[1].id, sizeof(model.secrets[1].value));
	assert_int_equal(model.secrets[1].type, 65535);
	assert_int_equal(model.fault_count, 2);
	assert_true(fault[0].any_domain && fault[0].card == 0x11 && fault[0].amount == 0x33);
	assert_true(fault[0].after == 1 && fault[0].times == 2);
	assert_true(!fault[1].any_domain && fault[1].domain == 1 && fault[1].action == MODEL_FAULT_NEVER);
}

static void parse_defaults(void **state)
{
	(void)state;
	memset(&model, 0xa5, sizeof(model));
	load("card 11 CEX9P\nqueue 11.0008\n");
	assert_true(model.ap_present && model.se_guest && model.list_secrets && model.add_secret && model.lock_secrets);
	assert_false(model.store_locked);
	assert_int_equal(model.list_rc | model.bound_limit | model.bind_us | model.reset_us, 0);
	assert_int_equal(model.associate_us | model.request_us, 0);
	assert_false(model.cards[0x12].present);
	assert_int_equal(model.queues[0].state, MODEL_BINDABLE);
	assert_false(model.queues[0].mkvp_valid);
}

static void parse_mistakes(void **state)
{
	static const char *const lines[] = {
		"unknown", "guest se", "guest se=2", "guest se=", "guest no=1", "guest list_rc=10000",
		"guest list_rc=x", "limit", "limit x", "limit 4294967296", "limit 1 2", "limit -1",
		"delay bind", "delay bind=", "delay bind=1", "delay bind=1m", "delay bind=ms",
		"delay bind=1 ms", "delay bind=2147483648us", "delay none=1ms", "card", "card 1", "card 111",
		"card g1 CEX8P", "card 12", "card 12 CEX8", "card 12 CEX3P", "card 12 CEX8X", "card 12 cex8p",
		"card 12 CEX10P", "card 12 CEX8P serialnr=0123456789ABCDE",
		"card 12 CEX8P serialnr=0123456789ABCDEF0", "card 12 CEX8P configured=yes",
		"card 12 CEX8P no=1", "card 12 CEX8P 1", "card 11 CEX8P", "queue", "queue 11.008",
		"queue 11-0008", "queue 11.0100", "queue 12.0008", "queue 11.0001", "queue 11.0008 mkvp=00",
		"queue 11.0008 mkvp=" ID_A "00", "queue 11.0008 state", "queue 11.0008 state=x",
		"queue 11.0008 state=associated", "queue 11.0008 state=associated:",
		"queue 11.0008 state=associated:65536", "queue 11.0008 state=boundx",
		"queue a1.0008 state=associated:1", "queue c1.0008 state=bound", "queue 11.0008 name=x",
		"secret", "secret 1", "secret x id=" ID_A, "secret 65536 id=" ID_A, "secret 5 id=" ID_A,
		"secret 1 id=12", "secret 1 id=" ID_A " type=65536", "secret 1 id=" ID_A " x=1",
		"secret 1 type=2", "fault", "fault 11.0001", "fault 11.0001 bind", "fault 11.x bind late",
		"fault 11.** bind late", "fault 11.0001 open rc=1", "fault 11.0001 bind late",
		"fault 11.0001 bind never", "fault 11.0001 bind fall_back", "fault 11.0001 test slow=1ms",
		"fault 11.0001 test never", "fault 11.0001 request hang=1s", "fault 11.0001 bind rc=100",
		"fault 11.0001 bind rc", "fault 11.0001 bind hang", "fault 11.0001 bind hang=x",
		"fault 11.0001 bind wait=1s", "fault 11.0001 bind rc=1 after=x",
		"fault 11.0001 bind rc=1 after", "fault 11.0001 bind rc=1 times=4294967296",
		"fault 11.0001 bind rc=1 x=1", "hostkey", "hostkey " ID_A ID_B, "hostkey 01fe" ID_A ID_B " x",
		"image", "image " ID_A, "image " ID_A ID_A ID_A ID_A ID_A ID_A "00112233445566778899aabbccddee77 x",
	};
	static const char before[] = "card 11 CEX8P\ncard a1 CEX8A\ncard c1 CEX8C\n"
				     "queue a1.0001\nqueue 11.0001\n"
				     "secret 5 id=" ID_B "\n";

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		char text[1024];
		int length = snprintf(text, sizeof(text), "%s%s\ncard 77 CEX8P\n", before, lines[i]);

		model_init(&model);
		if (model_parse(&model, text, (size_t)length) != 7)
			fail_msg("accepted: %s", lines[i]);
	}
	model_init(&model);
	assert_int_equal(model_parse(&model, "limit 1\0limit 2", 15), 1);
	assert_int_equal(model_parse(&model, "limit 12", 7), 0);
	assert_int_equal(model.bound_limit, 1);
}

static void associated_secret(void **state)
{
	const struct model_queue *queue;

	(void)state;
	load(MACHINE "card 22 CEX8A\nqueue 22.0001 state=bound\n");
	queue = model_find(&model, 0x11, 0x09);
	assert_null(model_associated_secret(&model, queue));
	assert_int_equal(aapq(0x1109, 5, 0), MODEL_OK);
	tapq(0x1109, 30 * MS - 1, MODEL_OK);
	assert_null(model_associated_secret(&model, queue));
	tapq(0x1109, 30 * MS, MODEL_OK);
	assert_non_null(model_associated_secret(&model, queue));
	assert_int_equal(model_associated_secret(&model, queue)->index, 5);
	assert_null(model_associated_secret(&model, model_find(&model, 0x22, 0x01)));
	load("card 11 CEX8P\nqueue 11.0008 state=associated:1\nsecret 0 id=" ID_A "\n");
	assert_null(model_associated_secret(&model, model_find(&model, 0x11, 0x08)));
}

static void parse_too_many(void **state)
{
	static char text[MODEL_SECRETS_MAX * 90];
	size_t length = 0;

	(void)state;
	for (unsigned int i = 0; i < 5; i++)
		length += (size_t)sprintf(text + length, "card %02x CEX8P\n", i);
	for (unsigned int i = 0; i <= MODEL_QUEUES_MAX; i++)
		length += (size_t)sprintf(text + length, "queue %02x.%04x\n", i / 256, i % 256);
	model_init(&model);
	assert_int_equal(model_parse(&model, text, length), 5 + MODEL_QUEUES_MAX + 1);

	length = 0;
	for (unsigned int i = 0; i <= MODEL_SECRETS_MAX; i++)
		length += (size_t)sprintf(text + length, "secret %u id=%s\n", MODEL_SECRETS_MAX - i, ID_A);
	model_init(&model);
	assert_int_equal(model_parse(&model, text, length), MODEL_SECRETS_MAX + 1);
	assert_int_equal(model.secrets[0].index, 1);
	assert_int_equal(model.secrets[MODEL_SECRETS_MAX - 1].index, MODEL_SECRETS_MAX);

	length = 0;
	for (unsigned int i = 0; i <= MODEL_FAULTS_MAX; i++)
		length += (size_t)sprintf(text + length, "fault 11.* bind rc=1\n");
	model_init(&model);
	assert_int_equal(model_parse(&model, text, length), MODEL_FAULTS_MAX + 1);
}

static void find(void **state)
{
	(void)state;
	load(MACHINE);
	for (size_t i = 0; i < model.queue_count; i++)
		assert_ptr_equal(model_find(&model, model.queues[i].card, model.queues[i].domain), &model.queues[i]);
	assert_null(model_find(&model, 0x11, 0x07));
	assert_null(model_find(&model, 0x12, 0x0a));
	assert_null(model_find(&model, 0xff, 0xff));
	model_init(&model);
	assert_null(model_find(&model, 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_everything),
		cmocka_unit_test(parse_defaults),
		cmocka_unit_test(parse_mistakes),
		cmocka_unit_test(parse_too_many),
		cmocka_unit_test(associated_secret),
		cmocka_unit_test(find),
	};

	return cmocka_run_group_tests_name("model_topology", tests, NULL, NULL);
}
