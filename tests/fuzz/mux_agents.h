/* SPDX-License-Identifier: MIT */
/* The agents of fuzz_mux: the acts 0 to 12 of a script. */
#ifndef TESTS_MUX_AGENTS_H
#define TESTS_MUX_AGENTS_H

#include "tests/fuzz/mux_run.h"

static void on_gone(void *ctx)
{
	int i = (int)(intptr_t)ctx;
	must(run.m.agents[i].is_there && !run.m.agents[i].is_gone);
	run.m.agents[i].is_gone = true;
	excuse_all(&run.m, i);
}

static void on_eof(void *ctx)
{
	model_eof(&run.m, (int)(intptr_t)ctx);
}

static void on_renewed(void *ctx)
{
	int i = (int)(intptr_t)ctx;
	model_session_over(&run.m, i);
	model_stops_reading(&run.m, i);
	run.m.agents[i].is_skipping = false;
	buf_done(&run.m.agents[i].half);
}

static void agent_begin(int i, bool is_pipes)
{
	struct agent_model *g = &run.m.agents[i];
	struct mux_agent_params ap = {
		.agent = "a",
		.kind = is_pipes ? MUX_PIPES : MUX_SOCKET,
		.on_gone = on_gone,
		.ctx = (void *)(intptr_t)i,
	};
	end_done(&g->end);
	end_open(&g->end, is_pipes);
	g->end.on_eof = on_eof;
	g->end.on_renewed = on_renewed;
	g->end.ctx = ap.ctx;
	g->end.has_reader = g->end.has_writer = true;
	g->is_there = true;
	g->is_gone = false;
	run.gone_ms[i] = 0;
	run.agent[i] = mux_agent_new(run.mux, &g->end.base, &ap, NULL);
	must(run.agent[i]);
}

static void agent_end(int i)
{
	struct agent_model *g = &run.m.agents[i];
	mux_agent_free(run.agent[i]);
	run.agent[i] = NULL;
	must(g->end.is_freed);
	model_session_over(&run.m, i);
	model_stops_reading(&run.m, i);
	g->is_there = g->is_skipping = false;
	buf_done(&g->half);
}

static void say(int i, const char *line, size_t n)
{
	struct agent_model *g = &run.m.agents[i];
	if (g->is_there && !g->is_gone && g->end.has_writer && run.m.n_asked < ASKED - 8)
		model_writes(&run.m, i, line, n);
}

