/* SPDX-License-Identifier: MIT */
#include "docker/client.h"

#include "base/buf.h"
#include "base/err.h"
#include "docker/endpoint.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONTROL_MS = 30000, /* a loaded engine takes 0.75 s for a start; 30 s is a hung one */
	QUICK_MS = 5000,
	PROGRESS_IDLE_MS = 120000, /* extracting one big layer is silent */
	MAX_MESSAGE = 512,
};

struct docker_call {
	struct docker *d;
	struct docker_call *prev, *next;
	struct http_call *http;
	bool is_ending; /* its on_done runs */
	char what[96];	/* "POST /containers/create" for sentences */
	void (*on_head)(void *ctx, int status);
	void (*on_data)(void *ctx, const char *bytes, size_t n);
	void (*on_done)(void *ctx, const struct docker_answer *a);
	void (*on_drop)(void *ctx);
	void *ctx;
};

/* --- what the engine says ------------------------------------------------------------------- */

const char *docker_message(const char *body, char *buf, size_t size)
{
	buf[0] = '\0';
	if (body[0] == '<') /* a proxy's page is for browsers */
		return buf;
	cJSON *tree = cJSON_Parse(body);
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(tree, "message");
	const char *text = cJSON_GetStringValue(item);
	(void)snprintf(buf, size, "%s", text ? text : tree ? "" : body); /* cut is good enough */
	cJSON_Delete(tree);
	for (char *p = buf; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	for (size_t n = strlen(buf); n > 0 && buf[n - 1] == ' ';)
		buf[--n] = '\0';
	return buf;
}

/* What the network or the engine's own limits say: only told with the connection, never with an HTTP status. */
static int kind_of_code(int code)
{
	switch (code) {
	case -EACCES:
	case -EPERM:
		return DOCKER_PERMISSION;
	case -ETIMEDOUT:
		return DOCKER_TIMEOUT;
	case -ENOMEM:
	case -EMSGSIZE:
		return DOCKER_OTHER;
	default:
		return DOCKER_NETWORK;
	}
}

static void set_refusal(struct err *e, const struct docker_call *c, int status, const char *message)
{
	int kind = docker_classify(status, message);
	if (message[0])
		err_kind(e, -EREMOTEIO, kind, "%s", message);
	else if (kind == DOCKER_PERMISSION)
		err_kind(e, -EREMOTEIO, kind,
			 "%s is refused (HTTP %d): a socket proxy must allow it, see "
			 "docs/socket-proxy.md",
			 c->what, status);
	else
		err_kind(e, -EREMOTEIO, kind, "%s: the engine answered HTTP %d", c->what, status);
}

/* --- one call ------------------------------------------------------------------------------- */

static void call_unlink(struct docker_call *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		c->d->calls = c->next;
	if (c->next)
		c->next->prev = c->prev;
}

static void call_head(void *ctx, int status)
{
	struct docker_call *c = ctx;
	c->on_head(c->ctx, status);
}

static void call_data(void *ctx, const char *bytes, size_t n)
{
	struct docker_call *c = ctx;
	c->on_data(c->ctx, bytes, n);
}

static void call_done(void *ctx, const struct http_done *done)
{
	struct docker_call *c = ctx;
	struct err e;
	char message[MAX_MESSAGE] = "";
	struct docker_answer a = { .status = done->status,
				   .body = done->body,
				   .body_len = done->body_len,
				   .message = message,
				   .call = c };
	bool is_ok = (a.status >= 200 && a.status < 300) || a.status == 304;
	if (done->e) {
		e = *done->e;
		e.kind = kind_of_code(e.code);
		a.e = &e;
		if (c->d->on_doubt && e.kind == DOCKER_NETWORK)
			c->d->on_doubt(c->d);
	} else if (!is_ok) {
		docker_message(done->body, message, sizeof(message));
		set_refusal(&e, c, a.status, message);
		a.e = &e;
	}
	call_unlink(c);
	c->is_ending = true;
	c->on_done(c->ctx, &a);
	free(c);
}

static int versioned(const struct docker *d, const struct docker_request *rq, struct buf *path)
{
	if (rq->is_unversioned)
		return buf_adds(path, rq->path);
	return buf_addf(path, "/v%d.%d%s", d->api_major, d->api_minor, rq->path);
}

static int start(struct docker_call *c, const struct docker_request *rq, struct err *e)
{
	_cleanup_buf_ struct buf path = { 0 };
	if (versioned(c->d, rq, &path) < 0)
		return err_oom(e);
	enum { MAX_HEADERS = 8 };
	const char *headers[MAX_HEADERS + 1] = { 0 };
	size_t n = 0;
	if (rq->body)
		headers[n++] = "Content-Type: application/json";
	for (const char *const *line = rq->headers; line && *line && n < MAX_HEADERS; line++)
		headers[n++] = *line;
	const struct http_request hr = {
		.endpoint = &c->d->endpoint->http,
		.method = rq->method,
		.path = path.data,
		.headers = headers,
		.body = rq->body,
		.body_len = rq->body_len,
		.max_body = rq->max_body,
		.is_fresh = rq->is_fresh,
		.deadline_ms = rq->patience == DOCKER_CONTROL ? CONTROL_MS
			       : rq->patience == DOCKER_QUICK ? QUICK_MS
							      : 0,
		.idle_ms = rq->patience == DOCKER_PROGRESS ? PROGRESS_IDLE_MS : 0,
		.on_head = rq->on_head ? call_head : NULL,
		.on_data = rq->on_data ? call_data : NULL,
		.on_done = call_done,
		.ctx = c,
	};
	c->http = http_start(c->d->p.http, &hr, e);
	return c->http ? 0 : -ENOMEM;
}

struct docker_call *docker_call(struct docker *d, const struct docker_request *rq, struct err *e)
{
	if (!rq->is_unversioned && !d->can_call) {
		err_kind(e, -ENOTCONN, DOCKER_NETWORK, "the engine at %s does not answer",
			 d->endpoint->text);
		return NULL;
	}
	struct docker_call *c = calloc(1, sizeof(*c));
	if (!c) {
		err_kind(e, -ENOMEM, DOCKER_OTHER, "out of memory");
		return NULL;
	}
	c->d = d;
	c->on_head = rq->on_head;
	c->on_data = rq->on_data;
	c->on_done = rq->on_done;
	c->on_drop = rq->on_drop;
	c->ctx = rq->ctx;
	(void)snprintf(c->what, sizeof(c->what), "%s %.*s", rq->method, (int)strcspn(rq->path, "?"),
		       rq->path); /* cut is good enough */
	if (start(c, rq, e) < 0) {
		if (e)
			e->kind = DOCKER_OTHER;
		free(c);
		return NULL;
	}
	c->next = d->calls;
	if (d->calls)
		d->calls->prev = c;
	d->calls = c;
	return c;
}

void docker_call_cancel(struct docker_call *call)
{
	if (!call || call->is_ending)
		return;
	http_cancel(call->http);
	call_unlink(call);
	free(call);
}

void docker_calls_drop(struct docker *d)
{
	while (d->calls) {
		void (*on_drop)(void *ctx) = d->calls->on_drop;
		void *ctx = d->calls->ctx;
		docker_call_cancel(d->calls);
		if (on_drop)
			on_drop(ctx);
	}
}

const char *docker_call_header(struct docker_call *call, const char *name)
{
	return http_header(call->http, name);
}

/* --- small answers -------------------------------------------------------------------------- */

struct loop *docker_loop(const struct docker *d)
{
	return d->p.loop;
}

const char *docker_instance(const struct docker *d)
{
	return d->instance;
}

bool docker_api_at_least(const struct docker *d, int major, int minor)
{
	return d->api_major > major || (d->api_major == major && d->api_minor >= minor);
}

int docker_escape(struct buf *b, const char *text)
{
	int r = 0;
	for (; *text && r == 0; text++) {
		unsigned char c = (unsigned char)*text;
		r = isalnum(c) || strchr("-._~", c) ? buf_add(b, text, 1)
						    : buf_addf(b, "%%%02X", c);
	}
	return r;
}
