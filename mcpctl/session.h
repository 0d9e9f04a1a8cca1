/* SPDX-License-Identifier: MIT */
/*
 * session: an MCP session with one server over `connect`, for `tools` and `call`: handshake, then one request at a time.
 * Both eras: initialize first; a server that answers -32022 is stateless and gets _meta with every request instead.
 * Errors:  as client.h; -EREMOTEIO is the server's error and its JSON-RPC code. Waits as long as the server takes.
 * Spec:    MCP 2025-11-25 lifecycle; 2026-07-28 basic (required _meta).
 */
#ifndef MCPCTL_SESSION_H
#define MCPCTL_SESSION_H

#include <stddef.h>

struct cJSON;
struct client_where;
struct err;
struct session;

/* agent may be NULL. */
int session_open(const struct client_where *w, const char *server, const char *agent,
		 struct session **ret, struct err *e);
void session_free(struct session *s);
/* What the server says of how far it is with a request: asked for from now on. params: of notifications/progress. */
typedef void session_progress_fn(void *ctx, const struct cJSON *params);
void session_on_progress(struct session *s, session_progress_fn *fn, void *ctx);
/* One request; params (an object) are taken in any case. *ret, the result, is the caller's. */
int session_ask(struct session *s, const char *method, struct cJSON *takes_params,
		struct cJSON **ret, struct err *e);

/* {server, agent?}: how `connect` and `endpoint` name a session. NULL: out of memory. */
struct cJSON *session_name(const char *server, const char *agent);

#endif
