/* SPDX-License-Identifier: MIT */
/*
 * script_rig: servers of a configuration on the fake clock, launched by scripted_launch.h: server.c, mux and shutdown are the
 * real ones. After every step each server is held against what must always be true of it, and the states it went through
 * are written down.
 */
#ifndef TESTS_UNIT_SCRIPT_RIG_H
#define TESTS_UNIT_SCRIPT_RIG_H

#include "base/clock.h"
#include "supervisor/shutdown.h"
#include "tests/unit/scripted_launch.h"
#include "tests/unit/server_rig.h"

enum { ROUNDS = 12, /* a handshake takes about six */ STEP_MS = 250 };

/* One server that is launched as a container would be; more keys may follow. */
#define ONE                                                                                        \
	"[server:fs]\nimage = x\nlaunch = api\nstop_grace_period = 2s\nbackoff = 10s\n"            \
	"backoff_max = 10s\nstart_timeout = 60s\npark_timeout = 10s\nhealthcheck = none\n"

static const char script_call[] =
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"x\"}}\n";

static char script_paths[8][1024]; /* of each server: the states since script_from() */
static bool script_is_down;	   /* the shutdown is over */

static inline size_t script_index(const struct server *s)
{
	size_t i = 0;
	while (rig.servers[i] != s)
		i++;
	return i;
}

/* --- what must always be true --------------------------------------------------------------------- */

