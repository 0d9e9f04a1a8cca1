/* SPDX-License-Identifier: MIT */
/*
 * probe: the process that an init runs, and what stands before an init, in the tests of init processes (suite.py).
 * FILE gets whole lines, one write each, so that several processes may share it.
 *
 * As the init's child:
 *   exit N                 die SIGNO
 *   status FILE [ARG...]   everything a process inherits, as KEY VALUE lines
 *   signals FILE [deaf]    logs each signal, as a grandchild in its group does; SIGTERM ends it with 42, unless deaf
 *   echo FILE              logs each line of stdin, signals do what they do by default; stdin's end ends it with 43
 *   orphans FILE N         N orphans die at once; logs the milliseconds until none is left
 *   daemon FILE            logs who is the parent of a double-forked daemon, and whether it is reaped
 *   leave FILE [deaf]      ends with 7 and leaves an orphan, which takes 300 ms to end upon SIGTERM (deaf: ignores it)
 * Before the init, which they exec (shepherd: starts):
 *   clean CMD...           no signal blocked or ignored, whatever the tests are started by (make leaves two ignored)
 *   dirty CMD...           all signals blocked, some ignored, descriptors 7 and 9 open
 *   pending SIGNO CMD...   with a signal that has arrived and waits, blocked
 *   closed CMD...          without stdin, stdout and stderr
 *   parent CMD...          with a child that the init does not know, which ends with 9 after 100 ms
 *   noproc CMD...          without /proc
 *   shepherd CMD...        as PID 1 in its place: the init is an ordinary process; passes its status on
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	STATUS_TERM = 42,
	STATUS_EOF = 43,
	STATUS_LEAVE = 7,
	STATUS_STRANGER = 9,
	STATUS_BROKEN = 99
};
enum { PATIENCE_MS = 10000 };

_Noreturn static void broken(const char *what)
{
	fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
	_exit(STATUS_BROKEN);
}

static int log_open(const char *file)
{
	int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		broken(file);
	return fd;
}

__attribute__((format(printf, 2, 3))) static void say(int fd, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	int n = vdprintf(fd, format, args);
	va_end(args);
	if (n < 0)
		broken("write");
}

static long now_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void sleep_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

static pid_t fork_or_break(void)
{
	pid_t pid = fork();
	if (pid < 0)
		broken("fork");
	return pid;
}

static void block_all(sigset_t *set)
{
	(void)sigfillset(set);
	(void)sigprocmask(SIG_BLOCK, set, NULL);
}

static int wait_signal(const sigset_t *set)
{
	siginfo_t si;
	int signo;
	while ((signo = sigwaitinfo(set, &si)) < 0)
		;
	return signo;
}

/* --- what is inherited ---------------------------------------------------------------------------- */

static void say_escaped(int fd, const char *key, const char *value)
{
	char *text = malloc(3 * strlen(value) + 1), *at = text;
	if (!text)
		broken("malloc");
	for (const char *c = value; *c; c++)
		at += sprintf(at, *c > ' ' && *c < 0x7f && *c != '%' ? "%c" : "%%%02x",
			      (unsigned char)*c);
	*at = '\0';
	say(fd, "%s %s\n", key, text);
	free(text);
}

/* Lines of /proc/self/status: masks, capabilities, groups. */
static void say_proc(int fd)
{
	static const char *const keys[] = {
		"SigBlk:", "SigIgn:", "SigCgt:", "CapInh:", "CapPrm:",	   "CapEff:", "CapBnd:",
		"CapAmb:", "Groups:", "Uid:",	 "Gid:",    "NoNewPrivs:", "Umask:"
	};
	FILE *f = fopen("/proc/self/status", "re");
	if (!f)
		broken("/proc/self/status");
	char line[4096];
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			if (strncmp(line, keys[i], strlen(keys[i])) == 0)
				say(fd, "%s\n", line);
		}
	}
	(void)fclose(f);
}

static void say_descriptors(int fd)
{
	char list[1024] = "";
	for (int i = 0, len = 0; i < 256 && len < 1000; i++) {
		if (i != fd && fcntl(i, F_GETFD) >= 0)
			len += sprintf(list + len, " %d", i);
	}
	say(fd, "fds%s\n", list);
	for (int i = 0; i < 3; i++)
		say(fd, "flags %d %x\n", i, (unsigned)fcntl(i, F_GETFL));
}

