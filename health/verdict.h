/* SPDX-License-Identifier: MIT */
/*
 * verdict: results of probes → starting / healthy / unhealthy, with the sentence that says why. Pure.
 * One success is health; `retries` failures in a row are not, unless they began in the start period.
 */
#ifndef HEALTH_VERDICT_H
#define HEALTH_VERDICT_H

#include "health/health.h"

#include <stdbool.h>
#include <stdint.h>

struct verdict {
	int retries;		     /* failures in a row that make it unhealthy; at least 1 */
	int64_t start_period_end_ms; /* failures of probes begun before do not count */
	enum health_verdict now;
	int failures;		 /* in a row */
	int64_t first_failed_ms; /* when the first of them was asked */
	char why[160];		 /* the sentence of the last change; "" for the first health */
};

struct verdict_failure {
	const char *what; /* a noun: "ping" */
	int64_t asked_ms, now_ms;
	int code; /* 0: no answer in time; -errno: it could not even be asked */
};

/* Each returns whether the verdict changed. */
bool verdict_success(struct verdict *v);
bool verdict_failure(struct verdict *v, const struct verdict_failure *f);
/* Nothing heard for too long with a call in flight: unhealthy, whatever the count. */
bool verdict_stuck(struct verdict *v, int64_t silent_ms);

#endif
