/* SPDX-License-Identifier: MIT */
#include "base/clock.h"

#include <stddef.h>
#include <time.h>

static int64_t (*fake)(void);

int64_t clock_ms(void)
{
	if (fake)
		return fake();
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void clock_fake(int64_t (*fn)(void))
{
	fake = fn;
}
