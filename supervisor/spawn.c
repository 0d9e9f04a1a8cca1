/* SPDX-License-Identifier: MIT */
#include "supervisor/spawn.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* How far the child got before it failed. */
enum stage { STAGE_STDIO = 1, STAGE_USER, STAGE_CWD, STAGE_EXEC };

struct report {
	enum stage stage;
	int code; /* errno */
};

/* All the child needs, computed before the fork: it may only make system calls. */
struct plan {
	const struct spawn_params *p;
	char **candidates; /* owned: the paths to try, in this order; NULL-terminated */
	int stdio[3];	   /* its ends of the pipes; owned, -1: inherited */
	int report_fd;	   /* owned */
};

/* --- in the child ----------------------------------------------------------------------------- */

_Noreturn static void give_up(const struct plan *pl, enum stage stage)
{
	struct report rep = { stage, errno };
	(void)!write(pl->report_fd, &rep, sizeof(rep)); /* nobody else to tell */
	_exit(127);
}

static int set_stdio(const struct plan *pl)
{
	const struct spawn_params *p = pl->p;
	if (p->stdio == SPAWN_INHERIT) {
		(void)setpgid(0, 0); /* cannot fail in a new child */
		if (p->tty_fd >= 0)
			(void)tcsetpgrp(p->tty_fd,
					getpid()); /* a terminal that is not ours: do without */
		return 0;
	}
	(void)setsid(); /* cannot fail in a new child */
	for (int fd = 0; fd < 3; fd++) {
		if (dup2(pl->stdio[fd], fd) < 0)
			return -1;
	}
	return 0;
}

static int set_user(const struct spawn_user *u)
{
	if (!u || (geteuid() != 0 && u->uid == geteuid() && u->gid == getegid()))
		return 0;
	if (setgroups(u->n_groups, u->groups) < 0 || setresgid(u->gid, u->gid, u->gid) < 0)
		return -1;
	return setresuid(u->uid, u->uid, u->uid);
}

