/* SPDX-License-Identifier: MIT */
/*
 * fifo_rig: a chan on a pair of named pipes in a directory of its own, what it heard, and the agent at the other end.
 */
#ifndef TESTS_UNIT_FIFO_RIG_H
#define TESTS_UNIT_FIFO_RIG_H

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/stream.h"
#include "stdio/chan.h"
#include "stdio/fifo.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool has_no_inotify;
static struct loop *loop;
static struct fifo_set *set;
static struct chan *chan;
static char dir[64];
static int dir_fd;
static char heard[1024]; /* "line|", "!" too long, "~" torn, "." end */
static bool echoes;
static char free_on;
static bool renews; /* on the first line */
static int crowds[2];

static inline void hear(char what)
{
	size_t at = strlen(heard);
	if (at + 2 < sizeof(heard)) {
		heard[at] = what;
		heard[at + 1] = '\0';
	}
	if (free_on == what) {
		chan_free(chan);
		chan = NULL;
	}
}

static inline int send_text(const char *text)
{
	struct iovec part = { .iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text) };
	return chan_send(chan, &part, 1);
}

static inline void on_line(void *ctx, const char *line, size_t len)
{
	(void)ctx;
	if (strlen(heard) + len + 2 < sizeof(heard))
		strncat(heard, line, len);
	if (echoes) {
		struct iovec part = { .iov_base = (void *)(uintptr_t)line, .iov_len = len };
		ck_assert_int_eq(chan_send(chan, &part, 1), 0);
	}
	if (renews)
		ck_assert_int_eq(chan_renew(chan), 0);
	hear('|');
}

static inline void on_bad(void *ctx, enum chan_bad what, size_t len)
{
	(void)ctx;
	(void)len;
	hear(what == CHAN_TOO_LONG ? '!' : '~');
}

static inline void on_end(void *ctx)
{
	(void)ctx;
	hear('.');
}

static inline void on_peer(void *ctx)
{
	(void)ctx;
	if (free_on == 'p')
		hear('p');
}

static inline void on_crowd(void *ctx, bool is_writer)
{
	(void)ctx;
	crowds[is_writer]++;
}

static inline struct stream *open_fifo(struct err *e)
{
	struct fifo_params p = {
		.dir_fd = dir_fd,
		.path = dir,
		.uid = (uid_t)-1,
		.gid = (gid_t)-1,
		.mode = 0600,
		.on_crowd = on_crowd,
	};
	return fifo_open(set, &p, e);
}

static inline void open_chan(void)
{
	struct err e = { 0 };
	struct stream *s = open_fifo(&e);
	ck_assert_msg(s != NULL, "%s", e.text);
	struct chan_params p = {
		.loop = loop,
		.max_message = 64 << 20,
		.cb = { on_line, on_bad, on_end, on_peer, NULL },
	};
	chan = chan_new(s, &p, NULL);
	ck_assert_ptr_nonnull(chan);
}

static inline void fifo_setup(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	snprintf(dir, sizeof(dir), "/tmp/test_fifo.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	loop = loop_new(NULL);
	set = fifo_set_new(loop, NULL);
	ck_assert_ptr_nonnull(set);
	open_chan();
}

static inline void fifo_teardown(void)
{
	chan_free(chan);
	fifo_set_free(set);
	loop_free(loop);
	close(dir_fd);
	ck_assert_msg(rmdir(dir) == 0, "%s is not empty: a name was left behind", dir);
}

static inline void done(void *ctx)
{
	*(bool *)ctx = true;
}

/* Runs the loop for so long; how many rounds it woke up. */
static inline int run_ms(int64_t ms)
{
	bool is_over = false;
	struct loop_timer *t = loop_timer_new(loop, done, &is_over);
	loop_timer_in(t, ms);
	int n = -1; /* the timer's own */
	while (!is_over) {
		loop_round(loop, true);
		n++;
	}
	loop_timer_free(t);
	return n;
}

/* Until nothing more happens. */
static inline void settle(void)
{
	for (int i = 0; i < 8; i++)
		loop_round(loop, false);
	if (has_no_inotify)
		run_ms(250);
}

static inline int agent_opens(const char *name, int flags)
{
	int fd = openat(dir_fd, name, flags | O_NONBLOCK | O_CLOEXEC);
	ck_assert_msg(fd >= 0, "%s: %s", name, strerror(errno));
	return fd;
}

static inline void say(int fd, const char *text)
{
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* What the agent reads now, as text. */
static inline const char *agent_reads(int fd)
{
	static char got[65536];
	ssize_t n = read(fd, got, sizeof(got) - 1);
	got[n > 0 ? n : 0] = '\0';
	return got;
}

#endif
