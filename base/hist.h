/* SPDX-License-Identifier: MIT */
/*
 * hist: how long things took: a count for each of fixed spans, and the sum.
 * A zeroed struct is an empty one. Units: milliseconds, as base/clock counts them; 0 is "under one".
 */
#ifndef BASE_HIST_H
#define BASE_HIST_H

#include <stdint.h>

enum { HIST_BOUNDS = 15 };
/* Rising; a span counts under the first bound that it does not exceed, or under none of them. */
extern const int64_t hist_bounds_ms[HIST_BOUNDS];

struct hist {
	uint64_t n[HIST_BOUNDS + 1]; /* each bucket's own, not those below it */
	uint64_t sum_ms;
};

/* Negative is 0. */
void hist_add(struct hist *h, int64_t ms);
uint64_t hist_count(const struct hist *h);

#endif
