/* SPDX-License-Identifier: MIT */
/*
 * server: one server: its state, launch, mux and health; the only caller of fsm_next(). Agents' pipes and the mux live as
 * long as the server is in the configuration, whatever becomes of its processes.
 */
#ifndef SUPERVISOR_SERVER_H
#define SUPERVISOR_SERVER_H

#include "supervisor/fsm.h"
#include "supervisor/supervisor.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agents;
struct conf_server;
struct docker_event;
struct err;
struct errlog;
struct mux;
struct server;
struct stream;
struct tallies;

/* conf is borrowed until another takes its place. */
struct server *server_new(struct supervisor *sv, const struct conf_server *conf, struct err *e);
void server_free(struct server *s);

const char *server_name(const struct server *s);
const struct conf_server *server_conf(const struct server *s);
/* By its name, or as one of the instances of that name (sharing = per-agent). */
bool server_is_called(const struct server *s, const char *name);
struct mux *server_mux(struct server *s);
struct errlog *server_errlog(struct server *s);
enum srv_state server_state(const struct server *s);
/* Nothing of it runs: STOPPED, EXITED, FATAL, BACKOFF. */
bool server_is_down(const struct server *s);
bool server_is_ready(const struct server *s);
/* As LSB counts it: RUNNING, or a lazy server asleep, or one that nobody wants up; not one stopped for being unhealthy. */
bool server_counts_as_up(const struct server *s);
/* A lazy server that the first message will start; also one that is on its way down for being idle. */
bool server_is_asleep(const struct server *s);
/* What keeps it from being launched, as supervisor_holds() last said. */
enum supervisor_hold server_hold(const struct server *s);
/* depends_on of s names other. */
bool server_depends_on(const struct server *s, const struct server *other);
/* Its image is there, and it asks for a start slot: the lower, the longer. 0: it does not (yet, or any more). */
unsigned server_ticket(const struct server *s);
/* It has not been RUNNING since it was last asked for: depends_on orders this start. */
bool server_is_first_start(const struct server *s);

/* Wishes. why: for the log and `status`. */
void server_start(struct server *s, const char *why);
void server_stop(struct server *s, const char *why);
void server_restart(struct server *s, const char *why);
/* Shutdown: as stop, but with this grace instead of stop_grace_period; 0 kills at once. Never starts again. */
void server_shut(struct server *s, int64_t grace_ms);
/*
 * A reload. In both cases the new configuration is borrowed; the old one still is while server_borrows() says so.
 * server_adopt: the process that runs, or the next, is described by it as well as by the old one; is_tuned: it does say
 * something new about how the process is supervised. server_reconfigure: it needs a new process, which begins where
 * one is wanted. Also brings back a server that is leaving. server_leave: it is not in the configuration any more: stops
 * for good; once server_is_down(), it can be freed.
 */
void server_adopt(struct server *s, const struct conf_server *conf, bool is_tuned);
void server_reconfigure(struct server *s, const struct conf_server *conf);
void server_leave(struct server *s);
bool server_is_leaving(const struct server *s);
bool server_borrows(const struct server *s, const struct conf_server *conf);

/* Something it may have waited for has changed: engine, dependency, a free slot. */
void server_kick(struct server *s);
/* The engine answers again: the api gets its chance again, too. */
void server_engine_back(struct server *s);
/* A container event that may be about it. True: about the container that it launches just now. */
bool server_event(struct server *s, const struct docker_event *ev);

/* Who is attached: pipes are added at boot, sessions by `connect`. */
struct agents *server_agents(struct server *s);

/* Why a process that was ready was followed by another. */
enum server_restart {
	RESTART_EXIT,	/* it ended by itself */
	RESTART_SIGNAL, /* … by a signal that was not ours */
	RESTART_OOM,	/* … for want of memory */
	RESTART_STDOUT, /* it closed its stdout and lived on */
	RESTART_HUNG,	/* unhealthy */
	RESTART_ENGINE, /* the engine went, or a proxy cut it off */
	RESTART_WISH,	/* an operator's, a reload's, a changed file's */
	RESTART_REASONS
};
/* "signal" */
const char *server_restart_name(enum server_restart reason);

/* Everything `status` shows; strings borrowed until the loop goes on. */
struct server_info {
	const char *name;
	const char *state;	    /* "RUNNING" */
	const char *health;	    /* none starting healthy unhealthy degraded */
	const char *why;	    /* one sentence; "" while all is well */
	const char *via;	    /* api cli process; "" */
	const char *id;		    /* container ID (12 digits), or pid; "" */
	const char *image;	    /* configured, or what npx or uvx became; "": a process */
	const char *runner;	    /* "npx": the image was decided for it; "" */
	const char *first_error;    /* what made it fall back; NULL */
	const char *protocol;	    /* negotiated; "" */
	const char *server_version; /* serverInfo "name version"; "" */
	int64_t uptime_ms;	    /* since ready; 0 when not RUNNING */
	unsigned restarts, generation;
	unsigned restarts_for[RESTART_REASONS]; /* their sum is restarts */
	const char *last_exit;			/* why it was restarted last; "" */
	int64_t last_restart_ms;		/* so long ago; 0: never */
	int64_t retry_ms;			/* BACKOFF: until the next launch; else 0 */
	int attempt;				/* launches since it was last well */
	size_t waiting;				/* requests that wait for it to be ready */
	int64_t probe_ms; /* how long the last health probe took that was answered; -1: none yet */
	int tools;	  /* -1: none offered, or not known */
	size_t agents, in_flight;
	bool want_up, is_required, is_lazy;
};
void server_info(struct server *s, struct server_info *ret);

/* Over all its processes; borrowed. */
const struct tallies *server_tallies(const struct server *s);
/* `mcpctl pull` has ended. */
void server_pulled(struct server *s, int64_t took_ms, bool is_ok);

#endif
