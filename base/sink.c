/* SPDX-License-Identifier: MIT */
#include "base/sink.h"

#include "base/cleanup.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

void sink_open(struct sink *s, int fd)
{
	*s = (struct sink){ .fd = fd, .own_fd = -1, .way = SINK_PLAIN };
	struct stat st;
	if (fstat(fd, &st) < 0)
		return;
	if (S_ISSOCK(st.st_mode)) {
		s->way = SINK_SOCKET;
	} else if (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)) {
		char path[32];
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd); /* always fits */
		s->own_fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
		s->way = s->own_fd >= 0 ? SINK_OWN : SINK_NOWAIT;
	}
}

static ssize_t write_socket(int fd, const void *bytes, size_t n)
{
	for (;;) {
		ssize_t r = send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (r >= 0)
			return r;
		if (errno != EINTR)
			return -errno;
	}
}

static ssize_t write_nowait(int fd, const void *bytes, size_t n)
{
	struct iovec iov = { .iov_base = (void *)bytes, .iov_len = n };
	for (;;) {
		ssize_t r = pwritev2(fd, &iov, 1, -1, RWF_NOWAIT);
		if (r >= 0)
			return r;
		if (errno != EINTR)
			return -errno;
	}
}

static ssize_t write_polled(int fd, const void *bytes, size_t n)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	if (poll(&p, 1, 0) <= 0)
		return -EAGAIN;
	if (p.revents & (POLLERR | POLLNVAL))
		return -EPIPE;
	if (!(p.revents & POLLOUT))
		return -EAGAIN;
	return fd_write(fd, bytes, n < PIPE_BUF ? n : PIPE_BUF);
}

ssize_t sink_write(struct sink *s, const void *bytes, size_t n)
{
	switch (s->way) {
	case SINK_SOCKET:
		return write_socket(s->fd, bytes, n);
	case SINK_OWN:
		return fd_write(s->own_fd, bytes, n);
	case SINK_NOWAIT: {
		ssize_t r = write_nowait(s->fd, bytes, n);
		if (r != -EOPNOTSUPP && r != -EINVAL && r != -ENOSYS)
			return r;
		s->way = SINK_POLL;
		return write_polled(s->fd, bytes, n);
	}
	case SINK_POLL:
		return write_polled(s->fd, bytes, n);
	case SINK_PLAIN:
		break;
	}
	return fd_write(s->fd, bytes, n);
}

int sink_fd(const struct sink *s)
{
	return s->way == SINK_OWN ? s->own_fd : s->fd;
}

void sink_close(struct sink *s)
{
	if (s->way == SINK_OWN)
		close_fd(&s->own_fd);
	*s = (struct sink){ .fd = -1, .own_fd = -1 };
}
