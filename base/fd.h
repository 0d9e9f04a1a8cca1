/* SPDX-License-Identifier: MIT */
/*
 * fd: descriptors that are close-on-exec from birth, and small reads and writes that retry EINTR.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct err;

/* A pipe, both ends CLOEXEC; ours_nonblock also makes the end named by it non-blocking (0 read, 1 write, -1 none). */
int fd_pipe(int ret_fds[2], int ours_nonblock);
int fd_set_nonblock(int fd, bool nonblock);
/* read(2)/write(2) that retry EINTR; -errno instead of -1. */
ssize_t fd_read(int fd, void *buf, size_t n);
ssize_t fd_write(int fd, const void *buf, size_t n);
/* Writes all n bytes to a blocking fd; 0 or -errno. */
int fd_write_all(int fd, const void *buf, size_t n);
/*
 * A whole file of at most max bytes, NUL-terminated; the caller frees *ret. The sentence names the path. Pipes are
 * refused, since nobody knows when their end comes; fd_read_pipe() waits for it: not from the loop.
 */
int fd_read_file(const char *path, size_t max, char **ret, size_t *ret_len, struct err *e);
int fd_read_pipe(const char *path, size_t max, char **ret, size_t *ret_len, struct err *e);

#endif
