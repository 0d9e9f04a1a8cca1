/* SPDX-License-Identifier: MIT */
#include "supervisor/check.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/stream.h"
#include "conf/conf.h"
#include "docker/docker.h"
#include "docker/spec.h"
#include "health/probe_exec.h"
#include "health/probe_http.h"
#include "supervisor/child.h"
#include "supervisor/launch.h"
#include "supervisor/launch_process.h"
#include "supervisor/pull_cli.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { READ_CHUNK = 4096, READ_BUDGET = 64 };

struct check {
	struct supervisor *sv;
	check_fn *fn;
	void *ctx;
	bool is_in_container;
	/* One of them: owned. */
	struct docker_exec *exec;
	struct docker_health *engine;
	struct probe_http *http;
	struct child *child;
	struct stream *stdio; /* of the child; NULL: ended */
	struct probe_exec said;
	struct probe_exec
		complained; /* on the child's stderr: the two pipes have no common order */
};

void check_free(struct check *c)
{
	if (!c)
		return;
	docker_exec_cancel(c->exec);
	docker_health_cancel(c->engine);
	probe_http_free(c->http);
	stream_free(c->stdio);
	child_free(c->child);
	free(c);
}

/* A server's words may hold its secrets. */
static void finish(struct check *c, enum health_verdict v, const char *words)
{
	check_fn *fn = c->fn;
	void *ctx = c->ctx;
	char copy[1200]; /* what words point to goes with c */
	(void)snprintf(copy, sizeof(copy), "%s", words);
	copy[log_redact(copy, strlen(copy))] = '\0';
	check_free(c);
	fn(ctx, v, copy);
}

bool check_is_under_way(const struct check *c)
{
	if (c->exec)
		return docker_exec_is_running(c->exec);
	return !c->engine && (!c->is_in_container || docker_is_up(c->sv->docker));
}

bool check_can_end(const struct check *c)
{
	return !c->is_in_container;
}

/* --- exec ------------------------------------------------------------------------------------- */

static void exec_over(struct check *c, int exit_code, int signal)
{
	char why[PROBE_EXEC_TAIL + 64];
	probe_exec_why(c->complained.n ? &c->complained : &c->said, exit_code, signal, why,
		       sizeof(why));
	finish(c, *why ? HEALTH_UNHEALTHY : HEALTH_HEALTHY, why);
}

static void heard(void *ctx, const char *bytes, size_t n)
{
	struct check *c = ctx;
	probe_exec_output(&c->said, bytes, n);
}

/* Is it the way to the command that failed, and not the server? Its end is told by others. */
static bool is_no_news(int docker_class)
{
	return docker_class == DOCKER_NETWORK || docker_class == DOCKER_TIMEOUT ||
	       docker_class == DOCKER_NOT_FOUND;
}

static void api_done(void *ctx, int exit_code, const struct err *e)
{
	struct check *c = ctx;
	char words[1100];
	c->exec = NULL;
	if (!e) {
		exec_over(c, exit_code, 0);
	} else if (is_no_news(e->kind)) {
		finish(c, HEALTH_NONE, "");
	} else if (e->kind == DOCKER_PERMISSION || e->kind == DOCKER_VERSION) {
		(void)snprintf(words, sizeof(words), "its health command cannot be run: %s",
			       e->text);
		finish(c, HEALTH_NONE, words);
	} else {
		finish(c, HEALTH_UNHEALTHY, e->text);
	}
}

static int exec_by_api(struct check *c, const struct check_params *p, struct err *e)
{
	const struct docker_exec_params xp = {
		.container = launch_id(p->launch),
		.argv = p->conf->healthcheck_exec,
		.on_output = heard,
		.on_done = api_done,
		.ctx = c,
	};
	c->is_in_container = true;
	c->exec = docker_exec_start(c->sv->docker, &xp, e);
	return c->exec ? 0 : -1;
}

static void read_stdout(void *ctx, unsigned ready)
{
	(void)ready;
	struct check *c = ctx;
	char bytes[READ_CHUNK];
	for (int i = 0; i < READ_BUDGET && c->stdio; i++) {
		ssize_t n = stream_read(c->stdio, bytes, sizeof(bytes));
		if (n == -EAGAIN)
			return;
		if (n <= 0)
			stream_free(take_ptr(&c->stdio));
		else
			probe_exec_output(&c->said, bytes, (size_t)n);
	}
}

static void read_stderr(void *ctx, const char *bytes, size_t n)
{
	struct check *c = ctx;
	probe_exec_output(&c->complained, bytes, n);
}

/* The docker command's own words, when it did not reach the engine. */
static bool is_cut_off(const struct check *c)
{
	char words[PROBE_EXEC_TAIL + 1];
	struct err e;
	(void)snprintf(words, sizeof(words), "%.*s", (int)c->complained.n, c->complained.tail);
	pull_cli_reason(words, "docker exec", &e);
	return e.kind == DOCKER_NETWORK;
}

