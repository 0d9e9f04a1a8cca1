/* SPDX-License-Identifier: MIT */
/*
 * spawn: a program as our child: three pipes or our own stdio, then fork and exec. Returns when the exec has succeeded
 * or failed, so that a program that cannot be run is an error here and not an exit.
 * The child has an empty signal mask, default dispositions, descriptors 0–2 only, and our umask.
 * No shell: a file that is neither a binary nor begins with #! is refused.
 * The exit comes by reap.h: call reap_watch() before going back to the loop.
 */
#ifndef SUPERVISOR_SPAWN_H
#define SUPERVISOR_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct err;

/* Who the child is. */
struct spawn_user {
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* owned */
	size_t n_groups;
};

/* "name", "UID", and both with ":group" or ":GID"; resolved now, because a child may not look up names. */
int spawn_user_find(const char *spec, struct spawn_user *ret, struct err *e);
void spawn_user_done(struct spawn_user *u);

enum spawn_stdio {
	SPAWN_PIPES,   /* stdin, stdout, stderr are pipes to us; a session of its own */
	SPAWN_INHERIT, /* ours; a process group of its own */
};

struct spawn_params {
	/* argv[0] is looked up in envp's PATH unless it contains a slash */
	char *const *argv;
	char *const *envp;
	const char *cwd;	       /* NULL: ours */
	const struct spawn_user *user; /* NULL: ours */
	enum spawn_stdio stdio;
	int tty_fd; /* SPAWN_INHERIT: the terminal whose foreground group the child becomes; -1: none */
};

struct spawned {
	pid_t pid;
	int in_fd, out_fd, err_fd; /* our ends, non-blocking, the caller's; -1 with SPAWN_INHERIT */
};

/* e's kind: can it help to try again? And what a shell would exit with. */
enum spawn_fault {
	SPAWN_BUSY = 1,	 /* no process, descriptor or memory to be had just now: try again */
	SPAWN_NOT_FOUND, /* no such program: a person must act; 127 */
	SPAWN_REFUSED,	 /* it is there but cannot be run, or not so: a person must act; 126 */
};

/* Nothing but memory or descriptors was missing, and only just now: SPAWN_BUSY. code: a negative errno. */
bool spawn_is_shortage(int code);
int spawn(const struct spawn_params *p, struct spawned *ret, struct err *e);

#endif
