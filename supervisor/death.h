/* SPDX-License-Identifier: MIT */
/*
 * death: how a process ended → the sentence for people, the word for agents, and the event that follows by the policy of
 * autorestart and exitcodes. Pure.
 */
#ifndef SUPERVISOR_DEATH_H
#define SUPERVISOR_DEATH_H

#include "supervisor/fsm.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_server;
struct launch_exit;

/* "exited with status 3 after 4.2 s", "killed for lack of memory after 1m12s; raise mem_limit", "cannot …". */
void death_sentence(const struct launch_exit *x, int64_t ran_ms, char *out, size_t size);
/* "exited", "killed", "out of memory", "engine unreachable", "start failed": data.reason of the error the agents get. */
const char *death_reason(const struct launch_exit *x);

/*
 * With an init in the container (the default) a command that cannot be executed is an exit like any other, 126 or 127,
 * and only the init's word on stderr tells: "exec /x failed: No such file or directory" into out. Source: tini, src/tini.c.
 */
bool death_is_exec_failure(const struct launch_exit *x, const char *stderr_tail, char *out,
			   size_t size);

struct death {
	const struct conf_server *conf;
	const struct launch_exit *x;
	bool want_up;  /* the operator still wants it */
	bool is_asked; /* we asked this process to go: its status means nothing */
	bool was_ready; /* it had reached RUNNING: autorestart decides; before that startretries does */
};
/* EV_DOWN, EV_ENDED, EV_GAVE_UP (no retry can help) or EV_DIED (start again, if retries are left). */
enum srv_event death_event(const struct death *d);

/* "850 ms", "4.2 s", "1m12s", "3h05m" into out (at least 24 bytes); returns out. */
const char *death_span(int64_t ms, char *out, size_t size);

#endif
