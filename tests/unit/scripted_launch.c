/* SPDX-License-Identifier: MIT */
#include "tests/unit/scripted_launch.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/stream.h"
#include "conf/conf.h"
#include "supervisor/supervisor.h"

#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_SERVERS = 8 };

struct launch {
	struct launch_params p;
	enum script_phase phase;
	bool has_said_pulling, is_stopped, is_killed, is_eof;
	int fd; /* our end of its stdio, -1 */
	char line[4096];
	size_t len;
};

struct known {
	char name[48];
	struct script_mood mood;
	struct launch *launch;
	unsigned launches, processes;
};

static struct {
	bool is_on;
	struct loop *loop;
	int64_t now_ms;
	unsigned random;
	struct known known[MAX_SERVERS];
	size_t n_known, n_alive;
} script;

static int64_t script_clock(void)
{
	return script.now_ms;
}

void script_begin(struct loop *l)
{
	memset(&script, 0, sizeof(script));
	script.is_on = true;
	script.loop = l;
	script.now_ms = 1000000;
	script.random = 1;
	clock_fake(script_clock);
}

void script_end(void)
{
	ck_assert_uint_eq(script.n_alive, 0);
	script.is_on = false;
	clock_fake(NULL);
}

void script_pass(long long ms)
{
	script.now_ms += ms;
}

void script_seed(unsigned seed)
{
	script.random = seed * 2654435761U + 1;
}

unsigned script_random(unsigned below)
{
	script.random = script.random * 1664525U + 1013904223U;
	return (script.random >> 8) % below;
}

/* --- questions ------------------------------------------------------------------------------- */

static struct known *known(const char *server)
{
	for (size_t i = 0; i < script.n_known; i++) {
		if (strcmp(script.known[i].name, server) == 0)
			return &script.known[i];
	}
	if (script.n_known == MAX_SERVERS)
		ck_abort_msg("too many servers");
	struct known *k = &script.known[script.n_known++];
	(void)snprintf(k->name, sizeof(k->name), "%s", server);
	return k;
}

static struct known *known_of(const struct launch *l)
{
	return known(l->p.conf->name);
}

struct script_mood *script_mood(const char *server)
{
	return &known(server)->mood;
}

struct launch *script_launch(const char *server)
{
	return known(server)->launch;
}

unsigned script_launches(const char *server)
{
	return known(server)->launches;
}

unsigned script_processes(const char *server)
{
	return known(server)->processes;
}

size_t script_alive(void)
{
	return script.n_alive;
}

enum script_phase script_phase(const struct launch *l)
{
	return l->phase;
}

bool script_was_stopped(const struct launch *l)
{
	return l->is_stopped;
}

bool script_was_killed(const struct launch *l)
{
	return l->is_killed;
}

/* --- what the test makes happen ------------------------------------------------------------------- */

static void over(struct launch *l, const struct launch_exit *x)
{
	l->p.cb.on_exit(l->p.ctx, x); /* its owner frees it */
}

void script_exits(struct launch *l, int exit_code)
{
	struct launch_exit x = { .exit_code = exit_code };
	over(l, &x);
}

void script_fails(struct launch *l, const char *sentence, bool is_final)
{
	struct err e;
	err_set(&e, -EIO, "%s", sentence);
	struct launch_exit x = { .exit_code = -1, .e = &e, .is_final = is_final };
	over(l, &x);
}

void script_loses_engine(struct launch *l)
{
	struct err e;
	err_set(&e, -ECONNREFUSED, "the engine does not answer");
	bool ran = l->phase == SCRIPT_RUNS;
	struct launch_exit x = { .exit_code = -1, .is_engine_gone = true, .e = ran ? NULL : &e };
	over(l, &x);
}

void script_times_out(struct launch *l)
{
	struct err e;
	err_set(&e, -ETIMEDOUT, "cannot create container: no answer in time");
	struct launch_exit x = { .exit_code = -1, .is_engine_ill = true, .e = &e };
	over(l, &x);
}

