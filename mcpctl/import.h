/* SPDX-License-Identifier: MIT */
/*
 * import: the JSON in which MCP clients keep their servers → INI for mcpinit, and what could not be carried over.
 * Reads:  {"mcpServers": {NAME: {command, args, env, …}}}, or "servers" with "inputs"; comments and trailing commas too.
 * Secrets stay behind: a variable that looks like one is passed through by name, its value is in neither output.
 * Spec:   VS Code, "MCP configuration reference"; mcpinit.ini(5) for the INI.
 */
#ifndef MCPCTL_IMPORT_H
#define MCPCTL_IMPORT_H

#include "base/buf.h"
#include "mcpctl/verbs.h"

#include <stddef.h>

/* Zeroed before, import_done() after. */
struct import {
	struct buf ini;
	struct buf notes; /* a sentence a line: "SERVER: …" */
	size_t n_servers; /* in ini */
};

/* text is changed on the way. 0, or -EINVAL: not such JSON, and e says why. */
int import_text(char *text, struct import *ret, struct err *e);
void import_done(struct import *im);

int verb_import(const struct cli *c);

#endif
