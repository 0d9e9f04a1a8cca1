/* SPDX-License-Identifier: MIT */
/*
 * attach: the hijacked connection as a base/stream: stdin in, stdout out, frames taken off, stderr by callback.
 * Owners:  two, each lets go by itself: the container (docker_attach_free) and, once it was told on_open, whoever took
 *	    the stream (stream_free). The connection goes with the first of them, the memory with the last.
 * Reading: is the taker's, so that its backpressure reaches the container. But an engine hangs on a dying container
 *	    whose output nobody reads (moby#41827): docker_attach_drain() before a kill, or docker_attach_free().
 * Source:  Engine API v1.41, ContainerAttach, "Hijacking". Never a second attach with stdin to one container.
 * Used by: container.c.
 */
#ifndef DOCKER_ATTACH_H
#define DOCKER_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct docker;
struct docker_attach;
struct err;
struct stream;

struct docker_attach_cb {
	/* Attached: the callee takes the stream. Or e (class in kind): refused, cut; stream is NULL, only free is left. */
	void (*on_open)(void *ctx, struct stream *stdio, const struct err *e);
	void (*on_stderr)(void *ctx, const char *bytes, size_t n);
	/* The container's output ended, and all of it was read; or the connection broke. Not when the taker freed it. */
	void (*on_end)(void *ctx);
};

/* NULL: out of memory. id: of a container that was created and not started. */
struct docker_attach *docker_attach_open(struct docker *d, const char *id,
					 const struct docker_attach_cb *cb, void *ctx);
/* From now on whatever the taker does not want is read and thrown away. */
void docker_attach_drain(struct docker_attach *a);
/* How long no byte has gone, either way, once it is open. */
int64_t docker_attach_idle_ms(const struct docker_attach *a);
/* Its end was told, or nobody is there (any more) to read it. */
bool docker_attach_is_over(const struct docker_attach *a);
/* No more callbacks; cuts the connection: the taker reads the end. */
void docker_attach_free(struct docker_attach *a);

#endif
