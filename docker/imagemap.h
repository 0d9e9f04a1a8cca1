/* SPDX-License-Identifier: MIT */
/*
 * imagemap: `npx PKG ARGS` / `uvx PKG ARGS` → the image that can run it. A table, pure.
 */
#ifndef DOCKER_IMAGEMAP_H
#define DOCKER_IMAGEMAP_H

#include <stdbool.h>

struct imagemap {
	const char *image; /* static */
	/* The image is the package's program: its command is prefix (or none: NULL) and these of argv; NULL: all of argv. */
	const char *prefix;	 /* static */
	const char *const *args; /* borrowed */
	bool is_installing; /* packages are fetched at start: into a cache on /tmp, and start_timeout is the long one */
};

/* argv: the words of `command`. True when its first word is npx or uvx (path stripped). */
bool imagemap_find(const char *const *argv, struct imagemap *ret);

#endif
