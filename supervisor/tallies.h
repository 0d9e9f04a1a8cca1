/* SPDX-License-Identifier: MIT */
/*
 * tallies: what is counted of one server over all its processes, for metrics and `status`. Part of struct server.
 */
#ifndef SUPERVISOR_TALLIES_H
#define SUPERVISOR_TALLIES_H

#include "health/health.h"

#include <stdint.h>

struct tallies {
	unsigned fallbacks; /* launches by the docker command after the API had failed */
	unsigned pulls, pull_failures;
	int64_t pull_ms; /* together */
	struct health_counts probes;
};

#endif
