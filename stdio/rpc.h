/* SPDX-License-Identifier: MIT */
/*
 * rpc: one line → request / notification / response / not ours, by scan; the lines we write ourselves.
 * Spec:    JSON-RPC 2.0; MCP narrows it: ids are strings or whole numbers, params is an object, no batches since 2025-06-18.
 *          What a server would drop in silence is RPC_INVALID here, with the sentence that says why.
 * Used by: mux. Loop: none, pure. Borrows the line.
 */
#ifndef STDIO_RPC_H
#define STDIO_RPC_H

#include "stdio/scan.h"

#include <stdint.h>

struct buf;

enum rpc_kind {
	RPC_REQUEST,
	RPC_NOTIFICATION,
	RPC_RESPONSE,
	RPC_BATCH,
	RPC_INVALID,
	RPC_NOT_JSON,
};

/* The methods that are more to us than bytes. */
enum rpc_method {
	RPC_OTHER,
	RPC_INITIALIZE,
	RPC_DISCOVER,
	RPC_PING,
	RPC_SET_LEVEL,
	RPC_SUBSCRIBE,
	RPC_UNSUBSCRIBE,
	RPC_LISTEN,
	RPC_ROOTS_LIST,
	RPC_SAMPLING,
	RPC_ELICIT,
	RPC_LIST_OR_READ, /* changes nothing: may be sent to the next process once more */
	RPC_TASKS_RESULT, /* waits as long as its task runs */
	RPC_TASKS_LIST,
	RPC_INITIALIZED,
	RPC_CANCELLED,
	RPC_PROGRESS,
	RPC_MESSAGE,
	RPC_LIST_CHANGED,
	RPC_UPDATED,
	RPC_ACKNOWLEDGED, /* of a subscriptions/listen */
	RPC_TASK_STATUS,
	RPC_ONE_OWNER, /* a notification that belongs to one agent, whose owner the line alone does not tell */
	RPC_ROOTS_CHANGED,
};

/* Error codes we write. */
enum {
	RPC_E_PARSE = -32700,
	RPC_E_INVALID = -32600,
	RPC_E_METHOD = -32601,
	RPC_E_PARAMS = -32602,
	RPC_E_INTERNAL = -32603,
	RPC_E_VERSION = -32022,
};

struct rpc_msg {
	enum rpc_kind kind;
	enum rpc_method method;
	const char *line;
	size_t len;
	struct scan scan;
	const char *why; /* RPC_INVALID, RPC_BATCH, RPC_NOT_JSON: one sentence, static */
};

void rpc_read(const char *line, size_t len, struct rpc_msg *ret);
/* The value of a field; p == NULL: not there. */
static inline struct span rpc_at(const struct rpc_msg *q, enum scan_field f)
{
	return q->scan.at[f];
}

/* A string or a whole number: what may be an id or a progress token. */
bool rpc_is_id(struct span value);
/* An id that we may have minted: a plain integer below 2^53. */
bool rpc_is_wire_id(struct span value, uint64_t *ret);

/* Lines without a newline, appended. id.p == NULL writes null. 0, -ENOMEM, -EMSGSIZE. data: JSON, or NULL. */
int rpc_error(struct buf *b, struct span id, int code, const char *message, const char *data);
int rpc_result(struct buf *b, struct span id, const char *result);
/* Is it all UTF-8, and nothing in it a control character? */
bool rpc_is_plain(const char *bytes, size_t n);
/* A JSON string of any bytes: escaped, what is not UTF-8 replaced. */
int rpc_string(struct buf *b, const char *bytes, size_t n);

#endif
