/* SPDX-License-Identifier: MIT */
#include "supervisor/agents.h"

#include "base/err.h"
#include "stdio/mux.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct attached {
	struct attached *next;
	struct agents *all;
	struct mux_agent *end; /* owned */
	bool is_session;
};

struct agents {
	struct mux *mux;
	struct attached *first;
	unsigned sessions;
};

struct agents *agents_new(struct mux *m)
{
	struct agents *as = calloc(1, sizeof(*as));
	if (as)
		as->mux = m;
	return as;
}

static void drop(struct attached **at)
{
	struct attached *a = *at;
	*at = a->next;
	a->all->sessions -= a->is_session;
	mux_agent_free(a->end);
	free(a);
}

void agents_free(struct agents *as)
{
	if (!as)
		return;
	while (as->first)
		drop(&as->first);
	free(as);
}

static void session_over(void *ctx)
{
	struct attached *a = ctx;
	for (struct attached **at = &a->all->first; *at; at = &(*at)->next) {
		if (*at == a) {
			drop(at);
			return;
		}
	}
}

static int add(struct agents *as, const char *agent, enum mux_end_kind kind, struct stream *takes,
	       struct err *e)
{
	struct attached *a = calloc(1, sizeof(*a));
	if (!a)
		return err_oom(e);
	a->all = as;
	struct mux_agent_params p = {
		.agent = agent, .kind = kind, .on_gone = session_over, .ctx = a
	};
	a->end = mux_agent_new(as->mux, takes, &p, e);
	if (!a->end) {
		free(a);
		return -ENOMEM;
	}
	a->next = as->first;
	as->first = a;
	a->is_session = kind == MUX_SOCKET;
	as->sessions += a->is_session;
	return 0;
}

int agents_add_pipes(struct agents *as, const char *agent, struct stream *takes, struct err *e)
{
	return add(as, agent, MUX_PIPES, takes, e);
}

int agents_add_socket(struct agents *as, const char *agent, struct stream *takes, struct err *e)
{
	if (as->sessions >= AGENTS_SESSIONS)
		return err_set(e, -EMFILE, "%d sessions are open already; end some of them",
			       AGENTS_SESSIONS);
	return add(as, agent, MUX_SOCKET, takes, e);
}

bool agents_has_pipes(const struct agents *as, const char *agent)
{
	for (const struct attached *a = as->first; a; a = a->next)
		if (!a->is_session && strcmp(mux_agent_name(a->end), agent) == 0)
			return true;
	return false;
}

void agents_set_tools(const struct agents *as, const char *agent, char *const *tools)
{
	for (const struct attached *a = as->first; a; a = a->next)
		if (strcmp(mux_agent_name(a->end), agent) == 0)
			mux_agent_set_tools(a->end, tools);
}

void agents_remove(struct agents *as, const char *agent)
{
	for (struct attached **at = &as->first; *at;) {
		if (strcmp(mux_agent_name((*at)->end), agent) == 0)
			drop(at);
		else
			at = &(*at)->next;
	}
}

void agents_each(const struct agents *as, agents_fn *fn, void *ctx)
{
	for (const struct attached *a = as->first; a; a = a->next)
		fn(ctx, mux_agent_name(a->end), a->is_session, mux_agent_is_present(a->end));
}
