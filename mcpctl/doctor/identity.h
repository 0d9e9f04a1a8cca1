/* SPDX-License-Identifier: MIT */
/*
 * identity: whose findings these are. `docker exec` makes the doctor root where mcpinit is not: what root can open says
 * nothing of mcpinit. So the doctor becomes the user that mcpinit is, in its groups, before it looks.
 * Used by: main.c. Loop: none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { IDENTITY_GROUPS = 64 };

struct identity {
	uid_t uid;
	gid_t gid;
	gid_t groups[IDENTITY_GROUPS]; /* n_groups of them; further ones are left out */
	size_t n_groups;
};

/* The effective ids of a /proc/PID/status; false: it is none. Pure. */
bool identity_parse(const char *status, struct identity *ret);

/* As root, beside a mcpinit that is PID 1 and not root: takes on its ids and home. Else, or where it may not: stays. */
void identity_take_on(void);
