/* SPDX-License-Identifier: MIT */
#include "stdio/ask.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "stdio/mux_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define VANISHED "The agent that was asked has gone"

/* "m" and a number, in quotes. */
struct agent_id {
	char text[32];
};

static struct span agent_id_of(uint64_t number, struct agent_id *t)
{
	int n = snprintf(t->text, sizeof(t->text), "\"m%" PRIu64 "\"", number);
	return (struct span){ t->text, (size_t)n };
}

/* --- the table ---------------------------------------------------------------------------------- */

static struct span copy_to(char **to, struct span from)
{
	if (!from.p)
		return from;
	memcpy(*to, from.p, from.n);
	struct span copy = { *to, from.n };
	*to += from.n;
	return copy;
}

static void link_question(struct mux *m, struct question *x)
{
	x->number = ++m->asks.next_number;
	x->prev = m->asks.last;
	if (m->asks.last)
		m->asks.last->next = x;
	else
		m->asks.first = x;
	m->asks.last = x;
}

/* is_whole: with a copy of the line, for an agent to be found later. NULL: out of memory. */
static struct question *question_new(struct mux *m, const struct rpc_msg *q, bool is_whole)
{
	struct span id = rpc_at(q, SCAN_ID), token = rpc_at(q, SCAN_META_TOKEN);
	if (!rpc_is_id(token))
		token = (struct span){ 0 };
	struct question *x = calloc(1, sizeof(*x) + id.n + token.n + (is_whole ? q->len : 0));
	if (!x)
		return NULL;
	char *to = x->bytes;
	x->method = q->method;
	x->seq = m->asks.seq;
	if (is_whole) {
		x->len = q->len;
		memcpy(to, q->line, q->len);
		to += q->len;
		m->asks.n_open++;
		m->asks.open_bytes += q->len;
	}
	x->id = copy_to(&to, id);
	x->token = copy_to(&to, token);
	link_question(m, x);
	return x;
}

static void question_free(struct mux *m, struct question *x)
{
	if (x->agent)
		x->agent->asks.n_asked -= x->id.p != NULL;
	if (x->len && !x->agent) {
		m->asks.n_open--;
		m->asks.open_bytes -= x->len;
	}
	if (x->prev)
		x->prev->next = x->next;
	else
		m->asks.first = x->next;
	if (x->next)
		x->next->prev = x->prev;
	else
		m->asks.last = x->prev;
	free(x);
	rest_over(m);
}

bool asks_is_pending(const struct mux *m)
{
	for (const struct question *x = m->asks.first; x; x = x->next)
		if (x->id.p)
			return true;
	return false;
}

/* --- to the server -------------------------------------------------------------------------------- */

static int put_refusal(struct mux *m, struct span id, int code, const char *why, struct buf *out)
{
	unsigned more;
	if (mux_may_say(&m->unasked, &more))
		log_info(m->p.server,
			 "its request for sampling or elicitation is refused (%u more before): %s",
			 more, why);
	return rpc_error(out, id, code, why, NULL);
}

static void tell_server(struct mux *m, const struct buf *b)
{
	if (m->up && !m->has_ended && !m->is_closing)
		(void)up_write_buf(m, b); /* a broken pipe has been raised */
}

static void refuse_late(struct mux *m, struct question *x, const struct choice *c)
{
	_cleanup_buf_ struct buf b = { 0 };
	if (put_refusal(m, x->id, c->code, c->why, &b) == 0)
		tell_server(m, &b);
	question_free(m, x);
}

static void vanish(struct mux *m, struct question *x)
{
	_cleanup_buf_ struct buf b = { 0 };
	int r = x->method == RPC_ELICIT ? rpc_result(&b, x->id, "{\"action\":\"cancel\"}")
					: rpc_error(&b, x->id, RPC_E_INTERNAL, VANISHED, NULL);
	if (r == 0 && x->id.p)
		tell_server(m, &b);
	question_free(m, x);
}

/* --- to the agent --------------------------------------------------------------------------------- */

static void forward(struct question *x, struct mux_agent *a, const struct rpc_msg *q)
{
	struct agent_id text;
	struct patch patch = { rpc_at(q, SCAN_ID), agent_id_of(x->number, &text) };
	struct iovec parts[PATCHED_PARTS];
	x->agent = a;
	a->asks.n_asked++;
	rest_used(a->mux);
	if (x->needs & ASK_URL)
		link_note(a, rpc_at(q, SCAN_PARAMS));
	down_write(a, parts, patch_line(q, &patch, 1, parts), DOWN_MUST);
	turn_free_all_of(a);
}

