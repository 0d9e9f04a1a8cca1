/* SPDX-License-Identifier: MIT */
#include "supervisor/launch.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "docker/docker.h"
#include "supervisor/carrier.h"
#include "supervisor/plan.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	FALLBACK_RULE = 3, /* starts in a row by falling back: then it is said */
	LEAVING_MS =
		10000, /* a container that never ran is gone by then, or its name costs an attempt */
	LOOK_MS = 20,
};

/* Logins, versions and ways to the socket: the docker command has its own. */
bool launch_can_differ(int docker_class)
{
	return docker_class == DOCKER_DENIED || docker_class == DOCKER_VERSION ||
	       docker_class == DOCKER_PERMISSION;
}

/* The registry's no, a name that is not there, a spec that is wrong: a person must act. Everything else is tried again. */
bool launch_is_final(int docker_class)
{
	return docker_class == DOCKER_DENIED || docker_class == DOCKER_NOT_FOUND ||
	       docker_class == DOCKER_BAD_REQUEST || docker_class == DOCKER_EXEC;
}

bool launch_is_engine_gone(const struct err *e)
{
	return e->kind == DOCKER_NETWORK && e->code != -EREMOTEIO;
}

bool carrier_is_final(const struct err *e)
{
	return e->kind == SPAWN_NOT_FOUND || e->kind == SPAWN_REFUSED;
}

bool launch_needs_engine(const struct supervisor *sv, const struct conf_server *conf)
{
	(void)sv;
	return conf->launch != CONF_LAUNCH_PROCESS;
}

/* --- carriers ------------------------------------------------------------------------------- */

static void tell_over(struct launch *l, const struct launch_exit *x)
{
	l->p.cb.on_exit(l->p.ctx, x);
}

static void never_ran(struct launch *l, const struct err *e)
{
	bool is_gone = l->is_container && launch_is_engine_gone(e);
	struct launch_exit x = {
		.exit_code = -1, .e = e, .is_engine_gone = is_gone, .is_final = l->is_final
	};
	tell_over(l, &x);
}

/* It fell back, and the docker command failed, too: what the api said first is the more telling. */
static void add_first_error(const struct launch *l, struct err *e)
{
	struct err both;
	err_kind(&both, e->code, e->kind, "%.400s; before that the api: %.500s", e->text,
		 l->first_error);
	*e = both;
}

static void fall_back(struct launch *l, const struct err *api)
{
	struct err first = *api; /* its owner goes with the carrier */
	struct err e;
	l->may_fall_back = false;
	(void)snprintf(l->first_error, sizeof(l->first_error), "%s", first.text);
	l->carrier = carrier_cli_new(l, &e);
	if (l->carrier) {
		l->p.sv->fallbacks++;
		if (l->p.fallbacks)
			++*l->p.fallbacks;
		log_warn(l->p.conf->name,
			 "the api could not launch it, the docker command tries: %s", first.text);
		return;
	}
	if (e.kind == SPAWN_NOT_FOUND) { /* no command here, so it is the api's word that counts */
		l->first_error[0] = '\0';
		l->is_final = launch_is_final(first.kind);
		never_ran(l, &first);
		return;
	}
	add_first_error(l, &e);
	never_ran(l, &e);
}

/* The docker command uses the same name, so that there are never two containers: not before it is free. */
static void fall_back_when_free(struct launch *l)
{
	bool is_waiting = l->leaving[0] && clock_ms() < l->leaving_until_ms &&
			  docker_is_removing(l->p.sv->docker, l->leaving);
	if (is_waiting) {
		loop_timer_in(l->soon, LOOK_MS);
		return;
	}
	l->leaving[0] = '\0';
	struct err api = l->api_error; /* the launch may go */
	fall_back(l, &api);
}

static bool falls_back(const struct launch *l, const struct err *e)
{
	return e && l->may_fall_back && !l->is_called_off && launch_can_differ(e->kind);
}

void launch_over(struct launch *l, const struct launch_exit *x)
{
	struct carrier *c = take_ptr(&l->carrier);
	if (falls_back(l, x->e)) {
		l->api_error = *x->e;
		(void)snprintf(l->leaving, sizeof(l->leaving), "%s", c->ops->id(c));
		l->leaving_until_ms = clock_ms() + LEAVING_MS;
		c->ops->free(c);
		fall_back_when_free(l);
		return;
	}
	l->carrier = c; /* its owner frees the launch, and the launch frees it */
	struct launch_exit over = *x;
	struct err e;
	if (x->e && l->first_error[0]) {
		e = *x->e;
		add_first_error(l, &e);
		over.e = &e;
	}
	tell_over(l, &over);
}

