/* SPDX-License-Identifier: MIT */
#include "supervisor/backoff.h"

/* Health of so many times startsecs makes what was before a thing of the past. */
enum { FORGET_AFTER = 10 };

/* ±20 %, but what would pass the limit is reflected: at the limit servers shall not fall into step. */
static int64_t jitter(int64_t delay_ms, int64_t max_ms, unsigned random)
{
	int64_t d = delay_ms / 1000 * (800 + random % 401) +
		    delay_ms % 1000 * (800 + random % 401) / 1000;
	return d > max_ms ? 2 * max_ms - d : d;
}

int64_t backoff_next(struct backoff *b, unsigned random)
{
	int64_t max_ms = b->max_ms > b->base_ms ? b->max_ms : b->base_ms;
	int64_t delay_ms = b->delay_ms ? b->delay_ms : b->base_ms;
	b->delay_ms = delay_ms > max_ms / 2 ? max_ms : delay_ms * 2;
	b->attempt++;
	return jitter(delay_ms, max_ms, random);
}

int64_t backoff_after_exit(struct backoff *b, int64_t ran_ms, unsigned random)
{
	/* With startsecs = 0 every run is a success; the base delay then keeps it from spinning. */
	int64_t lived_ms = b->startsecs_ms > 0 ? b->startsecs_ms : b->base_ms;
	if (ran_ms < lived_ms || ran_ms <= 0)
		return backoff_next(b, random);
	if (ran_ms / FORGET_AFTER >= lived_ms)
		backoff_reset(b);
	b->attempt = 1;
	return 0;
}

void backoff_reset(struct backoff *b)
{
	b->attempt = 0;
	b->delay_ms = 0;
}

bool backoff_is_spent(const struct backoff *b)
{
	return b->retries > 0 && b->attempt > b->retries;
}
