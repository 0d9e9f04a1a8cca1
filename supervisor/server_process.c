/* SPDX-License-Identifier: MIT */
/* One process of a server: its launch, its handshake, its end. */
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/stream.h"
#include "conf/conf.h"
#include "stdio/errlog.h"
#include "stdio/mux.h"
#include "supervisor/death.h"
#include "supervisor/launch.h"
#include "supervisor/server_priv.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum {
	TAIL_BYTES = 2048, /* of stderr in the error that agents get */
	EXIT_WAIT_MS =
		60, /* how long the end of stdout waits for the exit status before the agents are told */
	ENGINE_WAIT_MS = 1000,	 /* the engine is away, or was, and it is not known yet */
	CLOSED_STDOUT_MS = 2000, /* a process that closed its stdout and lives is of no use */
	SLOT_MS = 10000, /* the rush of a start; one that takes longer does not keep its slot */
};

/* --- the process is gone ----------------------------------------------------------------------- */

void server_tell_death(struct server *s, const struct launch_exit *x)
{
	if (!mux_is_attached(s->mux))
		return;
	errlog_flush(s->errlog);
	struct mux_death d = {
		.reason = s->is_asked && s->why[0] ? s->why : death_reason(x),
		.exit_code = x->exit_code,
		.signal = x->signal,
		.is_oom = x->is_oom,
		.stderr_tail = errlog_tail(s->errlog, TAIL_BYTES),
	};
	mux_detach(s->mux, &d);
}

void server_drop_process(struct server *s)
{
	loop_timer_stop(s->stdout_timer);
	launch_free(take_ptr(&s->launch));
	server_release_slot(s);
	server_take_next_conf(s);
}

static unsigned random_bits(void)
{
	unsigned r = 0;
	(void)!getrandom(&r, sizeof(r), GRND_NONBLOCK); /* 0 only takes the jitter away */
	return r;
}

static enum log_level level_of(const struct server *s, enum srv_event ev)
{
	if (ev == EV_GAVE_UP)
		return LOG_ERROR;
	return ev == EV_DIED && !s->is_asked ? LOG_WARN : LOG_INFO;
}

static void say_death(struct server *s, enum srv_event ev, const char *sentence)
{
	char text[WHY_MAX + 128], span[24], attempt[24] = "";
	int n = s->engine_backoff.attempt ? s->engine_backoff.attempt : s->backoff.attempt;
	death_span(s->retry_ms, span, sizeof(span));
	if (n > 0)
		(void)snprintf(attempt, sizeof(attempt), ", attempt %d", n);
	if (ev == EV_DIED && s->retry_ms > 0)
		(void)snprintf(text, sizeof(text), "%s; restart in %s%s", sentence, span, attempt);
	else if (ev == EV_DIED)
		(void)snprintf(text, sizeof(text), "%s; restart now", sentence);
	else if (ev == EV_GAVE_UP)
		(void)snprintf(text, sizeof(text), "%s; given up, mcpctl start %s tries again",
			       sentence, s->conf->name);
	else
		(void)snprintf(text, sizeof(text), "%s", sentence);
	server_note(s, level_of(s, ev), "exit", text);
}

/* Nothing of this is the server's fault, and no attempt of its own: it is tried for ever. */
static int64_t after_engine_ms(struct server *s, const struct launch_exit *x)
{
	bool is_first = !s->is_engine_doubted;
	s->is_engine_doubted = true;
	if (!s->sv->is_engine_ready)
		return 0; /* STARTING waits for the engine */
	if (x->is_engine_gone && !is_first)
		s->engine_backoff.attempt++; /* it answers pings, and nothing else */
	if (x->cut_ms > 0)
		return ENGINE_WAIT_MS;
	if (x->is_engine_gone)
		return 2 * ENGINE_WAIT_MS; /* its absence is known by then, and said once */
	return backoff_next(&s->engine_backoff, random_bits());
}

/* How long it was well; 0: it never was ready. To hang for a while before it is found is no life. */
static int64_t lived_ms(const struct server *s)
{
	int64_t until = s->is_hung ? s->well_ms : clock_ms();
	return s->was_ready ? until - s->ready_ms : 0;
}