/* What we opened closes by itself; this is about what we were started with. */
static void close_others(void)
{
	if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	struct rlimit lim;
	int end = getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur < 65536 ? (int)lim.rlim_cur
									      : 65536;
	for (int fd = 3; fd < end; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* The bare system call: libc keeps two signals for itself and would leave them ignored if we inherited them so. */
static void reset_signals(void)
{
	const unsigned long by_default[8] = {
		0
	}; /* a struct sigaction as the kernel sees it: SIG_DFL */
	for (int signo = 1; signo < _NSIG; signo++)
		(void)syscall(SYS_rt_sigaction, signo, by_default, NULL, (_NSIG - 1) / 8);
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void exec_first(const struct plan *pl)
{
	int seen = ENOENT;
	for (char **path = pl->candidates; *path; path++) {
		(void)execve(*path, pl->p->argv, pl->p->envp);
		if (errno == EACCES)
			seen = EACCES; /* a later directory may have one that can be run */
		else if (errno != ENOENT && errno != ENOTDIR)
			return;
	}
	errno = seen;
}

_Noreturn static void run_child(const struct plan *pl)
{
	if (set_stdio(pl) < 0)
		give_up(pl, STAGE_STDIO);
	if (set_user(pl->p->user) < 0)
		give_up(pl, STAGE_USER);
	if (pl->p->cwd && chdir(pl->p->cwd) < 0)
		give_up(pl, STAGE_CWD);
	close_others();
	reset_signals();
	exec_first(pl);
	give_up(pl, STAGE_EXEC);
}

/* --- before the fork -------------------------------------------------------------------------- */

static const char *path_of(char *const *envp)
{
	for (; *envp; envp++) {
		if (strncmp(*envp, "PATH=", 5) == 0)
			return *envp + 5;
	}
	return DEFAULT_PATH;
}

static void free_candidates(char **list)
{
	for (char **c = list; list && *c; c++)
		free(*c);
	free(list);
}

static int find_candidates(const struct spawn_params *p, char ***ret)
{
	const char *name = p->argv[0];
	const char *path = strchr(name, '/') || !*name ? "" : path_of(p->envp);
	size_t n = 1;
	for (const char *c = path; *c; c++)
		n += *c == ':';
	char **list = calloc(n + 1, sizeof(char *));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		int len = (int)strcspn(path, ":");
		/* An empty item is the current directory, as for execvp(). */
		int r = asprintf(&list[i], "%.*s%s%s", len, path, len ? "/" : "", name);
		if (r < 0) {
			list[i] = NULL;
			free_candidates(list);
			return -ENOMEM;
		}
		path += len + (path[len] == ':');
	}
	*ret = list;
	return 0;
}

/* Away from 0–2, where it would be in the way of dup2() if we were started with one of them closed. */
static int lift(int *fd)
{
	if (*fd > 2)
		return 0;
	int lifted = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
	if (lifted < 0)
		return -errno;
	close_fd(fd);
	*fd = lifted;
	return 0;
}

static int make_pipe(int *child_end, int *our_end, bool child_reads)
{
	int fds[2];
	int r = fd_pipe(fds, child_reads ? 1 : 0);
	if (r < 0)
		return r;
	*child_end = fds[child_reads ? 0 : 1];
	*our_end = fds[child_reads ? 1 : 0];
	r = lift(child_end);
	return r < 0 ? r : lift(our_end);
}

static int make_pipes(struct plan *pl, struct spawned *s, int *report_fd)
{
	int r = make_pipe(&pl->report_fd, report_fd, false);
	if (r < 0)
		return r;
	r = fd_set_nonblock(*report_fd, false);
	if (r < 0 || pl->p->stdio == SPAWN_INHERIT)
		return r;
	r = make_pipe(&pl->stdio[0], &s->in_fd, true);
	if (r == 0)
		r = make_pipe(&pl->stdio[1], &s->out_fd, false);
	if (r == 0)
		r = make_pipe(&pl->stdio[2], &s->err_fd, false);
	return r;
}

/* --- what went wrong -------------------------------------------------------------------------- */

static int say_busy(const char *name, int code, struct err *e)
{
	const char *remedy =
		code == -EAGAIN
			? "; the limit of processes is reached: raise pids_limit or ulimit -u"
		: code == -EMFILE || code == -ENFILE ? "; raise the limit of open files (ulimit -n)"
						     : "";
	return err_kind(e, code, SPAWN_BUSY, "cannot run %s: %s%s", name, strerror(-code), remedy);
}

static bool is_there(char *const *candidates)
{
	for (; *candidates; candidates++) {
		if (**candidates == '/' && access(*candidates, F_OK) == 0)
			return true;
	}
	return false;
}

static int say_not_found(const struct plan *pl, struct err *e)
{
	const char *name = pl->p->argv[0];
	if (is_there(pl->candidates))
		return err_kind(
			e, -ENOENT, SPAWN_REFUSED,
			"cannot run %s: the interpreter or loader that it names is missing; install it in the image",
			name);
	if (strchr(name, '/'))
		return err_kind(
			e, -ENOENT, SPAWN_NOT_FOUND,
			"cannot run %s: there is no such file; correct the path or install it in the image",
			name);
	return err_kind(
		e, -ENOENT, SPAWN_NOT_FOUND,
		"cannot run %s: not found in PATH (%s); install it in the image or give its full path",
		name, path_of(pl->p->envp));
}

static int say_exec(const struct plan *pl, int code, struct err *e)
{
	const char *name = pl->p->argv[0];
	const char *remedy = "";
	switch (code) {
	case ENOENT:
		return say_not_found(pl, e);
	case EAGAIN:
	case ENOMEM:
	case ENFILE:
	case EMFILE:
	case ETXTBSY: /* somebody is writing it: an update that will end */
		return say_busy(name, -code, e);
	case EACCES:
		remedy =
			"; it must be executable (chmod +x) for the user it runs as, on a volume without noexec";
		break;
	case ENOEXEC:
		remedy = "; it is made for another machine, or is a script without a #! line";
		break;
	case E2BIG:
		remedy = "; shorten its arguments or environment";
		break;
	}
	return err_kind(e, -code, SPAWN_REFUSED, "cannot run %s: %s%s", name, strerror(code),
			remedy);
}

static int say(const struct plan *pl, const struct report *rep, struct err *e)
{
	const char *name = pl->p->argv[0];
	if (rep->stage == STAGE_USER && rep->code == EAGAIN)
		return say_busy(name, -rep->code, e); /* that user's limit of processes */
	if (rep->stage == STAGE_USER)
		return err_kind(
			e, -rep->code, SPAWN_REFUSED,
			"cannot run %s as user %u: %s; mcpinit must be root, with CAP_SETUID and CAP_SETGID",
			name, (unsigned)pl->p->user->uid, strerror(rep->code));
	if (rep->stage == STAGE_CWD)
		return err_kind(e, -rep->code, SPAWN_REFUSED,
				"cannot run %s: cannot enter its directory %s: %s", name,
				pl->p->cwd, strerror(rep->code));
	if (rep->stage == STAGE_STDIO)
		return say_busy(name, -rep->code, e);
	return say_exec(pl, rep->code, e);
}

/* --- the fork --------------------------------------------------------------------------------- */

/* Signals wait while there are two of us: no handler of ours may run in the child, nor SIGTTOU stop it. */
static pid_t fork_blocked(const struct plan *pl)
{
	sigset_t all, old;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &old);
	pid_t pid = fork();
	int code = errno;
	if (pid == 0)
		run_child(pl);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	errno = code;
	return pid;
}

static int fork_exec(struct plan *pl, int report_fd, struct spawned *s, struct err *e)
{
	s->pid = fork_blocked(pl);
	if (s->pid < 0)
		return say_busy(pl->p->argv[0], -errno, e);
	close_fd(&pl->report_fd);
	/* Blocks until the exec, which closes the other end: as long as the kernel needs to read the file's head. */
	struct report rep;
	if (fd_read(report_fd, &rep, sizeof(rep)) != (ssize_t)sizeof(rep))
		return 0;
	(void)waitpid(s->pid, NULL, 0); /* it is on its way out; nobody else knows it */
	return say(pl, &rep, e);
}

bool spawn_is_shortage(int code)
{
	return code == -ENOMEM || code == -EMFILE || code == -ENFILE;
}

int spawn(const struct spawn_params *p, struct spawned *ret, struct err *e)
{
	struct plan pl = { .p = p, .stdio = { -1, -1, -1 }, .report_fd = -1 };
	struct spawned s = { .pid = -1, .in_fd = -1, .out_fd = -1, .err_fd = -1 };
	_cleanup_close_ int report_fd = -1;
	int r = find_candidates(p, &pl.candidates);
	if (r == 0)
		r = make_pipes(&pl, &s, &report_fd);
	r = r < 0 ? say_busy(p->argv[0], r, e) : fork_exec(&pl, report_fd, &s, e);
	free_candidates(pl.candidates);
	close_fd(&pl.report_fd);
	for (int i = 0; i < 3; i++)
		close_fd(&pl.stdio[i]);
	if (r < 0) {
		close_fd(&s.in_fd);
		close_fd(&s.out_fd);
		close_fd(&s.err_fd);
		return r;
	}
	*ret = s;
	return 0;
}
