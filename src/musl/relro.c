/* SPDX-License-Identifier: MIT */
/*
 * RELRO for a static program. The linker says which part of the data nobody has to write any more once addresses are
 * filled in; glibc, and musl in a dynamic program, have the kernel protect it. A static program of musl does not.
 */
#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>

/* The beginning of the file in memory, by the linker. */
extern const char __ehdr_start[] __attribute__((visibility("hidden"))); /* NOLINT(bugprone-reserved-identifier) */

static void protect(const Elf64_Phdr *segment)
{
	uintptr_t page = getauxval(AT_PAGESZ), start = (uintptr_t)__ehdr_start + segment->p_vaddr;
	uintptr_t end = (start + segment->p_memsz) & ~(page - 1);

	start &= ~(page - 1);
	/* Where that fails the program is as good as it was. */
	if (end > start)
		mprotect((void *)start, end - start, PROT_READ);
}

static void protect_all(void) __attribute__((constructor));

static void protect_all(void)
{
	const Elf64_Ehdr *file = (const void *)__ehdr_start;
	const Elf64_Phdr *segments = (const void *)(__ehdr_start + file->e_phoff);

	for (unsigned int i = 0; i < file->e_phnum; i++) {
		if (segments[i].p_type == PT_GNU_RELRO)
			protect(&segments[i]);
	}
}
