/* SPDX-License-Identifier: MIT */
#include "stdio/fifo.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/stream.h"
#include "stdio/fifo_make.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

enum { TICK_MS = 100, READS_PER_WAKE = 16 };

/*
 * How many programs hold one of the pipes, by inotify, which merges equal events: a lower bound. Our own opens are reported,
 * too, but each with its close: once all that happened has been read they do not count.
 */
struct crowd {
	int wd; /* -1: inotify could not be had */
	unsigned n;
	bool is_told;
};

struct fifo_set {
	struct loop *loop;
	int inotify_fd;	  /* owned; -1: not to be had */
	int probe_fds[2]; /* owned; a pipe for has_writer() to peek into */
	struct loop_io *io;
	struct loop_timer *timer;
	struct fifo *fifos;
};

struct fifo {
	struct stream base;
	struct fifo_set *set;
	struct fifo *prev, *next;
	struct fifo_place place; /* owned */
	void (*on_crowd)(void *ctx, bool is_writer);
	void *crowd_ctx;
	int in_fd, out_fd; /* owned */
	struct loop_io *in_io, *out_io;
	struct crowd writers, readers;
	unsigned wanted;
	bool has_reader;
	bool has_writer; /* or had: then a read of 0 bytes is the end, else nobody was there yet */
	bool is_stuck;	 /* a fresh descriptor, or epoll, was not to be had: tried again by timer */
	bool is_due;	 /* to be looked at before any event about it is believed */
	bool is_kept;
};

/* --- who is there --------------------------------------------------------------------------- */

static bool has_reader(const struct fifo *f)
{
	struct pollfd p = { .fd = f->out_fd };
	return poll(&p, 1, 0) < 0 || !(p.revents & POLLERR);
}

/* read() would tell a writer (EAGAIN) from none (0), but might take a byte; tee() copies instead. */
static bool has_writer(const struct fifo *f)
{
	int bytes = 0;
	if (ioctl(f->in_fd, FIONREAD, &bytes) == 0 && bytes > 0)
		return true;
	ssize_t n = tee(f->in_fd, f->set->probe_fds[1], 1, SPLICE_F_NONBLOCK);
	if (n < 0)
		return errno == EAGAIN;
	char copied;
	if (n > 0)
		(void)fd_read(f->set->probe_fds[0], &copied, 1); /* only to make room */
	return n > 0;
}

static void nobody_left(struct crowd *c)
{
	c->n = 0;
	c->is_told = false;
}

/* --- what is watched ------------------------------------------------------------------------ */

static bool needs_tick(const struct fifo *f)
{
	bool is_blind = (f->wanted & STREAM_OUT) && !f->has_reader && f->readers.wd < 0;
	return f->is_stuck || is_blind;
}

static void tick_in(struct fifo_set *set, int64_t ms)
{
	if (ms == 0 || !loop_timer_is_armed(set->timer))
		loop_timer_in(set->timer, ms);
}

static void watch_io(struct fifo *f)
{
	/* On a write end LOOP_IN stands for "errors only": the last reader left. */
	unsigned in = (f->wanted & STREAM_IN) && !f->is_stuck ? LOOP_IN : 0U;
	unsigned out = !f->has_reader		  ? 0U
		       : (f->wanted & STREAM_OUT) ? LOOP_IN | LOOP_OUT
						  : LOOP_IN;
	int r = loop_io_want(f->in_io, in);
	int w = loop_io_want(f->out_io, out);
	if (r < 0 || w < 0)
		f->is_stuck = true;
	if (needs_tick(f))
		tick_in(f->set, TICK_MS);
}

static void watch_names(struct fifo *f, int in_fd, int out_fd)
{
	struct {
		struct crowd *crowd;
		int fd;
	} both[] = { { &f->writers, in_fd }, { &f->readers, out_fd } };
	for (size_t i = 0; i < 2; i++) {
		char path[64];
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", both[i].fd);
		int old = both[i].crowd->wd;
		int wd = inotify_add_watch(f->set->inotify_fd, path, IN_OPEN | IN_CLOSE);
		if (old >= 0 && old != wd)
			(void)inotify_rm_watch(f->set->inotify_fd,
					       old); /* gone with its inode else */
		*both[i].crowd = (struct crowd){ .wd = wd };
	}
}

static void report(struct fifo *f, unsigned ready)
{
	if (ready && f->base.fn)
		f->base.fn(f->base.ctx, ready);
}

static void in_ready(void *ctx, unsigned ready)
{
	(void)ready;
	struct fifo *f = ctx;
	if (f->is_due)
		return;
	unsigned came = f->has_writer ? 0U : STREAM_WRITER_CAME;
	f->has_writer = true;
	report(f, came | STREAM_IN);
}

static void out_ready(void *ctx, unsigned ready)
{
	struct fifo *f = ctx;
	if (f->is_due)
		return;
	if (!(ready & LOOP_ERR)) {
		report(f, STREAM_OUT);
		return;
	}
	f->has_reader = false;
	nobody_left(&f->readers);
	if (has_reader(f)) { /* the next one came just now, and inotify may have told so before */
		f->is_due = true;
		tick_in(f->set, 0);
	}
	watch_io(f);
	report(f, STREAM_READER_GONE);
}

