/* SPDX-License-Identifier: MIT */
/*
 * http: libcurl's multi interface on our loop: many requests at once, none blocks.
 * Also a raw connection (CURLOPT_CONNECT_ONLY) for what HTTP upgrades: the caller writes and reads the bytes.
 * Owns:    every fd (they are libcurl's: never closed by others).
 * Units:   milliseconds, bytes. Every request has a deadline or an idle timeout; 0 = none, for event streams only.
 * Callbacks: from the loop only; they may start, cancel and close any call or connection, but not http_free().
 * SIGPIPE: must be ignored by the program: TLS writes by plain write(2).
 * Source:  libcurl 7.88: curl_multi_socket_action(3), CURLOPT_CONNECT_ONLY(3), CURLOPT_UNIX_SOCKET_PATH(3).
 */
#ifndef BASE_HTTP_H
#define BASE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct err;
struct loop;
struct http;
struct http_call;
struct http_raw;

/* Where requests go. All strings borrowed for the life of what uses it. */
struct http_endpoint {
	const char *unix_path; /* a unix socket, or NULL */
	const char *
		base_url; /* "http://localhost" with a unix socket, else "http://host:port" or "https://…" */
	const char *ca_file, *cert_file,
		*key_file; /* TLS; NULL: the system's CAs, no client certificate */
	bool is_direct;	   /* past any proxy that the environment names */
	bool is_insecure; /* do not verify the server: DOCKER_TLS_VERIFY unset with a TLS endpoint */
};

struct http_done {
	int status;	  /* HTTP status; 0 when there was no answer, then e is set */
	const char *body; /* what on_data did not take; NUL-terminated; borrowed for the call */
	size_t body_len;
	const struct err *
		e; /* NULL, or why there is no (whole) answer: refused, timed out, cut in mid-body */
};

struct http_request {
	const struct http_endpoint *endpoint; /* borrowed until done */
	const char *method;		      /* "GET", "POST", … copied */
	const char *path;		      /* with query; copied */
	const char *const *headers;	      /* "Name: value", NULL-terminated, or NULL; copied */
	const char *body;		      /* copied; NULL: none */
	size_t body_len;
	size_t max_body;     /* bytes kept for http_done.body; more is an error. 0 = 16 MiB */
	bool is_fresh;	     /* by a connection of its own */
	int64_t deadline_ms; /* for the whole request; 0 = none */
	int64_t idle_ms;     /* without a byte received; 0 = none */
	/* The head is there; status is final. May be NULL. */
	void (*on_head)(void *ctx, int status);
	/* A piece of the body of a 2xx answer. NULL: collected for on_done. */
	void (*on_data)(void *ctx, const char *bytes, size_t n);
	/* Exactly once, unless cancelled; the call is gone afterwards. Never called from within http_start(). */
	void (*on_done)(void *ctx, const struct http_done *done);
	void *ctx;
};

struct http *http_new(struct loop *l, const char *user_agent, struct err *e);
/* Cancels everything; no callback is called. */
void http_free(struct http *h);

struct http_call *http_start(struct http *h, const struct http_request *rq, struct err *e);
/* No callback will be called. NULL is fine; so is the call whose on_done is running. */
void http_cancel(struct http_call *call);
/* Answer header of a call whose on_head was called, or in on_done: value (borrowed for that callback) or NULL. */
const char *http_header(struct http_call *call, const char *name);

struct http_raw_params {
	const struct http_endpoint *endpoint; /* borrowed until closed */
	int64_t deadline_ms;		      /* to be connected */
	/* Connected (e NULL), or e once and it is gone. */
	void (*on_open)(void *ctx, const struct err *e);
	/* LOOP_IN | LOOP_OUT …, as asked by http_raw_want(). */
	void (*on_ready)(void *ctx, unsigned ready);
	void *ctx;
};

/*
 * A raw connection: connected, TLS included, without blocking. Read until -EAGAIN: TLS may hold decrypted bytes that
 * epoll cannot see. Either callback may close. NULL: out of memory.
 */
struct http_raw *http_raw_open(struct http *h, const struct http_raw_params *p, struct err *e);
/* Bytes; 0 the end; -EAGAIN; -errno. */
ssize_t http_raw_read(struct http_raw *r, void *buf, size_t n);
ssize_t http_raw_write(struct http_raw *r, const void *buf, size_t n);
/* shutdown(SHUT_WR) on the socket: works on unix, tcp, and TLS to a Go server (docs/architecture.md). */
int http_raw_shut(struct http_raw *r);
int http_raw_want(struct http_raw *r, unsigned events);
void http_raw_close(struct http_raw *r);

#endif