static void say_limits(int fd)
{
	for (int i = 0; i < (int)RLIMIT_NLIMITS; i++) {
		struct rlimit lim = { 0 };
		(void)getrlimit((__rlimit_resource_t)i, &lim);
		say(fd, "limit %d %llx %llx\n", i, (unsigned long long)lim.rlim_cur,
		    (unsigned long long)lim.rlim_max);
	}
	char adj[32] = "";
	int adj_fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(adj_fd, adj, sizeof(adj) - 1);
	say(fd, "limit oom %s", n > 0 ? adj : "?\n");
	(void)close(adj_fd);
}

static void say_terminal(int fd)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	struct winsize size = { 0 };
	(void)ioctl(0, TIOCGWINSZ, &size);
	say(fd, "tty %d%d%d controlling %d foreground %d size %dx%d\n", isatty(0), isatty(1),
	    isatty(2), tty >= 0, isatty(0) && tcgetpgrp(0) == getpgrp(), size.ws_row, size.ws_col);
	if (tty >= 0)
		(void)close(tty);
}

static int do_status(char **argv)
{
	/* Lower numbers may be free, and a descriptor of ours there would be taken for an inherited one. */
	int low = log_open(argv[0]), fd = fcntl(low, F_DUPFD_CLOEXEC, 200);
	(void)close(low);
	say_proc(fd);
	say_descriptors(fd);
	say_limits(fd);
	say_terminal(fd);
	char cwd[4096];
	say_escaped(fd, "cwd", getcwd(cwd, sizeof(cwd)) ? cwd : "?");
	for (char **e = environ; *e; e++)
		say_escaped(fd, "env", *e);
	for (char **a = argv + 1; *a; a++)
		say_escaped(fd, "arg", *a);
	say(fd, "end\n");
	return 0;
}

/* --- signals ---------------------------------------------------------------------------------------- */

static int log_signals(int fd, const char *who, bool is_deaf)
{
	sigset_t all;
	block_all(&all);
	say(fd, "%s ready\n", who);
	for (;;) {
		int signo = wait_signal(&all);
		if (signo == SIGCHLD)
			continue;
		say(fd, "%s signal %d\n", who, signo);
		if (signo == SIGTERM && !is_deaf)
			return STATUS_TERM;
	}
}

static int do_signals(char **argv)
{
	int fd = log_open(argv[0]);
	sigset_t all;
	block_all(&all); /* at once: what comes now counts, too */
	pid_t child = fork_or_break();
	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, (long)SIGKILL, 0L, 0L, 0L);
		_exit(log_signals(fd, "grandchild", true));
	}
	return log_signals(fd, "child", argv[1] != NULL);
}

static int do_echo(char **argv)
{
	int fd = log_open(argv[0]);
	char line[256];
	say_terminal(fd);
	say(fd, "ready\n");
	while (fgets(line, sizeof(line), stdin))
		say(fd, "line %s", line);
	return STATUS_EOF;
}

static int do_die(char **argv)
{
	int signo = atoi(argv[0]);
	(void)setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 });
	(void)kill(getpid(), signo);
	sleep_ms(PATIENCE_MS);
	return STATUS_BROKEN;
}

/* --- orphans ---------------------------------------------------------------------------------------- */

static unsigned count_processes(void)
{
	DIR *dir = opendir("/proc");
	if (!dir)
		broken("/proc");
	unsigned n = 0;
	const struct dirent *d;
	while ((d = readdir(dir)))
		n += *d->d_name > '0' && *d->d_name <= '9';
	(void)closedir(dir);
	return n;
}

/* Orphans that live as long as somebody has the other end of the pipe. */
static void make_orphans(int n, int held[2])
{
	pid_t middle = fork_or_break();
	if (middle == 0) {
		(void)close(held[1]);
		for (int i = 0; i < n; i++) {
			char byte;
			if (fork_or_break() == 0)
				_exit((int)read(held[0], &byte, 1));
		}
		_exit(0);
	}
	(void)waitpid(middle, NULL, 0);
}

static int do_orphans(char **argv)
{
	int fd = log_open(argv[0]), n = atoi(argv[1]), held[2];
	unsigned before = count_processes();
	if (pipe(held) < 0)
		broken("pipe");
	make_orphans(n, held);
	say(fd, "made %u\n", count_processes() - before);
	long start = now_ms();
	(void)close(held[1]);
	unsigned left;
	while ((left = count_processes() - before) && now_ms() - start < PATIENCE_MS)
		sleep_ms(1);
	say(fd, "left %u after %ld ms\n", left, now_ms() - start);
	return STATUS_LEAVE;
}

static void run_daemon(int fd, pid_t init)
{
	(void)setsid();
	if (fork_or_break() > 0)
		_exit(0);
	for (int i = 0; i < 1000 && getppid() != init; i++)
		sleep_ms(1);
	say(fd, "adopted %d\n", getppid() == init);
	_exit(0);
}

