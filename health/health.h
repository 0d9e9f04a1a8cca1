/* SPDX-License-Identifier: MIT */
/*
 * health: one prober per server: schedule, timeout, start period → verdict. Knows neither mux nor engine: it asks
 * through the `ask` callback and is told the answer by health_answer().
 * Probes start every interval whatever the last one did; each fails after timeout; unhealthy after `retries` failures
 * in a row. Bytes from the server within the interval count as life. Failures in the start period do not count.
 */
#ifndef HEALTH_HEALTH_H
#define HEALTH_HEALTH_H

#include "base/hist.h"

#include <stdbool.h>
#include <stdint.h>

struct err;
struct health;
struct loop;

enum health_verdict { HEALTH_NONE, HEALTH_STARTING, HEALTH_HEALTHY, HEALTH_UNHEALTHY };
const char *health_verdict_name(enum health_verdict v);

/* Of all probers of a server, one after the other: the supervisor's. */
struct health_counts {
	struct hist answered; /* from asked to answered, an error too */
	uint64_t failed;      /* not answered in time, or could not be asked */
};

struct health_params {
	struct loop *loop;
	int64_t interval_ms, timeout_ms, start_period_ms;
	int retries;
	int64_t busy_timeout_ms; /* patience with calls in flight, since the last byte from the server */
	bool is_modern;		 /* server/discover instead of ping */
	/* Sends one MCP request; the answer comes by health_answer(probe_id). 0 or -errno (counts as a failure). */
	int (*ask)(void *ctx, unsigned probe_id, const char *method);
	/* clock_ms() of the last byte from the server; calls of agents in flight. */
	int64_t (*last_heard_ms)(void *ctx);
	bool (*is_busy)(void *ctx);
	void (*on_verdict)(void *ctx, enum health_verdict v, const char *why);
	void *ctx;
};

/* Starts probing at once (first probe after one interval). */
struct health *health_new(const struct health_params *p, struct err *e);
void health_free(struct health *h);
/* The answer to a probe: is_error: a JSON-RPC error came (the server lives, but may not know the method: -32601). */
void health_answer(struct health *h, unsigned probe_id, bool is_error, int error_code);
enum health_verdict health_now(const struct health *h);
/* From now on it counts there, too; borrowed. */
void health_count(struct health *h, struct health_counts *counts);

#endif
