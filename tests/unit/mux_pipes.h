/* SPDX-License-Identifier: MIT */
/* An agent of the scripted mux on a real pair of pipes, whose other ends the test opens and closes. */
#ifndef TESTS_MUX_PIPES_H
#define TESTS_MUX_PIPES_H

#include "stdio/fifo.h"
#include "tests/unit/mux_rig.h"

#include <fcntl.h>
#include <sys/stat.h>

struct pipes {
	struct fifo_set *set;
	char dir[64];
	int dir_fd;
	struct mux_agent *agent;
};

static UNUSED void pipes_open(struct rig *r, struct pipes *p)
{
	strcpy(p->dir, "/tmp/mux-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(p->dir));
	p->dir_fd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	p->set = fifo_set_new(r->loop, NULL);
	struct fifo_params fp = {
		.dir_fd = p->dir_fd, .path = p->dir, .uid = getuid(), .gid = getgid(), .mode = 0600
	};
	struct err e;
	struct stream *s = fifo_open(p->set, &fp, &e);
	ck_assert_msg(s != NULL, "%s", e.text);
	struct mux_agent_params ap = { .agent = "default", .kind = MUX_PIPES };
	p->agent = mux_agent_new(r->mux, s, &ap, NULL);
	ck_assert_ptr_nonnull(p->agent);
	spin(r);
}

static UNUSED void pipes_done(struct rig *r, struct pipes *p)
{
	mux_free(r->mux);
	r->mux = NULL;
	fifo_set_free(p->set);
	close(p->dir_fd);
	rmdir(p->dir);
}

static UNUSED int pipe_end(const struct pipes *p, const char *name, int flags)
{
	int fd = openat(p->dir_fd, name, flags | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static UNUSED void put(struct rig *r, int fd, const char *line)
{
	ck_assert_int_eq(write(fd, line, strlen(line)), (ssize_t)strlen(line));
	ck_assert_int_eq(write(fd, "\n", 1), 1);
	spin(r);
}

#endif
