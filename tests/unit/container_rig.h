/* SPDX-License-Identifier: MIT */
/*
 * container_rig: one container run on the scripted engine, and what was told about it.
 */
#ifndef TESTS_UNIT_CONTAINER_RIG_H
#define TESTS_UNIT_CONTAINER_RIG_H

#include "base/stream.h"
#include "docker/docker.h"
#include "docker/spec.h"
#include "tests/unit/scripted_engine.h"

static struct docker_container *run;
static struct stream *stdio;
static struct {
	int created, attached, started, exits, ends, n_in, n_err;
	char in[65536], err[256], text[1024], order[64];
	struct docker_exit x;
	int kind;
	bool is_paused, frees_at_attach, frees_at_exit;
} got;

static void on_ready(void *ctx, unsigned ready)
{
	(void)ctx;
	(void)ready;
	for (;;) {
		ssize_t n = stream_read(stdio, got.in + got.n_in,
					sizeof(got.in) - (size_t)got.n_in - 1);
		if (n == -EAGAIN)
			return;
		if (n > 0) {
			got.n_in += (int)n;
			got.in[got.n_in] = '\0'; /* it may have written behind what it gave */
			continue;
		}
		ck_assert_int_eq(n, 0);
		got.ends++;
		stream_want(stdio, 0);
		return;
	}
}

static void on_created(void *ctx, const char *id)
{
	(void)ctx;
	ck_assert_str_eq(id, ENGINE_ID);
	got.created++;
	(void)strcat(got.order, "c");
}

static void on_attached(void *ctx, struct stream *takes)
{
	(void)ctx;
	ck_assert_int_eq(eng.n_start, 0);
	got.attached++;
	(void)strcat(got.order, "a");
	stdio = takes;
	stream_on(stdio, on_ready, NULL);
	stream_want(stdio, got.is_paused ? 0 : STREAM_IN);
	if (got.frees_at_attach) {
		docker_container_free(run);
		run = NULL;
	}
}

static void on_stderr(void *ctx, const char *bytes, size_t n)
{
	(void)ctx;
	memcpy(got.err + got.n_err, bytes, n);
	got.n_err += (int)n;
}

static void on_started(void *ctx)
{
	(void)ctx;
	got.started++;
	(void)strcat(got.order, "s");
}

static void on_exit_(void *ctx, const struct docker_exit *x)
{
	(void)ctx;
	got.exits++;
	got.x = *x;
	(void)strcat(got.order, "x");
	got.kind = x->e ? x->e->kind : 0;
	(void)snprintf(got.text, sizeof(got.text), "%s", x->e ? x->e->text : "");
	if (got.frees_at_exit) {
		docker_container_free(run);
		run = NULL;
	}
}

static struct err start_error;

static inline void start(void)
{
	static const struct docker_container_cb cb = { on_created, on_attached, on_stderr,
						       on_started, on_exit_ };
	struct docker_spec spec;
	ck_assert_int_eq(docker_spec_init(&spec, "img"), 0);
	run = docker_container_run(eng.docker, &spec, "box-1", &cb, NULL, &start_error);
	docker_spec_done(&spec);
}

static inline void rig_setup(void)
{
	engine_setup_up();
	memset(&got, 0, sizeof(got));
	run = NULL;
	stdio = NULL;
}

static inline void rig_teardown(void)
{
	docker_container_free(run);
	stream_free(stdio);
	engine_teardown();
}

static inline void frame(struct scripted_conn *c, int stream, const char *text)
{
	size_t n = strlen(text);
	const char head[8] = { (char)stream, 0, 0, 0, 0, 0, (char)(n >> 8), (char)n };
	scripted_bytes(c, head, sizeof(head));
	scripted_say(c, text);
}

static inline void say_exit(int code)
{
	char body[64];
	(void)snprintf(body, sizeof(body), "{\"Error\":null,\"StatusCode\":%d}\n", code);
	scripted_chunk(eng.wait, body);
	scripted_say(eng.wait, "0\r\n\r\n");
}

static inline void run_until_started(void)
{
	start();
	ck_assert_ptr_nonnull(run);
	scripted_until(eng.loop, &got.started, 1);
}

#endif
