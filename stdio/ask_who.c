/* SPDX-License-Identifier: MIT */
/* Which agent is asked: who can answer, and whose call it can be. Nothing is written here. */
#include "stdio/ask.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "stdio/mux_priv.h"
#include "stdio/walk.h"

/* --- what agents and servers can do --------------------------------------------------------------- */

int asks_declare(unsigned capabilities, struct buf *out)
{
	static const char *const texts[] = { "\"roots\":{\"listChanged\":true}", "\"sampling\":{}",
					     "\"elicitation\":{\"form\":{}}" };
	bool is_first = true;
	int r = buf_adds(out, "{");
	for (unsigned i = 0; i < 3 && r == 0; i++) {
		if (!(capabilities & 1U << i))
			continue;
		r = buf_addf(out, "%s%s", is_first ? "" : ",", texts[i]);
		is_first = false;
	}
	return r < 0 ? r : buf_adds(out, "}");
}

static bool has(struct span object, const char *key)
{
	struct span value;
	return walk_member(object, key, &value) && walk_is_object(value);
}

void asks_greeted(struct mux_agent *a, const struct rpc_msg *q)
{
	struct span all = { 0 }, sampling = { 0 }, elicitation = { 0 };
	unsigned can = 0;
	(void)walk_member(rpc_at(q, SCAN_PARAMS), "capabilities", &all);
	if (has(all, "roots"))
		can |= ASK_ROOTS;
	if (has(all, "sampling") && walk_member(all, "sampling", &sampling))
		can |= has(sampling, "tools") ? ASK_SAMPLING | ASK_SAMPLING_TOOLS : ASK_SAMPLING;
	if (has(all, "elicitation") && walk_member(all, "elicitation", &elicitation)) {
		bool is_url = has(elicitation, "url");
		can |= is_url ? ASK_URL : 0;
		/* Before there were modes, there were forms only. */
		can |= !is_url || has(elicitation, "form") ? ASK_FORM : 0;
	}
	a->asks.can = can;
	roots_forget(a); /* a socket may greet twice */
}

unsigned who_needs(const struct rpc_msg *q)
{
	struct span params = rpc_at(q, SCAN_PARAMS), value;
	if (q->method == RPC_ELICIT)
		return walk_member(params, "mode", &value) && scan_is(value, "url") ? ASK_URL
										    : ASK_FORM;
	bool has_tools =
		walk_member(params, "tools", &value) || walk_member(params, "toolChoice", &value);
	return has_tools ? ASK_SAMPLING | ASK_SAMPLING_TOOLS : ASK_SAMPLING;
}

static bool is_there(const struct mux_agent *a)
{
	return a->phase == AGENT_READY && !a->is_gone && !a->is_lost && !a->is_eof;
}

bool asks_can_be_asked(const struct mux_agent *a)
{
	unsigned asked = 0;
	if (a->mux->asks.declared & MUX_SAMPLING)
		asked |= ASK_SAMPLING;
	if (a->mux->asks.declared & MUX_ELICITATION)
		asked |= ASK_FORM | ASK_URL;
	return is_there(a) && (a->asks.can & asked);
}

/* A call that the server may still be at, though nobody waits for its answer. */
struct ask_ghost {
	struct ask_ghost *next;
	struct mux_agent *agent; /* NULL: its session is over */
	unsigned can;		 /* ASK_…, then */
	uint64_t wire_id, seq;
	int64_t until_ms;
	bool has_turn;
};

/* --- who is asked --------------------------------------------------------------------------------- */

static bool is_able(const struct mux_agent *a, unsigned needs)
{
	return is_there(a) && (a->asks.can & needs) == needs;
}

static struct choice only_one(const struct mux *m, unsigned needs)
{
	struct choice c = { .code = RPC_E_METHOD, .why = "No agent that can answer is here" };
	for (struct mux_agent *a = m->first; a; a = a->next) {
		if (!is_able(a, needs))
			continue;
		if (c.agent)
			return (struct choice){
				.code = RPC_E_INTERNAL,
				.why = "Several agents could answer, and no call of theirs runs",
			};
		c.agent = a;
	}
	return c;
}

const struct choice who_is_over = { .code = RPC_E_INTERNAL, .why = "The call that asked is over" };

/* Whose calls may have caused it. */
struct suspects {
	struct mux_agent *newest; /* of those who can answer */
	bool is_several;	  /* another one, or one that has gone, may be it as well */
	bool has_others;	  /* who cannot answer */
};

