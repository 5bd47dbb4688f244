/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "boot/boot.h"
#include "unit/log_capture.h"
#include "unit/temp_root.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define DEFAULT "/etc/pvapconfig.yaml 60000"
#define KNOWN                                                                                                          \
	"unknown parameter, ignored; known: rd.pvapconfig, rd.pvapconfig.config, rd.pvapconfig.strict, "            \
	"rd.pvapconfig.dry_run, rd.pvapconfig.verbose, rd.pvapconfig.timeout, rd.pvapconfig.required, "            \
	"rd.pvapconfig.secrets, rd.pvapconfig.lock_secrets\n"
#define SECRETS "/etc/pvapconfig/secrets.d"
#define BOOLEAN "expected 0 or 1 (no, yes, off, on, false, true), using "
#define SECONDS "expected a whole number of seconds from 0 to 86400, using 60\n"
#define PATH "expected an absolute path, using "
#define WARNING "warning: kernel command line: "

static struct temp_root root;
static struct log_capture capture;

/* All options in one line, for comparison. */
static const char *describe(const char *line)
{
	static const char *const ends[] = { "", " reboot", " halt" };
	static struct boot_options options;
	static char text[8192];

	temp_root_text(&root, "/proc/cmdline", line);
	log_capture_begin(&capture);
	boot_options_read(root.path, &options);
	assert_string_equal(options.run.report_path, "/run/pvapconfig/report.json");
	assert_string_equal(options.run.status_path, "/run/pvapconfig/report.txt");
	assert_true(options.run.boot);
	/* The default directory may be missing. */
	assert_int_equal(options.run.secrets_optional, strcmp(options.run.secrets_path, SECRETS) == 0);
	snprintf(text, sizeof(text), "%s %d%s%s%s%s%s%s%s%s%s%s", options.run.config_path, (int)options.run.timeout_ms,
		 options.enabled ? "" : " disabled", options.run.strict ? " strict" : "",
		 options.run.dry_run ? " dry_run" : "", options.run.verbose ? " verbose" : "",
		 options.required ? " required" : "", options.shell ? " shell" : "", ends[options.end],
		 options.run.lock_secrets ? " lock" : "", options.run.secrets_optional ? "" : " ",
		 options.run.secrets_optional ? "" : options.run.secrets_path);
	return text;
}

static int begin(void **state)
{
	(void)state;
	temp_root_begin(&root);
	return 0;
}

static int end(void **state)
{
	(void)state;
	log_capture_end();
	temp_root_end(&root);
	return 0;
}

