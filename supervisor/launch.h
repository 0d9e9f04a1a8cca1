/* SPDX-License-Identifier: MIT */
/*
 * launch: one process of one server, whichever of three launchers carries it: api (docker/container), cli (`docker run
 * -i --rm`), process (a child of ours). One struct launch is one generation; it is made anew for the next.
 * `auto` takes the api and falls back to the cli for the classes of error in which they can differ: registry login, API
 * version, permission. What the api said is kept (launch_first_error()) and shown.
 * It begins in two parts: launch_new() fetches what it needs (the image), however long that takes; then on_prepared(), and
 * launch_go() makes the process. So a pull is nobody's burden but its own server's.
 * Callbacks come from the loop, never from launch_new() or launch_go(); on_exit is the last.
 */
#ifndef SUPERVISOR_LAUNCH_H
#define SUPERVISOR_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf_server;
struct docker_event;
struct err;
struct launch;
struct stream;
struct supervisor;

struct launch_exit {
	int exit_code; /* -1: not known */
	int signal;    /* 0: none */
	bool is_oom;
	bool is_engine_gone; /* the engine went away: nobody knows more */
	bool is_engine_ill;  /* it answers, but not this call: no fault of the server */
	int64_t cut_ms;	     /* not 0: a proxy cut its stdio, which had been idle for so long */
	bool is_final;	     /* starting again cannot help before a person acts */
	const struct err *e; /* not NULL: it never ran, and why */
};

struct launch_cb {
	void (*on_progress)(void *ctx, const char *text);  /* "pulling …" */
	void (*on_prepared)(void *ctx);			   /* image there: launch_go() */
	void (*on_stdio)(void *ctx, struct stream *takes); /* its stdin and stdout */
	void (*on_stderr)(void *ctx, const char *bytes, size_t n);
	void (*on_started)(void *ctx); /* process begun */
	void (*on_exit)(void *ctx, const struct launch_exit *x);
};

struct launch_params {
	struct supervisor *sv;
	const struct conf_server *conf; /* borrowed for the life of the launch */
	unsigned generation;
	const char *
		first_error; /* not NULL: the api failed so before; auto starts with the cli. Borrowed for launch_new() */
	struct launch_cb cb;
	void *ctx;
	unsigned *fallbacks; /* counts its own; borrowed; or NULL */
};

/* NULL: it cannot even be tried; e says why, *ret_is_final whether a person must act. */
struct launch *launch_new(const struct launch_params *p, bool *ret_is_final, struct err *e);
/* After on_prepared(), once. */
void launch_go(struct launch *l);
/* The stop signal of the config, or the kill. Harmless when nothing runs (yet): then the launch is called off. */
void launch_stop(struct launch *l);
void launch_kill(struct launch *l);
/* No more callbacks; what still exists is killed and removed in the background. */
void launch_free(struct launch *l);
/* The same configuration at another place: the one it borrowed goes. */
void launch_conf_moved(struct launch *l, const struct conf_server *conf);
/* A container event that may be about it. True: about the container that it makes. */
bool launch_event(struct launch *l, const struct docker_event *ev);

/* "api", "cli", "process"; container ID (64 digits), name or pid as text; "" while unknown. */
const char *launch_via(const struct launch *l);
const char *launch_id(const struct launch *l);
/* Packages are being fetched before the server itself runs (npx, uvx): start_timeout counts from the last word it said. */
bool launch_is_installing(const struct launch *l);
/* Not NULL: it fell back, in this generation or an earlier one, and the api's error was this. */
const char *launch_first_error(const struct launch *l);

/* An enum docker_class in which the docker command may get further than the api: logins, versions, ways to the socket. */
bool launch_can_differ(int docker_class);
/* Does this server need an engine at all? */
bool launch_needs_engine(const struct supervisor *sv, const struct conf_server *conf);

#endif
