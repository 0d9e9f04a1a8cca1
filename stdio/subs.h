/* SPDX-License-Identifier: MIT */
/*
 * subs: which agent listens to what: log levels and resource subscriptions; what a new process is told again.
 * One server has one log level and one set of subscriptions: the level is the most verbose that any agent asked for, and each
 * agent is given what it asked for; a URI is subscribed while any agent wants it.
 * Spec:    MCP 2025-11-25 server/utilities/logging, server/resources (an update may name a sub-resource).
 * Owns:    the URIs. Limit: SUBS_MAX_BYTES of URIs an agent. Used by: mux. Loop: none, pure.
 */
#ifndef STDIO_SUBS_H
#define STDIO_SUBS_H

#include "stdio/scan.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SUBS_MAX_BYTES = 256 * 1024, SUBS_NO_LEVEL = 0 };

struct subs_uri;

/* An agent's part; zeroed at first. */
struct subs_agent {
	int level;	       /* 1 debug … 8 emergency; SUBS_NO_LEVEL: it never asked */
	struct subs_uri *uris; /* owned */
	size_t bytes;
	struct subs_agent *prev, *next; /* all agents of one server */
};

struct subs {
	struct subs_agent *agents;
	int level; /* what the server was told; SUBS_NO_LEVEL: nothing */
};

/* The number of a level's JSON string, SUBS_NO_LEVEL when it is none; and back, quoted. */
int subs_level_of(struct span value);
struct span subs_level_text(int level);

void subs_join(struct subs *s, struct subs_agent *a);
void subs_leave(struct subs *s, struct subs_agent *a);

/* The most verbose level asked for. */
int subs_level(const struct subs *s);
/* Does the agent get a log message of this level? */
bool subs_admits(const struct subs *s, const struct subs_agent *a, int level);

/* uri: a JSON string. -ENOSPC over the limit, -ENOMEM, -EINVAL. */
int subs_add(struct subs_agent *a, struct span uri);
void subs_remove(struct subs_agent *a, struct span uri);
/* Is another agent subscribed to it? */
bool subs_is_shared(const struct subs *s, const struct subs_agent *a, struct span uri);
/* Does the agent get an update of uri: it, or what it is part of, is subscribed; or nobody's is, and it has any. */
bool subs_wants(const struct subs *s, const struct subs_agent *a, struct span uri);

/* Forgets what the agent asked for; calls gone for each URI (a JSON string) that nobody wants any more. */
void subs_clear(struct subs *s, struct subs_agent *a, void (*gone)(void *ctx, struct span uri),
		void *ctx);
/* Calls fn for each URI (a JSON string) of one agent; or once for each that somebody wants. */
void subs_each_of(const struct subs_agent *a, void (*fn)(void *ctx, struct span uri), void *ctx);
void subs_each(const struct subs *s, void (*fn)(void *ctx, struct span uri), void *ctx);

#endif
