/* SPDX-License-Identifier: MIT */
/*
 * One agent at a time, so that what the server asks has one that it can come from. A call that does not get the turn is set
 * aside by itself: what else its agent says passes it by. Who holds the turn goes on only while nobody waits, or while
 * it is asked: what it calls then may be what it needs to answer.
 */
#include "base/cleanup.h"
#include "stdio/ask.h"
#include "stdio/mux_priv.h"
#include "stdio/walk.h"

#include <cjson/cJSON.h>
#include <string.h>

enum { READ_ONLY_MAX_BYTES = 64 * 1024 };

static bool is_serial(const struct mux *m)
{
	return m->p.ask_policy == MUX_ASK_SERIALIZE &&
	       (m->asks.declared & (MUX_SAMPLING | MUX_ELICITATION));
}

/* --- tools that are said to change nothing ---------------------------------------------------------- */

void turn_forget_tools(struct mux *m)
{
	buf_done(&m->asks.read_only);
	m->asks.is_learning = m->asks.has_tools_moved = false;
}

static void learn(struct mux *m, const cJSON *tools)
{
	const cJSON *tool;
	m->asks.read_only.max = READ_ONLY_MAX_BYTES;
	cJSON_ArrayForEach(tool, tools)
	{
		const char *name =
			cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tool, "name"));
		const cJSON *notes = cJSON_GetObjectItemCaseSensitive(tool, "annotations");
		if (name && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(notes, "readOnlyHint")) &&
		    buf_add(&m->asks.read_only, name, strlen(name) + 1) < 0)
			break; /* no room: the rest waits for its turn, which does no harm */
	}
}

void turn_learn_tools(struct mux *m, const cJSON *tools)
{
	if (m->asks.declared & (MUX_SAMPLING | MUX_ELICITATION))
		learn(m, tools);
}

void turn_tools_changed(struct mux *m)
{
	buf_done(&m->asks.read_only);
	m->asks.has_tools_moved = true;
	mux_raise(m, 0); /* one look for many changes of one moment */
}

static void got_page(void *ctx, const char *line, size_t len, const struct err *e);

static void ask_page(struct mux *m, const char *cursor)
{
	_cleanup_buf_ struct buf params = { 0 };
	int r = buf_adds(&params, cursor ? "{\"cursor\":" : "{");
	if (cursor && r == 0)
		r = rpc_string(&params, cursor, strlen(cursor));
	if (r == 0)
		r = buf_adds(&params, "}");
	struct mux_ask *ask =
		r == 0 ? ask_send(m, "tools/list", buf_str(&params), got_page, m) : NULL;
	m->asks.is_learning = ask != NULL;
	if (ask)
		ask->is_internal = true;
}

static void got_page(void *ctx, const char *line, size_t len, const struct err *e)
{
	(void)e;
	struct mux *m = ctx;
	cJSON *tree = cJSON_ParseWithLength(line, len);
	const cJSON *result = cJSON_GetObjectItemCaseSensitive(tree, "result");
	const char *cursor =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(result, "nextCursor"));
	size_t before = m->asks.read_only.len;
	m->asks.is_learning = false;
	if (m->asks.has_tools_moved) {
		turn_look(m); /* this list is of yesterday */
	} else {
		learn(m, cJSON_GetObjectItemCaseSensitive(result, "tools"));
		if (cursor && m->asks.read_only.len > before) /* no end without a gain */
			ask_page(m, cursor);
	}
	cJSON_Delete(tree);
}

void turn_look(struct mux *m)
{
	if (!m->asks.has_tools_moved || m->asks.is_learning || !mux_is_open(m) || !is_serial(m))
		return;
	m->asks.has_tools_moved = false;
	ask_page(m, NULL);
}

static bool is_read_only(const struct mux *m, const struct rpc_msg *q)
{
	const char *p = buf_str(&m->asks.read_only), *end = p + m->asks.read_only.len;
	struct span name;
	if (p == end || !walk_member(rpc_at(q, SCAN_PARAMS), "name", &name))
		return false;
	while (p < end && !scan_is(name, p))
		p += strlen(p) + 1;
	return p < end;
}

/* --- calls -------------------------------------------------------------------------------------------- */

