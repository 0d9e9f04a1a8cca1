/* SPDX-License-Identifier: MIT */
/*
 * orphans: the last act: whatever still runs below us gets SIGTERM, a grace, then SIGKILL. As PID 1 that is every
 * process of our pid namespace; otherwise all our descendants. Spares nothing: call it when servers and COMMAND are done.
 */
#ifndef SUPERVISOR_ORPHANS_H
#define SUPERVISOR_ORPHANS_H

#include <stdint.h>

struct err;
struct loop;
struct orphans;
struct reap;

struct orphans_params {
	struct loop *loop;
	struct reap *reap; /* its reap_on_drained() is ours until orphans_free() */
	int64_t grace_ms;
	/* Once, from the loop: nothing is left, or what is left does not even die of SIGKILL. May free the orphans. */
	void (*on_done)(void *ctx);
	void *ctx;
};

struct orphans *orphans_end(const struct orphans_params *p, struct err *e);
/* The grace is over now. */
void orphans_hurry(struct orphans *o);
void orphans_free(struct orphans *o);
/* Sends it to all of them now; how many there were, as PID 1 only whether there was any. */
unsigned orphans_signal(int signo);

#endif
