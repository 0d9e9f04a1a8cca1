/* SPDX-License-Identifier: MIT */
/*
 * fifo: an agent's end: a pair of named pipes in one directory, as a base/stream whose ends come and go.
 * Semantics and why they are so: design section 5 ("How"). In short: `in` is held by a read end only, `out` by a write
 * end only, both non-blocking; EPOLLHUP on `in` = writers gone: a fresh read fd is taken before the old one is closed;
 * `out` is in epoll only while output is pending and a reader is there; readers are seen by inotify, or by a 100 ms
 * timer while output waits where inotify cannot be had.
 * read() == 0 means "the last writer left" (stream.reopens is true); write() without a reader is -EAGAIN.
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

/* One inotify descriptor for all pipes of the program. */
struct fifo_set *fifo_set_new(struct loop *l, struct err *e);
void fifo_set_free(struct fifo_set *set);

struct fifo_params {
	int dir_fd; /* <runtime_dir>/<agent>/<server>; borrowed during the call, duplicated inside */
	const char *path; /* for messages; copied */
	uid_t uid;
	gid_t gid;
	mode_t mode;
};
/* Makes `in` and `out` (a FIFO that is there is used again, anything else is refused), sets owner and mode by fd. */
struct stream *fifo_open(struct fifo_set *set, const struct fifo_params *p, struct err *e);
/* Both names go away when the stream is freed, unless this says to keep them. */
void fifo_keep(struct stream *fifo);

/* Writers and readers other than us, as far as the kernel tells. */
bool fifo_has_reader(const struct stream *fifo);

#endif
