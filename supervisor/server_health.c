/* SPDX-License-Identifier: MIT */
/* A server's health: what follows from a verdict of its probes, and whether it runs as it did before. */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "docker/docker.h"
#include "stdio/mux.h"
#include "supervisor/launch.h"
#include "supervisor/pulse.h"
#include "supervisor/server_priv.h"
#include "supervisor/supervisor.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

enum {
	MAX_PAGES = 100,
	NO_HOLDS_MS = 500, /* a check of a server that dies says no before its end is told */
};

/* --- degraded --------------------------------------------------------------------------------- */

static bool is_unhealthy(const struct server *s)
{
	return s->pulse && pulse_now(s->pulse) == HEALTH_UNHEALTHY;
}

/* The why of RUNNING: nothing, or what is not as it was. What is new in it is logged, once, and its end. */
static void look_degraded(struct server *s)
{
	char text[320];
	int64_t now = clock_ms();
	unsigned is = degraded_say(&s->degraded, now, text, sizeof(text));
	if (is & ~s->degraded.said)
		server_note(s, LOG_WARN, "degraded", text);
	else if (!is && s->degraded.said)
		server_note(s, LOG_INFO, "degraded", "not degraded any more");
	s->degraded.said = is;
	if (!is_unhealthy(s))
		server_set_why(s, text);
	int64_t until = degraded_until_ms(&s->degraded, now);
	if (is & DEGRADED_TOOLS) { /* they may come back without a restart */
		int64_t again = now + s->conf->healthcheck_interval_ms;
		until = until && until < again ? until : again;
	}
	if (until)
		loop_timer_at(s->calm_timer, until);
	else
		loop_timer_stop(s->calm_timer);
}

static void count_page(struct server *s, const char *cursor);

static void counted_page(void *ctx, const char *line, size_t len, const struct err *e)
{
	struct server *s = ctx;
	s->recount = NULL;
	if (e)
		return; /* the next process will be counted */
	cJSON *tree = cJSON_ParseWithLength(line, len);
	const cJSON *result = cJSON_GetObjectItemCaseSensitive(tree, "result");
	const cJSON *tools = cJSON_GetObjectItemCaseSensitive(result, "tools");
	const char *cursor =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(result, "nextCursor"));
	s->recounted += cJSON_GetArraySize(tools);
	if (cursor && *cursor && ++s->recount_pages < MAX_PAGES) {
		count_page(s, cursor);
	} else if (cJSON_IsArray(tools)) {
		s->tools = s->recounted;
		degraded_counted(&s->degraded, s->tools);
		look_degraded(s);
		supervisor_changed(s->sv, s);
	}
	cJSON_Delete(tree);
}

/* The first page is a probe, and no use of the server. */
static void count_page(struct server *s, const char *cursor)
{
	struct err e;
	if (!cursor) {
		s->recounted = s->recount_pages = 0;
		s->recount = mux_probe(s->mux, "tools/list", counted_page, s, &e);
		return;
	}
	cJSON *params = cJSON_CreateObject();
	char *text = cJSON_AddStringToObject(params, "cursor", cursor)
			     ? cJSON_PrintUnformatted(params)
			     : NULL;
	if (text)
		s->recount = mux_ask(s->mux, "tools/list", text, counted_page, s, &e);
	cJSON_free(text);
	cJSON_Delete(params);
}

void server_calm(void *ctx)
{
	struct server *s = ctx;
	if (s->state != SRV_RUNNING)
		return;
	look_degraded(s); /* arms the timer anew */
	if (degraded_is(&s->degraded, clock_ms()) & DEGRADED_TOOLS && !s->recount)
		count_page(s, NULL);
	supervisor_changed(s->sv, s);
}

void server_health_ready(struct server *s, const struct mux_ready *r)
{
	s->tools = r->tools;
	degraded_greeted(&s->degraded, r->changed);
	degraded_counted(&s->degraded, r->tools);
}

