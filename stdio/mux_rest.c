/* SPDX-License-Identifier: MIT */
/*
 * While nobody uses the server: when that has lasted idle_timeout, it is told; and the list of tools is kept, so that
 * an agent that only looks wakes nobody.
 *
 * What is kept is the line that this process wrote when its tools were counted, just after its handshake: what the next
 * process, which begins alike, would write. It is forgotten at the first sign that this may not hold: list_changed, an
 * agent that was told otherwise, a changed file, another process. A list of several pages is not kept, since its cursors
 * may mean nothing to the next process; nor one in the modern era, where a request says more than its method.
 */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "stdio/mux_priv.h"

#include <errno.h>
#include <string.h>

/* A longer list of tools is not kept: the server is woken for it. */
enum { TOOLS_KEPT_MAX_BYTES = 256 * 1024 };

/* --- idle ------------------------------------------------------------------------------------- */

bool rest_is_use(const struct idmap_entry *call)
{
	return call->owner || (call->ask && !call->ask->is_probe && !call->ask->is_internal);
}

static bool is_needed(const struct mux *m)
{
	for (const struct idmap_entry *call = m->ids.first; call; call = call->next)
		if (rest_is_use(call))
			return true;
	if (asks_is_pending(m))
		return true;
	for (const struct subs_agent *a = m->subs.agents; a; a = a->next)
		if (a->uris && m->session.has_subscribe)
			return true;
	for (const struct mux_agent *a = m->first; a; a = a->next)
		if (tasks_are_running(&a->tasks))
			return true;
	return false;
}

/* An agent's own server is for nobody when the agent has gone. 0: never. */
static int64_t limit_ms(const struct mux *m)
{
	bool is_left = m->p.is_private && mux_agents_present(m) == 0;
	return is_left ? m->p.linger_ms + 1 : m->p.idle_timeout_ms;
}

int rest_set_timeout(struct mux *m, int64_t ms)
{
	if (ms <= 0 && !m->p.is_private) {
		loop_timer_free(take_ptr(&m->idle));
		mux_forget_tools(m);
	} else if (!m->idle) {
		if (!(m->idle = loop_timer_new(m->p.loop, rest_due, m)))
			return -ENOMEM;
		rest_used(m); /* nobody took note before */
	} else if (ms != m->p.idle_timeout_ms) {
		loop_timer_stop(m->idle);
	}
	m->p.idle_timeout_ms = ms;
	rest_look(m);
	return 0;
}

void rest_used(struct mux *m)
{
	if (m->idle)
		m->used_ms = clock_ms();
}

/* The timer stands while nobody needs the server; a use meanwhile moves it only when it fires. */
void rest_look(struct mux *m)
{
	if (m->idle && !loop_timer_is_armed(m->idle) && mux_is_open(m) && !is_needed(m) &&
	    limit_ms(m) > 0)
		loop_timer_at(m->idle, m->used_ms + limit_ms(m));
}

void rest_left(struct mux *m)
{
	if (m->p.is_private && mux_agents_present(m) == 0)
		loop_timer_in(m->idle, limit_ms(m));
}

void rest_over(struct mux *m)
{
	rest_used(m);
	rest_look(m);
}

void rest_due(void *ctx)
{
	struct mux *m = ctx;
	if (!mux_is_open(m) || is_needed(m))
		return; /* the end of what needs it looks again */
	if (limit_ms(m) == 0 || m->used_ms + limit_ms(m) > clock_ms())
		rest_look(m);
	else
		m->p.cb.on_idle(m->p.ctx);
}

/* --- the list of tools -------------------------------------------------------------------------- */

void mux_forget_tools(struct mux *m)
{
	buf_done(&m->tools_line);
}

void rest_keep_tools(struct mux *m, const char *line, size_t len)
{
	mux_forget_tools(m);
	if (!m->idle || m->is_modern)
		return;
	if (len > TOOLS_KEPT_MAX_BYTES)
		log_info(
			m->p.server,
			"its list of tools (%zu bytes) is too long to be kept (%d bytes): a tools/list "
			"wakes it",
			len, TOOLS_KEPT_MAX_BYTES);
	else
		(void)buf_add(&m->tools_line, line, len); /* no memory: it is woken */
}

/* Without a cursor, a progress token, or what else may make a difference: no params, or none in them. */
bool rest_is_plain_list(const struct rpc_msg *q)
{
	struct span params = rpc_at(q, SCAN_PARAMS);
	if (q->method != RPC_LIST_OR_READ || !scan_is(rpc_at(q, SCAN_METHOD), "tools/list"))
		return false;
	size_t i = 1;
	while (params.p && i < params.n && memchr(" \t\r\n", params.p[i], 4))
		i++;
	return !params.p || params.p[i] == '}';
}

/* Is it what is kept, but for the id? */
static bool is_as_kept(const struct mux *m, const struct rpc_msg *q)
{
	struct rpc_msg kept;
	rpc_read(m->tools_line.data, m->tools_line.len, &kept);
	struct span a = rpc_at(&kept, SCAN_ID), b = rpc_at(q, SCAN_ID);
	size_t head = (size_t)(a.p - kept.line), tail = kept.len - head - a.n;
	return head == (size_t)(b.p - q->line) && tail == q->len - head - b.n &&
	       memcmp(kept.line, q->line, head) == 0 && memcmp(a.p + a.n, b.p + b.n, tail) == 0;
}

void rest_compare_tools(struct mux *m, const struct rpc_msg *q)
{
	if (m->tools_line.len && !is_as_kept(m, q))
		mux_forget_tools(m);
}

bool rest_answer_tools(struct mux_agent *a, const struct rpc_msg *q, struct span id)
{
	struct mux *m = a->mux;
	if (m->gate != MUX_ASLEEP || mux_is_open(m) || !m->tools_line.len || !rest_is_plain_list(q))
		return false;
	struct rpc_msg kept;
	rpc_read(m->tools_line.data, m->tools_line.len, &kept);
	tools_write_list(a, &kept, id);
	return true;
}