static void good(void **state)
{
	static const char *const cases[][2] = {
		{ "", DEFAULT },
		{ "root=/dev/vda quiet rd.luks.uuid=x pvapconfig.strict rd.pvap", DEFAULT },
		{ "rd.pvapconfig=0", DEFAULT " disabled" },
		{ "rd.pvapconfig=off", DEFAULT " disabled" },
		{ "rd.pvapconfig=no", DEFAULT " disabled" },
		{ "rd.pvapconfig=false", DEFAULT " disabled" },
		{ "rd.pvapconfig=1", DEFAULT },
		{ "rd.pvapconfig", DEFAULT },
		{ "rd.pvapconfig=0 rd.pvapconfig", DEFAULT },
		{ "rd.pvapconfig rd.pvapconfig=0", DEFAULT " disabled" },
		{ "rd.pvapconfig.config=/a.yaml", "/a.yaml 60000" },
		{ "rd.pvapconfig.config=/a.yaml rd.pvapconfig.config=/b.yaml", "/b.yaml 60000" },
		{ "rd.pvapconfig.config=\"/a b.yaml\"", "/a b.yaml 60000" },
		{ "\"rd.pvapconfig.config=/a b.yaml\"", "/a b.yaml 60000" },
		{ "rd.pvapconfig.strict", DEFAULT " strict" },
		{ "rd.pvapconfig.strict=", DEFAULT " strict" },
		{ "rd.pvapconfig.strict=1", DEFAULT " strict" },
		{ "rd.pvapconfig.strict=yes", DEFAULT " strict" },
		{ "rd.pvapconfig.strict=on", DEFAULT " strict" },
		{ "rd.pvapconfig.strict=true", DEFAULT " strict" },
		{ "rd.pvapconfig.strict=\"1\"", DEFAULT " strict" },
		{ "rd.pvapconfig.strict rd.pvapconfig.strict=0", DEFAULT },
		{ "rd.pvapconfig.dry_run", DEFAULT " dry_run" },
		{ "rd.pvapconfig.dry-run", DEFAULT " dry_run" },
		{ "rd.pvapconfig.dry-run rd.pvapconfig.dry_run=0", DEFAULT },
		{ "rd.pvapconfig.verbose", DEFAULT " verbose" },
		{ "rd.pvapconfig.required", DEFAULT " required" },
		{ "rd.pvapconfig.timeout=5", "/etc/pvapconfig.yaml 5000" },
		{ "rd.pvapconfig.timeout=0", "/etc/pvapconfig.yaml 0" },
		{ "rd.pvapconfig.timeout=86400", "/etc/pvapconfig.yaml 86400000" },
		{ "rd.pvapconfig.secrets=/run/s.d", DEFAULT " /run/s.d" },
		{ "rd.pvapconfig.secrets=/a rd.pvapconfig.secrets=/b", DEFAULT " /b" },
		{ "rd.pvapconfig.lock_secrets", DEFAULT " lock" },
		{ "rd.pvapconfig.lock-secrets=1", DEFAULT " lock" },
		{ "rd.pvapconfig.lock_secrets rd.pvapconfig.lock_secrets=0", DEFAULT },
		{ "rd.pvapconfig.required=TRUE", DEFAULT " required" },
		{ "rd.pvapconfig.required=Yes rd.pvapconfig.required=1", DEFAULT " required" },
		{ "rd.pvapconfig.required rd.pvapconfig.required=OFF", DEFAULT },
		{ "rd.pvapconfig.lock_secrets=On", DEFAULT " lock" },
		{ "rd.pvapconfig=NO", DEFAULT " disabled" },
		{ "quiet\xc2\xa0rd.pvapconfig.required=1", DEFAULT " required" },
		{ "rd.shell", DEFAULT " shell" },
		{ "rd.shell=TRUE", DEFAULT " shell" },
		{ "rd.shell rd.shell=FALSE", DEFAULT },
		{ "rd.shell=1 rd.shell=maybe", DEFAULT },
		{ "rd.shell=1", DEFAULT " shell" },
		{ "rd.shell=0", DEFAULT },
		{ "rd.shell rd.shell=no", DEFAULT },
		/* An invalid value does not open a shell. */
		{ "rd.shell=perhaps", DEFAULT },
		{ "rd-shell rd_shell rdshell", DEFAULT },
		{ "rd.emergency=reboot", DEFAULT " reboot" },
		{ "rd.emergency=halt", DEFAULT " halt" },
		{ "rd.emergency=REBOOT", DEFAULT " reboot" },
		{ "rd.emergency=poweroff", DEFAULT },
		{ "rd.emergency=reboot rd.emergency=poweroff", DEFAULT },
		{ "rd.emergency=nonsense", DEFAULT },
		{ "rd.emergency", DEFAULT },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_string_equal(describe(cases[i][0]), cases[i][1]);
		assert_string_equal(capture.text, "");
	}
}

