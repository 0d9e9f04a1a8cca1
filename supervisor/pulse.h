/* SPDX-License-Identifier: MIT */
/*
 * pulse: the health probes of one running process: health/ asks, the mux carries the question and the answer.
 * Lives only while the server is RUNNING.
 */
#ifndef SUPERVISOR_PULSE_H
#define SUPERVISOR_PULSE_H

#include "health/health.h"

struct conf_server;
struct err;
struct loop;
struct mux;
struct pulse;

typedef void pulse_fn(void *ctx, enum health_verdict v, const char *why);

/* NULL without an error where healthcheck = none. */
struct pulse *pulse_new(struct loop *l, const struct conf_server *conf, struct mux *m, pulse_fn *fn,
			void *ctx, struct err *e);
void pulse_free(struct pulse *p);
/* From now on its probes are counted there; borrowed. */
void pulse_count(struct pulse *p, struct health_counts *counts);
enum health_verdict pulse_now(const struct pulse *p);

#endif
