/* SPDX-License-Identifier: MIT */
/*
 * probe_http: is a URL well? One GET by a connection of its own; the status decides, the body is not read: 200–399 is a
 * yes, anything else, or no connection, a no. Redirects are not followed, and no proxy is asked.
 * Without a deadline of its own: whoever asks frees it.
 */
#ifndef HEALTH_PROBE_HTTP_H
#define HEALTH_PROBE_HTTP_H

#include <stdbool.h>

struct err;
struct http;
struct probe_http;

/* Once, from the loop. words: why not; "" if it is well; borrowed for the call. */
typedef void probe_http_fn(void *ctx, bool is_well, const char *words);

/* url: http:// or https://, copied. */
struct probe_http *probe_http_new(struct http *h, const char *url, probe_http_fn *fn, void *ctx,
				  struct err *e);
/* No callback any more. */
void probe_http_free(struct probe_http *p);

#endif
