/* SPDX-License-Identifier: MIT */
/*
 * fifo_make: the two names `in` and `out` on the disk: made, opened, owned, replaced, removed; everything by descriptor.
 * Owns:    its duplicate of the directory's descriptor.
 * Used by: fifo.c. Loop: none.
 */
#ifndef STDIO_FIFO_MAKE_H
#define STDIO_FIFO_MAKE_H

#include "stdio/fifo.h"

struct fifo_place {
	int dir_fd; /* owned */
	char *path; /* owned; for messages */
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

int fifo_place_init(struct fifo_place *p, const struct fifo_params *from, struct err *e);
void fifo_place_done(struct fifo_place *p);

/* One end of a FIFO that is there, non-blocking; -errno; -ENXIO for what is no FIFO. */
int fifo_open_end(const struct fifo_place *p, const char *name, int flags);
/* The read end of `name`, which is made if it is not there. Non-negative, or -errno and e. */
int fifo_make_in(const struct fifo_place *p, const char *name, struct err *e);
/* Both pipes, empty, and our end of each. */
int fifo_make_pair(const struct fifo_place *p, int *ret_in, int *ret_out, struct err *e);
/* A fresh pair in place of the old one, in one step each. */
int fifo_make_fresh(const struct fifo_place *p, int *ret_in, int *ret_out);
void fifo_unmake(const struct fifo_place *p);

#endif
