/* SPDX-License-Identifier: MIT */
/*
 * access: `tools` of [agent:NAME], SERVER:TOOL, as each server's mux wants it: TOOL, for this agent. Where no pattern names a
 * server, none of its tools is for the agent; `*` alone is all of all.
 */
#ifndef SUPERVISOR_ACCESS_H
#define SUPERVISOR_ACCESS_H

struct conf_agent;
struct server;

/* The patterns of this server; the array is the caller's, the texts are the agent's. NULL: out of memory. */
char **access_list(const struct conf_agent *a, const char *server);
/* The agent's pipes and sessions with this server, as many as there are: said at once, and again after a reload. */
void access_apply(struct server *s, const struct conf_agent *a);

#endif