/* Not ck_assert_msg(), which writes its place to a pipe each time: this is asked a million times. */
#define must(s, claim)                                                                             \
	do {                                                                                       \
		if (!(claim))                                                                      \
			ck_abort_msg("%s, %s, want %d, why '%s': not so: %s", server_name(s),      \
				     fsm_state_name((s)->state), (s)->want_up, (s)->why, #claim);  \
	} while (0)

static inline void script_check_timers(const struct server *s)
{
	bool has_timer = loop_timer_is_armed(s->timer),
	     has_turn = loop_timer_is_armed(s->turn_timer);
	bool has_post = loop_timer_is_armed(s->post_timer);
	must(s, loop_timer_is_armed(s->slot_timer) == s->has_slot);
	must(s, !has_turn || s->state == SRV_STARTING);
	must(s, !has_post || s->state == SRV_STOPPING);
	switch (s->state) {
	case SRV_STARTING: /* it waits for something, and is woken by it */
		must(s, s->launch || has_turn || s->hold != HOLD_NONE);
		must(s, !has_timer || s->started_ms);
		break;
	case SRV_BACKOFF:
		must(s, has_timer);
		break;
	case SRV_STOPPING:
		must(s, has_timer || has_post);
		break;
	default:
		must(s, !has_timer);
		break;
	}
}

static inline void script_check(const struct server *s)
{
	bool may_live =
		s->state == SRV_STARTING || s->state == SRV_RUNNING || s->state == SRV_STOPPING;
	must(s, (s->launch != NULL) == (script_launch(server_name(s)) != NULL));
	must(s, !s->launch || may_live);
	must(s, s->launch || s->state != SRV_RUNNING);
	must(s, s->launch || !mux_is_attached(s->mux));
	must(s, s->launch || !loop_timer_is_armed(s->stdout_timer));
	must(s, !s->has_slot || (s->state == SRV_STARTING && s->launch && !s->ticket));
	must(s, !s->ticket || (s->state == SRV_STARTING && s->launch));
	must(s, (s->pulse != NULL) <= (s->state == SRV_RUNNING));
	/* A wish is obeyed at once, or its obedience is under way. */
	must(s, s->want_up || s->state == SRV_STOPPED || s->state == SRV_STOPPING);
	must(s, !s->is_shut || !s->want_up);
	/* What did not go well has its reason. */
	must(s, s->why[0] || (s->state != SRV_BACKOFF && s->state != SRV_FATAL));
	script_check_timers(s);
}

static inline void script_look(void)
{
	unsigned slots = 0;
	size_t alive = 0;
	for (size_t i = 0; i < rig.n_servers; i++) {
		struct server *s = rig.servers[i];
		script_check(s);
		slots += s->has_slot;
		alive += s->launch != NULL;
		char *path = script_paths[i];
		const char *last = strrchr(path, ' '), *now = fsm_state_name(s->state);
		size_t len = strlen(path);
		if (strcmp(last ? last + 1 : path, now) != 0 && len < sizeof(script_paths[i]) - 16)
			(void)sprintf(path + len, "%s%s", len ? " " : "", now);
	}
	unsigned limit = (unsigned)rig.conf->start_concurrency;
	if (rig.starting != slots || (limit && slots > limit) || script_alive() != alive)
		ck_abort_msg(
			"%u start slots counted, %u held, %u there are; %zu launches, %zu held",
			rig.starting, slots, limit, script_alive(), alive);
}

/* The states since script_from(), that one first: "STARTING STOPPING STOPPED". */
static inline const char *script_path(const struct server *s)
{
	return script_paths[script_index(s)];
}

static inline void script_from(const struct server *s)
{
	(void)strcpy(script_paths[script_index(s)], fsm_state_name(s->state));
}

/* --- time --------------------------------------------------------------------------------------- */

/* All that happens without time passing. */
static inline void script_settle(void)
{
	script_look();
	for (int i = 0; i < ROUNDS; i++) {
		if (loop_round(rig.loop, false) != 0)
			ck_abort_msg("the loop failed");
		script_look();
		script_turn();
		script_look();
	}
}

static inline void script_wait(int64_t ms)
{
	script_settle();
	while (ms > 0) {
		int64_t step = ms / 64 > STEP_MS ? ms / 64 : ms < STEP_MS ? ms : STEP_MS;
		script_pass(step);
		ms -= step;
		script_settle();
	}
}

/* --- birth and death --------------------------------------------------------------------------- */

static void script_look_again(void *ctx)
{
	rig_look(ctx);
	if (rig.shutdown)
		shutdown_look(rig.shutdown);
}

static void script_down(struct supervisor *sv)
{
	(void)sv;
	script_is_down = true;
}

static inline void script_open(const char *ini, int start_concurrency)
{
	memset(script_paths, 0, sizeof(script_paths));
	script_is_down = false;
	rig_open(ini);
	script_begin(rig.loop);
	loop_timer_free(rig.look_timer);
	rig.look_timer = loop_timer_new(rig.loop, script_look_again, NULL);
	((struct conf *)rig.conf)->start_concurrency = start_concurrency;
	rig.is_engine_ready = true;
	script_look();
}

static inline void script_close(void)
{
	shutdown_free(rig.shutdown);
	for (size_t i = 0; i < rig.n_servers; i++)
		server_free(rig.servers[i]);
	rig.n_servers = 0;
	script_end();
	rig_close();
}

/* --- what happens to all of them --------------------------------------------------------------------- */

static inline void script_sigterm(void)
{
	struct err e;
	rig.shutdown = shutdown_new(&rig, script_down, &e);
	ck_assert_ptr_nonnull(rig.shutdown);
	script_settle();
}

/* As engine.c does: it is known that the engine is away, or that it is back. */
static inline void script_engine(bool is_there)
{
	rig.is_engine_ready = is_there;
	for (size_t i = 0; i < rig.n_servers; i++) {
		if (is_there)
			server_engine_back(rig.servers[i]);
		else
			server_kick(rig.servers[i]);
	}
	script_look();
}

/* --- one server ------------------------------------------------------------------------------------ */

static inline void script_is(const struct server *s, enum srv_state state)
{
	ck_assert_msg(s->state == state, "%s is %s (%s), not %s, by way of %s", server_name(s),
		      fsm_state_name(s->state), s->why, fsm_state_name(state), script_path(s));
}

/* What an agent's end has got so far; "" for nothing. */
static inline const char *script_heard(int fd)
{
	static char text[8192];
	ssize_t n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

#endif
