/* SPDX-License-Identifier: MIT */
/*
 * frames: the 8-byte frame headers of an attached container's output → spans of stdout and stderr.
 * Format:  byte 0 the stream (1 stdout, 2 stderr), three zero bytes, big-endian 32-bit length; then that many bytes.
 *	    Frames align with neither reads nor lines; a header may be split anywhere. A length of 0 is allowed.
 * Owns:    nothing. Spans point into the bytes given to frames_feed(), for that callback only; nothing is copied.
 * Errors:  -EPROTO for any other stream number or padding: what follows cannot be read any more.
 * Source:  Engine API v1.41, ContainerAttach, "Stream format".
 * Used by: attach.c. Loop: none, pure.
 */
#ifndef DOCKER_FRAMES_H
#define DOCKER_FRAMES_H

#include <stddef.h>
#include <stdint.h>

enum { FRAMES_HEADER = 8, FRAMES_STDOUT = 1, FRAMES_STDERR = 2 };

struct frames {
	unsigned char header[FRAMES_HEADER];
	size_t have;   /* bytes of the header so far; FRAMES_HEADER while in the payload */
	uint32_t left; /* bytes of the payload still to come */
};

/* n > 0. Must not touch the struct frames it is called for. */
typedef void frames_fn(void *ctx, int stream, const char *bytes, size_t n);

void frames_init(struct frames *f);
/* 0, or -EPROTO: then it stays so, and no span of the bad frame was handed out. */
int frames_feed(struct frames *f, const char *bytes, size_t n, frames_fn *fn, void *ctx);

#endif