static void child_over(void *ctx, int status)
{
	struct check *c = ctx;
	read_stdout(c, STREAM_IN);
	if (c->is_in_container && status != 0 && is_cut_off(c))
		finish(c, HEALTH_NONE, "");
	else
		exec_over(c, WIFEXITED(status) ? WEXITSTATUS(status) : -1,
			  WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

static const struct child_cb child_cb = { .on_stderr = read_stderr, .on_exit = child_over };

static int child_begun(struct check *c)
{
	if (!c->child)
		return -1;
	(void)stream_shut(c->stdio); /* we have nothing to say to it */
	stream_on(c->stdio, read_stdout, c);
	return stream_want(c->stdio, STREAM_IN);
}

static int exec_by_cli(struct check *c, const struct check_params *p, struct err *e)
{
	char *const *cmd = p->conf->healthcheck_exec;
	size_t n = 0, n_own = 5;
	while (cmd[n])
		n++;
	_cleanup_free_ const char **argv = calloc(n_own + n + 1, sizeof(*argv));
	char **env = NULL;
	c->is_in_container = true;
	if (!docker_is_up(c->sv->docker))
		return err_set(e, -ENOTCONN, "the engine does not answer");
	if (!argv || docker_cli_env(c->sv->docker, c->sv->environ, &env, NULL) < 0)
		return err_oom(e);
	const char *own[] = { "docker", "-H", docker_endpoint(c->sv->docker), "exec",
			      launch_id(p->launch) };
	memcpy(argv, own, sizeof(own));
	memcpy(argv + n_own, cmd, n * sizeof(*cmd));
	const struct spawn_params sp = {
		.argv = (char *const *)argv,
		.envp = env,
		.stdio = SPAWN_PIPES,
		.tty_fd = -1,
	};
	c->child = child_new(c->sv, &sp, &child_cb, c, &c->stdio, e);
	docker_argv_free(env);
	return child_begun(c);
}

static int exec_as_child(struct check *c, const struct check_params *p, struct err *e)
{
	const struct launch_process_params lp = {
		.sv = c->sv,
		.conf = p->conf,
		.argv = p->conf->healthcheck_exec,
		.cb = &child_cb,
		.ctx = c,
	};
	c->child = launch_process_child(&lp, &c->stdio, e);
	return child_begun(c);
}

/* --- http ------------------------------------------------------------------------------------- */

static void http_done(void *ctx, bool is_well, const char *words)
{
	struct check *c = ctx;
	c->http = NULL;
	finish(c, is_well ? HEALTH_HEALTHY : HEALTH_UNHEALTHY, words);
}

static int by_http(struct check *c, const struct check_params *p, struct err *e)
{
	c->http = probe_http_new(p->http, p->conf->healthcheck_url, http_done, c, e);
	return c->http ? 0 : -1;
}

/* --- docker ----------------------------------------------------------------------------------- */

static void engine_done(void *ctx, enum docker_health_status status, const char *words)
{
	struct check *c = ctx;
	c->engine = NULL;
	switch (status) {
	case DOCKER_HEALTH_HEALTHY:
		finish(c, HEALTH_HEALTHY, "");
		break;
	case DOCKER_HEALTH_UNHEALTHY:
		finish(c, HEALTH_UNHEALTHY, *words ? words : "the engine says so");
		break;
	case DOCKER_HEALTH_NONE:
		finish(c, HEALTH_NONE,
		       "its image has no HEALTHCHECK, so nothing is probed; write healthcheck = "
		       "mcp, or exec CMD");
		break;
	default:
		finish(c, HEALTH_NONE, "");
	}
}

static int by_engine(struct check *c, const struct check_params *p, struct err *e)
{
	c->engine = docker_health_ask(c->sv->docker, launch_id(p->launch), engine_done, c, e);
	return c->engine ? 0 : -1;
}

/* --- birth ------------------------------------------------------------------------------------ */

static int start(struct check *c, const struct check_params *p, struct err *e)
{
	if (p->conf->healthcheck == CONF_HEALTH_HTTP)
		return by_http(c, p, e);
	if (p->conf->healthcheck == CONF_HEALTH_DOCKER)
		return by_engine(c, p, e);
	const char *via = launch_via(p->launch);
	if (strcmp(via, "api") == 0)
		return exec_by_api(c, p, e);
	return strcmp(via, "cli") == 0 ? exec_by_cli(c, p, e) : exec_as_child(c, p, e);
}

struct check *check_new(const struct check_params *p, struct err *e)
{
	struct check *c = calloc(1, sizeof(*c));
	if (!c) {
		err_oom(e);
		return NULL;
	}
	c->sv = p->sv;
	c->fn = p->fn;
	c->ctx = p->ctx;
	e->code = -EIO;
	if (start(c, p, e) == 0)
		return c;
	check_free(c);
	return NULL;
}
