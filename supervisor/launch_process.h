/* SPDX-License-Identifier: MIT */
/* launch_process: a program with the environment, user and directory that a process server has. */
#ifndef SUPERVISOR_LAUNCH_PROCESS_H
#define SUPERVISOR_LAUNCH_PROCESS_H

struct child;
struct child_cb;
struct conf_server;
struct err;
struct stream;
struct supervisor;

struct launch_process_params {
	struct supervisor *sv;
	const struct conf_server *conf;
	char *const *argv; /* the server's command, or another; borrowed for the call */
	const struct child_cb *cb;
	void *ctx;
};

/* As child_new(). */
struct child *launch_process_child(const struct launch_process_params *p, struct stream **ret_stdio,
				   struct err *e);

#endif
