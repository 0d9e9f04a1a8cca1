/* SPDX-License-Identifier: MIT */
/*
 * The ledger of who asked what, kept beside the mux from the outside: lines as agents write them, as the server reads
 * and answers them, as agents read what comes back. It aborts when one of them is not as promised:
 *   to the server   only lines that an agent wrote, its ids and token alone replaced; twice only where it changes nothing
 *   to an agent     every request answered once, by its own id, with the server's bytes but for the id; nothing of
 *                   another's, nothing of a session that is over; before initialize nothing but answers
 * An answer may fail to come where the agent took the request back, lost its session, or left half a line unread.
 * Lines are told apart by rpc_read(), which fuzz_scan and its unit tests answer for.
 */
#ifndef TESTS_MUX_MODEL_H
#define TESTS_MUX_MODEL_H

#include "stdio/rpc.h"
#include "tests/fuzz/mux_ends.h"

#include <stdio.h>

/* What the mux does; ASKS_AGENTS where client_capabilities are declared. */
enum {
	SPLITS_BATCHES = 1, /* a batch is answered by lines or arrays, instead of one -32600 */
	ASKS_AGENTS = 0,   /* a server's requests are given to agents, whose answers it waits for */
	LISTENS_AGAIN = 1, /* subscriptions/listen is sent to the next process too */
};

enum { AGENTS = 4, ASKED = 400, SEEN = 1024, MAX_MESSAGE = 3000 };

/* A line that wants one answer. */
struct asked {
	int agent, session;
	char *line; /* owned; NULL: one that was refused */
	size_t len;
	struct span id, token, level; /* in line; id.p NULL: answered with null */
	enum rpc_method method;
	unsigned times; /* the server saw it */
	unsigned generation;
	bool is_excused, is_answered;
	bool is_proved;	    /* answered by the server's bytes, which say to whom they belong */
	bool is_taken_back; /* the server read that it is cancelled */
	bool is_late;	    /* … and answered all the same */
	char *reply;	    /* owned; as the server wrote it */
	size_t reply_len;
};

struct agent_model {
	struct end end;
	bool is_there, is_gone;
	struct buf half;    /* written without its newline */
	bool is_skipping;   /* … and refused already */
	struct buf reading; /* read without its newline */
	int session, confirmed;
	bool has_greeted, has_subscribed, has_batched;
	unsigned n_lost; /* answers it may have missed by its own fault */
};

struct seen {
	uint64_t wire;
	int n; /* in asked; -1: the mux's own */
	unsigned generation;
	bool is_open; /* not answered yet */
};

struct model {
	struct agent_model agents[AGENTS];
	struct asked asked[ASKED];
	int n_asked;
	struct seen seen[SEEN];
	int n_seen;
	unsigned generation;
	bool is_modern;
	int n_initialize; /* of this generation */
	unsigned n_server_asked, n_server_answered;
};

#define must(what)                                                                                 \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what);                 \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* TRACE=1 in the environment tells what happens, for a script that failed. */
static void trace(const char *who, int i, const char *line, size_t n)
{
	static int is_on = -1;
	if (is_on < 0)
		is_on = getenv("TRACE") != NULL;
	if (is_on)
		fprintf(stderr, "%s%d %.*s\n", who, i, (int)(n < 300 ? n : 300), line);
}

