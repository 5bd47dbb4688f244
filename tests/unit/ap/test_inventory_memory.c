/* SPDX-License-Identifier: MIT */
/* The inventory when memory runs out: it fails with one message and keeps no queues. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/ap/inventory_fixture.h"

static unsigned int callocs_left = UINT_MAX;

/* Linked with --wrap. */
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *__wrap_calloc(size_t count, size_t size)
{
	if (callocs_left == 0)
		return NULL;
	if (callocs_left != UINT_MAX)
		callocs_left--;
	return __real_calloc(count, size);
}

static int gather(struct fixture *fixture, unsigned int callocs)
{
	int r;

	new_machine(fixture, settled(ONE_QUEUE));
	callocs_left = callocs;
	r = inventory_gather(&fixture->sim->machine, MACHINE_FOREVER, false, &fixture->inventory);
	callocs_left = UINT_MAX;
	return r;
}

static void test_no_memory(void **state)
{
	static const char *const logs[] = {
		"error: AP bus: its queues cannot be listed: Cannot allocate memory\n",
		"error: AP bus: its queues cannot be listed: Cannot allocate memory\n",
		"error: AP bus: its queues cannot be listed: Cannot allocate memory\n",
	};
	struct fixture *fixture = *state;

	for (unsigned int i = 0; i < COUNT(logs); i++) {
		assert_int_equal(gather(fixture, i), -ENOMEM);
		assert_log(fixture, logs[i]);
		assert_null(fixture->inventory.apqns);
		assert_int_equal(fixture->inventory.count, 0);
	}
	assert_int_equal(gather(fixture, COUNT(logs)), 0);
	assert_int_equal(fixture->inventory.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
