/* SPDX-License-Identifier: MIT */
/*
 * imagemap: `npx PKG ARGS` / `uvx PKG ARGS` → the image that can run it. A table, pure.
 */
#ifndef DOCKER_IMAGEMAP_H
#define DOCKER_IMAGEMAP_H

#include <stdbool.h>

struct imagemap {
	const char *image;  /* static */
	bool needs_cache;   /* a cache volume on /tmp, HOME and package caches in it */
	bool is_installing; /* packages are fetched at start: start_timeout is the long one */
};

/* argv: the words of `command`. True when its first word is npx or uvx (path stripped). */
bool imagemap_find(const char *const *argv, struct imagemap *ret);

#endif
