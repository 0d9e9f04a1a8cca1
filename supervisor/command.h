/* SPDX-License-Identifier: MIT */
/*
 * command: COMMAND, the program the container is there for: our stdin, stdout, stderr, directory and environment, a
 * process group of its own, in the terminal's foreground if we are. Its status becomes ours.
 * Stopped by the terminal: as PID 1 we continue it, for nobody else could; otherwise we stop along with it and, when
 * continued, continue it, in the foreground if we are brought there.
 */
#ifndef SUPERVISOR_COMMAND_H
#define SUPERVISOR_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

struct command;
struct err;
struct reap;

struct command_params {
	struct reap *reap; /* borrowed for the command's life */
	char *const *argv;
	const char *const *envp;
	const char *user; /* as in spawn_user_find(); NULL: ours */
	/* It has ended: its exit code, or 128 + signal. May free the command. */
	void (*on_exit)(void *ctx, int exit_status);
	void *ctx;
};

/* NULL: it cannot be run; e says why, and *ret_status is what we exit with: 127 not found, 126 otherwise. */
struct command *command_start(const struct command_params *p, int *ret_status, struct err *e);
/* Lets go of it; what still runs goes on. */
void command_free(struct command *c);
/* To its whole process group; one that is stopped is continued for it. Nothing once it has ended. */
void command_signal(struct command *c, int signo);
pid_t command_pid(const struct command *c);

#endif
