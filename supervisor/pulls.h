/* SPDX-License-Identifier: MIT */
/*
 * pulls: `mcpctl pull`: the images of servers, fetched now and apart from their processes. One at a time a server; whoever
 * asks again meanwhile waits for the same. Two servers with one image pull twice, which the engine makes one.
 * The last pull of a server is remembered until its next, or until the server is gone.
 */
#ifndef SUPERVISOR_PULLS_H
#define SUPERVISOR_PULLS_H

#include <stdbool.h>

struct server;
struct supervisor;

enum pulls_state { PULLS_RUNNING, PULLS_DONE, PULLS_FAILED };

/* is_named: asked for by name, so that what cannot be pulled is a failure and not merely left out. */
void pulls_begin(struct supervisor *sv, struct server *s, bool is_named);
/* *ret_text: the last progress, what became of it, or why it is refused; borrowed until the loop goes on. */
enum pulls_state pulls_look(const struct supervisor *sv, const struct server *s,
			    const char **ret_text);
/* The server is about to be freed. */
void pulls_forget(struct supervisor *sv, const struct server *s);
/* Calls all off. */
void pulls_close(struct supervisor *sv);

#endif
