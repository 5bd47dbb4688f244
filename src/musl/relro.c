/* SPDX-License-Identifier: MIT */
/*
 * RELRO for a static program: the data that is constant after relocation becomes read-only. glibc does this, musl
 * only in dynamic programs.
 */
#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>

/* Start of the ELF file in memory, defined by the linker. */
extern const char __ehdr_start[] __attribute__((visibility("hidden"))); /* NOLINT(bugprone-reserved-identifier) */

static void protect(const Elf64_Phdr *segment)
{
	uintptr_t page = getauxval(AT_PAGESZ), start = (uintptr_t)__ehdr_start + segment->p_vaddr;
	uintptr_t end = (start + segment->p_memsz) & ~(page - 1);

	start &= ~(page - 1);
	/* If this fails, the program works without the protection. */
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
