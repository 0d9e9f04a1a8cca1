/* SPDX-License-Identifier: MIT */
/*
 * doors: how agents come in: a directory each, with a pair of pipes for every server it may use and a socket. Opened at
 * boot; opened and closed by a reload.
 */
#ifndef SUPERVISOR_DOORS_H
#define SUPERVISOR_DOORS_H

struct conf_agent;
struct err;
struct server;
struct supervisor;

/* Opens what is not open yet, closes what the agent may not use any more. An error names the pipe or socket. */
int doors_open(struct supervisor *sv, const struct conf_agent *a, struct err *e);
/* The agent is no more: its sessions end, its pipes, socket and directory go. */
void doors_close(struct supervisor *sv, const char *agent);
/* The server is no more: no agent has pipes to it. */
void doors_close_server(struct supervisor *sv, struct server *s);

#endif
