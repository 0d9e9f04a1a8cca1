/* SPDX-License-Identifier: MIT */
#include "base/http.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/http_multi.h"
#include "base/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_BODY = 16 * 1024 * 1024,
	CALL_BUFFER = 8 * 1024, /* libcurl's, per call: most calls only wait */
};

struct http_call {
	struct transfer t;
	struct curl_slist *headers; /* owned */
	struct buf body;	    /* what on_data gets next, or all for on_done */
	struct loop_timer *idle;    /* owned; NULL without idle_ms */
	int64_t idle_ms;
	int status; /* 0 before the head was whole */
	bool has_head, is_head_due;
	bool is_too_big, is_idle;
	void (*on_head)(void *ctx, int status);
	void (*on_data)(void *ctx, const char *bytes, size_t n);
	void (*on_done)(void *ctx, const struct http_done *done);
	void *ctx;
};

/* --- what libcurl says: only noted ---------------------------------------------------------- */

static void note_life(struct http_call *c)
{
	if (c->idle)
		loop_timer_in(c->idle, c->idle_ms);
}

static bool is_streamed(const struct http_call *c)
{
	return c->on_data && c->status >= 200 && c->status < 300;
}

static size_t head_line(char *bytes, size_t size, size_t n, void *ctx)
{
	struct http_call *c = ctx;
	note_life(c);
	bool is_last = n * size == 2 && bytes[0] == '\r';
	if (!is_last || c->has_head) /* trailers end with an empty line too */
		return n * size;
	long status = 0;
	(void)curl_easy_getinfo(c->t.easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200)
		return n * size;
	c->status = (int)status;
	c->has_head = c->is_head_due = true;
	transfer_note(&c->t);
	return n * size;
}

static size_t body_bytes(char *bytes, size_t size, size_t n, void *ctx)
{
	struct http_call *c = ctx;
	note_life(c);
	size_t max = c->body.max;
	c->body.max = is_streamed(c) ? 0 : max;
	int r = buf_add(&c->body, bytes, size * n);
	c->body.max = max;
	if (r < 0) {
		c->is_too_big = r == -EMSGSIZE;
		return 0; /* ends the transfer with CURLE_WRITE_ERROR */
	}
	if (is_streamed(c))
		transfer_note(&c->t);
	return size * n;
}

/* --- telling the caller --------------------------------------------------------------------- */

static void tell_end_of_call(struct http_call *c)
{
	struct err e;
	struct http_done done = { .status = c->status,
				  .body = buf_str(&c->body),
				  .body_len = c->body.len };
	if (c->is_too_big) {
		err_set(&e, -EMSGSIZE, "the answer of %s is larger than %zu bytes",
			transfer_where(&c->t), c->body.max);
		done.e = &e;
	} else if (c->is_idle) {
		err_set(&e, -ETIMEDOUT, "%s sent nothing for %lld ms", transfer_where(&c->t),
			(long long)c->idle_ms);
		done.e = &e;
	} else if (c->t.code != CURLE_OK) {
		(void)transfer_why(&c->t, &e); /* its code is in e */
		done.e = &e;
	}
	c->on_done(c->ctx, &done);
}

static void call_tell(struct transfer *t)
{
	struct http_call *c = (struct http_call *)t;
	if (c->is_head_due) {
		c->is_head_due = false;
		if (c->on_head)
			c->on_head(c->ctx, c->status);
	} else if (is_streamed(c) && c->body.len > 0) {
		_cleanup_buf_ struct buf piece = c->body;
		c->body = (struct buf){ .max = piece.max };
		c->on_data(c->ctx, piece.data, piece.len);
	} else if (t->is_done) {
		transfer_quiet(t);
		t->is_telling_end = true;
		tell_end_of_call(c);
		transfer_free(t);
	} else {
		transfer_quiet(t);
	}
}

static void call_before_free(struct transfer *t)
{
	struct http_call *c = (struct http_call *)t;
	loop_timer_free(c->idle);
	buf_done(&c->body);
}

