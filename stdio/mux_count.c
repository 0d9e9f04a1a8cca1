/* SPDX-License-Identifier: MIT */
/* What the mux has counted, for metrics: nothing here is on the way of a line. */
#include "stdio/chan.h"
#include "stdio/mux_priv.h"
#include "stdio/tally.h"

struct mux_counts mux_counts(const struct mux *m)
{
	return m->counts;
}

struct mux_depth mux_depth(const struct mux *m)
{
	struct mux_depth d = { .queued_bytes = m->up ? chan_queued(m->up) : 0 };
	for (const struct idmap_entry *call = m->ids.first; call; call = call->next)
		d.waiting += call->owner && call->state != CALL_SENT;
	return d;
}

void mux_each_agent(const struct mux *m, mux_agent_counts_fn *fn, void *ctx)
{
	for (const struct tally *t = m->tallies; t; t = t->next) {
		struct mux_agent_counts c = {
			.agent = t->agent,
			.sessions = t->sessions,
			.lost = t->lost,
			.dropped = t->dropped,
		};
		for (const struct mux_agent *a = m->first; a; a = a->next) {
			if (a->tally != t)
				continue;
			c.present += mux_agent_is_present(a);
			c.queued_bytes += chan_queued(a->chan);
			c.waiting_bytes += a->load;
		}
		fn(ctx, &c);
	}
}
