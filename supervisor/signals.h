/* SPDX-License-Identifier: MIT */
/*
 * signals: which signal means what to mcpinit: one table. Pure but for signals_setup() and signals_suspend().
 */
#ifndef SUPERVISOR_SIGNALS_H
#define SUPERVISOR_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

enum sig_action {
	SIGNAL_IGNORE,
	SIGNAL_FORWARD, /* to COMMAND: command_signal() */
	SIGNAL_SHUTDOWN, /* begin shutdown; again: at once. COMMAND is sent SIGTERM by whoever shuts down */
	SIGNAL_RELOAD,
	SIGNAL_REAP,	/* reap_drain() */
	SIGNAL_SUSPEND, /* signals_suspend() */
};

/* si_code: ssi_code of the signalfd. */
enum sig_action signals_action(int signo, int si_code, bool has_command);
/* All we handle, for loop_signals(): everything but what a fault of our own raises. */
void signals_set(sigset_t *ret);
/* At start: SIGPIPE is ignored, every other disposition is the default whatever we inherited. */
void signals_setup(void);
/* Stops this process as the terminal would, until SIGCONT. No effect as PID 1, or where nobody could continue us. */
void signals_suspend(void);

#endif
