/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "stdio/chan.h"
#include "stdio/mux_priv.h"
#include "stdio/tally.h"

#include <errno.h>
#include <string.h>

/* --- to an agent ------------------------------------------------------------------------------ */

/* Told once in a while what an agent that reads slowly has missed. */
static bool is_dropped(struct mux_agent *a)
{
	const struct mux *m = a->mux;
	unsigned more;
	if (chan_queued_behind(a->chan) <= m->p.max_queue)
		return false;
	a->tally->dropped++;
	if (mux_may_say(&a->dropped, &more))
		log_warn(
			m->p.server,
			"agent %s reads too slowly: notifications to it are dropped (%u before this one); answers "
			"wait. Raise max_queue, or read `out` faster",
			a->name, more);
	return true;
}

void down_write(struct mux_agent *a, const struct iovec *parts, int n, enum down_weight w)
{
	const struct mux *m = a->mux;
	if (a->is_gone || a->is_lost || (w == DOWN_MAY_DROP && is_dropped(a)))
		return;
	if (a->batches.first && w == DOWN_MUST && batch_keeps(a, parts, n))
		return;
	int r = chan_send(a->chan, parts, n);
	if (r <
	    0) { /* broken: it has gone; or no memory for an answer, which it must not wait for in vain */
		a->is_lost = r == -ENOMEM;
		mux_touch(a);
		return;
	}
	for (int i = 0; i < n; i++)
		a->given += parts[i].iov_len + (i == 0); /* and the line's end */
	if (a->alone_ms && a->kind == MUX_PIPES)
		a->alone_ms = clock_ms(); /* a new answer to be fetched */
	if (chan_queued_behind(a->chan) <= m->p.max_queue)
		return;
	if (!a->stalled_ms)
		a->stalled_ms = clock_ms();
	a->is_lost = chan_queued(a->chan) > 2 * m->p.max_queue + m->p.max_message;
	if (a->is_lost || !loop_timer_is_armed(a->timer))
		mux_touch(a);
}

void down_write_buf(struct mux_agent *a, const struct buf *b, enum down_weight w)
{
	struct iovec part = { (void *)buf_str(b), b->len };
	down_write(a, &part, 1, w);
}

static void write_patched(struct mux_agent *a, const struct rpc_msg *q, struct patch *patches,
			  int n, enum down_weight w)
{
	struct iovec parts[PATCHED_PARTS];
	down_write(a, parts, patch_line(q, patches, n, parts), w);
}

/* --- what is no message ------------------------------------------------------------------------ */

static void answer_is_lost(struct mux *m, struct idmap_entry *call, const char *why)
{
	call->is_answered = true;
	call_fail(m, call, &(struct call_failure){ .message = why, .reason = "bad answer" });
}

/* The call under this id, if it is with the server. */
static struct idmap_entry *call_of(const struct mux *m, struct span id)
{
	uint64_t wire_id;
	struct idmap_entry *call =
		rpc_is_wire_id(id, &wire_id) ? idmap_by_wire(&m->ids, wire_id) : NULL;
	return call && call->state == CALL_SENT ? call : NULL;
}

/* Never forwarded. Where it was meant as an answer, nobody waits for it in vain. */
static void garbage(struct mux *m, const struct rpc_msg *q)
{
	unsigned more;
	if (mux_may_say(&m->garbage, &more))
		log_warn(
			m->p.server,
			"wrote a line to stdout that is no message (%s; %u more since the last such line); a stdio "
			"server must log to stderr",
			q->why, more);
	struct idmap_entry *call = rpc_at(q, SCAN_METHOD).p ? NULL : call_of(m, rpc_at(q, SCAN_ID));
	if (call && call->owner)
		answer_is_lost(m, call, "The server's answer was no valid JSON-RPC message");
}

/*
 * Of n_suspects calls, n_lost had their answer in a line that was too long to be read. When those are all that is left
 * of the suspects, it was theirs.
 */
static void check_suspects(struct mux *m)
{
	if (m->n_lost == 0 || m->n_suspects > m->n_lost)
		return;
	for (struct idmap_entry *call = m->ids.first, *next; call; call = next) {
		next = call->next;
		if (call->is_suspect)
			answer_is_lost(m, call, "The server's answer was longer than max_message");
	}
	m->n_lost = 0;
}

