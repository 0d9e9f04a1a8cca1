/* SPDX-License-Identifier: MIT */
#include "stdio/tasks.h"

#include "stdio/mux_priv.h"

#include <stdlib.h>
#include <string.h>

struct task {
	struct task *prev, *next; /* an agent's, the oldest first */
	bool is_running;
	uint64_t wire_id;  /* of the call that made it, and so of its progress */
	struct span token; /* the agent's; p == NULL: none */
	size_t n;
	char text[]; /* the ID unescaped; the token stands behind it */
};

static size_t cost_of(const struct task *t)
{
	return sizeof(*t) + t->n + t->token.n;
}

/* --- an agent's list ---------------------------------------------------------------------------- */

static void drop(struct tasks *list, struct task *t)
{
	if (t->prev)
		t->prev->next = t->next;
	else
		list->first = t->next;
	if (t->next)
		t->next->prev = t->prev;
	else
		list->last = t->prev;
	list->bytes -= cost_of(t);
	free(t);
}

static void make_room(struct tasks *list, size_t cost)
{
	for (struct task *first; (first = list->first) && list->bytes + cost > TASKS_MAX_BYTES;) {
		struct task *t = first;
		while (t && t->is_running)
			t = t->next;
		drop(list, t ? t : first);
	}
}

static void add(struct tasks *list, const char *id, size_t n, const struct idmap_entry *call)
{
	struct span token = call->token;
	size_t cost = sizeof(struct task) + n + token.n;
	if (cost > TASKS_MAX_BYTES)
		return;
	make_room(list, cost);
	struct task *t = calloc(1, cost);
	if (!t)
		return;
	t->is_running = true;
	t->wire_id = call->wire_id;
	t->n = n;
	memcpy(t->text, id, n);
	if (token.p) {
		memcpy(t->text + n, token.p, token.n);
		t->token = (struct span){ t->text + n, token.n };
	}
	t->prev = list->last;
	if (list->last)
		list->last->next = t;
	else
		list->first = t;
	list->last = t;
	list->bytes += cost;
}

void tasks_forget(struct tasks *list)
{
	while (list->first)
		drop(list, list->first);
}

bool tasks_are_running(const struct tasks *list)
{
	for (const struct task *t = list->first; t; t = t->next)
		if (t->is_running)
			return true;
	return false;
}

/* --- finding ------------------------------------------------------------------------------------ */

static struct task *find(const struct mux *m, struct span task_id, struct mux_agent **ret_owner)
{
	char text[TASKS_MAX_ID];
	long n = task_id.p ? scan_text(task_id, text, sizeof(text)) : -1;
	if (n < 0)
		return NULL;
	for (struct mux_agent *a = m->first; a; a = a->next) {
		for (struct task *t = a->tasks.first; t; t = t->next) {
			if (t->n == (size_t)n && memcmp(t->text, text, t->n) == 0) {
				*ret_owner = a;
				return t;
			}
		}
	}
	return NULL;
}

struct mux_agent *tasks_owner(struct mux *m, struct span task_id)
{
	struct mux_agent *owner = NULL;
	(void)find(m, task_id, &owner); /* the owner alone is asked for */
	return owner;
}

struct mux_agent *tasks_progress(struct mux *m, struct span wire_token, struct span *ret_token)
{
	uint64_t wire_id;
	if (!rpc_is_wire_id(wire_token, &wire_id))
		return NULL;
	for (struct mux_agent *a = m->first; a; a = a->next) {
		for (struct task *t = a->tasks.first; t; t = t->next) {
			if (t->wire_id == wire_id && t->is_running && t->token.p) {
				*ret_token = t->token;
				return a;
			}
		}
	}
	return NULL;
}

/* --- what becomes of them ----------------------------------------------------------------------- */

bool tasks_refuse(struct mux_agent *a, const struct rpc_msg *q, struct span id)
{
	struct mux_agent *owner = tasks_owner(a->mux, rpc_at(q, SCAN_TASK_ID));
	if (q->method == RPC_TASKS_LIST)
		agent_error(a, id, RPC_E_METHOD, "Tasks are not listed on a shared server", NULL);
	else if (owner && owner != a)
		agent_error(a, id, RPC_E_PARAMS, "Task not found", NULL);
	else
		return false;
	return true;
}

static bool is_end(struct span status)
{
	return status.p && (scan_is(status, "completed") || scan_is(status, "failed") ||
			    scan_is(status, "cancelled"));
}

static void end(struct mux *m, struct task *t)
{
	t->is_running = false;
	rest_over(m);
}

void tasks_answered(struct mux *m, const struct idmap_entry *call, const struct rpc_msg *q)
{
	struct mux_agent *a = call->owner, *owner = NULL;
	char id[TASKS_MAX_ID];
	struct span made = rpc_at(q, SCAN_NEW_TASK_ID);
	if (made.p) {
		long n = scan_text(made, id, sizeof(id));
		if (n > 0 && !find(m, made, &owner)) /* a secure ID is nobody's yet */
			add(&a->tasks, id, (size_t)n, call);
		return;
	}
	bool is_its_result = call->method == RPC_TASKS_RESULT;
	if (!is_its_result && !is_end(rpc_at(q, SCAN_STATUS)))
		return;
	struct task *t = find(m, rpc_at(q, is_its_result ? SCAN_RELATED_ID : SCAN_TASK_ID), &owner);
	if (t && owner == a)
		end(m, t);
}

struct mux_agent *tasks_told(struct mux *m, const struct rpc_msg *q)
{
	bool is_status = q->method == RPC_TASK_STATUS;
	struct mux_agent *owner = NULL;
	struct task *t = find(m, rpc_at(q, is_status ? SCAN_TASK_ID : SCAN_RELATED_ID), &owner);
	if (t && is_status && is_end(rpc_at(q, SCAN_STATUS)))
		end(m, t);
	return owner;
}

void tasks_died(struct mux *m)
{
	for (struct mux_agent *a = m->first; a; a = a->next)
		for (struct task *t = a->tasks.first; t; t = t->next)
			t->is_running = false;
}
