/* SPDX-License-Identifier: MIT */
/* mcpinit: argv → conf_load → supervisor_run → exit status; nothing else. */
#include "base/err.h"
#include "base/log.h"
#include "base/wire.h"
#include "conf/conf.h"
#include "supervisor/report.h"
#include "supervisor/signals.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define DEFAULT_CONFIG "/etc/mcpinit/mcpinit.ini"

static const char usage[] =
	"usage: mcpinit [-c FILE] [-t [-v] [--strict]] [--] [COMMAND [ARG...]]\n"
	"  -c FILE   configuration; default $MCPINIT_CONFIG, then " DEFAULT_CONFIG "\n"
	"  -t        check the configuration, show what was decided, and exit (0 or 78)\n"
	"  -v        with -t: each server's command, mounts, user and time to start, too\n"
	"  --strict  with -t: what is missing only at run time is an error, too\n"
	"  -h, -V    this help, the version\n"
	"COMMAND runs when the required servers are up; its exit status becomes mcpinit's.\n";

struct options {
	const char *config;
	bool is_test, is_strict, is_verbose;
	char **command;
};

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = { { "strict", no_argument, NULL, 's' },
					       { "help", no_argument, NULL, 'h' },
					       { "version", no_argument, NULL, 'V' },
					       { 0 } };
	int c;
	while ((c = getopt_long(argc, argv, "+c:tvhV", longs, NULL)) != -1) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 't':
			o->is_test = true;
			break;
		case 'v':
			o->is_verbose = true;
			break;
		case 's':
			o->is_strict = true;
			break;
		case 'h':
			(void)fputs(usage, stdout);
			return EXIT_SUCCESS;
		case 'V':
			(void)puts("mcpinit " MCPINIT_VERSION);
			return EXIT_SUCCESS;
		default:
			(void)fputs(usage, stderr);
			return WIRE_EXIT_USAGE;
		}
	}
	if (optind < argc)
		o->command = argv + optind;
	return -1;
}

/* The file to read; NULL: none is there and none was asked for. */
static const char *find_config(const struct options *o)
{
	if (o->config)
		return o->config;
	const char *from_env = getenv("MCPINIT_CONFIG");
	if (from_env && *from_env)
		return from_env;
	return access(DEFAULT_CONFIG, F_OK) == 0 ? DEFAULT_CONFIG : NULL;
}

/* From here on they wait for the loop: a SIGTERM that meets PID 1 without a handler is dropped by the kernel. */
static void block_signals(void)
{
	sigset_t set;
	signals_set(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL); /* fails for no valid set */
}

int main(int argc, char **argv)
{
	/* No core, and no /proc/PID/environ for others of our user: secrets are in both. An exec takes it back. */
	(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
	struct options o = { 0 };
	int status = parse(argc, argv, &o);
	if (status >= 0)
		return status;
	/* Fixed, or glibc raises it with every large line and keeps what was freed after a burst (mallopt(3)). */
	(void)mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	log_open(STDERR_FILENO);
	const char *path = find_config(&o);
	if (!path && !o.command) {
		log_error("mcpinit",
			  "no configuration: there is no " DEFAULT_CONFIG
			  "; name one with -c FILE or $MCPINIT_CONFIG, or give a COMMAND");
		return WIRE_EXIT_CONFIG;
	}
	if (!o.is_test)
		block_signals();
	struct conf_source src = {
		.path = path,
		.environ = (const char *const *)environ,
		.is_strict = o.is_strict,
	};
	struct conf *conf = NULL;
	struct conf_errors errors = { 0 };
	if (conf_load(&src, &conf, &errors) < 0) {
		for (size_t i = 0; i < errors.n; i++)
			(void)fprintf(stderr, "%s\n", errors.lines[i]);
		conf_errors_done(&errors);
		return WIRE_EXIT_CONFIG;
	}
	if (o.is_test) {
		report_print(conf, o.is_verbose);
		conf_free(conf);
		return EXIT_SUCCESS;
	}
	supervisor_set_log(conf);
	for (char **w = conf->warnings; *w; w++)
		log_warn("mcpinit", "%s", *w);
	struct supervisor_params p = {
		.source = src,
		.conf = conf,
		.command_argv = o.command,
	};
	status = supervisor_run(&p);
	log_close();
	return status;
}
