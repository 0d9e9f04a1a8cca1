/* SPDX-License-Identifier: MIT */
/*
 * The mux of one agent (is_private). Its ends are the pipes and the sessions of the same agent, so the process can know
 * its client as it is:
 *   - What the agent says in `initialize` is what the process is greeted with, as it stands; it is kept for the next
 *     process, and all who say the same share this one. Another `initialize` is another client: a new process greets it
 *     (on_renew), unless a session of the agent is under way. Until an agent has said it, the greeting is ours.
 *   - What the process asks goes to the agent as it stands, and so do the answers. Sent to the end that has calls in
 *     flight, else to the first; not before that end has said notifications/initialized.
 * Here ids of the process are not rewritten: what is pending is known by its bytes, and an answer that comes after its
 * process has died, or from another end, goes nowhere.
 */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "stdio/chan.h"
#include "stdio/mux_priv.h"

#include <stdio.h>
#include <string.h>

enum {
	GREETING_MAX = 64 * 1024,
	ASKED_MAX = 256, /* requests of the process that are not answered yet; more are refused */
};

/* A request of the process that an end was given. */
struct mux_asked {
	struct mux_asked *next;
	struct mux_agent *to;
	size_t n;
	char id[]; /* as it stands in the line */
};

static bool is_listening(const struct mux *m)
{
	return m->up && !m->is_closing && !m->has_ended;
}

/* A client is there that greeted us, and that can say something yet. */
static bool is_client(const struct mux_agent *a)
{
	return a->phase != AGENT_NEW && !a->is_gone && !a->is_eof;
}

/* --- the greeting ------------------------------------------------------------------------------ */

/* Of the agent's params all stays but what means something on our wire, or what the configuration says. */
static int make_greeting(const struct mux *m, const struct rpc_msg *q, struct buf *out)
{
	static const char no_call[] = "-1"; /* a progress token of which none is ours */
	struct span params = rpc_at(q, SCAN_PARAMS);
	bool is_auto = strcmp(m->p.protocol, "auto") == 0;
	char pinned[32];
	int len = snprintf(pinned, sizeof(pinned), "\"%.16s\"", m->p.protocol);
	struct patch patches[] = {
		{ rpc_at(q, SCAN_META_TOKEN), { no_call, sizeof(no_call) - 1 } },
		{ is_auto ? (struct span){ 0 } : rpc_at(q, SCAN_PROTOCOL),
		  { pinned, (size_t)len } },
	};
	struct rpc_msg whole = { .line = params.p, .len = params.n };
	struct iovec parts[PATCHED_PARTS];
	int r = 0, n = params.p ? patch_line(&whole, patches, 2, parts) : 0;
	out->max = GREETING_MAX;
	for (int i = 0; i < n && r == 0; i++)
		r = buf_add(out, parts[i].iov_base, parts[i].iov_len);
	return r;
}

static bool is_other_greeted(const struct mux *m, const struct mux_agent *a)
{
	for (const struct mux_agent *i = m->first; i; i = i->next)
		if (i != a && is_client(i))
			return true;
	return false;
}

void private_greet(struct mux_agent *a, const struct rpc_msg *q)
{
	struct mux *m = a->mux;
	_cleanup_buf_ struct buf said = { 0 };
	bool is_modern = strcmp(m->p.protocol, SESSION_MODERN) == 0 ||
			 (m->was_ready && m->session.is_modern); /* it has no greeting */
	if (!m->p.is_private || is_modern)
		return;
	if (make_greeting(m, q, &said) < 0) {
		log_warn(
			m->p.server,
			"agent %s: what it says in initialize is not passed on: more than %d bytes",
			a->name, GREETING_MAX);
		buf_done(&said);
	}
	if (said.len == m->greeting.len &&
	    (said.len == 0 || memcmp(said.data, m->greeting.data, said.len) == 0))
		return;
	if (is_other_greeted(m, a)) {
		log_info(
			m->p.server,
			"another session of agent %s, as another client: it shares the process, which "
			"knows the first",
			a->name);
		return;
	}
	buf_done(&m->greeting);
	m->greeting = said;
	said = (struct buf){ 0 };
	m->was_ready = false; /* what is known was said to another client */
	session_done(&m->session);
	mux_forget_tools(m);
	if (is_listening(m)) {
		mux_close_stdin(m);
		mux_raise(m, EV_RENEW);
	}
}

/* The agent is told; the next process gets our own greeting. */
void private_refused(struct mux *m, const char *line, size_t len)
{
	struct rpc_msg q;
	rpc_read(line, len, &q);
	if (m->greeting.len == 0 || !rpc_at(&q, SCAN_ERROR).p)
		return;
	buf_done(&m->greeting);
	for (struct idmap_entry *call = m->ids.first, *next; call; call = next) {
		next = call->next;
		struct mux_agent *a = call->owner;
		if (!a || call->method != RPC_INITIALIZE)
			continue;
		struct patch patch = { rpc_at(&q, SCAN_ID), call->id };
		struct iovec parts[PATCHED_PARTS];
		a->phase = AGENT_NEW;
		m->counts.errors++;
		down_write(a, parts, patch_line(&q, &patch, 1, parts), DOWN_MUST);
		call_end(m, call);
	}
}

