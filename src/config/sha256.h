/* SPDX-License-Identifier: MIT */
#pragma once

/* SHA-256 by mbedtls, whichever version is installed. */
#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

/* 0, or -EIO if the library fails (as it may with an accelerator behind it). */
int sha256_digest(const void *data, size_t length, uint8_t digest[SHA256_SIZE]);
