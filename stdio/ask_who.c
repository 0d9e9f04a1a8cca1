/* SPDX-License-Identifier: MIT */
/* Which agent is asked: who can answer, and whose call it can be. Nothing is written here. */
#include "stdio/ask.h"
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

/* seq: what was sent until the server asked; is_new: it asks now. */
struct choice who_is_asked(const struct mux *m, unsigned needs, uint64_t seq, bool is_new)
{
	struct mux_agent *newest = NULL;
	bool is_several = false, has_others = false;
	for (const struct idmap_entry *call = m->ids.last; call; call = call->prev) {
		if (!call->asked_seq || call->asked_seq > seq)
			continue;
		if (!is_able(call->owner, needs))
			has_others = true;
		else if (!newest)
			newest = call->owner;
		else if (call->owner != newest)
			is_several = true;
	}
	if (is_several && m->p.ask_policy != MUX_ASK_NEWEST)
		return (struct choice){
			.is_ambiguous = true,
			.code = RPC_E_INTERNAL,
			.why = "Several agents have calls that may have asked",
		};
	if (newest)
		return (struct choice){ .agent = newest };
	if (is_new && !has_others)
		return only_one(m, needs);
	if (has_others)
		return (struct choice){ .code = RPC_E_METHOD,
					.why = "The agent whose call runs cannot answer" };
	return who_is_over;
}
