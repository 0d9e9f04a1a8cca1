/* SPDX-License-Identifier: MIT */
/*
 * control: the sockets for mcpctl: the operator's (control_dir/control.sock: root, our own uid, control_group; every
 * verb) and one an agent (<runtime_dir>/<agent>/agent.sock, owned like its pipes: who can open it is that agent; only
 * the verbs of that agent). Protocol: base/wire.h.
 * Owns:   sockets and clients, until `connect` makes a client a session of the mux.
 * Bounds: clients a socket, bytes of a request, time without one: who passes one of these is closed. Who does not read
 *         its answers is not read either, and then closed, but for `logs`, where it only keeps its place in the ring.
 *         Nobody waits for anybody.
 */
#ifndef SUPERVISOR_CONTROL_H
#define SUPERVISOR_CONTROL_H

struct conf_agent;
struct control;
struct err;
struct server;
struct supervisor;

/* Opens the operator's socket; rundir must stand. -EBUSY in e->code: another mcpinit answers there. */
struct control *control_new(struct supervisor *sv, struct err *e);
/* Closes clients, removes sockets. */
void control_free(struct control *ctl);

/* Opens the agent's socket in its directory (rundir_agent() first), unless it is open. */
int control_add_agent(struct control *ctl, const struct conf_agent *agent, struct err *e);
void control_remove_agent(struct control *ctl, const char *agent);

/* The server is about to be freed: those who follow it or wait for it are told. */
void control_server_gone(struct control *ctl, struct server *s);

/* Of a pull: those who wait for it are told. */
void control_progress(struct control *ctl, const struct server *s, const char *text);

/* Something changed: those who wait for an outcome are answered if it is there. From the loop. */
void control_changed(struct control *ctl);

#endif
