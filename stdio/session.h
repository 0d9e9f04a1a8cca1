/* SPDX-License-Identifier: MIT */
/*
 * session: protocol era of a server's process, and what it said at its handshake: stateless (2026-07-28), or the legacy
 * initialize handshake, cached so that every agent's initialize is answered from here.
 * Spec:    MCP 2025-11-25 basic/lifecycle; 2026-07-28 server/discover and error -32022.
 * Owns:    the parsed answer. Loop: none, pure. Used by: mux. Off the hot path: builds trees with cJSON.
 */
#ifndef STDIO_SESSION_H
#define STDIO_SESSION_H

#include "stdio/scan.h"

#include <stdbool.h>
#include <stddef.h>

#define SESSION_LEGACY	"2025-11-25" /* what we offer in a handshake */
#define SESSION_MODERN	"2026-07-28"
#define SESSION_BATCHES "2025-03-26" /* the only one that has them */

struct buf;
struct err;

struct session {
	bool is_known, is_modern;
	char *protocol; /* owned, as all strings here; NULL until known */
	char *server_name, *server_version;
	char *rest; /* an InitializeResult without its protocolVersion and opening brace: `"capabilities":…}` */
	char *changed; /* what the process before this one said otherwise: one sentence; NULL: nothing */
	bool has_tools, has_prompts, has_resources, has_logging, has_subscribe;
};

void session_done(struct session *s);

/* params of our own initialize; capabilities: a JSON object. */
int session_hello(const char *protocol, const char *our_version, const char *capabilities,
		  struct buf *out);
/* The _meta object that every request of ours carries in the modern era. */
int session_meta(const char *our_version, struct buf *out);
/*
 * Learns from the answer to initialize (or, is_modern, to server/discover), replacing what was known.
 * -EPROTONOSUPPORT: it refused, but speaks the modern era: ask server/discover. -ENOTSUP: it may. Else -EPROTO and why.
 */
int session_learn(struct session *s, const char *line, size_t len, bool is_modern, struct err *e);
/* The refusal of an agent of the other era, -32022; the session is known. */
int session_wrong_era(const struct session *s, struct span id, struct span requested,
		      struct buf *out);
/* The version to speak with an agent that asked for this one: if the server can be spoken to in it, else the server's own. */
const char *session_agree(const struct session *s, struct span requested);
/* The answer to an agent's initialize; requested: its params.protocolVersion. In the modern era an error, -32022. */
int session_reply(const struct session *s, struct span id, struct span requested, struct buf *out);

#endif
