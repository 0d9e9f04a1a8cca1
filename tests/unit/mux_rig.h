/* SPDX-License-Identifier: MIT */
/* A mux between scripted ends: socket pairs whose other side the test holds. No processes; the clock is the test's. */
#ifndef TESTS_MUX_RIG_H
#define TESTS_MUX_RIG_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/stream.h"
#include "stdio/mux.h"
#include "stdio/scan.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define J	   "{\"jsonrpc\":\"2.0\","
#define CAPS_TOOLS "{\"tools\":{},\"prompts\":{\"listChanged\":false}}"
#define UNUSED	   __attribute__((unused))

struct end {
	int fd; /* the test's side */
	struct buf in;
	char *line; /* the last one heard */
};

struct rig {
	struct loop *loop;
	struct mux_params p;
	struct mux *mux;
	struct end server;
	struct end agents[8];
	struct mux_agent *agent[8];
	int n_agents;
	int ready, refused, ended, wanted, idle, renewed, gone;
	int tools, shown;
	char protocol[32], why[256], changed[256], name[32];
	bool frees_when_ready;
};

static int64_t rig_now = 1000;
static int64_t rig_clock(void)
{
	return rig_now;
}

static void rig_ready(void *ctx, const struct mux_ready *m)
{
	struct rig *r = ctx;
	r->ready++;
	r->tools = m->tools;
	r->shown = m->shown;
	(void)snprintf(r->protocol, sizeof(r->protocol), "%s", m->protocol);
	(void)snprintf(r->name, sizeof(r->name), "%s", m->server_name);
	(void)snprintf(r->changed, sizeof(r->changed), "%s", m->changed ? m->changed : "");
	if (r->frees_when_ready) {
		mux_free(r->mux);
		r->mux = NULL;
	}
}

static void rig_refused(void *ctx, const char *why)
{
	struct rig *r = ctx;
	r->refused++;
	(void)snprintf(r->why, sizeof(r->why), "%s", why);
}

static void rig_ended(void *ctx)
{
	struct rig *r = ctx;
	r->ended++;
}

static void rig_wanted(void *ctx)
{
	struct rig *r = ctx;
	r->wanted++;
}

static void rig_idle(void *ctx)
{
	struct rig *r = ctx;
	r->idle++;
}

static void rig_renew(void *ctx)
{
	struct rig *r = ctx;
	r->renewed++;
}

/* Before rig_start(): p may be changed. */
static UNUSED void rig_init(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	(void)signal(SIGPIPE, SIG_IGN); /* as the programs do */
	clock_fake(rig_clock);
	log_open(-1);
	rig_now = 1000;
	r->loop = loop_new(NULL);
	r->server.fd = -1;
	r->p = (struct mux_params){
		.loop = r->loop,
		.server = "srv",
		.version = "9.9",
		.protocol = "auto",
		.max_message = 1 << 20,
		.max_queue = 64 * 1024,
		.park_timeout_ms = 10000,
		.linger_ms = 60000,
		.cb = { rig_ready, rig_refused, rig_ended, rig_wanted, rig_idle, rig_renew },
		.ctx = r,
	};
}

static UNUSED void rig_start(struct rig *r)
{
	r->mux = mux_new(&r->p, NULL);
	ck_assert_ptr_nonnull(r->mux);
}

static void end_done(struct end *e)
{
	if (e->fd >= 0)
		close(e->fd);
	e->fd = -1;
	buf_done(&e->in);
	free(e->line);
	e->line = NULL;
}

static UNUSED void rig_done(struct rig *r)
{
	mux_free(r->mux);
	end_done(&r->server);
	for (int i = 0; i < r->n_agents; i++)
		end_done(&r->agents[i]);
	loop_free(r->loop);
	log_open(STDERR_FILENO);
	clock_fake(NULL);
}

static UNUSED void spin(struct rig *r)
{
	for (int i = 0; i < 12; i++)
		ck_assert_int_eq(loop_round(r->loop, false), 0);
}

static UNUSED void pass(struct rig *r, int64_t ms)
{
	spin(r);
	rig_now += ms;
	spin(r);
}

static struct stream *pair_up(struct rig *r, struct end *e)
{
	int fds[2];
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	end_done(e);
	e->fd = fds[1];
	struct stream *s = stream_of_fds(r->loop, fds[0], fds[0], NULL);
	ck_assert_ptr_nonnull(s);
	return s;
}

