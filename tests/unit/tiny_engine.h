/* SPDX-License-Identifier: MIT */
/*
 * A container engine in the test's own loop that answers by rules: the first rule with uses left whose text is in the
 * request (head and body) gives the answer. Time can be wound forward.
 */
#ifndef TESTS_UNIT_TINY_ENGINE_H
#define TESTS_UNIT_TINY_ENGINE_H

#include "base/http.h"
#include "docker/docker.h"
#include "tests/unit/scripted.h"

#include <signal.h>
#include <time.h>

enum { TINY_RULES = 24 };

struct tiny_rule {
	const char *match;
	const char *status; /* NULL: no answer ever comes */
	const char *body;
	int uses; /* -1: for ever */
};

struct tiny_engine {
	struct loop *loop;
	struct http *http;
	struct docker *docker;
	struct scripted server;
	struct tiny_rule rules[TINY_RULES];
	size_t n_rules;
	struct buf log; /* every request */
	bool is_up;
};

static int64_t tiny_offset_ms;

static int64_t tiny_clock(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + tiny_offset_ms;
}

static inline void tiny_rule(struct tiny_engine *t, const char *match, const char *status,
			     const char *body, int uses)
{
	ck_assert_uint_lt(t->n_rules, TINY_RULES);
	t->rules[t->n_rules++] = (struct tiny_rule){ match, status, body, uses };
}

static void tiny_request(struct scripted_conn *c, const char *line, const char *all)
{
	(void)line;
	struct tiny_engine *t = c->server->ctx;
	ck_assert_int_eq(buf_adds(&t->log, all), 0);
	for (size_t i = 0; i < t->n_rules; i++) {
		struct tiny_rule *rule = &t->rules[i];
		if (rule->uses == 0 || !strstr(all, rule->match))
			continue;
		rule->uses -= rule->uses > 0;
		if (rule->status)
			scripted_answer(c, rule->status, rule->body);
		return;
	}
	scripted_answer(c, "404 Not Found", "{\"message\":\"page not found\"}");
}

static void tiny_up(void *ctx)
{
	struct tiny_engine *t = ctx;
	t->is_up = true;
}

/* Turns the loop until *flag, for about 5 s of real time; between turns the clock is wound on by step_ms. */
static inline void tiny_until(struct tiny_engine *t, const bool *flag, int64_t step_ms)
{
	for (int i = 0; i < 10000 && !*flag; i++) {
		ck_assert_int_eq(loop_round(t->loop, false), 0);
		usleep(500);
		tiny_offset_ms += step_ms;
	}
	ck_assert_msg(*flag, "it never came; requests were:\n%s", buf_str(&t->log));
}

/* Up and connected. */
static inline void tiny_open(struct tiny_engine *t)
{
	memset(t, 0, sizeof(*t));
	tiny_offset_ms = 0;
	clock_fake(tiny_clock);
	(void)signal(SIGPIPE, SIG_IGN);
	t->loop = loop_new(NULL);
	scripted_start(&t->server, t->loop, tiny_request, t);
	t->http = http_new(t->loop, "mcpinit/test", NULL);
	tiny_rule(t, " /_ping ", "200 OK", "OK", -1);
	tiny_rule(t, "/version ", "200 OK", "{\"Version\":\"20.10.24\"}", -1);
	const struct docker_params p = {
		.loop = t->loop,
		.http = t->http,
		.host = t->server.host,
		.on_up = tiny_up,
		.ctx = t,
	};
	t->docker = docker_new(&p, NULL);
	ck_assert_ptr_nonnull(t->docker);
	tiny_until(t, &t->is_up, 0);
}

static inline void tiny_shut(struct tiny_engine *t)
{
	docker_free(t->docker);
	http_free(t->http);
	scripted_done(&t->server);
	loop_free(t->loop);
	buf_done(&t->log);
	clock_fake(NULL);
}

/* How often text is in the requests so far. */
static inline int tiny_count(const struct tiny_engine *t, const char *text)
{
	int n = 0;
	for (const char *p = buf_str(&t->log); (p = strstr(p, text)); p++)
		n++;
	return n;
}

#endif
