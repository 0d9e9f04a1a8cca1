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
	const char *method; /* a literal */
	int64_t asked_ms;
};

struct health {
	struct health_params p;
	struct loop_timer *next_timer;	  /* owned: the next probe is due */
	struct loop_timer *timeout_timer; /* owned: the oldest open probe has waited long enough */
	struct probe open[MAX_OPEN];	  /* oldest first */
	size_t n_open;
	unsigned last_id;
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

static void drop_probe(struct health *h, size_t i)
{
	h->n_open--;
	memmove(&h->open[i], &h->open[i + 1], (h->n_open - i) * sizeof(h->open[0]));
}

static void arm_timeout(struct health *h)
{
	if (h->n_open > 0)
		loop_timer_at(h->timeout_timer, h->open[0].asked_ms + h->p.timeout_ms);
	else
		loop_timer_stop(h->timeout_timer);
}

/* Life was seen at at_ms: the next probe is due one interval later, and none asked before is waited for. */
static bool seen_alive(struct health *h, int64_t at_ms)
{
	while (h->n_open > 0 && h->open[0].asked_ms <= at_ms)
		drop_probe(h, 0);
	arm_timeout(h);
	loop_timer_at(h->next_timer, at_ms + h->p.interval_ms);
	return verdict_success(&h->verdict);
}

/* code: 0 no answer in time, else why it could not be asked. */
static bool count_failure(struct health *h, const struct probe *pr, int code)
{
	int64_t now = clock_ms();
	if (h->counts)
		h->counts->failed++;
	if (h->p.is_busy && h->p.is_busy(h->p.ctx)) {
		/* A server at work may answer nothing else: what counts then is how long it has been silent. */
		int64_t silent_ms = now - heard_ms(h);
		return silent_ms >= h->p.busy_timeout_ms && verdict_stuck(&h->verdict, silent_ms);
	}
	struct verdict_failure f = {
		.what = probe_mcp_noun(pr->method),
		.asked_ms = pr->asked_ms,
		.now_ms = now,
		.code = code,
	};
	return verdict_failure(&h->verdict, &f);
}

static void timed_out(void *ctx)
{
	struct health *h = ctx;
	struct probe pr = h->open[0];
	drop_probe(h, 0);
	arm_timeout(h);
	int64_t heard = heard_ms(h);
	if (heard < pr.asked_ms) {
		tell(h, count_failure(h, &pr, 0));
		return;
	}
	probe_mcp_ignored(&h->mcp, pr.method);
	tell(h, seen_alive(h, heard));
}

static void probe(struct health *h)
{
	int64_t now = clock_ms();
	loop_timer_at(h->next_timer, now + h->p.interval_ms);
	if (h->n_open == MAX_OPEN)
		return; /* those that wait will tell */
	struct probe pr = {
		.id = ++h->last_id,
		.method = probe_mcp_method(&h->mcp),
		.asked_ms = now,
	};
	h->open[h->n_open++] = pr;
	arm_timeout(h);
	int r = h->p.ask(h->p.ctx, pr.id, pr.method);
	if (r == 0)
		return; /* h may be gone: the answer may have come already */
	drop_probe(h, h->n_open - 1);
	arm_timeout(h);
	tell(h, count_failure(h, &pr, r));
}

static void due(void *ctx)
{
	struct health *h = ctx;
	int64_t heard = heard_ms(h);
	if (heard > clock_ms() - h->p.interval_ms)
		tell(h, seen_alive(h, heard));
	else
		probe(h);
}

struct health *health_new(const struct health_params *p, struct err *e)
{
	struct health *h = calloc(1, sizeof(*h));
	if (!h) {
		err_oom(e);
		return NULL;
	}
	int64_t now = clock_ms();
	h->p = *p;
	h->mcp.is_modern = p->is_modern;
	h->verdict = (struct verdict){
		.retries = p->retries,
		.start_period_end_ms = now + p->start_period_ms,
		.now = HEALTH_STARTING,
	};
	h->next_timer = loop_timer_new(p->loop, due, h);
	h->timeout_timer = h->next_timer ? loop_timer_new(p->loop, timed_out, h) : NULL;
	if (!h->timeout_timer) {
		health_free(h);
		err_oom(e);
		return NULL;
	}
	loop_timer_at(h->next_timer, now + p->interval_ms);
	if (p->last_heard_ms && heard_ms(h) > now - p->interval_ms)
		(void)verdict_success(
			&h->verdict); /* the handshake's answer: no callback from a constructor */
	return h;
}

void health_free(struct health *h)
{
	if (!h)
		return;
	loop_timer_free(h->next_timer);
	loop_timer_free(h->timeout_timer);
	free(h);
}

void health_answer(struct health *h, unsigned probe_id, bool is_error, int error_code)
{
	size_t i = 0;
	while (i < h->n_open && h->open[i].id != probe_id)
		i++;
	/* One that comes too late is a sign of life all the same. */
	if (i < h->n_open) {
		probe_mcp_answered(&h->mcp, h->open[i].method, is_error, error_code);
		if (h->counts)
			hist_add(&h->counts->answered, clock_ms() - h->open[i].asked_ms);
	}
	tell(h, seen_alive(h, clock_ms()));
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
