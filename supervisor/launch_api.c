/* SPDX-License-Identifier: MIT */
/* The engine's API: create, attach before start, wait, start; docker/container does it in the only order that works. */
#include "base/err.h"
#include "conf/conf.h"
#include "docker/docker.h"
#include "supervisor/carrier.h"
#include "supervisor/supervisor.h"

#include <stdio.h>
#include <stdlib.h>

struct api {
	struct carrier base;
	struct docker_container *container;
};

static void attached(void *ctx, struct stream *takes)
{
	struct api *a = ctx;
	const struct launch_params *p = &a->base.launch->p;
	p->cb.on_stdio(p->ctx, takes);
}

static void on_stderr(void *ctx, const char *bytes, size_t n)
{
	struct api *a = ctx;
	const struct launch_params *p = &a->base.launch->p;
	p->cb.on_stderr(p->ctx, bytes, n);
}

static void started(void *ctx)
{
	struct api *a = ctx;
	launch_started(a->base.launch);
}

static void over(void *ctx, const struct docker_exit *dx)
{
	struct api *a = ctx;
	struct launch_exit x = {
		.exit_code = dx->exit_code,
		.is_oom = dx->is_oom,
		.is_engine_gone = dx->e ? launch_is_engine_gone(dx->e) : dx->is_engine_gone,
		.is_engine_ill = dx->e && dx->e->kind == DOCKER_TIMEOUT,
		.cut_ms = dx->cut_ms,
		.is_final = dx->e && launch_is_final(dx->e->kind),
		.e = dx->e,
	};
	launch_over(a->base.launch, &x);
}

static void api_stop(struct carrier *c)
{
	struct api *a = (struct api *)c;
	const char *signal = c->launch->p.conf->stop_signal;
	docker_container_signal(a->container, signal ? signal : "SIGTERM");
}

static void api_kill(struct carrier *c)
{
	struct api *a = (struct api *)c;
	docker_container_signal(a->container, "SIGKILL");
}

static void api_free(struct carrier *c)
{
	struct api *a = (struct api *)c;
	docker_container_free(a->container);
	free(a);
}

static const char *api_id(const struct carrier *c)
{
	const struct api *a = (const struct api *)c;
	return docker_container_id(a->container);
}

static const struct carrier_ops api_ops = {
	.via = "api", .stop = api_stop, .kill = api_kill, .free = api_free, .id = api_id
};

struct carrier *carrier_api_new(struct launch *l, struct err *e)
{
	struct api *a = calloc(1, sizeof(*a));
	if (!a) {
		err_oom(e);
		return NULL;
	}
	a->base = (struct carrier){ .ops = &api_ops, .launch = l };
	static const struct docker_container_cb cb = {
		.on_attached = attached,
		.on_stderr = on_stderr,
		.on_started = started,
		.on_exit = over,
	};
	a->container = docker_container_run(l->p.sv->docker, &l->spec, l->name, &cb, a, e);
	if (!a->container) {
		free(a);
		return NULL;
	}
	return &a->base;
}
