/* SPDX-License-Identifier: MIT */
/*
 * fsm: the life of one server as a table: (state, event) → (state, actions). Pure; server.c alone calls it.
 *
 * STOPPED   nobody wants it up, or it sleeps (lazy). Nothing of it exists.
 * STARTING  it is wanted: it waits for its turn (dependency, engine, a free slot), its image is pulled, it is launched,
 *	     it shakes hands. Ends with READY, with an exit, or with the start timer.
 * RUNNING   handshake done and tools counted. Health probes run.
 * BACKOFF   it died or its start failed; it is launched again when the timer fires.
 * STOPPING  it was asked to go: stdin closed, then the stop signal, then the kill, each after a grace. It leaves this
 *	     state only by its exit; what comes next was decided by then (want_up): DOWN, or DIED to start anew.
 * EXITED    it ended by itself and autorestart says to leave it.
 * FATAL     a person must act: it is left by an operator's word alone, START, RECYCLE or STOP.
 *
 * An exit is one event, but what follows depends on the policy, which is not the table's: the caller names it DOWN (not
 * wanted any more), ENDED (autorestart says no), GAVE_UP (retries spent, or no retry can help), or DIED (start again).
 * Wish (want_up) and fact (state) are two fields of the server; a START while STOPPING changes only the wish.
 */
#ifndef SUPERVISOR_FSM_H
#define SUPERVISOR_FSM_H

enum srv_state {
	SRV_NONE,
	SRV_STOPPED,
	SRV_STARTING,
	SRV_RUNNING,
	SRV_BACKOFF,
	SRV_STOPPING,
	SRV_EXITED,
	SRV_FATAL,
	SRV_STATES
};

enum srv_event {
	EV_START,   /* wanted up: boot, operator, first message of a lazy server */
	EV_STOP,    /* wanted down: operator, shutdown */
	EV_RECYCLE, /* wanted up, but as a new process: restart, unhealthy, a file changed */
	EV_READY,   /* handshake done, tools counted */
	EV_DOWN,    /* it is gone and not wanted any more */
	EV_DIED,    /* it is gone (or its start failed) and shall start again */
	EV_ENDED,   /* it is gone and autorestart says to leave it */
	EV_GAVE_UP, /* it is gone and starting again would not help */
	EV_TIMER,   /* the timer that the state armed */
	SRV_EVENTS
};

enum srv_action {
	ACT_NONE,
	ACT_LAUNCH,	 /* take a turn, pull, launch */
	ACT_CLOSE_STDIN, /* begin the polite end, arm the first grace */
	ACT_ESCALATE,	 /* next of: stop signal, kill */
	ACT_ARM_BACKOFF,
	ACT_WATCH_HEALTH,
	ACT_ACTIONS
};

struct fsm_rule {
	enum srv_state to; /* SRV_NONE: the event has no meaning here */
	enum srv_action act[2];
};

/* The rule; never NULL. */
const struct fsm_rule *fsm_next(enum srv_state state, enum srv_event ev);
/* "STARTING": supervisord's names. */
const char *fsm_state_name(enum srv_state s);
const char *fsm_event_name(enum srv_event ev);

#endif
