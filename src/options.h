/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The command line (pvapconfig(8)).
 */
#include <stdbool.h>
#include <stdint.h>

#define OPTIONS_CONFIG_PATH "/etc/pvapconfig.yaml"
#define OPTIONS_TIMEOUT_DEFAULT 60 /* seconds */
#define OPTIONS_TIMEOUT_MAX 86400  /* seconds: a day */

struct options {
	const char *config_path;  /* part of argv, or OPTIONS_CONFIG_PATH; NULL: none is needed, or given (list) */
	const char *report_path;  /* the JSON report is written there (report.h); NULL: nowhere */
	const char *status_path;  /* the same as text (report.h) */
	const char *lock_path;    /* --list: if this exists, another run may be active; NULL: none */
	const char *secrets_path; /* directory of add-secret requests to be submitted; NULL: none */
	bool secrets_optional;    /* it may be missing */
	bool lock_secrets;        /* then lock the secret store */
	bool lock_only;           /* lock the secret store and do nothing else: early boot, after a failed run */
	bool boot;                /* early boot: the kernel command line has all other options (boot.h) */
	bool dry_run;
	bool strict;
	bool verbose;
	bool unbind;        /* unbind all APQNs instead of configuring them */
	bool probe;         /* a dry run may bind queues to identify them */
	bool json;          /* the result on standard output as JSON, all messages on standard error */
	bool list;          /* show all APQNs and do nothing else */
	bool status;        /* show the result of early boot and do nothing else */
	bool check_config;  /* validate the configuration file and do nothing else */
	int64_t timeout_ms; /* for the whole run; 0: none */
};

enum options_action {
	OPTIONS_RUN,          /* options are valid, go on */
	OPTIONS_EXIT_SUCCESS, /* help or version was printed */
	OPTIONS_EXIT_FAILURE, /* bad usage, reported */
};

/* Reads the command line; `options` is complete and free of contradictions after OPTIONS_RUN. */
enum options_action options_parse(int argc, char *argv[], struct options *options);
