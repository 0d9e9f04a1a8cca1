/* SPDX-License-Identifier: MIT */
/* One run of fuzz_mux: the script, the mux and what stands around it; the books of the mux; time. */
#ifndef TESTS_MUX_RUN_H
#define TESTS_MUX_RUN_H

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "stdio/chan.h"
#include "stdio/mux_priv.h"
#include "tests/fuzz/mux_model.h"

#include <stdarg.h>

enum {
	MAX_QUEUE = 2000,
	PARK_MS = 10000,
	LINGER_MS = 60000,
	GONE_MS = 1000,
	SETTLED = 64,
	OURS = 4
};
#define J "{\"jsonrpc\":\"2.0\","

/* What a process does with the handshake. */
enum server_kind { SERVES, NO_TOOLS, MODERN, REFUSES, MUTE, BABBLES, KINDS };

struct run {
	const uint8_t *at, *stop;
	struct model m;
	struct mux *mux;
	struct mux_params p;
	struct mux_agent *agent[AGENTS];
	int64_t gone_ms[AGENTS]; /* both ends closed since; 0: not */
	struct end server;
	bool is_attached;
	struct buf heard; /* by the server, without its newline */
	enum server_kind kind;
	struct mux_ask *ours[OURS];
	bool is_gentle; /* the end: the server serves */
};

static struct run run;
static struct loop *loop;
static int64_t now;

static int64_t fake_clock(void)
{
	return now;
}

static unsigned byte(void)
{
	return run.at < run.stop ? *run.at++ : 0;
}

/* --- the books of the mux --------------------------------------------------------------------------- */

static void check_agent(const struct mux *m, const struct mux_agent *a)
{
	size_t load = 0, n = 0;
	for (const struct up_item *it = a->first; it; it = it->next)
		load += it->call ? 0 : sizeof(*it) + it->len;
	for (const struct idmap_entry *c = m->ids.first; c; c = c->next) {
		if (c->owner != a)
			continue;
		n++;
		load += idmap_bytes(c) + (c->item ? sizeof(*c->item) + c->item->len : 0);
		must(c->state != CALL_AGAIN || c->item);
		must(c->state != CALL_WAITING || (c->item && c->item->is_queued));
	}
	must(load == a->load && n == a->n_calls);
	must(a->is_paused ? load > m->p.max_queue / 2 : load <= m->p.max_queue);
	must(!a->is_gone || n == 0);
}

static void check_books(void)
{
	const struct mux *m = run.mux;
	size_t n = 0, in_flight = 0, suspects = 0;
	for (const struct idmap_entry *c = m->ids.first; c; c = c->next) {
		n++;
		in_flight += c->owner && c->state == CALL_SENT && c->method != RPC_LISTEN;
		suspects += c->is_suspect;
		must(c->owner || c->ask);
		must(!c->is_suspect || c->state == CALL_SENT);
		must(c->state != CALL_SENT || m->up);
	}
	must(n == m->ids.n && in_flight == m->n_in_flight && suspects == m->n_suspects);
	for (const struct mux_agent *a = m->first; a; a = a->next)
		check_agent(m, a);
}

/* --- time -------------------------------------------------------------------------------------------- */

static bool turn(void)
{
	bool any = end_turn(&run.server);
	for (int i = 0; i < AGENTS; i++)
		any |= run.m.agents[i].is_there && end_turn(&run.m.agents[i].end);
	unsigned long before = run.mux->events;
	must(loop_round(loop, false) == 0);
	return any || before || loop_timer_is_armed(run.mux->defer);
}

static void settle(void)
{
	for (int i = 0; i < SETTLED && turn(); i++)
		;
}

static bool has_nobody(int i)
{
	const struct end *e = &run.m.agents[i].end;
	return run.m.agents[i].is_there && e->is_pipes && !e->has_reader && !e->has_writer;
}

static void pass(int64_t ms)
{
	settle();
	now += ms;
	for (int i = 0; i < AGENTS; i++) {
		struct agent_model *g = &run.m.agents[i];
		if (!has_nobody(i))
			run.gone_ms[i] = 0;
		else
			run.gone_ms[i] += ms;
		if (run.gone_ms[i] >= (g->has_greeted ? GONE_MS : LINGER_MS))
			excuse_all(&run.m, i);
	}
	settle();
	for (int i = 0; i < AGENTS; i++) {
		bool is_over = has_nobody(i) && run.m.agents[i].end.to_mux.len == 0 &&
			       !mux_agent_is_present(run.agent[i]);
		if (!is_over)
			continue;
		must(run.agent[i]->phase == AGENT_NEW);
		model_session_over(&run.m, i);
	}
}

#endif
