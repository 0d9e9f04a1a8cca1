/* SPDX-License-Identifier: MIT */
#include "base/http_multi.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* A socket that libcurl wants watched. */
struct sock {
	struct http *http;
	curl_socket_t fd;
	struct loop_io *io; /* owned */
};

/* --- news ----------------------------------------------------------------------------------- */

void transfer_note(struct transfer *t)
{
	struct http *h = t->http;
	if (t->has_news)
		return;
	t->has_news = true;
	t->next_news = NULL;
	*h->news_end = t;
	h->news_end = &t->next_news;
}

void transfer_quiet(struct transfer *t)
{
	struct http *h = t->http;
	if (!t->has_news)
		return;
	for (struct transfer **p = &h->news; *p; p = &(*p)->next_news) {
		if (*p != t)
			continue;
		*p = t->next_news;
		if (h->news_end == &t->next_news)
			h->news_end = p;
		break;
	}
	t->has_news = false;
}

/* One thing at a time, the list looked at afresh after each: a callback may have changed all of it. */
void http_deliver(struct http *h)
{
	while (h->news)
		h->news->ops->tell(h->news);
}

static void collect(struct http *h)
{
	CURLMsg *m;
	int left;
	while ((m = curl_multi_info_read(h->multi, &left))) {
		struct transfer *t = NULL;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		if (m->msg != CURLMSG_DONE || !t)
			continue;
		t->is_done = true;
		t->code = m->data.result;
		transfer_note(t);
	}
	http_deliver(h);
}

/* --- one transfer --------------------------------------------------------------------------- */

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *a)
{
	(void)ctx;
	(void)purpose;
	/* libcurl itself does not set CLOEXEC, and we fork. */
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

const char *transfer_where(const struct transfer *t)
{
	const struct http_endpoint *ep = t->endpoint;
	return ep->unix_path ? ep->unix_path : ep->base_url;
}

int transfer_why(const struct transfer *t, struct err *e)
{
	const char *at = transfer_where(t);
	long os_errno = 0;
	(void)curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os_errno);
	int no = os_errno > 0 ? (int)os_errno : ECONNREFUSED;
	const char *text = t->error[0] ? t->error : curl_easy_strerror(t->code);
	switch (t->code) {
	case CURLE_COULDNT_CONNECT:
		return err_set(e, -no, "cannot connect to %s: %s", at, strerror(no));
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return err_set(e, -EHOSTUNREACH, "cannot find the host of %s: %s", at, text);
	case CURLE_OPERATION_TIMEDOUT:
		return err_set(e, -ETIMEDOUT, "no answer from %s in time: %s", at, text);
	case CURLE_GOT_NOTHING:
		return err_set(e, -ECONNRESET, "%s closed the connection without an answer", at);
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		return err_set(e, -ECONNRESET, "the connection to %s was cut: %s", at, text);
	case CURLE_OUT_OF_MEMORY:
		return err_oom(e);
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return err_set(e, -EPROTO, "TLS with %s failed: %s", at, text);
	default:
		return err_set(e, -EIO, "%s: %s", at, text);
	}
}

