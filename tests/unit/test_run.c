/* SPDX-License-Identifier: MIT */
/* Whole runs, from the options to the exit status: every stage that can fail, and the results of a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run_fixture.h"

#define NO_YAML "not even yaml: ["
#define SECRETS "info: Ultravisor: secrets listed: 2\n"
#define BOUND(count) "info: AP bus: all drivers are bound: " #count "/" #count " (complete)\n"
#define APQNS(count) BOUND(count) "info: AP bus: " #count " APQNs\n"
#define NO_KEY_B(entry) "entry #" #entry ": no usable APQN has the master key 0x" MKVP_B "\n"
#define ALL_UNBOUND "05.0001 bindable, 05.0002 bindable, 11.0001 bindable"
#define A_SERVED "05.0001 bindable, 05.0002 bindable, 11.0001 associated 5"
#define BOTH_SERVED "05.0001 bindable, 05.0002 bound, 11.0001 associated 5"
#define TABLE "output: APQN     mode   type  on   state    secret  planned\n"

static const struct row rows[] = {
	/* --- stages that fail, in their order ---------------------------------------------------------------- */
	{ .name = "no AP bus",
	  .topology = "guest ap=0\n", .yaml = NO_YAML, .call_count = 1,
	  .dialogue = "error: AP bus /sys/bus/ap/features: not found; this kernel has no AP support (module ap), "
		      "or this machine has no crypto adapters passed through\n" },
	{ .name = "not an SE guest",
	  .topology = "guest se=0\ncard 05 CEX8A\nqueue 05.0001\n", .yaml = ENTRY_ACCEL, .call_count = 1,
	  .dialogue = "error: AP bus /sys/bus/ap/features: no APSB among 'APSC APXA QACT'; only a KVM guest "
		      "in Secure Execution mode with AP pass-through has it\n" },
	/* The Ultravisor is checked before the configuration file, as the manual page says. */
	{ .name = "no Ultravisor",
	  .topology = SMALL, .yaml = NO_YAML, .uv_missing = true,
	  .dialogue = "error: Ultravisor /sys/firmware/uv/prot_virt_guest: not found; this kernel or "
		      "machine does not support Secure Execution guests\n" },
	{ .name = "an Ultravisor that cannot list secrets",
	  .topology = "guest list=0\n" SMALL, .yaml = NO_YAML,
	  .dialogue = "error: Ultravisor /sys/firmware/uv/query/facilities: bit 30 is off: this firmware cannot "
		      "list secrets; the host needs a newer one\n" },
	{ .name = "no configuration",
	  .topology = SMALL, .calls = { { MACHINE_UV, "*", 0, 0 }, { MACHINE_LIST, "*", 0, 0 } },
	  .dialogue = "error: cannot open configuration file FILE: No such file or directory\n" },
	{ .name = "a bad configuration",
	  .topology = SMALL, .yaml = "- mode: Accel\n- mode: EP12\n", .log = { ":2:9: " } },
	/* It may be a truncated copy. */
	{ .name = "an empty configuration",
	  .topology = SMALL, .yaml = "", .calls = { { MACHINE_UV, "*", 0, 0 }, NO_WRITE },
	  .dialogue = "error: FILE:1:1: the file is empty, expected a list of entries; [] stands for an empty list\n" },
	{ .name = "an empty list",
	  .topology = SMALL, .yaml = "[]\n", .success = true, .calls = { { MACHINE_LIST, "*", 0, 0 }, NO_WRITE },
	  .dialogue = "notice: FILE: empty list, nothing to do\n" },
	{ .name = "no /dev/uv",
	  .topology = SMALL, .yaml = ENTRY_ACCEL, .uv_device_missing = true,
	  .dialogue = "error: Ultravisor /dev/uv: not found; load the kernel module uvdevice\n" },
	{ .name = "the secrets cannot be listed",
	  .topology = SMALL "guest list_rc=0005\n", .yaml = ENTRY_ACCEL, .calls = { NO_WRITE },
	  .dialogue = "error: Ultravisor: cannot list the secrets: rc 0x0005, rrc 0x0000\n" },
	{ .name = "the drivers are never bound",
	  .topology = SMALL, .yaml = ENTRY_ACCEL, .options.timeout_ms = 7000, .booting = true, .driver_missing = true,
	  .least_us = 7 * S, .most_us = 7 * S + 1 * MS,
	  .dialogue = SECRETS "notice: waiting for the AP bus, 5 s; drivers bound: 0/3\n"
			      "error: AP bus /sys/bus/ap/bindings: still '0/3', not complete at the "
			      "timeout; are the modules zcrypt and zcrypt_cex4 loaded? A longer wait: --timeout, at boot "
			      "rd.pvapconfig.timeout\n" },
	{ .name = "the APQNs cannot be listed",
	  .topology = SMALL, .yaml = ENTRY_ACCEL,
	  .injections = { { MACHINE_LIST, "devices/ap", SIM_FAIL, -EIO, NULL, 0, 0 } },
	  .dialogue = SECRETS BOUND(3) "error: AP bus /sys/devices/ap: Input/output error\n" },
	{ .name = "no APQN: a failure, except for --unbind",
	  .topology = "secret 5 id=" ID_A "\nsecret 6 id=" ID_B "\n", .yaml = ENTRY_ACCEL,
	  .dialogue = SECRETS APQNS(0) "error: AP bus: there is no APQN; the host passes no crypto queue through to "
				       "this guest\n",
	  .then = &(const struct row){ .options.unbind = true, .success = true } },
	/* Both are candidates, and every run makes the same choice. */
	{ .name = "two queues of a card with the same master key",
	  .topology = SMALL "queue 11.0002 mkvp=" MKVP_A PAD "\n", .yaml = ENTRY_A, .success = true,
	  .queues = A_SERVED ", 11.0002 bindable",
	  .log = { "warning: APQN 11.0001 and APQN 11.0002: same master key 0x" MKVP_A
		   " on one card; either can serve an entry\n" },
	  .then = &(const struct row){ .success = true, .calls = { NO_WRITE } } },
	/* --- results of a run -------------------------------------------------------------------------------- */
	{ .name = "success; the second run has nothing to do",
	  .topology = SMALL, .yaml = ENTRY_ACCEL ENTRY_A, .success = true, .queues = BOTH_SERVED,
	  .dialogue = SECRETS APQNS(3) "info: 11.0001: bind to read its master key\n"
				       "info: 11.0001: bound\n"
				       "info: 11.0001: master key 0x" MKVP_A "\n"
				       "info: 11.0001: associate with secret index 5 for entry #2\n"
				       "info: 11.0001: associated with secret index 5 after N ms\n"
				       "info: entry #1 'fast': is served by APQN 05.0002\n"
				       "info: entry #2: is served by APQN 11.0001\n"
				       "info: 2 of 2 entries are satisfied\n",
	  .then = &(const struct row){ .success = true, .calls = { NO_WRITE } } },
	{ .name = "success prints nothing",
	  .topology = SMALL, .yaml = ENTRY_ACCEL ENTRY_A, .quiet = true, .success = true, .queues = BOTH_SERVED,
	  .dialogue = "" },
	{ .name = "one of two entries is served",
	  .topology = SMALL, .yaml = ENTRY_A ENTRY_B, .quiet = true, .success = true, .queues = A_SERVED,
	  .dialogue = "warning: " NO_KEY_B(2) },
	/* All entries that can be served are served. */
	{ .name = "one of two entries is served, strict",
	  .topology = SMALL, .yaml = ENTRY_A ENTRY_B, .quiet = true, .options.strict = true, .queues = A_SERVED,
	  .dialogue = "error: " NO_KEY_B(2) "error: 1 of 2 entries satisfied, --strict requires all\n" },
	{ .name = "both entries are served, strict",
	  .topology = SMALL, .yaml = ENTRY_A ENTRY_ACCEL, .quiet = true, .options.strict = true, .success = true,
	  .queues = BOTH_SERVED, .dialogue = "" },
	{ .name = "no entry is served",
	  .topology = SMALL, .yaml = ENTRY_B, .quiet = true, .queues = ALL_UNBOUND,
	  .dialogue = "error: " NO_KEY_B(1) "error: entry #1: APQN 11.0001 would fit, but its master key is 0x" MKVP_A "\n"
		      "error: 0 of 1 entry satisfied, at least one is required\n" },
	{ .name = "dry run",
	  .topology = SMALL, .yaml = ENTRY_ACCEL ENTRY_A, .options.dry_run = true, .success = true,
	  .calls = { NO_WRITE },
	  .dialogue = SECRETS APQNS(3)
		      "info: dry run: 11.0001: bind to read its master key; what follows depends on it (--probe tells)\n"
		      TABLE
		      "output: 05.0001  Accel  CEX8  yes  unbound  -       unchanged\n"
		      "output: 05.0002  Accel  CEX8  yes  bound    -       unchanged, for #1 'fast'\n"
		      "output: 11.0001  EP11   CEX8  yes  unbound  -       ?\n"
		      "output: ?  depends on the master key, which only a bound queue reveals; see --probe\n"
		      "info: entry #1 'fast': would be served by APQN 05.0002\n"
		      "warning: entry #2: depends on the master keys of unbound queues; see --probe\n"
		      "info: 1 of 2 entries would be satisfied\n" },
	{ .name = "dry run with a probe, strict",
	  .topology = SMALL, .yaml = ENTRY_ACCEL ENTRY_A, .success = true,
	  .options = { .dry_run = true, .probe = true, .strict = true },
	  .log = { "info: 2 of 2 entries would be satisfied\n" },
	  .calls = { { MACHINE_WRITE, "*/se_associate", 0, 0 } } },
	/* --- unbinding --------------------------------------------------------------------------------------- */
	{ .name = "unbind needs neither configuration nor Ultravisor",
	  .topology = SMALL "queue 11.0003 state=associated:6\n", .yaml = NO_YAML, .uv_missing = true,
	  .options.unbind = true, .success = true, .queues = ALL_UNBOUND ", 11.0003 bindable",
	  .calls = { { MACHINE_WRITE, "*", 2, 2 } },
	  .dialogue = APQNS(4) "info: 05.0002: unbind, it serves no entry\n"
			       "info: 11.0003: unbind, it serves no entry\n"
			       "info: 05.0002: unbound\n"
			       "info: 11.0003: unbound\n" },
	{ .name = "unbind without effect",
	  .topology = SMALL "card 06 CEX8A configured=0\nqueue 06.0001 state=bound\n", .yaml = "", .quiet = true,
	  .options.unbind = true, .queues = "05.0001 bindable, 05.0002 bindable, 06.0001 bound, 11.0001 bindable",
	  .dialogue = "warning: APQN 06.0001: the unbind has no effect\n"
		      "error: APQN 06.0001: still bound, though it serves no entry\n" },
	{ .name = "unbind, dry run",
	  .topology = SMALL, .yaml = "", .options = { .unbind = true, .dry_run = true }, .success = true,
	  .calls = { NO_WRITE },
	  .dialogue = APQNS(3) "info: dry run: 05.0002: unbind, it serves no entry\n" TABLE
			       "output: 05.0001  Accel  CEX8  yes  unbound  -       unchanged\n"
			       "output: 05.0002  Accel  CEX8  yes  bound    -       unbound\n"
			       "output: 11.0001  EP11   CEX8  yes  unbound  -       unchanged\n" },
};

int main(void)
{
	struct CMUnitTest tests[COUNT(rows)];

	ADD_ROWS(tests, rows);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
