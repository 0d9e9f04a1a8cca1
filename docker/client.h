/* SPDX-License-Identifier: MIT */
/*
 * client: one call to the engine: versioned path, patience, error text → class. For docker/, its tests, and doctor/.
 * Owns:    struct docker, which docker.c fills and keeps connected; each field below has one file that writes it.
 * Errors:  every error of an answer has an enum docker_class in kind and the engine's own words in its sentence.
 * Source:  Engine API v1.41, "Errors", "Versioning".
 * Used by: everything in docker/ that asks the engine. Callbacks: from the loop only, may cancel or free anything.
 */
#ifndef DOCKER_CLIENT_H
#define DOCKER_CLIENT_H

#include "base/http.h"
#include "docker/docker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct docker_call;
struct docker_endpoint;
struct docker_events;
struct docker_link;
struct docker_removals;
struct err;
struct loop;
struct loop_timer;

struct docker {
	struct docker_params p;		  /* copied; its strings are not used after docker_new() */
	struct docker_endpoint *endpoint; /* owned */
	char *instance;			  /* owned; NULL until it is known */
	struct docker_call *calls;	  /* all in flight; client.c */
	/* What the engine said; written by docker.c. */
	int api_major, api_minor; /* what we speak; 0 before the first on_up */
	char api_version[16], engine_version[64];
	bool can_call; /* a version is agreed: versioned calls go out */
	bool is_up;    /* on_up was said, and no on_down since */
	/* An answer did not come: whoever keeps the connection shall look, later. Set by docker.c. */
	void (*on_doubt)(struct docker *d);
	struct docker_link *link;	     /* owned; docker.c */
	struct docker_events *events;	     /* owned; events.c */
	struct docker_removals *removals;    /* owned; removal.c */
	struct docker_container *containers; /* the live ones; container.c */
};

enum docker_patience {
	DOCKER_CONTROL,	 /* 30 s for the whole call */
	DOCKER_QUICK,	 /* 5 s: ping */
	DOCKER_PROGRESS, /* no deadline, but 120 s without a byte is the end: pull */
	DOCKER_FOREVER,	 /* events, wait */
};

struct docker_answer {
	int status;	  /* HTTP status, 0: none came */
	const char *body; /* what on_data did not take; NUL-terminated; borrowed for the call */
	size_t body_len;
	const struct err *e;	  /* NULL: 2xx or 304, and whole. Class in kind */
	const char *message;	  /* the engine's words of an error, without our prefix; "" */
	struct docker_call *call; /* for docker_call_header(); gone after the callback */
};

struct docker_request {
	const char *method; /* "GET", … */
	const char
		*path; /* "/containers/create?name=x": without the version, which is put in front */
	bool is_unversioned; /* "/_ping" */
	bool is_fresh; /* by a new connection: an engine that shuts down still serves its old ones */
	const char *const *headers; /* more of them, NULL-terminated, or NULL */
	const char *body;	    /* JSON, or NULL; copied, as all strings are */
	size_t body_len;
	enum docker_patience patience;
	size_t max_body;					 /* 0: 16 MiB */
	void (*on_head)(void *ctx, int status);			 /* may be NULL */
	void (*on_data)(void *ctx, const char *bytes, size_t n); /* 2xx only; NULL: collected */
	void (*on_done)(void *ctx,
			const struct docker_answer *a); /* exactly once, unless cancelled */
	/* Instead of on_done when docker_free() takes the call: a ctx that nobody else owns goes here. May be NULL. */
	void (*on_drop)(void *ctx);
	void *ctx;
};

/* NULL: out of memory, or no engine is reached (class DOCKER_NETWORK; unversioned calls are always tried). */
struct docker_call *docker_call(struct docker *d, const struct docker_request *rq, struct err *e);
/* No callback will come. NULL is fine; so is the call whose on_done is running. */
void docker_call_cancel(struct docker_call *call);
/* A header of the answer, in on_done; borrowed for the callback, or NULL. */
const char *docker_call_header(struct docker_call *call, const char *name);
/* All that are in flight, by on_drop. */
void docker_calls_drop(struct docker *d);

struct loop *docker_loop(const struct docker *d);
/* The `instance` of labels and filters; NULL before docker_set_instance(). */
const char *docker_instance(const struct docker *d);

/* Appends text for a path or query, percent-encoded; as buf_add(). */
int docker_escape(struct buf *b, const char *text);

/* The engine's words in an error body: {"message": …} (podman: {"cause", "message"}), or its plain text; into buf. */
const char *docker_message(const char *body, char *buf, size_t size);

#endif
