/* SPDX-License-Identifier: MIT */
/*
 * rundir: what mcpinit puts on the disk: runtime_dir (flock'ed: one mcpinit each), a directory per agent, in it one per
 * server with its two pipes; and control_dir. Made at boot, removed at exit, all by descriptor.
 * Owns:    the lock and the directories' descriptors. The streams belong to whom they are given.
 * Rule:    directories are ours with the agent's group, 0750: an agent can enter them and change nothing. Only our
 *          pipes, sockets, and directories that are empty without them, are ever removed: runtime_dir may hold more.
 */
#ifndef SUPERVISOR_RUNDIR_H
#define SUPERVISOR_RUNDIR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct fifo_set;
struct rundir;
struct stream;

/* Makes both directories if need be and takes the lock. -EBUSY: another mcpinit has it, e names it if it can be seen. */
int rundir_open(const char *runtime_dir, const char *control_dir, struct rundir **ret,
		struct err *e);
/* Removes all that was made since; afterwards another mcpinit may begin. Free the streams first. */
void rundir_close(struct rundir *rd);

struct rundir_agent {
	const char *name;
	int64_t uid, gid; /* who may use the pipes; -1: ours */
	bool is_group; /* the group too (the default agent with default_group): 0660, else 0600 */
};
/* The agent's directory, made or used again. Once per name, or again to change the owner of what is made from now on. */
int rundir_agent(struct rundir *rd, const struct rundir_agent *a, struct err *e);
/* Descriptors to make sockets in; borrowed. -1: no such agent. */
int rundir_agent_fd(const struct rundir *rd, const char *agent);
int rundir_control_fd(const struct rundir *rd);
/* agent.sock has been bound in the agent's directory: gets the owner and mode of the agent's pipes. */
int rundir_own_socket(struct rundir *rd, const char *agent, struct err *e);

/* The pair of pipes of (agent, server); the caller owns it. NULL: e. */
struct stream *rundir_pipes(struct rundir *rd, struct fifo_set *set, const char *agent,
			    const char *server, struct err *e);

/* The names go; free the stream first. What never was there is fine. */
void rundir_remove_server(struct rundir *rd, const char *agent, const char *server);
void rundir_remove_agent(struct rundir *rd, const char *agent);
/* Removes what an earlier life left and this one has not made. Call it when all agents and pipes are made. */
void rundir_tidy(struct rundir *rd);

#endif
