/* SPDX-License-Identifier: MIT */
#include "supervisor/child.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/stream.h"
#include "supervisor/reap.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum { STDERR_BUDGET = 4, STDERR_CHUNK = 16384 };

struct child {
	struct supervisor *sv;
	struct child_cb cb;
	void *ctx;
	pid_t pid; /* 0: reaped */
	int status;
	int err_fd; /* owned */
	struct loop_io *err_io;
	struct loop_timer *told;
	bool is_round_over;
};

static void read_stderr(void *ctx, unsigned ready)
{
	(void)ready;
	struct child *c = ctx;
	char bytes[STDERR_CHUNK];
	for (int i = 0; i < STDERR_BUDGET; i++) {
		ssize_t n = fd_read(c->err_fd, bytes, sizeof(bytes));
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			loop_io_free(take_ptr(&c->err_io));
			close_fd(&c->err_fd);
			return;
		}
		c->cb.on_stderr(c->ctx, bytes, (size_t)n);
	}
}

static void tell_exit(void *ctx)
{
	struct child *c = ctx;
	/* The round that brought SIGCHLD may have asked epoll before the last words were written: one more, whole. */
	if (!c->is_round_over) {
		c->is_round_over = true;
		loop_timer_at(c->told, 0);
		return;
	}
	if (c->err_io)
		read_stderr(c, LOOP_IN);
	c->cb.on_exit(c->ctx, c->status);
}

static void reaped(void *ctx, pid_t pid, int status)
{
	struct child *c = ctx;
	c->pid = 0;
	c->status = status;
	(void)kill(-pid, SIGKILL); /* what it left behind in its group; usually nothing */
	loop_timer_at(c->told, 0);
}

struct child *child_new(struct supervisor *sv, const struct spawn_params *p,
			const struct child_cb *cb, void *ctx, struct stream **ret_stdio,
			struct err *e)
{
	struct child *c = calloc(1, sizeof(*c));
	if (!c || !(c->told = loop_timer_new(sv->loop, tell_exit, c))) {
		free(c);
		err_oom(e);
		return NULL;
	}
	c->sv = sv;
	c->cb = *cb;
	c->ctx = ctx;
	c->err_fd = -1;
	struct spawned sp;
	if (spawn(p, &sp, e) < 0) {
		loop_timer_free(c->told);
		free(c);
		return NULL;
	}
	c->pid = sp.pid;
	c->err_fd = sp.err_fd;
	struct stream *stdio = NULL;
	c->err_io = loop_io_new(sv->loop, c->err_fd, LOOP_IN, read_stderr, c, e);
	if (c->err_io)
		stdio = stream_of_fds(sv->loop, sp.out_fd, sp.in_fd, e);
	if (!stdio || reap_watch(sv->reap, c->pid, reaped, c) < 0) {
		if (stdio) {
			err_oom(e);
			stream_free(stdio);
		} else {
			close_fd(&sp.in_fd);
			close_fd(&sp.out_fd);
		}
		child_free(c);
		return NULL;
	}
	*ret_stdio = stdio;
	return c;
}

void child_signal(struct child *c, int signo)
{
	if (c->pid)
		(void)kill(-c->pid, signo); /* gone already is fine */
}

void child_free(struct child *c)
{
	if (!c)
		return;
	child_signal(c, SIGKILL);
	if (c->pid)
		reap_forget(c->sv->reap, c->pid);
	loop_io_free(c->err_io);
	close_fd(&c->err_fd);
	loop_timer_free(c->told);
	free(c);
}

pid_t child_pid(const struct child *c)
{
	return c->pid;
}

int child_signal_of(const char *name)
{
	if (*name >= '0' && *name <= '9') {
		int n = atoi(name); /* checked by the range below */
		return n > 0 && n < NSIG ? n : 0;
	}
	if (strncasecmp(name, "SIG", 3) == 0)
		name += 3;
	for (int n = 1; n < NSIG; n++) {
		const char *abbrev = sigabbrev_np(n);
		if (abbrev && strcasecmp(abbrev, name) == 0)
			return n;
	}
	return 0;
}
