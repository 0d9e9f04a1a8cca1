/* SPDX-License-Identifier: MIT */
#include "supervisor/pull_cli.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/loop.h"
#include "base/stream.h"
#include "docker/docker.h"
#include "docker/spec.h"
#include "supervisor/child.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum {
	LOOK_MS = 10000, /* how often the kernel is asked */
	TELL_MS = 3000,	 /* progress at a human rate */
	WORDS_MAX = 2048,
	LINE_BYTES = 512,
};

struct pull_cli {
	struct pull_cli_params p;
	struct child *child;
	struct stream *stdio; /* NULL: it has ended */
	struct loop_timer *look;
	int64_t began_ms, told_ms, read_ms; /* read_ms: when it had last read something */
	long long bytes_read;
	struct buf words; /* the first words on its stderr */
	char line[LINE_BYTES];
	size_t line_len; /* more is cut */
	size_t layers, layers_done;
};

void pull_cli_free(struct pull_cli *p)
{
	if (!p)
		return;
	stream_free(p->stdio);
	child_free(p->child);
	loop_timer_free(p->look);
	buf_done(&p->words);
	free(p);
}

/* --- what it says ---------------------------------------------------------------------------- */

/* It was not the engine that refused, but the connection to it that broke. */
static bool is_cut_off(const char *text)
{
	return strstr(text, "error waiting for container") ||
	       strstr(text, "error during connect") ||
	       strstr(text, "Cannot connect to the Docker daemon");
}

void pull_cli_reason(const char *words, const char *what, struct err *e)
{
	const char *from = strstr(words, "docker: ");
	from = from ? from + strlen("docker: ") : words;
	int len = (int)strcspn(from, "\n");
	if (is_cut_off(words))
		err_kind(e, -ECONNRESET, DOCKER_NETWORK, "%s: %.*s", what, len, from);
	else
		err_kind(e, -EREMOTEIO, docker_classify(0, from), "%s failed: %.*s", what, len,
			 from);
}

static void tell(struct pull_cli *p)
{
	char text[640], layers[64] = "";
	if (p->layers > 0)
		(void)snprintf(layers, sizeof(layers), ": %zu of %zu layers", p->layers_done,
			       p->layers);
	(void)snprintf(text, sizeof(text), "pulling %.400s by the docker command%s", p->p.image,
		       layers);
	p->told_ms = clock_ms();
	p->p.on_progress(p->p.ctx, text);
}

/* "4abcf2066143: Pull complete" */
static void take_line(struct pull_cli *p)
{
	p->line[p->line_len] = '\0';
	bool was_there = strstr(p->line, ": Already exists") != NULL;
	p->layers += was_there || strstr(p->line, ": Pulling fs layer");
	p->layers_done += was_there || strstr(p->line, ": Pull complete");
	p->line_len = 0;
}

static void on_stdout(void *ctx, unsigned ready)
{
	(void)ready;
	struct pull_cli *p = ctx;
	char bytes[4096];
	ssize_t n = stream_read(p->stdio, bytes, sizeof(bytes));
	for (ssize_t i = 0; i < n; i++) {
		if (bytes[i] == '\n')
			take_line(p);
		else if (p->line_len < LINE_BYTES - 1)
			p->line[p->line_len++] = bytes[i];
	}
	if (n == 0 || (n < 0 && n != -EAGAIN))
		stream_free(take_ptr(&p->stdio));
	if (n > 0 && clock_ms() - p->told_ms >= TELL_MS)
		tell(p);
}

static void on_stderr(void *ctx, const char *bytes, size_t n)
{
	struct pull_cli *p = ctx;
	size_t room = WORDS_MAX - p->words.len;
	(void)buf_add(&p->words, bytes, n < room ? n : room); /* the reason may be cut */
}

/* --- its end --------------------------------------------------------------------------------- */

static void fail(struct pull_cli *p, struct err *e)
{
	err_prefix(e, "image %.200s", p->p.image);
	p->p.on_done(p->p.ctx, e);
}

static void exited(void *ctx, int status)
{
	struct pull_cli *p = ctx;
	loop_timer_stop(p->look);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		struct err e;
		pull_cli_reason(buf_str(&p->words), "docker pull", &e);
		fail(p, &e);
		return;
	}
	char text[640];
	(void)snprintf(text, sizeof(text), "pulled %.400s by the docker command in %.1f s",
		       p->p.image, (double)(clock_ms() - p->began_ms) / 1e3);
	p->p.on_progress(p->p.ctx, text);
	p->p.on_done(p->p.ctx, NULL);
}

/* Bytes that a process has read since its birth, sockets included; -1: not told. */
static long long bytes_read_by(pid_t pid)
{
	char path[32];
	_cleanup_free_ char *text = NULL;
	(void)snprintf(path, sizeof(path), "/proc/%d/io", (int)pid);
	if (fd_read_file(path, 4096, &text, NULL, NULL) < 0)
		return -1;
	const char *at = strstr(text, "rchar: ");
	return at ? strtoll(at + strlen("rchar: "), NULL, 10) : -1;
}

static void look(void *ctx)
{
	struct pull_cli *p = ctx;
	long long now = bytes_read_by(child_pid(p->child));
	if (now < 0 || now != p->bytes_read)
		p->read_ms = clock_ms();
	p->bytes_read = now;
	if (clock_ms() - p->read_ms < PULL_CLI_IDLE_MS) {
		loop_timer_in(p->look, LOOK_MS);
		return;
	}
	struct err e;
	child_free(take_ptr(&p->child));
	err_kind(&e, -ETIMEDOUT, DOCKER_TIMEOUT, "docker pull was ended: no byte came for %d s",
		 PULL_CLI_IDLE_MS / 1000);
	fail(p, &e);
}

void pull_cli_signal(struct pull_cli *p, int signo)
{
	child_signal(p->child, signo);
}

/* --- birth ----------------------------------------------------------------------------------- */

static int start(struct pull_cli *p, struct err *e)
{
	struct supervisor *sv = p->p.sv;
	const char *argv[8] = { "docker", "-H", docker_endpoint(sv->docker), "pull" };
	size_t n = 4;
	if (p->p.platform) {
		argv[n++] = "--platform";
		argv[n++] = p->p.platform;
	}
	argv[n] = p->p.image;
	char **env = NULL;
	int r = docker_cli_env(sv->docker, sv->environ, &env, e);
	if (r < 0) {
		e->kind = SPAWN_BUSY;
		return r;
	}
	struct spawn_params sp = {
		.argv = (char *const *)argv,
		.envp = env,
		.stdio = SPAWN_PIPES,
		.tty_fd = -1,
	};
	static const struct child_cb cb = { .on_stderr = on_stderr, .on_exit = exited };
	p->child = child_new(sv, &sp, &cb, p, &p->stdio, e);
	docker_argv_free(env);
	if (!p->child)
		return e->code;
	(void)stream_shut(p->stdio); /* we have nothing to say to it */
	stream_on(p->stdio, on_stdout, p);
	return stream_want(p->stdio, STREAM_IN);
}

struct pull_cli *pull_cli_start(const struct pull_cli_params *params, struct err *e)
{
	struct pull_cli *p = calloc(1, sizeof(*p));
	if (!p || !(p->look = loop_timer_new(params->sv->loop, look, p))) {
		free(p);
		err_oom(e);
		e->kind = SPAWN_BUSY;
		return NULL;
	}
	p->p = *params;
	if (start(p, e) < 0) {
		pull_cli_free(p);
		return NULL;
	}
	p->began_ms = p->read_ms = clock_ms();
	loop_timer_in(p->look, LOOK_MS);
	tell(p);
	return p;
}
