/* SPDX-License-Identifier: MIT */
#include "docker/attach.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/stream.h"
#include "docker/client.h"
#include "docker/endpoint.h"
#include "docker/frames.h"
#include "docker/upgrade.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONNECT_MS = 5000,
	READ_BUDGET =
		256 *
		1024, /* of stderr and thrown-away bytes at a time: then others have their turn */
	SCRATCH = 16 * 1024,
};

struct docker_attach {
	struct stream base;
	struct docker *d;     /* until it is open */
	struct http_raw *raw; /* owned; NULL once closed */
	struct docker_attach_cb cb;
	void *ctx;
	struct buf request; /* what is still to be sent of the head */
	struct buf in; /* the answer's head; then the bytes that came behind it, not yet unframed */
	struct frames frames;
	struct buf err_out; /* stderr, waiting for its callback */
	struct loop_timer *
		later; /* owned; what must not be told from within read(), or cannot be seen by epoll */
	unsigned wanted; /* STREAM_IN | STREAM_OUT, the taker's */
	int64_t last_ms; /* when a byte went, either way */
	int status;
	int busy;	/* callbacks running: memory stays */
	bool has_owner; /* the container */
	bool has_taker;
	bool is_open, is_ended, is_end_told;
	bool is_draining;
	bool has_tls, is_dry; /* dry: the last read found nothing: TLS holds nothing back */
};

/* --- two owners ----------------------------------------------------------------------------- */

static void close_raw(struct docker_attach *a)
{
	http_raw_close(a->raw);
	a->raw = NULL;
	a->is_ended = true;
}

static void release(struct docker_attach *a)
{
	if (a->has_owner || a->has_taker || a->busy)
		return;
	close_raw(a);
	loop_timer_free(a->later);
	buf_done(&a->request);
	buf_done(&a->in);
	buf_done(&a->err_out);
	free(a);
}

static void leave(struct docker_attach *a)
{
	a->busy--;
	release(a);
}

static void rewatch(struct docker_attach *a)
{
	if (!a->raw || !a->is_open)
		return;
	bool wants_in = (a->wanted & STREAM_IN) || a->is_draining;
	unsigned events = (wants_in && !a->is_ended ? LOOP_IN : 0U) |
			  ((a->wanted & STREAM_OUT) ? LOOP_OUT : 0U);
	(void)http_raw_want(a->raw, events); /* an open socket can be watched */
}

/* Is there something to read, or to tell, that epoll does not see? */
static bool has_hidden(const struct docker_attach *a)
{
	if (a->err_out.len > 0 || (a->is_ended && !a->is_end_told))
		return true;
	bool wants_in = (a->wanted & STREAM_IN) || a->is_draining;
	return wants_in && !a->is_ended && (a->in.len > 0 || (a->has_tls && !a->is_dry));
}

static void settle(struct docker_attach *a)
{
	rewatch(a);
	if (has_hidden(a))
		loop_timer_in(a->later, 0);
}

/* --- reading -------------------------------------------------------------------------------- */

struct span {
	struct docker_attach *a;
	char *to; /* stdout goes here, over bytes that were read already */
	size_t n;
};

static void on_span(void *ctx, int stream, const char *bytes, size_t n)
{
	struct span *s = ctx;
	if (stream == FRAMES_STDOUT) {
		memmove(s->to + s->n, bytes, n);
		s->n += n;
	} else if (s->a->has_owner) {
		(void)buf_add(&s->a->err_out, bytes,
			      n); /* out of memory costs words, not the server */
	}
}

/* Framed bytes: first those that came with the head. */
static ssize_t read_framed(struct docker_attach *a, void *buf, size_t n)
{
	if (a->in.len > 0) {
		size_t piece = a->in.len < n ? a->in.len : n;
		memcpy(buf, a->in.data, piece);
		buf_drop(&a->in, piece);
		if (a->in.len == 0)
			buf_done(&a->in);
		return (ssize_t)piece;
	}
	ssize_t got = a->raw ? http_raw_read(a->raw, buf, n) : 0;
	a->is_dry = got == -EAGAIN;
	if (got > 0)
		a->last_ms = clock_ms();
	return got;
}

static ssize_t read_stdout(struct docker_attach *a, void *buf, size_t n)
{
	for (size_t budget = READ_BUDGET; !a->is_ended && n > 0;) {
		ssize_t got = read_framed(a, buf, n);
		if (got == -EAGAIN)
			return -EAGAIN;
		struct span s = { a, buf, 0 };
		if (got <= 0 || frames_feed(&a->frames, buf, (size_t)got, on_span, &s) < 0)
			a->is_ended = true; /* broken, or not framed: nothing readable follows */
		if (s.n > 0)
			return (ssize_t)s.n;
		if (a->is_ended)
			break;
		if ((size_t)got >= budget)
			return -EAGAIN;
		budget -= (size_t)got;
	}
	return 0;
}

