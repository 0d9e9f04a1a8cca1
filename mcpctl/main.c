/* SPDX-License-Identifier: MIT */
/* mcpctl: argv → verb table → exit status. */
#include "base/err.h"
#include "mcpctl/import.h"
#include "mcpctl/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static const struct verb verbs[] = {
	{ "status", "[NAME...]", "what runs, and if not, why", 0, 0, INT_MAX, verb_status },
	{ "start", "NAME...|all [--no-wait]", "start servers and wait until they are ready",
	  CLI_NO_WAIT, 1, INT_MAX, verb_start },
	{ "stop", "NAME...|all [--no-wait] [--force]",
	  "stop servers; --force also where others depend on them", CLI_NO_WAIT | CLI_FORCE, 1,
	  INT_MAX, verb_stop },
	{ "restart", "NAME...|all [--no-wait]", "a new process behind the same pipes", CLI_NO_WAIT,
	  1, INT_MAX, verb_restart },
	{ "reload", "[--no-wait]", "read the configuration again and change what changed",
	  CLI_NO_WAIT, 0, 0, verb_reload },
	{ "shutdown", "", "end mcpinit and everything it started", 0, 0, 0, verb_shutdown },
	{ "logs", "NAME [-f] [-n N]", "a server's stderr and lifecycle lines; -f: go on",
	  CLI_FOLLOW | CLI_LINES, 1, 1, verb_logs },
	{ "tools", "[NAME [TOOL...]] [--agent A] [--accept]",
	  "list the tools of one server or of all; --accept: changed ones", CLI_AGENT | CLI_ACCEPT,
	  0, INT_MAX, verb_tools },
	{ "call", "NAME TOOL [JSON|-] [--agent A]",
	  "call a tool and print its result; -: JSON from stdin", CLI_AGENT, 2, 3, verb_call },
	{ "connect", "NAME [--agent A]", "stdio of an MCP client to a session with a server",
	  CLI_AGENT, 1, 1, verb_connect },
	{ "agents", "", "who is attached to what", 0, 0, 0, verb_agents },
	{ "endpoint", "NAME [--agent A]", "print the two pipes, in and out, one a line", CLI_AGENT,
	  1, 1, verb_endpoint },
	{ "wait", "[NAME...] [--timeout T]", "until servers are ready, mcpinit itself included",
	  CLI_TIMEOUT, 0, INT_MAX, verb_wait },
	{ "healthy", "[--strict]", "exit 0 or 1, for HEALTHCHECK; --strict: 3 when degraded",
	  CLI_STRICT, 0, 0, verb_healthy },
	{ "sweep", "[--dry-run] [--volumes]", "remove left-over containers of this instance",
	  CLI_DRY_RUN | CLI_VOLUMES, 0, 0, verb_sweep },
	{ "metrics", "", "what status shows, as Prometheus text", 0, 0, 0, verb_metrics },
	{ "pull", "[NAME...|all] [--no-wait]", "fetch images now; what runs is left alone",
	  CLI_NO_WAIT, 0, INT_MAX, verb_pull },
	{ "import", "FILE|-", "a client's mcpServers JSON as INI, on stdout; -: from stdin", 0, 1,
	  1, verb_import },
	{ "doctor", "[--deep] [-c FILE]",
	  "what usually goes wrong, and the remedy; needs no mcpinit", CLI_CONFIG | CLI_DEEP, 0, 0,
	  verb_doctor },
};
enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

enum { OPT_JSON = 1 << 16, OPT_BIT };

static const struct option options[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "agent", required_argument, NULL, OPT_BIT + CLI_AGENT },
	{ "follow", no_argument, NULL, OPT_BIT + CLI_FOLLOW },
	{ "lines", required_argument, NULL, OPT_BIT + CLI_LINES },
	{ "timeout", required_argument, NULL, OPT_BIT + CLI_TIMEOUT },
	{ "no-wait", no_argument, NULL, OPT_BIT + CLI_NO_WAIT },
	{ "force", no_argument, NULL, OPT_BIT + CLI_FORCE },
	{ "strict", no_argument, NULL, OPT_BIT + CLI_STRICT },
	{ "dry-run", no_argument, NULL, OPT_BIT + CLI_DRY_RUN },
	{ "volumes", no_argument, NULL, OPT_BIT + CLI_VOLUMES },
	{ "config", required_argument, NULL, OPT_BIT + CLI_CONFIG },
	{ "deep", no_argument, NULL, OPT_BIT + CLI_DEEP },
	{ "accept", no_argument, NULL, OPT_BIT + CLI_ACCEPT },
	{ 0 },
};

static const char *name_of(unsigned bit)
{
	for (const struct option *o = options; o->name; o++)
		if (o->val == OPT_BIT + (int)bit)
			return o->name;
	return "";
}

static void print_help(void)
{
	(void)printf("usage: mcpctl [-s SOCKET] [--json] VERB ...\n\n");
	for (int i = 0; i < VERBS; i++) {
		char call[64];
		(void)snprintf(call, sizeof(call), "%s %s", verbs[i].name, verbs[i].usage);
		(void)printf("  %-36s %s\n", call, verbs[i].help);
	}
	(void)printf(
		"\n  -s SOCKET  mcpinit's socket; else $MCPCTL_SOCKET, %s/%s,\n"
		"             or the one agent's socket under %s\n"
		"  --json     for programs; errors, too: {\"error\":{\"code\":N,\"message\":\"...\"}}\n"
		"  -h, -V     this text; the version\n",
		WIRE_CONTROL_DIR, WIRE_CONTROL, WIRE_RUNTIME_DIR);
}