/* What follows, and after how long. */
static enum srv_event decide(struct server *s, const struct launch_exit *x)
{
	struct death d = {
		.conf = s->conf,
		.x = x,
		.want_up = s->want_up && !s->is_shut,
		.is_asked = s->is_asked,
		.was_ready = s->was_ready,
	};
	enum srv_event ev = death_event(&d);
	s->retry_ms = 0;
	if (ev != EV_DIED || s->is_word) /* an operator is not kept waiting */
		return ev;
	if (x->is_engine_gone || x->is_engine_ill || x->cut_ms > 0) {
		s->retry_ms = after_engine_ms(s, x);
		return ev;
	}
	backoff_reset(&s->engine_backoff);
	s->retry_ms = backoff_after_exit(&s->backoff, lived_ms(s), random_bits());
	return backoff_is_spent(&s->backoff) ? EV_GAVE_UP : EV_DIED;
}

/* The engine's absence is said once for all, a proxy's limit once for each. */
static bool is_said_already(struct server *s, const struct launch_exit *x)
{
	bool was_cut = s->is_cut_said;
	s->is_cut_said |= x->cut_ms > 0;
	return (x->is_engine_gone && s->engine_backoff.attempt != 1) || (x->cut_ms > 0 && was_cut);
}

static enum server_restart reason_of(const struct server *s, const struct launch_exit *x)
{
	if (s->is_word)
		return RESTART_WISH;
	if (s->is_hung)
		return RESTART_HUNG;
	enum server_restart by = server_reason_of_exit(x);
	bool is_ours = s->is_asked && (by == RESTART_EXIT || by == RESTART_SIGNAL);
	return is_ours ? RESTART_STDOUT : by; /* nothing else is left to have asked it for */
}

static void gone(struct server *s, const struct launch_exit *x)
{
	char sentence[WHY_MAX];
	death_sentence(x, s->started_ms ? clock_ms() - s->started_ms : 0, sentence,
		       sizeof(sentence));
	server_tell_death(s, x);
	server_drop_process(s);
	enum srv_event ev = decide(s, x);
	if (s->was_ready && ev == EV_DIED && !s->is_idle) {
		server_tally_end(s, sentence);
		server_health_ended(s, reason_of(s, x));
	}
	server_pull_ended(s, false);
	if (!s->is_asked) {
		if (is_said_already(s, x))
			log_debug(s->conf->name, "%s", sentence);
		else
			say_death(s, ev, sentence);
		server_set_why(s, ev == EV_DOWN ? "" : sentence);
	} else if (ev == EV_GAVE_UP || s->is_word) {
		(void)snprintf(sentence, sizeof(sentence), "stopped: %.*s", WHY_MAX - 16, s->why);
		say_death(s, ev, sentence);
	} else if (!s->is_idle) { /* why was said when we asked */
		say_death(s, ev, "stopped");
	}
	server_step(s, ev);
}

static void launch_exited(void *ctx, const struct launch_exit *over)
{
	struct server *s = ctx;
	char what[256];
	struct launch_exit now = *over;
	const struct launch_exit *x = &now;
	now.is_oom |= s->is_oom;
	/* An engine that is going takes its containers along: that is how it went. */
	now.is_engine_gone |=
		launch_needs_engine(s->sv, s->conf) && !s->sv->is_engine_ready && !now.is_final;
	if (s->was_ready || s->is_asked || !launch_needs_engine(s->sv, s->conf) ||
	    !death_is_exec_failure(x, errlog_tail(s->errlog, TAIL_BYTES), what, sizeof(what))) {
		gone(s, x);
		return;
	}
	struct err e;
	err_set(&e, -ENOEXEC,
		"its command cannot be executed (%s); correct image, command or entrypoint", what);
	struct launch_exit final = *x;
	final.e = &e;
	final.is_final = true;
	gone(s, &final);
}

/* --- launching --------------------------------------------------------------------------------- */

static void launch_progress(void *ctx, const char *text)
{
	struct server *s = ctx;
	server_pull_goes_on(s);
	server_set_why(s, text);
	server_set_gate(s);
	log_info(s->conf->name, "%s", text);
}