void script_is_cut(struct launch *l)
{
	struct launch_exit x = { .exit_code = 0, .cut_ms = 6000 };
	over(l, &x);
}

void script_pulled(struct launch *l)
{
	ck_assert_int_eq(l->phase, SCRIPT_FETCHING);
	l->phase = SCRIPT_PREPARED;
	l->p.cb.on_prepared(l->p.ctx);
}

void script_started(struct launch *l)
{
	int fds[2];
	struct err e;
	ck_assert_int_eq(l->phase, SCRIPT_GOING);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
			 0);
	struct stream *stdio = stream_of_fds(script.loop, fds[0], fds[0], &e);
	ck_assert_msg(stdio != NULL, "%s", e.text);
	l->fd = fds[1];
	l->phase = SCRIPT_RUNS;
	known_of(l)->processes++;
	l->p.cb.on_started(l->p.ctx);
	l->p.cb.on_stdio(l->p.ctx, stdio);
}

/* --- what launches do by themselves --------------------------------------------------------------- */

static void answer(const struct launch *l, const char *line)
{
	const char *id = strstr(line, "\"id\":");
	if (!id || strstr(line, "tools/call")) /* calls stay in flight */
		return;
	id += strlen("\"id\":");
	const char *result = strstr(line, "\"initialize\"")
				     ? "{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},"
				       "\"serverInfo\":{\"name\":\"t\",\"version\":\"1\"}}"
				     : "{}";
	char text[512];
	int n = snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":%s}\n",
			 (int)strcspn(id, ",}"), id, result);
	(void)!send(l->fd, text, (size_t)n, MSG_NOSIGNAL); /* nobody may be listening any more */
}

static void hear(struct launch *l)
{
	bool is_mute = known_of(l)->mood.is_mute;
	ssize_t n;
	while ((n = read(l->fd, l->line + l->len, sizeof(l->line) - 1 - l->len)) > 0) {
		l->len += (size_t)n;
		l->line[l->len] = '\0';
		for (char *end; (end = strchr(l->line, '\n'));) {
			*end = '\0';
			if (!is_mute)
				answer(l, l->line);
			l->len -= (size_t)(end + 1 - l->line);
			memmove(l->line, end + 1, l->len + 1);
		}
	}
	l->is_eof = l->is_eof || n == 0;
}

static bool is_ending(const struct launch *l, const struct script_mood *m)
{
	if (l->phase != SCRIPT_RUNS) /* called off */
		return (l->is_stopped || l->is_killed) && !m->keeps_on_kill;
	return (l->is_eof && !m->keeps_on_eof) || (l->is_stopped && !m->keeps_on_stop) ||
	       (l->is_killed && !m->keeps_on_kill);
}

/* One thing at most, as each callback may free l. */
static void turn(struct launch *l)
{
	const struct script_mood *m = &known_of(l)->mood;
	if (l->phase == SCRIPT_RUNS)
		hear(l);
	if (is_ending(l, m))
		script_exits(l, l->is_killed ? 137 : m->exit_code);
	else if (m->refusal && l->phase != SCRIPT_RUNS && l->phase != SCRIPT_PREPARED)
		script_fails(l, m->refusal, m->is_final_refusal);
	else if (l->phase == SCRIPT_FETCHING && !m->is_pulling)
		script_pulled(l);
	else if (l->phase == SCRIPT_FETCHING && !l->has_said_pulling) {
		l->has_said_pulling = true;
		l->p.cb.on_progress(l->p.ctx, "pulling x: 1 of 2 layers");
	} else if (l->phase == SCRIPT_GOING && !m->is_slow)
		script_started(l);
	else if (l->phase == SCRIPT_RUNS && m->exits_early)
		script_exits(l, m->exit_code);
}

void script_turn(void)
{
	for (size_t i = 0; i < script.n_known; i++) {
		if (script.known[i].launch)
			turn(script.known[i].launch);
	}
}

