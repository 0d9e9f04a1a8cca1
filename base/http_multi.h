/* SPDX-License-Identifier: MIT */
/*
 * http_multi: what calls (http.c) and raw connections (http_raw.c) have in common: libcurl's multi handle on our loop.
 * What libcurl reports from inside itself is only noted (transfer_note()) and told to the caller after libcurl has
 * returned: a callback may therefore start, cancel and close whatever it likes, which libcurl itself forbids.
 * Owns:   the sockets' watches, libcurl's one timer, every transfer that is not freed yet.
 * Source: libcurl 7.88: curl_multi_socket_action(3).
 * Private to http*.c.
 */
#ifndef BASE_HTTP_MULTI_H
#define BASE_HTTP_MULTI_H

#include "base/http.h"

#include <curl/curl.h>

enum { HTTP_CONNECT_MS = 5000 };

struct err;
struct loop;
struct loop_timer;
struct transfer;

struct transfer_ops {
	/* Tells the caller one thing; transfer_quiet() when nothing is left. May free t, and any other. */
	void (*tell)(struct transfer *t);
	/* Before and after the handle is let go of; either may be NULL. */
	void (*before_free)(struct transfer *t);
	void (*after_free)(struct transfer *t);
};

/* First member of every kind. */
struct transfer {
	const struct transfer_ops *ops;
	struct http *http;
	CURL *easy;			      /* owned */
	const struct http_endpoint *endpoint; /* borrowed */
	struct transfer *prev, *next;	      /* all of http's */
	struct transfer *next_news;
	bool has_news;	     /* it is in the list of news */
	bool is_done;	     /* code tells how it went */
	bool is_telling_end; /* its last callback runs; freed behind it */
	CURLcode code;
	char error[CURL_ERROR_SIZE];
};

struct http {
	struct loop *loop;
	CURLM *multi;		  /* owned */
	struct loop_timer *timer; /* owned; libcurl's one timer */
	char *user_agent;	  /* owned */
	struct transfer *all;
	struct transfer *news, **news_end; /* in the order in which it happened */
};

/* Every option that we set is known to libcurl: only memory can fail, and a call without its option must not go out. */
#define HTTP_SET(easy, option, value) (curl_easy_setopt(easy, option, value) == CURLE_OK)

/* Fills in a zeroed t. Whatever comes back, transfer_free() undoes it. */
bool transfer_init(struct transfer *t, const struct transfer_ops *ops, struct http *h,
		   const struct http_endpoint *ep, const char *path);
/* How long connecting may take. libcurl's timer for it goes on to its end behind a connection that is made. */
bool transfer_connect_within(struct transfer *t, int64_t ms);
void transfer_free(struct transfer *t);
/* There is something to tell. */
void transfer_note(struct transfer *t);
void transfer_quiet(struct transfer *t);
/* Why it failed, from libcurl's code. */
int transfer_why(const struct transfer *t, struct err *e);
/* "/var/run/docker.sock" or "https://host:2376". */
const char *transfer_where(const struct transfer *t);
/* Tells all that was noted. Only from a callback of the loop, never from what users call. */
void http_deliver(struct http *h);

#endif
