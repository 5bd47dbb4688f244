// SPDX-License-Identifier: MIT
/*
 * Measures in the guest, for qemu/bench:
 *
 *   measure run COMMAND [ARGUMENT...]    BENCH run status=0 us=12345
 *   measure peak COMMAND [ARGUMENT...]   BENCH peak status=0 kib=456
 *   measure calls CC.DDDD INDEX          BENCH calls bind=N mkvps=N serialnr=N associate=N associated=N
 *
 * "peak" is the largest resident set that the process had at any of its system calls. It is exact, because only a
 * system call can shrink the resident set. The kernel's own high-water mark is off by up to 32 pages for each kind of
 * memory.
 * "calls" times the calls that configure one EP11 queue, on an idle machine, in microseconds: the write to se_bind that
 * succeeds, the reads of mkvps and serialnr, the write to se_associate, and the time from there until the kernel shows
 * the association. The queue must be unbound, and is unbound again at the end.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRIES 2000 /* of 1 ms each */

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void rest_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

/* Returns the number of bytes read into text, which is NUL-terminated, or -1 with errno. */
static ssize_t get(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -1;
	length = read(fd, text, size - 1);
	close(fd);
	if (length >= 0)
		text[length] = '\0';
	return length;
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -1;
	length = write(fd, text, strlen(text));
	close(fd);
	return length < 0 ? -1 : 0;
}

/* Repeats a write while the queue is busy or in a reset. Returns the duration of the last attempt. */
static int64_t put_patiently(const char *path, const char *text)
{
	for (int i = 0; i < TRIES; i++) {
		int64_t start = now_us();

		if (put(path, text) == 0)
			return now_us() - start;
		if (errno != EBUSY && errno != EIO)
			break;
		rest_ms(1);
	}
	fprintf(stderr, "measure: cannot write %s to %s: %s\n", text, path, strerror(errno));
	exit(1);
}

static int64_t time_get(const char *path, char *text, size_t size)
{
	int64_t start = now_us();

	if (get(path, text, size) >= 0)
		return now_us() - start;
	fprintf(stderr, "measure: cannot read %s: %s\n", path, strerror(errno));
	exit(1);
}

static int calls(const char *apqn, const char *index)
{
	char bind_path[64], associate_path[64], mkvps_path[64], serialnr_path[64], text[4096];
	int64_t bind, mkvps, serialnr, associate, associated;

	snprintf(bind_path, sizeof(bind_path), "/sys/devices/ap/card%.2s/%.7s/se_bind", apqn, apqn);
	snprintf(associate_path, sizeof(associate_path), "/sys/devices/ap/card%.2s/%.7s/se_associate", apqn, apqn);
	snprintf(mkvps_path, sizeof(mkvps_path), "/sys/devices/ap/card%.2s/%.7s/mkvps", apqn, apqn);
	snprintf(serialnr_path, sizeof(serialnr_path), "/sys/devices/ap/card%.2s/serialnr", apqn);

	bind = put_patiently(bind_path, "1");
	mkvps = time_get(mkvps_path, text, sizeof(text));
	serialnr = time_get(serialnr_path, text, sizeof(text));
	associate = put_patiently(associate_path, index);
	associated = now_us();
	do
		time_get(associate_path, text, sizeof(text));
	while (strncmp(text, "associated", strlen("associated")) != 0);
	associated = now_us() - associated;
	printf("BENCH calls bind=%lld mkvps=%lld serialnr=%lld associate=%lld associated=%lld\n", (long long)bind,
	       (long long)mkvps, (long long)serialnr, (long long)associate, (long long)associated);
	put_patiently(bind_path, "0");
	return 0;
}

static void start(char **command, bool traced)
{
	if (traced)
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	execvp(command[0], command);
	_exit(127);
}

static int cannot_run(const char *command)
{
	fprintf(stderr, "measure: cannot run %s: %s\n", command, strerror(errno));
	return 1;
}

static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int run(char **command)
{
	int64_t began = now_us();
	int status;
	pid_t pid = vfork();

	if (pid == 0)
		start(command, false);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return cannot_run(command[0]);
	printf("BENCH run status=%d us=%lld\n", exit_status(status), (long long)(now_us() - began));
	return 0;
}

static long resident_kib(pid_t pid)
{
	char path[64], text[4096], *line;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	if (get(path, text, sizeof(text)) < 0)
		return 0;
	line = strstr(text, "\nRss:");
	return line ? strtol(line + strlen("\nRss:"), NULL, 10) : 0;
}

static int peak(char **command)
{
	int status, signal = 0;
	long kib = 0;
	pid_t pid = fork();

	if (pid == 0)
		start(command, true);
	/* The first stop is after the exec. */
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD) < 0)
		return cannot_run(command[0]);
	while (ptrace(PTRACE_SYSCALL, pid, NULL, signal) == 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		long now = resident_kib(pid);

		if (now > kib)
			kib = now;
		signal = WSTOPSIG(status) == (SIGTRAP | 0x80) ? 0 : WSTOPSIG(status);
	}
	printf("BENCH peak status=%d kib=%ld\n", exit_status(status), kib);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 3 && strcmp(argv[1], "run") == 0)
		return run(argv + 2);
	if (argc >= 3 && strcmp(argv[1], "peak") == 0)
		return peak(argv + 2);
	if (argc == 4 && strcmp(argv[1], "calls") == 0)
		return calls(argv[2], argv[3]);
	fprintf(stderr, "usage: measure run|peak COMMAND [ARGUMENT...] | measure calls CC.DDDD INDEX\n");
	return 1;
}
