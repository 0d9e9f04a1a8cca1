/* SPDX-License-Identifier: MIT */
#include "stdio/batch.h"

#include "base/cleanup.h"
#include "stdio/mux_priv.h"

#include <stdlib.h>
#include <string.h>

/* A request whose answer is awaited. */
struct wanted {
	struct wanted *next;
	size_t n;
	char id[];
};

struct batch {
	struct batch *next;
	bool is_open; /* elements are still being read */
	struct wanted *wanted;
	struct buf answers; /* with commas between them */
};

static const struct span no_id = { "null", 4 };

/* --- elements ----------------------------------------------------------------------------------- */

/* The next element of an array that is known to be JSON; *at stands on '[' or behind an element. */
static bool next_element(const char **at, const char *end, struct span *ret)
{
	const char *p = *at + 1, *from = p;
	size_t depth = 0;
	for (; p < end; p++) {
		if (*p == '"') {
			for (p++; *p != '"'; p++)
				p += *p == '\\';
		} else if (*p == '[' || *p == '{') {
			depth++;
		} else if (depth == 0 && (*p == ',' || *p == ']')) {
			break;
		} else if (*p == ']' || *p == '}') {
			depth--;
		}
	}
	*at = p;
	*ret = (struct span){ from, (size_t)(p - from) };
	while (ret->n && memchr(" \t\r\n", *ret->p, 4)) {
		ret->p++;
		ret->n--;
	}
	while (ret->n && memchr(" \t\r\n", ret->p[ret->n - 1], 4))
		ret->n--;
	return p < end && ret->n > 0;
}

static const char *start_of(const struct rpc_msg *q)
{
	return memchr(q->line, '[', q->len);
}

static size_t count(const struct rpc_msg *q)
{
	struct span element;
	size_t n = 0;
	for (const char *at = start_of(q); next_element(&at, q->line + q->len, &element);)
		n++;
	return n;
}

/* --- an agent's batches ------------------------------------------------------------------------- */

static void batch_free(struct mux_agent *a, struct batch *b)
{
	struct batch **p = &a->batches.first;
	while (*p != b)
		p = &(*p)->next;
	*p = b->next;
	a->batches.bytes -= b->answers.len;
	while (b->wanted) {
		struct wanted *w = b->wanted;
		b->wanted = w->next;
		free(w);
	}
	buf_done(&b->answers);
	free(b);
}

void batch_forget(struct mux_agent *a)
{
	while (a->batches.first)
		batch_free(a, a->batches.first);
	a->batches.is_allowed = false;
}

static void finish(struct mux_agent *a, struct batch *b)
{
	if (b->is_open || b->wanted)
		return;
	struct buf answers = b->answers;
	a->batches.bytes -= answers.len;
	b->answers = (struct buf){ 0 };
	batch_free(a, b);
	struct iovec parts[] = { { (void *)"[", 1 },
				 { answers.data, answers.len },
				 { (void *)"]", 1 } };
	if (answers.len)
		down_write(a, parts, 3, DOWN_MUST);
	buf_done(&answers);
}

static bool want(struct batch *b, struct span id)
{
	struct wanted *w = malloc(sizeof(*w) + id.n);
	if (!w)
		return false;
	w->n = id.n;
	memcpy(w->id, id.p, id.n);
	w->next = b->wanted;
	b->wanted = w;
	return true;
}

/* Nothing more is wanted under this id, in the batch that is returned; NULL: nothing was. */
static struct batch *settle(struct mux_agent *a, struct span id)
{
	for (struct batch *b = a->batches.first; b; b = b->next) {
		for (struct wanted **p = &b->wanted; *p; p = &(*p)->next) {
			struct wanted *w = *p;
			if (w->n != id.n || memcmp(w->id, id.p, id.n) != 0)
				continue;
			*p = w->next;
			free(w);
			return b;
		}
	}
	return NULL;
}

