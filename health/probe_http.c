/* SPDX-License-Identifier: MIT */
#include "health/probe_http.h"

#include "base/err.h"
#include "base/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OK_FROM = 200, OK_BELOW = 400, MAX_REFUSAL = 64 * 1024 };

struct probe_http {
	struct http_call *call;
	struct http_endpoint endpoint; /* base_url: owned */
	int status;
	probe_http_fn *fn;
	void *ctx;
};

void probe_http_free(struct probe_http *p)
{
	if (!p)
		return;
	http_cancel(p->call);
	free((char *)p->endpoint.base_url);
	free(p);
}

static void finish(struct probe_http *p, const char *words)
{
	probe_http_fn *fn = p->fn;
	void *ctx = p->ctx;
	probe_http_free(p);
	fn(ctx, !*words, words);
}

static void on_head(void *ctx, int status)
{
	struct probe_http *p = ctx;
	char words[32] = "";
	if (status < OK_FROM || status >= OK_BELOW)
		(void)snprintf(words, sizeof(words), "HTTP status %d", status);
	finish(p, words);
}

/* Only without a head. */
static void on_done(void *ctx, const struct http_done *done)
{
	char words[sizeof(done->e->text)];
	(void)snprintf(words, sizeof(words), "%s", done->e ? done->e->text : "no answer");
	finish(ctx, words);
}

struct probe_http *probe_http_new(struct http *h, const char *url, probe_http_fn *fn, void *ctx,
				  struct err *e)
{
	struct probe_http *p = calloc(1, sizeof(*p));
	const char *host = strstr(url, "://");
	host = host ? host + 3 : url;
	const char *path = host + strcspn(host, "/?#");
	char *base = p ? strndup(url, (size_t)(path - url)) : NULL;
	char *whole = NULL;
	if (!base || asprintf(&whole, "%s%.*s", *path == '/' ? "" : "/", (int)strcspn(path, "#"),
			      path) < 0) {
		free(base);
		free(p);
		err_oom(e);
		return NULL;
	}
	p->endpoint.base_url = base;
	p->endpoint.is_direct = true; /* a proxy's health is not the server's */
	p->fn = fn;
	p->ctx = ctx;
	const struct http_request rq = { .endpoint = &p->endpoint,
					 .method = "GET",
					 .path = whole,
					 .max_body = MAX_REFUSAL,
					 .is_fresh = true,
					 .on_head = on_head,
					 .on_done = on_done,
					 .ctx = p };
	p->call = http_start(h, &rq, e);
	free(whole);
	if (p->call)
		return p;
	probe_http_free(p);
	return NULL;
}
