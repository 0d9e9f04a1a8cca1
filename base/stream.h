/* SPDX-License-Identifier: MIT */
/*
 * stream: one duplex byte stream, whatever carries it: an fd pair (here), an attach (docker/attach.h), an agent's
 * pair of named pipes (stdio/fifo.h). What stands on top (stdio/chan.h) cannot tell them apart.
 * Never blocks. Callback: tells readiness; it may free the stream.
 */
#ifndef BASE_STREAM_H
#define BASE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct err;
struct loop;
struct stream;

enum {
	STREAM_IN = 1,	/* readable, or at its end */
	STREAM_OUT = 2, /* writable, or broken */
	STREAM_READER_CAME =
		4, /* only where ends come and go (fifo): somebody opened the other end to read */
	STREAM_READER_GONE = 8, /* … the last reader left: take back what it did not read */
	STREAM_WRITER_CAME = 16,
};

typedef void stream_fn(void *ctx, unsigned ready);

struct stream_ops {
	/* > 0 bytes; 0 the end (where the stream reopens: the last writer left, more may come); -EAGAIN; -errno. */
	ssize_t (*read)(struct stream *s, void *buf, size_t n);
	/* Bytes taken (>= 0); -EAGAIN (also: nobody is there to read); -EPIPE; -errno. */
	ssize_t (*write)(struct stream *s, const void *buf, size_t n);
	/* Half close: the other side reads the end. May be NULL. */
	int (*shut)(struct stream *s);
	/* Which of STREAM_IN | STREAM_OUT to report; the others are always reported. */
	int (*want)(struct stream *s, unsigned events);
	/* Bytes written that no reader has read: moved into buf (at most n) and out of the stream. May be NULL. */
	ssize_t (*takeback)(struct stream *s, void *buf, size_t n);
	/* How many bytes are written and not read yet (FIONREAD). May be NULL: 0. */
	size_t (*unread)(struct stream *s);
	/* End the conversation by putting fresh ends in place: reader gets EOF, writer EPIPE. May be NULL. */
	int (*renew)(struct stream *s);
	void (*free)(struct stream *s);
};

/* First member of every implementation. */
struct stream {
	const struct stream_ops *ops;
	stream_fn *fn;
	void *ctx;
	bool reopens; /* read() == 0 is not the end for good */
};

/* Takes both fds (they may be the same) on success; makes them non-blocking. -1 for a side that is not there. */
struct stream *stream_of_fds(struct loop *l, int in_fd, int out_fd, struct err *e);

/* Who hears of readiness. Nothing is reported before this and stream_want(). */
void stream_on(struct stream *s, stream_fn *fn, void *ctx);
ssize_t stream_read(struct stream *s, void *buf, size_t n);
ssize_t stream_write(struct stream *s, const void *buf, size_t n);
int stream_shut(struct stream *s);
int stream_want(struct stream *s, unsigned events);
ssize_t stream_takeback(struct stream *s, void *buf, size_t n);
size_t stream_unread(struct stream *s);
int stream_renew(struct stream *s);
void stream_free(struct stream *s);

#endif
