/* SPDX-License-Identifier: MIT */
/*
 * health: one prober per process: schedule, timeout, start period → verdict. Knows neither mux nor engine: it asks
 * through the `ask` callback and is told the answer by health_answer() or health_said().
 * Probes start every interval whatever the last one did; each fails after timeout; unhealthy after `retries` failures
 * in a row, so within retries × interval + timeout. Failures in the start period do not count; a probe that succeeds
 * ends it.
 *
 * Busy is not hung. With a call in flight silence is no failure; what counts then is how long no byte came: since the last
 * one, or since the call if that is later, at most busy_timeout. Only bytes from the server count. Where a check (a
 * command, a URL) is asked instead of MCP, its no is a no, whatever is in flight; its silence is excused like a ping's,
 * and its yes is as good as a byte.
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

enum health_kind {
	HEALTH_BY_MCP,	 /* a request of MCP; bytes within the interval are as good as its answer */
	HEALTH_BY_CHECK, /* a command or a URL, every interval */
	HEALTH_BY_ENGINE, /* another one asks and counts; we hear what he found. Not reaching him is no failure */
};

enum { HEALTH_NOT_ASKED = 1 };

/* Of all probers of a server, one after the other: the supervisor's. */
struct health_counts {
	struct hist answered; /* from asked to answered, whatever the answer */
	uint64_t failed;      /* not answered in time, answered by no, or could not be asked */
};

struct health_params {
	struct loop *loop;
	enum health_kind kind;
	const char *
		noun; /* CHECK, ENGINE: what is asked, for sentences: "health command"; a literal */
	int64_t interval_ms, timeout_ms, start_period_ms;
	int retries;
	int64_t busy_timeout_ms; /* patience with calls in flight */
	bool is_modern;		 /* MCP: server/discover instead of ping */
	/*
	 * Asks; the answer comes from the loop, never from within. 0, -errno (counts as a failure), or HEALTH_NOT_ASKED: by
	 * nobody's fault, so it does not count. method: the MCP request to send; NULL for the other kinds.
	 */
	int (*ask)(void *ctx, unsigned probe_id, const char *method);
	/*
	 * Nobody waits for this answer any more: it took too long, or is out of date. May be NULL. False: whoever carries
	 * the question is slow, not the server, so it does not count.
	 */
	bool (*give_up)(void *ctx, unsigned probe_id);
	/* clock_ms() of the last byte from the server; since when calls of agents are in flight, 0: none is. */
	int64_t (*last_heard_ms)(void *ctx);
	int64_t (*busy_since_ms)(void *ctx);
	/* Calls in a row that ran into request_timeout; NULL: there is none. */
	unsigned (*calls_given_up)(void *ctx);
	void (*on_verdict)(void *ctx, enum health_verdict v, const char *why);
	void *ctx;
};

/* Starts probing at once (first probe after one interval; ENGINE: now). */
struct health *health_new(const struct health_params *p, struct err *e);
void health_free(struct health *h);
/* MCP: is_error: a JSON-RPC error came (the server lives, but may not know the method: -32601). */
void health_answer(struct health *h, unsigned probe_id, bool is_error, int error_code);
/* CHECK, ENGINE: HEALTHY, or UNHEALTHY and the words that say why; anything else: no news. */
void health_said(struct health *h, unsigned probe_id, enum health_verdict v, const char *words);
/* Asks now: there is a sign that something changed. */
void health_look(struct health *h);
enum health_verdict health_now(const struct health *h);
/* How long the last probe that was answered took; -1: none was yet. */
int64_t health_last_probe_ms(const struct health *h);
/* clock_ms() of its last sign of health: a byte (MCP), a yes (all else); 0: there was none. */
int64_t health_well_ms(const struct health *h);
/* From now on it counts there, too; borrowed. */
void health_count(struct health *h, struct health_counts *counts);

#endif
