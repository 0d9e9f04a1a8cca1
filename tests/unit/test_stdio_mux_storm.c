/* SPDX-License-Identifier: MIT */
/* Agents, deaths, gates and slow answers in random order: every request is answered exactly once, by its own answer. */
#include "tests/unit/mux_rig.h"

#include <sys/time.h>

enum { AGENTS = 4, STEPS = 3000, MAX_IDS = STEPS, PENDING = 4096 };

struct storm {
	struct rig r;
	unsigned seed;
	int sent[AGENTS];	       /* ids 0 … sent-1 are used */
	char answers[AGENTS][MAX_IDS]; /* per id */
	struct {
		unsigned long long id;
		int agent, n;
	} pending[PENDING]; /* at the server */
	int n_pending;
};

static unsigned dice(struct storm *s, unsigned n)
{
	s->seed = s->seed * 1103515245u + 12345u;
	return (s->seed >> 16) % n;
}

static void send_one(struct storm *s)
{
	int a = (int)dice(s, AGENTS), n = s->sent[a]++;
	const char *method = dice(s, 2) ? "tools/call" : "resources/read";
	sayf(&s->r, &s->r.agents[a],
	     J "\"method\":\"%s\",\"params\":{\"a\":%d,\"n\":%d},\"id\":%s%d%s}", method, a, n,
	     n % 2 ? "\"" : "", n, n % 2 ? "\"" : "");
}

static void read_agents(struct storm *s)
{
	for (int a = 0; a < AGENTS; a++) {
		for (const char *line; (line = hear(&s->r, &s->r.agents[a]));) {
			char id[64];
			int n, ra, rn;
			id_of(line, id);
			n = atoi(id[0] == '"' ? id + 1 : id);
			ck_assert_msg(n >= 0 && n < s->sent[a] && !s->answers[a][n], "agent %d: %s",
				      a, line);
			ck_assert_int_eq(id[0] == '"', n % 2);
			s->answers[a][n] = 1;
			const char *body = strstr(line, "\"result\":");
			if (body) {
				ck_assert_int_eq(
					sscanf(body, "\"result\":{\"a\":%d,\"n\":%d}", &ra, &rn),
					2);
				ck_assert(ra == a && rn == n);
			}
		}
	}
}

static void serve_line(struct storm *s, const char *line)
{
	char id[64];
	if (strstr(line, "notifications/"))
		return;
	if (strstr(line, "\"initialize\"")) {
		answer(&s->r, line, "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{}}");
		return;
	}
	const char *params = strstr(line, "\"params\"");
	int a, n;
	ck_assert_int_eq(sscanf(params, "\"params\":{\"a\":%d,\"n\":%d}", &a, &n), 2);
	ck_assert_int_lt(s->n_pending, PENDING);
	s->pending[s->n_pending].id = strtoull(id_of(line, id), NULL, 10);
	s->pending[s->n_pending].agent = a;
	s->pending[s->n_pending++].n = n;
}

static void serve(struct storm *s)
{
	if (s->r.server.fd < 0)
		return;
	for (const char *line; (line = hear(&s->r, &s->r.server));)
		serve_line(s, line);
}

static void answer_one(struct storm *s)
{
	if (s->n_pending == 0)
		return;
	int i = (int)dice(s, (unsigned)s->n_pending);
	sayf(&s->r, &s->r.server, J "\"id\":%llu,\"result\":{\"a\":%d,\"n\":%d}}", s->pending[i].id,
	     s->pending[i].agent, s->pending[i].n);
	s->pending[i] = s->pending[--s->n_pending];
}

static void kill_or_start(struct storm *s)
{
	if (mux_is_attached(s->r.mux)) {
		end_done(&s->r.server);
		if (dice(s, 2))
			spin(&s->r);
		rig_die(&s->r);
		s->n_pending = 0;
		mux_set_gate(s->r.mux, (enum mux_gate)dice(s, 4), "down");
	} else {
		mux_set_gate(s->r.mux, MUX_PARK, "starting");
		rig_attach(&s->r);
	}
}

static void step(struct storm *s)
{
	unsigned what = dice(s, 100);
	if (what < 45)
		send_one(s);
	else if (what < 75)
		answer_one(s);
	else if (what < 85)
		serve(s);
	else if (what < 90)
		read_agents(s);
	else if (what < 94)
		pass(&s->r, dice(s, 6000));
	else if (what < 97)
		kill_or_start(s);
	else
		spin(&s->r);
}

START_TEST(every_request_is_answered_once_whatever_happens)
{
	static struct storm s;
	struct timeval now;
	gettimeofday(&now, NULL);
	memset(&s, 0, sizeof(s));
	s.seed = (unsigned)now.tv_usec + (unsigned)_i;
	printf("stdio_mux_storm: seed %u\n", s.seed);
	rig_init(&s.r);
	rig_start(&s.r);
	for (int a = 0; a < AGENTS; a++)
		(void)rig_agent(&s.r, MUX_SOCKET);
	for (int i = 0; i < STEPS; i++)
		step(&s);
	if (!mux_is_attached(s.r.mux))
		kill_or_start(&s);
	for (int i = 0; i < 10 || s.n_pending > 0; i++) {
		serve(&s);
		while (s.n_pending > 0)
			answer_one(&s);
	}
	read_agents(&s);
	for (int a = 0; a < AGENTS; a++)
		for (int n = 0; n < s.sent[a]; n++)
			ck_assert_msg(s.answers[a][n], "agent %d never heard of %d", a, n);
	ck_assert_uint_eq(mux_in_flight(s.r.mux), 0);
	rig_done(&s.r);
}
END_TEST

Suite *suite_stdio_mux_storm(void);
Suite *suite_stdio_mux_storm(void)
{
	Suite *s = suite_create("stdio_mux_storm");
	TCase *t = tcase_create("all");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, every_request_is_answered_once_whatever_happens, 0, 3);
	suite_add_tcase(s, t);
	return s;
}
