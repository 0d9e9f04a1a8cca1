/* SPDX-License-Identifier: MIT */
/*
 * tallies: what is counted of one server over all its processes, for metrics and `status`. Part of struct server.
 */
#ifndef SUPERVISOR_TALLIES_H
#define SUPERVISOR_TALLIES_H

#include "health/health.h"

#include <stdbool.h>
#include <stdint.h>

struct launch_exit;

/* Why a server that had been RUNNING was launched again. */
enum restart_cause {
	CAUSE_NONE,
	CAUSE_EXIT,	 /* it ended by itself */
	CAUSE_SIGNAL,	 /* … by a signal that was not ours */
	CAUSE_OOM,	 /* … for want of memory */
	CAUSE_STDOUT,	 /* it closed its stdout and lived on */
	CAUSE_UNHEALTHY, /* its probes failed */
	CAUSE_ENGINE,	 /* the engine, or a proxy before it, took it away */
	CAUSE_ASKED,	 /* an operator, a file of `watch`, a reload */
	CAUSES,
};
const char *cause_name(enum restart_cause c);
/* What the end of a process says when nothing is known from before. */
enum restart_cause cause_of_exit(const struct launch_exit *x);

struct tallies {
	unsigned restarts[CAUSES];
	unsigned fallbacks; /* launches by the docker command after the API had failed */
	unsigned pulls, pull_failures;
	int64_t pull_ms; /* together */
	struct health_counts probes;
};

#endif
