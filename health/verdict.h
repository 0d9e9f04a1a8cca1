/* SPDX-License-Identifier: MIT */
/*
 * verdict: results of probes → starting / healthy / unhealthy, with the sentence that says why. Pure.
 * One success is health; `retries` failures in a row are not, unless they began in the start period, which the first
 * probe that succeeds ends. Calls of agents are a count of their own: `retries` of them in a row that ran into
 * request_timeout are unhealthy whatever the probes say, until one is answered.
 * Spec: Compose, healthcheck: interval, timeout, retries, start_period.
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
	bool is_deaf;		 /* too many calls ran into request_timeout */
	char why[512];		 /* the sentence of the last change; "" for the first health */
};

struct verdict_failure {
	const char *what; /* a noun: "ping" */
	int64_t asked_ms, now_ms;
	int code;	   /* 0: no answer in time; -errno: it could not even be asked */
	const char *words; /* not NULL: there was an answer, and it was a no: this */
};

/* Each returns whether the verdict changed. */
/* is_probe: a probe was answered; else bytes came, which are life but do not end the start period. */
bool verdict_success(struct verdict *v, bool is_probe);
bool verdict_failure(struct verdict *v, const struct verdict_failure *f);
/* Nothing heard for too long with a call in flight: unhealthy, whatever the count. */
bool verdict_stuck(struct verdict *v, int64_t silent_ms);
/* So many calls in a row ran into request_timeout by now. */
bool verdict_calls(struct verdict *v, unsigned n_given_up);

#endif
