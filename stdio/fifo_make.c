/* SPDX-License-Identifier: MIT */
#include "stdio/fifo_make.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

/* Names of a pair that is being put in place; a leading dot is no name of ours that an agent would open. */
static const char fresh_in[] = ".in.fresh", fresh_out[] = ".out.fresh";

int fifo_place_init(struct fifo_place *p, const struct fifo_params *from, struct err *e)
{
	*p = (struct fifo_place){ .uid = from->uid, .gid = from->gid, .mode = from->mode };
	p->dir_fd = fcntl(from->dir_fd, F_DUPFD_CLOEXEC, 3);
	if (p->dir_fd < 0)
		return err_set(e, -errno, "cannot hold the directory %s: %s", from->path,
			       strerror(errno));
	p->path = strdup(from->path);
	return p->path ? 0 : err_oom(e);
}

void fifo_place_done(struct fifo_place *p)
{
	close_fd(&p->dir_fd);
	free(take_ptr(&p->path));
}

int fifo_open_end(const struct fifo_place *p, const char *name, int flags)
{
	_cleanup_close_ int fd =
		openat(p->dir_fd, name, flags | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return errno == ELOOP || errno == EISDIR ? -ENXIO : -errno;
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISFIFO(st.st_mode) ? take_fd(&fd) : -ENXIO;
}

static int refuse(const struct fifo_place *p, const char *name, int code, struct err *e)
{
	if (code == -ENXIO)
		return err_set(e, code,
			       "%s/%s is no named pipe; remove it, mcpinit makes it itself",
			       p->path, name);
	if (code == -EROFS || code == -EOPNOTSUPP || code == -ENOSYS)
		return err_set(e, code,
			       "cannot make the named pipe %s/%s: %s; put runtime_dir on a local, "
			       "writable file system (a named volume or a tmpfs)",
			       p->path, name, strerror(-code));
	return err_set(e, code, "cannot make the named pipe %s/%s: %s", p->path, name,
		       strerror(-code));
}

/* Owner first: a change of owner may take mode bits away. */
static int own(const struct fifo_place *p, const char *name, int fd, struct err *e)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return refuse(p, name, -errno, e);
	uid_t uid = p->uid == (uid_t)-1 ? st.st_uid : p->uid;
	gid_t gid = p->gid == (gid_t)-1 ? st.st_gid : p->gid;
	if ((uid != st.st_uid || gid != st.st_gid) && fchown(fd, uid, gid) < 0)
		return err_set(e, -errno, "cannot give %s/%s to user %u, group %u: %s", p->path,
			       name, (unsigned)uid, (unsigned)gid, strerror(errno));
	if ((st.st_mode & 07777) != p->mode && fchmod(fd, p->mode) < 0)
		return err_set(e, -errno, "cannot set the mode of %s/%s: %s", p->path, name,
			       strerror(errno));
	return 0;
}

int fifo_make_in(const struct fifo_place *p, const char *name, struct err *e)
{
	if (mkfifoat(p->dir_fd, name, 0600) < 0 && errno != EEXIST)
		return refuse(p, name, -errno, e);
	_cleanup_close_ int fd = fifo_open_end(p, name, O_RDONLY);
	if (fd < 0)
		return refuse(p, name, fd, e);
	int r = own(p, name, fd, e);
	return r < 0 ? r : take_fd(&fd);
}

/* What lies in the pipe now and no byte more: a writer that waited for us may write already. */
static void empty(int fd)
{
	int left = 0;
	char sink[4096];
	if (ioctl(fd, FIONREAD, &left) < 0)
		return;
	while (left > 0) {
		size_t n = (size_t)left < sizeof(sink) ? (size_t)left : sizeof(sink);
		ssize_t r = fd_read(fd, sink, n);
		if (r <= 0)
			return;
		left -= (int)r;
	}
}

/* A write end can only be had while there is a reader: ours, for a moment. */
static int make_out(const struct fifo_place *p, const char *name, struct err *e)
{
	_cleanup_close_ int reader = fifo_make_in(p, name, e);
	if (reader < 0)
		return reader;
	empty(reader);
	int fd = fifo_open_end(p, name, O_WRONLY);
	return fd < 0 ? refuse(p, name, fd, e) : fd;
}

int fifo_make_pair(const struct fifo_place *p, int *ret_in, int *ret_out, struct err *e)
{
	_cleanup_close_ int in_fd = fifo_make_in(p, "in", e);
	if (in_fd < 0)
		return in_fd;
	empty(in_fd);
	int out_fd = make_out(p, "out", e);
	if (out_fd < 0)
		return out_fd;
	*ret_in = take_fd(&in_fd);
	*ret_out = out_fd;
	return 0;
}

int fifo_make_fresh(const struct fifo_place *p, int *ret_in, int *ret_out)
{
	(void)unlinkat(p->dir_fd, fresh_in, 0); /* left by an earlier life, if at all */
	(void)unlinkat(p->dir_fd, fresh_out, 0);
	_cleanup_close_ int in_fd = fifo_make_in(p, fresh_in, NULL);
	if (in_fd < 0)
		return in_fd;
	_cleanup_close_ int out_fd = make_out(p, fresh_out, NULL);
	if (out_fd < 0)
		return out_fd;
	if (renameat(p->dir_fd, fresh_in, p->dir_fd, "in") < 0 ||
	    renameat(p->dir_fd, fresh_out, p->dir_fd, "out") < 0)
		return -errno;
	*ret_in = take_fd(&in_fd);
	*ret_out = take_fd(&out_fd);
	return 0;
}

void fifo_unmake(const struct fifo_place *p)
{
	static const char *const names[] = { "in", "out", fresh_in, fresh_out };
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		(void)unlinkat(p->dir_fd, names[i], 0); /* what is not there is fine */
}
