/* SPDX-License-Identifier: MIT */
/*
 * backoff: how long to wait before a server is launched again, and when to give up. Pure.
 * Rule:    a server that ran for startsecs is launched again at once: attempt 1. One that died earlier, or never got
 *          ready, waits: base, then twice as long each time, ±20 %, never more than max. A run of startsecs × 10
 *          forgets all that; a shorter one keeps the delay reached, so that a server that flaps does not begin anew.
 * Units:   milliseconds.
 */
#ifndef SUPERVISOR_BACKOFF_H
#define SUPERVISOR_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct backoff {
	int64_t base_ms, max_ms, startsecs_ms; /* from the configuration */
	int retries;			       /* startretries; 0: for ever */
	int attempt;	  /* the relaunch that comes next is the n-th in a row; 0: none yet */
	int64_t delay_ms; /* the next wait without jitter; 0: base_ms */
};

/* The next wait after a start that failed, counted; random: any number, the jitter comes from it. */
int64_t backoff_next(struct backoff *b, unsigned random);
/*
 * As backoff_next(), for an exit ran_ms after the server was ready (0: it never was; one that hung: as long as it was
 * well); 0: launch at once.
 */
int64_t backoff_after_exit(struct backoff *b, int64_t ran_ms, unsigned random);
/* All is forgotten: after long health, or by an operator's start. */
void backoff_reset(struct backoff *b);
/* More attempts than `retries` allows were counted: do not launch again. */
bool backoff_is_spent(const struct backoff *b);

#endif