static void launch_stdio(void *ctx, struct stream *takes)
{
	struct server *s = ctx;
	struct err e;
	/* The api got this far and no further, and the docker command takes over: nobody was answered yet. */
	struct mux_death d = { .reason = "start failed", .exit_code = -1 };
	loop_timer_stop(s->stdout_timer); /* the end of the api's stream is not this one's */
	mux_detach(s->mux, &d);
	if (mux_attach(s->mux, takes, &e) < 0) {
		stream_free(takes);
		server_set_why(s, e.text);
		server_note(s, LOG_WARN, "attach", e.text);
		s->is_asked = true;
		launch_kill(s->launch);
	}
}

static void launch_stderr(void *ctx, const char *bytes, size_t n)
{
	struct server *s = ctx;
	errlog_feed(s->errlog, bytes, n);
	/* A package manager at work: as long as it talks, the start is under way. */
	if (s->state == SRV_STARTING && launch_is_installing(s->launch))
		loop_timer_in(s->timer, s->conf->start_timeout_ms);
}

static void launch_started(void *ctx)
{
	struct server *s = ctx;
	s->started_ms = clock_ms();
	const char *first = launch_first_error(s->launch);
	(void)snprintf(s->first_error, sizeof(s->first_error), "%s", first ? first : "");
	/* Else it was quicker to shake hands than the engine to say so, or is asked to go already. */
	if (s->state == SRV_STARTING) {
		server_set_why(s, "shaking hands");
		loop_timer_in(s->timer, s->conf->start_timeout_ms);
	}
	log_debug(s->conf->name, "started via %s as %s", launch_via(s->launch),
		  launch_id(s->launch));
	supervisor_changed(s->sv, s);
}

static void refuse_start(struct server *s, const char *sentence, bool is_final)
{
	struct err e;
	err_set(&e, -EINVAL, "%s", sentence);
	struct launch_exit x = { .exit_code = -1, .e = &e, .is_final = is_final };
	gone(s, &x);
}

/* True: it has to wait on, and `why` says for what. */
static bool is_held(struct server *s)
{
	char text[WHY_MAX];
	enum supervisor_hold hold = supervisor_holds(s->sv, s, text, sizeof(text)), was = s->hold;
	s->hold = hold;
	if (hold != was)
		supervisor_changed(s->sv, s); /* others may wait for this one */
	if (hold == HOLD_NONE)
		return false;
	if (strcmp(text, s->why) != 0) {
		log_debug(s->conf->name, "%s", text);
		server_set_why(s, text);
		server_set_gate(s);
	}
	if (hold == HOLD_HOPELESS && was != HOLD_HOPELESS)
		server_note(s, LOG_WARN, "waits", text);
	return true;
}

/* All it needs is there; called again by server_kick() until a slot is free. */
static void try_go(struct server *s)
{
	if (is_held(s))
		return;
	s->ticket = 0;
	s->has_slot = true;
	s->sv->starting++;
	loop_timer_in(s->slot_timer, SLOT_MS);
	s->launched_ms = clock_ms();
	server_set_why(s, "starting");
	launch_go(s->launch);
	server_set_gate(s);
}

static void launch_prepared(void *ctx)
{
	struct server *s = ctx;
	if (s->state != SRV_STARTING)
		return; /* it is asked to go already */
	server_pull_ended(s, true);
	s->ticket = ++s->sv->tickets;
	try_go(s);
}

/* Once its turn has come; called again by server_kick() until then. */
static void try_launch(struct server *s)
{
	s->is_asked = s->is_word = s->was_ready = false;
	s->is_idle = s->is_hung = s->is_oom = false;
	s->started_ms = s->ready_ms = s->pull_began_ms = 0;
	if (s->conf->blocked) {
		refuse_start(s, s->conf->blocked, true);
		return;
	}
	if (is_held(s))
		return;
	s->generation++;
	errlog_begin(s->errlog);
	server_set_why(s, "starting");
	static const struct launch_cb cb = {
		.on_progress = launch_progress,
		.on_prepared = launch_prepared,
		.on_stdio = launch_stdio,
		.on_stderr = launch_stderr,
		.on_started = launch_started,
		.on_exit = launch_exited,
	};
	struct launch_params p = {
		.sv = s->sv,
		.conf = s->conf,
		.generation = s->generation,
		.first_error = s->first_error[0] ? s->first_error : NULL,
		.cb = cb,
		.ctx = s,
		.fallbacks = &s->tallies.fallbacks,
	};
	struct err e;
	bool is_final = false;
	s->launch = launch_new(&p, &is_final, &e);
	if (!s->launch) {
		refuse_start(s, e.text, is_final);
		return;
	}
	server_set_gate(s);
}

