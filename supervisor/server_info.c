/* SPDX-License-Identifier: MIT */
/* A server's birth and death, and what others may know of it. */
#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "stdio/errlog.h"
#include "stdio/mux.h"
#include "supervisor/agents.h"
#include "supervisor/launch.h"
#include "supervisor/plan.h"
#include "supervisor/pulse.h"
#include "supervisor/server_priv.h"
#include "supervisor/supervisor.h"
#include "supervisor/watch.h"

#include <stdlib.h>
#include <string.h>

const char *server_name(const struct server *s)
{
	return s->conf->name;
}

const struct conf_server *server_conf(const struct server *s)
{
	return s->conf;
}

bool server_is_called(const struct server *s, const char *name)
{
	return strcmp(s->conf->name, name) == 0 || strcmp(conf_server_base(s->conf), name) == 0;
}

struct mux *server_mux(struct server *s)
{
	return s->mux;
}

struct agents *server_agents(struct server *s)
{
	return s->agents;
}

struct errlog *server_errlog(struct server *s)
{
	return s->errlog;
}

enum srv_state server_state(const struct server *s)
{
	return s->state;
}

bool server_is_down(const struct server *s)
{
	return !s->launch && s->state != SRV_STOPPING;
}

bool server_is_ready(const struct server *s)
{
	return s->state == SRV_RUNNING;
}

bool server_counts_as_up(const struct server *s)
{
	return s->state == SRV_RUNNING ||
	       (s->state == SRV_STOPPED && !s->want_up && !s->is_unfit) || server_is_asleep(s);
}

bool server_is_asleep(const struct server *s)
{
	bool is_falling = s->state == SRV_STOPPING && s->is_idle && !s->want_up;
	return (s->state == SRV_STOPPED || is_falling) &&
	       s->conf->autostart == CONF_AUTOSTART_LAZY && !s->is_by_hand && !s->is_unfit &&
	       !s->is_shut;
}

enum supervisor_hold server_hold(const struct server *s)
{
	return s->state == SRV_STARTING ? s->hold : HOLD_NONE;
}

unsigned server_ticket(const struct server *s)
{
	return s->ticket;
}

bool server_is_first_start(const struct server *s)
{
	return s->is_first;
}

bool server_depends_on(const struct server *s, const struct server *other)
{
	for (char **d = s->conf->depends_on; *d; d++)
		if (strcmp(*d, other->conf->name) == 0)
			return true;
	return false;
}

static const char *health_word(const struct server *s)
{
	if (s->state == SRV_STARTING)
		return "starting";
	if (s->state != SRV_RUNNING)
		return "none";
	enum health_verdict v = s->pulse ? pulse_now(s->pulse) : HEALTH_NONE;
	bool is_degraded = v != HEALTH_UNHEALTHY && degraded_is(&s->degraded, clock_ms());
	return is_degraded ? "degraded" : health_verdict_name(v);
}

static void say_image(const struct conf_server *c, struct server_info *ret)
{
	const char *image = c->launch == CONF_LAUNCH_PROCESS ? NULL : plan_image(c);
	ret->image = image ? image : "";
	ret->runner = image && !c->image ? c->command[0] : "";
}

static int64_t retry_in_ms(const struct server *s)
{
	int64_t left = s->retry_at_ms - clock_ms();
	return s->state == SRV_BACKOFF && left > 0 ? left : 0;
}

void server_info(struct server *s, struct server_info *ret)
{
	*ret = (struct server_info){
		.name = s->conf->name,
		.state = fsm_state_name(s->state),
		.health = health_word(s),
		.why = s->why,
		.via = s->launch ? launch_via(s->launch) : "",
		.id = s->launch ? launch_id(s->launch) : "",
		.first_error = s->launch ? launch_first_error(s->launch) : NULL,
		.protocol = s->protocol,
		.server_version = s->version,
		.uptime_ms = s->state == SRV_RUNNING ? clock_ms() - s->ready_ms : 0,
		.restarts = s->restarts,
		.last_exit = s->last_exit,
		.last_restart_ms = s->restarts ? clock_ms() - s->last_restart_ms : 0,
		.retry_ms = retry_in_ms(s),
		.attempt =
			s->engine_backoff.attempt ? s->engine_backoff.attempt : s->backoff.attempt,
		.waiting = mux_depth(s->mux).waiting,
		.generation = s->generation,
		.probe_ms = s->pulse ? pulse_last_probe_ms(s->pulse) : -1,
		.tools = s->tools,
		.agents = mux_agents_present(s->mux),
		.in_flight = mux_in_flight(s->mux),
		.want_up = s->want_up,
		.is_required = s->conf->required,
		.is_lazy = s->conf->autostart == CONF_AUTOSTART_LAZY,
	};
	memcpy(ret->restarts_for, s->restarts_for, sizeof(ret->restarts_for));
	say_image(s->conf, ret);
}

/* --- birth and death ------------------------------------------------------------------------ */

struct server *server_new(struct supervisor *sv, const struct conf_server *conf, struct err *e)
{
	struct server *s = calloc(1, sizeof(*s));
	if (!s) {
		err_oom(e);
		return NULL;
	}
	s->sv = sv;
	s->conf = conf;
	s->state = SRV_STOPPED;
	s->tools = -1;
	s->grace_ms = conf->stop_grace_period_ms;
	server_take_backoff(s);
	struct mux_params mp = server_mux_params(s);
	s->mux = mux_new(&mp, e);
	s->errlog = errlog_new(sv->loop, conf->name);
	s->timer = loop_timer_new(sv->loop, server_timer_fired, s);
	s->turn_timer = loop_timer_new(sv->loop, server_turn_came, s);
	s->stdout_timer = loop_timer_new(sv->loop, server_stdout_over, s);
	s->post_timer = loop_timer_new(sv->loop, server_stopped, s);
	s->slot_timer = loop_timer_new(sv->loop, server_slot_over, s);
	s->calm_timer = loop_timer_new(sv->loop, server_calm, s);
	s->verdict_timer = loop_timer_new(sv->loop, server_verdict_holds, s);
	s->agents = s->mux ? agents_new(s->mux) : NULL;
	if (!s->agents || !s->errlog || !s->timer || !s->turn_timer || !s->stdout_timer ||
	    !s->post_timer || !s->slot_timer || !s->calm_timer || !s->verdict_timer) {
		if (s->mux)
			err_oom(e);
		server_free(s);
		return NULL;
	}
	server_set_gate(s);
	server_watch_files(s);
	return s;
}

void server_free(struct server *s)
{
	if (!s)
		return;
	watch_free(s->watch);
	pulse_free(s->pulse);
	launch_free(s->launch);
	agents_free(s->agents);
	mux_free(s->mux);
	errlog_free(s->errlog);
	loop_timer_free(s->timer);
	loop_timer_free(s->turn_timer);
	loop_timer_free(s->stdout_timer);
	loop_timer_free(s->post_timer);
	loop_timer_free(s->slot_timer);
	loop_timer_free(s->calm_timer);
	loop_timer_free(s->verdict_timer);
	free(s);
}
