/* SPDX-License-Identifier: MIT */
/*
 * sweep: containers that an earlier life left behind: found by label, never by name; removed by docker_remove().
 * Ours from another boot go; so do others' whose owner, the container their mcpinit ran in, this engine no longer has.
 * Source:  Engine API v1.41, ContainerList, ContainerInspect, ContainerWait.
 * The call itself is in docker/docker.h (docker_sweep).
 */
#ifndef DOCKER_SWEEP_H
#define DOCKER_SWEEP_H

#include <stdbool.h>

struct docker_sweep_params;

enum sweep_verdict { SWEEP_KEEP, SWEEP_REMOVE, SWEEP_ASK_OWNER };

/* By labels alone; any may be NULL. ASK_OWNER: to be removed if the engine does not know owner. Pure. */
enum sweep_verdict sweep_judge(const struct docker_sweep_params *p, const char *instance,
			       const char *boot, const char *owner);

#endif
