/* SPDX-License-Identifier: MIT */
#include "supervisor/credential.h"

#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/stream.h"
#include "docker/docker.h"
#include "supervisor/child.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

enum { WORDS_MAX = 160 }; /* of its own reason */

struct docker_helper {
	struct docker_helper_params p; /* its strings are not used after the birth */
	char *program;		       /* owned; docker-credential-NAME */
	struct child *child;
	struct stream *stdio;
	struct loop_timer *timer;
	size_t n;
	bool is_too_long;
	char answer[CREDENTIAL_BYTES + 1];
};

void credential_cancel(struct docker_helper *h)
{
	if (!h)
		return;
	if (h->stdio)
		stream_free(h->stdio);
	child_free(h->child); /* which kills it */
	loop_timer_free(h->timer);
	free(h->program);
	explicit_bzero(h->answer, sizeof(h->answer));
	free(h);
}

/* The last of it. */
static void tell(struct docker_helper *h, const char *answer, const struct err *e)
{
	h->p.on_done(h->p.ctx, answer, e);
	credential_cancel(h);
}

static void late(void *ctx)
{
	struct docker_helper *h = ctx;
	struct err e;
	err_set(&e, -ETIMEDOUT, "%.100s did not answer within %d s and was killed", h->program,
		CREDENTIAL_MS / 1000);
	tell(h, NULL, &e);
}

static void read_answer(void *ctx, unsigned ready)
{
	(void)ready;
	struct docker_helper *h = ctx;
	ssize_t n = 1;
	while (n > 0 && h->n < CREDENTIAL_BYTES) {
		n = stream_read(h->stdio, h->answer + h->n, CREDENTIAL_BYTES - h->n);
		h->n += n > 0 ? (size_t)n : 0;
	}
	if (n == -EAGAIN)
		return;
	/* Its end, or more than an answer can be: the exit says the rest, or the timer does. */
	h->is_too_long = n > 0;
	stream_free(take_ptr(&h->stdio));
}

/* A failure is explained on stdout; what looks like an answer all the same is nobody's to see. */
static void say_failed(struct docker_helper *h, int status, struct err *e)
{
	size_t n = strcspn(h->answer, "\r\n");
	bool is_words = n > 0 && !memchr(h->answer, '{', n);
	if (WIFSIGNALED(status))
		err_set(e, -EIO, "%.100s ended by signal %d", h->program, WTERMSIG(status));
	else
		err_set(e, -EIO, "%.100s failed with status %d%s%.*s", h->program,
			WEXITSTATUS(status), is_words ? ": " : "",
			is_words ? (int)(n < WORDS_MAX ? n : WORDS_MAX) : 0, h->answer);
}

static void exited(void *ctx, int status)
{
	struct docker_helper *h = ctx;
	struct err e;
	if (h->stdio)
		read_answer(h, STREAM_IN);
	h->answer[h->n] = '\0';
	bool is_ok = !h->is_too_long && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (h->is_too_long)
		err_set(&e, -EMSGSIZE, "%.100s printed more than %d bytes", h->program,
			CREDENTIAL_BYTES);
	else if (!is_ok)
		say_failed(h, status, &e);
	tell(h, is_ok ? h->answer : NULL, is_ok ? NULL : &e);
}

static void on_stderr(void *ctx, const char *bytes, size_t n)
{
	(void)ctx, (void)bytes, (void)n; /* read, so that it can go on writing */
}

static int start(struct docker_helper *h, struct supervisor *sv, struct err *e)
{
	const char *argv[] = { h->program, "get", NULL };
	struct spawn_params sp = {
		.argv = (char *const *)argv,
		.envp = (char *const *)sv->environ,
		.stdio = SPAWN_PIPES,
		.tty_fd = -1,
	};
	static const struct child_cb cb = { .on_stderr = on_stderr, .on_exit = exited };
	h->child = child_new(sv, &sp, &cb, h, &h->stdio, e);
	if (!h->child)
		return e->code;
	stream_on(h->stdio, read_answer, h);
	int r = stream_want(h->stdio, STREAM_IN);
	/* A key fits in an empty pipe; a helper that does not want to read it may still answer. */
	(void)stream_write(h->stdio, h->p.key, strlen(h->p.key));
	(void)stream_shut(h->stdio);
	return r < 0 ? err_oom(e) : 0;
}

struct docker_helper *credential_ask(void *ctx, const struct docker_helper_params *p, struct err *e)
{
	struct supervisor *sv = ctx;
	if (!*p->name || strchr(p->name, '/')) {
		err_set(e, -EINVAL, "config.json: '%.60s' is no name of a credential helper",
			p->name);
		return NULL;
	}
	struct docker_helper *h = calloc(1, sizeof(*h));
	if (!h) {
		err_oom(e);
		return NULL;
	}
	h->p = *p;
	h->timer = loop_timer_new(sv->loop, late, h);
	if (asprintf(&h->program, "docker-credential-%s", p->name) < 0)
		h->program = NULL;
	if (!h->timer || !h->program) {
		err_oom(e);
		credential_cancel(h);
		return NULL;
	}
	if (start(h, sv, e) < 0) {
		credential_cancel(h);
		return NULL;
	}
	loop_timer_in(h->timer, CREDENTIAL_MS);
	return h;
}
