/* SPDX-License-Identifier: MIT */
#include "supervisor/pulls.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "conf/conf.h"
#include "docker/docker.h"
#include "supervisor/control.h"
#include "supervisor/launch.h"
#include "supervisor/plan.h"
#include "supervisor/pull_cli.h"
#include "supervisor/server.h"
#include "supervisor/supervisor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pull {
	struct pull *next;
	struct supervisor *sv;
	struct server *server;
	char *image, *platform;	 /* owned; platform may be NULL */
	bool may_use_cli;	 /* as its launch may */
	struct docker_pull *api; /* under way, or NULL */
	struct pull_cli *cli;	 /* likewise */
	enum pulls_state state;
	int64_t began_ms; /* RUNNING: since */
	char text[1024];
};

static void call_off(struct pull *p)
{
	docker_pull_cancel(take_ptr(&p->api));
	pull_cli_free(take_ptr(&p->cli));
	free(take_ptr(&p->image));
	free(take_ptr(&p->platform));
}

static struct pull *find(const struct supervisor *sv, const struct server *s)
{
	for (struct pull *p = sv->pulls; p; p = p->next)
		if (p->server == s)
			return p;
	return NULL;
}

/* --- how it goes ------------------------------------------------------------------------------ */

static void end(struct pull *p, enum pulls_state state, const char *text)
{
	if (p->state == PULLS_RUNNING)
		server_pulled(p->server, clock_ms() - p->began_ms, state == PULLS_DONE);
	call_off(p);
	p->state = state;
	(void)snprintf(p->text, sizeof(p->text), "%s", text); /* cut is good enough */
	supervisor_changed(p->sv, p->server);
}

static void fail(struct pull *p, const char *text)
{
	log_warn(server_name(p->server), "%s", text);
	end(p, PULLS_FAILED, text);
}

static void progress(void *ctx, const char *text)
{
	struct pull *p = ctx;
	(void)snprintf(p->text, sizeof(p->text), "%s", text); /* cut is good enough */
	log_info(server_name(p->server), "%s", text);
	if (p->sv->control)
		control_progress(p->sv->control, p->server, text);
}

/* The last word of progress says it best: how long it took, and how much it was. */
static void pulled(struct pull *p)
{
	char text[sizeof(p->text)];
	memcpy(text, p->text, sizeof(text));
	end(p, PULLS_DONE, text);
}

static void cli_done(void *ctx, const struct err *e)
{
	struct pull *p = ctx;
	if (!e) {
		pulled(p);
		return;
	}
	struct err copy = *e;
	fail(p, copy.text);
}

/* What the api may not have, the docker command may: as for a launch. */
static void api_failed(struct pull *p, const struct err *api)
{
	struct err e;
	struct pull_cli_params cp = {
		.sv = p->sv,
		.image = p->image,
		.platform = p->platform,
		.on_progress = progress,
		.on_done = cli_done,
		.ctx = p,
	};
	if (p->may_use_cli && launch_can_differ(api->kind))
		p->cli = pull_cli_start(&cp, &e);
	if (!p->cli)
		fail(p, api->text);
}

static void api_done(void *ctx, const struct err *e)
{
	struct pull *p = ctx;
	p->api = NULL; /* gone when this returns */
	if (!e) {
		pulled(p);
		return;
	}
	struct err copy = *e;
	api_failed(p, &copy);
}

/* --- the question ------------------------------------------------------------------------------ */

static void start(struct pull *p, const struct conf_server *conf)
{
	struct docker_pull_params dp = {
		.image = p->image,
		.platform = p->platform,
		.policy = DOCKER_PULL_ALWAYS,
		.on_progress = progress,
		.on_done = api_done,
		.ctx = p,
	};
	struct err e;
	p->may_use_cli = conf->launch != CONF_LAUNCH_API;
	p->api = docker_pull_start(p->sv->docker, &dp, &e);
	if (!p->api)
		fail(p, e.text);
}

/* Why there is nothing to pull, and is that a failure? NULL: there is. */
static const char *objection(const struct pull *p, const struct conf_server *conf, bool *ret_is_bad)
{
	*ret_is_bad = false;
	if (!launch_needs_engine(p->sv, conf) || !p->sv->docker)
		return "nothing to pull: it runs as a process, without an image";
	*ret_is_bad = true;
	if (conf->blocked)
		return conf->blocked;
	if (conf->pull_policy == CONF_PULL_NEVER)
		return "not pulled: its pull_policy is never; set missing or always, or bring the image to the "
		       "engine by hand";
	return plan_image(conf) ? NULL : "nothing to pull: it names no image";
}

static struct pull *take(struct supervisor *sv, struct server *s)
{
	struct pull *p = find(sv, s);
	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	*p = (struct pull){ .next = sv->pulls, .sv = sv, .server = s, .state = PULLS_DONE };
	sv->pulls = p;
	return p;
}

void pulls_begin(struct supervisor *sv, struct server *s, bool is_named)
{
	const struct conf_server *conf = server_conf(s);
	struct pull *p = take(sv, s);
	if (!p || p->state == PULLS_RUNNING)
		return; /* out of memory: pulls_look() says so */
	bool is_bad;
	const char *why = objection(p, conf, &is_bad);
	if (why) {
		end(p, is_bad && is_named ? PULLS_FAILED : PULLS_DONE, why);
		return;
	}
	p->image = strdup(plan_image(conf));
	p->platform = conf->platform ? strdup(conf->platform) : NULL;
	if (!p->image || (conf->platform && !p->platform)) {
		end(p, PULLS_FAILED, "out of memory");
		return;
	}
	p->state = PULLS_RUNNING;
	p->began_ms = clock_ms();
	(void)snprintf(p->text, sizeof(p->text), "pulling %s", p->image);
	start(p, conf);
}

enum pulls_state pulls_look(const struct supervisor *sv, const struct server *s,
			    const char **ret_text)
{
	const struct pull *p = find(sv, s);
	*ret_text = p ? p->text : "called off, or out of memory";
	return p ? p->state : PULLS_FAILED;
}

static void pull_free(struct pull *p)
{
	call_off(p);
	free(p);
}

void pulls_forget(struct supervisor *sv, const struct server *s)
{
	for (struct pull **at = &sv->pulls; *at; at = &(*at)->next)
		if ((*at)->server == s) {
			struct pull *p = *at;
			*at = p->next;
			pull_free(p);
			return;
		}
}

void pulls_close(struct supervisor *sv)
{
	while (sv->pulls)
		pulls_forget(sv, sv->pulls->server);
}
