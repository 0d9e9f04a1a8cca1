/* SPDX-License-Identifier: MIT */
/*
 * engine: the container engine's comings and goings as the supervisor lives through them: up → who are we → what is our
 * instance called → what did an earlier life leave behind → servers may be launched. Down → said once, servers wait.
 */
#ifndef SUPERVISOR_ENGINE_H
#define SUPERVISOR_ENGINE_H

#include <stddef.h>

struct conf;
struct docker_self;
struct err;
struct supervisor;

/* Begins to connect; sv->docker and sv->http are made here. */
int engine_open(struct supervisor *sv, struct err *e);
void engine_close(struct supervisor *sv);

/*
 * The instance's name: the key, else Compose's project-service-number, else 12 digits of our container's ID, else a hash
 * of the machine's ID and the real path of runtime_dir. Only [a-z0-9_.-]. The caller's; NULL for out of memory.
 */
char *engine_instance(const struct conf *conf, const struct docker_self *self,
		      const char *machine_id);

#endif
