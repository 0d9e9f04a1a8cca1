/* SPDX-License-Identifier: MIT */
/*
 * pulse: the health probes of one running process: health/ asks, the mux (MCP) or a check (all else) carries the question
 * and the answer. Lives only while the server is RUNNING.
 */
#ifndef SUPERVISOR_PULSE_H
#define SUPERVISOR_PULSE_H

#include "health/health.h"

struct conf_server;
struct err;
struct launch;
struct mux;
struct pulse;
struct supervisor;

typedef void pulse_fn(void *ctx, enum health_verdict v, const char *why);

struct pulse_params {
	struct supervisor *sv;
	const struct conf_server *conf; /* all borrowed for the life of the pulse */
	const struct launch *launch;
	struct mux *mux;
	pulse_fn *fn;
	void *ctx;
};

/* NULL without an error where healthcheck = none. */
struct pulse *pulse_new(const struct pulse_params *params, struct err *e);
void pulse_free(struct pulse *p);
/* The same configuration at another place: the one it borrowed goes. */
void pulse_conf_moved(struct pulse *p, const struct conf_server *conf);
/* The engine's own health check of its container has news. */
void pulse_look(struct pulse *p);
/* NONE where nothing can be probed: the reason was logged. */
enum health_verdict pulse_now(const struct pulse *p);
/* How long the last probe that was answered took; -1: none was yet. */
int64_t pulse_last_probe_ms(const struct pulse *p);
/* clock_ms() of the last sign of health; 0: there was none. */
int64_t pulse_well_ms(const struct pulse *p);
/* From now on its probes are counted there; borrowed. */
void pulse_count(struct pulse *p, struct health_counts *counts);

#endif
