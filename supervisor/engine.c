/* SPDX-License-Identifier: MIT */
#include "supervisor/engine.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/http.h"
#include "base/log.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "docker/docker.h"
#include "supervisor/credential.h"
#include "supervisor/pulls.h"
#include "supervisor/server.h"
#include "supervisor/shutdown.h"
#include "supervisor/supervisor.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { ID_DIGITS = 12, MACHINE_ID_MAX = 4096, ASK_AGAIN_MS = 1000 };

/* FNV-1a: a short name out of a long one, nothing secret about it. */
static uint64_t hash(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3ULL;
	return h;
}

static char *tidy(char *name)
{
	for (char *c = name; *c; c++) {
		if (isupper((unsigned char)*c))
			*c = (char)tolower((unsigned char)*c);
		else if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
			*c = '-';
	}
	return name;
}

char *engine_instance(const struct conf *conf, const struct docker_self *self,
		      const char *machine_id)
{
	struct buf b = { 0 };
	if (conf->instance) {
		(void)buf_adds(&b, conf->instance);
	} else if (self->compose_project && self->compose_service) {
		(void)buf_addf(&b, "%s-%s-%s", self->compose_project, self->compose_service,
			       self->compose_number ? self->compose_number : "1");
	} else if (self->id) {
		(void)buf_add(&b, self->id, strnlen(self->id, ID_DIGITS));
	} else {
		char real[PATH_MAX];
		const char *dir = realpath(conf->runtime_dir, real) ? real : conf->runtime_dir;
		uint64_t h = hash(hash(0xcbf29ce484222325ULL, machine_id), dir);
		(void)buf_addf(&b, "%012llx", (unsigned long long)(h & 0xffffffffffffULL));
	}
	char *name =
		buf_take(&b); /* out of memory above leaves it short; the next line sees none */
	return name ? tidy(name) : NULL;
}

static void ready(struct supervisor *sv)
{
	sv->is_engine_ready = true;
	for (size_t i = 0; i < sv->n_servers; i++)
		server_engine_back(sv->servers[i]);
}

static void swept(void *ctx, size_t n_removed, const struct err *e)
{
	struct supervisor *sv = ctx;
	if (e && docker_is_up(sv->docker))
		log_warn("mcpinit", "left-over containers could not be looked for: %s", e->text);
	else if (!e && n_removed > 0)
		log_info("mcpinit", "removed %zu container%s that an earlier life left behind",
			 n_removed, n_removed == 1 ? "" : "s");
	if (docker_is_up(sv->docker))
		ready(sv);
}

static void sweep(struct supervisor *sv)
{
	struct docker_sweep_params p = {
		.instance = sv->instance,
		.boot = sv->boot,
		.own_id = sv->self ? sv->self->id : NULL,
		.on_done = swept,
		.ctx = sv,
	};
	struct err e;
	if (docker_sweep(sv->docker, &p, &e) < 0)
		swept(sv, 0, &e);
}

static void found_self(void *ctx, const struct docker_self *self)
{
	struct supervisor *sv = ctx;
	/* An engine that went away meanwhile knows nobody: it is asked again when it is back. */
	if (!docker_is_up(sv->docker) || sv->instance)
		return;
	if (!self) { /* not the same as to be in no container */
		loop_timer_in(sv->self_timer, ASK_AGAIN_MS);
		return;
	}
	_cleanup_free_ char *machine_id = NULL;
	size_t len;
	if (fd_read_file("/etc/machine-id", MACHINE_ID_MAX, &machine_id, &len, NULL) < 0)
		machine_id = NULL;
	sv->self = docker_self_copy(self);
	sv->instance = engine_instance(sv->conf, self, machine_id ? machine_id : "");
	if (!sv->self || !sv->instance) {
		log_error("mcpinit", "out of memory while asking the engine who we are");
		return;
	}
	log_info("mcpinit", "engine %s at %s (API %s), instance %s, %s%.12s",
		 docker_engine_version(sv->docker), docker_endpoint(sv->docker),
		 docker_api_version(sv->docker), sv->instance,
		 self->id ? "in container " : "on the host", self->id ? self->id : "");
	docker_set_instance(sv->docker, sv->instance);
	sweep(sv);
}

static void ask_who_we_are(void *ctx)
{
	struct supervisor *sv = ctx;
	if (!docker_is_up(sv->docker) || sv->instance)
		return; /* asked when it answers again; known meanwhile */
	if (docker_self_find(sv->docker, found_self, sv) < 0)
		loop_timer_in(sv->self_timer, ASK_AGAIN_MS);
}

static void up(void *ctx)
{
	struct supervisor *sv = ctx;
	if (sv->instance) {
		/* Else only its event stream was cut, and nobody was told. */
		if (!sv->is_engine_ready)
			log_info("mcpinit", "the engine at %s answers again",
				 docker_endpoint(sv->docker));
		sweep(sv);
		return;
	}
	ask_who_we_are(sv);
}

static void down(void *ctx, const struct err *e)
{
	struct supervisor *sv = ctx;
	sv->is_engine_ready = false;
	log_warn("mcpinit", "%s; trying again until it answers", e->text);
	for (size_t i = 0; i < sv->n_servers; i++)
		server_kick(sv->servers[i]);
	if (sv->shutdown)
		shutdown_look(sv->shutdown);
}

/* Made by us, by its name: mcpinit-INSTANCE-… */
static bool is_our_name(const struct supervisor *sv, const char *name)
{
	static const char prefix[] = "mcpinit-";
	size_t n = strlen(sv->instance);
	return name && strncmp(name, prefix, sizeof(prefix) - 1) == 0 &&
	       strncmp(name + sizeof(prefix) - 1, sv->instance, n) == 0 &&
	       name[sizeof(prefix) - 1 + n] == '-';
}

static void event(void *ctx, const struct docker_event *ev)
{
	struct supervisor *sv = ctx;
	bool is_wanted = false;
	for (size_t i = 0; i < sv->n_servers; i++)
		is_wanted |= server_event(sv->servers[i], ev);
	/* The engine makes what it was asked for, also when the docker command that asked was killed meanwhile. */
	if (!is_wanted && strcmp(ev->action, "create") == 0 && is_our_name(sv, ev->name))
		docker_remove(sv->docker, ev->id);
}

struct http *supervisor_http(struct supervisor *sv, struct err *e)
{
	if (!sv->http)
		sv->http = http_new(sv->loop, "mcpinit/" MCPINIT_VERSION, e);
	return sv->http;
}

int engine_open(struct supervisor *sv, struct err *e)
{
	if (!supervisor_http(sv, e))
		return -EIO;
	sv->self_timer = loop_timer_new(sv->loop, ask_who_we_are, sv);
	if (!sv->self_timer)
		return err_oom(e);
	struct docker_params p = {
		.loop = sv->loop,
		.http = sv->http,
		.host = sv->conf->docker_host,
		.on_up = up,
		.on_down = down,
		.on_event = event,
		.run_helper = credential_ask,
		.cancel_helper = credential_cancel,
		.ctx = sv,
	};
	sv->docker = docker_new(&p, e);
	return sv->docker ? 0 : -EINVAL;
}

void engine_close(struct supervisor *sv)
{
	pulls_close(sv);
	docker_free(take_ptr(&sv->docker));
	docker_self_free(take_ptr(&sv->self));
	loop_timer_free(take_ptr(&sv->self_timer));
	free(take_ptr(&sv->instance));
}
