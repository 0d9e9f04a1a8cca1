/* SPDX-License-Identifier: MIT */
#include "supervisor/server.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "stdio/errlog.h"
#include "stdio/mux.h"
#include "supervisor/death.h"
#include "supervisor/launch.h"
#include "supervisor/server_priv.h"
#include "supervisor/supervisor.h"

#include <stdio.h>

enum { KILL_WAIT_MS = 10000 }; /* after the kill: then it is left to the background removal */

/* --- small things -------------------------------------------------------------------------- */

void server_set_why(struct server *s, const char *text)
{
	(void)snprintf(s->why, sizeof(s->why), "%s", text ? text : "");
}

void server_release_slot(struct server *s)
{
	if (s->has_slot)
		s->sv->starting--;
	s->has_slot = false;
	s->ticket = 0;
	loop_timer_stop(s->slot_timer);
}

/* It hangs, or installs: it goes on, but holds nobody else up any longer. */
void server_slot_over(void *ctx)
{
	struct server *s = ctx;
	server_release_slot(s);
	supervisor_changed(s->sv, s);
}

/* What requests meet while no process is ready: they wait as long as the wait has an end. */
void server_set_gate(struct server *s)
{
	enum mux_gate gate = MUX_REFUSE;
	if (s->state == SRV_STARTING)
		gate = s->hold >= HOLD_UNSURE ? MUX_PARK_TIMED : MUX_PARK;
	else if (s->state == SRV_STOPPING && s->want_up && s->is_idle)
		gate = MUX_PARK; /* woken before it had gone: its graces are a part of its start */
	else if (s->state == SRV_BACKOFF || s->state == SRV_RUNNING ||
		 (s->state == SRV_STOPPING && s->want_up))
		gate = MUX_PARK_TIMED;
	else if (server_is_asleep(s))
		gate = MUX_ASLEEP;
	char text[WHY_MAX + 64];
	(void)snprintf(text, sizeof(text), "%s is %s%s%s", s->conf->name, fsm_state_name(s->state),
		       s->why[0] ? ": " : "", s->why);
	mux_set_gate(s->mux, gate, text);
}

void server_note(struct server *s, enum log_level level, const char *event, const char *text)
{
	struct log_field fields[] = {
		{ .key = "event", .str = event },
		{ .key = "state", .str = fsm_state_name(s->state) },
		{ .key = "attempt", .num = s->backoff.attempt },
		{ 0 },
	};
	log_event(level, s->conf->name, fields, "%s", text);
	errlog_note(s->errlog, text);
}

/* --- stopping ------------------------------------------------------------------------------- */

static void close_stdin(struct server *s)
{
	s->is_asked = true;
	s->stop_step = STOP_STDIN;
	if (!s->launch) {
		loop_timer_at(s->post_timer, 0);
	} else if (mux_is_attached(s->mux) && s->started_ms) {
		mux_close_stdin(s->mux);
		loop_timer_in(s->timer, s->grace_ms);
	} else {
		/* Nothing that could read its stdin yet, or it is hung. */
		loop_timer_at(s->timer, 0);
	}
}

/* What is wanted by now decides, not what was when the stopping began. */
void server_stopped(void *ctx)
{
	struct server *s = ctx;
	s->retry_ms = 0;
	server_step(s, s->want_up && !s->is_shut ? EV_DIED : EV_DOWN);
}

static void kill_now(struct server *s)
{
	s->stop_step = STOP_KILL;
	launch_kill(s->launch);
	loop_timer_in(s->timer, KILL_WAIT_MS);
}

static void escalate(struct server *s)
{
	s->stop_step++;
	char text[160], span[24];
	death_span(s->grace_ms, span, sizeof(span));
	switch (s->stop_step) {
	case STOP_STDIN:
	case STOP_SIGNAL:
		launch_stop(s->launch);
		loop_timer_in(s->timer, s->grace_ms);
		break;
	case STOP_KILL:
		(void)snprintf(text, sizeof(text),
			       "did not stop within %s of its stop signal; killed", span);
		if (s->started_ms)
			server_note(s, LOG_WARN, "kill", text);
		kill_now(s);
		break;
	case STOP_LEAVE: {
		server_note(s, LOG_ERROR, "kill",
			    "did not end after the kill; its removal goes on in the background");
		struct launch_exit x = { .exit_code = -1 };
		server_tell_death(s, &x);
		server_drop_process(s);
		loop_timer_at(s->post_timer, 0);
		break;
	}
	}
}

