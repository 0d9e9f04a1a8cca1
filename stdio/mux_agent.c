/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/stream.h"
#include "stdio/chan.h"
#include "stdio/mux_priv.h"
#include "stdio/tally.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	STALL_MS = 30 * 1000, /* with more than max_queue waiting, and nothing read: it is lost */
	EOF_GRACE_MS = 1000,  /* mux.h: a client that is closing, or has died */
};

static const struct span no_id = { 0 };

/* --- what we say ------------------------------------------------------------------------------ */

void agent_error(struct mux_agent *a, struct span id, int code, const char *message,
		 const char *data)
{
	_cleanup_buf_ struct buf b = { 0 };
	if (rpc_error(&b, id, code, message, data) == 0)
		down_write_buf(a, &b, DOWN_MUST);
}

void agent_result(struct mux_agent *a, struct span id, const char *result)
{
	_cleanup_buf_ struct buf b = { 0 };
	if (rpc_result(&b, id, result) == 0)
		down_write_buf(a, &b, DOWN_MUST);
}

static void refuse(struct mux_agent *a, const struct rpc_msg *q)
{
	struct span id = rpc_at(q, SCAN_ID);
	bool is_json = q->kind != RPC_NOT_JSON;
	unsigned more;
	if (mux_may_say(&a->bad, &more))
		log_warn(
			a->mux->p.server,
			"agent %s sent what is no message (%s; %u more since the last such line). A pair of pipes is for "
			"one program; programs that come and go use mcpctl connect",
			a->name, q->why, more);
	agent_error(a, is_json && rpc_is_id(id) ? id : no_id, is_json ? RPC_E_INVALID : RPC_E_PARSE,
		    q->why, NULL);
}

/* --- sessions --------------------------------------------------------------------------------- */

static void forget_uri(void *ctx, struct span uri)
{
	struct mux *m = ctx;
	_cleanup_buf_ struct buf params = { 0 };
	if (mux_is_open(m) && m->session.has_subscribe &&
	    buf_addf(&params, "{\"uri\":%.*s}", (int)uri.n, uri.p) == 0)
		ask_quietly(m, "resources/unsubscribe", buf_str(&params));
}

static void end_session(struct mux_agent *a, const char *reason)
{
	batch_forget(a);
	up_forget(a, reason);
	asks_forget(a);
	private_forget(a);
	subs_clear(&a->mux->subs, &a->subs, forget_uri, a->mux);
	tasks_forget(&a->tasks);
	shake_tell_level(a->mux);
	rest_look(a->mux);
	a->phase = AGENT_NEW;
	a->is_counted = false;
	a->alone_ms = 0;
	a->had_both = false;
}

/* A new program begins: nothing of the last one's is for it. */
static void begin_session(struct mux_agent *a)
{
	if (a->kind == MUX_PIPES) {
		end_session(a, "a new client took the pipes");
		chan_discard(a->chan);
		mux_touch(a);
	}
	a->phase = AGENT_GREETED;
}

static void go(struct mux_agent *a, const char *reason)
{
	end_session(a, reason);
	a->is_gone = true;
	rest_left(a->mux);
	mux_raise(a->mux, 0);
}

static bool is_stalled(const struct mux_agent *a)
{
	return chan_queued_behind(a->chan) > a->mux->p.max_queue;
}

/* The reader has no claim on our memory any more. */
static void lose(struct mux_agent *a)
{
	log_warn(
		a->mux->p.server,
		"agent %s does not read its answers: %zu bytes wait, its session is ended; read `out` faster, or raise "
		"max_queue",
		a->name, chan_queued(a->chan));
	a->is_lost = false;
	a->stalled_ms = 0;
	a->tally->lost++;
	if (a->kind == MUX_SOCKET) {
		go(a, "the client does not read");
		return;
	}
	end_session(a, "the client does not read");
	if (chan_renew(a->chan) < 0)
		chan_discard(a->chan);
}

/* Milliseconds until the next look, or -1: nothing to wait for. */
static int64_t tend_stall(struct mux_agent *a)
{
	if (!a->is_lost && !is_stalled(a)) {
		a->stalled_ms = 0;
		return -1;
	}
	int64_t since =
		chan_last_write_ms(a->chan); /* not what lies before there was too much to read */
	if (since < a->stalled_ms)
		since = a->stalled_ms;
	int64_t left = since + STALL_MS - clock_ms();
	if (!a->is_lost && left > 0)
		return left;
	lose(a);
	return -1;
}

static bool has_pending(const struct mux_agent *a)
{
	return a->n_calls > 0 || chan_queued(a->chan) > 0 || chan_unread(a->chan) > 0;
}

/*
 * How long nobody may be there while something is pending. A bare request came from a script that waits for its answer, or
 * comes back for it; a program that greeted us, and held both pipes, is closing down or was killed.
 */