/* a: NULL for one that has gone. */
static void suspect(struct suspects *s, struct mux_agent *a, bool is_able_to)
{
	if (!is_able_to)
		s->has_others = true;
	else if (!s->newest && a)
		s->newest = a;
	else if (a != s->newest || !a)
		s->is_several = true;
}

static struct suspects find_suspects(const struct mux *m, unsigned needs, uint64_t seq,
				     int64_t since_ms)
{
	struct suspects s = { 0 };
	for (const struct idmap_entry *call = m->ids.last; call; call = call->prev) {
		if (call->asked_seq && call->asked_seq <= seq)
			suspect(&s, call->owner, is_able(call->owner, needs));
		else if (!call->owner && rest_is_use(call))
			suspect(&s, NULL, false); /* mcpctl call */
	}
	for (const struct ask_ghost *g = m->asks.ghosts; g; g = g->next) {
		bool is_here = g->agent && is_able(g->agent, needs);
		if (g->seq <= seq && g->until_ms > since_ms)
			suspect(&s, is_here ? g->agent : NULL, (g->can & needs) == needs);
	}
	return s;
}

struct choice who_if(struct mux_agent *a, unsigned needs)
{
	if (is_able(a, needs))
		return (struct choice){ .agent = a };
	return (struct choice){ .code = RPC_E_METHOD,
				.why = "The agent whose task runs cannot answer" };
}

struct choice who_is_asked(const struct mux *m, unsigned needs, uint64_t seq, int64_t since_ms,
			   bool is_new)
{
	struct suspects s = find_suspects(m, needs, seq, since_ms);
	if (s.newest && s.is_several && m->p.ask_policy != MUX_ASK_NEWEST)
		return (struct choice){
			.is_ambiguous = true,
			.code = RPC_E_INTERNAL,
			.why = "Several agents have calls that may have asked",
		};
	if (s.newest)
		return (struct choice){ .agent = s.newest };
	if (s.has_others)
		return (struct choice){ .code = RPC_E_METHOD,
					.why = "The agent whose call runs cannot answer" };
	return is_new && !s.is_several ? only_one(m, needs) : who_is_over;
}

/* --- calls that were taken back ------------------------------------------------------------------------ */

void ghost_note(struct mux *m, const struct idmap_entry *call)
{
	struct mux_agent *a = call->owner;
	if (!m->up || m->has_ended || !asks_has_timer(m))
		return;
	struct ask_ghost *g = calloc(1, sizeof(*g));
	if (!g)
		return; /* forgotten at once, not in a while */
	*g = (struct ask_ghost){
		.next = m->asks.ghosts,
		.agent = a,
		.can = a->phase == AGENT_READY ? a->asks.can : 0,
		.wire_id = call->wire_id,
		.seq = call->asked_seq,
		.has_turn = call->has_turn,
		.until_ms = clock_ms() + ASK_GHOST_MS,
	};
	m->asks.ghosts = g;
	struct ask_ghost **p = &m->asks.ghosts;
	for (int i = 0; *p && i < ASK_MAX_GHOSTS; i++)
		p = &(*p)->next;
	free(take_ptr(p));
}

int64_t ghost_until(const struct mux *m)
{
	int64_t next = INT64_MAX, now = clock_ms();
	for (const struct ask_ghost *g = m->asks.ghosts; g; g = g->next)
		if (g->until_ms > now && g->until_ms < next)
			next = g->until_ms;
	return next;
}

bool ghost_bars(const struct mux *m, const struct mux_agent *a)
{
	int64_t now = clock_ms();
	for (const struct ask_ghost *g = m->asks.ghosts; g; g = g->next)
		if (g->has_turn && g->until_ms > now && g->agent != a)
			return true;
	return false;
}

void ghost_answered(struct mux *m, uint64_t wire_id)
{
	struct ask_ghost **p = &m->asks.ghosts;
	while (*p && (*p)->wire_id != wire_id)
		p = &(*p)->next;
	struct ask_ghost *g = *p;
	if (!g)
		return;
	*p = g->next;
	free(g);
	mux_raise(m, 0);
}

void ghost_left(const struct mux_agent *a)
{
	for (struct ask_ghost *g = a->mux->asks.ghosts; g; g = g->next)
		if (g->agent == a)
			g->agent = NULL;
}

void ghost_forget(struct mux *m)
{
	while (m->asks.ghosts) {
		struct ask_ghost *g = m->asks.ghosts;
		m->asks.ghosts = g->next;
		free(g);
	}
}
