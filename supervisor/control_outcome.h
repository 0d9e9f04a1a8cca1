/* SPDX-License-Identifier: MIT */
/*
 * control_outcome: what became of what a client waits for, for one server; private to control_wait.c, which asks, and
 * control_outcome.c, which knows.
 */
#ifndef SUPERVISOR_CONTROL_OUTCOME_H
#define SUPERVISOR_CONTROL_OUTCOME_H

#include "base/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct cJSON;
struct ctl_client;
struct loop_timer;
struct server;

enum outcome { OPEN, DONE, FAILED };

struct waited {
	struct server *server;
	unsigned generation; /* when it was asked */
	bool is_asked;
};

struct ctl_wait {
	enum wire_verb verb;
	struct cJSON *id;    /* owned */
	char *text;	     /* owned; what else the answer says; NULL: nothing */
	bool is_all;	     /* no names were given */
	bool is_begun;	     /* a round has passed: wishes have become states */
	bool is_late;	     /* the timeout is over */
	struct waited *each; /* owned, n */
	size_t n;
	struct loop_timer *timer; /* looks in the next round; then the timeout */
	int64_t timeout_ms;	  /* -1: none */
	struct ctl_client *client;
};

bool ctl_is_stopped(const struct server *s);
/* text: the sentence for it is added. */
enum outcome ctl_outcome_of(const struct ctl_wait *w, const struct waited *each, struct buf *text);

#endif
