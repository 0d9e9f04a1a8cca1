/* SPDX-License-Identifier: MIT */
/*
 * Agents whose calls make the server ask, deaths and other policies in random order: no agent is ever asked for another's
 * call, every request is answered once, and nothing waits for ever.
 */
#include "stdio/mux_priv.h"
#include "tests/unit/ask_rig.h"

#include <sys/time.h>

enum { AGENTS = 4, STEPS = 2000, MANY = 4096 };

struct storm {
	struct rig r;
	unsigned seed;
	int sent[AGENTS], answered[AGENTS], taken_back[AGENTS];
	struct {
		unsigned long long id;
		int agent;
	} calls[MANY], asking[MANY]; /* at the server: to be answered; waiting for what it asked */
	int n_calls, n_asking;
	struct {
		int agent;
		char id[64];
	} asked[MANY]; /* of agents */
	int n_asked, n_right;
};

static unsigned dice(struct storm *s, unsigned n)
{
	s->seed = s->seed * 1103515245u + 12345u;
	return (s->seed >> 16) % n;
}

static void send_call(struct storm *s, int a, const char *method, bool asks)
{
	sayf(&s->r, &s->r.agents[a],
	     J "\"id\":%d,\"method\":\"%s\",\"params\":{\"a\":%d,\"asks\":%d}}", s->sent[a]++,
	     method, a, asks);
}

static void send_one(struct storm *s)
{
	static const char *const methods[] = { "tools/call", "tools/call", "prompts/get", "x" };
	int a = (int)dice(s, AGENTS);
	unsigned what = dice(s, 4);
	send_call(s, a, methods[what], dice(s, what < 2 ? 2 : 16) == 1 && what < 3);
}

/* Which the server takes no notice of. */
static void cancel_one(struct storm *s)
{
	int a = (int)dice(s, AGENTS);
	if (s->sent[a] == s->answered[a])
		return;
	s->taken_back[a]++;
	sayf(&s->r, &s->r.agents[a],
	     J "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":%d}}",
	     s->sent[a] - 1 - (int)dice(s, 2));
}

static void read_agent(struct storm *s, int a)
{
	int whose;
	for (const char *line; (line = hear(&s->r, &s->r.agents[a]));) {
		if (strstr(line, "sampling/createMessage")) {
			const char *params = strstr(line, "\"params\"");
			ck_assert_int_eq(sscanf(params, "\"params\":{\"a\":%d}", &whose), 1);
			ck_assert_msg(whose == a, "agent %d was asked for %d", a, whose);
			s->asked[s->n_asked].agent = a;
			id_of(line, s->asked[s->n_asked++].id);
		} else if (!strstr(line, "\"method\":\"notifications/")) {
			s->answered[a]++;
		}
	}
}

static void read_agents(struct storm *s)
{
	for (int a = 0; a < AGENTS; a++)
		read_agent(s, a);
}

static void agent_answers(struct storm *s)
{
	if (s->n_asked == 0)
		return;
	int i = (int)dice(s, (unsigned)s->n_asked), a = s->asked[i].agent;
	sayf(&s->r, &s->r.agents[a], J "\"id\":%s,\"result\":{\"a\":%d}}", s->asked[i].id, a);
	s->asked[i] = s->asked[--s->n_asked];
}

/* What the server asked has an answer: so has the call, then. */
static void take_answer(struct storm *s, const char *line)
{
	unsigned long long id;
	int i = 0, a;
	ck_assert_int_eq(sscanf(strstr(line, "\"id\":\"q"), "\"id\":\"q%llu\"", &id), 1);
	while (i < s->n_asking && s->asking[i].id != id)
		i++;
	ck_assert_msg(i < s->n_asking, "answered twice: %s", line);
	const char *result = strstr(line, "\"result\"");
	if (result) {
		ck_assert_int_eq(sscanf(result, "\"result\":{\"a\":%d}", &a), 1);
		ck_assert_int_eq(a, s->asking[i].agent);
		s->n_right++;
	}
	s->calls[s->n_calls++] = s->asking[i];
	s->asking[i] = s->asking[--s->n_asking];
}

static void take_call(struct storm *s, const char *line)
{
	char text[64];
	int a, asks;
	unsigned long long id = strtoull(id_of(line, text), NULL, 10);
	ck_assert_int_eq(
		sscanf(strstr(line, "\"params\""), "\"params\":{\"a\":%d,\"asks\":%d}", &a, &asks),
		2);
	if (asks) {
		s->asking[s->n_asking].id = id;
		s->asking[s->n_asking++].agent = a;
		sayf(&s->r, &s->r.server,
		     J
		     "\"id\":\"q%llu\",\"method\":\"sampling/createMessage\",\"params\":{\"a\":%d}}",
		     id, a);
	} else {
		s->calls[s->n_calls].id = id;
		s->calls[s->n_calls++].agent = a;
	}
}

