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

bool verdict_success(struct verdict *v)
{
	v->failures = 0;
	if (v->now == HEALTH_HEALTHY)
		return false;
	(void)snprintf(v->why, sizeof(v->why), "%s",
		       v->now == HEALTH_UNHEALTHY ? "answers again" : "");
	return change(v, HEALTH_HEALTHY);
}

bool verdict_failure(struct verdict *v, const struct verdict_failure *f)
{
	if (f->asked_ms < v->start_period_end_ms)
		return false;
	if (v->failures++ == 0)
		v->first_failed_ms = f->asked_ms;
	if (v->failures < v->retries || v->now == HEALTH_UNHEALTHY)
		return false;
	char in[32];
	span(f->now_ms - v->first_failed_ms, in, sizeof(in));
	const char *s = v->failures == 1 ? "" : "s";
	if (f->code < 0)
		(void)snprintf(v->why, sizeof(v->why), "%d %s%s could not be sent in %s: %s",
			       v->failures, f->what, s, in, strerror(-f->code));
	else
		(void)snprintf(v->why, sizeof(v->why), "no answer to %d %s%s in %s", v->failures,
			       f->what, s, in);
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