static void keep(struct mux_agent *a, struct batch *b, const char *line, size_t n)
{
	size_t before = b->answers.len;
	int r = before ? buf_adds(&b->answers, ",") : 0;
	if (r == 0)
		r = buf_add(&b->answers, line, n);
	if (r < 0) /* no memory: one answer less is better than none */
		b->answers.len = before;
	a->batches.bytes += b->answers.len - before;
}

bool batch_keeps(struct mux_agent *a, const struct iovec *parts, int n)
{
	_cleanup_buf_ struct buf line = { 0 }, error = { 0 };
	struct rpc_msg q;
	for (int i = 0; i < n; i++)
		if (buf_add(&line, parts[i].iov_base, parts[i].iov_len) < 0)
			return false;
	rpc_read(line.data, line.len, &q);
	struct span id = rpc_at(&q, SCAN_ID);
	struct batch *b = q.kind == RPC_RESPONSE && id.p ? settle(a, id) : NULL;
	if (!b)
		return false;
	if (a->batches.bytes + line.len <= a->mux->p.max_message)
		keep(a, b, line.data, line.len);
	else if (rpc_error(&error, id, RPC_E_INTERNAL,
			   "The answers of this batch are longer than max_message", NULL) == 0)
		keep(a, b, error.data, error.len);
	finish(a, b);
	return true;
}

void batch_call_ended(struct mux_agent *a, struct span id)
{
	struct batch *b = settle(a, id);
	if (b)
		finish(a, b);
}

/* One element; what is answered at once is kept already. */
static void take_element(struct mux_agent *a, struct batch *b, struct span element,
			 batch_line_fn *on_line)
{
	struct rpc_msg q;
	rpc_read(element.p, element.n, &q);
	struct span id = rpc_at(&q, SCAN_ID);
	bool has_answer = q.kind != RPC_NOTIFICATION && q.kind != RPC_RESPONSE;
	if (has_answer && !want(b, rpc_is_id(id) ? id : no_id))
		return; /* no memory for it: as if it had not come */
	if (q.kind == RPC_REQUEST && q.method == RPC_INITIALIZE)
		agent_error(a, id, RPC_E_INVALID, "initialize must not be part of a batch", NULL);
	else
		on_line(a, element.p, element.n);
}

bool batch_take(struct mux_agent *a, const struct rpc_msg *q, batch_line_fn *on_line)
{
	struct batches *all = &a->batches;
	if (!all->is_allowed || (all->first && all->first->is_open))
		return false;
	size_t n = count(q);
	struct batch *b = n > 0 && n <= BATCH_MAX_COUNT ? calloc(1, sizeof(*b)) : NULL;
	if (!b) {
		agent_error(a, no_id, RPC_E_INVALID,
			    n == 0 ? "An empty batch" : "Too many messages in a batch", NULL);
		return true;
	}
	b->is_open = true;
	b->next = all->first;
	all->first = b;
	struct span element;
	for (const char *at = start_of(q); next_element(&at, q->line + q->len, &element);)
		take_element(a, b, element, on_line);
	b->is_open = false;
	finish(a, b);
	return true;
}

/* --- a server's batch ---------------------------------------------------------------------------- */

void batch_cut(struct mux *m)
{
	if (m->batch_is_cut)
		*m->batch_is_cut = true;
	m->batch_is_cut = NULL;
}

bool batch_take_down(struct mux *m, const struct rpc_msg *q, batch_line_fn *on_line)
{
	if (!m->session.protocol || strcmp(m->session.protocol, SESSION_BATCHES) != 0 ||
	    m->batch_is_cut)
		return false;
	bool is_cut = false;
	_cleanup_buf_ struct buf copy = { 0 }; /* the line goes with its chan */
	if (buf_add(&copy, q->line, q->len) < 0)
		return true;
	m->batch_is_cut = &is_cut;
	struct rpc_msg mine = { .line = copy.data, .len = copy.len };
	struct span element;
	const char *at = start_of(&mine);
	while (!is_cut && next_element(&at, copy.data + copy.len, &element))
		on_line(m, element.p, element.n);
	if (!is_cut)
		m->batch_is_cut = NULL;
	return true;
}
