/* SPDX-License-Identifier: MIT */
/* health_rig: a server as health/ sees it, on a fake clock. */
#ifndef TESTS_UNIT_HEALTH_RIG_H
#define TESTS_UNIT_HEALTH_RIG_H

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/loop.h"
#include "health/health.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int64_t now_ms;
static int64_t fake_now(void)
{
	return now_ms;
}

enum { STEP_MS = 100 };

/* A server as health/ sees it, that answers after answer_ms as long as it lives. */
struct server {
	struct loop *loop;
	struct health *health;
	int64_t heard_ms, busy_ms; /* busy_ms: 0: no call is in flight */
	unsigned given_up;
	bool is_mute, ignores_ping;
	int ask_result, error_code; /* 0: a result */
	bool is_carrier_slow;	    /* the silence is not its own */
	enum health_verdict says;   /* of a check; NONE: HEALTHY */
	unsigned n_dropped;	    /* probes nobody waits for any more */
	bool frees_on_verdict, is_check;
	char asked[512]; /* "ptsc": ping, tools/list, server/discover, a check */
	int64_t asked_ms[512];
	size_t n;
	unsigned open[64];
	size_t n_open;
	char verdicts[16]; /* "hu" */
	int64_t verdict_ms;
	char why[200];
};

static void answer(struct server *s, unsigned id)
{
	s->heard_ms = now_ms;
	health_answer(s->health, id, s->error_code != 0, s->error_code);
}

static void say(struct server *s, unsigned id)
{
	bool is_well = s->says != HEALTH_UNHEALTHY;
	health_said(s->health, id, is_well ? HEALTH_HEALTHY : s->says, is_well ? "" : "no");
}

static int ask(void *ctx, unsigned id, const char *method)
{
	struct server *s = ctx;
	s->asked_ms[s->n] = now_ms;
	s->asked[s->n++] = method ? method[0] : 'c';
	if (s->ask_result != 0)
		return s->ask_result;
	if (!s->is_mute && !(s->ignores_ping && method && method[0] == 'p'))
		s->open[s->n_open++] = id;
	return 0;
}

static int64_t last_heard(void *ctx)
{
	return ((struct server *)ctx)->heard_ms;
}

static int64_t busy_since(void *ctx)
{
	return ((struct server *)ctx)->busy_ms;
}

static unsigned calls_given_up(void *ctx)
{
	return ((struct server *)ctx)->given_up;
}

static bool give_up(void *ctx, unsigned id)
{
	(void)id;
	struct server *s = ctx;
	s->n_dropped++;
	return !s->is_carrier_slow;
}

static void on_verdict(void *ctx, enum health_verdict v, const char *why)
{
	struct server *s = ctx;
	s->verdicts[strlen(s->verdicts)] = health_verdict_name(v)[0];
	s->verdict_ms = now_ms;
	(void)snprintf(s->why, sizeof(s->why), "%s", why);
	if (s->frees_on_verdict)
		health_free(take_ptr(&s->health));
}

/* It was heard right now, at second 1000. */
static inline void set_up(struct server *s, const struct health_params *extra)
{
	now_ms = 1000000;
	clock_fake(fake_now);
	s->loop = loop_new(NULL);
	s->heard_ms = now_ms;
	struct health_params p = extra ? *extra : (struct health_params){ 0 };
	p.loop = s->loop;
	p.interval_ms = p.interval_ms ? p.interval_ms : 30000;
	p.timeout_ms = p.timeout_ms ? p.timeout_ms : 10000;
	p.retries = p.retries ? p.retries : 3;
	p.busy_timeout_ms = p.busy_timeout_ms ? p.busy_timeout_ms : 300000;
	s->is_check = p.kind != HEALTH_BY_MCP;
	p.ask = ask;
	p.last_heard_ms = last_heard;
	p.busy_since_ms = busy_since;
	p.calls_given_up = calls_given_up;
	p.give_up = give_up;
	p.noun = "health command";
	p.on_verdict = on_verdict;
	p.ctx = s;
	s->health = health_new(&p, NULL);
	ck_assert_ptr_nonnull(s->health);
}

static inline void tear_down(struct server *s)
{
	health_free(s->health);
	loop_free(s->loop);
	clock_fake(NULL);
}

/* Answers come one step after the question. */
static inline void pass(struct server *s, int64_t seconds)
{
	for (int64_t end = now_ms + seconds * 1000; now_ms < end;) {
		now_ms += STEP_MS;
		for (size_t i = 0; i < s->n_open && s->health; i++)
			s->is_check ? say(s, s->open[i]) : answer(s, s->open[i]);
		s->n_open = 0;
		loop_round(s->loop, false);
	}
}

/* Second of the i-th question, counted from the start. */
static inline int64_t asked_s(const struct server *s, size_t i)
{
	return (s->asked_ms[i] - 1000000) / 1000;
}

#endif
