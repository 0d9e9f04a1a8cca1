/* SPDX-License-Identifier: MIT */
/*
 * watch: inotify on the paths that one server's key `watch` names; when one has changed and no other followed for a
 * moment, on_change is called, once. A stream of changes cannot put it off for more than WATCH_AT_MOST_MS.
 *
 * A directory counts with all below it, new directories as they appear; symbolic links in it are not followed. A file is
 * watched from the directory it lies in, and it has changed when stat() says so: so a rename over it counts, and so does
 * another target of any symbolic link on the way to it (how a ConfigMap is updated). What is not there yet is watched
 * for from the nearest directory that is. Left alone: .git, node_modules, __pycache__, editors' swap and backup files.
 * A file that is written to counts when it is closed. What inotify cannot see (changes made by another machine, on NFS or a
 * virtual machine's share) is not seen.
 *
 * Owns: its inotify descriptor, a copy of the paths. Limits: WATCH_MAX_DIRS, and the kernel's, each with a warning that
 * names the remedy; neither is an error. Events and directories are read within a budget a round.
 */
#ifndef SUPERVISOR_WATCH_H
#define SUPERVISOR_WATCH_H

#include <stddef.h>

enum {
	WATCH_QUIET_MS = 300,
	WATCH_AT_MOST_MS = 3000,
	WATCH_MAX_DIRS = 8192, /* of one server */
};

struct err;
struct loop;
struct watch;

struct watch_params {
	struct loop *loop;
	const char *server; /* for messages; copied */
	char *const *paths; /* absolute, NULL-terminated; copied */
	size_t max_dirs;    /* 0: WATCH_MAX_DIRS */
	void (*on_change)(
		void *ctx,
		const char *path); /* from the loop; may free the watch; path: until it returns */
	void *ctx;
};

/* NULL: inotify cannot be had; e says why and what to do. */
struct watch *watch_new(const struct watch_params *p, struct err *e);
void watch_free(struct watch *w);

#endif
