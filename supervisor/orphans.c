/* SPDX-License-Identifier: MIT */
#include "supervisor/orphans.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"
#include "supervisor/reap.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* What SIGKILL has not ended by then hangs in the kernel, and waiting longer would not help. */
enum { AFTER_KILL_MS = 500 };

struct orphans {
	struct reap *reap;
	struct loop_timer *timer; /* owned */
	bool is_killing;
	bool is_done;
	void (*on_done)(void *ctx);
	void *ctx;
};

/* --- all our descendants, when we are not PID 1 -------------------------------------------------- */

struct process {
	pid_t pid, parent;
	bool is_below; /* us */
};

static int by_pid(const void *a, const void *b)
{
	pid_t x = ((const struct process *)a)->pid, y = ((const struct process *)b)->pid;
	return (x > y) - (x < y);
}

/* -1: gone meanwhile, or a zombie, which no signal reaches. */
static pid_t parent_of(pid_t pid)
{
	char path[32];
	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	_cleanup_free_ char *text = NULL;
	if (fd_read_file(path, 4096, &text, NULL, NULL) < 0)
		return -1;
	/* "pid (name) S parent …", and a name may hold anything, brackets too. */
	const char *behind = strrchr(text, ')');
	char state;
	int parent;
	if (!behind || sscanf(behind, ") %c %d", &state, &parent) != 2 || state == 'Z')
		return -1;
	return parent;
}

/* Every process that /proc shows, by pid. */
static void read_proc(struct buf *ret)
{
	DIR *dir = opendir("/proc");
	if (!dir)
		return;
	const struct dirent *d;
	while ((d = readdir(dir))) {
		struct process p = { .pid = (pid_t)strtol(d->d_name, NULL, 10) };
		if (p.pid <= 0)
			continue;
		p.parent = parent_of(p.pid);
		if (p.parent >= 0 && buf_add(ret, &p, sizeof(p)) < 0)
			break; /* out of memory: those found so far */
	}
	(void)closedir(dir);
	if (ret->len)
		qsort(ret->data, ret->len / sizeof(struct process), sizeof(struct process), by_pid);
}

/* Marks what is below us. A child mostly has a higher pid than its parent, so that one pass and a check do. */
static void mark_below(struct process *all, size_t n)
{
	pid_t self = getpid();
	for (bool is_news = true; is_news;) {
		is_news = false;
		for (size_t i = 0; i < n; i++) {
			if (all[i].is_below)
				continue;
			struct process key = { .pid = all[i].parent };
			const struct process *parent = bsearch(&key, all, n, sizeof(*all), by_pid);
			if (all[i].parent != self && !(parent && parent->is_below))
				continue;
			all[i].is_below = true;
			is_news = true;
		}
	}
}

static unsigned signal_descendants(int signo)
{
	_cleanup_buf_ struct buf found = { 0 };
	read_proc(&found);
	struct process *all = (struct process *)(void *)found.data; /* as malloc() aligned it */
	size_t n = found.len / sizeof(*all);
	mark_below(all, n);
	unsigned count = 0;
	for (size_t i = 0; i < n; i++)
		count += all[i].is_below && kill(all[i].pid, signo) == 0;
	return count;
}

unsigned orphans_signal(int signo)
{
	if (getpid() != 1)
		return signal_descendants(signo);
	return kill(-1, signo) == 0; /* all but us, in one go: none can fork away */
}

/* --- TERM, grace, KILL -------------------------------------------------------------------------- */

static void finish(struct orphans *o)
{
	if (o->is_done)
		return;
	o->is_done = true;
	reap_on_drained(o->reap, NULL, NULL);
	loop_timer_stop(o->timer);
	o->on_done(o->ctx);
}

static void drained(void *ctx)
{
	struct orphans *o = ctx;
	if (!reap_has_children()) {
		finish(o);
		return;
	}
	/* Not as PID 1, what a dying process forked in time may have slipped through. */
	if (o->is_killing)
		(void)orphans_signal(SIGKILL);
}

static void timer_fired(void *ctx)
{
	struct orphans *o = ctx;
	if (o->is_killing || !reap_has_children()) {
		finish(o);
		return;
	}
	o->is_killing = true;
	(void)orphans_signal(SIGKILL);
	loop_timer_in(o->timer, AFTER_KILL_MS);
}

struct orphans *orphans_end(const struct orphans_params *p, struct err *e)
{
	struct orphans *o = calloc(1, sizeof(*o));
	struct loop_timer *timer = o ? loop_timer_new(p->loop, timer_fired, o) : NULL;
	if (!timer) {
		free(o);
		err_oom(e);
		return NULL;
	}
	*o = (struct orphans){
		.reap = p->reap, .timer = timer, .on_done = p->on_done, .ctx = p->ctx
	};
	reap_on_drained(p->reap, drained, o);
	bool is_any = reap_has_children();
	if (is_any) {
		(void)orphans_signal(SIGTERM);
		(void)orphans_signal(SIGCONT); /* a stopped one would never get the former */
	}
	loop_timer_in(timer, is_any ? p->grace_ms : 0);
	return o;
}

void orphans_hurry(struct orphans *o)
{
	if (!o->is_done && !o->is_killing)
		loop_timer_in(o->timer, 0);
}

void orphans_free(struct orphans *o)
{
	if (!o)
		return;
	if (!o->is_done)
		reap_on_drained(o->reap, NULL, NULL);
	loop_timer_free(o->timer);
	free(o);
}
