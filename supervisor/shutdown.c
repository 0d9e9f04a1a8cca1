/* SPDX-License-Identifier: MIT */
#include "supervisor/shutdown.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"
#include "conf/conf.h"
#include "docker/docker.h"
#include "supervisor/command.h"
#include "supervisor/launch.h"
#include "supervisor/order.h"
#include "supervisor/orphans.h"
#include "supervisor/server.h"
#include "supervisor/supervisor.h"

#include <signal.h>
#include <stdlib.h>

enum {
	RESERVE_MIN_MS = 2000,
	RESERVE_PART = 4,      /* a quarter */
	ORPHANS_MAX_MS = 1000, /* of the reserve */
	NAMES_SHOWN = 8,
};

enum phase { PHASE_COMMAND, PHASE_WAVES, PHASE_KILL, PHASE_SWEEP, PHASE_ORPHANS, PHASE_DONE };

struct shutdown {
	struct supervisor *sv;
	void (*on_done)(struct supervisor *sv);
	struct order order;
	size_t waves_left; /* the wave in hand is order.waves[waves_left] */
	enum phase phase;
	int64_t deadline_ms, waves_end_ms;
	int64_t orphans_ms; /* of the reserve */
	struct loop_timer *timer;
	struct orphans *orphans;
	bool is_swept;
	bool is_hurried;
};

int64_t shutdown_grace(int64_t left_ms, unsigned waves_left, int64_t key_ms)
{
	/* A wave has two graces: after stdin is closed, and after the stop signal. */
	int64_t share = waves_left ? left_ms / waves_left / 2 : 0;
	if (share < 0)
		share = 0;
	return key_ms < share ? key_ms : share;
}

static void look(void *ctx)
{
	shutdown_look(ctx);
}

static void enter(struct shutdown *sh, enum phase phase, int64_t until_ms)
{
	sh->phase = phase;
	loop_timer_at(sh->timer, until_ms);
}

/* --- COMMAND -------------------------------------------------------------------------------- */

static void begin_command(struct shutdown *sh)
{
	struct supervisor *sv = sh->sv;
	if (!sv->command) {
		enter(sh, PHASE_COMMAND, 0); /* the loop calls on */
		return;
	}
	command_signal(sv->command, SIGTERM);
	int64_t until = clock_ms() + sv->conf->command_grace_ms;
	enter(sh, PHASE_COMMAND, until < sh->waves_end_ms ? until : sh->waves_end_ms);
}

static void kill_command(struct shutdown *sh)
{
	if (!sh->sv->command)
		return;
	log_warn("mcpinit", "COMMAND has not ended; killed");
	command_signal(sh->sv->command, SIGKILL);
}

/* --- waves ---------------------------------------------------------------------------------- */

static void begin_wave(struct shutdown *sh)
{
	const struct order_wave *w = &sh->order.waves[--sh->waves_left];
	int64_t left = sh->waves_end_ms - clock_ms();
	for (size_t i = 0; i < w->n; i++) {
		struct server *s = sh->sv->servers[w->servers[i]];
		int64_t key = server_conf(s)->stop_grace_period_ms;
		server_shut(s, shutdown_grace(left, (unsigned)sh->waves_left + 1, key));
	}
	enter(sh, PHASE_WAVES, sh->waves_end_ms);
}

static bool is_wave_down(const struct shutdown *sh)
{
	const struct order_wave *w = &sh->order.waves[sh->waves_left];
	for (size_t i = 0; i < w->n; i++) {
		if (!server_is_down(sh->sv->servers[w->servers[i]]))
			return false;
	}
	return true;
}

static bool are_all_down(const struct shutdown *sh)
{
	for (size_t i = 0; i < sh->sv->n_servers; i++) {
		if (!server_is_down(sh->sv->servers[i]))
			return false;
	}
	return true;
}

/* --- kill, sweep, orphans ------------------------------------------------------------------- */

static void begin_kill(struct shutdown *sh)
{
	struct supervisor *sv = sh->sv;
	for (size_t i = 0; i < sv->n_servers; i++)
		server_shut(sv->servers[i], 0);
	enter(sh, PHASE_KILL, sh->deadline_ms - sh->orphans_ms);
}

static void removals_idle(void *ctx)
{
	shutdown_look(ctx);
}

static void swept(void *ctx, size_t n_removed, const struct err *e)
{
	struct shutdown *sh = ctx;
	(void)n_removed;
	(void)e; /* the removals themselves are counted and named below */
	sh->is_swept = true;
	shutdown_look(sh);
}

static void begin_sweep(struct shutdown *sh)
{
	struct supervisor *sv = sh->sv;
	sh->is_swept = true;
	if (sv->docker && docker_is_up(sv->docker) && sv->instance) {
		struct docker_sweep_params p = { .instance = sv->instance,
						 .own_id = sv->self ? sv->self->id : NULL,
						 .on_done = swept,
						 .ctx = sh };
		sh->is_swept = docker_sweep(sv->docker, &p, NULL) < 0;
		docker_on_idle(sv->docker, removals_idle, sh);
	}
	enter(sh, PHASE_SWEEP, sh->deadline_ms - sh->orphans_ms);
}

static bool is_all_removed(const struct shutdown *sh)
{
	const struct docker *d = sh->sv->docker;
	if (!d || !docker_is_up(d))
		return true; /* nothing more can be done from here */
	return sh->is_swept && docker_removals(d) == 0;
}