/* One that fell back is a curiosity; when they become the rule, something is wrong with the way to the API. */
static void count_start(struct launch *l)
{
	struct supervisor *sv = l->p.sv;
	if (l->p.conf->launch != CONF_LAUNCH_AUTO || !l->is_container)
		return;
	sv->fallback_row = l->first_error[0] ? sv->fallback_row + 1 : 0;
	if (sv->fallback_row < FALLBACK_RULE || sv->is_fallback_said)
		return;
	sv->is_fallback_said = true;
	log_warn("mcpinit",
		 "the last %d starts were by the docker command, each after the api had failed "
		 "(%s: %s); mend that, or set launch = cli",
		 FALLBACK_RULE, l->p.conf->name, l->first_error);
}

void launch_started(struct launch *l)
{
	count_start(l);
	l->p.cb.on_started(l->p.ctx);
}

/* Told to, or remembered to have been better. */
static bool uses_cli(const struct launch *l)
{
	return l->p.conf->launch == CONF_LAUNCH_CLI || l->first_error[0];
}

static void carry(struct launch *l)
{
	struct err e = { 0 };
	if (!l->is_container)
		l->carrier = carrier_process_new(l, &e);
	else if (uses_cli(l))
		l->carrier = carrier_cli_new(l, &e);
	else
		l->carrier = carrier_api_new(l, &e);
	if (!l->carrier)
		never_ran(l, &e);
}

static void tell_prepared(struct launch *l)
{
	l->p.cb.on_prepared(l->p.ctx);
}

void launch_pulled(struct launch *l)
{
	struct carrier *c = take_ptr(&l->carrier);
	c->ops->free(c);
	l->is_image_there = true;
	tell_prepared(l);
}

/* Called off before it ran, or its turn has come, or (without an image to fetch) it is ready for it. */
static void step(void *ctx)
{
	struct launch *l = ctx;
	struct launch_exit none = { .exit_code = -1 };
	if (l->is_called_off)
		tell_over(l, &none);
	else if (l->leaving[0])
		fall_back_when_free(l);
	else if (l->may_go)
		carry(l);
	else
		tell_prepared(l);
}

static struct plan_params plan_of(const struct launch *l)
{
	const struct supervisor *sv = l->p.sv;
	return (struct plan_params){
		.conf = sv->conf,
		.server = l->p.conf,
		.self = sv->self,
		.instance = sv->instance,
		.boot = sv->boot,
		.environ = sv->environ,
		.has_subpath = docker_api_at_least(sv->docker, 1, 45),
	};
}

/* --- the image ------------------------------------------------------------------------------ */

/* The image is there: what its own user is decides whom the server runs as. */
static void image_ready(struct launch *l, const char *image_user)
{
	struct plan_params pp = plan_of(l);
	struct err e;
	l->is_image_there = true;
	if (plan_user(&pp, image_user, &l->spec, &e) < 0) {
		l->is_final = !spawn_is_shortage(e.code);
		never_ran(l, &e);
		return;
	}
	tell_prepared(l);
}

static void pull_progress(void *ctx, const char *text)
{
	struct launch *l = ctx;
	l->p.cb.on_progress(l->p.ctx, text);
}

static void pull_done(void *ctx, const struct err *e)
{
	struct launch *l = ctx;
	const struct docker_pull *done = take_ptr(&l->pull); /* gone when this returns */
	if (!e) {
		image_ready(l, docker_pull_user(done));
	} else if (falls_back(l, e)) {
		fall_back(l, e);
	} else if (uses_cli(l) && launch_can_differ(e->kind)) {
		carry(l); /* which pulls, too */
	} else {
		l->is_final = launch_is_final(e->kind);
		never_ran(l, e);
	}
}