/* Writes all of it, turning the loop while the other side is full. */
static UNUSED void say_bytes(struct rig *r, struct end *e, const char *bytes, size_t n)
{
	for (int stuck = 0; n > 0 && stuck < 2000;) {
		ssize_t k = send(e->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (k > 0) {
			bytes += k;
			n -= (size_t)k;
			stuck = 0;
		} else {
			stuck++;
			ck_assert_int_eq(loop_round(r->loop, false), 0);
		}
	}
	ck_assert_uint_eq(n, 0);
}

static UNUSED void say(struct rig *r, struct end *e, const char *line)
{
	say_bytes(r, e, line, strlen(line));
	say_bytes(r, e, "\n", 1);
}

static UNUSED void sayf(struct rig *r, struct end *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static UNUSED void sayf(struct rig *r, struct end *e, const char *fmt, ...)
{
	char line[2048];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	say(r, e, line);
}

/* The next line, or NULL when none comes. Borrowed until the next. */
static UNUSED const char *hear(struct rig *r, struct end *e)
{
	for (int i = 0; i < 40; i++) {
		char *nl = e->in.len ? memchr(e->in.data, '\n', e->in.len) : NULL;
		if (nl) {
			free(e->line);
			e->line = strndup(e->in.data, (size_t)(nl - e->in.data));
			buf_drop(&e->in, (size_t)(nl - e->in.data) + 1);
			return e->line;
		}
		char chunk[65536];
		ssize_t k = recv(e->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
		if (k > 0) {
			buf_add(&e->in, chunk, (size_t)k);
			i = 0;
		} else {
			ck_assert_int_eq(loop_round(r->loop, false), 0);
		}
	}
	return NULL;
}

#define ck_hears(r, e, want)                                                                       \
	do {                                                                                       \
		const char *heard_ = hear(r, e);                                                   \
		ck_assert_msg(heard_ != NULL, "silence, want %s", want);                           \
		ck_assert_str_eq(heard_, want);                                                    \
	} while (0)
#define ck_silent(r, e)                                                                            \
	do {                                                                                       \
		const char *heard_ = hear(r, e);                                                   \
		ck_assert_msg(heard_ == NULL, "not silent: %s", heard_ ? heard_ : "");             \
	} while (0)
#define ck_has(text, part)                                                                         \
	do {                                                                                       \
		const char *text_ = text;                                                          \
		ck_assert_msg(text_ != NULL, "silence, want %s", part);                            \
		ck_assert_msg(strstr(text_, part) != NULL, "%s\nlacks %s", text_, part);           \
	} while (0)

/* The value of a top-level id in the line heard last. */
static UNUSED const char *id_of(const char *line, char out[64])
{
	struct scan s;
	ck_assert_ptr_nonnull(line);
	ck_assert_int_eq(scan_line(line, strlen(line), &s), SCAN_OBJECT);
	ck_assert_ptr_nonnull(s.at[SCAN_ID].p);
	(void)snprintf(out, 64, "%.*s", (int)s.at[SCAN_ID].n, s.at[SCAN_ID].p);
	return out;
}

/* Answers the request the server heard last. */
static UNUSED void answer(struct rig *r, const char *line, const char *result)
{
	char id[64];
	sayf(r, &r->server, J "\"id\":%s,\"result\":%s}", id_of(line, id), result);
}

static UNUSED void rig_attach(struct rig *r)
{
	struct err e = { 0 };
	ck_assert_msg(mux_attach(r->mux, pair_up(r, &r->server), &e) == 0, "%s", e.text);
}

/* The handshake, from the server's side. */
static UNUSED void rig_greet(struct rig *r, const char *caps)
{
	const char *line = hear(r, &r->server);
	ck_has(line, "\"method\":\"initialize\"");
	char result[512];
	(void)snprintf(
		result, sizeof(result),
		"{\"protocolVersion\":\"2025-11-25\",\"capabilities\":%s,\"serverInfo\":{\"name\":\"fake\","
		"\"version\":\"1\"},\"instructions\":\"be nice\"}",
		caps);
	answer(r, line, result);
	ck_has(hear(r, &r->server), "notifications/initialized");
	if (strstr(caps, "\"tools\"")) {
		line = hear(r, &r->server);
		ck_has(line, "tools/list");
		answer(r, line, "{\"tools\":[{\"name\":\"a\"},{\"name\":\"b\"}]}");
	}
	spin(r);
}

/* The handshake of a modern server, found by its refusal of initialize. */
static UNUSED void rig_greet_modern(struct rig *r)
{
	char id[64];
	const char *line = hear(r, &r->server);
	ck_has(line, "\"method\":\"initialize\"");
	sayf(r, &r->server,
	     J
	     "\"id\":%s,\"error\":{\"code\":-32022,\"message\":\"?\",\"data\":{\"supported\":[\"2026-07-28\"]}}}",
	     id_of(line, id));
	line = hear(r, &r->server);
	ck_has(line, "\"method\":\"server/discover\"");
	ck_has(line, "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\"");
	answer(r, line,
	       "{\"resultType\":\"complete\",\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{\"tools\":{}},"
	       "\"serverInfo\":{\"name\":\"m\",\"version\":\"2\"}}");
	line = hear(r, &r->server);
	ck_has(line, "\"method\":\"tools/list\"");
	ck_has(line, "clientCapabilities");
	answer(r, line, "{\"tools\":[1]}");
	spin(r);
}

static UNUSED void rig_up(struct rig *r)
{
	int before = r->ready;
	rig_attach(r);
	rig_greet(r, CAPS_TOOLS);
	ck_assert_int_eq(r->ready, before + 1);
}

static UNUSED void rig_gone(void *ctx)
{
	struct rig *r = ctx;
	r->gone++;
}

static UNUSED struct end *rig_agent(struct rig *r, enum mux_end_kind kind)
{
	int i = r->n_agents++;
	char name[8] = { 'a', (char)('0' + i) };
	r->agents[i].fd = -1;
	struct mux_agent_params ap = { .agent = name, .kind = kind, .on_gone = rig_gone, .ctx = r };
	r->agent[i] = mux_agent_new(r->mux, pair_up(r, &r->agents[i]), &ap, NULL);
	ck_assert_ptr_nonnull(r->agent[i]);
	return &r->agents[i];
}

/* An agent that has said hello: it is given notifications. */
static UNUSED struct end *rig_client(struct rig *r)
{
	struct end *e = rig_agent(r, MUX_SOCKET);
	say(r, e,
	    J "\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\","
	      "\"capabilities\":{},\"clientInfo\":{\"name\":\"c\",\"version\":\"0\"}}}");
	ck_has(hear(r, e), "\"id\":0,\"result\":{\"protocolVersion\":\"2025-11-25\"");
	say(r, e, J "\"method\":\"notifications/initialized\"}");
	spin(r);
	return e;
}

static UNUSED void rig_die(struct rig *r)
{
	struct mux_death d = { .reason = "exited", .exit_code = 137, .stderr_tail = "bye\n" };
	mux_detach(r->mux, &d);
	spin(r);
}

#endif
