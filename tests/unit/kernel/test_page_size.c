/* SPDX-License-Identifier: MIT */
/* Memory of a worker on a kernel with pages of 64 KiB: only whole pages below its stack are protected. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "unit/kernel/linux_fixture.h"

#define PAGE_SIZE_HERE 65536

static size_t protected_size;

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's --wrap */
int __real_mprotect(void *address, size_t size, int protection);
int __wrap_mprotect(void *address, size_t size, int protection);
/* NOLINTEND(bugprone-reserved-identifier) */

/* As that kernel does it: in whole pages. */
int __wrap_mprotect(void *address, size_t size, int protection)
{
	size = (size + PAGE_SIZE_HERE - 1) & ~(size_t)(PAGE_SIZE_HERE - 1);
	protected_size = size;
	return __real_mprotect(address, size, protection);
}

static void test_call(void **state)
{
	struct fixture *fixture = *state;
	char text[MACHINE_TEXT_SIZE];

	assert_int_equal(machine_read_text(fixture->machine, soon(fixture), text, "text"), 0);
	assert_string_equal(text, "unbound");
	assert_int_equal(protected_size, PAGE_SIZE_HERE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_call, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
