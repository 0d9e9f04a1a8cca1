/* SPDX-License-Identifier: MIT */
/*
 * chan_rig: a chan, and all it told.
 */
#ifndef TESTS_UNIT_CHAN_RIG_H
#define TESTS_UNIT_CHAN_RIG_H

#include "base/loop.h"
#include "base/stream.h"
#include "stdio/chan.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* One chan; fd is the other end, or -1. */
struct end {
	struct chan *c;
	int fd;
	char heard[4096]; /* "line|", "!" too long, "~" torn, "." end, "p" peer, "d" drained */
	size_t bytes;	  /* of lines */
	char free_on;	  /* free the chan in this callback */
};

static struct loop *loop;

static inline void hear(struct end *n, char what)
{
	size_t at = strlen(n->heard);
	if (at + 2 < sizeof(n->heard)) {
		n->heard[at] = what;
		n->heard[at + 1] = '\0';
	}
	if (n->free_on == what) {
		chan_free(n->c);
		n->c = NULL;
	}
}

static inline void on_line(void *ctx, const char *line, size_t len)
{
	struct end *n = ctx;
	size_t at = strlen(n->heard);
	n->bytes += len;
	if (at + len + 2 < sizeof(n->heard)) {
		memcpy(n->heard + at, line, len);
		n->heard[at + len] = '\0';
	}
	hear(n, '|');
}

static inline void on_bad(void *ctx, enum chan_bad what, size_t len)
{
	(void)len;
	hear(ctx, what == CHAN_TOO_LONG ? '!' : '~');
}

static inline void on_end(void *ctx)
{
	hear(ctx, '.');
}

static inline void on_peer(void *ctx)
{
	hear(ctx, 'p');
}

static inline void on_drained(void *ctx)
{
	hear(ctx, 'd');
}

static inline void chan_setup(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	loop = loop_new(NULL);
}

static inline void chan_teardown(void)
{
	loop_free(loop);
}

static inline int send_text(struct end *n, const char *text)
{
	struct iovec part = { .iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text) };
	return chan_send(n->c, &part, 1);
}

/* On a stream of which the chan is the owner from now on. */
static inline void open_chan(struct end *n, struct stream *s, size_t max)
{
	struct chan_params p = {
		.loop = loop,
		.max_message = max,
		.cb = { on_line, on_bad, on_end, on_peer, on_drained },
		.ctx = n,
	};
	n->c = chan_new(s, &p, NULL);
	ck_assert_ptr_nonnull(n->c);
}

#endif