/* --- the machine ---------------------------------------------------------------------------- */

static void act(struct server *s, enum srv_action action)
{
	switch (action) {
	case ACT_NONE:
	case ACT_ACTIONS:
		break;
	case ACT_LAUNCH:
		s->hold = HOLD_NONE;
		loop_timer_at(s->turn_timer, 0);
		break;
	case ACT_CLOSE_STDIN:
		close_stdin(s);
		break;
	case ACT_ESCALATE:
		escalate(s);
		break;
	case ACT_ARM_BACKOFF:
		loop_timer_in(s->timer, s->retry_ms);
		s->retry_at_ms = clock_ms() + s->retry_ms;
		break;
	case ACT_WATCH_HEALTH:
		server_watch_health(s);
		break;
	}
}

/* What the next state may not own goes here, in one place. */
static void leave_state(struct server *s)
{
	loop_timer_stop(s->timer);
	loop_timer_stop(s->turn_timer);
	loop_timer_stop(s->post_timer);
	server_health_leave(s);
	if (s->state == SRV_STARTING)
		server_release_slot(s);
}

void server_step(struct server *s, enum srv_event ev)
{
	const struct fsm_rule *rule = fsm_next(s->state, ev);
	if (rule->to == SRV_NONE) {
		log_debug(s->conf->name, "%s means nothing while %s", fsm_event_name(ev),
			  fsm_state_name(s->state));
		return;
	}
	if (rule->to != s->state) {
		leave_state(s);
		log_debug(s->conf->name, "%s -> %s (%s)%s%s", fsm_state_name(s->state),
			  fsm_state_name(rule->to), fsm_event_name(ev), s->why[0] ? ": " : "",
			  s->why);
		s->state = rule->to;
	}
	for (size_t i = 0; i < sizeof(rule->act) / sizeof(rule->act[0]); i++)
		act(s, rule->act[i]);
	server_set_gate(s);
	supervisor_changed(s->sv, s);
}

static void say_start_timeout(struct server *s)
{
	char why[128], text[256], span[24];
	(void)snprintf(why, sizeof(why), "not ready within start_timeout (%s)",
		       death_span(s->conf->start_timeout_ms, span, sizeof(span)));
	server_set_why(s, why);
	(void)snprintf(text, sizeof(text), "%s; restarting it, mcpctl logs %s shows what it said",
		       why, s->conf->name);
	server_note(s, LOG_WARN, "start_timeout", text);
}

void server_timer_fired(void *ctx)
{
	struct server *s = ctx;
	if (s->state == SRV_STARTING)
		say_start_timeout(s);
	server_step(s, EV_TIMER);
}

/* --- wishes --------------------------------------------------------------------------------- */

/* Only a person's word gets it going again. */
static bool is_at_rest(const struct server *s)
{
	return s->state == SRV_STOPPED || s->state == SRV_EXITED || s->state == SRV_FATAL;
}

static bool means_something(const struct server *s, enum srv_event ev)
{
	return fsm_next(s->state, ev)->to != SRV_NONE;
}

void server_start(struct server *s, const char *why)
{
	if (s->is_shut)
		return;
	s->want_up = true;
	s->is_by_hand = s->is_unfit = false;
	if (!means_something(s, EV_START))
		return;
	log_debug(s->conf->name, "start: %s", why);
	degraded_accept(&s->degraded);
	if (s->state == SRV_STOPPING) {
		s->is_word = true;
		server_set_why(s, why);
	} else {
		s->is_first = s->is_first || is_at_rest(s);
		backoff_reset(&s->backoff);
		server_set_why(s, "");
	}
	server_step(s, EV_START);
}

static void stop(struct server *s, const char *why)
{
	s->want_up = s->is_word = false;
	s->grace_ms = s->conf->stop_grace_period_ms;
	if (!means_something(s, EV_STOP)) {
		/* It may have slept, and is not to be woken any more. */
		server_set_gate(s);
		supervisor_changed(s->sv, s);
		return;
	}
	server_set_why(s, why);
	server_step(s, EV_STOP);
}

void server_stop(struct server *s, const char *why)
{
	if (server_is_asleep(s))
		server_set_why(s, why);
	s->is_by_hand = true;
	stop(s, why);
}

void server_stop_unfit(struct server *s, const char *why)
{
	s->is_unfit = true;
	stop(s, why);
}

