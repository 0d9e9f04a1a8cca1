/* SPDX-License-Identifier: MIT */
#include "health/verdict.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* "40 s", "1.5 s", "5m00s": as a person would say how long it was. */
static void span(int64_t ms, char *out, size_t size)
{
	int64_t s = ms / 1000;
	if (s >= 60)
		(void)snprintf(out, size, "%" PRId64 "m%02ds", s / 60, (int)(s % 60));
	else if (s < 10 && ms % 1000 >= 100)
		(void)snprintf(out, size, "%d.%d s", (int)s, (int)(ms % 1000 / 100));
	else if (s > 0)
		(void)snprintf(out, size, "%d s", (int)s);
	else
		(void)snprintf(out, size, "%d ms", (int)ms);
}

static bool change(struct verdict *v, enum health_verdict now)
{
	bool is_new = v->now != now;
	v->now = now;
	return is_new;
}

bool verdict_success(struct verdict *v, bool is_probe)
{
	v->failures = 0;
	if (is_probe)
		v->start_period_end_ms = 0;
	if (v->now == HEALTH_HEALTHY || v->is_deaf)
		return false;
	(void)snprintf(v->why, sizeof(v->why), "%s",
		       v->now == HEALTH_UNHEALTHY ? "answers again" : "");
	return change(v, HEALTH_HEALTHY);
}

static void say(struct verdict *v, const struct verdict_failure *f)
{
	char in[32];
	span(f->now_ms - v->first_failed_ms, in, sizeof(in));
	const char *s = v->failures == 1 ? "" : "s";
	if (f->words && v->failures == 1)
		(void)snprintf(v->why, sizeof(v->why), "the %s failed: %s", f->what, f->words);
	else if (f->words)
		(void)snprintf(v->why, sizeof(v->why), "%d %ss failed in %s, the last: %s",
			       v->failures, f->what, in, f->words);
	else if (f->code < 0)
		(void)snprintf(v->why, sizeof(v->why), "%d %s%s could not be sent in %s: %s",
			       v->failures, f->what, s, in, strerror(-f->code));
	else
		(void)snprintf(v->why, sizeof(v->why), "no answer to %d %s%s in %s", v->failures,
			       f->what, s, in);
}

bool verdict_failure(struct verdict *v, const struct verdict_failure *f)
{
	if (f->asked_ms < v->start_period_end_ms)
		return false;
	if (v->failures++ == 0)
		v->first_failed_ms = f->asked_ms;
	if (v->failures < v->retries || v->now == HEALTH_UNHEALTHY)
		return false;
	say(v, f);
	return change(v, HEALTH_UNHEALTHY);
}

bool verdict_stuck(struct verdict *v, int64_t silent_ms)
{
	if (v->now == HEALTH_UNHEALTHY)
		return false;
	char in[32];
	span(silent_ms, in, sizeof(in));
	(void)snprintf(v->why, sizeof(v->why), "not a byte in %s with a call in flight", in);
	return change(v, HEALTH_UNHEALTHY);
}

bool verdict_calls(struct verdict *v, unsigned n_given_up)
{
	v->is_deaf = n_given_up >= (unsigned)v->retries;
	if (!v->is_deaf || v->now == HEALTH_UNHEALTHY)
		return false;
	(void)snprintf(v->why, sizeof(v->why), "no answer to %u call%s in a row in request_timeout",
		       n_given_up, n_given_up == 1 ? "" : "s");
	return change(v, HEALTH_UNHEALTHY);
}
