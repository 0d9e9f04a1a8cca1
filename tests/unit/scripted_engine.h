/* SPDX-License-Identifier: MIT */
/*
 * scripted_engine: an engine on scripted.h that lets everything succeed, and a struct docker connected to it. A test's
 * hook answers first; what it leaves is answered here. Connections that stay open are kept by name.
 */
#ifndef TESTS_UNIT_SCRIPTED_ENGINE_H
#define TESTS_UNIT_SCRIPTED_ENGINE_H

#include "base/err.h"
#include "base/http.h"
#include "docker/docker.h"
#include "tests/unit/scripted.h"

#define ENGINE_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct {
	struct loop *loop;
	struct http *http;
	struct docker *docker;
	struct scripted srv;
	/* True: it has answered. */
	bool (*hook)(struct scripted_conn *c, const char *line);
	struct scripted_conn *events, *attach, *wait;
	int n_events, n_attach, n_wait, n_start, n_kill, n_delete;
	struct buf log; /* one line per request */
	const char *inspect;
	char body[8192]; /* of the last create */
	int ups, downs, down_kind, n_said;
	char down[1024], said[512];
	int said_code;
	int idles;
} eng;

static void engine_request(struct scripted_conn *c, const char *line, const char *all)
{
	ck_assert_int_eq(buf_addf(&eng.log, "%s\n", line), 0);
	if (eng.hook && eng.hook(c, line))
		return;
	static const char chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	if (strcmp(line, "GET /_ping") == 0) {
		scripted_answer(c, "200 OK", "OK");
	} else if (strcmp(line, "GET /version") == 0) {
		scripted_answer(c, "200 OK", "{\"Version\":\"20.10.24\",\"ApiVersion\":\"1.41\"}");
	} else if (strstr(line, "GET /events")) {
		scripted_say(c, chunked);
		eng.events = c;
		eng.n_events++;
	} else if (strstr(line, "/containers/create")) {
		(void)snprintf(eng.body, sizeof(eng.body), "%s", strstr(all, "\r\n\r\n") + 4);
		scripted_answer(c, "201 Created", "{\"Id\":\"" ENGINE_ID "\",\"Warnings\":[]}");
	} else if (strstr(line, "/attach?")) {
		c->is_raw = true;
		scripted_say(c, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\n\r\n");
		eng.attach = c;
		eng.n_attach++;
	} else if (strstr(line, "/wait?")) {
		scripted_say(c, chunked);
		eng.wait = c;
		eng.n_wait++;
	} else if (strstr(line, "/start")) {
		eng.n_start++;
		scripted_answer(c, "204 No Content", "");
	} else if (strstr(line, "/kill")) {
		eng.n_kill++;
		scripted_answer(c, "204 No Content", "");
	} else if (strstr(line, "/json")) {
		scripted_answer(c, "200 OK", eng.inspect);
	} else if (strncmp(line, "DELETE", 6) == 0) {
		eng.n_delete++;
		scripted_answer(c, "204 No Content", "");
	} else {
		ck_abort_msg("unexpected request: %s", line);
	}
}

static void engine_up(void *ctx)
{
	(void)ctx;
	eng.ups++;
}

static void engine_down(void *ctx, const struct err *e)
{
	(void)ctx;
	eng.downs++;
	eng.down_kind = e->kind;
	(void)snprintf(eng.down, sizeof(eng.down), "%s", e->text);
}

static void engine_event(void *ctx, const struct docker_event *ev)
{
	(void)ctx;
	eng.n_said++;
	eng.said_code = ev->exit_code;
	(void)snprintf(eng.said, sizeof(eng.said), "%s %s %s %s", ev->id, ev->name, ev->action,
		       ev->health ? ev->health : "-");
}

static void engine_idle(void *ctx)
{
	(void)ctx;
	eng.idles++;
}

/* instance: may be NULL. Not connected yet. */
static inline void engine_docker(const char *instance)
{
	const struct docker_params p = { .loop = eng.loop,
					 .http = eng.http,
					 .host = eng.srv.host,
					 .instance = instance,
					 .on_up = engine_up,
					 .on_down = engine_down,
					 .on_event = engine_event };
	struct err e = { 0 };
	eng.docker = docker_new(&p, &e);
	ck_assert_msg(eng.docker != NULL, "%s", e.text);
	docker_on_idle(eng.docker, engine_idle, NULL);
}

static inline void engine_setup(void)
{
	memset(&eng, 0, sizeof(eng));
	eng.inspect = "{\"State\":{\"Running\":false,\"ExitCode\":0,\"OOMKilled\":false}}";
	eng.loop = loop_new(NULL);
	eng.http = http_new(eng.loop, "mcpinit/test", NULL);
	scripted_start(&eng.srv, eng.loop, engine_request, NULL);
}

/* Connected. */
static inline void engine_setup_up(void)
{
	engine_setup();
	engine_docker("t");
	scripted_until(eng.loop, &eng.ups, 1);
	buf_drop(&eng.log, eng.log.len);
}

static inline void engine_teardown(void)
{
	docker_free(eng.docker);
	http_free(eng.http);
	scripted_done(&eng.srv);
	loop_free(eng.loop);
	buf_done(&eng.log);
}

#endif