void server_health_ended(struct server *s, enum server_restart reason)
{
	s->restarts++;
	s->restarts_for[reason]++;
	if (reason != RESTART_ENGINE && reason != RESTART_WISH)
		degraded_restarted(&s->degraded, clock_ms());
}

void server_health_leave(struct server *s)
{
	pulse_free(take_ptr(&s->pulse));
	mux_ask_cancel(take_ptr(&s->recount));
	loop_timer_stop(s->calm_timer);
	loop_timer_stop(s->verdict_timer);
}

/* --- verdicts --------------------------------------------------------------------------------- */

/* It is hung: no agent shall wait for its graces. */
static void tell_agents(struct server *s, const char *text)
{
	struct launch_exit x = { .exit_code = -1 };
	server_set_why(s, text);
	s->is_asked = true;
	server_tell_death(s, &x);
}

static void unhealthy(struct server *s)
{
	char text[WHY_MAX];
	(void)snprintf(text, sizeof(text), "%s", s->why);
	switch (s->conf->on_unhealthy) {
	case CONF_UNHEALTHY_IGNORE:
		server_note(s, LOG_WARN, "unhealthy", text);
		break;
	case CONF_UNHEALTHY_STOP:
		server_note(s, LOG_ERROR, "unhealthy", text);
		tell_agents(s, text);
		server_stop_unfit(s, text);
		break;
	case CONF_UNHEALTHY_RESTART:
		s->is_hung = true;
		s->well_ms = pulse_well_ms(s->pulse);
		tell_agents(s, text);
		server_recycle(s, text);
		break;
	}
}

void server_verdict_holds(void *ctx)
{
	struct server *s = ctx;
	if (launch_needs_engine(s->sv, s->conf) && !s->sv->is_engine_ready)
		server_health_tuned(s); /* what is with it is not known */
	else
		unhealthy(s);
}

static void pulse_verdict(void *ctx, enum health_verdict v, const char *why)
{
	struct server *s = ctx;
	char text[WHY_MAX];
	bool was_held = loop_timer_is_armed(s->verdict_timer);
	loop_timer_stop(s->verdict_timer);
	if (v == HEALTH_UNHEALTHY) {
		(void)snprintf(text, sizeof(text), "unhealthy: %s", why);
		server_set_why(s, text);
		supervisor_changed(s->sv, s);
		if (s->conf->healthcheck == CONF_HEALTH_MCP)
			unhealthy(s);
		else
			loop_timer_in(s->verdict_timer, NO_HOLDS_MS);
		return;
	}
	/* Only with on_unhealthy = ignore is there a way back. */
	if (*why && !was_held) {
		(void)snprintf(text, sizeof(text), "healthy: %s", why);
		server_note(s, LOG_INFO, "healthy", text);
	}
	look_degraded(s);
	supervisor_changed(s->sv, s);
}

void server_watch_health(struct server *s)
{
	struct err e = { 0 };
	const struct pulse_params p = {
		.sv = s->sv,
		.conf = s->conf,
		.launch = s->launch,
		.mux = s->mux,
		.fn = pulse_verdict,
		.ctx = s,
	};
	s->pulse = pulse_new(&p, &e);
	if (!s->pulse && e.code)
		log_warn(s->conf->name, "no health probes: %s", e.text);
	if (s->pulse)
		pulse_count(s->pulse, &s->tallies.probes);
	look_degraded(s);
}

void server_health_tuned(struct server *s)
{
	loop_timer_stop(s->verdict_timer);
	pulse_free(take_ptr(&s->pulse));
	server_watch_health(s); /* what the old probes said is not known any more */
}

/* --- events ----------------------------------------------------------------------------------- */

bool server_event(struct server *s, const struct docker_event *ev)
{
	bool is_its = s->launch && launch_event(s->launch, ev);
	/* Its exit may take longer to be known than its agents can wait. */
	if (is_its && strcmp(ev->action, "oom") == 0)
		s->is_oom = true;
	if (is_its && s->pulse && strcmp(ev->action, "health_status") == 0)
		pulse_look(s->pulse);
	return is_its;
}
