/* SPDX-License-Identifier: MIT */
/*
 * server_priv: the insides of a server, shared by the six files that are one: server.c (the machine: states, wishes,
 * stopping), server_process.c (one process: launch, handshake, death), server_health.c (verdicts, degraded),
 * server_conf.c (its configuration), server_info.c (birth, looking at it), server_tally.c (what is counted).
 */
#ifndef SUPERVISOR_SERVER_PRIV_H
#define SUPERVISOR_SERVER_PRIV_H

#include "base/log.h"
#include "base/loop.h"
#include "stdio/mux.h"
#include "supervisor/backoff.h"
#include "supervisor/degraded.h"
#include "supervisor/server.h"
#include "supervisor/tallies.h"

struct launch_exit;

enum { WHY_MAX = 1200, LAST_EXIT_MAX = 256 };

/* What the timer of STOPPING does next. */
enum stop_step { STOP_STDIN, STOP_SIGNAL, STOP_KILL, STOP_LEAVE };

struct server {
	struct supervisor *sv;
	const struct conf_server *conf;	     /* borrowed */
	const struct conf_server *next_conf; /* borrowed; the next process's; NULL: the same */
	struct mux *mux;
	struct agents *agents;
	struct errlog *errlog;
	struct launch *launch; /* NULL: no process, not even on its way */
	struct pulse *pulse;   /* health probes; only while RUNNING */
	struct watch *watch;   /* of its files; NULL: none are named, or inotify cannot be had */
	struct backoff backoff;
	struct backoff
		engine_backoff; /* of starts that failed by the engine's fault: without end */

	enum srv_state state;
	bool want_up;
	bool is_shut;	 /* going down for good */
	bool is_leaving; /* … and then to be freed */
	bool is_asked;	 /* we asked this process to go */
	bool is_word;	 /* … by an operator's word: what follows need not wait for a backoff */
	bool was_ready;	 /* this process reached RUNNING */
	bool is_first; /* it has not been RUNNING since it was last asked for: depends_on counts */
	bool has_slot; /* counts in sv->starting */
	unsigned ticket;	   /* STARTING: prepared, and waits for a slot; 0: not so */
	bool is_by_hand;	   /* stopped by an operator */
	bool is_unfit;		   /* stopped for being unhealthy */
	bool is_oom;		   /* the engine said that this process had no memory left */
	bool is_hung;		   /* this process was found hung, and is to be restarted */
	bool is_engine_doubted;	   /* a start or a process of it ended with the engine */
	bool is_cut_said;	   /* that a proxy cut its connection */
	bool is_idle;		   /* this process was stopped, or is, because nobody used it */
	enum supervisor_hold hold; /* STARTING: why it is not launched */
	char why[WHY_MAX];

	struct loop_timer *timer;	 /* the state's own */
	struct loop_timer *turn_timer;	 /* STARTING: look whether it may be launched */
	struct loop_timer *stdout_timer; /* between the end of stdout and the exit */
	struct loop_timer *post_timer;	 /* STOPPING, and there is nothing (any more) to wait for */
	struct loop_timer *slot_timer;	 /* a start that takes long gives its slot back */
	struct loop_timer *calm_timer;	 /* RUNNING and degraded: is it still? */
	struct loop_timer
		*verdict_timer; /* a check said no: it may be the end that we hear of next */
	enum stop_step stop_step;
	int64_t grace_ms;
	int64_t retry_ms; /* BACKOFF: until the next launch */
	int64_t retry_at_ms;
	int64_t launched_ms, started_ms, ready_ms;
	int64_t well_ms; /* is_hung: its last sign of health; 0: there was none */
	unsigned generation, restarts;
	int tools;
	unsigned restarts_for[RESTART_REASONS];
	struct tallies tallies;
	int64_t pull_began_ms;	       /* STARTING: its image is being pulled since; 0: not */
	int64_t last_restart_ms;       /* when the last of `restarts` was decided */
	char last_exit[LAST_EXIT_MAX]; /* … and why */
	struct degraded degraded;
	struct mux_ask *recount; /* tools are counted anew; NULL: not just now */
	int recounted, recount_pages;
	char protocol[24], version[96];
	char first_error[WHY_MAX]; /* why the api was given up, until the engine reconnects; "" */
};

/* --- server.c --- */
/* Looks the event up, sets the state, carries out the actions. Never from within itself. */
void server_step(struct server *s, enum srv_event ev);
void server_set_why(struct server *s, const char *text);
/* Tells the mux what requests meet while no process is ready. */
void server_set_gate(struct server *s);
/* A lifecycle line: into the log and into `mcpctl logs`. */
void server_note(struct server *s, enum log_level level, const char *event, const char *text);
/* It needs no start slot (any more). */
void server_release_slot(struct server *s);
/* server_shut(), with another reason. */
void server_shut_for(struct server *s, int64_t grace_ms, const char *why);
void server_slot_over(void *ctx);
/* on_unhealthy = stop: down, and not for being asked to. */
void server_stop_unfit(struct server *s, const char *why);
/* Nobody has used it for idle_timeout: down, and asleep again. */
void server_sleep(struct server *s);
/* Its agent is another client now: another process for it. */
void server_renew(struct server *s);
/* One of its files. */
void server_file_changed(void *ctx, const char *path);
void server_timer_fired(void *ctx);
void server_stopped(void *ctx);

/* --- server_process.c --- */
/* STARTING: the next step of its start, if its turn has come; called again by server_kick() until then. */
void server_turn_came(void *ctx);
/* Fails what is in flight; the mux lets go of the process. */
void server_tell_death(struct server *s, const struct launch_exit *x);
void server_drop_process(struct server *s);
/* It is of no use, and shall come anew. */
void server_recycle(struct server *s, const char *why);
/* Its stdout ended and no exit came in time. */
void server_stdout_over(void *ctx);
extern const struct mux_cb server_mux_cb;

/* --- server_health.c --- */
void server_watch_health(struct server *s);
/* The same anew: the keys of its probes may have changed. */
void server_health_tuned(struct server *s);
/* The handshake is done: tools are held against what there was. */
void server_health_ready(struct server *s, const struct mux_ready *r);
/* A process that was ready has ended, and another follows. */
void server_health_ended(struct server *s, enum server_restart reason);
/* A state is left: no probes any more. */
void server_health_leave(struct server *s);
void server_calm(void *ctx);
void server_verdict_holds(void *ctx);

/* --- server_tally.c --- */
/* As far as the end itself tells. */
enum server_restart server_reason_of_exit(const struct launch_exit *x);
/* It had been RUNNING, and is to be launched again; sentence: how it ended. */
void server_tally_end(struct server *s, const char *sentence);
/* A launch's pull: a word of its progress; the end. */
void server_pull_goes_on(struct server *s);
void server_pull_ended(struct server *s, bool is_ok);

/* --- server_conf.c --- */
struct mux_params server_mux_params(struct server *s);
void server_take_backoff(struct server *s);
/* Begins to watch what the key `watch` names, anew after a change of it. */
void server_watch_files(struct server *s);
/* There is no process: what was changed meanwhile counts for the next. */
void server_take_next_conf(struct server *s);

#endif
