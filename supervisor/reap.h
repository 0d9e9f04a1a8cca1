/* SPDX-License-Identifier: MIT */
/*
 * reap: every child's end, ours and adopted ones: SIGCHLD → reap_drain() → whoever watches that pid.
 * Nothing is reaped but in reap_drain(), so a child that is watched in the turn of the loop that made it cannot be missed.
 * Callbacks may watch, forget, and start new children.
 */
#ifndef SUPERVISOR_REAP_H
#define SUPERVISOR_REAP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct reap;

/* status: as from waitpid(2). */
typedef void reap_fn(void *ctx, pid_t pid, int status);

struct reap *reap_new(struct err *e);
void reap_free(struct reap *r);
/* We get the orphans of all our descendants, also when we are not PID 1. */
int reap_become_subreaper(struct err *e);

/* fn is called once, with the exit; the watch is gone before. -ENOMEM. */
int reap_watch(struct reap *r, pid_t pid, reap_fn *fn, void *ctx);
/* The same ctx is also told when a watched child is stopped or continued (job control). */
void reap_on_stop(struct reap *r, pid_t pid, reap_fn *fn);
/* No callback any more; the child is still reaped, and not counted as an orphan. Unknown pids are fine. */
void reap_forget(struct reap *r, pid_t pid);

/* Upon SIGCHLD: reaps until nothing is left to reap. */
void reap_drain(struct reap *r);
/* fn is called at the end of every reap_drain(); NULL: nobody. May free whatever it likes but the reap. */
void reap_on_drained(struct reap *r, void (*fn)(void *ctx), void *ctx);
/* Is any child left, dead or alive? */
bool reap_has_children(void);
/* Adopted orphans reaped so far. */
uint64_t reap_orphans(const struct reap *r);

#endif
