/* SPDX-License-Identifier: MIT */
/*
 * watch_set: the directories that one inotify descriptor watches, by watch descriptor.
 * Owns:    the paths; the descriptor is watch.c's. Limit: max directories, and the kernel's: what is beyond them is not
 *          watched, which is said once.
 * Used by: watch.c. Loop: none.
 */
#ifndef SUPERVISOR_WATCH_SET_H
#define SUPERVISOR_WATCH_SET_H

#include <stdbool.h>
#include <stddef.h>

/* Watched for all that happens in it, or because a root depends on a name in it, or both. */
struct watch_node {
	int wd;
	bool is_tree, is_lookout;
	char *path; /* owned */
};

struct watch_set {
	int fd;			  /* borrowed */
	char *server;		  /* borrowed; for messages */
	struct watch_node *nodes; /* owned; by wd */
	size_t n, max, cap;
	bool is_limit_said, is_denied_said;
};

/* The node, there already or new, or NULL: it cannot be watched, which was said. Pointers hold until the next add or drop. */
struct watch_node *watch_set_add(struct watch_set *s, const char *path);
struct watch_node *watch_set_find(const struct watch_set *s, int wd);
void watch_set_drop(struct watch_set *s, struct watch_node *n);
/* Moved away or deleted: what happens in path and below is no longer ours, but for lookouts. */
void watch_set_drop_below(struct watch_set *s, const char *path);
/* Forgets all, when the descriptor is closed. */
void watch_set_clear(struct watch_set *s);
/* Once: why this path and others are not watched. error: errno. */
void watch_set_say(struct watch_set *s, int error, const char *path);

#endif
