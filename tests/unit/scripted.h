/* SPDX-License-Identifier: MIT */
/*
 * scripted: an HTTP server for unit tests that says just what a test wants, byte by byte, on the test's own loop.
 * A request that is whole goes to on_request(); what a test has upgraded (conn->is_raw) goes to conn->raw as it comes.
 * Answers are small enough for the socket's buffer, so writing never waits.
 */
#ifndef TESTS_UNIT_SCRIPTED_H
#define TESTS_UNIT_SCRIPTED_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/loop.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { SCRIPTED_CONNS = 64, SCRIPTED_PATIENCE_MS = 5000 };

struct scripted;

/* How far the tests' clock is ahead of the real one. */
static int64_t scripted_ahead_ms;

static int64_t scripted_clock(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + scripted_ahead_ms;
}

struct scripted_conn {
	struct scripted *server;
	int fd;
	struct loop_io *io;
	struct buf in;
	struct buf raw; /* what came after the upgrade */
	bool is_raw, is_raw_over;
	bool is_open;
};

struct scripted {
	struct loop *loop;
	int fd;
	struct loop_io *io;
	char dir[32], path[64], host[80];
	struct scripted_conn conns[SCRIPTED_CONNS];
	size_t n_conns, n_requests;
	/* line: "GET /path", without the version; all: the head, and the body behind its empty line. */
	void (*on_request)(struct scripted_conn *c, const char *line, const char *all);
	void *ctx;
};

static inline void scripted_close(struct scripted_conn *c)
{
	if (!c->is_open)
		return;
	loop_io_free(c->io);
	(void)close(c->fd);
	c->is_open = false;
}