static int pull(struct launch *l, struct err *e)
{
	static const enum docker_pull_policy policies[] = {
		[CONF_PULL_MISSING] = DOCKER_PULL_MISSING,
		[CONF_PULL_ALWAYS] = DOCKER_PULL_ALWAYS,
		[CONF_PULL_NEVER] = DOCKER_PULL_NEVER,
	};
	struct docker_pull_params p = {
		.image = l->spec.image,
		.platform = l->spec.platform,
		.policy = policies[l->p.conf->pull_policy],
		.on_progress = pull_progress,
		.on_done = pull_done,
		.ctx = l,
	};
	l->pull = docker_pull_start(l->p.sv->docker, &p, e);
	return l->pull ? 0 : -1;
}

/* --- birth and death ------------------------------------------------------------------------ */

static int plan(struct launch *l, struct err *e)
{
	struct plan_params pp = plan_of(l);
	struct plan_result r = { 0 };
	char **proxies = NULL;
	int code = docker_proxies(l->p.sv->docker, &proxies, e);
	if (code < 0)
		return code;
	pp.proxies = proxies;
	code = plan_spec(&pp, &l->spec, &r, e);
	docker_argv_free(proxies);
	if (code < 0)
		return code;
	l->is_installing = r.is_installing;
	if (asprintf(&l->name, "mcpinit-%s-%s-%u", l->p.sv->instance, conf_server_slug(l->p.conf),
		     l->p.generation) < 0) {
		l->name = NULL;
		return err_oom(e);
	}
	return 0;
}

struct launch *launch_new(const struct launch_params *p, bool *ret_is_final, struct err *e)
{
	*ret_is_final = false;
	struct launch *l = calloc(1, sizeof(*l));
	if (!l) {
		err_oom(e);
		return NULL;
	}
	l->p = *p;
	l->soon = loop_timer_new(p->sv->loop, step, l);
	if (!l->soon) {
		err_oom(e);
		launch_free(l);
		return NULL;
	}
	l->is_container = launch_needs_engine(p->sv, p->conf);
	l->may_fall_back = p->conf->launch == CONF_LAUNCH_AUTO && !p->first_error;
	if (p->first_error)
		(void)snprintf(l->first_error, sizeof(l->first_error), "%s", p->first_error);
	if (l->is_container) {
		int r = plan(l, e);
		if (r < 0) {
			/* A variable, a secret, a path: a person must act. */
			*ret_is_final = !spawn_is_shortage(r);
			launch_free(l);
			return NULL;
		}
		if (pull(l, e) < 0) {
			launch_free(l);
			return NULL;
		}
		return l;
	}
	loop_timer_at(l->soon, 0);
	return l;
}

void launch_go(struct launch *l)
{
	l->may_go = true;
	loop_timer_at(l->soon, 0);
}

void launch_free(struct launch *l)
{
	if (!l)
		return;
	docker_pull_cancel(l->pull);
	if (l->carrier)
		l->carrier->ops->free(l->carrier);
	loop_timer_free(l->soon);
	docker_spec_done(&l->spec);
	free(l->name);
	free(l);
}

/* Nothing runs yet: told from the loop, as every end is. */
static void call_off(struct launch *l)
{
	l->is_called_off = true;
	docker_pull_cancel(take_ptr(&l->pull));
	loop_timer_at(l->soon, 0);
}

void launch_stop(struct launch *l)
{
	if (l->carrier)
		l->carrier->ops->stop(l->carrier);
	else
		call_off(l);
}

void launch_kill(struct launch *l)
{
	if (l->carrier)
		l->carrier->ops->kill(l->carrier);
	else
		call_off(l);
}

void launch_conf_moved(struct launch *l, const struct conf_server *conf)
{
	l->p.conf = conf;
}

bool launch_event(struct launch *l, const struct docker_event *ev)
{
	bool is_its = l->name && ev->name && strcmp(l->name, ev->name) == 0;
	if (l->carrier && l->carrier->ops->event)
		l->carrier->ops->event(l->carrier, ev);
	return is_its;
}

const char *launch_via(const struct launch *l)
{
	return l->carrier ? l->carrier->ops->via : "";
}

const char *launch_id(const struct launch *l)
{
	return l->carrier ? l->carrier->ops->id(l->carrier) : "";
}

const char *launch_first_error(const struct launch *l)
{
	return l->first_error[0] ? l->first_error : NULL;
}

bool launch_is_installing(const struct launch *l)
{
	return l->is_installing;
}
