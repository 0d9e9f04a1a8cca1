/* SPDX-License-Identifier: MIT */
/*
 * upgrade: the head of the answer to an attach, from bytes as they come: is the connection ours now, or refused and why?
 * Source:  RFC 9110, 7.8 (Upgrade); Engine API v1.41, ContainerAttach. Names of headers may be written small.
 * Limits:  UPGRADE_MAX_HEAD of the head, UPGRADE_MAX_BODY of a refusal's words.
 * Used by: attach.c. Loop: none, pure.
 */
#ifndef DOCKER_UPGRADE_H
#define DOCKER_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>

enum { UPGRADE_MAX_HEAD = 16 * 1024, UPGRADE_MAX_BODY = 16 * 1024 };

enum upgrade_verdict {
	UPGRADE_MORE,	 /* not whole yet */
	UPGRADE_DONE,	 /* what stands behind the head is the container's */
	UPGRADE_REFUSED, /* what stands behind it says why */
	UPGRADE_BROKEN,	 /* the end came too early, or this is no HTTP */
};

struct upgrade {
	int status;  /* of HTTP */
	size_t head; /* bytes, its empty line included */
};

/* text[0..n), NUL-terminated, is all that came so far; is_end: no more will. *ret is set with DONE and REFUSED. */
enum upgrade_verdict upgrade_read(const char *text, size_t n, bool is_end, struct upgrade *ret);

#endif