static void sayf(int i, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void sayf(int i, const char *fmt, ...)
{
	char line[2 * MAX_MESSAGE];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	line[n] = '\n';
	say(i, line, (size_t)n + 1);
}

static const char *pick_id(char out[400])
{
	static const char *const ids[] = { "1",	  "\"1\"", "\"\\u0031\"", "9007199254740993", "-0",
					   "1e3", "\"\"",  "2",		  "\"a b\\\\\"" };
	unsigned k = byte();
	if (k < 9)
		return ids[k];
	if (k < 12) {
		memset(out, 'i', 300);
		out[0] = out[299] = '"';
		out[300] = '\0';
		return out;
	}
	(void)snprintf(out, 400, k % 2 ? "%d" : "\"u%d\"", run.m.n_asked + 100);
	return out;
}

static const char *pick_meta(char out[80])
{
	static const char *const tokens[] = { "1", "\"t\"", "\"\\u0074\"", "null", "1.5", "{}" };
	unsigned k = byte() % 10;
	if (k >= 6)
		return "";
	(void)snprintf(out, 80, ",\"_meta\":{\"progressToken\":%s}", tokens[k]);
	return out;
}

static void act_request(int i)
{
	static const char *const methods[] = { "tools/call",	  "resources/read",
					       "tools/list",	  "x",
					       "prompts/get",	  "ping",
					       "tasks/get",	  "completion/complete",
					       "server/discover", "subscriptions/listen" };
	char id[400], meta[80];
	const char *the_id = pick_id(id), *method = methods[byte() % 10],
		   *the_meta = pick_meta(meta);
	unsigned form = byte();
	int pad = form > 250 ? 1500 : form > 240 ? 300 : 0, n = run.m.n_asked;
	if (form % 4 == 0)
		sayf(i,
		     "{\"method\":\"%s\",\"params\":{\"n\":%d%s,\"p\":\"%*s\"},\"jsonrpc\":\"2.0\",\"id\":%s}",
		     method, n, the_meta, pad, "", the_id);
	else if (form % 4 == 1)
		sayf(i,
		     " { \"i\\u0064\" : %s ,\"params\":{\"n\":%d,\"id\":7%s},\"k\":\"\xff\" ,\"method\":\"%s\"\t,\"jsonrpc\":\"2.0\"} \r",
		     the_id, n, the_meta, method);
	else
		sayf(i,
		     J
		     "\"id\":%s,\"method\":\"%s\",\"params\":{\"n\":%d,\"level\":\"info\"%s,\"p\":\"%*s\"}}",
		     the_id, method, n, the_meta, pad, "");
}

static void act_state(int i)
{
	static const char *const levels[] = { "debug", "error", "emergency", "loud" };
	char id[400];
	switch (byte() % 6) {
	case 0:
		sayf(i,
		     J
		     "\"id\":\"i%d\",\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-03-26\",\"capabilities\":{\"sampling\":{},\"elicitation\":{},\"roots\":{}}}}",
		     run.m.n_asked);
		break;
	case 1:
		sayf(i, J "\"method\":\"notifications/initialized\"}");
		break;
	case 2:
		sayf(i,
		     J
		     "\"id\":%s,\"method\":\"resources/subscribe\",\"params\":{\"n\":%d,\"uri\":\"u:%u\"}}",
		     pick_id(id), run.m.n_asked, byte() % 3);
		break;
	case 3:
		sayf(i,
		     J
		     "\"id\":%s,\"method\":\"resources/unsubscribe\",\"params\":{\"n\":%d,\"uri\":\"u:%u\"}}",
		     pick_id(id), run.m.n_asked, byte() % 3);
		break;
	case 4:
		sayf(i,
		     J
		     "\"id\":%s,\"method\":\"logging/setLevel\",\"params\":{\"n\":%d,\"level\":\"%s\"}}",
		     pick_id(id), run.m.n_asked, levels[byte() % 4]);
		break;
	default:
		sayf(i, J "\"method\":\"notifications/roots/list_changed\"}");
	}
}

static void act_odd_line(int i)
{
	static const char *const lines[] = {
		"[]",
		"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"}]",
		J "\"id\":1,\"ID\":2,\"method\":\"x\"}",
		J "\"id\":1,\"\\u0069d\":2,\"method\":\"x\"}",
		J "\"id\":null,\"method\":\"x\"}",
		J "\"id\":1,\"result\":{}}",
		J "\"id\":\"m1\",\"result\":{\"roots\":[]}}",
		J "\"id\":1,\"method\":\"x\",\"result\":{}}",
		J "\"id\":1}",
		J "\"method\":\"notifications/custom\",\"params\":{\"n\":1}}",
		J "\"method\":\"notifications/progress\",\"params\":{\"progressToken\":1}}",
		J "\"id\":1,\"method\":\"x\",\"params\":[]}",
		" \t",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\"",
	};
	unsigned k = byte();
	char id[400];
	if (k < 14)
		sayf(i, "%s", lines[k]);
	else if (k < 24)
		sayf(i, "%*s", MAX_MESSAGE - 10 + (int)k - 14, "x");
	else
		sayf(i, J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":%s}}",
		     pick_id(id));
}

/* Bytes of the script as they stand, halves of lines among them. */
static void act_raw(int i)
{
	size_t n = byte(), left = (size_t)(run.stop - run.at);
	n = n < left ? n : left;
	say(i, (const char *)run.at, n);
	run.at += n;
}

static void act_ends(int i)
{
	struct agent_model *g = &run.m.agents[i];
	unsigned k = byte();
	if (!g->is_there || g->is_gone)
		return;
	if (!g->end.is_pipes) {
		g->end.has_writer = false;
		if (k % 2) { /* killed */
			g->end.has_reader = false;
			excuse_all(&run.m, i);
		}
		return;
	}
	if (k % 4 == 0 || k % 4 == 2)
		g->end.has_writer = !g->end.has_writer && k % 4 == 0;
	if (k % 4 == 1 || k % 4 == 2) {
		if (g->end.has_reader)
			model_stops_reading(&run.m, i);
		g->end.has_reader = !g->end.has_reader && k % 4 == 1;
		(void)end_turn(&g->end); /* who comes at that moment reads on, see mux_ends.h */
	}
}

static void act_agent(unsigned act)
{
	int i = (int)(byte() % AGENTS);
	struct agent_model *g = &run.m.agents[i];
	switch (act) {
	case 0:
	case 1:
		act_request(i);
		break;
	case 2:
		act_state(i);
		break;
	case 3:
		act_odd_line(i);
		break;
	case 4:
		act_raw(i);
		break;
	case 5:
		act_ends(i);
		break;
	case 6:
		g->end.room = byte() * 8 + 1;
		g->end.grain = byte() * 4 + 1;
		break;
	case 7:
		if (g->is_there)
			agent_end(i);
		else
			agent_begin(i, byte() % 3);
		break;
	default:
		if (g->end.has_reader)
			model_reads(&run.m, i, act == 8 ? SIZE_MAX : byte());
	}
}

#endif