/* --- what the process asks ---------------------------------------------------------------------- */

static struct mux_agent *choose(const struct mux *m)
{
	struct mux_agent *best = NULL;
	for (struct mux_agent *a = m->first; a; a = a->next)
		if (is_client(a) && (!best || (a->n_calls > 0 && best->n_calls == 0)))
			best = a;
	return best;
}

/* It may not be asked before it has said initialized; one that never does is when it waits for answers. */
static bool is_to_wait(const struct mux *m, const struct mux_agent *a)
{
	return a->phase == AGENT_GREETED && (!m->is_ready || a->n_calls == 0);
}

static void hand_down(struct mux_agent *a, const struct rpc_msg *q)
{
	struct iovec whole = { (void *)q->line, q->len };
	down_write(a, &whole, 1, DOWN_MUST);
}

/* Where the request of this id stands in the list; of any end where a is NULL. *NULL: nowhere. */
static struct mux_asked **find(struct mux *m, const struct mux_agent *a, struct span id)
{
	struct mux_asked **at = &m->asked;
	while (*at &&
	       !((!a || (*at)->to == a) && (*at)->n == id.n && memcmp((*at)->id, id.p, id.n) == 0))
		at = &(*at)->next;
	return at;
}

static void drop(struct mux *m, struct mux_asked **at)
{
	struct mux_asked *asked = *at;
	*at = asked->next;
	m->n_asked--;
	free(asked);
}

static void refuse(struct mux *m, struct span id)
{
	_cleanup_buf_ struct buf b = { 0 };
	if (is_listening(m) && rpc_error(&b, id, RPC_E_INTERNAL, "The client has gone", NULL) == 0)
		(void)up_write_buf(m, &b); /* a broken pipe has been raised */
}

bool private_ask(struct mux *m, const struct rpc_msg *q)
{
	struct span id = rpc_at(q, SCAN_ID);
	struct mux_agent *a = m->p.is_private ? choose(m) : NULL;
	if (!a || m->n_asked >= ASKED_MAX)
		return false;
	if (is_to_wait(m, a)) {
		size_t held = m->held.len;
		m->held.max = m->p.max_queue;
		if (buf_add(&m->held, q->line, q->len) == 0 && buf_adds(&m->held, "\n") == 0)
			return true;
		m->held.len = held;
		return false;
	}
	struct mux_asked *asked = malloc(sizeof(*asked) + id.n);
	if (!asked)
		return false;
	*asked = (struct mux_asked){ .next = m->asked, .to = a, .n = id.n };
	memcpy(asked->id, id.p, id.n);
	m->asked = asked;
	m->n_asked++;
	rest_used(m);
	hand_down(a, q);
	return true;
}

/* One after the other: given to somebody, or refused. */
static void let_held_go(struct mux *m, bool is_refused)
{
	_cleanup_buf_ struct buf held = m->held;
	m->held = (struct buf){ 0 };
	for (char *line = held.data, *end; held.len && line < held.data + held.len;
	     line = end + 1) {
		struct rpc_msg q;
		end = memchr(line, '\n', (size_t)(held.data + held.len - line));
		rpc_read(line, (size_t)(end - line), &q);
		if (is_refused || !private_ask(m, &q))
			refuse(m, rpc_at(&q, SCAN_ID));
	}
}

void private_ready(struct mux_agent *a)
{
	if (a->mux->held.len)
		let_held_go(a->mux, false);
}

void private_answer(struct mux_agent *a, const struct rpc_msg *q)
{
	struct mux *m = a->mux;
	struct mux_asked **at = find(m, a, rpc_at(q, SCAN_ID));
	if (!*at)
		return;
	struct iovec whole = { (void *)q->line, q->len };
	drop(m, at);
	rest_used(m);
	if (is_listening(m))
		(void)up_write(m, &whole, 1); /* as above */
}

void private_notify(struct mux_agent *a, const struct rpc_msg *q)
{
	if (a->mux->p.is_private)
		up_notify(a, q, NULL, 0);
}

bool private_cancelled(struct mux *m, const struct rpc_msg *q)
{
	struct mux_asked **at = find(m, NULL, rpc_at(q, SCAN_REQUEST_ID));
	if (!*at)
		return false;
	hand_down((*at)->to, q);
	drop(m, at);
	return true;
}

void private_forget(struct mux_agent *a)
{
	struct mux *m = a->mux;
	for (struct mux_asked **at = &m->asked; *at;) {
		if ((*at)->to != a) {
			at = &(*at)->next;
			continue;
		}
		refuse(m, (struct span){ (*at)->id, (*at)->n });
		drop(m, at);
	}
	if (m->held.len && a->phase != AGENT_NEW && !is_other_greeted(m, a))
		let_held_go(m, true);
}

void private_died(struct mux *m)
{
	while (m->asked)
		drop(m, &m->asked);
	buf_done(&m->held);
}
