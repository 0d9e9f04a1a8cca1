/* SPDX-License-Identifier: MIT */
/*
 * client: finds the socket, connects, asks one thing, hands out the answers as they come. Blocking, with deadlines.
 * Errors:  e->kind is the exit status, but for -EREMOTEIO, which is mcpinit's own answer: then it is a wire_code.
 */
#ifndef MCPCTL_CLIENT_H
#define MCPCTL_CLIENT_H

#include "base/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct cJSON;
struct client;
struct err;

/* Where a socket may be, in the order in which it is looked for; NULL: not there. All borrowed. */
struct client_where {
	const char *option;	 /* -s: this one and no other */
	const char *environment; /* $MCPCTL_SOCKET: likewise */
	const char *control;	 /* the operator's socket */
	const char
		*runtime_dir; /* its, or its subdirectories', one agent.sock that can be opened */
	const char *agent;    /* --agent: of those, only this one's */
	bool is_json;	      /* what goes wrong is said as JSON, too */
};

/* The connected socket and its path, both the caller's. Waits 5 s at most. */
int client_find(const struct client_where *w, int *ret_fd, char **ret_path, struct err *e);

int client_open(const struct client_where *w, struct client **ret, struct err *e);
void client_free(struct client *c);
/* Its descriptor, which stays its own. */
int client_fd(const struct client *c);
/* The path of its socket. */
const char *client_path(const struct client *c);
/* Bytes that came behind the last line; borrowed until the next call. */
const char *client_surplus(const struct client *c, size_t *ret_len);

/* All n bytes. */
int client_send(struct client *c, const char *bytes, size_t n, struct err *e);
/* The next line without its newline, NUL-terminated, borrowed until the next call. timeout_ms -1: for ever. */
int client_line(struct client *c, int64_t timeout_ms, char **ret_line, size_t *ret_len,
		struct err *e);
/* Sends the request (params are taken in any case) and waits for its answer: *ret is the caller's. */
int client_ask(struct client *c, enum wire_verb verb, struct cJSON *takes_params,
	       int64_t timeout_ms, struct cJSON **ret, struct err *e);
/* From now on the connection is a session: sending may take as long as it takes. */
void client_patient(struct client *c);

/* Says what went wrong on stderr; returns the exit status for it. */
int client_fail(const struct err *e);
/* The same as the one document that --json promises, {"error":{code,message}}, on stdout; without is_json on stderr. */
int client_fail_as(bool is_json, const struct err *e);
/* The exit status for it, nothing said. */
int client_exit(const struct err *e);
/* {code,message}. NULL: out of memory. */
struct cJSON *client_error(int code, const char *message);
/* Opens, asks, closes. 0 and *ret, or the exit status, and the error is said. */
int client_once(const struct client_where *w, enum wire_verb verb, struct cJSON *takes_params,
		int64_t timeout_ms, struct cJSON **ret);
/* SIGINT and SIGTERM end us at once, as PID 1 of a container, too, where they would otherwise do nothing. */
void client_end_by_signal(void);
/* A member that is a text, "" where there is none; borrowed from object. */
const char *client_text(const struct cJSON *object, const char *key);
/* As one line of JSON. */
void client_print(const struct cJSON *item, FILE *to);

#endif