/* --- in front of supervisor/launch.c ---------------------------------------------------------------- */

struct launch *__real_launch_new(const struct launch_params *p, bool *ret_is_final, struct err *e);
struct launch *__wrap_launch_new(const struct launch_params *p, bool *ret_is_final, struct err *e);
struct launch *__wrap_launch_new(const struct launch_params *p, bool *ret_is_final, struct err *e)
{
	if (!script.is_on)
		return __real_launch_new(p, ret_is_final, e);
	struct known *k = known(p->conf->name);
	ck_assert_ptr_null(k->launch); /* never two of one server */
	struct launch *l = calloc(1, sizeof(*l));
	ck_assert_ptr_nonnull(l);
	l->p = *p;
	l->fd = -1;
	k->launch = l;
	k->launches++;
	script.n_alive++;
	return l;
}

void __real_launch_go(struct launch *l);
void __wrap_launch_go(struct launch *l);
void __wrap_launch_go(struct launch *l)
{
	if (!script.is_on) {
		__real_launch_go(l);
		return;
	}
	ck_assert_int_eq(l->phase, SCRIPT_PREPARED);
	l->phase = SCRIPT_GOING;
}

void __real_launch_stop(struct launch *l);
void __wrap_launch_stop(struct launch *l);
void __wrap_launch_stop(struct launch *l)
{
	if (script.is_on)
		l->is_stopped = true;
	else
		__real_launch_stop(l);
}

void __real_launch_kill(struct launch *l);
void __wrap_launch_kill(struct launch *l);
void __wrap_launch_kill(struct launch *l)
{
	if (script.is_on)
		l->is_killed = true;
	else
		__real_launch_kill(l);
}

void __real_launch_free(struct launch *l);
void __wrap_launch_free(struct launch *l);
void __wrap_launch_free(struct launch *l)
{
	if (!script.is_on) {
		__real_launch_free(l);
		return;
	}
	if (!l)
		return;
	known_of(l)->launch = NULL;
	script.n_alive--;
	if (l->fd >= 0)
		(void)close(l->fd);
	free(l);
}

bool __real_launch_event(struct launch *l, const struct docker_event *ev);
bool __wrap_launch_event(struct launch *l, const struct docker_event *ev);
bool __wrap_launch_event(struct launch *l, const struct docker_event *ev)
{
	return !script.is_on && __real_launch_event(l, ev);
}

const char *__real_launch_via(const struct launch *l);
const char *__wrap_launch_via(const struct launch *l);
const char *__wrap_launch_via(const struct launch *l)
{
	return script.is_on ? "api" : __real_launch_via(l);
}

const char *__real_launch_id(const struct launch *l);
const char *__wrap_launch_id(const struct launch *l);
const char *__wrap_launch_id(const struct launch *l)
{
	return script.is_on ? "0123456789ab" : __real_launch_id(l);
}

bool __real_launch_is_installing(const struct launch *l);
bool __wrap_launch_is_installing(const struct launch *l);
bool __wrap_launch_is_installing(const struct launch *l)
{
	return !script.is_on && __real_launch_is_installing(l);
}

const char *__real_launch_first_error(const struct launch *l);
const char *__wrap_launch_first_error(const struct launch *l);
const char *__wrap_launch_first_error(const struct launch *l)
{
	return script.is_on ? NULL : __real_launch_first_error(l);
}

ssize_t __real_getrandom(void *buf, size_t n, unsigned flags);
ssize_t __wrap_getrandom(void *buf, size_t n, unsigned flags);
ssize_t __wrap_getrandom(void *buf, size_t n, unsigned flags)
{
	if (!script.is_on)
		return __real_getrandom(buf, n, flags);
	for (size_t i = 0; i < n; i++)
		((unsigned char *)buf)[i] = (unsigned char)script_random(256);
	return (ssize_t)n;
}
