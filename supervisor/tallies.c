/* SPDX-License-Identifier: MIT */
#include "supervisor/tallies.h"

#include "supervisor/launch.h"

enum { SIGNAL_BASE = 128 }; /* a container's exit status for a signal is above it */

const char *cause_name(enum restart_cause c)
{
	static const char *const names[CAUSES] = {
		[CAUSE_NONE] = "",
		[CAUSE_EXIT] = "exit",
		[CAUSE_SIGNAL] = "signal",
		[CAUSE_OOM] = "oom",
		[CAUSE_STDOUT] = "stdout_closed",
		[CAUSE_UNHEALTHY] = "unhealthy",
		[CAUSE_ENGINE] = "engine",
		[CAUSE_ASKED] = "asked",
	};
	return names[c];
}

enum restart_cause cause_of_exit(const struct launch_exit *x)
{
	if (x->is_oom)
		return CAUSE_OOM;
	if (x->is_engine_gone || x->is_engine_ill || x->cut_ms > 0)
		return CAUSE_ENGINE;
	return x->signal > 0 || x->exit_code > SIGNAL_BASE ? CAUSE_SIGNAL : CAUSE_EXIT;
}
