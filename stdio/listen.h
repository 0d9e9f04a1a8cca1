/* SPDX-License-Identifier: MIT */
/*
 * listen: an agent's subscriptions/listen outlives the server's process. It is kept as it was sent and goes to the next
 * process; that one's acknowledgement is not shown to the agent, which had its own. In its place come the notifications
 * that the acknowledged subscription allows: what changed meanwhile nobody saw.
 * Spec:   MCP 2026-07-28 basic/patterns/subscriptions. Used by: the mux's files, by mux_priv.h.
 */
#ifndef STDIO_LISTEN_H
#define STDIO_LISTEN_H

#include <stdbool.h>
#include <stddef.h>

struct idmap_entry;
struct mux_agent;
struct rpc_msg;

/* May the agent hold one more of this length? Else its kept lines would stop the reading of its `in` for ever. */
bool listen_has_room(const struct mux_agent *a, size_t len);
/* A server's notifications/subscriptions/acknowledged for the call; true: the agent is not to see it. */
bool listen_acknowledged(struct idmap_entry *call, const struct rpc_msg *q);

#endif