static bool set_endpoint(CURL *easy, const struct http_endpoint *ep, const char *path)
{
	_cleanup_buf_ struct buf url = { 0 };
	bool ok = buf_addf(&url, "%s%s", ep->base_url, path) == 0 &&
		  HTTP_SET(easy, CURLOPT_URL, buf_str(&url)) &&
		  HTTP_SET(easy, CURLOPT_PROTOCOLS_STR, "http,https") &&
		  HTTP_SET(easy, CURLOPT_PATH_AS_IS, 1L);
	if (ep->unix_path)
		return ok && HTTP_SET(easy, CURLOPT_UNIX_SOCKET_PATH, ep->unix_path) &&
		       HTTP_SET(easy, CURLOPT_NOPROXY, "*");
	if (ep->is_direct)
		ok = ok && HTTP_SET(easy, CURLOPT_NOPROXY, "*");
	ok = ok && HTTP_SET(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	if (ep->ca_file)
		/* Read anew for each connection: it may be exchanged while we run. */
		ok = ok && HTTP_SET(easy, CURLOPT_CAINFO, ep->ca_file) &&
		     HTTP_SET(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
	if (ep->cert_file)
		ok = ok && HTTP_SET(easy, CURLOPT_SSLCERT, ep->cert_file);
	if (ep->key_file)
		ok = ok && HTTP_SET(easy, CURLOPT_SSLKEY, ep->key_file);
	if (ep->is_insecure)
		ok = ok && HTTP_SET(easy, CURLOPT_SSL_VERIFYPEER, 0L) &&
		     HTTP_SET(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	return ok;
}

bool transfer_connect_within(struct transfer *t, int64_t ms)
{
	/* A unix socket is connected at once or never; its timer would only wake us once for each stream that stays open. */
	return HTTP_SET(t->easy, CURLOPT_CONNECTTIMEOUT_MS,
			t->endpoint->unix_path ? (long)INT_MAX : (long)ms);
}

bool transfer_init(struct transfer *t, const struct transfer_ops *ops, struct http *h,
		   const struct http_endpoint *ep, const char *path)
{
	t->ops = ops;
	t->http = h;
	t->endpoint = ep;
	t->next = h->all;
	if (h->all)
		h->all->prev = t;
	h->all = t;
	t->easy = curl_easy_init();
	return t->easy && set_endpoint(t->easy, ep, path) &&
	       HTTP_SET(t->easy, CURLOPT_PRIVATE, t) &&
	       HTTP_SET(t->easy, CURLOPT_ERRORBUFFER, t->error) &&
	       HTTP_SET(t->easy, CURLOPT_NOSIGNAL, 1L) &&
	       /* Names are looked up by threads: one that is given up is not waited for. */
	       HTTP_SET(t->easy, CURLOPT_QUICK_EXIT, 1L) &&
	       HTTP_SET(t->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
}

void transfer_free(struct transfer *t)
{
	const struct transfer_ops *ops = t->ops;
	transfer_quiet(t);
	if (t->prev)
		t->prev->next = t->next;
	else
		t->http->all = t->next;
	if (t->next)
		t->next->prev = t->prev;
	if (ops->before_free)
		ops->before_free(t);
	(void)curl_multi_remove_handle(t->http->multi, t->easy); /* fails only if it was not in */
	curl_easy_cleanup(t->easy);
	if (ops->after_free)
		ops->after_free(t);
	free(t);
}

/* --- libcurl's sockets and timer on our loop ------------------------------------------------ */

static void sock_ready(void *ctx, unsigned ready)
{
	struct sock *s = ctx;
	struct http *h = s->http;
	int mask = ((ready & LOOP_IN) ? CURL_CSELECT_IN : 0) |
		   ((ready & LOOP_OUT) ? CURL_CSELECT_OUT : 0) |
		   ((ready & (LOOP_HUP | LOOP_ERR)) ? CURL_CSELECT_ERR : 0);
	int running;
	(void)curl_multi_socket_action(h->multi, s->fd, mask, &running); /* s may be gone now */
	collect(h);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *assigned)
{
	(void)easy;
	struct http *h = ctx;
	struct sock *s = assigned;
	if (what == CURL_POLL_REMOVE) {
		if (s)
			loop_io_free(s->io);
		free(s);
		return 0;
	}
	unsigned events =
		((what & CURL_POLL_IN) ? LOOP_IN : 0U) | ((what & CURL_POLL_OUT) ? LOOP_OUT : 0U);
	if (s)
		return loop_io_want(s->io, events) < 0 ? -1 : 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -1;
	s->http = h;
	s->fd = fd;
	s->io = loop_io_new(h->loop, fd, events, sock_ready, s, NULL);
	if (!s->io || curl_multi_assign(h->multi, fd, s) != CURLM_OK) {
		loop_io_free(s->io);
		free(s);
		return -1;
	}
	return 0;
}

static int set_timer(CURLM *multi, long in_ms, void *ctx)
{
	(void)multi;
	struct http *h = ctx;
	if (in_ms < 0)
		loop_timer_stop(h->timer);
	else
		loop_timer_in(h->timer, in_ms);
	return 0;
}

static void timer_fired(void *ctx)
{
	struct http *h = ctx;
	int running;
	(void)curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0,
				       &running); /* see collect */
	collect(h);
}

/* --- birth and death ------------------------------------------------------------------------ */

struct http *http_new(struct loop *l, const char *user_agent, struct err *e)
{
	struct http *h = calloc(1, sizeof(*h));
	if (!h || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		err_oom(e);
		free(h);
		return NULL;
	}
	h->loop = l;
	h->news_end = &h->news;
	h->user_agent = strdup(user_agent);
	h->timer = loop_timer_new(l, timer_fired, h);
	h->multi = curl_multi_init();
	if (!h->user_agent || !h->timer || !h->multi) {
		err_oom(e);
		http_free(h);
		return NULL;
	}
	(void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION,
				watch_socket); /* known options */
	(void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	(void)curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	(void)curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	while (h->all)
		transfer_free(h->all);
	if (h->multi)
		(void)curl_multi_cleanup(h->multi); /* all handles are out */
	loop_timer_free(h->timer);
	free(h->user_agent);
	free(h);
	curl_global_cleanup();
}
