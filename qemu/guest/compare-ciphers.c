/* SPDX-License-Identifier: MIT */
/*
 * compare-ciphers [SECURE-KEYS CLEAR-KEYS]: encrypts and decrypts with the kernel's ciphers for protected keys (paes)
 * and with its plain ciphers (aes), and compares the results. Messages have several lengths and are processed as a
 * whole and in parts. Prints a line for each mode and key size, like "MARK paes xts 256 same", or the difference.
 * Without arguments it tests all modes, with built-in clear keys. Otherwise it tests only XTS, with the file
 * SECURE-KEYS for paes and CLEAR-KEYS (hex) for aes.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* From linux/if_alg.h. */
#define ALG_SET_KEY 1
#define ALG_SET_IV 2
#define ALG_SET_OP 3
#define ALG_OP_DECRYPT 0u
#define ALG_OP_ENCRYPT 1u

#define PAGE 4096
#define MESSAGE_MAX (3 * PAGE)
#define IV_SIZE 16
#define KEY_MAX 64
#define SECURE_KEYS_MAX 1024

struct address {
	uint16_t family;
	char type[14];
	uint32_t feature, mask;
	char name[64];
};

struct vector {
	uint32_t length;
	uint8_t bytes[IV_SIZE];
};

/* How a message is passed to the cipher. */
enum way {
	WHOLE,     /* one request, one buffer */
	SCATTERED, /* one request, the result in pieces of odd sizes that cross page boundaries */
	CHAINED,   /* several requests, each continuing the previous one */
};

static const char *const way_names[] = { "whole", "scattered", "chained" };

static _Noreturn void fail(const char *what, const char *name)
{
	printf("MARK paes failed: %s %s: %s\n", what, name, strerror(errno));
	exit(1);
}

/* Opens a socket for a cipher with this key. */
static int open_cipher(const char *name, const uint8_t *key, size_t key_size)
{
	struct address address = { .family = AF_ALG, .type = "skcipher" };
	int listener, cipher;

	snprintf(address.name, sizeof(address.name), "%s", name);
	listener = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)))
		fail("no cipher", name);
	if (setsockopt(listener, SOL_ALG, ALG_SET_KEY, key, (socklen_t)key_size))
		fail("key refused by", name);
	cipher = accept(listener, NULL, NULL);
	if (cipher < 0)
		fail("no socket of", name);
	close(listener);
	return cipher;
}

static void put_control(struct cmsghdr *header, int type, const void *data, size_t size)
{
	header->cmsg_level = SOL_ALG;
	header->cmsg_type = type;
	header->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(header), data, size);
}

/* Sends a part of a message; the first one with operation and initial vector. */
static void send_part(int cipher, const uint8_t *part, size_t length, bool first, bool last, uint32_t operation)
{
	char control[CMSG_SPACE(sizeof(struct vector)) + CMSG_SPACE(sizeof(operation))] = { 0 };
	struct iovec vector = { (void *)part, length };
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };
	struct vector iv = { .length = IV_SIZE };

	if (first) {
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		memset(iv.bytes, 0xf9, sizeof(iv.bytes)); /* so that counters soon carry into other bytes */
		put_control(CMSG_FIRSTHDR(&message), ALG_SET_OP, &operation, sizeof(operation));
		put_control(CMSG_NXTHDR(&message, CMSG_FIRSTHDR(&message)), ALG_SET_IV, &iv, sizeof(iv));
	}
	if (sendmsg(cipher, &message, last ? 0 : MSG_MORE) != (ssize_t)length)
		fail("message refused by", "sendmsg");
}

static void receive(int cipher, const struct iovec *pieces, int count, size_t length)
{
	if (readv(cipher, pieces, count) != (ssize_t)length)
		fail("no result from", "readv");
}

static void receive_scattered(int cipher, uint8_t *to, size_t length)
{
	static uint8_t buffer[MESSAGE_MAX + 3 * PAGE] __attribute__((aligned(PAGE)));
	uint8_t *scattered = buffer + PAGE - 27;
	struct iovec pieces[3] = { { scattered, length / 3 }, { scattered + length / 3, 5 } };

	pieces[2].iov_base = (uint8_t *)pieces[1].iov_base + 5;
	pieces[2].iov_len = length - length / 3 - 5;
	receive(cipher, pieces, 3, length);
	memcpy(to, scattered, length);
}

