/* SPDX-License-Identifier: MIT */
/* Which agent was shown which elicitation by URL: its completion is told to this agent alone. */
#include "base/cleanup.h"
#include "stdio/ask.h"
#include "stdio/mux_priv.h"
#include "stdio/walk.h"

#include <stdlib.h>
#include <string.h>

#define URL_REQUIRED "-32042"
enum { LINKS_MAX = 256, LINK_ID_MAX = 1024 };

struct ask_link {
	struct ask_link *next;
	const struct mux_agent *agent;
	size_t n;
	char id[]; /* unescaped */
};

/* The unescaped elicitationId in object; NULL: none, too long, or no memory. */
static struct ask_link *link_new(struct span object)
{
	struct span id;
	if (!walk_member(object, "elicitationId", &id) || id.n > LINK_ID_MAX)
		return NULL;
	struct ask_link *l = calloc(1, sizeof(*l) + id.n);
	long n = l ? scan_text(id, l->id, id.n) : -1;
	if (n < 0) {
		free(l);
		return NULL;
	}
	l->n = (size_t)n;
	return l;
}

static bool is_same(const struct ask_link *a, const struct ask_link *b)
{
	return a->n == b->n && memcmp(a->id, b->id, a->n) == 0;
}

/* The newest stands first; what is over the limit is forgotten from the other end. */
static void forget_oldest(struct mux *m)
{
	struct ask_link **p = &m->asks.links;
	for (size_t i = 0; *p && i < LINKS_MAX; i++)
		p = &(*p)->next;
	free(take_ptr(p));
}

void link_note(struct mux_agent *a, struct span elicitation)
{
	struct mux *m = a->mux;
	struct ask_link *l = link_new(elicitation);
	if (!l)
		return;
	l->agent = a;
	l->next = m->asks.links;
	m->asks.links = l;
	forget_oldest(m);
}

void link_note_error(struct mux_agent *a, struct span error)
{
	struct span code, data, list, key, one;
	size_t n = strlen(URL_REQUIRED);
	if (!walk_member(error, "code", &code) || code.n != n ||
	    memcmp(code.p, URL_REQUIRED, n) != 0)
		return;
	if (!walk_member(error, "data", &data) || !walk_member(data, "elicitations", &list) ||
	    !walk_is_array(list))
		return;
	struct walk w = walk_into(list);
	while (walk_next(&w, &key, &one))
		link_note(a, one);
}

void link_complete(struct mux *m, const struct rpc_msg *q)
{
	_cleanup_free_ struct ask_link *told = NULL;
	if (scan_is(rpc_at(q, SCAN_METHOD), "notifications/elicitation/complete"))
		told = link_new(rpc_at(q, SCAN_PARAMS));
	struct iovec whole = { (void *)q->line, q->len };
	for (struct ask_link **p = &m->asks.links; told && *p;) {
		struct ask_link *l = *p;
		if (!is_same(l, told)) {
			p = &l->next;
			continue;
		}
		struct mux_agent *a = m->first;
		while (a && a != l->agent)
			a = a->next;
		if (a && a->phase == AGENT_READY)
			down_write(a, &whole, 1, DOWN_MUST);
		*p = l->next;
		free(l);
	}
}

void link_forget(struct mux *m, const struct mux_agent *a)
{
	for (struct ask_link **p = &m->asks.links; *p;) {
		struct ask_link *l = *p;
		if (a && l->agent != a) {
			p = &l->next;
			continue;
		}
		*p = l->next;
		free(l);
	}
}
