/* SPDX-License-Identifier: MIT */
#include "health/health.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "health/probe_mcp.h"
#include "health/verdict.h"

#include <string.h>

/* Probes that wait for their answers at the same time; more are only when the timeout is many intervals long. */
enum { MAX_OPEN = 64 };

struct probe {
	unsigned id;
	const char *method; /* a literal; NULL: no MCP */
	int64_t asked_ms;
	bool is_second; /* asked along with a ping that may be unknown: only its answer counts */
};

struct health {
	struct health_params p;
	struct loop_timer *next_timer;	  /* owned: the next probe is due */
	struct loop_timer *timeout_timer; /* owned: the oldest open probe has waited long enough */
	struct loop_timer *stuck_timer;	  /* owned: a call is in flight, and nothing was heard */
	struct probe open[MAX_OPEN];	  /* oldest first */
	size_t n_open;
	unsigned last_id;
	int64_t passed_ms; /* CHECK, ENGINE: when one was passed last */
	int64_t missed_ms; /* when the last probe was asked that stayed without an answer */
	int64_t took_ms;   /* the last answer; -1: none */
	struct probe_mcp mcp;
	struct verdict verdict;
	struct health_counts *counts; /* borrowed; or NULL */
};

/* The last thing any function does here: the callback may free h. */
static void tell(struct health *h, bool is_changed)
{
	if (is_changed)
		h->p.on_verdict(h->p.ctx, h->verdict.now, h->verdict.why);
}

static int64_t heard_ms(const struct health *h)
{
	return h->p.last_heard_ms ? h->p.last_heard_ms(h->p.ctx) : 0;
}

/* --- calls in flight -------------------------------------------------------------------------- */

