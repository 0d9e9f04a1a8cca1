/* SPDX-License-Identifier: MIT */
/* What is counted of a server, over all its processes. */
#include "base/clock.h"
#include "supervisor/server_priv.h"
#include "supervisor/tallies.h"

#include <stdio.h>

const struct tallies *server_tallies(const struct server *s)
{
	return &s->tallies;
}

void server_count_restart(struct server *s, const struct launch_exit *x, const char *sentence)
{
	enum restart_cause cause = s->cause;
	if (cause == CAUSE_NONE)
		cause = s->is_asked ? CAUSE_ASKED : cause_of_exit(x);
	if (cause != CAUSE_ENGINE && cause != CAUSE_ASKED)
		degraded_restarted(&s->degraded, clock_ms());
	s->restarts++;
	s->tallies.restarts[cause]++;
	s->last_restart_ms = clock_ms();
	(void)snprintf(s->last_exit, sizeof(s->last_exit), "%.*s", LAST_EXIT_MAX - 1,
		       s->is_asked && s->why[0] ? s->why : sentence); /* cut is good enough */
}

void server_pull_goes_on(struct server *s)
{
	if (!s->pull_began_ms)
		s->pull_began_ms = clock_ms();
}

void server_pull_ended(struct server *s, bool is_ok)
{
	if (s->pull_began_ms && (is_ok || !s->is_asked)) /* else it was called off */
		server_pulled(s, clock_ms() - s->pull_began_ms, is_ok);
	s->pull_began_ms = 0;
}

void server_pulled(struct server *s, int64_t took_ms, bool is_ok)
{
	s->tallies.pulls++;
	s->tallies.pull_failures += !is_ok;
	s->tallies.pull_ms += took_ms;
}
