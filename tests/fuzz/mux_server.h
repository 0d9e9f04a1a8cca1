/* SPDX-License-Identifier: MIT */
/* The server of fuzz_mux: the acts 13 to 22 of a script. */
#ifndef TESTS_MUX_SERVER_H
#define TESTS_MUX_SERVER_H

#include "tests/fuzz/mux_run.h"

static void tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *fmt, ...)
{
	char line[2 * MAX_MESSAGE];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	line[n] = '\n';
	trace("server writes ", (int)run.m.generation, line, (size_t)n);
	if (run.is_attached && run.server.has_writer)
		buf_add(&run.server.to_mux, line, (size_t)n + 1);
}

static void shake(const struct rpc_msg *q, unsigned long long id)
{
	static const char caps[] =
		"\"capabilities\":{\"resources\":{\"subscribe\":true},\"prompts\":{},\"logging\":{}%s}";
	char all[200];
	(void)snprintf(all, sizeof(all), caps, run.kind == NO_TOOLS ? "" : ",\"tools\":{}");
	if (run.kind == BABBLES)
		tell("hello");
	if (q->method == RPC_LIST_OR_READ)
		tell(J "\"id\":%llu,\"result\":{\"tools\":[{\"name\":\"a\"}]}}", id);
	else if (q->method == RPC_DISCOVER)
		tell(J "\"id\":%llu,\"result\":{\"supportedVersions\":[\"2026-07-28\"],%s}}", id,
		     all);
	else if (q->method == RPC_INITIALIZE && run.kind == MODERN)
		tell(J
		     "\"id\":%llu,\"error\":{\"code\":-32022,\"message\":\"no\",\"data\":{\"supported\":[\"2026-07-28\"]}}}",
		     id);
	else if (q->method == RPC_INITIALIZE && run.kind == REFUSES)
		tell(J "\"id\":%llu,\"error\":{\"code\":-32000,\"message\":\"no\"}}", id);
	else if (q->method == RPC_INITIALIZE)
		tell(J "\"id\":%llu,\"result\":{\"protocolVersion\":\"2025-11-25\",%s}}", id, all);
	else
		tell(J "\"id\":%llu,\"result\":{}}", id);
}

/* Its answers: the first is what the agent must get. */
static void reply(struct seen *s, unsigned how)
{
	char line[400];
	unsigned long long id = s->wire;
	int n;
	if (how % 4 == 0)
		n = snprintf(line, sizeof(line), J "\"id\":%llu,\"result\":{\"n\":%d}}", id, s->n);
	else if (how % 4 == 1)
		n = snprintf(
			line, sizeof(line),
			"{\"result\":{\"n\":%d,\"id\":9,\"x\":\"\xff\\u0000\"}, \"jsonrpc\":\"2.0\" ,\"id\" :%llu }",
			s->n, id);
	else if (how % 4 == 2)
		n = snprintf(
			line, sizeof(line),
			J
			"\"id\":%llu,\"error\":{\"code\":-1,\"message\":\"\",\"data\":{\"n\":%d}}}",
			id, s->n);
	else
		n = snprintf(
			line, sizeof(line),
			J
			"\"id\":%llu,\"result\":{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":%llu},\"y\":{\"n\":%d}}}",
			id, id, s->n);
	if (!run.is_attached || !run.server.has_writer)
		return;
	if (s->n >= 0 && s->is_open) {
		struct asked *a = &run.m.asked[s->n];
		a->is_late = a->is_taken_back;
		free(a->reply);
		a->reply = strndup(line, (size_t)n);
		a->reply_len = (size_t)n;
	}
	s->is_open = false;
	tell("%s", line);
}

static void reply_oddly(struct seen *s, unsigned how)
{
	unsigned long long id = s->wire;
	switch (how % 8) {
	case 0:
		tell(J "\"id\":\"%llu\",\"result\":{\"n\":%d}}", id, s->n);
		break;
	case 1:
		tell(J "\"id\":%llu,\"result\":{\"n\":NaN}}", id);
		break;
	case 2:
		tell(J "\"id\":%llu,\"ID\":1,\"result\":{}}", id);
		break;
	case 3:
		tell(J "\"id\":%llu,\"result\":\"%*s\"}", id, MAX_MESSAGE, "");
		break;
	case 4:
		tell(J "\"id\":%llu,\"result\":7}", id + 1);
		break;
	case 5: /* half of it */
		if (run.is_attached && run.server.has_writer)
			buf_addf(&run.server.to_mux, J "\"id\":%llu,\"resu", id);
		break;
	case 6:
		tell(J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":%llu}}",
		     id);
		if (run.m.is_modern && s->n >= 0 && run.m.asked[s->n].method == RPC_LISTEN)
			run.m.asked[s->n].is_excused = true;
		break;
	default:
		tell(J
		     "\"method\":\"notifications/progress\",\"params\":{\"n\":%d,\"progressToken\":%llu}}",
		     s->n, id);
	}
}