static void tell_cancelled(struct question *x, const char *reason)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct agent_id text;
	struct span id = agent_id_of(x->number, &text);
	int r = buf_addf(&b,
			 "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":"
			 "{\"requestId\":%.*s,\"reason\":\"%s\"}}",
			 (int)id.n, id.p, reason);
	if (r == 0)
		down_write_buf(x->agent, &b, DOWN_MUST);
}

/* --- the server asks ------------------------------------------------------------------------------ */

static void due(void *ctx)
{
	asks_tend(ctx);
}

bool asks_has_timer(struct mux *m)
{
	if (!m->asks.timer)
		m->asks.timer = loop_timer_new(m->p.loop, due, m);
	return m->asks.timer != NULL;
}

/* The next look at what waits, if no call ends before. */
static void arm(struct mux *m)
{
	int64_t next = m->asks.held_first ? ghost_until(m) : INT64_MAX;
	for (const struct question *x = m->asks.first; x; x = x->next)
		if (!x->agent && x->until_ms < next)
			next = x->until_ms;
	if (next < INT64_MAX)
		loop_timer_at(m->asks.timer, next);
}

/* The calls of others may end, and then it is known whose it is. */
static struct question *wait_for_others(struct mux *m, const struct rpc_msg *q)
{
	if (m->asks.n_open >= ASK_MAX_PENDING || m->asks.open_bytes + q->len > m->p.max_queue)
		return NULL;
	struct question *x = asks_has_timer(m) ? question_new(m, q, true) : NULL;
	if (!x)
		return NULL;
	x->until_ms = clock_ms() + ASK_WAIT_MS;
	arm(m);
	return x;
}

int asks_request(struct mux *m, const struct rpc_msg *q, struct buf *out)
{
	struct span id = rpc_at(q, SCAN_ID);
	unsigned kind = q->method == RPC_SAMPLING ? MUX_SAMPLING : MUX_ELICITATION;
	if (!(m->asks.declared & kind))
		return rpc_error(out, id, RPC_E_METHOD, "Not offered to this server", NULL);
	if (id.n + rpc_at(q, SCAN_META_TOKEN).n > ASK_MAX_ID)
		return put_refusal(m, id, RPC_E_INVALID, "Its id or progress token is too long",
				   out);
	unsigned needs = who_needs(q);
	struct mux_agent *owner = tasks_owner(m, rpc_at(q, SCAN_RELATED_ID));
	struct choice c = owner ? who_if(owner, needs)
				: who_is_asked(m, needs, m->asks.seq, clock_ms(), true);
	struct question *x = NULL;
	if (c.agent && c.agent->asks.n_asked >= ASK_MAX_PENDING)
		return put_refusal(m, id, RPC_E_INTERNAL,
				   "The agent has too many to answer already", out);
	if (c.agent)
		x = question_new(m, q, false);
	else if (c.is_ambiguous && m->p.ask_policy == MUX_ASK_SERIALIZE)
		x = wait_for_others(m, q);
	if (x)
		x->needs = needs;
	if (x && c.agent)
		forward(x, c.agent, q);
	if (x)
		return 0;
	return put_refusal(m, id, c.agent ? RPC_E_INTERNAL : c.code,
			   c.agent ? "Out of memory" : c.why, out);
}

/* Is it known now whose it is? */
static void look_again(struct mux *m, struct question *x)
{
	struct choice c = who_is_asked(m, x->needs, x->seq, x->until_ms - ASK_WAIT_MS, false);
	bool may_wait =
		c.is_ambiguous && m->p.ask_policy == MUX_ASK_SERIALIZE && clock_ms() < x->until_ms;
	if (may_wait)
		return;
	if (!c.agent || c.agent->asks.n_asked >= ASK_MAX_PENDING) {
		if (c.agent) {
			c.code = RPC_E_INTERNAL;
			c.why = "The agent has too many to answer already";
		}
		refuse_late(m, x, &c);
		return;
	}
	m->asks.n_open--;
	m->asks.open_bytes -= x->len;
	struct rpc_msg q;
	rpc_read(x->bytes, x->len, &q);
	forward(x, c.agent, &q);
}

void asks_tend(struct mux *m)
{
	for (struct question *x = m->asks.first, *after; x && m->asks.n_open > 0; x = after) {
		after = x->next;
		if (!x->agent)
			look_again(m, x);
	}
	roots_tell(m);
	turn_look(m);
	turn_pass(m);
	arm(m);
}

