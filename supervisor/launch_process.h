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

/* As child_new(). argv: the server's command, or another. */
struct child *launch_process_child(struct supervisor *sv, const struct conf_server *conf,
				   char *const *argv, const struct child_cb *cb, void *ctx,
				   struct stream **ret_stdio, struct err *e);

#endif
