/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * System calls without the C library, for the workers (worker.h): they share our memory, so also the one variable
 * errno, which the library's functions would set under our feet. The result is that of the kernel: a negative errno on
 * failure.
 *
 * Where this is not written for an architecture, RAW_SYSCALLS is not defined, and workers get memory of their own.
 */
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__s390x__)
#define RAW_SYSCALLS

static inline long raw_syscall(long number, long first, long second, long third, long fourth)
{
	register long r1 __asm__("1") = number;
	register long r2 __asm__("2") = first;
	register long r3 __asm__("3") = second;
	register long r4 __asm__("4") = third;
	register long r5 __asm__("5") = fourth;

	__asm__ volatile("svc 0" : "+d"(r2) : "d"(r1), "d"(r3), "d"(r4), "d"(r5) : "memory");
	return r2;
}

#elif defined(__x86_64__)
#define RAW_SYSCALLS

static inline long raw_syscall(long number, long first, long second, long third, long fourth)
{
	register long rax __asm__("rax") = number;
	register long r10 __asm__("r10") = fourth;

	__asm__ volatile("syscall"
			 : "+r"(rax)
			 : "D"(first), "S"(second), "d"(third), "r"(r10)
			 : "rcx", "r11", "memory");
	return rax;
}

#else
#include <errno.h>

static inline long raw_syscall(long number, long first, long second, long third, long fourth)
{
	long result = syscall(number, first, second, third, fourth);

	return result < 0 ? -errno : result;
}

#endif
