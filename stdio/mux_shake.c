/* SPDX-License-Identifier: MIT */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "stdio/chan.h"
#include "stdio/mux_priv.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MAX_PAGES = 1000 };

/* --- requests of our own ---------------------------------------------------------------------- */

/* In the modern era every request says who asks. */
static int put_params(struct mux *m, const char *params, struct buf *b)
{
	if (!m->is_modern)
		return params ? buf_adds(b, params) : buf_adds(b, "{}");
	int r = buf_adds(b, "{\"_meta\":");
	if (r == 0)
		r = session_meta(m->p.version, b);
	if (r == 0 && params && strcmp(params, "{}") != 0)
		r = buf_addf(b, ",%s", params + 1);
	else if (r == 0)
		r = buf_adds(b, "}");
	return r;
}

static int put_request(struct mux *m, uint64_t id, const char *method, const char *params,
		       struct buf *b)
{
	int r = buf_addf(b, "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"%s\",\"params\":",
			 (unsigned long long)id, method);
	if (r == 0)
		r = put_params(m, params, b);
	return r < 0 ? r : buf_adds(b, "}");
}

struct mux_ask *ask_send(struct mux *m, const char *method, const char *params, mux_reply_fn *fn,
			 void *ctx)
{
	struct mux_ask *ask = calloc(1, sizeof(*ask));
	if (!ask)
		return NULL;
	struct span none = { 0 };
	struct idmap_entry *call = idmap_add(&m->ids, NULL, none, none);
	if (!call) {
		free(ask);
		return NULL;
	}
	*ask = (struct mux_ask){ .mux = m, .call = call, .fn = fn, .ctx = ctx };
	call->ask = ask;
	call->state = CALL_SENT;
	_cleanup_buf_ struct buf line = { 0 };
	if (put_request(m, call->wire_id, method, params, &line) < 0 ||
	    up_write_buf(m, &line) < 0) {
		call_end(m, call);
		return NULL;
	}
	return ask;
}

struct mux_ask *mux_ask(struct mux *m, const char *method, const char *params_json,
			mux_reply_fn *fn, void *ctx, struct err *e)
{
	if (!mux_is_open(m)) {
		err_set(e, -ENOTCONN, "server %s is not ready: %s", m->p.server, m->why);
		return NULL;
	}
	struct mux_ask *ask = ask_send(m, method, params_json, fn, ctx);
	if (!ask)
		err_set(e, -EIO, "server %s cannot be written to", m->p.server);
	return ask;
}

struct mux_ask *mux_probe(struct mux *m, const char *method, mux_reply_fn *fn, void *ctx,
			  struct err *e)
{
	struct mux_ask *ask = mux_ask(m, method, NULL, fn, ctx, e);
	if (ask)
		ask->is_probe = true;
	return ask;
}

void mux_ask_cancel(struct mux_ask *ask)
{
	if (!ask)
		return;
	if (ask->call) {
		call_end(ask->mux, ask->call);
		return;
	}
	struct mux_ask **p = &ask->mux->failed;
	while (*p != ask)
		p = &(*p)->next;
	*p = ask->next;
	free(ask);
}

void ask_answered(struct mux *m, struct idmap_entry *call, const struct rpc_msg *q)
{
	struct mux_ask ask = *call->ask;
	call_end(m, call);
	ask.fn(ask.ctx, q->line, q->len, NULL);
}

void ask_died(struct mux *m, struct idmap_entry *call)
{
	struct mux_ask *ask = call->ask;
	if (!ask->is_internal) {
		call->ask = NULL; /* it outlives the call */
		ask->call = NULL;
		struct mux_ask **p = &m->failed;
		while (*p)
			p = &(*p)->next;
		*p = ask;
		mux_raise(m, 0);
	}
	call_end(m, call);
}

static void refuse(struct mux *m)
{
	mux_raise(m, EV_REFUSED);
}

static void step(struct mux *m, const char *method, const char *params, mux_reply_fn *fn)
{
	struct mux_ask *ask = ask_send(m, method, params, fn, m);
	if (ask) {
		ask->is_internal = true;
		return;
	}
	if (m->has_ended) /* the end of the stream tells the rest */
		return;
	err_oom(&m->refusal);
	refuse(m);
}

/* --- what agents asked the last process for --------------------------------------------------- */

static void ignore(void *ctx, const char *line, size_t len, const struct err *e)
{
	(void)ctx, (void)line, (void)len, (void)e;
}

void ask_quietly(struct mux *m, const char *method, const char *params)
{
	step(m, method, params, ignore);
}

static void send_level(struct mux *m)
{
	if (!m->subs.level || !m->session.has_logging || m->is_modern)
		return;
	struct span level = subs_level_text(m->subs.level);
	char params[64];
	(void)snprintf(params, sizeof(params), "{\"level\":%.*s}", (int)level.n, level.p);
	ask_quietly(m, "logging/setLevel", params);
}

void shake_tell_level(struct mux *m)
{
	int level = subs_level(&m->subs);
	if (level == m->subs.level || level == SUBS_NO_LEVEL)
		return;
	m->subs.level = level;
	if (mux_is_open(m))
		send_level(m);
}