/* A header may be a login. */
static void call_after_free(struct transfer *t)
{
	struct curl_slist *headers = ((struct http_call *)t)->headers;
	for (struct curl_slist *h = headers; h; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(headers);
}

static const struct transfer_ops call_ops = {
	.tell = call_tell,
	.before_free = call_before_free,
	.after_free = call_after_free,
};

static void idle_fired(void *ctx)
{
	struct http_call *c = ctx;
	c->is_idle = c->t.is_done = true;
	transfer_note(&c->t);
	http_deliver(c->t.http);
}

/* --- a call --------------------------------------------------------------------------------- */

static bool add_header(struct http_call *c, const char *line)
{
	struct curl_slist *more = curl_slist_append(c->headers, line);
	if (more)
		c->headers = more;
	return more != NULL;
}

static bool set_method(struct http_call *c, const struct http_request *rq)
{
	CURL *easy = c->t.easy;
	/* No waiting for "100 Continue"; no form type that nobody asked for. */
	bool ok = add_header(c, "Expect:");
	if (!rq->body)
		ok = ok && add_header(c, "Content-Type:");
	for (const char *const *line = rq->headers; ok && line && *line; line++)
		ok = add_header(c, *line);
	ok = ok && HTTP_SET(easy, CURLOPT_HTTPHEADER, c->headers);
	if (rq->body || strcmp(rq->method, "POST") == 0)
		ok = ok && HTTP_SET(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body_len) &&
		     HTTP_SET(easy, CURLOPT_COPYPOSTFIELDS, rq->body ? rq->body : "");
	else if (strcmp(rq->method, "HEAD") == 0)
		return ok && HTTP_SET(easy, CURLOPT_NOBODY, 1L);
	return ok && HTTP_SET(easy, CURLOPT_CUSTOMREQUEST, rq->method);
}

static bool set_call(struct http_call *c, const struct http_request *rq)
{
	CURL *easy = c->t.easy;
	return set_method(c, rq) && HTTP_SET(easy, CURLOPT_USERAGENT, c->t.http->user_agent) &&
	       HTTP_SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
	       HTTP_SET(easy, CURLOPT_BUFFERSIZE, (long)CALL_BUFFER) &&
	       HTTP_SET(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) &&
	       HTTP_SET(easy, CURLOPT_FRESH_CONNECT, rq->is_fresh ? 1L : 0L) &&
	       transfer_connect_within(&c->t, HTTP_CONNECT_MS) &&
	       HTTP_SET(easy, CURLOPT_TIMEOUT_MS, (long)rq->deadline_ms) &&
	       HTTP_SET(easy, CURLOPT_HEADERFUNCTION, head_line) &&
	       HTTP_SET(easy, CURLOPT_HEADERDATA, c) &&
	       HTTP_SET(easy, CURLOPT_WRITEFUNCTION, body_bytes) &&
	       HTTP_SET(easy, CURLOPT_WRITEDATA, c);
}

struct http_call *http_start(struct http *h, const struct http_request *rq, struct err *e)
{
	struct http_call *c = calloc(1, sizeof(*c));
	if (!c) {
		err_oom(e);
		return NULL;
	}
	c->on_head = rq->on_head;
	c->on_data = rq->on_data;
	c->on_done = rq->on_done;
	c->ctx = rq->ctx;
	c->idle_ms = rq->idle_ms;
	c->body.max = rq->max_body ? rq->max_body : MAX_BODY;
	bool ok = transfer_init(&c->t, &call_ops, h, rq->endpoint, rq->path) && set_call(c, rq);
	if (ok && rq->idle_ms > 0) {
		c->idle = loop_timer_new(h->loop, idle_fired, c);
		ok = c->idle != NULL;
	}
	if (!ok || curl_multi_add_handle(h->multi, c->t.easy) != CURLM_OK) {
		err_oom(e);
		transfer_free(&c->t);
		return NULL;
	}
	note_life(c);
	return c;
}

void http_cancel(struct http_call *call)
{
	if (call && !call->t.is_telling_end)
		transfer_free(&call->t);
}

const char *http_header(struct http_call *call, const char *name)
{
	struct curl_header *found;
	if (curl_easy_header(call->t.easy, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK)
		return NULL;
	return found->value;
}
