/* SPDX-License-Identifier: MIT */
/*
 * container: create, attach, wait, start, in the only order that works; its functions for users stand in docker.h.
 * Used by: docker.c.
 */
#ifndef DOCKER_CONTAINER_H
#define DOCKER_CONTAINER_H

struct docker;
struct docker_event;

/* An event that may be about one of them (out of memory). */
void docker_containers_event(struct docker *d, const struct docker_event *ev);
/* The engine object goes: no more callbacks, attached streams end. The objects stay their owners'. */
void docker_containers_forget(struct docker *d);

#endif