/* As it is written in the configuration: "5m", "90s". */
static const char *idle_span(int64_t ms, char *out, size_t size)
{
	static const struct {
		int64_t ms;
		const char *unit;
	} units[] = { { 3600000, "h" }, { 60000, "m" }, { 1000, "s" }, { 1, "ms" } };
	size_t i = 0;
	while (ms % units[i].ms != 0)
		i++;
	(void)snprintf(out, size, "%lld%s", (long long)(ms / units[i].ms), units[i].unit);
	return out;
}

void server_sleep(struct server *s)
{
	char text[96], what[40], span[24];
	if (s->state != SRV_RUNNING || s->conf->autostart != CONF_AUTOSTART_LAZY)
		return;
	bool is_left = s->conf->agent && mux_agents_present(s->mux) == 0;
	idle_span(s->conf->idle_timeout_ms, span, sizeof(span));
	if (is_left)
		(void)snprintf(what, sizeof(what), "its agent has gone");
	else
		(void)snprintf(what, sizeof(what), "idle for %s", span);
	(void)snprintf(text, sizeof(text), "%s; stopped, the next message starts it", what);
	server_note(s, LOG_INFO, "idle", text);
	(void)snprintf(text, sizeof(text), "asleep: %s, the next message starts it", what);
	s->is_idle = true;
	stop(s, text);
}

void server_restart(struct server *s, const char *why)
{
	if (s->is_shut)
		return;
	s->want_up = true;
	s->is_by_hand = s->is_unfit = false;
	s->is_word = true;
	s->is_first = s->is_first || is_at_rest(s);
	s->grace_ms = s->conf->stop_grace_period_ms;
	backoff_reset(&s->backoff);
	degraded_accept(&s->degraded);
	server_set_why(s, why);
	server_step(s, EV_RECYCLE);
}

/* As if it had been asleep: messages wait for the process to come, and what it offers is compared with nothing. */
void server_renew(struct server *s)
{
	if (s->is_shut || !s->want_up)
		return;
	server_restart(s, "its agent is another client now");
	degraded_forget(&s->degraded);
	s->is_idle = s->state == SRV_STOPPING;
	server_set_gate(s);
}

/* Also one that failed is tried again: somebody may have mended it. */
void server_file_changed(void *ctx, const char *path)
{
	struct server *s = ctx;
	char why[WHY_MAX - 32], text[WHY_MAX];
	mux_forget_tools(s->mux);
	bool is_down = s->state == SRV_STOPPED || s->state == SRV_STOPPING;
	bool is_to_read_it = s->state == SRV_STARTING && !s->launch;
	if (s->is_shut || is_down || is_to_read_it) {
		log_debug(s->conf->name, "%s changed while %s", path, fsm_state_name(s->state));
		return;
	}
	(void)snprintf(why, sizeof(why), "%s changed", path);
	(void)snprintf(text, sizeof(text), "restarting: %s", why);
	server_note(s, LOG_INFO, "watch", text);
	degraded_forget(&s->degraded);
	server_restart(s, why);
}

void server_shut_for(struct server *s, int64_t grace_ms, const char *why)
{
	bool was_shut = s->is_shut;
	s->is_shut = true;
	s->want_up = s->is_word = false;
	s->grace_ms = grace_ms;
	if (!was_shut && !means_something(s, EV_STOP))
		server_set_gate(s); /* it sleeps: nobody shall wake it any more */
	if (!means_something(s, EV_STOP))
		return;
	if (!was_shut)
		server_set_why(s, why);
	bool was_stopping = s->state == SRV_STOPPING;
	server_step(s, EV_STOP);
	if (!s->launch || s->stop_step >= STOP_KILL)
		return;
	if (grace_ms == 0) {
		server_note(s, LOG_WARN, "kill", "killed: no time is left for graces");
		kill_now(s);
	} else if (was_stopping) {
		loop_timer_in(s->timer, grace_ms);
	}
}

void server_shut(struct server *s, int64_t grace_ms)
{
	server_shut_for(s, grace_ms, "mcpinit is shutting down");
}

void server_kick(struct server *s)
{
	if (s->state == SRV_STARTING && (!s->launch || s->ticket))
		loop_timer_at(s->turn_timer, 0);
}

void server_engine_back(struct server *s)
{
	s->first_error[0] = '\0';
	s->is_engine_doubted = false;
	backoff_reset(&s->engine_backoff);
	if (s->ticket) /* its image was another life's of the engine: look again */
		server_drop_process(s);
	server_kick(s);
}
