/* SPDX-License-Identifier: MIT */
/*
 * control_priv: the insides of control, shared by the four files that are one: control.c (sockets), control_client.c
 * (clients and their lines), control_verbs.c (what each verb does), control_wait.c (answers that come later).
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
struct ctl_tail;
struct ctl_wait;
struct loop_io;
struct loop_timer;
struct server;

struct control {
	struct supervisor *sv;
	struct ctl_socket *sockets;
	struct ctl_tail *tails; /* servers whose lines somebody follows, or followed */
	int64_t gid;		/* of control_group; -1: none */
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
	struct ctl_wait *wait;	/* owned: its request is not answered yet */
	struct server *follows; /* `logs -f` */
	bool is_ended;		/* it sends no more */
	bool is_paused;		/* it sent more while its request waits: not read yet */
	bool is_closing;	/* goes when all is sent */
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
/* A notification; what does not fit any more ends the client. */
void ctl_note(struct ctl_client *c, const char *method, struct cJSON *takes_params);
void ctl_drop(struct ctl_client *c);
/* Its request is answered: it may send the next. */
void ctl_next(struct ctl_client *c);
/* The descriptor, and out of the loop: the caller's. -1 when answers are still unsent. */
int ctl_hand_over(struct ctl_client *c, const struct cJSON *id);

/* --- control_verbs.c --- */
void ctl_request(struct ctl_client *c, const struct wire_request *rq);
void ctl_tails_free(struct control *ctl);
/* Whom the socket speaks for; NULL: the operator. */
const struct conf_agent *ctl_agent(const struct ctl_client *c);

/* --- control_wait.c --- */
/* start, stop, restart, wait: does it, and answers now or later. */
void ctl_wait_begin(struct ctl_client *c, const struct wire_request *rq);
/* reload: as start, of the servers that begin anew. */
void ctl_reload(struct ctl_client *c, const struct wire_request *rq);
void ctl_wait_look(struct ctl_client *c);
void ctl_wait_free(struct ctl_wait *w);

#endif
