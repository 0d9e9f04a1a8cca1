/* SPDX-License-Identifier: MIT */
/* What is counted of a server, over all its processes. */
#include "base/clock.h"
#include "supervisor/launch.h"
#include "supervisor/server_priv.h"
#include "supervisor/tallies.h"

#include <stdio.h>

enum { SIGNAL_BASE = 128 }; /* a container's exit status for a signal is above it */

const struct tallies *server_tallies(const struct server *s)
{
	return &s->tallies;
}

const char *server_restart_name(enum server_restart reason)
{
	static const char *const names[RESTART_REASONS] = {
		[RESTART_EXIT] = "exit",      [RESTART_SIGNAL] = "signal",
		[RESTART_OOM] = "oom",	      [RESTART_STDOUT] = "stdout_closed",
		[RESTART_HUNG] = "unhealthy", [RESTART_ENGINE] = "engine",
		[RESTART_WISH] = "asked",
	};
	return names[reason];
}

enum server_restart server_reason_of_exit(const struct launch_exit *x)
{
	if (x->is_oom)
		return RESTART_OOM;
	if (x->is_engine_gone || x->is_engine_ill || x->cut_ms > 0)
		return RESTART_ENGINE;
	return x->signal > 0 || x->exit_code > SIGNAL_BASE ? RESTART_SIGNAL : RESTART_EXIT;
}

void server_tally_end(struct server *s, const char *sentence)
{
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