static inline void scripted_bytes(struct scripted_conn *c, const char *bytes, size_t n)
{
	ck_assert_int_eq(send(c->fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
}

static inline void scripted_say(struct scripted_conn *c, const char *text)
{
	scripted_bytes(c, text, strlen(text));
}

/* A whole answer with a JSON body. */
static inline void scripted_answer(struct scripted_conn *c, const char *status, const char *body)
{
	struct buf b = { 0 };
	ck_assert_int_eq(
		buf_addf(&b,
			 "HTTP/1.1 %s\r\nApi-Version: 1.41\r\nContent-Type: application/json"
			 "\r\nContent-Length: %zu\r\n\r\n%s",
			 status, strlen(body), body),
		0);
	scripted_bytes(c, b.data, b.len);
	buf_done(&b);
}

static inline void scripted_chunk(struct scripted_conn *c, const char *text)
{
	char size[32];
	(void)snprintf(size, sizeof(size), "%zx\r\n", strlen(text));
	scripted_say(c, size);
	scripted_say(c, text);
	scripted_say(c, "\r\n");
}

static size_t scripted_whole(const struct buf *in)
{
	const char *end = in->len ? strstr(in->data, "\r\n\r\n") : NULL;
	if (!end)
		return 0;
	const char *length = strcasestr(in->data, "\r\nContent-Length:");
	size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
	size_t whole = (size_t)(end - in->data) + 4 + body;
	return in->len >= whole ? whole : 0;
}

static void scripted_request(struct scripted_conn *c, size_t n)
{
	char *all = strndup(c->in.data, n);
	char method[16], path[512], line[560];
	ck_assert_int_eq(sscanf(all, "%15s %511s", method, path), 2);
	const char *rest = strncmp(path, "/v1.", 4) == 0 ? strchr(path + 1, '/') : path;
	(void)snprintf(line, sizeof(line), "%s %s", method, rest);
	buf_drop(&c->in, n);
	c->server->n_requests++;
	c->server->on_request(c, line, all);
	free(all);
}

static void scripted_ready(void *ctx, unsigned ready)
{
	(void)ready;
	struct scripted_conn *c = ctx;
	char bytes[16384];
	ssize_t n = read(c->fd, bytes, sizeof(bytes));
	if (n <= 0 && c->is_raw) {
		c->is_raw_over = true;
		(void)loop_io_want(c->io, 0);
		return;
	}
	if (n <= 0) {
		scripted_close(c);
		return;
	}
	ck_assert_int_eq(buf_add(c->is_raw ? &c->raw : &c->in, bytes, (size_t)n), 0);
	for (size_t whole; c->is_open && !c->is_raw && (whole = scripted_whole(&c->in));)
		scripted_request(c, whole);
}

static void scripted_accept(void *ctx, unsigned ready)
{
	(void)ready;
	struct scripted *s = ctx;
	ck_assert_uint_lt(s->n_conns, SCRIPTED_CONNS);
	struct scripted_conn *c = &s->conns[s->n_conns++];
	c->server = s;
	c->fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(c->fd, 0);
	c->is_open = true;
	c->io = loop_io_new(s->loop, c->fd, LOOP_IN, scripted_ready, c, NULL);
	ck_assert_ptr_nonnull(c->io);
}

/* Listens (again): after scripted_stop() at the same path. */
static inline void scripted_listen(struct scripted *s)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", s->path);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(s->fd, 0);
	ck_assert_int_eq(bind(s->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(s->fd, SCRIPTED_CONNS), 0);
	s->io = loop_io_new(s->loop, s->fd, LOOP_IN, scripted_accept, s, NULL);
	ck_assert_ptr_nonnull(s->io);
}

static inline void scripted_start(struct scripted *s, struct loop *l,
				  void (*on_request)(struct scripted_conn *c, const char *line,
						     const char *all),
				  void *ctx)
{
	memset(s, 0, sizeof(*s));
	s->loop = l;
	s->on_request = on_request;
	s->ctx = ctx;
	strcpy(s->dir, "/tmp/scripted.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(s->dir));
	(void)snprintf(s->path, sizeof(s->path), "%s/socket", s->dir);
	(void)snprintf(s->host, sizeof(s->host), "unix://%s", s->path);
	scripted_listen(s);
}

/* Dies: the socket is gone, all connections are cut. */
/* It serves the connections that it has, and takes no new one. */
static inline void scripted_stop_listening(struct scripted *s)
{
	if (s->io) {
		loop_io_free(s->io);
		(void)close(s->fd);
		(void)unlink(s->path);
	}
	s->io = NULL;
}

static inline void scripted_stop(struct scripted *s)
{
	for (size_t i = 0; i < s->n_conns; i++)
		scripted_close(&s->conns[i]);
	scripted_stop_listening(s);
}

static inline void scripted_done(struct scripted *s)
{
	scripted_stop(s);
	for (size_t i = 0; i < s->n_conns; i++) {
		buf_done(&s->conns[i].in);
		buf_done(&s->conns[i].raw);
	}
	(void)rmdir(s->dir);
	if (scripted_ahead_ms)
		clock_fake(NULL);
}

static void scripted_tick(void *ctx)
{
	(void)ctx;
}

/* Runs the loop until *flag is at least n. */
static inline void scripted_until(struct loop *l, const int *flag, int n)
{
	struct loop_timer *limit = loop_timer_new(l, scripted_tick, NULL);
	int64_t end = clock_ms() + SCRIPTED_PATIENCE_MS;
	loop_timer_at(limit, end);
	while (*flag < n && clock_ms() < end)
		ck_assert_int_eq(loop_round(l, true), 0);
	loop_timer_free(limit);
	ck_assert_int_ge(*flag, n);
}

/* Runs the loop for a while: what should not happen has its chance. */
static inline void scripted_for(struct loop *l, int64_t ms)
{
	struct loop_timer *limit = loop_timer_new(l, scripted_tick, NULL);
	int64_t end = clock_ms() + ms;
	do {
		loop_timer_at(limit, end);
		ck_assert_int_eq(loop_round(l, true), 0);
	} while (clock_ms() < end);
	loop_timer_free(limit);
}

/* Lets what is under way come to its end, then winds the clock forward: timers of ours only, not libcurl's. */
static inline void scripted_skip(struct loop *l, int64_t ms)
{
	scripted_for(l, 20);
	scripted_ahead_ms += ms;
	clock_fake(scripted_clock);
	scripted_for(l, 20);
}

#endif