static int64_t linger_of(const struct mux_agent *a)
{
	int64_t ms = a->mux->p.linger_ms;
	bool is_script = a->phase == AGENT_NEW || (a->kind == MUX_PIPES && !a->had_both);
	return is_script || ms < EOF_GRACE_MS ? ms : EOF_GRACE_MS;
}

/* A session of pipes lives while somebody holds an end, and as long as an answer may be fetched. */
static int64_t tend_pipes(struct mux_agent *a)
{
	if (chan_is_broken(a->chan)) {
		end_session(a, "the pipes broke");
		(void)chan_renew(a->chan); /* if not even that works, the next change tries again */
		return -1;
	}
	bool has_reader = chan_has_reader(a->chan), has_writer = chan_has_writer(a->chan);
	if (has_reader || has_writer) {
		a->had_both |= has_reader && has_writer;
		a->alone_ms = 0;
		return -1;
	}
	int64_t now = clock_ms();
	if (!a->alone_ms)
		a->alone_ms = now;
	int64_t left = a->alone_ms + linger_of(a) - now;
	if (has_pending(a) && left > 0)
		return left;
	if (has_pending(a))
		chan_discard(a->chan);
	end_session(a, "the client has gone");
	rest_left(a->mux);
	return -1;
}

static int64_t tend_socket(struct mux_agent *a)
{
	if (chan_is_broken(a->chan)) {
		go(a, "the client has gone");
		return -1;
	}
	if (!a->is_eof)
		return -1;
	int64_t left = a->alone_ms + linger_of(a) - clock_ms();
	if (has_pending(a) && left > 0)
		return left;
	go(a, "the client has gone");
	return -1;
}

void agent_tend(struct mux_agent *a)
{
	if (a->is_gone)
		return;
	int64_t stall = tend_stall(a);
	if (a->is_gone)
		return;
	int64_t end = a->kind == MUX_PIPES ? tend_pipes(a) : tend_socket(a);
	int64_t next = stall < 0 || (end >= 0 && end < stall) ? end : stall;
	if (next >= 0 && !a->is_gone)
		loop_timer_in(a->timer, next);
	else
		loop_timer_stop(a->timer);
}

static void timer_due(void *ctx)
{
	agent_tend(ctx);
}

/* --- lines in --------------------------------------------------------------------------------- */

static void take_subscribe(struct mux_agent *a, const struct rpc_msg *q)
{
	struct span id = rpc_at(q, SCAN_ID), uri = rpc_at(q, SCAN_URI);
	if (q->method == RPC_UNSUBSCRIBE) {
		subs_remove(&a->subs, uri);
		if (subs_is_shared(&a->mux->subs, &a->subs, uri))
			agent_result(a, id, "{}"); /* others still want it */
		else
			up_call(a, q);
		return;
	}
	if (subs_add(&a->subs, uri) == -ENOSPC)
		agent_error(a, id, RPC_E_INTERNAL, "Too many subscriptions", NULL);
	else
		up_call(a, q);
}

static void take_set_level(struct mux_agent *a, const struct rpc_msg *q)
{
	int level = subs_level_of(rpc_at(q, SCAN_LEVEL));
	if (level != SUBS_NO_LEVEL) { /* else the server says what is wrong with it */
		a->subs.level = level;
		a->mux->subs.level = subs_level(&a->mux->subs);
	}
	up_call(a, q);
}

static void take_request(struct mux_agent *a, const struct rpc_msg *q)
{
	struct mux *m = a->mux;
	struct span id = rpc_at(q, SCAN_ID);
	if (q->method == RPC_PING && !m->session.is_modern) {
		agent_result(a, id, "{}");
		return;
	}
	rest_used(m);
	if (q->method == RPC_INITIALIZE) {
		begin_session(a);
		asks_greeted(a, q);
		private_greet(a, q);
	}
	if (agent_answer_here(a, q, id))
		return;
	if (idmap_by_owner(&m->ids, a, id))
		agent_error(a, id, RPC_E_INVALID, "This id is in flight already", NULL);
	else if (tools_refuse(a, q, id))
		m->counts.requests++;
	else if (rest_answer_tools(a, q, id) || tasks_refuse(a, q, id))
		return;
	else if (m->session.is_modern)
		up_call(a, q); /* what it does not know it refuses itself */
	else if (q->method == RPC_SUBSCRIBE || q->method == RPC_UNSUBSCRIBE)
		take_subscribe(a, q);
	else if (q->method == RPC_SET_LEVEL)
		take_set_level(a, q);
	else
		up_call(a, q);
}

