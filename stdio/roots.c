/* SPDX-License-Identifier: MIT */
/*
 * The roots of all agents, as one list that a server can have at any time without waiting for anybody: each agent is
 * asked when it is ready and when it says that they have changed. A URI stands in the list once, as the first agent that
 * has it wrote it.
 * Spec: MCP 2025-11-25 client/roots. Limits: ROOTS_MAX_BYTES and ROOTS_MAX of an agent; over them it has none.
 */
#include "base/cleanup.h"
#include "base/log.h"
#include "stdio/ask.h"
#include "stdio/mux_priv.h"
#include "stdio/walk.h"

#include <stdlib.h>
#include <string.h>

enum { ROOTS_MAX_BYTES = 64 * 1024, ROOTS_MAX = 256 };

struct root {
	struct root *next;
	size_t n, len; /* of the URI, unescaped; of the object, which stands behind it */
	char bytes[];
};

/* --- one agent's -------------------------------------------------------------------------------------- */

static struct root *root_new(struct span object)
{
	struct span uri;
	if (!walk_member(object, "uri", &uri))
		return NULL;
	struct root *r = calloc(1, sizeof(*r) + uri.n + object.n);
	long n = r ? scan_text(uri, r->bytes, uri.n) : -1;
	if (n < 0) {
		free(r);
		return NULL;
	}
	r->n = (size_t)n;
	r->len = object.n;
	memcpy(r->bytes + r->n, object.p, object.n);
	return r;
}

static void drop_roots(struct mux_agent *a)
{
	while (a->asks.roots) {
		struct root *r = a->asks.roots;
		a->asks.roots = r->next;
		free(r);
	}
}

static void take_roots(struct mux_agent *a, struct span list)
{
	struct root **end = &a->asks.roots;
	size_t n = 0;
	struct span key, one;
	drop_roots(a);
	if (list.n > ROOTS_MAX_BYTES) {
		log_warn(a->mux->p.server,
			 "agent %s has more than %d bytes of roots; none of them are shown",
			 a->name, ROOTS_MAX_BYTES);
		return;
	}
	if (!walk_is_array(list))
		return;
	struct walk w = walk_into(list);
	while (n < ROOTS_MAX && walk_next(&w, &key, &one)) {
		*end = root_new(one);
		if (!*end)
			continue;
		end = &(*end)->next;
		n++;
	}
}

static void moved(struct mux *m)
{
	m->asks.has_roots_moved = true;
	mux_raise(m, 0); /* one notification for many changes of one moment */
}

void roots_fetch(struct mux_agent *a)
{
	struct mux *m = a->mux;
	if (a->phase != AGENT_READY || !(a->asks.can & ASK_ROOTS) ||
	    !(m->p.capabilities & MUX_ROOTS))
		return;
	a->asks.is_fetch_again = a->asks.is_fetching;
	if (!a->asks.is_fetching)
		a->asks.is_fetching = asks_own(a, "roots/list", RPC_ROOTS_LIST) == 0;
}

void roots_answered(struct mux_agent *a, const struct rpc_msg *q)
{
	struct span list = { 0 };
	if (!a->asks.is_fetching) /* the configuration has thought better of it */
		return;
	(void)walk_member(rpc_at(q, SCAN_RESULT), "roots", &list);
	a->asks.is_fetching = false;
	if (a->asks.is_fetch_again) { /* these are of yesterday */
		roots_fetch(a);
		return;
	}
	take_roots(a, list);
	moved(a->mux);
}

void roots_forget(struct mux_agent *a)
{
	a->asks.is_fetching = a->asks.is_fetch_again = false;
	if (!a->asks.roots)
		return;
	drop_roots(a);
	moved(a->mux);
}

/* --- the union ---------------------------------------------------------------------------------------- */

static bool is_first(const struct mux *m, const struct root *r)
{
	for (const struct mux_agent *a = m->first; a; a = a->next)
		for (const struct root *s = a->asks.roots; s; s = s->next) {
			if (s == r)
				return true;
			if (s->n == r->n && memcmp(s->bytes, r->bytes, r->n) == 0)
				return false;
		}
	return true;
}

static int put_union(const struct mux *m, struct buf *out)
{
	const char *comma = "";
	int r = buf_adds(out, "{\"roots\":[");
	for (const struct mux_agent *a = m->first; a; a = a->next)
		for (const struct root *x = a->asks.roots; x && r == 0; x = x->next) {
			if (!is_first(m, x))
				continue;
			r = buf_adds(out, comma);
			if (r == 0)
				r = buf_add(out, x->bytes + x->n, x->len);
			comma = ",";
		}
	return r < 0 ? r : buf_adds(out, "]}");
}

/* What the process knows is now all; true: it was something else. */
static bool remember(struct mux *m)
{
	struct buf now = { 0 };
	if (put_union(m, &now) < 0) {
		buf_done(&now);
		return true; /* it had better ask */
	}
	bool is_new = strcmp(buf_str(&now), buf_str(&m->asks.told)) != 0;
	buf_done(&m->asks.told);
	m->asks.told = now;
	return is_new;
}

void roots_begin(struct mux *m)
{
	(void)remember(m);
}

int roots_answer(struct mux *m, struct span id, struct buf *out)
{
	if (!(m->asks.declared & MUX_ROOTS))
		return rpc_result(out, id, "{\"roots\":[]}");
	(void)remember(m);
	return rpc_result(out, id, buf_str(&m->asks.told));
}

void roots_tell(struct mux *m)
{
	static const char said[] =
		"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/roots/list_changed\"}";
	struct iovec line = { (void *)said, sizeof(said) - 1 };
	if (!m->asks.has_roots_moved || !mux_is_open(m) || !(m->asks.declared & MUX_ROOTS))
		return;
	m->asks.has_roots_moved = false;
	if (remember(m))
		(void)up_write(m, &line, 1); /* a broken pipe has been raised */
}
