/* SPDX-License-Identifier: MIT */
/*
 * check: one look at a server's health by other means than MCP, as its key healthcheck says: `exec` runs a command where the
 * server is (the engine's exec, `docker exec`, or a child of ours beside a process server), `http` asks a URL, `docker`
 * asks the engine what the image's own HEALTHCHECK found.
 * Without a deadline: whoever asked gives up.
 */
#ifndef SUPERVISOR_CHECK_H
#define SUPERVISOR_CHECK_H

#include "health/health.h"

struct check;
struct conf_server;
struct err;
struct http;
struct launch;
struct supervisor;

/*
 * Once, from the loop; the check is gone. UNHEALTHY with the words that say why; NONE: nobody could tell, with words if a
 * person must act before anybody can. Words are borrowed for the call.
 */
typedef void check_fn(void *ctx, enum health_verdict v, const char *words);

struct check_params {
	struct supervisor *sv;
	const struct conf_server *conf; /* healthcheck: exec, http or docker */
	const struct launch *launch;	/* it runs; borrowed for the call */
	struct http *http;		/* of http; outlives the check */
	check_fn *fn;
	void *ctx;
};

/* NULL: e; with the code -ENOTCONN it is the engine that is not there, and nothing is known of the server. */
struct check *check_new(const struct check_params *p, struct err *e);
/* The server (or its command) has been asked: the silence is its own, and no engine's. */
bool check_is_under_way(const struct check *c);
/* To free it ends what it started. Else that runs on in the container: no engine can end it (docker/docker.h). */
bool check_can_end(const struct check *c);
/* No callback any more. NULL is fine. */
void check_free(struct check *c);

#endif
