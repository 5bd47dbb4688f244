// SPDX-License-Identifier: MIT
/*
 * fetch-key CC.DDDD: writes the volume key of a queue to standard output. For boot tests: the key opens a disk, and the model in QEMU gives
 * it only while the queue is associated with the right secret (device/pvap.h, PVAP_VOLUME_KEY). The request goes through the
 * kernel's own driver, so that the queue must also be one that the kernel lets programs use. Asks once; exit status 1 without a key.
 * The kernel keeps a request that comes while the queue is being associated, and does not come back: 10 seconds are enough.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEVICE "/dev/z90crypt"
#define KEY_LENGTH 32
#define LIMIT_S 10
#define FUNCTION_VOLUME_KEY 0x764b

/* Of the kernel's asm/zcrypt.h, which is not there when this is compiled. The machine is big-endian, as messages are. */
struct ep11_block {
	uint16_t length;
	uint8_t version;
	uint8_t pad[2];
	uint8_t flags;
	uint8_t function[2];
	uint32_t source, target, return_code, reserved[2], payload_length;
} __attribute__((packed));

struct ep11_target {
	uint16_t card, domain;
};

struct ep11_call {
	uint16_t target_count;
	uint64_t targets, weight, number, request_length, request, reply_length, reply;
} __attribute__((packed));

#define ZSENDEP11CPRB _IOC(_IOC_READ | _IOC_WRITE, 'z', 0x04, 0)

struct header {
	uint8_t tag, form;
	uint16_t length;
} __attribute__((packed));

struct number {
	uint8_t tag, length;
	uint32_t value;
} __attribute__((packed));

struct request {
	struct ep11_block block;
	struct header sequence;
	struct number function, domain;
} __attribute__((packed));

struct reply {
	struct ep11_block block;
	struct header sequence;
	struct number function, domain, result;
	struct header data;
	uint8_t key[KEY_LENGTH];
} __attribute__((packed));

static struct header header(uint8_t tag, size_t length)
{
	return (struct header){ .tag = tag, .form = 0x82, .length = (uint16_t)length };
}

static struct number number(uint32_t value)
{
	return (struct number){ .tag = 0x04, .length = 4, .value = value };
}

static void on_alarm(int number)
{
	(void)number;
}

static int send_request(const struct ep11_target *target, struct reply *reply)
{
	const size_t payload = sizeof(struct request) - sizeof(struct ep11_block);
	struct request request = {
		.block = { .length = sizeof(struct ep11_block), .version = 4, .function = "T4", .payload_length = (uint32_t)payload },
		.sequence = header(0x30, payload - sizeof(struct header)),
		.function = number(FUNCTION_VOLUME_KEY),
		.domain = number(target->domain),
	};
	struct ep11_call call = {
		.target_count = 1,
		.targets = (uintptr_t)target,
		.request_length = sizeof(request),
		.request = (uintptr_t)&request,
		.reply_length = sizeof(*reply),
		.reply = (uintptr_t)reply,
	};
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	int result;

	if (fd < 0)
		return -errno;
	result = ioctl(fd, (int)ZSENDEP11CPRB, &call) < 0 ? -errno : 0;
	close(fd);
	return result;
}

static int fail(const char *apqn, const char *why)
{
	fprintf(stderr, "fetch-key: %s: %s\n", apqn, why);
	return 1;
}

int main(int argc, char **argv)
{
	struct reply reply = { .result.value = 0 };
	struct ep11_target target;
	unsigned int card, domain;
	char why[32];
	int result;

	if (argc != 2 || sscanf(argv[1], "%2x.%4x", &card, &domain) != 2) {
		fputs("usage: fetch-key CC.DDDD\n", stderr);
		return 1;
	}
	target = (struct ep11_target){ .card = (uint16_t)card, .domain = (uint16_t)domain };
	/* Not restarted: the call is to end with EINTR. */
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL);
	alarm(LIMIT_S);
	result = send_request(&target, &reply);
	if (result)
		return fail(argv[1], strerror(-result));
	if (reply.result.value) {
		snprintf(why, sizeof(why), "refused with 0x%x", reply.result.value);
		return fail(argv[1], why);
	}
	if (reply.data.length != KEY_LENGTH)
		return fail(argv[1], "the reply has no key");
	if (write(STDOUT_FILENO, reply.key, KEY_LENGTH) != KEY_LENGTH)
		return fail(argv[1], "the key cannot be written");
	return 0;
}
