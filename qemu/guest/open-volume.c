/* SPDX-License-Identifier: MIT */
/*
 * open-volume DEVICE SECURE-KEYS: makes the dm-crypt device "root", the decrypted content of DEVICE, with
 * paes-xts-plain64 and the secure keys in the file. Replaces `cryptsetup open --type plain`, which our small initramfs
 * does not have.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define KEYS_MAX 1024
#define SECTOR_SIZE 512

/* From linux/fs.h and linux/dm-ioctl.h, which are not available when this is compiled. */
#define BLKGETSIZE64 _IOR(0x12, 114, size_t)

struct dm_call {
	uint32_t version[3], size, data_start, target_count;
	int32_t open_count;
	uint32_t flags, event, padding;
	uint64_t device;
	char name[128], uuid[129], unused[7];
	struct {
		uint64_t start, length;
		int32_t status;
		uint32_t next;
		char type[16];
	} target;
	char parameters[2 * KEYS_MAX + 128];
};

#define DM_HEADER_SIZE 312
#define DM_CREATE 3
#define DM_REMOVE 4
#define DM_RESUME 6 /* "suspend" without its flag */
#define DM_LOAD 9

static int fail(const char *what)
{
	fprintf(stderr, "open-volume: %s: %s\n", what, strerror(errno));
	return 1;
}

static int dm(int control, int function, struct dm_call *call)
{
	call->version[0] = 4;
	call->size = sizeof(*call);
	call->data_start = DM_HEADER_SIZE;
	strcpy(call->name, "root");
	return ioctl(control, (int)_IOC(_IOC_READ | _IOC_WRITE, 0xfd, function, DM_HEADER_SIZE), call);
}

static int read_keys(const char *path, char *hex)
{
	uint8_t keys[KEYS_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, keys, sizeof(keys));

	if (fd >= 0)
		close(fd);
	for (ssize_t i = 0; i < got; i++)
		sprintf(hex + 2 * i, "%02x", keys[i]);
	return got > 0 ? 0 : -1;
}

static int read_size(const char *device, uint64_t *bytes)
{
	int fd = open(device, O_RDONLY | O_CLOEXEC);
	int result = fd < 0 ? -1 : ioctl(fd, (int)BLKGETSIZE64, bytes);

	if (fd >= 0)
		close(fd);
	return result;
}

/* Removes the device again if the kernel refuses the table. */
static int create(const char *parameters, uint64_t bytes)
{
	struct dm_call created = { 0 }, resumed = { 0 }, removed = { 0 };
	struct dm_call loaded = { .target_count = 1, .target = { .length = bytes / SECTOR_SIZE, .type = "crypt" } };
	int error, control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);

	if (control < 0 || dm(control, DM_CREATE, &created))
		return fail("device mapper");
	snprintf(loaded.parameters, sizeof(loaded.parameters), "%s", parameters);
	if (!dm(control, DM_LOAD, &loaded) && !dm(control, DM_RESUME, &resumed))
		return 0;
	error = errno;
	dm(control, DM_REMOVE, &removed);
	errno = error;
	return fail("dm-crypt");
}

int main(int argc, char **argv)
{
	char hex[2 * KEYS_MAX + 1], parameters[2 * KEYS_MAX + 128];
	uint64_t bytes;

	if (argc != 3) {
		fputs("usage: open-volume DEVICE SECURE-KEYS\n", stderr);
		return 1;
	}
	if (read_keys(argv[2], hex))
		return fail(argv[2]);
	if (read_size(argv[1], &bytes))
		return fail(argv[1]);
	snprintf(parameters, sizeof(parameters), "paes-xts-plain64 %s 0 %.64s 0 1 sector_size:4096", hex, argv[1]);
	return create(parameters, bytes);
}