static void on_bad(void *ctx, enum chan_bad what, size_t len)
{
	struct mux *m = ctx;
	unsigned more;
	(void)len;
	if (what != CHAN_TOO_LONG) /* half a line before the end */
		return;
	if (mux_may_say(&m->garbage, &more))
		log_warn(
			m->p.server,
			"wrote a line longer than max_message (%zu bytes); it is lost. Raise max_message",
			m->p.max_message);
	m->n_lost++;
	for (struct idmap_entry *call = m->ids.first; call; call = call->next) {
		if (!call->owner || call->state != CALL_SENT || call->is_suspect)
			continue;
		call->is_suspect = true;
		m->n_suspects++;
	}
	check_suspects(m);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void unknown_answer(struct mux *m, struct span id)
{
	uint64_t wire_id;
	unsigned more;
	if (rpc_is_wire_id(id, &wire_id) && idmap_was_ours(&m->ids, wire_id)) {
		ghost_answered(m, wire_id); /* late: cancelled, timed out, or its agent left */
		return;
	}
	if (mux_may_say(&m->unknown, &more))
		log_warn(m->p.server, "answered a request that nobody made (%u more before)", more);
}

static void take_answer(struct mux *m, const struct rpc_msg *q)
{
	struct idmap_entry *call = call_of(m, rpc_at(q, SCAN_ID));
	if (!call) {
		unknown_answer(m, rpc_at(q, SCAN_ID));
		return;
	}
	if (call->ask) {
		ask_answered(m, call, q); /* may free the mux */
		return;
	}
	m->counts.errors += rpc_at(q, SCAN_ERROR).p != NULL;
	if (call->method != RPC_LISTEN)
		hist_add(&m->counts.answered, chan_last_read_ms(m->up) - call->stamp_ms);
	m->n_given_up = 0;
	link_note_error(call->owner, rpc_at(q, SCAN_ERROR));
	struct patch patches[] = {
		{ rpc_at(q, SCAN_ID), call->id },
		{ { 0 }, call->id },
	};
	if (call_of(m, rpc_at(q, SCAN_SUBSCRIPTION)) == call)
		patches[1].at = rpc_at(q, SCAN_SUBSCRIPTION);
	if (call->is_tools_list)
		tools_write_list(call->owner, q, call->id);
	else
		write_patched(call->owner, q, patches, 2, DOWN_MUST);
	tasks_answered(m, call, q);
	if (call->is_plain_list)
		rest_compare_tools(m, q);
	if (call->is_suspect) {
		call->is_suspect = false;
		m->n_suspects--;
	}
	call->is_answered = true;
	call_end(m, call);
	check_suspects(m);
}

/* --- requests --------------------------------------------------------------------------------- */

static void take_request(struct mux *m, const struct rpc_msg *q)
{
	struct span id = rpc_at(q, SCAN_ID);
	struct buf b = { 0 };
	unsigned more;
	int r;
	if (m->is_closing || m->has_ended)
		return;
	if (m->is_modern) {
		if (mux_may_say(&m->garbage, &more))
			log_warn(m->p.server,
				 "wrote a request: in MCP " SESSION_MODERN " a server asks nobody");
		return;
	}
	if (chan_queued_behind(m->up) > m->p.max_queue) {
		if (mux_may_say(&m->flooding, &more))
			log_warn(m->p.server,
				 "asks without reading the answers; its requests are dropped");
		return;
	}
	if (q->method != RPC_PING && private_ask(m, q))
		return;
	if (q->method == RPC_PING)
		r = rpc_result(&b, id, "{}");
	else if (q->method == RPC_ROOTS_LIST)
		r = roots_answer(m, id, &b);
	else if (q->method == RPC_SAMPLING || q->method == RPC_ELICIT)
		r = asks_request(m, q, &b);
	else
		r = rpc_error(&b, id, RPC_E_METHOD, "Method not found", NULL);
	if (r == 0 && b.len)
		(void)up_write_buf(m, &b); /* a broken pipe has been raised */
	buf_done(&b);
}

/* --- notifications ------------------------------------------------------------------------------ */

/* In answer-only sessions nobody asked for it; the modern era has no initialize that tells. */
static bool hears_progress(const struct mux_agent *a)
{
	return a->phase != AGENT_NEW || a->mux->is_modern;
}

static void take_progress(struct mux *m, const struct rpc_msg *q)
{
	struct idmap_entry *call = call_of(m, rpc_at(q, SCAN_TOKEN));
	struct span token = call ? call->token : (struct span){ 0 };
	struct mux_agent *a = call ? call->owner : tasks_progress(m, rpc_at(q, SCAN_TOKEN), &token);
	if (!a || !token.p || !hears_progress(a))
		return;
	struct patch patch = { rpc_at(q, SCAN_TOKEN), token };
	write_patched(a, q, &patch, 1, DOWN_MAY_DROP);
}

/* Legacy: a request of its own. Modern: the server ends a subscriptions/listen that it will not answer. */
static void take_cancelled(struct mux *m, const struct rpc_msg *q)
{
	struct idmap_entry *call = call_of(m, rpc_at(q, SCAN_REQUEST_ID));
	if (private_cancelled(m, q))
		return;
	if (!m->is_modern)
		asks_cancelled(m, q);
	if (!m->is_modern || !call || !call->owner || call->method != RPC_LISTEN)
		return;
	struct patch patch = { rpc_at(q, SCAN_REQUEST_ID), call->id };
	write_patched(call->owner, q, &patch, 1, DOWN_MUST);
	call_end(m, call);
}

static void take_tagged(struct mux *m, const struct rpc_msg *q)
{
	struct idmap_entry *call = call_of(m, rpc_at(q, SCAN_SUBSCRIPTION));
	if (!call || !call->owner ||
	    (q->method == RPC_ACKNOWLEDGED && listen_acknowledged(call, q)))
		return;
	struct patch patch = { rpc_at(q, SCAN_SUBSCRIPTION), call->id };
	write_patched(call->owner, q, &patch, 1,
		      q->method == RPC_OTHER || q->method == RPC_ACKNOWLEDGED ? DOWN_MUST
									      : DOWN_MAY_DROP);
}

static bool wants(const struct mux *m, const struct mux_agent *a, const struct rpc_msg *q)
{
	if (a->phase != AGENT_READY)
		return false;
	if (q->method == RPC_MESSAGE)
		return subs_admits(&m->subs, &a->subs, subs_level_of(rpc_at(q, SCAN_LEVEL)));
	if (q->method == RPC_UPDATED)
		return subs_wants(&m->subs, &a->subs, rpc_at(q, SCAN_URI));
	return true;
}

/* It speaks of one agent's task. */
static void tell_owner(struct mux *m, const struct rpc_msg *q)
{
	struct iovec whole = { (void *)q->line, q->len };
	struct mux_agent *a = tasks_told(m, q);
	if (a && wants(m, a, q))
		down_write(a, &whole, 1, DOWN_MAY_DROP);
}

static const char *const lists[N_LISTS] = {
	[LIST_TOOLS] = "notifications/tools/list_changed",
	[LIST_PROMPTS] = "notifications/prompts/list_changed",
	[LIST_RESOURCES] = "notifications/resources/list_changed",
};

/* Said once: while the agent has not read the last one of its kind, that one will do. */
static void write_changed(struct mux_agent *a, const struct iovec *line, enum list list)
{
	uint64_t before = a->given;
	uint64_t read = before - chan_queued(a->chan) - chan_unread(a->chan);
	if (a->changed_at[list] > read)
		return;
	down_write(a, line, 1, DOWN_MAY_DROP);
	if (a->given != before)
		a->changed_at[list] = a->given;
}

static void broadcast(struct mux *m, const struct rpc_msg *q)
{
	struct iovec whole = { (void *)q->line, q->len };
	enum down_weight w = q->method == RPC_OTHER ? DOWN_MUST : DOWN_MAY_DROP;
	enum list list = q->method == RPC_LIST_CHANGED ? LIST_TOOLS : N_LISTS;
	while (list < N_LISTS && !scan_is(rpc_at(q, SCAN_METHOD), lists[list]))
		list++;
	for (struct mux_agent *a = m->first; a; a = a->next) {
		if (!wants(m, a, q))
			continue;
		rest_used(m);
		if (list < N_LISTS)
			write_changed(a, &whole, list);
		else
			down_write(a, &whole, 1, w);
	}
}

static void take_notification(struct mux *m, const struct rpc_msg *q)
{
	if (q->method == RPC_LIST_CHANGED &&
	    scan_is(rpc_at(q, SCAN_METHOD), "notifications/tools/list_changed")) {
		mux_forget_tools(m);
		turn_tools_changed(m);
	}
	switch (q->method) {
	case RPC_PROGRESS:
		take_progress(m, q);
		break;
	case RPC_CANCELLED:
		take_cancelled(m, q);
		break;
	case RPC_TASK_STATUS:
		tell_owner(m, q);
		break;
	case RPC_ONE_OWNER: /* shown to all, it would tell one agent of another's work */
		if (m->p.is_private)
			broadcast(m, q);
		else
			link_complete(m, q);
		break;
	case RPC_INITIALIZED:
	case RPC_ROOTS_CHANGED:
		break;
	default:
		if (rpc_at(q, SCAN_SUBSCRIPTION).p)
			take_tagged(m, q);
		else if (rpc_at(q, SCAN_RELATED_ID).p)
			tell_owner(m, q);
		else
			broadcast(m, q);
	}
}

static void tell_ready(struct mux *m, enum list list, bool is_offered)
{
	struct buf b = { 0 };
	if (is_offered &&
	    buf_addf(&b, "{\"jsonrpc\":\"2.0\",\"method\":\"%s\"}", lists[list]) == 0) {
		struct iovec line = { b.data, b.len };
		for (struct mux_agent *a = m->first; a; a = a->next)
			if (a->phase == AGENT_READY)
				write_changed(a, &line, list);
	}
	buf_done(&b);
}

/* What it holds may have changed while nobody watched. */
static void tell_updated(void *ctx, struct span uri)
{
	struct mux_agent *a = ctx;
	struct buf b = { 0 };
	if (buf_addf(
		    &b,
		    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":"
		    "%.*s}}",
		    (int)uri.n, uri.p) == 0)
		down_write_buf(a, &b, DOWN_MAY_DROP);
	buf_done(&b);
}

void down_lists_changed(struct mux *m)
{
	tell_ready(m, LIST_TOOLS, m->session.has_tools);
	tell_ready(m, LIST_PROMPTS, m->session.has_prompts);
	tell_ready(m, LIST_RESOURCES, m->session.has_resources);
	for (struct mux_agent *a = m->first; a; a = a->next)
		if (a->phase == AGENT_READY)
			subs_each_of(&a->subs, tell_updated, a);
}

/* --- lines ------------------------------------------------------------------------------------ */

static void take_line(void *ctx, const char *line, size_t len)
{
	struct mux *m = ctx;
	struct rpc_msg q;
	rpc_read(line, len, &q);
	if (q.kind == RPC_BATCH && batch_take_down(m, &q, take_line))
		return;
	if (q.kind == RPC_RESPONSE)
		take_answer(m, &q);
	else if (q.kind == RPC_NOTIFICATION)
		take_notification(m, &q);
	else if (q.kind == RPC_REQUEST)
		take_request(m, &q);
	else
		garbage(m, &q);
}

static void on_line(void *ctx, const char *line, size_t len)
{
	struct mux *m = ctx;
	m->counts.received_bytes += len + 1;
	take_line(m, line, len);
}

static void on_end(void *ctx)
{
	struct mux *m = ctx;
	if (m->has_ended)
		return;
	m->has_ended = true;
	mux_raise(m, EV_STREAM_END);
}

static void on_peer(void *ctx)
{
	struct mux *m = ctx;
	if (chan_is_broken(m->up))
		on_end(m);
}

static void on_drained(void *ctx)
{
	up_pump(ctx);
}

const struct chan_cb down_callbacks = {
	.on_line = on_line,
	.on_bad = on_bad,
	.on_end = on_end,
	.on_peer = on_peer,
	.on_drained = on_drained,
};
