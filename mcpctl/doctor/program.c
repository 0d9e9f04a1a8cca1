/* SPDX-License-Identifier: MIT */
#include "mcpctl/doctor/program.h"

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct program {
	struct programs *all;
	struct program *next;
	pid_t pid;
	int out_fd, err_fd;	  /* owned */
	struct loop_timer *timer; /* owned; the deadline */
	void (*on_done)(void *ctx, const struct program_result *r);
	void *ctx;
};

struct programs {
	struct loop *loop; /* borrowed */
	struct program *first;
};

static void program_free(struct program *p)
{
	loop_timer_free(p->timer);
	close_fd(&p->out_fd);
	close_fd(&p->err_fd);
	free(p);
}

static void read_all(int fd, char text[PROGRAM_BYTES])
{
	size_t n = 0;
	ssize_t got;
	while (n < PROGRAM_BYTES - 1 && (got = fd_read(fd, text + n, PROGRAM_BYTES - 1 - n)) > 0)
		n += (size_t)got;
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		n--;
	text[n] = '\0';
}

static void program_end(struct program *p, int status)
{
	char out[PROGRAM_BYTES], err[PROGRAM_BYTES];
	struct program **at = &p->all->first;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	read_all(p->out_fd, out);
	read_all(p->err_fd, err);
	const struct program_result r = { .status = status, .out = out, .err = err };
	p->on_done(p->ctx, &r);
	program_free(p);
}

/* Killed, and not waited for: it is a zombie until we end, soon. */
static void on_deadline(void *ctx)
{
	struct program *p = ctx;
	(void)kill(-p->pid, SIGKILL); /* it may have just ended */
	program_end(p, -1);
}

static int spawn(struct program *p, const char *const *argv, int out_fd, int err_fd)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	if (posix_spawn_file_actions_init(&files) != 0)
		return -ENOMEM;
	if (posix_spawnattr_init(&attr) != 0) {
		(void)posix_spawn_file_actions_destroy(&files); /* never fails */
		return -ENOMEM;
	}
	(void)sigemptyset(&none); /* these two never fail */
	(void)sigfillset(&all);
	int r = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&files, out_fd, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&files, err_fd, STDERR_FILENO);
	if (r == 0)
		r = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
							    POSIX_SPAWN_SETSIGDEF);
	if (r == 0)
		r = posix_spawnattr_setsigmask(&attr, &none);
	if (r == 0)
		r = posix_spawnattr_setsigdefault(&attr, &all);
	if (r == 0)
		r = posix_spawnp(&p->pid, argv[0], &files, &attr, (char *const *)argv, environ);
	(void)posix_spawn_file_actions_destroy(&files);
	(void)posix_spawnattr_destroy(&attr);
	return -r;
}

int programs_run(struct programs *all, const struct program_params *params)
{
	struct program *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	*p = (struct program){ .all = all,
			       .pid = -1,
			       .out_fd = -1,
			       .err_fd = -1,
			       .on_done = params->on_done,
			       .ctx = params->ctx };
	_cleanup_close_ int out_fd = -1, err_fd = -1;
	int out[2], err[2];
	int r = fd_pipe(out, 0);
	if (r == 0) {
		p->out_fd = out[0];
		out_fd = out[1];
		r = fd_pipe(err, 0);
	}
	if (r == 0) {
		p->err_fd = err[0];
		err_fd = err[1];
		p->timer = loop_timer_new(all->loop, on_deadline, p);
		r = p->timer ? spawn(p, params->argv, out_fd, err_fd) : -ENOMEM;
	}
	if (r < 0) {
		program_free(p);
		return r;
	}
	loop_timer_in(p->timer, params->deadline_ms);
	p->next = all->first;
	all->first = p;
	return 0;
}

void programs_reap(struct programs *all)
{
	int status;
	struct program *next;
	for (struct program *p = all->first; p; p = next) {
		next = p->next;
		if (waitpid(p->pid, &status, WNOHANG) != p->pid)
			continue;
		program_end(p, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
		next = all->first; /* its callback may have started another */
	}
}

struct programs *programs_new(struct loop *loop)
{
	struct programs *all = calloc(1, sizeof(*all));
	if (all)
		all->loop = loop;
	return all;
}

void programs_free(struct programs *all)
{
	if (!all)
		return;
	while (all->first) {
		struct program *p = all->first;
		all->first = p->next;
		(void)kill(-p->pid, SIGKILL);
		program_free(p);
	}
	free(all);
}