static void send_uri(void *ctx, struct span uri)
{
	_cleanup_buf_ struct buf params = { 0 };
	if (buf_addf(&params, "{\"uri\":%.*s}", (int)uri.n, uri.p) == 0)
		ask_quietly(ctx, "resources/subscribe", buf_str(&params));
}

static void replay(struct mux *m)
{
	m->subs.level = subs_level(&m->subs);
	send_level(m);
	if (m->session.has_subscribe && !m->is_modern)
		subs_each(&m->subs, send_uri, m);
}

/* --- the handshake ---------------------------------------------------------------------------- */

static void finish(struct mux *m)
{
	replay(m);
	mux_became_ready(m);
}

static void count_tools(struct mux *m, const char *cursor);

static void got_tools(void *ctx, const char *line, size_t len, const struct err *e)
{
	(void)e;
	struct mux *m = ctx;
	cJSON *tree = cJSON_ParseWithLength(line, len);
	const cJSON *result = cJSON_GetObjectItemCaseSensitive(tree, "result");
	const cJSON *tools = cJSON_GetObjectItemCaseSensitive(result, "tools");
	const char *cursor =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(result, "nextCursor"));
	if (!cJSON_IsArray(tools)) {
		log_warn(
			m->p.server,
			"offers tools, but answers tools/list without a list; they are not counted");
		m->tools = -1;
		finish(m);
	} else {
		m->tools += cJSON_GetArraySize(tools);
		m->shown += tools_took_page(m, line, len);
		if (!cursor && m->pages == 0)
			rest_keep_tools(m, line, len);
		turn_learn_tools(m, tools);
		if (cursor && *cursor && ++m->pages < MAX_PAGES)
			count_tools(m, cursor);
		else
			finish(m);
	}
	cJSON_Delete(tree);
}

static void count_tools(struct mux *m, const char *cursor)
{
	_cleanup_buf_ struct buf params = { 0 };
	int r = buf_adds(&params, cursor ? "{\"cursor\":" : "{}");
	if (cursor && r == 0)
		r = rpc_string(&params, cursor, strlen(cursor));
	if (cursor && r == 0)
		r = buf_adds(&params, "}");
	if (r == 0)
		step(m, "tools/list", buf_str(&params), got_tools);
}

static void greeted(struct mux *m)
{
	if (!m->session.has_tools) {
		finish(m);
		return;
	}
	m->tools = m->shown = m->pages = 0;
	count_tools(m, NULL);
}

/* What agents know of it from the last process cannot be taken back: they asked once. */
static void learned(struct mux *m)
{
	if (m->session.changed)
		log_warn(m->p.server,
			 "%s; agents that are connected go on with what they were told",
			 m->session.changed);
	greeted(m);
}

static void discovered(void *ctx, const char *line, size_t len, const struct err *e)
{
	(void)e;
	struct mux *m = ctx;
	struct err why;
	if (session_learn(&m->session, line, len, true, &why) == 0) {
		learned(m);
		return;
	}
	if (!m->refusal.code) /* else it was only a guess, and what it said first is the reason */
		m->refusal = why;
	refuse(m);
}

static void initialized(void *ctx, const char *line, size_t len, const struct err *e)
{
	(void)e;
	struct mux *m = ctx;
	bool is_auto = strcmp(m->p.protocol, "auto") == 0;
	int r = session_learn(&m->session, line, len, false, &m->refusal);
	if (r == -EPROTONOSUPPORT)
		m->refusal.code = is_auto ? 0 : r;
	/* An agent's own greeting may be what is wrong: the next process gets ours. */
	bool is_old = r == -ENOTSUP && m->greeting.len == 0;
	if ((r == -EPROTONOSUPPORT || is_old) && is_auto) {
		m->is_modern = true;
		m->asks.declared = 0;
		step(m, "server/discover", NULL, discovered);
		return;
	}
	if (r < 0) {
		private_refused(m, line, len);
		refuse(m);
		return;
	}
	static const char said[] = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}";
	struct iovec line_out = { (void *)said, sizeof(said) - 1 };
	if (up_write(m, &line_out, 1) == 0)
		learned(m);
}

void shake_begin(struct mux *m)
{
	bool is_auto = strcmp(m->p.protocol, "auto") == 0;
	m->is_modern = strcmp(m->p.protocol, SESSION_MODERN) == 0;
	m->refusal.code = 0;
	if (m->is_modern) {
		step(m, "server/discover", NULL, discovered);
		return;
	}
	_cleanup_buf_ struct buf params = { 0 }, capabilities = { 0 };
	asks_begin(m);
	int r = m->greeting.len ? buf_add(&params, m->greeting.data, m->greeting.len)
				: asks_declare(m->asks.declared, &capabilities);
	if (r == 0 && !m->greeting.len)
		r = session_hello(is_auto ? SESSION_LEGACY : m->p.protocol, m->p.version,
				  buf_str(&capabilities), &params);
	if (r == 0)
		step(m, "initialize", buf_str(&params), initialized);
}