static ssize_t attach_read(struct stream *stream, void *buf, size_t n)
{
	struct docker_attach *a = (struct docker_attach *)stream;
	ssize_t got = read_stdout(a, buf, n);
	settle(a);
	return got;
}

static void throw_away(struct docker_attach *a)
{
	char scratch[SCRATCH];
	for (size_t total = 0; total < READ_BUDGET;) {
		ssize_t got = read_stdout(a, scratch, sizeof(scratch));
		if (got <= 0)
			break;
		total += (size_t)got;
	}
}

/* --- the other stream calls ----------------------------------------------------------------- */

static ssize_t attach_write(struct stream *stream, const void *buf, size_t n)
{
	struct docker_attach *a = (struct docker_attach *)stream;
	ssize_t put = a->raw ? http_raw_write(a->raw, buf, n) : -EPIPE;
	if (put > 0)
		a->last_ms = clock_ms();
	return put;
}

static int attach_shut(struct stream *stream)
{
	struct docker_attach *a = (struct docker_attach *)stream;
	return a->raw ? http_raw_shut(a->raw) : 0;
}

static int attach_want(struct stream *stream, unsigned events)
{
	struct docker_attach *a = (struct docker_attach *)stream;
	unsigned more = events & ~a->wanted;
	a->wanted = events;
	settle(a);
	/* At the end everything is ready at once, and epoll has nothing to say any more. */
	if (a->is_ended && more)
		loop_timer_in(a->later, 0);
	return 0;
}

static void attach_stream_free(struct stream *stream)
{
	struct docker_attach *a = (struct docker_attach *)stream;
	a->has_taker = false;
	a->wanted = 0;
	a->is_end_told = true; /* what ended it is the taker's own doing */
	close_raw(a);
	release(a);
}

static const struct stream_ops attach_ops = {
	.read = attach_read,
	.write = attach_write,
	.shut = attach_shut,
	.want = attach_want,
	.free = attach_stream_free,
};

/* --- telling -------------------------------------------------------------------------------- */

static void tell_taker(struct docker_attach *a, unsigned ready)
{
	if (a->has_taker && a->base.fn && (ready & a->wanted))
		a->base.fn(a->base.ctx, ready & a->wanted);
}

static void tell_stderr(struct docker_attach *a)
{
	_cleanup_buf_ struct buf bytes = a->err_out;
	a->err_out = (struct buf){ 0 };
	if (bytes.len > 0 && a->has_owner)
		a->cb.on_stderr(a->ctx, bytes.data, bytes.len);
}

static void tell_later(void *ctx)
{
	struct docker_attach *a = ctx;
	a->busy++;
	tell_stderr(a);
	bool has_in = a->in.len > 0 || a->is_ended || (a->has_tls && !a->is_dry);
	tell_taker(a, (has_in ? STREAM_IN : 0U) | (a->raw ? 0U : STREAM_OUT));
	if (a->is_draining && !(a->wanted & STREAM_IN))
		throw_away(a);
	tell_stderr(a);
	if (a->is_ended && !a->is_end_told) {
		a->is_end_told = true;
		if (a->has_owner)
			a->cb.on_end(a->ctx);
	}
	settle(a);
	leave(a);
}

static void stream_ready(struct docker_attach *a, unsigned ready)
{
	unsigned in = (ready & (LOOP_IN | LOOP_HUP | LOOP_ERR)) ? STREAM_IN : 0U;
	unsigned out = (ready & (LOOP_OUT | LOOP_HUP | LOOP_ERR)) ? STREAM_OUT : 0U;
	a->is_dry = a->is_dry && !in;
	a->busy++;
	tell_taker(a, in | out);
	if (in && a->is_draining && !(a->wanted & STREAM_IN))
		throw_away(a);
	settle(a);
	leave(a);
}

/* --- the upgrade, by hand ------------------------------------------------------------------- */

static void fail(struct docker_attach *a, const struct err *e)
{
	struct err why = *e; /* it may stand in what is closed now */
	close_raw(a);
	a->is_end_told = true;
	a->cb.on_open(a->ctx, NULL, &why);
}

static void fail_cut(struct docker_attach *a, const char *what)
{
	struct err e;
	err_kind(&e, -ECONNRESET, DOCKER_NETWORK, "attach: the engine %s", what);
	fail(a, &e);
}

static void refused(struct docker_attach *a, int status, const char *body)
{
	struct err e;
	char message[256];
	docker_message(body, message, sizeof(message));
	err_kind(&e, -EREMOTEIO, docker_classify(status, message), "attach: %s",
		 message[0] ? message : "refused by the engine, or by a socket proxy before it");
	fail(a, &e);
}

static void opened(struct docker_attach *a, size_t head)
{
	buf_drop(&a->in, head);
	if (a->in.len == 0)
		buf_done(&a->in);
	a->is_open = a->has_taker = true;
	a->last_ms = clock_ms();
	a->cb.on_open(a->ctx, &a->base, NULL);
}

