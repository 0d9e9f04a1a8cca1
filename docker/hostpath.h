/* SPDX-License-Identifier: MIT */
/*
 * hostpath: a path in our container → where it is on the host, by our own Mounts (longest prefix on a component
 * boundary, after realpath). Not in a container (self->id NULL): paths are the host's already.
 * Windows and WSL2 host paths ("C:\x", "//c/x") pass through. What lies on our own layers or tmpfs cannot be mapped:
 * an error that names the path and what to do, never a guess.
 * Pure but for realpath().
 */
#ifndef DOCKER_HOSTPATH_H
#define DOCKER_HOSTPATH_H

#include <stdbool.h>
#include <stddef.h>

struct docker_mount;
struct docker_self;
struct err;

/* Fills *ret (type, source, subpath, is_read_only or'ed with the mount's own; target left NULL). Its strings are the caller's. */
int docker_hostpath(const struct docker_self *self, const char *path, bool has_subpath,
		    bool is_read_only, struct docker_mount *ret, struct err *e);
/*
 * Another container that mounts path would see what our i-th mount hides there: *ret is where that lies strictly below
 * path, "/sub" (the caller's), or NULL: it does not, or is a socket, which nobody gets unless it is written out.
 */
int docker_hostpath_below(const struct docker_self *self, const char *path, size_t i, char **ret,
			  struct err *e);
/* "C:\x", "C:/x", "//c/x", "\\server\x". */
bool docker_is_windows_path(const char *path);

#endif
