/* SPDX-License-Identifier: MIT */
/*
 * agents: who is attached to one server: the agents' pipes, which stay, and sessions over sockets, which come and go.
 * Owns: every mux_agent it made.
 */
#ifndef SUPERVISOR_AGENTS_H
#define SUPERVISOR_AGENTS_H

#include <stddef.h>

struct agents;
struct err;
struct mux;
struct stream;

struct agents *agents_new(struct mux *m);
/* Ends every session; the mux must still live. */
void agents_free(struct agents *as);
/* Both take the stream on success. */
int agents_add_pipes(struct agents *as, const char *agent, struct stream *takes, struct err *e);
int agents_add_socket(struct agents *as, const char *agent, struct stream *takes, struct err *e);
/* The pipes and sessions of this agent go. */
void agents_remove(struct agents *as, const char *agent);

#endif
