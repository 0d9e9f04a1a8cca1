/* SPDX-License-Identifier: MIT */
#include "supervisor/fsm.h"

#include <stddef.h>

/* clang-format off */
static const struct fsm_rule rules[SRV_STATES][SRV_EVENTS] = {
	[SRV_STOPPED] = {
		[EV_START]   = { SRV_STARTING, { ACT_LAUNCH } },
		[EV_RECYCLE] = { SRV_STARTING, { ACT_LAUNCH } },
	},
	[SRV_STARTING] = {
		[EV_READY]   = { SRV_RUNNING,  { ACT_WATCH_HEALTH } },
		[EV_STOP]    = { SRV_STOPPING, { ACT_CLOSE_STDIN } },
		[EV_RECYCLE] = { SRV_STOPPING, { ACT_CLOSE_STDIN } },
		[EV_TIMER]   = { SRV_STOPPING, { ACT_CLOSE_STDIN } }, /* start_timeout */
		[EV_DIED]    = { SRV_BACKOFF,  { ACT_ARM_BACKOFF } },
		[EV_ENDED]   = { SRV_EXITED,   { ACT_NONE } },
		[EV_GAVE_UP] = { SRV_FATAL,    { ACT_NONE } },
		[EV_DOWN]    = { SRV_STOPPED,  { ACT_NONE } },
	},
	[SRV_RUNNING] = {
		[EV_STOP]    = { SRV_STOPPING, { ACT_CLOSE_STDIN } },
		[EV_RECYCLE] = { SRV_STOPPING, { ACT_CLOSE_STDIN } },
		[EV_DIED]    = { SRV_BACKOFF,  { ACT_ARM_BACKOFF } },
		[EV_ENDED]   = { SRV_EXITED,   { ACT_NONE } },
		[EV_GAVE_UP] = { SRV_FATAL,    { ACT_NONE } },
		[EV_DOWN]    = { SRV_STOPPED,  { ACT_NONE } },
	},
	[SRV_BACKOFF] = {
		[EV_TIMER]   = { SRV_STARTING, { ACT_LAUNCH } },
		[EV_START]   = { SRV_STARTING, { ACT_LAUNCH } },
		[EV_RECYCLE] = { SRV_STARTING, { ACT_LAUNCH } },
		[EV_STOP]    = { SRV_STOPPED,  { ACT_NONE } },
	},
	[SRV_STOPPING] = {
		[EV_TIMER]   = { SRV_STOPPING, { ACT_ESCALATE } },
		[EV_START]   = { SRV_STOPPING, { ACT_NONE } }, /* the wish changed: it starts when it is gone */
		[EV_STOP]    = { SRV_STOPPING, { ACT_NONE } },
		[EV_RECYCLE] = { SRV_STOPPING, { ACT_NONE } },
		[EV_DOWN]    = { SRV_STOPPED,  { ACT_NONE } },
		[EV_DIED]    = { SRV_BACKOFF,  { ACT_ARM_BACKOFF } },
		[EV_ENDED]   = { SRV_EXITED,   { ACT_NONE } },
		[EV_GAVE_UP] = { SRV_FATAL,    { ACT_NONE } },
	},
	[SRV_EXITED] = {
		[EV_START]   = { SRV_STARTING, { ACT_LAUNCH } },
		[EV_RECYCLE] = { SRV_STARTING, { ACT_LAUNCH } },
		[EV_STOP]    = { SRV_STOPPED,  { ACT_NONE } },
	},
	[SRV_FATAL] = {
		[EV_START]   = { SRV_STARTING, { ACT_LAUNCH } },
		[EV_RECYCLE] = { SRV_STARTING, { ACT_LAUNCH } },
		[EV_STOP]    = { SRV_STOPPED,  { ACT_NONE } },
	},
};

/* clang-format on */

static const char *const state_names[] = {
	[SRV_NONE] = "NONE",	   [SRV_STOPPED] = "STOPPED", [SRV_STARTING] = "STARTING",
	[SRV_RUNNING] = "RUNNING", [SRV_BACKOFF] = "BACKOFF", [SRV_STOPPING] = "STOPPING",
	[SRV_EXITED] = "EXITED",   [SRV_FATAL] = "FATAL",
};
_Static_assert(sizeof(state_names) / sizeof(state_names[0]) == SRV_STATES,
	       "every state has a name");

static const char *const event_names[] = {
	[EV_START] = "start", [EV_STOP] = "stop",	[EV_RECYCLE] = "recycle",
	[EV_READY] = "ready", [EV_DOWN] = "down",	[EV_DIED] = "died",
	[EV_ENDED] = "ended", [EV_GAVE_UP] = "gave up", [EV_TIMER] = "timer",
};
_Static_assert(sizeof(event_names) / sizeof(event_names[0]) == SRV_EVENTS,
	       "every event has a name");

const struct fsm_rule *fsm_next(enum srv_state state, enum srv_event ev)
{
	return &rules[state][ev];
}

const char *fsm_state_name(enum srv_state s)
{
	return state_names[s];
}

const char *fsm_event_name(enum srv_event ev)
{
	return event_names[ev];
}
