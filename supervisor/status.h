/* SPDX-License-Identifier: MIT */
/*
 * status: a snapshot of everything for mcpctl, as JSON. Texts are redacted: a secret never leaves by a socket.
 */
#ifndef SUPERVISOR_STATUS_H
#define SUPERVISOR_STATUS_H

#include <stdbool.h>

struct cJSON;
struct conf_agent;
struct supervisor;

/*
 * names: an array of strings, or NULL for all. agent: only what it may use, and nothing about the machine; NULL: the
 * operator. NULL: out of memory.
 */
struct cJSON *status_snapshot(struct supervisor *sv, const struct conf_agent *agent,
			      const struct cJSON *names);

/* {agents: [{agent, server, kind, is_present}]}: who is attached to what. NULL: out of memory. */
struct cJSON *status_agents(struct supervisor *sv);

/* Adds a text without secrets. */
bool status_add_text(struct cJSON *to, const char *key, const char *text);

#endif