/* 0: nothing is in flight. */
static int64_t busy_since(const struct health *h)
{
	return h->p.busy_since_ms ? h->p.busy_since_ms(h->p.ctx) : 0;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Since when a server at work has given no sign of life: an old silence is no fault of a call that has just come. */
static int64_t silent_since(const struct health *h)
{
	return later(busy_since(h), later(heard_ms(h), h->passed_ms));
}

static bool is_busy(struct health *h)
{
	if (busy_since(h) == 0)
		return false;
	if (!loop_timer_is_armed(h->stuck_timer))
		loop_timer_at(h->stuck_timer, silent_since(h) + h->p.busy_timeout_ms);
	return true;
}

/* It was silent too long, and was asked meanwhile: a tool that takes long owes nobody a byte. */
static bool is_stuck(struct health *h)
{
	int64_t since = silent_since(h), silent_ms = clock_ms() - since;
	return silent_ms >= h->p.busy_timeout_ms && h->missed_ms >= since &&
	       verdict_stuck(&h->verdict, silent_ms);
}

/* --- probes that wait ------------------------------------------------------------------------- */

static void drop_probe(struct health *h, size_t i)
{
	h->n_open--;
	memmove(&h->open[i], &h->open[i + 1], (h->n_open - i) * sizeof(h->open[0]));
	if (h->n_open > 0)
		loop_timer_at(h->timeout_timer, h->open[0].asked_ms + h->p.timeout_ms);
	else
		loop_timer_stop(h->timeout_timer);
}

static bool give_up(struct health *h, const struct probe *pr)
{
	return !h->p.give_up || h->p.give_up(h->p.ctx, pr->id);
}

/* None asked before a good answer is waited for. */
static void drop_until(struct health *h, int64_t asked_ms)
{
	while (h->n_open > 0 && h->open[0].asked_ms <= asked_ms) {
		struct probe pr = h->open[0];
		drop_probe(h, 0);
		(void)give_up(h, &pr); /* it does not count any more */
	}
}

static bool find_probe(const struct health *h, unsigned id, size_t *ret_i)
{
	for (*ret_i = 0; *ret_i < h->n_open; (*ret_i)++)
		if (h->open[*ret_i].id == id)
			return true;
	return false;
}

static bool count_failure(struct health *h, const struct probe *pr, int code, const char *words)
{
	if (h->p.kind == HEALTH_BY_ENGINE && !words)
		return false; /* it is the engine that is silent */
	if (h->counts)
		h->counts->failed++;
	if (!words)
		h->missed_ms = pr->asked_ms;
	if (!words && is_busy(h))
		return is_stuck(h); /* a server at work may answer nothing else */
	struct verdict_failure f = {
		.what = pr->method ? probe_mcp_noun(pr->method) : h->p.noun,
		.asked_ms = pr->asked_ms,
		.now_ms = clock_ms(),
		.code = code,
		.words = words,
	};
	return verdict_failure(&h->verdict, &f);
}

static void timed_out(void *ctx)
{
	struct health *h = ctx;
	struct probe pr = h->open[0];
	drop_probe(h, 0);
	if (!give_up(h, &pr) || pr.is_second)
		return;
	if (h->p.kind != HEALTH_BY_MCP || heard_ms(h) < pr.asked_ms) {
		tell(h, count_failure(h, &pr, 0, NULL));
		return;
	}
	probe_mcp_ignored(&h->mcp, pr.method);
	tell(h, verdict_success(&h->verdict, false));
}

/* --- asking ----------------------------------------------------------------------------------- */

static int ask(struct health *h, const char *method, bool is_second)
{
	struct probe pr = {
		.id = ++h->last_id,
		.method = method,
		.asked_ms = clock_ms(),
		.is_second = is_second,
	};
	h->open[h->n_open++] = pr;
	loop_timer_at(h->timeout_timer, h->open[0].asked_ms + h->p.timeout_ms);
	int r = h->p.ask(h->p.ctx, pr.id, method);
	if (r != 0)
		drop_probe(h, h->n_open - 1);
	return r;
}

static void probe(struct health *h)
{
	int64_t now = clock_ms();
	loop_timer_at(h->next_timer, now + h->p.interval_ms);
	(void)is_busy(h); /* so that the end of our patience is not missed */
	if (h->n_open + 2 > MAX_OPEN)
		return; /* those that wait will tell */
	bool is_mcp = h->p.kind == HEALTH_BY_MCP;
	struct probe pr = { .asked_ms = now, .method = is_mcp ? probe_mcp_method(&h->mcp) : NULL };
	const char *second = is_mcp ? probe_mcp_second(&h->mcp) : NULL;
	int r = ask(h, pr.method, false);
	if (r < 0)
		tell(h, count_failure(h, &pr, r, NULL));
	else if (r == 0 && second)
		(void)ask(h, second, true); /* the ping went out, so would this */
}

/* The end of our patience with a call in flight. */
static void patience_over(void *ctx)
{
	struct health *h = ctx;
	bool is_unasked = h->n_open == 0 && h->missed_ms < silent_since(h);
	if (busy_since(h) == 0)
		return;
	if (clock_ms() - silent_since(h) < h->p.busy_timeout_ms)
		(void)is_busy(h); /* something was heard: anew */
	else if (is_unasked)
		probe(h); /* which judges, when it fails */
	else
		tell(h, is_stuck(h));
}

static void due(void *ctx)
{
	struct health *h = ctx;
	int64_t now = clock_ms(), heard = heard_ms(h);
	if (h->p.calls_given_up && verdict_calls(&h->verdict, h->p.calls_given_up(h->p.ctx))) {
		loop_timer_at(h->next_timer, now + h->p.interval_ms);
		tell(h, true);
	} else if (h->p.kind == HEALTH_BY_MCP && heard > now - h->p.interval_ms) {
		loop_timer_at(h->next_timer, heard + h->p.interval_ms);
		(void)is_busy(h);
		tell(h, verdict_success(&h->verdict, false));
	} else {
		probe(h);
	}
}

void health_look(struct health *h)
{
	loop_timer_at(h->next_timer, 0);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void took(struct health *h, int64_t ms)
{
	h->took_ms = ms;
	if (h->counts)
		hist_add(&h->counts->answered, ms);
}

void health_answer(struct health *h, unsigned probe_id, bool is_error, int error_code)
{
	int64_t now = clock_ms();
	size_t i;
	bool is_second = false;
	/* One that comes too late is a sign of life all the same. */
	if (find_probe(h, probe_id, &i)) {
		probe_mcp_answered(&h->mcp, h->open[i].method, is_error, error_code);
		took(h, now - h->open[i].asked_ms);
		is_second = h->open[i].is_second;
	}
	if (is_second)
		drop_probe(h, i); /* the ping may be answered yet, or never */
	else
		drop_until(h, now);
	loop_timer_at(h->next_timer, now + h->p.interval_ms);
	tell(h, verdict_success(&h->verdict, true));
}

void health_said(struct health *h, unsigned probe_id, enum health_verdict v, const char *words)
{
	size_t i;
	if (!find_probe(h, probe_id, &i))
		return;
	struct probe pr = h->open[i];
	drop_probe(h, i);
	took(h, clock_ms() - pr.asked_ms);
	if (v == HEALTH_UNHEALTHY) {
		tell(h, count_failure(h, &pr, 0, words));
	} else if (v == HEALTH_HEALTHY) {
		h->passed_ms = clock_ms();
		drop_until(h, pr.asked_ms);
		tell(h, verdict_success(&h->verdict, true));
	}
}

/* --- birth and death -------------------------------------------------------------------------- */

struct health *health_new(const struct health_params *p, struct err *e)
{
	struct health *h = calloc(1, sizeof(*h));
	if (!h) {
		err_oom(e);
		return NULL;
	}
	int64_t now = clock_ms();
	h->p = *p;
	h->took_ms = -1;
	h->mcp.is_modern = p->is_modern;
	h->verdict = (struct verdict){
		.retries = p->retries,
		.start_period_end_ms = now + p->start_period_ms,
		.now = HEALTH_STARTING,
	};
	h->next_timer = loop_timer_new(p->loop, due, h);
	h->timeout_timer = loop_timer_new(p->loop, timed_out, h);
	h->stuck_timer = loop_timer_new(p->loop, patience_over, h);
	if (!h->next_timer || !h->timeout_timer || !h->stuck_timer) {
		health_free(h);
		err_oom(e);
		return NULL;
	}
	loop_timer_at(h->next_timer, p->kind == HEALTH_BY_ENGINE ? 0 : now + p->interval_ms);
	/* The handshake's answer: no callback from a constructor. */
	if (p->kind == HEALTH_BY_MCP && heard_ms(h) > now - p->interval_ms)
		(void)verdict_success(&h->verdict, false);
	return h;
}

void health_free(struct health *h)
{
	if (!h)
		return;
	loop_timer_free(h->next_timer);
	loop_timer_free(h->timeout_timer);
	loop_timer_free(h->stuck_timer);
	free(h);
}

int64_t health_last_probe_ms(const struct health *h)
{
	return h->took_ms;
}

int64_t health_well_ms(const struct health *h)
{
	return h->p.kind == HEALTH_BY_MCP ? heard_ms(h) : h->passed_ms;
}

void health_count(struct health *h, struct health_counts *counts)
{
	h->counts = counts;
}

enum health_verdict health_now(const struct health *h)
{
	return h->verdict.now;
}

const char *health_verdict_name(enum health_verdict v)
{
	static const char *const names[] = {
		[HEALTH_NONE] = "none",
		[HEALTH_STARTING] = "starting",
		[HEALTH_HEALTHY] = "healthy",
		[HEALTH_UNHEALTHY] = "unhealthy",
	};
	return names[v];
}
