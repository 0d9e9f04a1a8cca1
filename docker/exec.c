/* SPDX-License-Identifier: MIT */
/*
 * A command inside a container: create the exec, start it (its output is the body of the answer), and when that has ended
 * ask for its exit code.
 * Source: Engine API v1.41, ContainerExec, ExecStart, ExecInspect.
 */
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/loop.h"
#include "docker/client.h"
#include "docker/docker.h"
#include "docker/frames.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The output may end a little before the engine has taken note of the exit. */
enum { AGAIN_MS = 50, MAX_AGAIN = 100 };

struct docker_exec {
	struct docker *d;
	struct docker_exec_params p;
	struct docker_call *call;
	struct loop_timer *again;
	struct frames frames;
	char *id; /* owned */
	bool is_running;
	int n_again;
};

void docker_exec_cancel(struct docker_exec *x)
{
	if (!x)
		return;
	docker_call_cancel(x->call);
	loop_timer_free(x->again);
	free(x->id);
	free(x);
}

bool docker_exec_is_running(const struct docker_exec *x)
{
	return x->is_running;
}

static void finish(struct docker_exec *x, int exit_code, const struct err *e)
{
	struct docker_exec_params p = x->p;
	struct err copy;
	if (e)
		copy = *e; /* its owner may go with x */
	docker_exec_cancel(x);
	p.on_done(p.ctx, exit_code, e ? &copy : NULL);
}

static void fail(struct docker_exec *x, const char *text)
{
	struct err e;
	err_kind(&e, -EPROTO, DOCKER_OTHER, "%s", text);
	finish(x, -1, &e);
}

static int call(struct docker_exec *x, const struct docker_request *rq, struct err *e)
{
	struct docker_request own = *rq;
	own.body_len = rq->body ? strlen(rq->body) : 0;
	own.ctx = x;
	x->call = docker_call(x->d, &own, e);
	return x->call ? 0 : -1;
}

/* --- how it ended ----------------------------------------------------------------------------- */

static void on_inspected(void *ctx, const struct docker_answer *a)
{
	struct docker_exec *x = ctx;
	x->call = NULL;
	if (a->e) {
		finish(x, -1, a->e);
		return;
	}
	cJSON *tree = cJSON_ParseWithLength(a->body, a->body_len);
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(tree, "ExitCode");
	bool is_over = cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(tree, "Running")) &&
		       cJSON_IsNumber(code);
	int exit_code = is_over ? code->valueint : -1;
	cJSON_Delete(tree);
	if (is_over)
		finish(x, exit_code, NULL);
	else if (++x->n_again < MAX_AGAIN)
		loop_timer_in(x->again, AGAIN_MS);
	else
		fail(x, "its output has ended, but the engine says that it runs");
}

static void inspect(void *ctx)
{
	struct docker_exec *x = ctx;
	struct err e;
	_cleanup_buf_ struct buf path = { 0 };
	const struct docker_request rq = {
		.method = "GET",
		.path = buf_addf(&path, "/exec/%s/json", x->id) == 0 ? path.data : "",
		.patience = DOCKER_QUICK,
		.on_done = on_inspected,
	};
	if (call(x, &rq, &e) < 0)
		finish(x, -1, &e);
}

/* --- its life --------------------------------------------------------------------------------- */

static void on_frame(void *ctx, int stream, const char *bytes, size_t n)
{
	(void)stream;
	struct docker_exec *x = ctx;
	x->p.on_output(x->p.ctx, bytes, n);
}

static void on_head(void *ctx, int status)
{
	struct docker_exec *x = ctx;
	x->is_running = status >= 200 && status < 300;
}

static void on_data(void *ctx, const char *bytes, size_t n)
{
	struct docker_exec *x = ctx;
	(void)frames_feed(&x->frames, bytes, n, on_frame,
			  x); /* without the rest its code must do */
}

static void on_ended(void *ctx, const struct docker_answer *a)
{
	struct docker_exec *x = ctx;
	x->call = NULL;
	if (a->e)
		finish(x, -1, a->e);
	else
		inspect(x);
}

static void on_created(void *ctx, const struct docker_answer *a)
{
	struct docker_exec *x = ctx;
	x->call = NULL;
	if (a->e) {
		finish(x, -1, a->e);
		return;
	}
	cJSON *tree = cJSON_ParseWithLength(a->body, a->body_len);
	const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "Id"));
	x->id = id ? strdup(id) : NULL;
	cJSON_Delete(tree);
	_cleanup_buf_ struct buf path = { 0 };
	if (!x->id || buf_addf(&path, "/exec/%s/start", x->id) < 0) {
		fail(x, "the engine gave no ID for it");
		return;
	}
	struct err e;
	const struct docker_request rq = {
		.method = "POST",
		.path = path.data,
		.body = "{\"Detach\":false,\"Tty\":false}",
		.patience = DOCKER_FOREVER, /* whoever asked has a deadline */
		.on_head = on_head,
		.on_data = on_data,
		.on_done = on_ended,
	};
	if (call(x, &rq, &e) < 0)
		finish(x, -1, &e);
}

static char *body_of(char *const *argv)
{
	cJSON *tree = cJSON_CreateObject();
	cJSON *words = cJSON_AddArrayToObject(tree, "Cmd");
	bool is_whole = words && cJSON_AddTrueToObject(tree, "AttachStdout") &&
			cJSON_AddTrueToObject(tree, "AttachStderr");
	for (; is_whole && *argv; argv++)
		is_whole = cJSON_AddItemToArray(words, cJSON_CreateString(*argv));
	char *text = is_whole ? cJSON_PrintUnformatted(tree) : NULL;
	cJSON_Delete(tree);
	return text;
}

struct docker_exec *docker_exec_start(struct docker *d, const struct docker_exec_params *p,
				      struct err *e)
{
	_cleanup_buf_ struct buf path = { 0 };
	struct docker_exec *x = calloc(1, sizeof(*x));
	if (x)
		x->again = loop_timer_new(d->p.loop, inspect, x);
	char *body = x && x->again ? body_of(p->argv) : NULL;
	if (!body || buf_adds(&path, "/containers/") < 0 ||
	    docker_escape(&path, p->container) < 0 || buf_adds(&path, "/exec") < 0) {
		cJSON_free(body);
		docker_exec_cancel(x);
		err_kind(e, -ENOMEM, DOCKER_OTHER, "out of memory");
		return NULL;
	}
	x->d = d;
	x->p = *p;
	frames_init(&x->frames);
	const struct docker_request rq = { .method = "POST",
					   .path = path.data,
					   .body = body,
					   .patience = DOCKER_CONTROL,
					   .on_done = on_created };
	int r = call(x, &rq, e);
	cJSON_free(body);
	if (r < 0) {
		docker_exec_cancel(x);
		return NULL;
	}
	return x;
}