static bool same(struct span a, struct span b)
{
	return a.n == b.n && (a.p == NULL) == (b.p == NULL) &&
	       (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* The number that our own lines carry: {"n":7, as the first in params, result or error.data; else -1. */
static int number_in(struct span object)
{
	if (!object.p)
		return -1;
	const char *at = memmem(object.p, object.n, "{\"n\":", 5);
	return at && at + 5 < object.p + object.n && at[5] >= '0' && at[5] <= '9' ? atoi(at + 5)
										  : -1;
}

/* --- what agents write -------------------------------------------------------------------------- */

static void excuse_all(struct model *m, int agent)
{
	for (int i = 0; i < m->n_asked; i++)
		if (m->asked[i].agent == agent)
			m->asked[i].is_excused = true;
}

static struct asked *note(struct model *m, int agent, const struct rpc_msg *q)
{
	must(m->n_asked < ASKED);
	struct asked *a = &m->asked[m->n_asked++];
	const struct agent_model *g = &m->agents[agent];
	*a = (struct asked){ .agent = agent, .session = g->session };
	a->is_excused = !g->end.is_pipes && !g->end.has_reader; /* a socket that is closed */
	struct span id = rpc_at(q, SCAN_ID);
	a->len = q->len;
	a->line = malloc(q->len + 1);
	memcpy(a->line, q->line, q->len);
	a->line[q->len] = '\0';
	if (rpc_is_id(id) && q->kind != RPC_NOT_JSON)
		a->id = (struct span){ a->line + (id.p - q->line), id.n };
	if (q->kind != RPC_REQUEST) {
		a->method = RPC_INITIALIZED; /* not to be sent */
		return a;
	}
	struct span token = rpc_at(q, SCAN_META_TOKEN), level = rpc_at(q, SCAN_LEVEL);
	if (rpc_is_id(token))
		a->token = (struct span){ a->line + (token.p - q->line), token.n };
	if (q->method == RPC_SET_LEVEL && level.p)
		a->level = (struct span){ a->line + (level.p - q->line), level.n };
	a->method = q->method;
	return a;
}

static void model_cancel(struct model *m, int agent, struct span id)
{
	for (int i = 0; i < m->n_asked; i++)
		if (m->asked[i].agent == agent && id.p && same(m->asked[i].id, id))
			m->asked[i].is_excused = true;
}

/* One line, whole. */
static void model_said(struct model *m, int agent, const char *line, size_t len)
{
	struct agent_model *g = &m->agents[agent];
	struct rpc_msg q = { .line = "", .kind = RPC_NOT_JSON };
	trace("says ", agent, line, len);
	if (len > 0 && line[len - 1] == '\r')
		len--;
	bool is_long = len > MAX_MESSAGE;
	size_t blank = 0;
	while (!is_long && blank < len && memchr(" \t\r", line[blank], 3))
		blank++;
	if (blank == len)
		return;
	if (!is_long)
		rpc_read(line, len, &q);
	if (q.kind == RPC_RESPONSE)
		return;
	if (q.kind == RPC_NOTIFICATION) {
		if (q.method == RPC_CANCELLED)
			model_cancel(m, agent, rpc_at(&q, SCAN_REQUEST_ID));
		return;
	}
	if (q.kind == RPC_REQUEST && q.method == RPC_INITIALIZE) {
		if (g->end.is_pipes) {
			excuse_all(m, agent);
			g->session++;
		}
		g->has_greeted = true;
	}
	g->has_subscribed |= q.method == RPC_SUBSCRIBE;
	g->has_batched |= q.kind == RPC_BATCH;
	struct asked *a = note(m, agent, &q);
	a->is_excused |= SPLITS_BATCHES && q.kind == RPC_BATCH;
}

/* Half a line may be too long already; a CR may still belong to its end. */
static void skip_what_is_long(struct model *m, int agent)
{
	struct agent_model *g = &m->agents[agent];
	size_t n = g->half.len;
	if (g->is_skipping) {
		buf_drop(&g->half, n);
	} else if (n > MAX_MESSAGE + 1 || (n > MAX_MESSAGE && g->half.data[n - 1] != '\r')) {
		(void)note(m, agent, &(struct rpc_msg){ .line = "", .kind = RPC_NOT_JSON });
		g->is_skipping = true;
		buf_drop(&g->half, n);
	}
}

static void model_writes(struct model *m, int agent, const char *bytes, size_t n)
{
	struct agent_model *g = &m->agents[agent];
	buf_add(&g->end.to_mux, bytes, n);
	buf_add(&g->half, bytes, n);
	for (char *nl; g->half.len && (nl = memchr(g->half.data, '\n', g->half.len));) {
		size_t len = (size_t)(nl - g->half.data);
		if (!g->is_skipping)
			model_said(m, agent, g->half.data, len);
		g->is_skipping = false;
		buf_drop(&g->half, len + 1);
	}
	skip_what_is_long(m, agent);
}

/* The mux has read all that the last writer wrote: half a line is one that is no message. */
static void model_eof(struct model *m, int agent)
{
	struct agent_model *g = &m->agents[agent];
	size_t blank = 0;
	while (blank < g->half.len && memchr(" \t\r", g->half.data[blank], 3))
		blank++;
	if (blank < g->half.len)
		(void)note(m, agent, &(struct rpc_msg){ .line = "", .kind = RPC_NOT_JSON });
	g->is_skipping = false;
	buf_done(&g->half);
}

static void model_session_over(struct model *m, int agent)
{
	struct agent_model *g = &m->agents[agent];
	trace("session over ", agent, "", 0);
	excuse_all(m, agent);
	g->session++;
	g->has_greeted = g->has_subscribed = false;
}

/* --- what the server reads ----------------------------------------------------------------------- */

/* … and that nobody wants the answer any more. */
static void model_taken_back(struct model *m, const struct rpc_msg *q)
{
	uint64_t wire;
	bool is_known = false;
	must(rpc_is_wire_id(rpc_at(q, SCAN_REQUEST_ID), &wire));
	for (int i = 0; i < m->n_seen; i++) {
		const struct seen *s = &m->seen[i];
		if (s->wire != wire || s->generation != m->generation)
			continue;
		is_known = true;
		if (s->n >= 0)
			m->asked[s->n].is_taken_back = true;
	}
	must(is_known);
}

/* Is the line what the agent wrote, but for what is replaced? */
static bool is_spliced(const struct asked *a, const struct rpc_msg *q)
{
	struct span id = rpc_at(q, SCAN_ID), level = rpc_at(q, SCAN_LEVEL);
	struct span was[] = { a->id, a->token, a->level }, is[] = { id, id, level };
	for (int i = 1; i < 3; i++) { /* in the order of the line */
		for (int k = i; k > 0 && was[k].p < was[k - 1].p; k--) {
			struct span w = was[k], s = is[k];
			was[k] = was[k - 1];
			is[k] = is[k - 1];
			was[k - 1] = w;
			is[k - 1] = s;
		}
	}
	const char *from = a->line, *at = q->line, *end = q->line + q->len;
	for (int i = 0; i <= 3; i++) {
		const char *stop = i < 3 ? was[i].p : a->line + a->len;
		if (!stop)
			continue;
		size_t n = (size_t)(stop - from);
		if ((size_t)(end - at) < n || memcmp(from, at, n) != 0)
			return false;
		at += n;
		if (i == 3)
			break;
		if (!is[i].p || (size_t)(end - at) < is[i].n || memcmp(at, is[i].p, is[i].n) != 0)
			return false;
		at += is[i].n;
		from = stop + was[i].n;
	}
	return at == end;
}

static int who_asked(const struct model *m, const struct rpc_msg *q)
{
	int n = number_in(rpc_at(q, SCAN_PARAMS));
	if (n >= 0 && n < m->n_asked && m->asked[n].line && is_spliced(&m->asked[n], q))
		return n;
	for (int i = 0; i < m->n_asked; i++)
		if (m->asked[i].method == q->method && is_spliced(&m->asked[i], q))
			return i;
	return -1;
}

static bool may_be_ours(const struct rpc_msg *q)
{
	static const char head[] = "{\"jsonrpc\":\"2.0\",\"id\":";
	return q->len > sizeof(head) && memcmp(q->line, head, sizeof(head) - 1) == 0;
}

/* A request reached the server. */
static struct seen *model_reached(struct model *m, const struct rpc_msg *q)
{
	uint64_t wire;
	must(rpc_is_wire_id(rpc_at(q, SCAN_ID), &wire));
	int n = who_asked(m, q);
	must(n >= 0 || may_be_ours(q));
	for (int i = 0; i < m->n_seen; i++) {
		if (m->seen[i].wire != wire)
			continue;
		must(m->seen[i].generation < m->generation && n == m->seen[i].n && n >= 0);
		must(q->method == RPC_LIST_OR_READ || (LISTENS_AGAIN && q->method == RPC_LISTEN));
		must(LISTENS_AGAIN || m->asked[n].times == 1);
	}
	if (n >= 0) {
		m->asked[n].times++;
		m->asked[n].generation = m->generation;
	}
	if (q->method == RPC_INITIALIZE)
		must(n < 0 && ++m->n_initialize == 1);
	must(m->n_seen < SEEN);
	struct seen *s = &m->seen[m->n_seen++];
	*s = (struct seen){ .wire = wire, .n = n, .generation = m->generation, .is_open = true };
	return s;
}

/* --- what agents read ----------------------------------------------------------------------------- */

/* A line of the server's under another id. */
static void check_reply(const struct asked *a, const struct rpc_msg *q)
{
	struct rpc_msg was;
	rpc_read(a->reply, a->reply_len, &was);
	struct span id = rpc_at(&was, SCAN_ID), sub = rpc_at(&was, SCAN_SUBSCRIPTION);
	struct span now = rpc_at(q, SCAN_ID);
	size_t head = (size_t)(id.p - was.line);
	must(head == (size_t)(now.p - q->line) && memcmp(was.line, q->line, head) == 0);
	if (sub.p) /* replaced too */
		return;
	size_t tail = was.len - head - id.n;
	must(tail == q->len - head - now.n && memcmp(id.p + id.n, now.p + now.n, tail) == 0);
}

/* One of those with this id that has no answer yet; those that may stay without go last. */
static struct asked *waiting(struct model *m, int agent, struct span id)
{
	struct asked *best = NULL;
	for (int i = 0; i < m->n_asked; i++) {
		struct asked *a = &m->asked[i];
		if (a->agent == agent && !a->is_answered && same(a->id, id) &&
		    (!best || (best->is_excused && !a->is_excused)))
			best = a;
	}
	return best;
}

/* An answer that says itself whose it is. */
static void prove(struct model *m, struct asked *a, const struct rpc_msg *q)
{
	must(same(a->id, rpc_at(q, SCAN_ID)) && !a->is_proved && !a->is_late);
	must(!m->agents[a->agent].end.is_pipes || a->session >= m->agents[a->agent].confirmed);
	check_reply(a, q);
	a->is_proved = true;
	if (a->is_answered) { /* then the one before was another's with the same id */
		struct asked *other = waiting(m, a->agent, a->id);
		must(other);
		other->is_answered = true;
	}
	a->is_answered = true;
}

static void model_answered(struct model *m, int agent, const struct rpc_msg *q)
{
	struct agent_model *g = &m->agents[agent];
	struct span id = rpc_at(q, SCAN_ID), error = rpc_at(q, SCAN_ERROR);
	int n = number_in(rpc_at(q, SCAN_RESULT).p ? rpc_at(q, SCAN_RESULT) : error);
	if (id.n == 4 && memcmp(id.p, "null", 4) == 0)
		id = (struct span){ 0 };
	if (n >= 0 && n < m->n_asked && m->asked[n].reply) {
		must(m->asked[n].agent == agent);
		prove(m, &m->asked[n], q);
		return;
	}
	struct asked *a = waiting(m, agent, id);
	must(a);
	a->is_answered = true;
	if (a->method == RPC_INITIALIZE && id.n > 2 && id.p[1] == 'i' && !error.p)
		g->confirmed = a->session; /* only our own have such an id, each another one */
	if (!error.p || !memmem(error.p, error.n, "\"retryable\":true", 16))
		return;
	int alike = 0; /* with several of the same id it cannot be told which it was */
	for (int i = 0; i < m->n_asked; i++)
		alike += m->asked[i].agent == agent && same(m->asked[i].id, id);
	must(alike > 1 || a->times == 0 || a->method == RPC_LIST_OR_READ ||
	     a->method == RPC_LISTEN);
}

static void model_notified(struct model *m, int agent, const struct rpc_msg *q)
{
	const struct agent_model *g = &m->agents[agent];
	must(g->has_greeted || m->is_modern);
	if (q->method == RPC_UPDATED)
		must(g->has_subscribed || m->is_modern);
	if (q->method != RPC_PROGRESS)
		return;
	int n = number_in(rpc_at(q, SCAN_PARAMS));
	if (n >= 0 && n < m->n_asked)
		must(m->asked[n].agent == agent && same(m->asked[n].token, rpc_at(q, SCAN_TOKEN)));
}

static void model_heard(struct model *m, int agent, const char *line, size_t len)
{
	struct rpc_msg q;
	trace("hears ", agent, line, len);
	rpc_read(line, len, &q);
	if (q.kind == RPC_RESPONSE)
		model_answered(m, agent, &q);
	else if (q.kind == RPC_NOTIFICATION)
		model_notified(m, agent, &q);
	else if (q.kind == RPC_REQUEST) /* a server's, under an id of the mux */
		must(ASKS_AGENTS && m->agents[agent].has_greeted &&
		     rpc_at(&q, SCAN_ID).p[1] == 'm');
	else
		must(SPLITS_BATCHES && q.kind == RPC_BATCH && m->agents[agent].has_batched);
}

/* The agent reads up to n bytes. */
static void model_reads(struct model *m, int agent, size_t n)
{
	struct agent_model *g = &m->agents[agent];
	struct buf *from = &g->end.from_mux;
	n = n < from->len ? n : from->len;
	if (n == 0)
		return;
	buf_add(&g->reading, from->data, n);
	buf_drop(from, n);
	for (char *nl; g->reading.len && (nl = memchr(g->reading.data, '\n', g->reading.len));) {
		model_heard(m, agent, g->reading.data, (size_t)(nl - g->reading.data));
		buf_drop(&g->reading, (size_t)(nl - g->reading.data) + 1);
	}
}

/* Its reader goes: what it had of a line it will never have whole. */
static void model_stops_reading(struct model *m, int agent)
{
	struct agent_model *g = &m->agents[agent];
	g->n_lost += g->reading.len > 0;
	buf_done(&g->reading);
}

/* --- the end --------------------------------------------------------------------------------------- */

/* Its answer was taken for that of another with the same id, which needs none. */
static bool has_twin(struct model *m, const struct asked *a)
{
	struct asked *b = m->asked, *end = b + m->n_asked;
	while (b < end && !(b->agent == a->agent && same(b->id, a->id) && b->is_excused &&
			    b->is_answered && !b->is_proved))
		b++;
	if (b < end)
		b->is_answered = false; /* it serves one */
	return b < end;
}

/* Everybody was served and has read: nobody waits. */
static void model_check_all(struct model *m)
{
	unsigned missing[AGENTS] = { 0 };
	for (int i = 0; i < m->n_asked; i++) {
		const struct asked *a = &m->asked[i];
		if (a->is_answered || a->is_excused || has_twin(m, a))
			continue;
		if (++missing[a->agent] <= m->agents[a->agent].n_lost)
			continue;
		fprintf(stderr, "agent %d waits for %.*s\n", a->agent, (int)a->len, a->line);
		must(false);
	}
}

static void model_done(struct model *m)
{
	for (int i = 0; i < m->n_asked; i++) {
		free(m->asked[i].line);
		free(m->asked[i].reply);
	}
	for (int a = 0; a < AGENTS; a++) {
		end_done(&m->agents[a].end);
		buf_done(&m->agents[a].half);
		buf_done(&m->agents[a].reading);
	}
}

#endif
