/* SPDX-License-Identifier: MIT */
/*
 * `docker run -i --rm`: for engines whose API we may not use as we would. Killing the command does not stop a
 * container, so the container is always removed by its name, too.
 */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/stream.h"
#include "conf/conf.h"
#include "docker/docker.h"
#include "supervisor/carrier.h"
#include "supervisor/child.h"
#include "supervisor/pull_cli.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum {
	CLI_ERROR = 125, /* docker-run(1): the command or the engine failed, not the program */
	CLI_NOT_EXECUTABLE = 126,
	CLI_NOT_FOUND = 127,
	WORDS_MAX = 2048, /* of the command's own error text */
};

struct cli {
	struct carrier base;
	struct pull_cli *pull; /* `docker pull` runs, not yet `docker run` */
	struct child *child;
	bool is_oom;
	int died_with; /* exit code of the die event, -1: none came */
	char id[65];
	struct buf words; /* the first words on stderr: the reason when the command fails */
};

static void on_stderr(void *ctx, const char *bytes, size_t n)
{
	struct cli *c = ctx;
	size_t room = WORDS_MAX - c->words.len;
	(void)buf_add(&c->words, bytes, n < room ? n : room); /* the reason may be cut */
	const struct launch_params *p = &c->base.launch->p;
	p->cb.on_stderr(p->ctx, bytes, n);
}

static void ran(struct cli *c, int status)
{
	struct launch_exit x = {
		.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
		.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
		.is_oom = c->is_oom,
	};
	struct err e;
	bool is_refused = x.exit_code == CLI_ERROR || x.exit_code == CLI_NOT_EXECUTABLE ||
			  x.exit_code == CLI_NOT_FOUND;
	if (is_refused && c->died_with != x.exit_code) {
		pull_cli_reason(buf_str(&c->words), "docker run", &e);
		if (x.exit_code != CLI_ERROR)
			e.kind = DOCKER_EXEC;
		x.is_engine_gone = launch_is_engine_gone(&e);
		x.is_final = launch_is_final(e.kind);
		x.e = x.is_engine_gone ? NULL : &e; /* it may well have run */
		x.exit_code = -1; /* the command's own, and none of the server's */
	}
	docker_remove(c->base.launch->p.sv->docker, c->base.launch->name);
	launch_over(c->base.launch, &x);
}

static void exited(void *ctx, int status)
{
	ran(ctx, status);
}

static void pulled(void *ctx, const struct err *pull_error)
{
	struct cli *c = ctx;
	if (!pull_error) {
		launch_pulled(c->base.launch);
		return;
	}
	struct err e = *pull_error;
	struct launch_exit x = {
		.exit_code = -1,
		.e = &e,
		.is_engine_gone = launch_is_engine_gone(&e),
		.is_final = launch_is_final(e.kind),
	};
	pull_cli_free(take_ptr(&c->pull));
	launch_over(c->base.launch, &x);
}

static void pull_progress(void *ctx, const char *text)
{
	struct cli *c = ctx;
	const struct launch_params *p = &c->base.launch->p;
	p->cb.on_progress(p->ctx, text);
}

/* e's kind: enum spawn_fault, in begin(), run() and pull(). */
static int begin(struct cli *c, char *const *argv, char *const *envp, struct stream **ret_stdio,
		 struct err *e)
{
	struct spawn_params sp = { .argv = argv, .envp = envp, .stdio = SPAWN_PIPES, .tty_fd = -1 };
	static const struct child_cb cb = { .on_stderr = on_stderr, .on_exit = exited };
	c->child = child_new(c->base.launch->p.sv, &sp, &cb, c, ret_stdio, e);
	if (!c->child)
		return e->code;
	return 0;
}

