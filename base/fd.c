/* SPDX-License-Identifier: MIT */
#include "base/fd.h"

#include "base/cleanup.h"
#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int fd_pipe(int ret_fds[2], int ours_nonblock)
{
	int fds[2];
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	if (ours_nonblock >= 0) {
		int r = fd_set_nonblock(fds[ours_nonblock], true);
		if (r < 0) {
			close_fd(&fds[0]);
			close_fd(&fds[1]);
			return r;
		}
	}
	ret_fds[0] = fds[0];
	ret_fds[1] = fds[1];
	return 0;
}

int fd_set_nonblock(int fd, bool nonblock)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0)
		return -errno;
	int want = nonblock ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	if (want != flags && fcntl(fd, F_SETFL, want) < 0)
		return -errno;
	return 0;
}

ssize_t fd_read(int fd, void *buf, size_t n)
{
	for (;;) {
		ssize_t r = read(fd, buf, n);
		if (r >= 0)
			return r;
		if (errno != EINTR)
			return -errno;
	}
}

ssize_t fd_write(int fd, const void *buf, size_t n)
{
	for (;;) {
		ssize_t r = write(fd, buf, n);
		if (r >= 0)
			return r;
		if (errno != EINTR)
			return -errno;
	}
}

int fd_write_all(int fd, const void *buf, size_t n)
{
	const char *p = buf;
	while (n > 0) {
		ssize_t r = fd_write(fd, p, n);
		if (r < 0)
			return (int)r;
		p += r;
		n -= (size_t)r;
	}
	return 0;
}

/* What is no pipe has an end, or says so. */
static bool is_pipe(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

static int read_file(const char *path, bool may_wait, size_t max, char **ret, size_t *ret_len,
		     struct err *e)
{
	int mode = may_wait ? 0 : O_NONBLOCK;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | mode);
	if (fd < 0) {
		int code = -errno;
		return err_set(e, code, "cannot open %s: %s", path, strerror(-code));
	}
	if (!may_wait && is_pipe(fd))
		return err_set(e, -EINVAL,
			       "cannot read %s: it is a pipe, which may never end; name a file",
			       path);
	_cleanup_free_ char *data = NULL;
	size_t len = 0, cap = 0;
	for (;;) {
		if (len + 1 >= cap) {
			cap = cap ? cap * 2 : 4096;
			char *bigger = realloc(data, cap);
			if (!bigger)
				return err_oom(e);
			data = bigger;
		}
		ssize_t n = fd_read(fd, data + len, cap - len - 1);
		if (n < 0)
			return err_set(e, (int)n, "cannot read %s: %s", path, strerror((int)-n));
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max)
			return err_set(e, -EFBIG, "%s is larger than %zu bytes", path, max);
	}
	data[len] = '\0';
	if (ret_len)
		*ret_len = len;
	*ret = take_ptr(&data);
	return 0;
}

int fd_read_file(const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	return read_file(path, false, max, ret, ret_len, e);
}

int fd_read_pipe(const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	return read_file(path, true, max, ret, ret_len, e);
}
