/* SPDX-License-Identifier: MIT */
/*
 * removal: DELETE force, again and again, until the engine says that the container is gone; apart from any container
 * object, across outages of the engine. The functions for users stand in docker.h: docker_remove(), docker_removals() …
 * Owns:    names, calls and timers; struct docker's list of them.
 * Source:  Engine API v1.41, ContainerDelete: 404 is gone; 409 "removal … already in progress" is asked again.
 * Used by: docker.c (life), container.c (docker_remove).
 */
#ifndef DOCKER_REMOVAL_H
#define DOCKER_REMOVAL_H

struct docker;

struct docker_removals *docker_removals_new(struct docker *d);
void docker_removals_free(struct docker_removals *all);
/* The engine answers (again): what waits is tried at once. */
void docker_removals_resume(struct docker_removals *all);

#endif