static void crypt_message(int cipher, uint32_t operation, enum way way, const uint8_t *from, uint8_t *to, size_t length)
{
	size_t part = way == CHAINED ? (length / 2 & ~(size_t)15) : 0;
	struct iovec rest = { to + part, length - part };

	if (part) {
		struct iovec first = { to, part };

		send_part(cipher, from, part, true, false, operation);
		receive(cipher, &first, 1, part);
	}
	send_part(cipher, from + part, length - part, !part, true, operation);
	if (way == SCATTERED)
		receive_scattered(cipher, to, length);
	else
		receive(cipher, &rest, 1, length - part);
}

/* Compares encryption and decryption of one length in one way; prints a line for each difference. */
static bool compare(int paes, int aes, enum way way, size_t length)
{
	static uint8_t clear[MESSAGE_MAX], expected[MESSAGE_MAX], result[MESSAGE_MAX];
	bool same;

	for (size_t i = 0; i < length; i++)
		clear[i] = (uint8_t)(i * 7 + i / 251);
	crypt_message(aes, ALG_OP_ENCRYPT, WHOLE, clear, expected, length);
	crypt_message(paes, ALG_OP_ENCRYPT, way, clear, result, length);
	same = memcmp(clear, expected, length) != 0 && !memcmp(expected, result, length);
	if (!same)
		printf("MARK paes differs: encrypted %s, %zu bytes\n", way_names[way], length);
	crypt_message(paes, ALG_OP_DECRYPT, way, expected, result, length);
	if (memcmp(clear, result, length)) {
		printf("MARK paes differs: decrypted %s, %zu bytes\n", way_names[way], length);
		return false;
	}
	return same;
}

/* A key as the cipher takes it. */
struct key {
	const uint8_t *bytes;
	size_t size;
};

static bool compare_cipher(const char *mode, struct key paes_key, struct key aes_key)
{
	static const size_t lengths[] = { 16, 48, 512, PAGE, PAGE + 16, MESSAGE_MAX };
	bool xts = strcmp(mode, "xts") == 0, same = true;
	char name[32];
	int paes, aes;

	snprintf(name, sizeof(name), "%s(paes)", mode);
	paes = open_cipher(name, paes_key.bytes, paes_key.size);
	snprintf(name, sizeof(name), "%s(aes)", mode);
	aes = open_cipher(name, aes_key.bytes, aes_key.size);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		same = compare(paes, aes, WHOLE, lengths[i]) && same;
		same = compare(paes, aes, SCATTERED, lengths[i]) && same;
		/* XTS cannot continue a message in another request. */
		same = (xts || compare(paes, aes, CHAINED, lengths[i])) && same;
	}
	close(paes);
	close(aes);
	printf("MARK paes %s %zu %s\n", mode, aes_key.size * (xts ? 4 : 8), same ? "same" : "differs");
	return same;
}

/* Uses the same clear key for both; paes makes a protected key of it. */
static bool compare_all(void)
{
	bool same = true;
	uint8_t bytes[KEY_MAX];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 11 + 3);
	for (size_t size = 16; size <= 32; size += 8) {
		struct key key = { bytes, size }, two_keys = { bytes, 2 * size };

		same = compare_cipher("cbc", key, key) && same;
		same = compare_cipher("ctr", key, key) && same;
		same = (size == 24 || compare_cipher("xts", two_keys, two_keys)) && same;
	}
	return same;
}

static bool compare_secure_keys(const char *path, const char *hex)
{
	uint8_t secure_bytes[SECURE_KEYS_MAX], clear_bytes[KEY_MAX];
	struct key secure = { secure_bytes, 0 }, clear = { clear_bytes, 0 };
	FILE *file = fopen(path, "re");

	if (!file)
		fail("cannot open", path);
	secure.size = fread(secure_bytes, 1, sizeof(secure_bytes), file);
	fclose(file);
	while (clear.size < sizeof(clear_bytes) && sscanf(hex + 2 * clear.size, "%2hhx", &clear_bytes[clear.size]) == 1)
		clear.size++;
	return compare_cipher("xts", secure, clear);
}

int main(int argc, char *argv[])
{
	bool same = argc == 3 ? compare_secure_keys(argv[1], argv[2]) : compare_all();

	return same ? 0 : 1;
}
