/* SPDX-License-Identifier: MIT */
#include "base/err.h"
#include "base/http.h"
#include "base/http_multi.h"
#include "base/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	RAW_BUFFER = 1024,  /* libcurl's smallest: curl_easy_recv() does not use it */
	RECORD = 16 * 1024, /* of TLS */
};

struct http_raw {
	struct transfer t;
	struct loop_io *io; /* owned; NULL until open */
	curl_socket_t fd;   /* libcurl's */
	void (*on_open)(void *ctx, const struct err *e);
	void (*on_ready)(void *ctx, unsigned ready);
	void *ctx;
	/* TLS: a record that was begun must be offered again from the same memory, which the caller's is not. */
	char *held;	 /* owned; RECORD bytes; NULL without TLS */
	size_t n_held;	 /* taken from the caller, not yet sent */
	unsigned wanted; /* the caller's */
	bool is_shut_due, is_broken;
};

static int watch(struct http_raw *r)
{
	return loop_io_want(r->io, r->wanted | (r->n_held ? LOOP_OUT : 0U));
}

static ssize_t send_some(struct http_raw *r, const char *bytes, size_t n)
{
	size_t put = 0;
	CURLcode code = curl_easy_send(r->t.easy, bytes, n, &put);
	if (code == CURLE_OK)
		return put > 0 || n == 0 ? (ssize_t)put : -EAGAIN;
	return code == CURLE_AGAIN ? -EAGAIN : -EPIPE;
}

static void send_held(struct http_raw *r)
{
	ssize_t put = r->n_held ? send_some(r, r->held, r->n_held) : 0;
	if (put > 0) {
		r->n_held -= (size_t)put;
		memmove(r->held, r->held + put, r->n_held);
	} else if (put < 0 && put != -EAGAIN) {
		r->is_broken = true;
		r->n_held = 0;
	}
	if (r->n_held == 0 && r->is_shut_due)
		(void)shutdown(r->fd, SHUT_WR); /* what is broken is noticed in reading */
}

static void raw_ready(void *ctx, unsigned ready)
{
	struct http_raw *r = ctx;
	if (r->n_held && (ready & (LOOP_OUT | LOOP_HUP | LOOP_ERR))) {
		send_held(r);
		(void)watch(r); /* it is watched already */
	}
	unsigned told = r->wanted | LOOP_HUP | LOOP_ERR;
	if (r->n_held)
		told &= ~(unsigned)LOOP_OUT;
	ready &= told;
	if (ready)
		r->on_ready(r->ctx, ready);
}

/* True when it stays. */
static bool raw_opened(struct http_raw *r, struct err *e)
{
	if (r->t.code != CURLE_OK) {
		(void)transfer_why(&r->t, e); /* its code is in e */
		return false;
	}
	r->fd = CURL_SOCKET_BAD;
	(void)curl_easy_getinfo(r->t.easy, CURLINFO_ACTIVESOCKET, &r->fd);
	r->io = loop_io_new(r->t.http->loop, r->fd, 0, raw_ready, r, e);
	return r->io != NULL;
}

static void raw_tell(struct transfer *t)
{
	struct http_raw *r = (struct http_raw *)t;
	transfer_quiet(t);
	struct err e;
	if (raw_opened(r, &e)) {
		r->on_open(r->ctx, NULL);
		return;
	}
	t->is_telling_end = true;
	r->on_open(r->ctx, &e);
	transfer_free(t);
}

static void raw_before_free(struct transfer *t)
{
	/* Our own watch first: letting go of the handle closes the socket. */
	loop_io_free(((struct http_raw *)t)->io);
	free(((struct http_raw *)t)->held);
}

static const struct transfer_ops raw_ops = { .tell = raw_tell, .before_free = raw_before_free };

struct http_raw *http_raw_open(struct http *h, const struct http_raw_params *p, struct err *e)
{
	struct http_raw *r = calloc(1, sizeof(*r));
	if (!r) {
		err_oom(e);
		return NULL;
	}
	r->fd = CURL_SOCKET_BAD;
	r->on_open = p->on_open;
	r->on_ready = p->on_ready;
	r->ctx = p->ctx;
	/* The handle stays in the multi as long as the connection lives: out of it, libcurl forgets the socket. */
	bool has_tls = !p->endpoint->unix_path && strncmp(p->endpoint->base_url, "https:", 6) == 0;
	r->held = has_tls ? malloc(RECORD) : NULL;
	if (!transfer_init(&r->t, &raw_ops, h, p->endpoint, "") || (has_tls && !r->held) ||
	    !HTTP_SET(r->t.easy, CURLOPT_CONNECT_ONLY, 1L) ||
	    !HTTP_SET(r->t.easy, CURLOPT_FRESH_CONNECT, 1L) ||
	    !HTTP_SET(r->t.easy, CURLOPT_BUFFERSIZE, (long)RAW_BUFFER) ||
	    !transfer_connect_within(&r->t,
				     p->deadline_ms > 0 ? p->deadline_ms : HTTP_CONNECT_MS) ||
	    curl_multi_add_handle(h->multi, r->t.easy) != CURLM_OK) {
		err_oom(e);
		transfer_free(&r->t);
		return NULL;
	}
	return r;
}

ssize_t http_raw_read(struct http_raw *r, void *buf, size_t n)
{
	size_t got = 0;
	CURLcode code = curl_easy_recv(r->t.easy, buf, n, &got);
	if (code == CURLE_OK)
		return (ssize_t)got;
	return code == CURLE_AGAIN ? -EAGAIN : -ECONNRESET;
}

ssize_t http_raw_write(struct http_raw *r, const void *buf, size_t n)
{
	if (!r->held)
		return send_some(r, buf, n);
	if (r->is_broken)
		return -EPIPE;
	if (r->n_held)
		return -EAGAIN;
	r->n_held = n < RECORD ? n : RECORD;
	memcpy(r->held, buf, r->n_held);
	n = r->n_held;
	send_held(r);
	(void)watch(r); /* an open socket can be watched */
	return r->is_broken ? -EPIPE : (ssize_t)n;
}

int http_raw_shut(struct http_raw *r)
{
	r->is_shut_due = true;
	if (r->n_held)
		return 0; /* behind it */
	return shutdown(r->fd, SHUT_WR) < 0 ? -errno : 0;
}

int http_raw_want(struct http_raw *r, unsigned events)
{
	r->wanted = events;
	return r->io ? watch(r) : -ENOTCONN;
}

void http_raw_close(struct http_raw *r)
{
	if (r && !r->t.is_telling_end)
		transfer_free(&r->t);
}
