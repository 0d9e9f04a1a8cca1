/* SPDX-License-Identifier: MIT */
/*
 * batch: a line that is an array of messages, which MCP 2025-03-26 alone knows. Each element goes its way as a line of its
 * own; the answers to an agent's batch are kept until all are there, and go back as one array, in the order in which they
 * came. An element that is no message has an error in it; a batch without requests has no answer.
 * Spec:   JSON-RPC 2.0 section 6; MCP 2025-03-26 basic ("initialize MUST NOT be part of a batch").
 * Owns:   the answers that are kept. Limits: BATCH_MAX_COUNT elements; kept answers of max_message in all an agent, past
 *         which an answer becomes an error.
 * Used by: the mux's files, by mux_priv.h.
 */
#ifndef STDIO_BATCH_H
#define STDIO_BATCH_H

#include "stdio/scan.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

enum { BATCH_MAX_COUNT = 1024 };

struct batch;
struct mux;
struct mux_agent;
struct rpc_msg;

/* An agent's part; zeroed at first. */
struct batches {
	bool is_allowed;     /* it agreed on the version that has them */
	struct batch *first; /* owned; the newest */
	size_t bytes;	     /* of answers that are kept */
};

typedef void batch_line_fn(void *ctx, const char *line, size_t len);

/* Gives each element to on_line; false: the line is no batch that this agent may send. */
bool batch_take(struct mux_agent *a, const struct rpc_msg *q, batch_line_fn *on_line);
/* An answer to the agent: does it belong to a batch, which keeps it? */
bool batch_keeps(struct mux_agent *a, const struct iovec *parts, int n);
/* The call is over; if it was not answered, it will not be. */
void batch_call_ended(struct mux_agent *a, struct span id);
void batch_forget(struct mux_agent *a);

/* The same for a batch of the server's. on_line may free the mux. */
bool batch_take_down(struct mux *m, const struct rpc_msg *q, batch_line_fn *on_line);
/* The process is gone, or the mux: what is left of its batch is not read. */
void batch_cut(struct mux *m);

#endif