static void take_notification(struct mux_agent *a, const struct rpc_msg *q)
{
	rest_used(a->mux);
	switch (q->method) {
	case RPC_INITIALIZED:
		if (a->phase == AGENT_GREETED)
			a->phase = AGENT_READY;
		roots_fetch(a);
		private_ready(a);
		break;
	case RPC_CANCELLED:
		up_cancel(a, q);
		break;
	case RPC_PROGRESS:
		asks_progress(a, q);
		private_notify(a, q);
		break;
	case RPC_ROOTS_CHANGED:
		roots_fetch(a);
		private_notify(a, q);
		break;
	case RPC_ONE_OWNER:
	case RPC_TASK_STATUS: /* nor are tasks */
		private_notify(a, q);
		break;
	default:
		if (!tools_refuse(a, q, no_id))
			up_notify(a, q, NULL, 0);
	}
}

static void on_line(void *ctx, const char *line, size_t len)
{
	struct mux_agent *a = ctx;
	if (a->is_gone)
		return;
	struct rpc_msg q;
	rpc_read(line, len, &q);
	if (q.kind == RPC_BATCH && batch_take(a, &q, on_line))
		return;
	if (q.kind == RPC_REQUEST)
		take_request(a, &q);
	else if (q.kind == RPC_NOTIFICATION)
		take_notification(a, &q);
	else if (q.kind == RPC_RESPONSE && a->mux->p.is_private)
		private_answer(a, &q);
	else if (q.kind == RPC_RESPONSE)
		asks_answered(a, &q);
	else
		refuse(a, &q);
	a->tally->sessions += !a->is_counted;
	a->is_counted = true;
}

static void on_bad(void *ctx, enum chan_bad what, size_t len)
{
	struct mux_agent *a = ctx;
	if (a->is_gone)
		return;
	struct rpc_msg q = { .kind = RPC_NOT_JSON, .why = "half a line: its writer has gone" };
	if (what == CHAN_TORN) {
		refuse(a, &q);
		return;
	}
	char why[128];
	(void)snprintf(why, sizeof(why), "the message is longer than max_message (%zu bytes)",
		       a->mux->p.max_message);
	q.kind = RPC_INVALID;
	q.why = why;
	(void)len;
	refuse(a, &q);
}

static void on_end(void *ctx)
{
	struct mux_agent *a = ctx;
	if (a->kind == MUX_SOCKET) {
		a->is_eof = true;
		a->alone_ms = clock_ms();
	}
	mux_touch(a);
}

static void on_change(void *ctx)
{
	struct mux_agent *a = ctx;
	if (a->alone_ms || a->kind == MUX_PIPES || chan_is_broken(a->chan))
		mux_touch(a);
}

static void on_drained(void *ctx)
{
	struct mux_agent *a = ctx;
	if (a->alone_ms && chan_queued(a->chan) == 0)
		mux_touch(a);
}

/* --- birth and death --------------------------------------------------------------------------- */

static void link_agent(struct mux *m, struct mux_agent *a)
{
	a->prev = m->last;
	if (m->last)
		m->last->next = a;
	else
		m->first = a;
	m->last = a;
	subs_join(&m->subs, &a->subs);
}

static void unlink_agent(struct mux *m, struct mux_agent *a)
{
	subs_leave(&m->subs, &a->subs);
	if (a->prev)
		a->prev->next = a->next;
	else
		m->first = a->next;
	if (a->next)
		a->next->prev = a->prev;
	else
		m->last = a->prev;
}

struct mux_agent *mux_agent_new(struct mux *m, struct stream *takes,
				const struct mux_agent_params *p, struct err *e)
{
	struct mux_agent *a = calloc(1, sizeof(*a));
	if (!a) {
		err_oom(e);
		return NULL;
	}
	a->mux = m;
	a->kind = p->kind;
	a->on_gone = p->on_gone;
	a->ctx = p->ctx;
	a->name = strdup(p->agent);
	a->timer = loop_timer_new(m->p.loop, timer_due, a);
	struct chan_params cp = {
		.loop = m->p.loop,
		.max_message = m->p.max_message,
		.cb = { .on_line = on_line,
			.on_bad = on_bad,
			.on_end = on_end,
			.on_peer = on_change,
			.on_drained = on_drained },
		.ctx = a,
	};
	a->tally = tally_of(&m->tallies, p->agent);
	if (!a->name || !a->timer || !a->tally)
		err_oom(e);
	else
		a->chan = chan_new(takes, &cp, e);
	if (!a->chan) {
		loop_timer_free(a->timer);
		free(a->name);
		free(a);
		return NULL;
	}
	link_agent(m, a);
	return a;
}

void mux_agent_free(struct mux_agent *a)
{
	if (!a)
		return;
	end_session(a, "the client has gone");
	unlink_agent(a->mux, a);
	rest_left(a->mux);
	chan_free(a->chan);
	loop_timer_free(a->timer);
	filter_done(&a->filter);
	free(a->name);
	free(a);
}

bool mux_agent_is_present(const struct mux_agent *a)
{
	if (a->kind == MUX_SOCKET)
		return !a->is_gone;
	return chan_has_reader(a->chan) || chan_has_writer(a->chan) || has_pending(a);
}

const char *mux_agent_name(const struct mux_agent *a)
{
	return a->name;
}
