/* SPDX-License-Identifier: MIT */
/*
 * sink: writes that never block on a descriptor which is shared with others, so that its flags must stay as they are
 * (stderr, stdout: other processes hold the same description).
 * How:    a socket by MSG_DONTWAIT; a pipe or terminal by a description of our own, else by RWF_NOWAIT, else by poll and
 *         pieces of PIPE_BUF, which a pipe that polls writable always takes whole; a regular file as it is.
 * Owns:   the description it opened, not fd. The program ignores SIGPIPE.
 * Source: pipe(7), pwritev2(2), proc(5) on /proc/self/fd.
 * Used by: log.c, mcpctl/connect.c. Loop: none.
 */
#ifndef BASE_SINK_H
#define BASE_SINK_H

#include <stddef.h>
#include <sys/types.h>

enum sink_way { SINK_PLAIN, SINK_SOCKET, SINK_OWN, SINK_NOWAIT, SINK_POLL };

struct sink {
	int fd;	    /* borrowed */
	int own_fd; /* owned; -1 unless way is SINK_OWN */
	enum sink_way way;
};

/* Chooses the way for fd, which stays the caller's. Cannot fail: SINK_POLL works for whatever is writable. */
void sink_open(struct sink *s, int fd);
/* Bytes taken (> 0), -EAGAIN, or -errno. */
ssize_t sink_write(struct sink *s, const void *bytes, size_t n);
/* What to poll for POLLOUT after -EAGAIN. */
int sink_fd(const struct sink *s);
/* Lets go of what sink_open() made; the sink is then as good as never opened. */
void sink_close(struct sink *s);

#endif