static void name_container(const struct shutdown *sh, const char *name)
{
	log_error(
		"mcpinit",
		"container %s could not be removed%s; the next boot removes it, or: docker rm -f %s",
		name, docker_is_up(sh->sv->docker) ? " in time" : ": the engine does not answer",
		name);
}

/* What the engine did not confirm, and what it did not even answer about. */
static void name_leftovers(const struct shutdown *sh)
{
	const char *names[NAMES_SHOWN];
	size_t n = sh->sv->docker ? docker_removal_names(sh->sv->docker, names, NAMES_SHOWN) : 0;
	for (size_t i = 0; i < n; i++)
		name_container(sh, names[i]);
	for (size_t i = 0; i < sh->sv->n_servers; i++) {
		struct server_info info;
		server_info(sh->sv->servers[i], &info);
		if (server_is_down(sh->sv->servers[i]))
			continue;
		if (launch_needs_engine(sh->sv, server_conf(sh->sv->servers[i])) && *info.id)
			name_container(sh, info.id);
		else
			log_error(info.name, "has not ended in time");
	}
}

static void orphans_gone(void *ctx)
{
	struct shutdown *sh = ctx;
	orphans_free(take_ptr(&sh->orphans));
	sh->phase = PHASE_DONE;
	sh->on_done(sh->sv);
}

static void begin_orphans(struct shutdown *sh)
{
	name_leftovers(sh);
	/* Half of what is left: SIGKILL may need time, too. */
	int64_t grace = (sh->deadline_ms - clock_ms()) / 2;
	if (grace > ORPHANS_MAX_MS)
		grace = ORPHANS_MAX_MS;
	struct orphans_params p = {
		.loop = sh->sv->loop,
		.reap = sh->sv->reap,
		.grace_ms = grace > 0 && !sh->is_hurried ? grace : 0,
		.on_done = orphans_gone,
		.ctx = sh,
	};
	loop_timer_stop(sh->timer);
	sh->phase = PHASE_ORPHANS;
	sh->orphans = orphans_end(&p, NULL);
	if (!sh->orphans)
		orphans_gone(sh);
}

/* --- the sequence --------------------------------------------------------------------------- */

static void begin_next_wave(struct shutdown *sh)
{
	if (sh->waves_left > 0 && clock_ms() < sh->waves_end_ms)
		begin_wave(sh);
	else
		begin_kill(sh);
}

/* True: this phase is over, by itself or by its time, and the next has begun. */
static bool advance(struct shutdown *sh)
{
	bool is_late = !loop_timer_is_armed(sh->timer);
	switch (sh->phase) {
	case PHASE_COMMAND:
		if (sh->sv->command && !is_late)
			return false;
		kill_command(sh);
		begin_next_wave(sh);
		return true;
	case PHASE_WAVES:
		if (!is_wave_down(sh) && !is_late)
			return false;
		begin_next_wave(sh);
		return true;
	case PHASE_KILL:
		if ((!are_all_down(sh) || sh->sv->command) && !is_late)
			return false;
		begin_sweep(sh);
		return true;
	case PHASE_SWEEP:
		if (!is_all_removed(sh) && !is_late)
			return false;
		begin_orphans(sh);
		return true;
	case PHASE_ORPHANS:
	case PHASE_DONE:
		return false;
	}
	return false;
}

void shutdown_look(struct shutdown *sh)
{
	while (sh->phase != PHASE_ORPHANS && sh->phase != PHASE_DONE && advance(sh))
		;
}

void shutdown_hurry(struct shutdown *sh)
{
	sh->is_hurried = true;
	if (sh->orphans)
		orphans_hurry(sh->orphans);
	if (sh->phase < PHASE_KILL) {
		kill_command(sh);
		begin_kill(sh);
	}
	shutdown_look(sh); /* where nothing runs, nothing will call us */
}

struct shutdown *shutdown_new(struct supervisor *sv, void (*on_done)(struct supervisor *sv),
			      struct err *e)
{
	struct shutdown *sh = calloc(1, sizeof(*sh));
	if (!sh || !(sh->timer = loop_timer_new(sv->loop, look, sh))) {
		free(sh);
		err_oom(e);
		return NULL;
	}
	sh->sv = sv;
	sh->on_done = on_done;
	int64_t budget = sv->conf->shutdown_timeout_ms;
	int64_t reserve = budget / RESERVE_PART;
	if (reserve < RESERVE_MIN_MS)
		reserve = budget < RESERVE_MIN_MS ? budget : RESERVE_MIN_MS;
	sh->deadline_ms = clock_ms() + budget;
	sh->waves_end_ms = sh->deadline_ms - reserve;
	sh->orphans_ms = reserve / 2 < ORPHANS_MAX_MS ? reserve / 2 : ORPHANS_MAX_MS;
	if (order_make(sv->conf->servers, &sh->order, e) < 0) {
		shutdown_free(sh);
		return NULL;
	}
	sh->waves_left = sh->order.n_waves;
	begin_command(sh);
	return sh;
}

void shutdown_free(struct shutdown *sh)
{
	if (!sh)
		return;
	orphans_free(sh->orphans);
	loop_timer_free(sh->timer);
	order_done(&sh->order);
	free(sh);
}