static void serve(struct storm *s)
{
	if (s->r.server.fd < 0)
		return;
	for (const char *line; (line = hear(&s->r, &s->r.server));) {
		if (strstr(line, "notifications/"))
			continue;
		if (strstr(line, "\"initialize\""))
			answer(&s->r, line,
			       "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}}");
		else if (strstr(line, "\"method\""))
			take_call(s, line);
		else
			take_answer(s, line);
	}
}

static void answer_one(struct storm *s)
{
	if (s->n_calls == 0)
		return;
	int i = (int)dice(s, (unsigned)s->n_calls);
	sayf(&s->r, &s->r.server, J "\"id\":%llu,\"result\":{}}", s->calls[i].id);
	s->calls[i] = s->calls[--s->n_calls];
}

static void kill_or_start(struct storm *s)
{
	if (mux_is_attached(s->r.mux)) {
		end_done(&s->r.server);
		rig_die(&s->r);
		s->n_calls = s->n_asking = 0;
	} else {
		rig_attach(&s->r);
	}
}

/* Of a call that was taken back long ago nobody thinks any more: the server asks in time. */
static void move_on(struct storm *s)
{
	spin(&s->r);
	serve(s);
	pass(&s->r, dice(s, 2000));
}

static void configure(struct storm *s)
{
	bool is_serial = s->r.p.ask_policy == MUX_ASK_REJECT || dice(s, 3);
	s->r.p.ask_policy = is_serial ? MUX_ASK_SERIALIZE : MUX_ASK_REJECT;
	s->r.p.capabilities = dice(s, 8) ? MUX_SAMPLING : MUX_SAMPLING | MUX_ROOTS;
	ck_assert_int_eq(mux_configure(s->r.mux, &s->r.p), 0);
}

static void step(struct storm *s)
{
	unsigned what = dice(s, 100);
	if (what < 12)
		send_one(s);
	else if (what < 15)
		cancel_one(s);
	else if (what < 40)
		answer_one(s);
	else if (what < 60)
		serve(s);
	else if (what < 74)
		read_agents(s);
	else if (what < 92)
		agent_answers(s);
	else if (what < 96)
		move_on(s);
	else if (what < 97)
		kill_or_start(s);
	else if (what < 98)
		configure(s);
	else
		spin(&s->r);
}

static void finish(struct storm *s)
{
	for (int quiet = 0; quiet < 10; quiet++) {
		serve(s);
		read_agents(s);
		if (s->n_calls + s->n_asked + s->n_asking > 0)
			quiet = 0;
		while (s->n_calls > 0)
			answer_one(s);
		while (s->n_asked > 0)
			agent_answers(s);
		pass(&s->r, 1000);
	}
}

/* All ask at once, and each is asked. */
static void ask_all(struct storm *s)
{
	int before = s->n_right;
	s->r.p.ask_policy = MUX_ASK_SERIALIZE;
	ck_assert_int_eq(mux_configure(s->r.mux, &s->r.p), 0);
	for (int a = 0; a < AGENTS; a++)
		send_call(s, a, "tools/call", true);
	finish(s);
	ck_assert_int_eq(s->n_right, before + AGENTS);
}

START_TEST(no_agent_is_asked_for_anothers_call_and_nothing_waits_for_ever)
{
	static struct storm s;
	struct timeval now;
	gettimeofday(&now, NULL);
	memset(&s, 0, sizeof(s));
	s.seed = (unsigned)now.tv_usec + (unsigned)_i;
	printf("stdio_ask_storm: seed %u\n", s.seed);
	ask_start(&s.r, MUX_SAMPLING, MUX_ASK_SERIALIZE);
	for (int a = 0; a < AGENTS; a++)
		(void)ask_client(&s.r, SAMPLING);
	for (int i = 0; i < STEPS; i++)
		step(&s);
	if (!mux_is_attached(s.r.mux))
		kill_or_start(&s);
	finish(&s);
	ask_all(&s);
	for (int a = 0; a < AGENTS; a++) {
		ck_assert_int_le(s.answered[a], s.sent[a]);
		ck_assert_int_ge(s.answered[a], s.sent[a] - s.taken_back[a]);
	}
	ck_assert_ptr_null(s.r.mux->asks.first);
	ck_assert_ptr_null(s.r.mux->asks.held_first);
	ck_assert_ptr_null(s.r.mux->asks.turn);
	ck_assert_uint_eq(s.r.mux->asks.n_open, 0);
	rig_done(&s.r);
}
END_TEST

Suite *suite_stdio_ask_storm(void);
Suite *suite_stdio_ask_storm(void)
{
	Suite *s = suite_create("stdio_ask_storm");
	TCase *t = tcase_create("all");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, no_agent_is_asked_for_anothers_call_and_nothing_waits_for_ever, 0,
			    3);
	suite_add_tcase(s, t);
	return s;
}
