/* SPDX-License-Identifier: MIT */
/*
 * watch_walk: the way to a path as the kernel goes it, link by link: in which directories does a name stand that decides
 * where it ends. Used by: watch.c. Loop: none.
 */
#ifndef SUPERVISOR_WATCH_WALK_H
#define SUPERVISOR_WATCH_WALK_H

#include <limits.h>
#include <stdbool.h>

/*
 * Calls fn for each directory that holds a symbolic link on the way, or what stands at the end of it; when something on
 * the way is missing, for the last directory that is there, which is also copied to ret_from. False: it is missing.
 */
bool watch_walk(const char *path, void (*fn)(void *ctx, const char *dir), void *ctx,
		char ret_from[PATH_MAX]);

#endif
