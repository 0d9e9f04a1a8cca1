/* SPDX-License-Identifier: MIT */
/*
 * verbs: what mcpctl can be told: one row a verb in main.c, one function a verb in the file of its group.
 * A verb prints its own errors and returns the exit status (base/wire.h has the table).
 */
#ifndef MCPCTL_VERBS_H
#define MCPCTL_VERBS_H

#include "mcpctl/client.h"

#include <stdbool.h>
#include <stdint.h>

/* Options that only some verbs take; a verb's row names its own. */
enum {
	CLI_AGENT = 1 << 0,
	CLI_FOLLOW = 1 << 1,
	CLI_LINES = 1 << 2,
	CLI_TIMEOUT = 1 << 3,
	CLI_NO_WAIT = 1 << 4,
	CLI_FORCE = 1 << 5,
	CLI_STRICT = 1 << 6,
	CLI_DRY_RUN = 1 << 7,
	CLI_VOLUMES = 1 << 8,
	CLI_CONFIG = 1 << 9,
	CLI_DEEP = 1 << 10,
	CLI_ACCEPT = 1 << 11,
};

/* The command line, taken apart. */
struct cli {
	struct client_where where;
	bool is_json;
	unsigned given;	    /* CLI_* */
	const char *agent;  /* --agent, or NULL */
	int lines;	    /* -n; all unless given */
	int64_t timeout_ms; /* --timeout; -1: for ever */
	const char *config; /* -c, or NULL */
	int n_args;
	char **args; /* behind the verb; NULL-terminated */
};

struct verb {
	const char *name;
	const char *usage; /* what follows the name */
	const char *help;
	unsigned takes; /* CLI_* */
	int min_args, max_args;
	int (*run)(const struct cli *c);
};

int verb_status(const struct cli *c);
int verb_start(const struct cli *c);
int verb_stop(const struct cli *c);
int verb_restart(const struct cli *c);
int verb_pull(const struct cli *c);
int verb_reload(const struct cli *c);
int verb_shutdown(const struct cli *c);
int verb_wait(const struct cli *c);
int verb_healthy(const struct cli *c);
int verb_sweep(const struct cli *c);
int verb_metrics(const struct cli *c);
int verb_logs(const struct cli *c);
int verb_tools(const struct cli *c);
int verb_call(const struct cli *c);
int verb_connect(const struct cli *c);
int verb_agents(const struct cli *c);
int verb_endpoint(const struct cli *c);
int verb_doctor(const struct cli *c);

#endif