/* Somebody may have come. The callback may free the fifo, so it comes last. */
static void look(struct fifo *f)
{
	unsigned came = 0;
	f->is_due = f->is_stuck = false;
	if (!f->has_reader && has_reader(f)) {
		f->has_reader = true;
		came |= STREAM_READER_CAME;
	}
	if (!f->has_writer && has_writer(f)) {
		f->has_writer = true;
		came |= STREAM_WRITER_CAME;
	}
	watch_io(f);
	report(f, came);
}

/* Callbacks may free any fifo of the set, so the search begins anew after each. */
static void look_at_due(struct fifo_set *set)
{
	for (struct fifo *f = set->fifos; f;) {
		if (f->is_due) {
			look(f);
			f = set->fifos;
		} else {
			f = f->next;
		}
	}
}

static void tick(void *ctx)
{
	struct fifo_set *set = ctx;
	for (struct fifo *f = set->fifos; f; f = f->next)
		f->is_due = f->is_due || needs_tick(f);
	look_at_due(set);
}

/* --- inotify -------------------------------------------------------------------------------- */

static void count(struct crowd *c, uint32_t mask)
{
	if (mask & IN_OPEN)
		c->n++;
	else if (c->n > 0)
		c->n--;
}

static void take_event(struct fifo_set *set, const struct inotify_event *ev)
{
	for (struct fifo *f = set->fifos; f; f = f->next) {
		bool is_in = f->writers.wd == ev->wd, is_out = f->readers.wd == ev->wd;
		bool is_lost = ev->mask & IN_Q_OVERFLOW;
		if ((is_in || is_out) && (ev->mask & (IN_OPEN | IN_CLOSE)))
			count(is_in ? &f->writers : &f->readers, ev->mask);
		if (is_lost || ((is_in || is_out) && (ev->mask & IN_OPEN)))
			f->is_due = true;
	}
}

static void tell_crowd(struct fifo *f, struct crowd *c)
{
	if (c->n <= 1 || c->is_told)
		return;
	c->is_told = true;
	if (f->on_crowd)
		f->on_crowd(f->crowd_ctx, c == &f->writers);
}

static void inotify_ready(void *ctx, unsigned ready)
{
	(void)ready;
	struct fifo_set *set = ctx;
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = 1;
	for (int i = 0; i < READS_PER_WAKE && n > 0; i++) {
		n = fd_read(set->inotify_fd, events, sizeof(events));
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *ev = (const void *)(events + at);
			take_event(set, ev);
			at += (ssize_t)(sizeof(*ev) + ev->len);
		}
	}
	for (struct fifo *f = set->fifos; f && n <= 0; f = f->next) {
		tell_crowd(f, &f->writers);
		tell_crowd(f, &f->readers);
	}
	look_at_due(set);
}

/* --- the stream ----------------------------------------------------------------------------- */

/*
 * The writers are gone. On the old descriptor EPOLLHUP would be reported without end; a fresh one is silent until
 * the next writer, and what that one may have written already lies in the pipe.
 */
static bool take_fresh_in(struct fifo *f)
{
	struct stat before, after;
	_cleanup_close_ int fd = fifo_make_in(&f->place, "in", NULL);
	if (fd < 0 || loop_io_want(f->in_io, 0) < 0 || fstat(f->in_fd, &before) < 0 ||
	    fstat(fd, &after) < 0 || dup3(fd, f->in_fd, O_CLOEXEC) < 0) {
		f->is_stuck = true;
		watch_io(f);
		return false;
	}
	f->has_writer = false;
	nobody_left(&f->writers);
	if (before.st_ino != after.st_ino) /* somebody had removed the name */
		watch_names(f, f->in_fd, f->out_fd);
	watch_io(f);
	return true;
}

static ssize_t fifo_read(struct stream *s, void *buf, size_t n)
{
	struct fifo *f = (struct fifo *)s;
	ssize_t r = fd_read(f->in_fd, buf, n);
	if (r != 0 || n == 0)
		return r;
	return f->has_writer && take_fresh_in(f) ? 0 : -EAGAIN;
}

static ssize_t fifo_write(struct stream *s, const void *buf, size_t n)
{
	struct fifo *f = (struct fifo *)s;
	if (!f->has_reader)
		return -EAGAIN;
	ssize_t r = fd_write(f->out_fd, buf, n);
	return r == -EPIPE ? -EAGAIN : r; /* epoll will tell that the reader is gone */
}

static int fifo_want(struct stream *s, unsigned events)
{
	struct fifo *f = (struct fifo *)s;
	f->wanted = events & (STREAM_IN | STREAM_OUT);
	watch_io(f);
	return 0;
}

