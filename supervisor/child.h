/* SPDX-License-Identifier: MIT */
/*
 * child: a program of ours that speaks on its stdio, for the two carriers that run one (process, cli): pipes, stderr,
 * exit. The exit is told one turn after it was reaped, so that what the program last wrote is read first.
 */
#ifndef SUPERVISOR_CHILD_H
#define SUPERVISOR_CHILD_H

#include <stddef.h>
#include <sys/types.h>

struct child;
struct err;
struct spawn_params;
struct stream;
struct supervisor;

struct child_cb {
	void (*on_stderr)(void *ctx, const char *bytes, size_t n);
	void (*on_exit)(void *ctx, int status); /* as from waitpid(2); the last callback */
};

/* *ret_stdio: its stdin and stdout, the caller's. p->stdio must be SPAWN_PIPES. e's kind: enum spawn_fault. */
struct child *child_new(struct supervisor *sv, const struct spawn_params *p,
			const struct child_cb *cb, void *ctx, struct stream **ret_stdio,
			struct err *e);
/* To its whole process group. Harmless after the exit. */
void child_signal(struct child *c, int signo);
/* What still runs of its group is killed. */
void child_free(struct child *c);
pid_t child_pid(const struct child *c);

/* "SIGTERM" or "TERM" or "15" → 15; 0: no such signal. */
int child_signal_of(const char *name);

#endif