/* "500ms", "10s", "5m", "2h"; a bare number is seconds. -1: none of these. */
static int64_t read_duration(const char *text)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "", 1000 }, { "m", 60000 }, { "h", 3600000 } };
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	if (errno || end == text || n < 0 || n > INT32_MAX)
		return -1;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(end, units[i].unit) == 0)
			return n * units[i].ms;
	return -1;
}

static int read_number(const char *text)
{
	char *end;
	errno = 0;
	long n = strtol(text, &end, 10);
	return errno || end == text || *end || n < 0 || n > INT_MAX ? -1 : (int)n;
}

static int usage_error(const struct cli *c, const char *what, const char *which)
{
	struct err e;
	err_kind(&e, -EINVAL, WIRE_EXIT_USAGE, "%s%s; `mcpctl -h` lists what there is", what,
		 which);
	return client_fail_as(c->is_json, &e);
}

/* An option that only some verbs take. 0, or the exit status. */
static int read_verb_option(struct cli *c, unsigned bit, const char *value)
{
	c->given |= bit;
	if (bit == CLI_AGENT)
		c->agent = c->where.agent = value;
	if (bit == CLI_CONFIG)
		c->config = value;
	if (bit == CLI_LINES && (c->lines = read_number(value)) < 0)
		return usage_error(c, "-n takes a number of lines, not ", value);
	if (bit == CLI_TIMEOUT && (c->timeout_ms = read_duration(value)) < 0)
		return usage_error(c, "--timeout takes a duration like 500ms, 10s or 5m, not ",
				   value);
	return 0;
}

/* All options may stand before or behind the verb. 0, or the exit status, or -1: done, exit with 0. */
static int read_options(int argc, char **argv, struct cli *c)
{
	int o, r;
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) /* wherever it stands */
		if (strcmp(argv[i], "--json") == 0)
			c->is_json = c->where.is_json = true;
	opterr = !c->is_json;
	while ((o = getopt_long(argc, argv, "s:hVfn:c:", options, NULL)) != -1) {
		switch (o) {
		case 's':
			c->where.option = optarg;
			break;
		case 'h':
			print_help();
			return -1;
		case 'V':
			(void)puts("mcpctl " MCPINIT_VERSION);
			return -1;
		case OPT_JSON:
			c->is_json = c->where.is_json = true;
			break;
		case '?': /* as text getopt has said it */
			return c->is_json ? usage_error(c, "no option, or without its value: ",
							argv[optind - 1])
					  : WIRE_EXIT_USAGE;
		default: {
			unsigned bit = o == 'f'	  ? CLI_FOLLOW
				       : o == 'n' ? CLI_LINES
				       : o == 'c' ? CLI_CONFIG
						  : (unsigned)(o - OPT_BIT);
			if ((r = read_verb_option(c, bit, optarg)))
				return r;
		}
		}
	}
	return 0;
}

static int run(const struct verb *v, const struct cli *c)
{
	struct err e = { 0 };
	for (unsigned bit = 1; bit <= CLI_ACCEPT; bit <<= 1)
		if ((c->given & bit) && !(v->takes & bit))
			err_kind(&e, -EINVAL, WIRE_EXIT_USAGE, "%s takes no --%s", v->name,
				 name_of(bit));
	if (!e.code && (c->n_args < v->min_args || c->n_args > v->max_args))
		err_kind(&e, -EINVAL, WIRE_EXIT_USAGE, "usage: mcpctl %s %s", v->name, v->usage);
	return e.code ? client_fail_as(c->is_json, &e) : v->run(c);
}

/* A socket must never become descriptor 0, 1 or 2: somebody would write a line to it. */
static void fill_stdio(void)
{
	int fd;
	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

int main(int argc, char **argv)
{
	(void)prctl(PR_SET_DUMPABLE, 0L, 0L, 0L,
		    0L); /* no core: what passes through may be secret */
	fill_stdio();
	struct cli c = {
		.where = { .environment = getenv("MCPCTL_SOCKET"),
			   .control = WIRE_CONTROL_DIR "/" WIRE_CONTROL,
			   .runtime_dir = WIRE_RUNTIME_DIR },
		.timeout_ms = -1,
	};
	int r = read_options(argc, argv, &c);
	if (r)
		return r < 0 ? WIRE_EXIT_OK : r;
	if (optind >= argc)
		return usage_error(&c, "no verb given", "");
	c.args = argv + optind + 1;
	c.n_args = argc - optind - 1;
	for (int i = 0; i < VERBS; i++)
		if (strcmp(verbs[i].name, argv[optind]) == 0) {
			r = run(&verbs[i], &c);
			if (fflush(stdout) != 0 && r == WIRE_EXIT_OK)
				r = WIRE_EXIT_FAILED; /* a full disk must not look like success */
			return r;
		}
	return usage_error(&c, "there is no verb ", argv[optind]);
}
