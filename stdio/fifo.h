/* SPDX-License-Identifier: MIT */
/*
 * fifo: an agent's end: a pair of named pipes in one directory, as a base/stream whose ends come and go.
 * Why it is so: docs/architecture.md ("Why it is so"). In short: `in` is held by a read end only, `out` by a
 * write end only, both non-blocking; EPOLLHUP on `in` = writers gone: a fresh read fd is taken before the old one is closed;
 * `out` is in epoll only while a reader is there, so that its EPOLLERR (the last reader left) comes once; that a reader
 * or writer came is told by inotify, or by a 100 ms timer while output waits where inotify cannot be had.
 * read() == 0 means "the last writer left" (stream.reopens is true); write() without a reader is -EAGAIN.
 * Needs SIGPIPE ignored: a reader may leave at any moment.
 * Source: fifo(7), inotify(7), pipe(7).
 */
#ifndef STDIO_FIFO_H
#define STDIO_FIFO_H

#include <stdbool.h>
#include <sys/types.h>

struct err;
struct fifo_set;
struct loop;
struct stream;

/* One inotify descriptor for all pipes of the program. Without inotify it works too, by timer. */
struct fifo_set *fifo_set_new(struct loop *l, struct err *e);
/* After all its fifos, and never from one of their callbacks. */
void fifo_set_free(struct fifo_set *set);

struct fifo_params {
	int dir_fd; /* <runtime_dir>/<agent>/<server>; borrowed during the call, duplicated inside */
	const char *path; /* for messages; copied */
	uid_t uid;	  /* (uid_t)-1 and (gid_t)-1: left as they are */
	gid_t gid;
	mode_t mode;
	/*
	 * A second program opened `in` to write (or `out` to read) while another has it: at most once until all have
	 * left, and as far as the kernel tells. May be NULL. May not free the stream.
	 */
	void (*on_crowd)(void *ctx, bool is_writer);
	void *ctx;
};
/*
 * Makes `in` and `out` (a FIFO that is there is used again, anything else is refused), sets owner and mode by fd.
 * Bytes that lie in a FIFO from an earlier life are thrown away.
 */
struct stream *fifo_open(struct fifo_set *set, const struct fifo_params *p, struct err *e);
/* Both names go away when the stream is freed, unless this says to keep them. */
void fifo_keep(struct stream *fifo);

/* Writers and readers other than us, as far as the kernel tells. */
bool fifo_has_reader(const struct stream *fifo);

#endif
