/* SPDX-License-Identifier: MIT */
/* The command as our child, in a session of its own: no container, no engine. */
#include "supervisor/launch_process.h"
#include "base/err.h"
#include "conf/conf.h"
#include "supervisor/carrier.h"
#include "supervisor/child.h"
#include "supervisor/launch_process.h"
#include "supervisor/plan.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

struct process {
	struct carrier base;
	struct child *child;
	char id[16];
};

static void on_stderr(void *ctx, const char *bytes, size_t n)
{
	struct process *pr = ctx;
	const struct launch_params *p = &pr->base.launch->p;
	p->cb.on_stderr(p->ctx, bytes, n);
}

static void exited(void *ctx, int status)
{
	struct process *pr = ctx;
	struct launch_exit x = {
		.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1,
		.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0,
	};
	launch_over(pr->base.launch, &x);
}

static void process_stop(struct carrier *c)
{
	struct process *pr = (struct process *)c;
	const char *name = c->launch->p.conf->stop_signal;
	int signo = name ? child_signal_of(name) : SIGTERM;
	child_signal(pr->child, signo ? signo : SIGTERM);
}

static void process_kill(struct carrier *c)
{
	struct process *pr = (struct process *)c;
	child_signal(pr->child, SIGKILL);
}

static void process_free(struct carrier *c)
{
	struct process *pr = (struct process *)c;
	child_free(pr->child);
	free(pr);
}

static const char *process_id(const struct carrier *c)
{
	const struct process *pr = (const struct process *)c;
	return pr->id;
}

static const struct carrier_ops process_ops = {
	.via = "process",
	.stop = process_stop,
	.kill = process_kill,
	.free = process_free,
	.id = process_id,
};

struct child *launch_process_child(const struct launch_process_params *p, struct stream **ret_stdio,
				   struct err *e)
{
	const struct conf_server *conf = p->conf;
	struct plan_params pp = { .conf = p->sv->conf, .server = conf, .environ = p->sv->environ };
	char **env = NULL;
	struct spawn_user user = { 0 };
	const char *who = conf->user ? conf->user : p->sv->conf->user;
	bool has_user = who != NULL;
	int r = plan_env(&pp, &env, e);
	if (r == 0 && has_user)
		r = spawn_user_find(who, &user, e);
	if (r < 0) {
		/* A variable, a secret, a user is missing: a person must act. */
		e->kind = spawn_is_shortage(r) ? SPAWN_BUSY : SPAWN_REFUSED;
		docker_argv_free(env);
		return NULL;
	}
	struct spawn_params sp = {
		.argv = p->argv,
		.envp = env,
		.cwd = conf->working_dir,
		.user = has_user ? &user : NULL,
		.stdio = SPAWN_PIPES,
		.tty_fd = -1,
	};
	struct child *child = child_new(p->sv, &sp, p->cb, p->ctx, ret_stdio, e);
	spawn_user_done(&user);
	docker_argv_free(env);
	return child;
}

struct carrier *carrier_process_new(struct launch *l, struct err *e)
{
	struct process *pr = calloc(1, sizeof(*pr));
	if (!pr) {
		err_oom(e);
		return NULL;
	}
	pr->base = (struct carrier){ .ops = &process_ops, .launch = l };
	static const struct child_cb cb = { .on_stderr = on_stderr, .on_exit = exited };
	const struct launch_process_params p = {
		.sv = l->p.sv,
		.conf = l->p.conf,
		.argv = l->p.conf->command,
		.cb = &cb,
		.ctx = pr,
	};
	struct stream *stdio = NULL;
	pr->child = launch_process_child(&p, &stdio, e);
	if (!pr->child) {
		l->is_final = carrier_is_final(e);
		free(pr);
		return NULL;
	}
	(void)snprintf(pr->id, sizeof(pr->id), "%d", (int)child_pid(pr->child));
	l->carrier = &pr->base; /* the callbacks below ask for its name */
	l->p.cb.on_started(l->p.ctx);
	l->p.cb.on_stdio(l->p.ctx, stdio);
	return &pr->base;
}