static void bad(void **state)
{
	static const char *const cases[][3] = {
		{ "rd.pvapconfig=maybe", DEFAULT, "rd.pvapconfig=maybe: " BOOLEAN "1\n" },
		{ "rd.pvapconfig=0 rd.pvapconfig=n", DEFAULT, "rd.pvapconfig=n: " BOOLEAN "1\n" },
		{ "rd.pvapconfig.strict=2", DEFAULT, "rd.pvapconfig.strict=2: " BOOLEAN "0\n" },
		{ "rd.pvapconfig.strict rd.pvapconfig.strict=t", DEFAULT, "rd.pvapconfig.strict=t: " BOOLEAN "0\n" },
		{ "rd.pvapconfig.required=y", DEFAULT " required", "rd.pvapconfig.required=y: " BOOLEAN "1\n" },
		{ "rd.pvapconfig.required=2", DEFAULT " required", "rd.pvapconfig.required=2: " BOOLEAN "1\n" },
		{ "rd.pvapconfig.required=tru", DEFAULT " required", "rd.pvapconfig.required=tru: " BOOLEAN "1\n" },
		{ "rd.pvapconfig.required=00", DEFAULT " required", "rd.pvapconfig.required=00: " BOOLEAN "1\n" },
		{ "rd.pvapconfig.required rd.pvapconfig.required=x", DEFAULT " required", "rd.pvapconfig.required=x: " BOOLEAN "1\n" },
		{ "rd.pvapconfig.required=0 rd.pvapconfig.required=x", DEFAULT " required", "rd.pvapconfig.required=x: " BOOLEAN "1\n" },
		{ "rd.pvapconfig.timeout", DEFAULT, "rd.pvapconfig.timeout=: " SECONDS },
		{ "rd.pvapconfig.timeout=5s", DEFAULT, "rd.pvapconfig.timeout=5s: " SECONDS },
		{ "rd.pvapconfig.timeout=-1", DEFAULT, "rd.pvapconfig.timeout=-1: " SECONDS },
		{ "rd.pvapconfig.timeout=86401", DEFAULT, "rd.pvapconfig.timeout=86401: " SECONDS },
		{ "rd.pvapconfig.timeout=5 rd.pvapconfig.timeout=x", DEFAULT, "rd.pvapconfig.timeout=x: " SECONDS },
		{ "rd.pvapconfig.config", DEFAULT, "rd.pvapconfig.config=: " PATH "/etc/pvapconfig.yaml\n" },
		{ "rd.pvapconfig.config=a.yaml", DEFAULT, "rd.pvapconfig.config=a.yaml: " PATH "/etc/pvapconfig.yaml\n" },
		{ "rd.pvapconfig.config=/a rd.pvapconfig.config=b", DEFAULT, "rd.pvapconfig.config=b: " PATH "/etc/pvapconfig.yaml\n" },
		{ "rd.pvapconfig.secrets", DEFAULT, "rd.pvapconfig.secrets=: " PATH SECRETS "\n" },
		{ "rd.pvapconfig.secrets=/a rd.pvapconfig.secrets=b", DEFAULT, "rd.pvapconfig.secrets=b: " PATH SECRETS "\n" },
		{ "rd.pvapconfig.lock_secrets=2", DEFAULT " lock", "rd.pvapconfig.lock_secrets=2: " BOOLEAN "1\n" },
		{ "rd.pvapconfig.lock_secrets rd.pvapconfig.lock_secrets=y", DEFAULT " lock",
		  "rd.pvapconfig.lock_secrets=y: " BOOLEAN "1\n" },
		{ "rd.pvapconfig.strct=1", DEFAULT, "rd.pvapconfig.strct: " KNOWN },
		{ "rd.pvapconfig.", DEFAULT, "rd.pvapconfig.: " KNOWN },
		{ "rd.pvapconfigstrict", DEFAULT, "rd.pvapconfigstrict: " KNOWN },
		{ "rd.pvapconfig.Strict", DEFAULT, "rd.pvapconfig.Strict: " KNOWN },
		{ "rd.pvapconfig.dry.run", DEFAULT, "rd.pvapconfig.dry.run: " KNOWN },
		{ "rd.pvapconfig.strict\x1b[2J", DEFAULT, "rd.pvapconfig.strict?[2J: " KNOWN },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char expected[512];

		assert_string_equal(describe(cases[i][0]), cases[i][1]);
		snprintf(expected, sizeof(expected), WARNING "%s", cases[i][2]);
		assert_string_equal(capture.text, expected);
	}
}

/* A path of 5000 bytes, and a name as long, which must not match a known name that it begins with. */
static void too_long(void **state)
{
	static char line[6000];

	(void)state;
	snprintf(line, sizeof(line), "rd.pvapconfig.config=/%05000d", 0);
	assert_string_equal(describe(line), DEFAULT);
	assert_non_null(strstr(capture.text, PATH));
	snprintf(line, sizeof(line), "rd.pvapconfig.strict%05000d=1", 0);
	assert_string_equal(describe(line), DEFAULT);
	assert_non_null(strstr(capture.text, KNOWN));
}

/* The real command line is read after the files in the image. */
static void last_file_wins(void **state)
{
	(void)state;
	temp_root_text(&root, "/etc/cmdline.d/pvapconfig.conf", "rd.pvapconfig.strict rd.pvapconfig.timeout=7\n");
	assert_string_equal(describe(""), "/etc/pvapconfig.yaml 7000 strict");
	assert_string_equal(describe("rd.pvapconfig.strict=0"), "/etc/pvapconfig.yaml 7000");
}

/* An unreadable file may contain the security parameters. Files that are read later can disable them. */
static void unreadable_file(void **state)
{
	(void)state;
	temp_root_mkdir(&root, "/etc/cmdline");
	assert_string_equal(describe("rd.pvapconfig.strict"), DEFAULT " strict required lock");
	assert_string_equal(describe("rd.pvapconfig.required=0 rd.pvapconfig.lock_secrets=0"), DEFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(good, begin, end),
		cmocka_unit_test_setup_teardown(bad, begin, end),
		cmocka_unit_test_setup_teardown(too_long, begin, end),
		cmocka_unit_test_setup_teardown(last_file_wins, begin, end),
		cmocka_unit_test_setup_teardown(unreadable_file, begin, end),
	};

	return cmocka_run_group_tests_name("boot_options", tests, NULL, NULL);
}
