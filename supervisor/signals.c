/* SPDX-License-Identifier: MIT */
#include "supervisor/signals.h"

#include <stddef.h>

struct meaning {
	int signo;
	enum sig_action with_command, without;
};

/* What is not here is forwarded where there is a COMMAND, and means nothing where there is none. */
static const struct meaning meanings[] = {
	{ SIGCHLD, SIGNAL_REAP, SIGNAL_REAP },
	{ SIGTERM, SIGNAL_SHUTDOWN, SIGNAL_SHUTDOWN },
	{ SIGINT, SIGNAL_FORWARD, SIGNAL_SHUTDOWN },
	{ SIGQUIT, SIGNAL_FORWARD, SIGNAL_SHUTDOWN },
	{ SIGHUP, SIGNAL_FORWARD, SIGNAL_RELOAD },
	{ SIGTSTP, SIGNAL_FORWARD, SIGNAL_SUSPEND },
	/* For us alone: we write where nobody reads, or touch the terminal from behind COMMAND. */
	{ SIGPIPE, SIGNAL_IGNORE, SIGNAL_IGNORE },
	{ SIGTTIN, SIGNAL_IGNORE, SIGNAL_IGNORE },
	{ SIGTTOU, SIGNAL_IGNORE, SIGNAL_IGNORE },
};

/* Raised by our own faults, where going on would be wrong: they keep their default. */
static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS };

enum sig_action signals_action(int signo, int si_code, bool has_command)
{
	if (signo == SIGHUP && si_code == SI_KERNEL)
		return SIGNAL_SHUTDOWN; /* the terminal is gone, which is not a wish to reload */
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (meanings[i].signo == signo)
			return has_command ? meanings[i].with_command : meanings[i].without;
	}
	return has_command ? SIGNAL_FORWARD : SIGNAL_IGNORE;
}

void signals_set(sigset_t *ret)
{
	(void)sigfillset(ret); /* fails for no valid pointer */
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		(void)sigdelset(ret, faults[i]);
}

void signals_setup(void)
{
	/* An inherited SIG_IGN matters: with SIGCHLD ignored the kernel would reap in our place, and tell nobody. */
	for (int signo = 1; signo <= SIGRTMAX; signo++) {
		struct sigaction sa = { .sa_handler = signo == SIGPIPE ? SIG_IGN : SIG_DFL };
		(void)sigaction(signo, &sa, NULL); /* KILL, STOP and libc's own two cannot be set */
	}
}

void signals_suspend(void)
{
	/* SIGTSTP and not SIGSTOP: the kernel drops it where no shell is there to continue us. */
	sigset_t tstp, old;
	(void)sigemptyset(&tstp);
	(void)sigaddset(&tstp, SIGTSTP);
	(void)raise(SIGTSTP);			     /* pending while blocked … */
	(void)sigprocmask(SIG_UNBLOCK, &tstp, &old); /* … and here we stand still */
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
}
