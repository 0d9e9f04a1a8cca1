/* SPDX-License-Identifier: MIT */
/*
 * supervisor: the one context of the program: loop, configuration, engine, servers, sockets. Everything in supervisor/
 * reaches the rest through it. Owned by supervisor_run(), which alone decides when the program ends.
 */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include "conf/conf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct command;
struct conf_old;
struct control;
struct docker;
struct docker_self;
struct err;
struct fifo_set;
struct http;
struct loop;
struct loop_timer;
struct metrics_file;
struct pins;
struct pull;
struct reap;
struct rundir;
struct server;
struct shutdown;

struct supervisor {
	struct loop *loop;
	struct conf_source
		source; /* where conf came from; path NULL: a plain init, with nothing but COMMAND */
	const struct conf *conf;    /* owned */
	struct conf_old *old_confs; /* owned; before it, and still borrowed from */
	const char *const *environ; /* ours, as main got it */
	char *const *command_argv;  /* COMMAND, or NULL */
	struct http *http;
	struct docker *docker;	       /* NULL: no server needs an engine */
	struct docker_self *self;      /* who we are, once asked; NULL before */
	struct loop_timer *self_timer; /* asks again who we are */
	struct reap *reap;
	struct fifo_set *fifos;
	struct rundir *rundir;
	struct pins *pins; /* of all servers' tools */
	struct control *control;
	struct metrics_file *metrics;  /* NULL: not asked for */
	struct command *command;       /* NULL: not started, or ended */
	struct pull *pulls;	       /* of `mcpctl pull`; pulls.c */
	struct shutdown *shutdown;     /* NULL: we are not going down */
	struct loop_timer *look_timer; /* something changed: look_again() */
	struct loop_timer *required_timer;
	struct server *
		*servers; /* n_servers, in the order of the configuration; then those that leave */
	size_t n_servers;
	char *instance;	      /* NULL until known */
	char boot[17];	      /* this life's nonce, hex */
	bool is_engine_ready; /* up, ourselves found, left-overs swept: containers may be made */
	bool is_command_done;
	bool is_end_wanted; /* somebody asked for the shutdown; the next one who asks hurries it */
	unsigned starting;  /* servers that hold one of start_concurrency slots */
	unsigned tickets;   /* drawn so far by servers that wait for a slot */
	unsigned fallbacks; /* api → cli so far */
	unsigned fallback_row; /* starts by the cli since the api last made one; launch.c */
	bool is_fallback_said;
	int exit_status;
};

struct supervisor_params {
	struct conf_source source; /* borrowed, as is environ */
	const struct conf *conf;   /* taken */
	char *const *command_argv; /* NULL-terminated, or NULL */
};

/* Runs until shutdown; the exit status of the program. */
int supervisor_run(const struct supervisor_params *p);

/* Level, format and secrets of the log, as the configuration has them. */
void supervisor_set_log(const struct conf *conf);
/* From now on required_timeout counts for required servers that are not up, unless it does already. */
void supervisor_watch_required(struct supervisor *sv);

/* A server's state changed: waiters, dependants, COMMAND, `required` are looked at again (from the loop). */
void supervisor_changed(struct supervisor *sv, struct server *s);
/* Ends the program with this status unless COMMAND's or a required server's says otherwise. Asked again: at once. */
void supervisor_shutdown(struct supervisor *sv, const char *why);
/* sv->http, made if there is none yet. */
struct http *supervisor_http(struct supervisor *sv, struct err *e);
struct server *supervisor_find(struct supervisor *sv, const char *name);
enum supervisor_hold {
	HOLD_NONE,
	HOLD_SLOT, /* start_concurrency: others are before it */
	HOLD_SOME_TIME,
	HOLD_UNSURE,   /* what it waits for is in trouble: nobody knows when it comes */
	HOLD_HOPELESS, /* … or comes only by a person's word */
};
/*
 * May s go on with its start now: fetch what it needs, or, once that is there, be launched? If not, text says what it waits
 * for; else it is "". Slots are given in the order in which servers came to ask for one.
 */
enum supervisor_hold supervisor_holds(struct supervisor *sv, const struct server *s, char *text,
				      size_t size);
/* All servers that shall run do, or need not: for `wait` and `healthy`. */
bool supervisor_is_booted(const struct supervisor *sv);

#endif
