/* SPDX-License-Identifier: MIT */
#include "pvap.h"
#include "exec/exec-all.h"
#include "qemu/module.h"
#include "qemu/timer.h"
#include "s390x-internal.h"
#include "tcg/tcg_s390x.h"

#define REPEAT_WAIT_US 1000

/* Facility bits, numbered as in STORE FACILITY LIST EXTENDED. */
#define FACILITY_QCI 12
#define FACILITY_AP_TEST 15
#define FACILITY_ULTRAVISOR 158

static struct model model;
static bool have_model;
static QemuMutex lock;
static FILE *journal;

struct model *pvap_model(void)
{
	return have_model ? &model : NULL;
}

void pvap_lock(void)
{
	qemu_mutex_lock(&lock);
}

void pvap_unlock(void)
{
	qemu_mutex_unlock(&lock);
}

int64_t pvap_now(void)
{
	return qemu_clock_get_us(QEMU_CLOCK_VIRTUAL);
}

void pvap_journal(int64_t now_us, const char *format, ...)
{
	va_list arguments;

	if (!journal)
		return;
	fprintf(journal, "%12" PRId64 " ", now_us);
	va_start(arguments, format);
	vfprintf(journal, format, arguments);
	va_end(arguments);
	fputc('\n', journal); /* the stream is line-buffered */
}

void pvap_require_ap(CPUS390XState *env, uintptr_t ra)
{
	if (!have_model || !model.ap_present)
		tcg_s390_program_interrupt(env, PGM_OPERATION, ra);
}

void pvap_require_uv(CPUS390XState *env, uintptr_t ra)
{
	if (!have_model)
		tcg_s390_program_interrupt(env, PGM_OPERATION, ra);
}

static void set_facility(uint8_t *facilities, unsigned int bit)
{
	facilities[bit / 8] |= 0x80 >> bit % 8;
}

void pvap_set_facilities(uint8_t *facilities)
{
	if (!have_model)
		return;
	set_facility(facilities, FACILITY_ULTRAVISOR);
	if (!model.ap_present)
		return;
	set_facility(facilities, FACILITY_QCI);
	set_facility(facilities, FACILITY_AP_TEST);
}

void pvap_read(CPUS390XState *env, uint64_t address, void *buffer, size_t length, uintptr_t ra)
{
	if (s390_cpu_virt_mem_read(env_archcpu(env), address, 0, buffer, length))
		s390_cpu_virt_mem_handle_exc(env_archcpu(env), ra);
}

void pvap_check_write(CPUS390XState *env, uint64_t address, size_t length, uintptr_t ra)
{
	if (s390_cpu_virt_mem_check_write(env_archcpu(env), address, 0, length))
		s390_cpu_virt_mem_handle_exc(env_archcpu(env), ra);
}

void pvap_write(CPUS390XState *env, uint64_t address, const void *buffer, size_t length, uintptr_t ra)
{
	/* The access only reads the buffer, but takes one pointer for both directions. */
	if (s390_cpu_virt_mem_write(env_archcpu(env), address, 0, (void *)buffer, length))
		s390_cpu_virt_mem_handle_exc(env_archcpu(env), ra);
}

void pvap_repeat(CPUS390XState *env, int64_t wait_us, uintptr_t ra)
{
	g_usleep(MIN(wait_us, REPEAT_WAIT_US));
	cpu_restore_state(env_cpu(env), ra);
	cpu_loop_exit_noexc(env_cpu(env));
}

/* QEMU's error reporting is not initialised yet when this is called. */
static G_NORETURN G_GNUC_PRINTF(1, 2) void fail(const char *format, ...)
{
	va_list arguments;

	fputs("qemu-system-s390x: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

static void load_topology(const char *path)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	gsize length;
	size_t line;

	if (!g_file_get_contents(path, &text, &length, &error))
		fail("PVAPCONFIG_TOPOLOGY: %s", error->message);
	model_init(&model);
	line = model_parse(&model, text, length);
	if (line)
		fail("PVAPCONFIG_TOPOLOGY: %s:%zu: invalid line", path, line);
	have_model = true;
}

static void open_journal(const char *path)
{
	journal = fopen(path, "ae");
	if (!journal)
		fail("PVAPCONFIG_JOURNAL: %s: %s", path, strerror(errno));
	setvbuf(journal, NULL, _IOLBF, BUFSIZ);
	pvap_journal(0, "MACHINE se=%d ap=%d queues=%zu secrets=%zu", model.se_guest, model.ap_present, model.queue_count,
		     model.secret_count);
}

/* Runs before the machine is created, so that an invalid topology is reported at once. */
static void pvap_start(void)
{
	const char *topology_path = getenv("PVAPCONFIG_TOPOLOGY");
	const char *journal_path = getenv("PVAPCONFIG_JOURNAL");

	if (!topology_path)
		return;
	qemu_mutex_init(&lock);
	load_topology(topology_path);
	pvap_start_keys();
	if (journal_path)
		open_journal(journal_path);
}

type_init(pvap_start)