void turn_note(struct mux *m, struct idmap_entry *call, const struct rpc_msg *q)
{
	struct span method = rpc_at(q, SCAN_METHOD);
	if (!(m->p.capabilities & (MUX_SAMPLING | MUX_ELICITATION)))
		return;
	bool is_tool = scan_is(method, "tools/call");
	call->may_ask =
		is_tool || scan_is(method, "prompts/get") || scan_is(method, "resources/read");
	call->takes_turn = is_tool && !is_read_only(m, q);
}

static void take_turn(struct mux *m, struct idmap_entry *call)
{
	struct mux_agent *a = call->owner;
	call->has_turn = true;
	a->asks.n_turns++;
	m->asks.turn = a;
}

bool turn_must_wait(const struct mux *m, const struct idmap_entry *call)
{
	if (!call || !call->takes_turn || call->has_turn || !is_serial(m) ||
	    !asks_can_be_asked(call->owner))
		return false;
	const struct mux_agent *a = call->owner, *turn = m->asks.turn;
	if (turn == a && a->asks.n_asked > 0)
		return false;
	return m->asks.held_first || (turn && turn != a) || ghost_bars(m, a);
}

void turn_sent(struct mux *m, struct idmap_entry *call)
{
	if (!call->may_ask)
		return;
	call->asked_seq = ++m->asks.seq;
	if (call->takes_turn && !call->has_turn && is_serial(m) && asks_can_be_asked(call->owner) &&
	    (!m->asks.turn || m->asks.turn == call->owner))
		take_turn(m, call);
}

void turn_over(struct mux *m, struct idmap_entry *call)
{
	struct mux_agent *a = call->owner;
	if (call->has_turn && --a->asks.n_turns == 0) {
		m->asks.turn = NULL;
		mux_raise(m, 0); /* not from here: whoever ends calls may be walking over them */
	}
	if (call->asked_seq && !call->is_answered)
		ghost_note(m, call);
	if (call->asked_seq && m->asks.n_open > 0)
		mux_raise(m, 0);
}

/* --- lines set aside ---------------------------------------------------------------------------------- */

bool turn_hold(struct mux *m, struct up_item *it)
{
	if (!turn_must_wait(m, it->call))
		return false;
	it->is_held = true;
	it->prev = m->asks.held_last;
	it->next = NULL;
	if (m->asks.held_last)
		m->asks.held_last->next = it;
	else
		m->asks.held_first = it;
	m->asks.held_last = it;
	if (!m->asks.turn)
		mux_raise(m, 0); /* it is a time that it waits for */
	return true;
}

bool turn_is_held(const struct idmap_entry *call)
{
	return call->item && call->item->is_held;
}

void turn_drop(struct mux *m, struct up_item *it)
{
	if (!it->is_held)
		return;
	it->is_held = false;
	if (it->prev)
		it->prev->next = it->next;
	else
		m->asks.held_first = it->next;
	if (it->next)
		it->next->prev = it->prev;
	else
		m->asks.held_last = it->prev;
}

static void let_go(struct mux *m, struct up_item *it)
{
	struct mux_agent *a = it->call->owner;
	turn_drop(m, it);
	if (is_serial(m) && asks_can_be_asked(a))
		take_turn(m, it->call);
	up_enqueue(a, it);
}

/* In the order of their coming; those of one agent together. */
void turn_pass(struct mux *m)
{
	struct up_item *it;
	bool has_passed = false;
	while ((it = m->asks.held_first)) {
		struct mux_agent *a = it->call->owner;
		bool is_bound = is_serial(m) && asks_can_be_asked(a);
		if (is_bound && ((m->asks.turn && m->asks.turn != a) || ghost_bars(m, a)))
			break;
		let_go(m, it);
		has_passed = true;
	}
	if (has_passed)
		up_pump(m);
}

void turn_free_all_of(struct mux_agent *a)
{
	struct mux *m = a->mux;
	if (m->asks.turn != a)
		return;
	for (struct up_item *it = m->asks.held_first, *next; it; it = next) {
		next = it->next;
		if (it->call->owner == a)
			let_go(m, it);
	}
	up_pump(m);
}
