/* SPDX-License-Identifier: MIT */
/*
 * Who speaks which era. It is the server's process that decides; an agent of the other one is refused with the error of
 * the specification, and the log names the key. Where a server has both, protocol = auto takes the older one: it is what
 * today's clients speak. A next process may be of another era: sessions that began in the last one are refused from then
 * on, request by request, and go on when a process speaks theirs again.
 * An agent's era: it said initialize, or its requests carry the version in _meta; one that did neither is not refused.
 * Spec: MCP 2026-07-28 basic/versioning (-32022, data.supported; server/discover on an older server: -32601).
 */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "stdio/mux_priv.h"

#include <string.h>

/* The next process will be an older one for sure. */
static bool is_pinned_legacy(const struct mux *m)
{
	return strcmp(m->p.protocol, "auto") != 0 && strcmp(m->p.protocol, SESSION_MODERN) != 0;
}

static void say_why(struct mux_agent *a)
{
	struct mux *m = a->mux;
	bool is_modern = m->session.is_modern;
	unsigned more;
	if (mux_may_say(&m->other_era, &more))
		log_info(
			m->p.server,
			"agent %s speaks %s MCP than this server (%u more refused before); protocol = %s "
			"keeps a server that has both in the %s one",
			a->name, is_modern ? "an older" : "a newer", more,
			is_modern ? SESSION_LEGACY : SESSION_MODERN, is_modern ? "older" : "newer");
}

static void greet(struct mux_agent *a, const struct rpc_msg *q, struct span id)
{
	const struct session *s = &a->mux->session;
	_cleanup_buf_ struct buf b = { 0 };
	if (session_reply(s, id, rpc_at(q, SCAN_PROTOCOL), &b) == 0)
		down_write_buf(a, &b, DOWN_MUST);
	a->batches.is_allowed =
		strcmp(session_agree(s, rpc_at(q, SCAN_PROTOCOL)), SESSION_BATCHES) == 0;
	if (s->is_modern) {
		a->phase = AGENT_NEW;
		say_why(a);
	}
}

bool era_differs(const struct mux_agent *a, bool says_version)
{
	const struct mux *m = a->mux;
	if (!m->was_ready)
		return false;
	return m->session.is_modern ? a->phase != AGENT_NEW : says_version;
}

bool agent_answer_here(struct mux_agent *a, const struct rpc_msg *q, struct span id)
{
	const struct mux *m = a->mux;
	struct span version = rpc_at(q, SCAN_META_VERSION);
	bool is_legacy = m->was_ready ? !m->session.is_modern : is_pinned_legacy(m);
	if (q->method == RPC_DISCOVER && is_legacy) {
		agent_error(a, id, RPC_E_METHOD, "This server speaks MCP by initialize", NULL);
		return true;
	}
	if (q->method == RPC_INITIALIZE) {
		if (m->was_ready)
			greet(a, q, id);
		return m->was_ready;
	}
	if (!era_differs(a, version.p != NULL))
		return false;
	_cleanup_buf_ struct buf b = { 0 };
	if (session_wrong_era(&m->session, id, version, &b) == 0)
		down_write_buf(a, &b, DOWN_MUST);
	say_why(a);
	return true;
}