static struct question *find_by_id(const struct mux *m, struct span id)
{
	struct question *x = m->asks.first;
	while (x && (x->id.n != id.n || !x->id.p || memcmp(x->id.p, id.p, id.n) != 0))
		x = x->next;
	return x;
}

void asks_cancelled(struct mux *m, const struct rpc_msg *q)
{
	struct span id = rpc_at(q, SCAN_REQUEST_ID);
	struct question *x = id.p ? find_by_id(m, id) : NULL;
	if (!x)
		return;
	struct agent_id text;
	struct patch patch = { id, agent_id_of(x->number, &text) };
	struct iovec parts[PATCHED_PARTS];
	if (x->agent)
		down_write(x->agent, parts, patch_line(q, &patch, 1, parts), DOWN_MUST);
	question_free(m, x);
}

/* --- the agent answers ------------------------------------------------------------------------------ */

/* Only what this very agent was asked. */
static struct question *find_asked(const struct mux_agent *a, struct span id)
{
	struct agent_id text;
	for (struct question *x = a->mux->asks.first; x; x = x->next) {
		struct span ours = agent_id_of(x->number, &text);
		if (x->agent == a && ours.n == id.n && memcmp(ours.p, id.p, id.n) == 0)
			return x;
	}
	return NULL;
}

int asks_own(struct mux_agent *a, const char *method, enum rpc_method kind)
{
	struct question *x = calloc(1, sizeof(*x));
	_cleanup_buf_ struct buf b = { 0 };
	struct agent_id text;
	if (!x)
		return -ENOMEM;
	x->agent = a;
	x->method = kind;
	link_question(a->mux, x);
	struct span id = agent_id_of(x->number, &text);
	int r = buf_addf(&b, "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"method\":\"%s\"}", (int)id.n, id.p,
			 method);
	if (r < 0)
		question_free(a->mux, x);
	else
		down_write_buf(a, &b, DOWN_MUST);
	return r;
}

void asks_answered(struct mux_agent *a, const struct rpc_msg *q)
{
	struct span id = rpc_at(q, SCAN_ID);
	struct question *x = id.p ? find_asked(a, id) : NULL;
	if (!x)
		return; /* late, or nobody asked it */
	if (x->id.p) {
		struct patch patch = { id, x->id };
		rest_used(a->mux);
		up_notify(a, q, &patch, 1);
	} else {
		roots_answered(a, q);
	}
	question_free(a->mux, x);
}

void asks_progress(struct mux_agent *a, const struct rpc_msg *q)
{
	struct span token = rpc_at(q, SCAN_TOKEN);
	for (const struct question *x = a->mux->asks.first; x && token.p; x = x->next) {
		if (x->agent == a && x->token.p && x->token.n == token.n &&
		    memcmp(x->token.p, token.p, token.n) == 0) {
			up_notify(a, q, NULL, 0);
			return;
		}
	}
}

/* --- they come and go --------------------------------------------------------------------------------- */

void asks_forget(struct mux_agent *a)
{
	struct mux *m = a->mux;
	for (struct question *x = m->asks.first, *next; x; x = next) {
		next = x->next;
		if (x->agent == a)
			vanish(m, x);
	}
	link_forget(m, a);
	ghost_left(a);
	roots_forget(a);
}

void asks_begin(struct mux *m)
{
	m->asks.declared = m->is_modern ? 0 : m->p.capabilities;
	roots_begin(m);
}

void asks_died(struct mux *m)
{
	for (struct question *x = m->asks.first, *next; x; x = next) {
		next = x->next;
		if (!x->id.p)
			continue;
		if (x->agent)
			tell_cancelled(x, "the server has ended");
		question_free(m, x);
	}
	m->asks.declared = 0;
	link_forget(m, NULL);
	ghost_forget(m);
	turn_forget_tools(m);
}

void asks_configured(struct mux *m, unsigned capabilities_before)
{
	bool had_roots = capabilities_before & MUX_ROOTS, has_roots = m->p.capabilities & MUX_ROOTS;
	for (struct mux_agent *a = m->first; a && had_roots != has_roots; a = a->next) {
		if (has_roots)
			roots_fetch(a);
		else
			roots_forget(a);
	}
}

void asks_done(struct mux *m)
{
	while (m->asks.first)
		question_free(m, m->asks.first);
	link_forget(m, NULL);
	ghost_forget(m);
	loop_timer_free(m->asks.timer);
	buf_done(&m->asks.read_only);
	buf_done(&m->asks.told);
}