static void hear_line(const char *line, size_t len)
{
	struct rpc_msg q;
	trace("server reads ", (int)run.m.generation, line, len);
	rpc_read(line, len, &q);
	if (q.kind == RPC_REQUEST) {
		struct seen *s = model_reached(&run.m, &q);
		bool is_mute = run.kind == MUTE && !run.is_gentle;
		if (s->n < 0 && !is_mute) {
			s->is_open = false;
			shake(&q, s->wire);
		} else if (run.is_gentle) {
			reply(s, 0);
		}
	} else if (q.kind == RPC_NOTIFICATION && q.method == RPC_CANCELLED) {
		model_taken_back(&run.m, &q);
	} else if (q.kind == RPC_RESPONSE) {
		must(++run.m.n_server_answered <= run.m.n_server_asked);
	} else {
		must(q.kind == RPC_NOTIFICATION);
	}
}

static void hear(void)
{
	if (!run.is_attached)
		return;
	buf_add(&run.heard, run.server.from_mux.len ? run.server.from_mux.data : "",
		run.server.from_mux.len);
	buf_done(&run.server.from_mux);
	for (char *nl; run.heard.len && (nl = memchr(run.heard.data, '\n', run.heard.len));) {
		if (run.m.n_seen < SEEN - 1)
			hear_line(run.heard.data, (size_t)(nl - run.heard.data));
		buf_drop(&run.heard, (size_t)(nl - run.heard.data) + 1);
	}
}

static struct seen *pick_seen(void)
{
	unsigned k = byte();
	for (int i = run.m.n_seen - 1; i >= 0; i--) {
		struct seen *s = &run.m.seen[i];
		if (s->generation == run.m.generation && (s->is_open || k > 250) && k-- % 16 == 0)
			return s;
	}
	return NULL;
}

static void notify(void)
{
	static const char *const lines[] = {
		J "\"method\":\"notifications/tools/list_changed\"}",
		J "\"method\":\"notifications/message\",\"params\":{\"level\":\"debug\"}}",
		J "\"method\":\"notifications/message\",\"params\":{\"level\":\"emergency\"}}",
		J "\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"u:1\"}}",
		J "\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"v\"}}",
		J "\"method\":\"notifications/custom\",\"params\":{\"x\":1}}",
		J "\"method\":\"notifications/tasks/status\",\"params\":{\"taskId\":\"1\"}}",
		J "\"method\":\"notifications/progress\",\"params\":{\"progressToken\":\"1\"}}",
	};
	tell("%s", lines[byte() % 8]);
}

static void ask(void)
{
	static const char *const methods[] = { "ping", "roots/list", "sampling/createMessage",
					       "elicitation/create", "x" };
	if (!run.is_attached || !run.server.has_writer)
		return;
	run.m.n_server_asked++;
	tell(J "\"id\":\"s%u\",\"method\":\"%s\",\"params\":{}}", run.m.n_server_asked,
	     methods[byte() % 5]);
}

static void die(void)
{
	static const struct mux_death deaths[] = {
		{ .reason = "exited", .exit_code = 1, .stderr_tail = "tail\n" },
		{ .reason = "killed", .exit_code = -1, .signal = 9, .is_oom = true },
	};
	if (!run.is_attached)
		return;
	hear();
	run.server.has_writer = false;
	if (byte() % 2)
		settle();
	hear(); /* what was sent before the end was known may have been seen */
	mux_detach(run.mux, &deaths[byte() % 2]);
	run.is_attached = false;
	must(run.server.is_freed && !mux_is_attached(run.mux));
	end_done(&run.server);
	run.server = (struct end){ .is_freed = true };
	buf_done(&run.heard);
}

static void attach(enum server_kind kind)
{
	if (run.is_attached)
		return;
	end_done(&run.server);
	end_open(&run.server, false);
	run.kind = kind;
	run.m.generation++;
	run.m.n_initialize = 0;
	run.m.n_server_asked = run.m.n_server_answered = 0;
	run.m.is_modern |= kind == MODERN;
	run.is_attached = mux_attach(run.mux, &run.server.base, NULL) == 0;
	must(run.is_attached && mux_generation(run.mux) == run.m.generation);
}

static void act_server(unsigned act)
{
	struct seen *s;
	switch (act) {
	case 0:
	case 1:
		hear();
		if ((s = pick_seen()))
			reply(s, byte());
		break;
	case 2:
		hear();
		if ((s = pick_seen()))
			reply_oddly(s, byte());
		break;
	case 3:
		notify();
		break;
	case 4:
		ask();
		break;
	case 5:
		die();
		break;
	case 6:
		attach((enum server_kind)(byte() % KINDS));
		break;
	case 7:
		run.server.room = byte() * 16 + 1;
		run.server.grain = byte() * 4 + 1;
		break;
	case 8:
		run.server.has_writer = false; /* stdout closed, and it lives */
		break;
	default:
		hear();
	}
}

#endif
