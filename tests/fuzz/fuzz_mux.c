/* SPDX-License-Identifier: MIT */
/*
 * The mux between hostile ends: the input is a script, one byte an act and those behind it its details. Agents of both
 * kinds write good lines and bad ones, halves of them, come, go, die and read slowly; a server of either era answers, errs,
 * lies, asks and dies; the gate, the limits and the clock change. What must hold is in mux_model.h and in check_books().
 */
#include "tests/fuzz/mux_agents.h"
#include "tests/fuzz/mux_server.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In front of libc's: there is no descriptor, and the clock is ours; a loop without system calls is twice as fast. */
int epoll_wait(int fd, struct epoll_event *events, int n, int timeout_ms)
{
	(void)fd, (void)events, (void)n, (void)timeout_ms;
	return 0;
}

int timerfd_settime(int fd, int flags, const struct itimerspec *when, struct itimerspec *was)
{
	(void)fd, (void)flags, (void)when, (void)was;
	return 0;
}

/* --- what the mux tells --------------------------------------------------------------------------- */

static void on_ready(void *ctx, const struct mux_ready *r)
{
	(void)ctx;
	must(mux_is_attached(run.mux) && r->protocol);
}

static void on_text(void *ctx, const char *why)
{
	(void)ctx;
	must(why && *why);
}

static void on_event(void *ctx)
{
	(void)ctx;
}

static void on_reply(void *ctx, const char *line, size_t len, const struct err *e)
{
	struct mux_ask **slot = ctx;
	must(*slot && (e ? !line : len > 0));
	*slot = NULL;
}

/* --- everything else ----------------------------------------------------------------------------------- */

static void configure(unsigned k)
{
	run.p.request_timeout_ms = k % 2 ? 20000 : 0;
	run.p.idle_timeout_ms = k & 2 ? 5000 : 0;
	run.p.max_queue = k & 4 ? MAX_QUEUE / 2 : MAX_QUEUE;
	must(mux_configure(run.mux, &run.p) == 0);
}

static void act_ours(unsigned k)
{
	struct mux_ask **slot = &run.ours[k % OURS];
	if (*slot) {
		mux_ask_cancel(*slot);
		*slot = NULL;
	} else if (k & 8) {
		*slot = mux_probe(run.mux, "ping", on_reply, slot, NULL);
	} else {
		*slot = mux_ask(run.mux, "tools/call", "{\"name\":\"x\"}", on_reply, slot, NULL);
	}
}

static void act_mux(unsigned act)
{
	static const int64_t times[] = { 1, 100, 1000, 5000, 10000, 31000, 61000, 400000 };
	switch (act) {
	case 0:
		mux_set_gate(run.mux, (enum mux_gate)(byte() % 4), "down");
		break;
	case 1:
	case 2:
		pass(times[byte() % 8]);
		break;
	case 3:
		configure(byte());
		break;
	case 4:
		act_ours(byte());
		break;
	case 5:
		mux_close_stdin(run.mux);
		break;
	case 6:
		mux_forget_tools(run.mux);
		break;
	default:
		settle();
	}
}

/* Everybody reads, a good server serves: then nobody may wait any more. */
static void end_gently(void)
{
	run.is_gentle = true;
	die();
	mux_set_gate(run.mux, MUX_PARK, "starting");
	attach(SERVES);
	for (int quiet = 0; quiet < 3; quiet++) {
		for (int i = 0; i < AGENTS; i++) {
			struct agent_model *g = &run.m.agents[i];
			g->end.room = g->end.grain = 65536;
			if (g->is_there && g->end.is_pipes)
				g->end.has_reader = true;
			if (!g->is_there || !g->end.has_reader || g->end.from_mux.len == 0)
				continue;
			model_reads(&run.m, i, SIZE_MAX);
			quiet = -1;
		}
		if (run.server.from_mux.len > 0 || turn())
			quiet = -1;
		settle();
		hear();
	}
	must(mux_is_ready(run.mux));
	must(ASKS_AGENTS || run.m.n_server_answered == run.m.n_server_asked);
	model_check_all(&run.m);
	for (const struct idmap_entry *c = run.mux->ids.first; c; c = c->next)
		must(!c->owner);
	must(mux_in_flight(run.mux) == 0);
}

static void play(void)
{
	while (run.at < run.stop && run.m.n_asked < ASKED - 8 && run.m.n_seen < SEEN / 2) {
		unsigned act = byte();
		trace("act ", (int)(act % 32), (const char *)"", 0);
		if (act % 32 < 13)
			act_agent(act % 32);
		else if (act % 32 < 23)
			act_server(act % 32 - 13);
		else
			act_mux(act % 32 - 23);
		if (!(act & 0x80))
			(void)turn();
		check_books();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!loop) {
		clock_fake(fake_clock);
		log_open(-1);
		loop = loop_new(NULL);
	}
	memset(&run, 0, sizeof(run));
	run.at = data;
	run.stop = data + size;
	now = 1000;
	run.server.is_freed = true;
	run.p = (struct mux_params){
		.loop = loop,
		.server = "srv",
		.version = "9",
		.protocol = "auto",
		.max_message = MAX_MESSAGE,
		.max_queue = MAX_QUEUE,
		.park_timeout_ms = PARK_MS,
		.linger_ms = LINGER_MS,
		.cb = { on_ready, on_text, on_event, on_event, on_event },
	};
	unsigned start = byte();
	run.mux = mux_new(&run.p, NULL);
	configure(start >> 5);
	for (int i = 0; i < AGENTS; i++)
		agent_begin(i, i < 2);
	if (start & 1) {
		attach(start & 2 ? MODERN : SERVES);
		for (int i = 0; i < 4; i++) {
			settle();
			hear();
		}
	}
	play();
	if (start & 4)
		end_gently();
	mux_free(run.mux);
	for (int i = 0; i < AGENTS; i++)
		must(!run.agent[i] || run.m.agents[i].end.is_freed);
	end_done(&run.server);
	buf_done(&run.heard);
	model_done(&run.m);
	return 0;
}