static size_t fifo_unread(struct stream *s)
{
	struct fifo *f = (struct fifo *)s;
	int bytes = 0;
	return ioctl(f->out_fd, FIONREAD, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

static ssize_t fifo_takeback(struct stream *s, void *buf, size_t n)
{
	struct fifo *f = (struct fifo *)s;
	_cleanup_close_ int fd = fifo_open_end(&f->place, "out", O_RDONLY);
	if (fd < 0)
		return fd;
	ssize_t r = fd_read(fd, buf, n);
	return r == -EAGAIN ? 0 : r;
}

static int fifo_renew(struct stream *s)
{
	struct fifo *f = (struct fifo *)s;
	_cleanup_close_ int in_fd = -1, out_fd = -1;
	int r = fifo_make_fresh(&f->place, &in_fd, &out_fd);
	if (r < 0)
		return r;
	(void)loop_io_want(f->in_io, 0); /* taking out of epoll cannot fail */
	(void)loop_io_want(f->out_io, 0);
	if (dup3(in_fd, f->in_fd, O_CLOEXEC) < 0 || dup3(out_fd, f->out_fd, O_CLOEXEC) < 0)
		return -errno;
	watch_names(f, f->in_fd, f->out_fd);
	f->has_reader = f->has_writer = f->is_stuck = false;
	f->is_due = true; /* who opened between the rename and the watch */
	tick_in(f->set, 0);
	watch_io(f);
	return 0;
}

static void fifo_free(struct stream *s)
{
	struct fifo *f = (struct fifo *)s;
	struct fifo_set *set = f->set;
	loop_io_free(f->in_io);
	loop_io_free(f->out_io);
	if (f->writers.wd >= 0)
		(void)inotify_rm_watch(set->inotify_fd, f->writers.wd);
	if (f->readers.wd >= 0)
		(void)inotify_rm_watch(set->inotify_fd, f->readers.wd);
	if (f->prev)
		f->prev->next = f->next;
	else if (set->fifos == f)
		set->fifos = f->next;
	if (f->next)
		f->next->prev = f->prev;
	if (!f->is_kept)
		fifo_unmake(&f->place);
	close_fd(&f->in_fd);
	close_fd(&f->out_fd);
	fifo_place_done(&f->place);
	free(f);
}

static const struct stream_ops fifo_ops = {
	.read = fifo_read,
	.write = fifo_write,
	.want = fifo_want,
	.takeback = fifo_takeback,
	.unread = fifo_unread,
	.renew = fifo_renew,
	.free = fifo_free,
};

/* --- birth ---------------------------------------------------------------------------------- */

struct stream *fifo_open(struct fifo_set *set, const struct fifo_params *p, struct err *e)
{
	struct fifo *f = calloc(1, sizeof(*f));
	if (!f) {
		err_oom(e);
		return NULL;
	}
	f->base = (struct stream){ .ops = &fifo_ops, .reopens = true };
	f->set = set;
	f->in_fd = f->out_fd = f->writers.wd = f->readers.wd = -1;
	f->on_crowd = p->on_crowd;
	f->crowd_ctx = p->ctx;
	f->is_kept = true; /* what cannot be used is not ours to remove */
	if (fifo_place_init(&f->place, p, e) < 0 ||
	    fifo_make_pair(&f->place, &f->in_fd, &f->out_fd, e) < 0 ||
	    !(f->in_io = loop_io_new(set->loop, f->in_fd, 0, in_ready, f, e)) ||
	    !(f->out_io = loop_io_new(set->loop, f->out_fd, 0, out_ready, f, e))) {
		fifo_free(&f->base);
		return NULL;
	}
	f->is_kept = false;
	watch_names(f, f->in_fd, f->out_fd);
	f->next = set->fifos;
	if (f->next)
		f->next->prev = f;
	set->fifos = f;
	f->is_due = true; /* agents may have it open from an earlier life of ours */
	tick_in(set, 0);
	return &f->base;
}

void fifo_keep(struct stream *fifo)
{
	((struct fifo *)fifo)->is_kept = true;
}

bool fifo_has_reader(const struct stream *fifo)
{
	return ((const struct fifo *)fifo)->has_reader;
}

struct fifo_set *fifo_set_new(struct loop *l, struct err *e)
{
	struct fifo_set *set = calloc(1, sizeof(*set));
	if (!set) {
		err_oom(e);
		return NULL;
	}
	set->loop = l;
	set->probe_fds[0] = set->probe_fds[1] = -1;
	set->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	int r = fd_pipe(set->probe_fds, 0);
	if (r < 0) {
		err_set(e, r, "cannot make a pipe: %s", strerror(-r));
		goto fail;
	}
	if (set->inotify_fd >= 0 &&
	    !(set->io = loop_io_new(l, set->inotify_fd, LOOP_IN, inotify_ready, set, e)))
		goto fail;
	set->timer = loop_timer_new(l, tick, set);
	if (set->timer)
		return set;
	err_oom(e);
fail:
	fifo_set_free(set);
	return NULL;
}

void fifo_set_free(struct fifo_set *set)
{
	if (!set)
		return;
	loop_io_free(set->io);
	loop_timer_free(set->timer);
	close_fd(&set->inotify_fd);
	close_fd(&set->probe_fds[0]);
	close_fd(&set->probe_fds[1]);
	free(set);
}
