/* SPDX-License-Identifier: MIT */
/*
 * Ends for a mux in one process and without a descriptor: a base/stream whose far side the test holds. A pair of pipes
 * behaves as stdio/fifo.c does (programs come and go), else as a socket or a server's stdin and stdout do.
 */
#ifndef TESTS_MUX_ENDS_H
#define TESTS_MUX_ENDS_H

#include "base/buf.h"
#include "base/stream.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct end {
	struct stream base;
	bool is_pipes;
	struct buf to_mux, from_mux; /* written by one side, not read by the other */
	size_t room, grain;	     /* what from_mux holds at most; what one read gives at most */
	bool has_writer, has_reader; /* the far side's two ends */
	bool knows_writer, knows_reader; /* the mux was told of them */
	bool is_shut;			 /* by the mux: the far side reads the end */
	bool is_freed;
	unsigned wanted;
	/* The model is told what no line tells it: half a line was read to its end; both pipes were put anew. */
	void (*on_eof)(void *ctx);
	void (*on_renewed)(void *ctx);
	void *ctx;
};

static ssize_t end_read(struct stream *s, void *to, size_t n)
{
	struct end *e = (struct end *)s;
	n = n < e->grain ? n : e->grain;
	n = n < e->to_mux.len ? n : e->to_mux.len;
	if (n > 0) {
		memcpy(to, e->to_mux.data, n);
		buf_drop(&e->to_mux, n);
		return (ssize_t)n;
	}
	if (e->has_writer || (e->is_pipes && !e->knows_writer))
		return -EAGAIN;
	e->knows_writer = false;
	if (e->on_eof)
		e->on_eof(e->ctx);
	return 0;
}

static ssize_t end_write(struct stream *s, const void *bytes, size_t n)
{
	struct end *e = (struct end *)s;
	if (!e->is_pipes && !e->has_reader)
		return -EPIPE;
	if (!e->knows_reader || !e->has_reader || e->from_mux.len >= e->room)
		return -EAGAIN;
	n = n < e->room - e->from_mux.len ? n : e->room - e->from_mux.len;
	return buf_add(&e->from_mux, bytes, n) < 0 ? -EAGAIN : (ssize_t)n;
}

static int end_shut(struct stream *s)
{
	((struct end *)s)->is_shut = true;
	return 0;
}

static int end_want(struct stream *s, unsigned events)
{
	((struct end *)s)->wanted = events;
	return 0;
}

static ssize_t end_takeback(struct stream *s, void *to, size_t n)
{
	struct end *e = (struct end *)s;
	n = n < e->from_mux.len ? n : e->from_mux.len;
	if (n > 0)
		memcpy(to, e->from_mux.data, n);
	buf_drop(&e->from_mux, n);
	return (ssize_t)n;
}

static size_t end_unread(struct stream *s)
{
	return ((struct end *)s)->from_mux.len;
}

static int end_renew(struct stream *s)
{
	struct end *e = (struct end *)s;
	buf_done(&e->to_mux);
	buf_done(&e->from_mux);
	e->has_writer = e->has_reader = e->knows_writer = e->knows_reader = false;
	if (e->on_renewed)
		e->on_renewed(e->ctx);
	return 0;
}

static void end_free(struct stream *s)
{
	struct end *e = (struct end *)s;
	e->is_freed = true;
	e->has_reader = e->has_writer = false;
}

static const struct stream_ops pipes_ops = {
	.read = end_read,
	.write = end_write,
	.want = end_want,
	.takeback = end_takeback,
	.unread = end_unread,
	.renew = end_renew,
	.free = end_free,
};
static const struct stream_ops socket_ops = {
	.read = end_read,
	.write = end_write,
	.shut = end_shut,
	.want = end_want,
	.free = end_free,
};

static void end_open(struct end *e, bool is_pipes)
{
	*e = (struct end){
		.base = { .ops = is_pipes ? &pipes_ops : &socket_ops, .reopens = is_pipes },
		.is_pipes = is_pipes,
		.room = 65536,
		.grain = 65536,
		.has_writer = !is_pipes,
		.has_reader = !is_pipes,
		.knows_writer = !is_pipes,
		.knows_reader = !is_pipes,
	};
}

static void end_done(struct end *e)
{
	buf_done(&e->to_mux);
	buf_done(&e->from_mux);
}

/* Tells the mux what there is to tell, as a round of the loop would. False: nothing was. */
static bool end_turn(struct end *e)
{
	if (e->is_freed || !e->base.fn)
		return false;
	unsigned ready = 0;
	if (e->is_pipes && e->knows_reader != e->has_reader) {
		e->knows_reader = e->has_reader;
		ready |= e->has_reader ? STREAM_READER_CAME : STREAM_READER_GONE;
	}
	if (e->is_pipes && !e->knows_writer && (e->has_writer || e->to_mux.len > 0)) {
		e->knows_writer = true;
		ready |= STREAM_WRITER_CAME;
	}
	if ((e->wanted & STREAM_IN) &&
	    (e->to_mux.len > 0 || (!e->has_writer && (e->knows_writer || !e->is_pipes))))
		ready |= STREAM_IN;
	bool may_write = e->is_pipes ? e->knows_reader && e->from_mux.len < e->room
				     : !e->has_reader || e->from_mux.len < e->room;
	if ((e->wanted & STREAM_OUT) && may_write)
		ready |= STREAM_OUT;
	if (ready)
		e->base.fn(e->base.ctx, ready);
	return ready != 0;
}

#endif