/* True when the whole answer to the upgrade is there and was told. */
static bool read_answer(struct docker_attach *a, bool is_end)
{
	struct upgrade u;
	switch (upgrade_read(buf_str(&a->in), a->in.len, is_end, &u)) {
	case UPGRADE_MORE:
		return false;
	case UPGRADE_DONE:
		opened(a, u.head);
		break;
	case UPGRADE_REFUSED:
		refused(a, u.status, a->in.data + u.head);
		break;
	case UPGRADE_BROKEN:
		fail_cut(a, is_end ? "cut the connection before it answered"
				   : "answered with something that is not HTTP");
		break;
	}
	return true;
}

static void send_request(struct docker_attach *a)
{
	ssize_t n = a->request.len ? http_raw_write(a->raw, a->request.data, a->request.len) : 0;
	if (n == -EAGAIN)
		return;
	if (n < 0) {
		fail_cut(a, "closed the connection");
		return;
	}
	buf_drop(&a->request, (size_t)n);
	if (a->request.len == 0)
		buf_done(&a->request);
	(void)http_raw_want(a->raw, a->request.len ? LOOP_IN | LOOP_OUT : LOOP_IN); /* it is open */
}

static void receive_answer(struct docker_attach *a)
{
	for (;;) {
		char *room = buf_room(&a->in, SCRATCH);
		ssize_t n = room ? http_raw_read(a->raw, room, SCRATCH) : -ENOMEM;
		a->is_dry = n == -EAGAIN;
		if (n == -EAGAIN)
			return;
		if (n > 0) {
			a->in.len += (size_t)n;
			a->in.data[a->in.len] = '\0';
		}
		if (read_answer(a, n <= 0))
			return;
	}
}

static void raw_ready(void *ctx, unsigned ready)
{
	struct docker_attach *a = ctx;
	if (a->is_open) {
		stream_ready(a, ready);
		return;
	}
	a->busy++;
	if (ready & LOOP_OUT)
		send_request(a);
	if (a->raw && (ready & (LOOP_IN | LOOP_HUP | LOOP_ERR)))
		receive_answer(a);
	settle(a);
	leave(a);
}

static void raw_open(void *ctx, const struct err *e)
{
	struct docker_attach *a = ctx;
	a->busy++;
	if (e) {
		struct err why = *e;
		a->raw = NULL; /* it is gone by itself */
		why.kind = e->code == -ETIMEDOUT ? DOCKER_TIMEOUT
			   : e->code == -EACCES	 ? DOCKER_PERMISSION
						 : DOCKER_NETWORK;
		fail(a, &why);
	} else {
		(void)http_raw_want(a->raw, LOOP_IN | LOOP_OUT); /* an open socket can be watched */
	}
	leave(a);
}

/* --- birth and death ------------------------------------------------------------------------ */

/* "https://host:2376/prefix" → host and prefix of the request's head. */
static int write_request(struct docker_attach *a, const char *id)
{
	const char *url = strstr(a->d->endpoint->http.base_url, "://") + 3;
	size_t n_host = strcspn(url, "/");
	return buf_addf(&a->request,
			"POST %s/v%d.%d/containers/%s/attach?stream=1&stdin=1&stdout=1&stderr=1 "
			"HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: mcpinit/" MCPINIT_VERSION "\r\n"
			"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n",
			url + n_host, a->d->api_major, a->d->api_minor, id, (int)n_host, url);
}

struct docker_attach *docker_attach_open(struct docker *d, const char *id,
					 const struct docker_attach_cb *cb, void *ctx)
{
	struct docker_attach *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->base.ops = &attach_ops;
	a->d = d;
	a->cb = *cb;
	a->ctx = ctx;
	a->has_tls = strncmp(d->endpoint->http.base_url, "https:", 6) == 0;
	frames_init(&a->frames);
	a->later = loop_timer_new(d->p.loop, tell_later, a);
	const struct http_raw_params rp = { .endpoint = &d->endpoint->http,
					    .deadline_ms = CONNECT_MS,
					    .on_open = raw_open,
					    .on_ready = raw_ready,
					    .ctx = a };
	if (a->later && write_request(a, id) == 0)
		a->raw = http_raw_open(d->p.http, &rp, NULL);
	if (!a->raw) {
		release(a);
		return NULL;
	}
	a->has_owner = true;
	return a;
}

void docker_attach_drain(struct docker_attach *a)
{
	a->is_draining = true;
	settle(a);
}

int64_t docker_attach_idle_ms(const struct docker_attach *a)
{
	return clock_ms() - a->last_ms;
}

bool docker_attach_is_over(const struct docker_attach *a)
{
	return !a->has_taker || a->is_end_told;
}

void docker_attach_free(struct docker_attach *a)
{
	if (!a)
		return;
	a->has_owner = false;
	a->is_end_told = true;
	close_raw(a);
	/* The taker is told: it reads the end. */
	if (a->has_taker && a->wanted)
		loop_timer_in(a->later, 0);
	release(a);
}
