/* SPDX-License-Identifier: MIT */
#include "supervisor/command.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "supervisor/reap.h"
#include "supervisor/signals.h"
#include "supervisor/spawn.h"

#include <signal.h>
#include <sys/wait.h>

enum { STATUS_REFUSED = 126, STATUS_NOT_FOUND = 127, STATUS_SIGNAL = 128 }; /* as shells have it */

struct command {
	struct reap *reap;
	pid_t pid;  /* and its process group; -1: it has ended */
	int tty_fd; /* which of 0–2 is our session's terminal; -1: none */
	bool is_stopped;
	bool is_ending; /* it was sent SIGTERM, or SIGKILL */
	bool was_woken; /* … and continued, since it stopped nevertheless */
	void (*on_exit)(void *ctx, int exit_status);
	void *ctx;
};

static int find_tty(void)
{
	for (int fd = 0; fd < 3; fd++) {
		if (tcgetpgrp(fd) >= 0)
			return fd;
	}
	return -1;
}

/* Only who is in the foreground may give it away. */
static bool is_foreground(const struct command *c)
{
	return c->tty_fd >= 0 && tcgetpgrp(c->tty_fd) == getpgrp();
}

/* We block SIGTTOU, so that this works from the background too. */
static void set_foreground(const struct command *c, pid_t group)
{
	if (c->tty_fd >= 0)
		(void)tcsetpgrp(
			c->tty_fd,
			group); /* fails when the terminal is gone, and then so is the need */
}

static void ended(void *ctx, pid_t pid, int status)
{
	struct command *c = ctx;
	if (c->tty_fd >= 0 && tcgetpgrp(c->tty_fd) == pid)
		set_foreground(c, getpgrp());
	c->pid = -1;
	c->on_exit(c->ctx,
		   WIFSIGNALED(status) ? STATUS_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status));
}

static void stopped(void *ctx, pid_t pid, int status)
{
	struct command *c = ctx;
	c->is_stopped = WIFSTOPPED(status);
	if (!c->is_stopped)
		return;
	int signo = WSTOPSIG(status);
	if (c->is_ending) {
		/* Stopped, it could not hear of its end; and nobody shall have to `fg` us for that. Once: it may want a
		 * terminal that it cannot have, and stop again at once. */
		if (!c->was_woken)
			(void)kill(-pid, SIGCONT);
		c->was_woken = true;
		return;
	}
	if (signo != SIGTSTP && signo != SIGTTIN && signo != SIGTTOU)
		return; /* somebody who sends SIGSTOP will send SIGCONT */
	if (signo != SIGTSTP && c->tty_fd < 0)
		return; /* it wants a terminal that we cannot give: continued, it would stop again at once */
	if (getpid() != 1) {
		signals_suspend();
		if (is_foreground(c))
			set_foreground(c, pid); /* continued by `fg`, not by `bg` */
	} else {
		set_foreground(c, pid);
	}
	(void)kill(-pid, SIGCONT);
}

struct command *command_start(const struct command_params *p, int *ret_status, struct err *e)
{
	struct err why = { 0 };
	struct spawn_user user = { 0 };
	*ret_status = STATUS_REFUSED;
	if (p->user && spawn_user_find(p->user, &user, e) < 0)
		return NULL;
	_cleanup_free_ struct command *c = calloc(1, sizeof(*c));
	if (!c) {
		spawn_user_done(&user);
		err_oom(e);
		return NULL;
	}
	*c = (struct command){
		.reap = p->reap, .tty_fd = find_tty(), .on_exit = p->on_exit, .ctx = p->ctx
	};
	struct spawn_params sp = {
		.argv = p->argv,
		.envp = (char *const *)
				p->envp, /* exec changes nothing; its type is from before const */
		.user = p->user ? &user : NULL,
		.stdio = SPAWN_INHERIT,
		.tty_fd = is_foreground(c) ? c->tty_fd : -1,
	};
	struct spawned s;
	int r = spawn(&sp, &s, &why);
	spawn_user_done(&user);
	if (r < 0) {
		if (sp.tty_fd >= 0)
			set_foreground(c, getpgrp());
		*ret_status = why.kind == SPAWN_NOT_FOUND ? STATUS_NOT_FOUND : STATUS_REFUSED;
		if (e)
			*e = why;
		return NULL;
	}
	c->pid = s.pid;
	if (reap_watch(p->reap, s.pid, ended, c) < 0) {
		(void)kill(-s.pid, SIGKILL); /* unwatched it would run on and tell nobody */
		err_oom(e);
		return NULL;
	}
	reap_on_stop(p->reap, s.pid, stopped);
	return take_ptr(&c);
}

void command_free(struct command *c)
{
	if (!c)
		return;
	if (c->pid > 0)
		reap_forget(c->reap, c->pid);
	free(c);
}

void command_signal(struct command *c, int signo)
{
	if (c->pid <= 0)
		return;
	c->is_ending |= signo == SIGTERM || signo == SIGKILL;
	(void)kill(
		-c->pid,
		signo); /* fails only if the whole group is gone, and then its exit is on its way */
	if (c->is_stopped && signo != SIGTSTP)
		(void)kill(-c->pid, SIGCONT);
}

pid_t command_pid(const struct command *c)
{
	return c->pid;
}
