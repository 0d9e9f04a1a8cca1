/* SPDX-License-Identifier: MIT */
#include "base/hist.h"

#include <stddef.h>

const int64_t hist_bounds_ms[HIST_BOUNDS] = { 1,   2,	 5,    10,   20,    50,	   100,	 200,
					      500, 1000, 2000, 5000, 10000, 30000, 60000 };

void hist_add(struct hist *h, int64_t ms)
{
	size_t i = 0;
	if (ms < 0)
		ms = 0;
	while (i < HIST_BOUNDS && ms > hist_bounds_ms[i])
		i++;
	h->n[i]++;
	h->sum_ms += (uint64_t)ms;
}

uint64_t hist_count(const struct hist *h)
{
	uint64_t n = 0;
	for (size_t i = 0; i <= HIST_BOUNDS; i++)
		n += h->n[i];
	return n;
}
