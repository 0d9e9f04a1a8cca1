/* SPDX-License-Identifier: MIT */
/*
 * control_priv: the insides of control, shared by the files that are one: control.c (sockets), control_client.c
 * (clients and their lines), control_verbs.c (what each verb does), control_wait.c, control_outcome.c and control_sweep.c
 * (answers that come later), control_logs.c (lines as the client takes them), control_pins.c (tools that changed).
 */
#ifndef SUPERVISOR_CONTROL_PRIV_H
#define SUPERVISOR_CONTROL_PRIV_H

#include "base/buf.h"
#include "base/wire.h"
#include "supervisor/control.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cJSON;
struct conf_agent;
struct ctl_logs;
struct ctl_sweep;
struct ctl_tail;
struct ctl_wait;
struct loop_io;
struct loop_timer;
struct server;

struct control {
	struct supervisor *sv;
	struct ctl_socket *sockets;
	struct ctl_tail *tails;	 /* servers whose lines somebody follows, or followed */
	struct ctl_sweep *sweep; /* the one under way, or NULL */
	int64_t gid;		 /* of control_group; -1: none */
};

struct ctl_socket {
	struct ctl_socket *next;
	struct control *ctl;
	char *agent;	  /* owned; NULL: the operator's */
	const char *name; /* in dir_fd */
	int dir_fd, fd;	  /* owned */
	struct loop_io *io;
	struct loop_timer *retry; /* accept again after there were no descriptors */
	struct ctl_client *clients;
	unsigned n_clients;
};

struct ctl_client {
	struct ctl_client *prev, *next;
	struct ctl_socket *socket;
	int fd; /* owned; -1: handed on to the mux */
	struct loop_io *io;
	struct loop_timer *timer; /* too long without a request; at 0: it is dead, free it */
	struct buf in, out;
	/* Its request is not answered yet, and its next one not read: at most one of these. */
	struct ctl_wait *wait; /* owned */
	struct ctl_logs *logs; /* owned */
	bool is_sweeping;      /* control's sweep is its */
	bool is_ended;	       /* it sends no more */
	bool is_paused;	       /* it sent more while its request waits: not read yet */
	bool is_closing;       /* goes when all is sent */
	bool is_dead;
};

/* --- control.c --- */
/* By peer credentials; an agent's socket is guarded by its mode alone. */
bool ctl_may_enter(const struct ctl_socket *s, int fd);

/* --- control_client.c: but for the first two, all may make the client dead; none frees it --- */
/* Takes the descriptor in any case. */
void ctl_client_new(struct ctl_socket *s, int takes_fd);
void ctl_client_free(struct ctl_client *c);
void ctl_result(struct ctl_client *c, const struct cJSON *id, struct cJSON *takes_result);
void ctl_error(struct ctl_client *c, const struct cJSON *id, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A notification, unless the client has not read what it was told before: the next will say more. */
void ctl_note(struct ctl_client *c, const char *method, struct cJSON *takes_params);
/* There may be something to be sent: from the loop, when it can take it. */
void ctl_wake(struct ctl_client *c);
void ctl_drop(struct ctl_client *c);
/* Its request is answered: it may send the next. */
void ctl_next(struct ctl_client *c);
/* The descriptor, and out of the loop: the caller's. -1 when answers are still unsent. */
int ctl_hand_over(struct ctl_client *c, const struct cJSON *id);

/* --- control_verbs.c --- */
void ctl_request(struct ctl_client *c, const struct wire_request *rq);
/* Whom the socket speaks for; NULL: the operator. */
const struct conf_agent *ctl_agent(const struct ctl_client *c);

/* --- control_wait.c --- */
/* start, stop, restart, wait, pull: does it, and answers now or later. */
void ctl_wait_begin(struct ctl_client *c, const struct wire_request *rq);
/* reload: as start, of the servers that begin anew. */
void ctl_reload(struct ctl_client *c, const struct wire_request *rq);
void ctl_wait_look(struct ctl_client *c);
void ctl_wait_free(struct ctl_wait *w);
/* A note `progress` to a client that waits for a pull of this server. */
void ctl_wait_progress(struct ctl_client *c, const struct server *s, const char *text);
/* The server leaves the configuration: a wait for it by name is refused, one for all goes on without it. */
void ctl_wait_gone(struct ctl_client *c, const struct server *s);

/* --- control_logs.c --- */
void ctl_logs_begin(struct ctl_client *c, const struct wire_request *rq, struct server *s);
/* Some more lines into out, or the answer and the end of c->logs; may add nothing. 0 or -ENOMEM. */
int ctl_logs_fill(struct ctl_client *c);
bool ctl_logs_has_news(const struct ctl_client *c);
void ctl_logs_gone(struct ctl_client *c, const struct server *s);
void ctl_logs_free(struct ctl_logs *l);
/* only: NULL: of all servers. */
void ctl_tails_free(struct control *ctl, const struct server *only);

/* --- control_pins.c --- */
void ctl_pins(struct ctl_client *c, const struct wire_request *rq, struct server *s);

/* --- control_sweep.c --- */
void ctl_sweep_begin(struct ctl_client *c, const struct wire_request *rq);
/* The client goes; the sweep does not. */
void ctl_sweep_forget(struct ctl_client *c);
void ctl_sweep_free(struct ctl_sweep *s);

#endif
