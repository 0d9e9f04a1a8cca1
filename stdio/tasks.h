/* SPDX-License-Identifier: MIT */
/*
 * tasks: which agent made which task on the server; nobody else may read, await or cancel it, or is told of it.
 * A task belongs to the session whose call it is the answer to, beyond the server's process: the next one may still know it.
 * An ID that is nobody's passes, for the server to judge. tasks/list is not offered, since the server knows one client only.
 * Spec:   MCP 2025-11-25 basic/utilities/tasks. The progress token of the call that made a task is valid until its end.
 * Owns:   ids and tokens. Limit: TASKS_MAX_BYTES an agent; then the oldest that has ended is forgotten, else the oldest.
 * Used by: the mux's files, by mux_priv.h.
 */
#ifndef STDIO_TASKS_H
#define STDIO_TASKS_H

#include "stdio/scan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TASKS_MAX_BYTES = 64 * 1024, TASKS_MAX_ID = 512 };

struct idmap_entry;
struct mux;
struct mux_agent;
struct rpc_msg;
struct task;

/* An agent's part; zeroed at first. */
struct tasks {
	struct task *first, *last; /* owned */
	size_t bytes;
};

/* Whose task it is (a JSON string); NULL: nobody's. */
struct mux_agent *tasks_owner(struct mux *m, struct span task_id);
/* An agent's request that it may not make is answered with an error; false: it may. */
bool tasks_refuse(struct mux_agent *a, const struct rpc_msg *q, struct span id);
/* The answer to a call: a task may have begun or ended. No memory: it is nobody's. */
void tasks_answered(struct mux *m, const struct idmap_entry *call, const struct rpc_msg *q);
/* notifications/tasks/status, and what else speaks of a task: whose it is; NULL: nobody is to be told. */
struct mux_agent *tasks_told(struct mux *m, const struct rpc_msg *q);
/* Progress under the wire id of a call that was answered by a task: the agent and its token; NULL: none. */
struct mux_agent *tasks_progress(struct mux *m, struct span wire_token, struct span *ret_token);
/* May one of them still run? */
bool tasks_are_running(const struct tasks *t);
/* The process has died, and with it its tasks. */
void tasks_died(struct mux *m);
/* The session is over. */
void tasks_forget(struct tasks *t);

#endif