static int do_daemon(char **argv)
{
	int fd = log_open(argv[0]);
	unsigned before = count_processes();
	pid_t init = getppid(), middle = fork_or_break();
	if (middle == 0)
		run_daemon(fd, init);
	(void)waitpid(middle, NULL, 0);
	long start = now_ms();
	while (count_processes() > before && now_ms() - start < PATIENCE_MS / 4)
		sleep_ms(5);
	say(fd, "reaped %d\n", count_processes() <= before);
	return STATUS_LEAVE;
}

static void run_left(int fd, bool is_deaf)
{
	sigset_t all;
	(void)setsid(); /* out of reach of what is sent to a group */
	block_all(&all);
	say(fd, "orphan ready\n");
	do
		while (wait_signal(&all) != SIGTERM)
			;
	while (is_deaf);
	say(fd, "orphan told\n");
	sleep_ms(300);
	say(fd, "orphan done\n");
	_exit(0);
}

static int do_leave(char **argv)
{
	int fd = log_open(argv[0]);
	pid_t middle = fork_or_break();
	if (middle == 0) {
		if (fork_or_break() == 0)
			run_left(fd, argv[1] != NULL);
		_exit(0);
	}
	(void)waitpid(middle, NULL, 0);
	struct stat st;
	while (fstat(fd, &st) == 0 && st.st_size == 0)
		sleep_ms(5);
	return STATUS_LEAVE;
}

/* --- before the init -------------------------------------------------------------------------------- */

_Noreturn static void become(char **argv)
{
	(void)execvp(argv[0], argv);
	broken(argv[0]);
}

/* The bare system call: libc does not let go of the two that it keeps for itself, 32 and 33. */
static void set_action(int signo, void (*handler)(int))
{
	const unsigned long action[8] = { (unsigned long)handler };
	(void)syscall(SYS_rt_sigaction, signo, action, NULL, (_NSIG - 1) / 8);
}

static int do_clean(char **argv)
{
	for (int signo = 1; signo < _NSIG; signo++)
		set_action(signo, SIG_DFL);
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	become(argv);
}

static int do_dirty(char **argv)
{
	static const int ignored[] = { SIGHUP,	SIGINT,	 SIGQUIT, SIGPIPE, SIGCHLD,
				       SIGUSR1, SIGTSTP, 32,	  33 };
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		set_action(ignored[i], SIG_IGN);
	sigset_t all;
	block_all(&all);
	int fd = open("/dev/null", O_RDONLY);
	if (dup2(fd, 7) < 0 || dup2(fd, 9) < 0)
		broken("dup2");
	if (fd > 2)
		(void)close(fd);
	become(argv);
}

static int do_pending(char **argv)
{
	sigset_t all;
	block_all(&all);
	(void)kill(getpid(), atoi(argv[0]));
	become(argv + 1);
}

static int do_closed(char **argv)
{
	for (int fd = 0; fd < 3; fd++)
		(void)close(fd);
	become(argv);
}

static int do_parent(char **argv)
{
	if (fork_or_break() == 0) {
		sleep_ms(100);
		_exit(STATUS_STRANGER);
	}
	become(argv);
}

static int do_noproc(char **argv)
{
	if (mount("none", "/proc", "tmpfs", 0, NULL) < 0)
		broken("mount");
	become(argv);
}

static int do_shepherd(char **argv)
{
	pid_t init = fork_or_break(), pid;
	if (init == 0)
		become(argv);
	int status = 0;
	while ((pid = waitpid(-1, &status, 0)) != init) {
		if (pid < 0 && errno != EINTR)
			broken("waitpid");
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int do_exit(char **argv)
{
	return atoi(argv[0]);
}

static const struct verb {
	const char *name;
	int n_args; /* at least */
	int (*run)(char **argv);
} verbs[] = {
	{ "exit", 1, do_exit },	      { "die", 1, do_die },	    { "status", 1, do_status },
	{ "signals", 1, do_signals }, { "echo", 1, do_echo },	    { "orphans", 2, do_orphans },
	{ "daemon", 1, do_daemon },   { "leave", 1, do_leave },	    { "clean", 1, do_clean },
	{ "dirty", 1, do_dirty },     { "pending", 2, do_pending }, { "closed", 1, do_closed },
	{ "parent", 1, do_parent },   { "noproc", 1, do_noproc },   { "shepherd", 1, do_shepherd },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(argv[1], verbs[i].name) == 0 && argc >= 2 + verbs[i].n_args)
			return verbs[i].run(argv + 2);
	}
	fprintf(stderr, "probe: what is '%s'?\n", argc > 1 ? argv[1] : "");
	return STATUS_BROKEN;
}