void server_turn_came(void *ctx)
{
	struct server *s = ctx;
	if (s->state != SRV_STARTING)
		return;
	if (!s->launch)
		try_launch(s);
	else if (s->ticket)
		try_go(s);
}

/* --- the mux's news ---------------------------------------------------------------------------- */

static void mux_ready(void *ctx, const struct mux_ready *r)
{
	struct server *s = ctx;
	if (s->state != SRV_STARTING)
		return;
	s->ready_ms = clock_ms();
	s->was_ready = true;
	s->is_engine_doubted = false;
	backoff_reset(&s->engine_backoff);
	s->is_first = false;
	(void)snprintf(s->protocol, sizeof(s->protocol), "%s", r->protocol ? r->protocol : "");
	(void)snprintf(s->version, sizeof(s->version), "%s %s",
		       r->server_name ? r->server_name : "",
		       r->server_version ? r->server_version : "");
	char text[256], tools[64] = "no tools";
	if (r->tools >= 0)
		(void)snprintf(tools, sizeof(tools), "%d tool%s", r->tools,
			       r->tools == 1 ? "" : "s");
	if (r->tools >= 0 && r->shown < r->tools)
		(void)snprintf(tools, sizeof(tools), "%d of %d tool%s shown", r->shown, r->tools,
			       r->tools == 1 ? "" : "s");
	(void)snprintf(text, sizeof(text), "ready in %lld ms via %s, %s",
		       (long long)(s->ready_ms - s->launched_ms), launch_via(s->launch), tools);
	server_note(s, LOG_INFO, "ready", text);
	server_health_ready(s, r);
	server_step(s, EV_READY);
}

/* It is of no use, and shall come anew. Said now, since its end may take its graces. */
void server_recycle(struct server *s, const char *why)
{
	char text[WHY_MAX + 32];
	(void)snprintf(text, sizeof(text), "%s; restarting it", why);
	server_note(s, LOG_WARN, "recycle", text);
	server_set_why(s, why);
	server_step(s, EV_RECYCLE);
}

static void mux_refused(void *ctx, const char *why)
{
	struct server *s = ctx;
	if (s->state == SRV_STARTING)
		server_recycle(s, why);
}

static void mux_ended(void *ctx)
{
	struct server *s = ctx;
	loop_timer_in(s->stdout_timer, EXIT_WAIT_MS);
}

/* Its stdout has ended and no exit came in time: the agents are told now; a process that lives on is ended. */
void server_stdout_over(void *ctx)
{
	struct server *s = ctx;
	if (mux_is_attached(s->mux)) {
		struct launch_exit x = { .exit_code = -1, .is_oom = s->is_oom };
		server_tell_death(s, &x);
		if (s->launch)
			loop_timer_in(s->stdout_timer, CLOSED_STDOUT_MS);
	} else if (s->launch && (s->state == SRV_STARTING || s->state == SRV_RUNNING)) {
		server_recycle(s, "it closed its stdout but did not exit");
	}
}

static void mux_wanted(void *ctx)
{
	server_start(ctx, "first message");
}

static void mux_idle(void *ctx)
{
	server_sleep(ctx);
}

static void mux_renew(void *ctx)
{
	server_renew(ctx);
}

const struct mux_cb server_mux_cb = {
	.on_ready = mux_ready,
	.on_refused = mux_refused,
	.on_stream_end = mux_ended,
	.on_wanted = mux_wanted,
	.on_idle = mux_idle,
	.on_renew = mux_renew,
};
