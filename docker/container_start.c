/* SPDX-License-Identifier: MIT */
/*
 * The order is the point: attached before the start, or early output is lost; a wait for the next exit answered by its
 * headers before the start, or a quick exit is; the attach is polled while start runs, since output comes before its
 * answer. Each step has a deadline.
 */
#include "docker/container_step.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/loop.h"
#include "base/stream.h"
#include "docker/attach.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { STEP_MS = 30000 /* for the upgrade, and for the headers of wait */ };

/* --- start ---------------------------------------------------------------------------------- */

static void on_started(void *ctx, const struct docker_answer *a)
{
	struct docker_container *c = ctx;
	c->call = NULL;
	if (a->e) {
		container_fail(c, a->e, "start");
		return;
	}
	c->state = CONTAINER_RUNNING;
	if (c->pending_signal[0])
		container_signal(c, c->pending_signal);
	container_advance(c); /* the exit may have been quicker than this answer */
	if (c->cb.on_started)
		c->cb.on_started(c->ctx);
}

static void on_wait_head(void *ctx, int status)
{
	struct docker_container *c = ctx;
	if (status != 200 || c->state != CONTAINER_WAITING)
		return;
	loop_timer_stop(c->timer);
	c->state = CONTAINER_STARTING;
	if (!container_call(c, "POST", "/start", DOCKER_CONTROL, on_started))
		container_fail_call(c, "start");
}

static void on_waited(void *ctx, const struct docker_answer *a)
{
	struct docker_container *c = ctx;
	c->wait = NULL;
	if (c->state == CONTAINER_WAITING) {
		if (a->e)
			container_fail(c, a->e, "wait for");
		else
			container_fail_with(c, -EPROTO, DOCKER_OTHER, "wait for",
					    "it is over too soon");
		return;
	}
	cJSON *tree = a->e ? NULL : cJSON_ParseWithLength(a->body, a->body_len);
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(tree, "StatusCode");
	c->has_exit = cJSON_IsNumber(code);
	c->exit_code = c->has_exit ? code->valueint : -1;
	c->is_wait_cut |= !c->has_exit;
	cJSON_Delete(tree);
	if (c->state == CONTAINER_RUNNING)
		container_advance(c);
}

static bool wait_until(struct docker_container *c, const char *condition)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "/containers/%s/wait?condition=%s", c->id, condition);
	const struct docker_request rq = { .method = "POST",
					   .path = path,
					   .patience = DOCKER_FOREVER,
					   .on_head = on_wait_head,
					   .on_done = on_waited,
					   .ctx = c };
	c->wait_ms = clock_ms();
	c->wait = docker_call(c->d, &rq, NULL);
	return c->wait != NULL;
}

void container_wait_again(struct docker_container *c)
{
	c->state = CONTAINER_RUNNING;
	/* Not the next exit: it may have ended meanwhile. */
	if (wait_until(c, "not-running"))
		container_advance(c);
	else
		container_finish(c, true, NULL);
}

/* --- attach --------------------------------------------------------------------------------- */

static void on_attach_open(void *ctx, struct stream *stdio, const struct err *e)
{
	struct docker_container *c = ctx;
	if (e) {
		container_fail(c, e, "attach to");
		return;
	}
	c->state = CONTAINER_WAITING;
	loop_timer_in(c->timer, STEP_MS);
	if (!wait_until(c, "next-exit")) {
		stream_free(stdio);
		container_fail_call(c, "wait for");
		return;
	}
	c->cb.on_attached(c->ctx, stdio);
}

static void on_attach_stderr(void *ctx, const char *bytes, size_t n)
{
	struct docker_container *c = ctx;
	if (c->cb.on_stderr && c->state != CONTAINER_ENDED)
		c->cb.on_stderr(c->ctx, bytes, n);
}

static void on_attach_end(void *ctx)
{
	struct docker_container *c = ctx;
	c->is_output_over = true;
	c->idle_ms = docker_attach_idle_ms(c->attach);
	if (c->state == CONTAINER_RUNNING || c->state == CONTAINER_RESTING)
		container_advance(c);
}

/* --- create --------------------------------------------------------------------------------- */

static void on_cleared(void *ctx, const struct docker_answer *a)
{
	struct docker_container *c = ctx;
	(void)a; /* whatever it was: the next create tells */
	c->call = NULL;
	c->state = CONTAINER_CREATING;
	if (!container_create(c))
		container_fail_call(c, "create");
}

static void on_refused(struct docker_container *c, const struct err *e)
{
	/* No answer does not mean that nothing was created. */
	if (e->kind == DOCKER_NETWORK || e->kind == DOCKER_TIMEOUT)
		docker_remove(c->d, c->name);
	if (c->is_orphan) {
		container_destroy(c);
	} else if (e->kind == DOCKER_CONFLICT && !c->has_retried) {
		c->has_retried = true;
		c->state = CONTAINER_CLEARING;
		if (!container_call(c, "DELETE", "?force=1&v=1", DOCKER_CONTROL, on_cleared))
			container_fail(c, e, "create");
	} else {
		container_fail(c, e, "create");
	}
}

static void on_created(void *ctx, const struct docker_answer *a)
{
	struct docker_container *c = ctx;
	c->call = NULL;
	if (a->e) {
		on_refused(c, a->e);
		return;
	}
	if (c->is_orphan) {
		docker_remove(c->d, c->name);
		container_destroy(c);
		return;
	}
	cJSON *tree = cJSON_ParseWithLength(a->body, a->body_len);
	const char *id = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tree, "Id"));
	(void)snprintf(c->id, sizeof(c->id), "%s", id ? id : ""); /* 64 digits */
	cJSON_Delete(tree);
	buf_done(&c->body);
	if (!c->id[0]) {
		container_fail_with(c, -EPROTO, DOCKER_OTHER, "create", "the engine told no ID");
		return;
	}
	static const struct docker_attach_cb cb = { on_attach_open, on_attach_stderr,
						    on_attach_end };
	c->state = CONTAINER_ATTACHING;
	loop_timer_in(c->timer, STEP_MS);
	c->attach = docker_attach_open(c->d, c->id, &cb, c);
	if (!c->attach)
		container_fail_call(c, "attach to");
	else if (c->cb.on_created)
		c->cb.on_created(c->ctx, c->id);
}

bool container_create(struct docker_container *c)
{
	_cleanup_buf_ struct buf path = { 0 };
	if (buf_adds(&path, "/containers/create?name=") < 0 || docker_escape(&path, c->name) < 0)
		return false;
	if (c->platform &&
	    (buf_adds(&path, "&platform=") < 0 || docker_escape(&path, c->platform) < 0))
		return false;
	const struct docker_request rq = { .method = "POST",
					   .path = path.data,
					   .body = c->body.data,
					   .body_len = c->body.len,
					   .patience = DOCKER_CONTROL,
					   .on_done = on_created,
					   .ctx = c };
	c->call = docker_call(c->d, &rq, NULL);
	return c->call != NULL;
}
