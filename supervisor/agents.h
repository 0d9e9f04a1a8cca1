/* SPDX-License-Identifier: MIT */
/*
 * agents: who is attached to one server: the agents' pipes, which stay, and sessions over sockets, which come and go.
 * Owns: every mux_agent it made.
 */
#ifndef SUPERVISOR_AGENTS_H
#define SUPERVISOR_AGENTS_H

#include <stdbool.h>
#include <stddef.h>

struct agents;
struct err;
struct mux;
struct stream;

struct agents *agents_new(struct mux *m);
/* Ends every session; the mux must still live. */
void agents_free(struct agents *as);
/* Both take the stream on success. A server has at most AGENTS_SESSIONS sockets: -EMFILE. */
enum { AGENTS_SESSIONS = 256 };
int agents_add_pipes(struct agents *as, const char *agent, struct stream *takes, struct err *e);
int agents_add_socket(struct agents *as, const char *agent, struct stream *takes, struct err *e);
/* Every end: its agent, whether it is a session over a socket, whether somebody is there. */
typedef void agents_fn(void *ctx, const char *agent, bool is_session, bool is_present);
void agents_each(const struct agents *as, agents_fn *fn, void *ctx);
/* Does this agent have pipes here? */
bool agents_has_pipes(const struct agents *as, const char *agent);
/* mux_agent_set_tools() of all its pipes and sessions. */
void agents_set_tools(const struct agents *as, const char *agent, char *const *tools);
/* The pipes and sessions of this agent go. */
void agents_remove(struct agents *as, const char *agent);

#endif
