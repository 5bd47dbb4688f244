/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/machine.h"
#include "unit/log_capture.h"
#include "util/lock.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define RACERS 8
#define ROUNDS 5

static struct log_capture capture;

/* A separate directory for each test, and the path of the lock file in it. */
struct folder {
	char path[64];
	char lock[80];
};

static int make_folder(void **state)
{
	static struct folder folder;

	strcpy(folder.path, "/tmp/test_lock.XXXXXX");
	if (!mkdtemp(folder.path))
		return -1;
	snprintf(folder.lock, sizeof(folder.lock), "%s/x.lock", folder.path);
	*state = &folder;
	log_capture_begin(&capture);
	return 0;
}

/* Also fails a test that leaves other files than the lock file. */
static int remove_folder(void **state)
{
	struct folder *folder = *state;

	if (unlink(folder->lock) < 0 && errno == EISDIR)
		rmdir(folder->lock);
	return rmdir(folder->path);
}

static void write_lock(const struct folder *folder, const char *content, size_t length)
{
	FILE *file = fopen(folder->lock, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(content, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void write_owner(const struct folder *folder, pid_t pid)
{
	char content[16];

	write_lock(folder, content, (size_t)snprintf(content, sizeof(content), "%d\n", (int)pid));
}

/* The process id in the lock file; 0 if there is no such file. */
static pid_t owner(const struct folder *folder)
{
	FILE *file = fopen(folder->lock, "r");
	int pid = -1;
	char end[2] = "";

	if (!file)
		return 0;
	assert_int_equal(fscanf(file, "%d%1[\n]", &pid, end), 2);
	assert_int_equal(fgetc(file), EOF);
	fclose(file);
	return pid;
}

static pid_t dead_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

/* Another process of this program. It runs until its pipe is closed. */
struct twin {
	pid_t pid;
	int end;
};

static void twin_begin(struct twin *twin)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	twin->pid = fork();
	assert_true(twin->pid >= 0);
	if (twin->pid == 0) {
		char byte;

		close(ends[1]);
		_exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
	}
	close(ends[0]);
	twin->end = ends[1];
}

static void twin_end(const struct twin *twin)
{
	close(twin->end);
	assert_int_equal(waitpid(twin->pid, NULL, 0), twin->pid);
}

static void assert_message(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void assert_message(const char *format, ...)
{
	char message[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	assert_string_equal(capture.text, message);
	log_capture_begin(&capture);
}

static void acquire_and_release(void **state)
{
	struct folder *folder = *state;
	struct stat status;

	for (int takeover = 0; takeover < 2; takeover++) {
		assert_int_equal(lock_acquire(folder->lock, takeover), 0);
		assert_int_equal(owner(folder), getpid());
		assert_int_equal(stat(folder->lock, &status), 0);
		assert_int_equal(status.st_mode & 0777 & ~0644u, 0);
		assert_int_equal(status.st_nlink, 1);
		lock_release(folder->lock);
		assert_int_equal(owner(folder), 0);
		assert_message("%s", "");
	}
}

static void running_process(void **state)
{
	static const char *const formats[] = {"%d" /* as s390-tools writes it */, "%d\n"};
	struct folder *folder = *state;
	char content[16];
	struct twin twin;

	twin_begin(&twin);
	for (size_t i = 0; i < COUNT(formats); i++) {
		int length = snprintf(content, sizeof(content), formats[i], (int)twin.pid);

		write_lock(folder, content, (size_t)length);
		assert_int_equal(lock_acquire(folder->lock, false), -EEXIST);
		assert_message("error: lock file %s: made by process %d, which is running; wait for it to end\n",
			       folder->lock, (int)twin.pid);
	}
	assert_int_equal(owner(folder), twin.pid);
	twin_end(&twin);
}

/* At boot a process id alone is not enough: only a process that runs pvapconfig keeps the lock. */
static void running_process_at_boot(void **state)
{
	struct folder *folder = *state;
	struct twin twin;

	twin_begin(&twin);
	write_owner(folder, twin.pid);
	assert_int_equal(lock_acquire(folder->lock, true), -EEXIST);
	assert_message("error: lock file %s: made by process %d, which is running; wait for it to end\n", folder->lock,
		       (int)twin.pid);
	assert_int_equal(owner(folder), twin.pid);
	twin_end(&twin);
}

/* Runs a copy of cat under this name. It ends at the end of its input. */
static void program_begin(struct twin *twin, const struct folder *folder, const char *name)
{
	char path[128], command[300], shown[PATH_MAX], exe[32];
	int ends[2];

	snprintf(path, sizeof(path), "%s/%s", folder->path, name);
	snprintf(command, sizeof(command), "cp /bin/cat %s", path);
	assert_int_equal(system(command), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	twin->pid = fork();
	assert_true(twin->pid >= 0);
	if (twin->pid == 0) {
		dup2(ends[0], STDIN_FILENO);
		execl(path, path, (char *)NULL);
		_exit(1);
	}
	close(ends[0]);
	twin->end = ends[1];
	/* Waits until the process has executed the program. */
	snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)twin->pid);
	do
		memset(shown, 0, sizeof(shown));
	while (readlink(exe, shown, sizeof(shown) - 1) > 0 && strcmp(shown, path) != 0);
	assert_int_equal(unlink(path), 0);
}

/* Another program has the process id now, and waiting for it would not help. */
static void other_process(void **state)
{
	struct folder *folder = *state;
	struct twin twin;

	program_begin(&twin, folder, "other");
	write_owner(folder, twin.pid);
	assert_int_equal(lock_acquire(folder->lock, false), -EEXIST);
	assert_message("error: lock file %s: made by process %d, which no longer runs pvapconfig; remove it: rm %s\n",
		       folder->lock, (int)twin.pid, folder->lock);
	assert_int_equal(owner(folder), twin.pid);
	twin_end(&twin);
}

/* The file of the running program may have been replaced by an update, or belong to s390-tools. */
static void another_pvapconfig_at_boot(void **state)
{
	static const char *const names[] = {"pvapconfig", "pvapconfig-boot", "other"};
	struct folder *folder = *state;

	for (size_t i = 0; i < COUNT(names); i++) {
		struct twin twin;

		program_begin(&twin, folder, names[i]);
		write_owner(folder, twin.pid);
		assert_int_equal(lock_acquire(folder->lock, true), i < 2 ? -EEXIST : 0);
		assert_int_equal(owner(folder), i < 2 ? twin.pid : getpid());
		assert_message(i < 2 ? "error: lock file %s: made by process %d, which is running; wait for it to end\n" :
				       "warning: lock file %s: made by process %d, which no longer runs pvapconfig, taken over\n",
			       folder->lock, (int)twin.pid);
		twin_end(&twin);
		unlink(folder->lock);
	}
}

/* A process that cannot be examined may be pvapconfig. A zombie is not. */
static void not_examined_at_boot(void **state)
{
	struct folder *folder = *state;
	struct twin twin;
	int status;
	pid_t pid;

	twin_begin(&twin);
	write_owner(folder, twin.pid);
	assert_int_equal(chmod(folder->path, 0777), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (getuid() == 0 && setuid(65534) < 0)
			_exit(2);
		_exit(lock_acquire(folder->lock, true) == -EEXIST && strstr(capture.text, "which is running") ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(owner(folder), twin.pid);

	/* Not reaped yet. */
	close(twin.end);
	assert_int_equal(waitid(P_PID, (id_t)twin.pid, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
	log_capture_begin(&capture);
	assert_int_equal(lock_acquire(folder->lock, true), 0);
	assert_int_equal(waitpid(twin.pid, NULL, 0), twin.pid);
}

static void remove_of(void **state)
{
	struct folder *folder = *state;

	lock_remove_of(folder->lock, getpid());
	write_owner(folder, 1);
	lock_remove_of(folder->lock, getpid());
	assert_int_equal(owner(folder), 1);
	lock_remove_of(folder->lock, 1);
	assert_int_equal(owner(folder), 0);
	assert_message("%s", "");
}

static void dead_owner(void **state)
{
	struct folder *folder = *state;
	/* a lock with our own process id, or our parent's, is older than this process */
	pid_t others[] = {dead_process(), getpid(), getppid()};

	for (size_t i = 0; i < COUNT(others); i++) {
		write_owner(folder, others[i]);
		assert_int_equal(lock_acquire(folder->lock, false), -EEXIST);
		assert_message("error: lock file %s: made by process %d, which no longer runs; remove it: rm %s\n",
			       folder->lock, (int)others[i], folder->lock);
		assert_int_equal(owner(folder), others[i]);

		assert_int_equal(lock_acquire(folder->lock, true), 0);
		assert_message("warning: lock file %s: made by process %d, which no longer runs pvapconfig, taken over\n",
			       folder->lock, (int)others[i]);
		assert_int_equal(owner(folder), getpid());
		lock_release(folder->lock);
		assert_int_equal(owner(folder), 0);
	}
}

static void no_owner(void **state)
{
	static const struct {
		const char *content;
		size_t length;
	} cases[] = {
		{"", 0},
		{"\n", 1},
		{"1\n1\n", 4},
		{"1\n\n", 3},
		{"1\0\n", 3},
		{"\0\n", 2},
		{"0\n", 2},
		{"-1\n", 3},
		{" 1\n", 3},
		{"1 \n", 3},
		{"0x1\n", 4},
		{"x\n", 2},
		{"2147483648\n", 11},
		{"4294967297\n", 11},
		{"18446744073709551617\n", 21},
		{"000000000000001\n", 16},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 62},
	};
	struct folder *folder = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		write_lock(folder, cases[i].content, cases[i].length);
		assert_int_equal(lock_acquire(folder->lock, false), -EEXIST);
		assert_message("error: lock file %s: names no process; if no other pvapconfig runs, remove it: rm -r %s\n",
			       folder->lock, folder->lock);

		assert_int_equal(lock_acquire(folder->lock, true), 0);
		assert_message("warning: lock file %s: named no process, taken over\n", folder->lock);
		assert_int_equal(owner(folder), getpid());
		lock_release(folder->lock);
	}
}

static void not_a_file(void **state)
{
	struct folder *folder = *state;

	assert_int_equal(symlink("/etc/passwd", folder->lock), 0);
	for (int takeover = 0; takeover < 2; takeover++) {
		assert_int_equal(lock_acquire(folder->lock, takeover), -ELOOP);
		assert_message("error: cannot read lock file %s: Too many levels of symbolic links\n", folder->lock);
	}
	assert_int_equal(unlink(folder->lock), 0);

	assert_int_equal(mkdir(folder->lock, 0700), 0);
	assert_int_equal(lock_acquire(folder->lock, true), -EISDIR);
	assert_message("error: cannot take over lock file %s: Is a directory\n", folder->lock);
	assert_int_equal(rmdir(folder->lock), 0);

	/* must not wait for a writer */
	assert_int_equal(mkfifo(folder->lock, 0600), 0);
	assert_int_equal(lock_acquire(folder->lock, false), -EEXIST);
	assert_message("error: lock file %s: names no process; if no other pvapconfig runs, remove it: rm -r %s\n",
		       folder->lock, folder->lock);
}

/*
 * A process with the same id left its temporary file. It does not block the new lock, and a symbolic link is not
 * followed.
 */
static void leftover_preparation(void **state)
{
	struct folder *folder = *state;
	char prepared[128], victim[128];
	struct stat status;

	snprintf(prepared, sizeof(prepared), "%s.%d", folder->lock, (int)getpid());
	snprintf(victim, sizeof(victim), "%s/victim", folder->path);
	assert_int_equal(symlink(victim, prepared), 0);
	assert_int_equal(lock_acquire(folder->lock, false), 0);
	assert_int_equal(lstat(victim, &status), -1);
	assert_int_equal(lstat(prepared, &status), -1);
	lock_release(folder->lock);
}

static void directory(void **state)
{
	struct folder *folder = *state;
	char lock[128], path[80];

	snprintf(path, sizeof(path), "%s/sub", folder->path);
	snprintf(lock, sizeof(lock), "%s/x.lock", path);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(lock_acquire(lock, false), 0);
		lock_release(lock);
	}
	assert_int_equal(rmdir(path), 0);
	assert_message("%s", "");

	snprintf(lock, sizeof(lock), "%s/sub/sub/x.lock", folder->path);
	assert_int_equal(lock_acquire(lock, true), -ENOENT);
	assert_message("error: cannot create the directory of lock file %s: No such file or directory\n", lock);
}

static void release_of_others(void **state)
{
	struct folder *folder = *state;
	pid_t others[] = {1, dead_process()};

	for (size_t i = 0; i < COUNT(others); i++) {
		write_owner(folder, others[i]);
		lock_release(folder->lock);
		assert_message(
			"warning: lock file %s: removed or replaced by another process while it was held\n",
			folder->lock);
		assert_int_equal(owner(folder), others[i]);
	}
	assert_int_equal(unlink(folder->lock), 0);
	lock_release(folder->lock);
	assert_message("warning: lock file %s: removed or replaced by another process while it was held\n",
		       folder->lock);
}

static void another_takes_over(void **state)
{
	struct folder *folder = *state;
	pid_t dead = dead_process();
	int fd;

	write_owner(folder, dead);
	fd = open(folder->lock, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(lock_acquire(folder->lock, true), -EEXIST);
	assert_message("error: lock file %s: another process is taking it over\n", folder->lock);
	assert_int_equal(owner(folder), dead);
	close(fd);
}

/* Called once, after the lock file was opened and before it is locked. */
static void (*before_flock)(void);
static const struct folder *before_flock_folder;
static struct twin before_flock_twin;

int flock(int fd, int operation)
{
	void (*action)(void) = before_flock;

	before_flock = NULL;
	if (action)
		action();
	return (int)syscall(SYS_flock, fd, operation);
}

static void replace_lock(void)
{
	assert_int_equal(unlink(before_flock_folder->lock), 0);
	write_owner(before_flock_folder, before_flock_twin.pid);
}

static void remove_lock(void)
{
	assert_int_equal(unlink(before_flock_folder->lock), 0);
}

/* The locked file is no longer the lock file. */
static void lock_changes(void **state)
{
	struct folder *folder = *state;
	pid_t dead = dead_process();

	before_flock_folder = folder;
	twin_begin(&before_flock_twin);
	write_owner(folder, dead);
	before_flock = replace_lock;
	assert_int_equal(lock_acquire(folder->lock, true), -EEXIST);
	assert_message("error: lock file %s: made by process %d, which is running; wait for it to end\n", folder->lock,
		       (int)before_flock_twin.pid);
	assert_int_equal(owner(folder), before_flock_twin.pid);
	twin_end(&before_flock_twin);

	write_owner(folder, dead);
	before_flock = remove_lock;
	assert_int_equal(lock_acquire(folder->lock, true), 0);
	assert_message("%s", "");
	assert_int_equal(owner(folder), getpid());
}

/* A process that we must not signal still counts as running. */
static void foreign_process(void **state)
{
	struct folder *folder = *state;
	int status;
	pid_t pid;

	write_owner(folder, 1);
	assert_int_equal(chmod(folder->path, 0777), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (getuid() == 0 && setuid(65534) < 0)
			_exit(2);
		_exit(lock_acquire(folder->lock, false) == -EEXIST && strstr(capture.text, "which is running") ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(owner(folder), 1);
}

/* A racer waits for the start, tries to get the lock, reports the result, and runs until all have reported. */
static void race(const char *lock, int start, int results, int end)
{
	char byte;

	if (read(start, &byte, 1) != 0)
		_exit(1);
	byte = lock_acquire(lock, true) == 0;
	if (write(results, &byte, 1) != 1 || read(end, &byte, 1) != 0)
		_exit(1);
	_exit(0);
}

/* Starts several racers at the same time. Returns how many got the lock. */
static int count_winners(const struct folder *folder)
{
	int start[2], results[2], end[2], status, winners = 0;

	assert_int_equal(pipe(start) | pipe(results) | pipe(end), 0);
	for (int i = 0; i < RACERS; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			close(start[1]);
			close(end[1]);
			race(folder->lock, start[0], results[1], end[0]);
		}
	}
	close(start[0]);
	close(end[0]);
	close(results[1]);
	close(start[1]);
	for (int i = 0; i < RACERS; i++) {
		char byte;

		assert_int_equal(read(results[0], &byte, 1), 1);
		winners += byte;
	}
	close(end[1]);
	close(results[0]);
	for (int i = 0; i < RACERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	return winners;
}

static void races(void **state)
{
	struct folder *folder = *state;

	for (int i = 0; i < ROUNDS; i++) {
		assert_int_equal(count_winners(folder), 1);
		/* the owner is dead now: once more, with its stale lock */
		assert_int_equal(count_winners(folder), 1);
		assert_int_equal(unlink(folder->lock), 0);
	}
}

/* As the program does: a signal ends the wait, and the lock is released before the exit. */
static void hold_until_signal(const char *lock, int ready)
{
	struct machine *machine;
	int r;

	if (machine_linux_create("/", "/dev/null", &machine) < 0 || lock_acquire(lock, false) < 0 ||
	    write(ready, "", 1) != 1)
		_exit(2);
	r = machine_sleep_until(machine, machine_now_ms(machine) + 60000);
	lock_release(lock);
	machine_linux_destroy(machine);
	_exit(r == -EINTR ? 0 : 1);
}

static void signals(void **state)
{
	static const int numbers[] = {SIGINT,  SIGTERM,   SIGHUP,  SIGQUIT, SIGALRM,
				     SIGXCPU, SIGVTALRM, SIGPROF, SIGUSR1, SIGUSR2};
	struct folder *folder = *state;

	for (size_t i = 0; i < COUNT(numbers); i++) {
		int ready[2], status;
		char byte;
		pid_t pid;

		assert_int_equal(pipe(ready), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			signal(numbers[i], SIG_DFL); /* a shell may start programs with it ignored */
			hold_until_signal(folder->lock, ready[1]);
		}
		close(ready[1]);
		assert_int_equal(read(ready[0], &byte, 1), 1);
		close(ready[0]);
		assert_int_equal(owner(folder), pid);
		assert_int_equal(kill(pid, numbers[i]), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		assert_int_equal(owner(folder), 0);
	}
}

/* All users can read the lock file, but only its owner can write to it, whatever the umask. */
static void mode(void **state)
{
	const struct folder *folder = *state;
	mode_t mask = umask(0);
	struct stat status;

	assert_int_equal(lock_acquire(folder->lock, false), 0);
	umask(mask);
	assert_int_equal(lstat(folder->lock, &status), 0);
	assert_int_equal(status.st_mode, S_IFREG | 0644);
	lock_release(folder->lock);
}

/* A symbolic link to a lock is not taken over, and it is not removed as our own lock. */
static void symbolic_link(void **state)
{
	const struct folder *folder = *state;
	char target[96];

	snprintf(target, sizeof(target), "%s.target", folder->lock);
	write_owner(folder, getpid());
	assert_int_equal(rename(folder->lock, target), 0);
	assert_int_equal(symlink(target, folder->lock), 0);
	assert_int_equal(lock_acquire(folder->lock, true), -ELOOP);
	lock_remove_of(folder->lock, getpid());
	assert_int_equal(access(folder->lock, F_OK), 0);
	assert_int_equal(unlink(target), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(acquire_and_release, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(running_process, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(other_process, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(running_process_at_boot, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(another_pvapconfig_at_boot, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(not_examined_at_boot, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(remove_of, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(dead_owner, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(no_owner, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(not_a_file, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(leftover_preparation, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(directory, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(release_of_others, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(another_takes_over, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(lock_changes, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(foreign_process, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(races, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(signals, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(mode, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(symbolic_link, make_folder, remove_folder),
	};

	return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