static int run(struct cli *c, struct err *e)
{
	struct launch *l = c->base.launch;
	char **argv = NULL, **env = NULL, **own = NULL;
	int r = docker_cli_env(l->p.sv->docker, l->p.sv->environ, &own, e);
	struct docker_argv_params ap = {
		.docker_path = "docker",
		.endpoint = docker_endpoint(l->p.sv->docker),
		.name = l->name,
		.base_env = (const char *const *)own,
	};
	if (r == 0)
		r = docker_spec_argv(&l->spec, &ap, &argv, &env, e);
	docker_argv_free(own);
	if (r < 0) {
		e->kind = spawn_is_shortage(r) ? SPAWN_BUSY
					       : SPAWN_REFUSED; /* a spec that is wrong */
		return r;
	}
	struct stream *stdio = NULL;
	r = begin(c, argv, env, &stdio, e);
	docker_argv_free(argv);
	docker_argv_free(env);
	if (r < 0)
		return r;
	launch_started(l);
	l->p.cb.on_stdio(l->p.ctx, stdio);
	return 0;
}

static int pull(struct cli *c, struct err *e)
{
	const struct docker_spec *spec = &c->base.launch->spec;
	struct pull_cli_params p = {
		.sv = c->base.launch->p.sv,
		.image = spec->image,
		.platform = spec->platform,
		.on_progress = pull_progress,
		.on_done = pulled,
		.ctx = c,
	};
	c->pull = pull_cli_start(&p, e);
	return c->pull ? 0 : e->code;
}

/* To whichever runs. */
static void signal_it(struct cli *c, int signo)
{
	if (c->pull)
		pull_cli_signal(c->pull, signo);
	else
		child_signal(c->child, signo);
}

static void cli_stop(struct carrier *base)
{
	struct cli *c = (struct cli *)base;
	const char *name = base->launch->p.conf->stop_signal;
	int signo = name ? child_signal_of(name) : SIGTERM;
	signal_it(c, signo ? signo : SIGTERM); /* the command passes it on */
}

static void cli_kill(struct carrier *base)
{
	struct cli *c = (struct cli *)base;
	if (!c->pull)
		docker_remove(base->launch->p.sv->docker, base->launch->name);
	signal_it(c, SIGKILL);
}

static void cli_free(struct carrier *base)
{
	struct cli *c = (struct cli *)base;
	if (c->child && child_pid(c->child))
		docker_remove(base->launch->p.sv->docker, base->launch->name);
	pull_cli_free(c->pull);
	child_free(c->child);
	buf_done(&c->words);
	free(c);
}

static void cli_event(struct carrier *base, const struct docker_event *ev)
{
	struct cli *c = (struct cli *)base;
	if (!ev->name || strcmp(ev->name, base->launch->name) != 0)
		return;
	if (ev->id)
		(void)snprintf(c->id, sizeof(c->id), "%s", ev->id);
	if (strcmp(ev->action, "oom") == 0)
		c->is_oom = true;
	if (strcmp(ev->action, "die") == 0)
		c->died_with = ev->exit_code;
}

static const char *cli_id(const struct carrier *base)
{
	const struct cli *c = (const struct cli *)base;
	return c->id[0] ? c->id : base->launch->name;
}

static const struct carrier_ops cli_ops = {
	.via = "cli",
	.stop = cli_stop,
	.kill = cli_kill,
	.free = cli_free,
	.event = cli_event,
	.id = cli_id,
};

struct carrier *carrier_cli_new(struct launch *l, struct err *e)
{
	struct cli *c = calloc(1, sizeof(*c));
	if (!c) {
		err_oom(e);
		return NULL;
	}
	c->base = (struct carrier){ .ops = &cli_ops, .launch = l };
	c->died_with = -1;
	l->carrier = &c->base; /* the callbacks below ask for its name */
	bool may_pull = l->p.conf->pull_policy != CONF_PULL_NEVER;
	int r = l->is_image_there || !may_pull ? run(c, e) : pull(c, e);
	if (r < 0) {
		l->carrier = NULL;
		l->is_final = carrier_is_final(e);
		cli_free(&c->base);
		return NULL;
	}
	return &c->base;
}
