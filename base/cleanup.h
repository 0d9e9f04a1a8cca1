/* SPDX-License-Identifier: MIT */
/*
 * cleanup: locals that give back what they hold when they go out of scope.
 * take_fd() and take_ptr() make a hand-over visible: the local no longer holds it.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* nothing can be done about a failed close */
}

#define _cleanup_free_	__attribute__((cleanup(cleanup_free)))
#define _cleanup_close_ __attribute__((cleanup(cleanup_close)))

static inline int take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

static inline void *take_ptr_(void *p)
{
	void **from = p;
	void *taken = *from;
	*from = NULL;
	return taken;
}

/* take_ptr(&p): the pointer that p held; p is NULL afterwards. */
#define take_ptr(p) ((__typeof__(*(p)))take_ptr_(p))

/* Closes *fd, if any, and marks it closed at once. */
static inline void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

#endif
