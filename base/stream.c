/* SPDX-License-Identifier: MIT */
#include "base/stream.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

struct fd_stream {
	struct stream base;
	int in_fd, out_fd;		/* owned; equal when one socket serves both */
	struct loop_io *in_io, *out_io; /* out_io is NULL for one fd */
};

static ssize_t fds_read(struct stream *s, void *buf, size_t n)
{
	struct fd_stream *f = (struct fd_stream *)s;
	if (f->in_fd < 0)
		return 0;
	return fd_read(f->in_fd, buf, n);
}

static ssize_t fds_write(struct stream *s, const void *buf, size_t n)
{
	struct fd_stream *f = (struct fd_stream *)s;
	if (f->out_fd < 0)
		return -EPIPE;
	return fd_write(f->out_fd, buf, n);
}

static int fds_shut(struct stream *s)
{
	struct fd_stream *f = (struct fd_stream *)s;
	if (f->out_fd < 0)
		return 0;
	if (f->out_fd == f->in_fd)
		return shutdown(f->out_fd, SHUT_WR) < 0 ? -errno : 0;
	loop_io_free(take_ptr(&f->out_io));
	close_fd(&f->out_fd);
	return 0;
}

static int fds_want(struct stream *s, unsigned events)
{
	struct fd_stream *f = (struct fd_stream *)s;
	unsigned in = (events & STREAM_IN) ? LOOP_IN : 0;
	unsigned out = (events & STREAM_OUT) ? LOOP_OUT : 0;
	if (f->in_io && f->in_fd == f->out_fd)
		return loop_io_want(f->in_io, in | out);
	int r = f->in_io ? loop_io_want(f->in_io, in) : 0;
	int w = f->out_io ? loop_io_want(f->out_io, out) : 0;
	return r < 0 ? r : w;
}

static void fds_free(struct stream *s)
{
	struct fd_stream *f = (struct fd_stream *)s;
	loop_io_free(f->in_io);
	loop_io_free(f->out_io);
	if (f->out_fd == f->in_fd)
		f->out_fd = -1;
	close_fd(&f->in_fd);
	close_fd(&f->out_fd);
	free(f);
}

static const struct stream_ops fds_ops = {
	.read = fds_read,
	.write = fds_write,
	.shut = fds_shut,
	.want = fds_want,
	.free = fds_free,
};

static void in_ready(void *ctx, unsigned ready)
{
	struct fd_stream *f = ctx;
	unsigned ev = (ready & (LOOP_IN | LOOP_HUP | LOOP_ERR)) ? STREAM_IN : 0U;
	if (f->in_fd == f->out_fd && (ready & (LOOP_OUT | LOOP_HUP | LOOP_ERR)))
		ev |= STREAM_OUT;
	f->base.fn(f->base.ctx, ev);
}

static void out_ready(void *ctx, unsigned ready)
{
	(void)ready;
	struct fd_stream *f = ctx;
	f->base.fn(f->base.ctx, STREAM_OUT);
}

struct stream *stream_of_fds(struct loop *l, int in_fd, int out_fd, struct err *e)
{
	struct fd_stream *f = calloc(1, sizeof(*f));
	if (!f) {
		err_oom(e);
		return NULL;
	}
	f->base.ops = &fds_ops;
	f->in_fd = f->out_fd = -1;
	if (in_fd >= 0 && !(f->in_io = loop_io_new(l, in_fd, 0, in_ready, f, e)))
		goto fail;
	if (out_fd >= 0 && out_fd != in_fd &&
	    !(f->out_io = loop_io_new(l, out_fd, 0, out_ready, f, e)))
		goto fail;
	if (in_fd >= 0)
		(void)fd_set_nonblock(in_fd, true); /* fails on no open fd */
	if (out_fd >= 0)
		(void)fd_set_nonblock(out_fd, true);
	f->in_fd = in_fd;
	f->out_fd = out_fd;
	return &f->base;
fail:
	fds_free(&f->base);
	return NULL;
}

void stream_on(struct stream *s, stream_fn *fn, void *ctx)
{
	s->fn = fn;
	s->ctx = ctx;
}

ssize_t stream_read(struct stream *s, void *buf, size_t n)
{
	return s->ops->read(s, buf, n);
}

ssize_t stream_write(struct stream *s, const void *buf, size_t n)
{
	return s->ops->write(s, buf, n);
}

int stream_shut(struct stream *s)
{
	return s->ops->shut ? s->ops->shut(s) : -ENOTSUP;
}

int stream_want(struct stream *s, unsigned events)
{
	return s->ops->want(s, events);
}

ssize_t stream_takeback(struct stream *s, void *buf, size_t n)
{
	return s->ops->takeback ? s->ops->takeback(s, buf, n) : 0;
}

size_t stream_unread(struct stream *s)
{
	return s->ops->unread ? s->ops->unread(s) : 0;
}

int stream_renew(struct stream *s)
{
	return s->ops->renew ? s->ops->renew(s) : -ENOTSUP;
}

void stream_free(struct stream *s)
{
	if (s)
		s->ops->free(s);
}
